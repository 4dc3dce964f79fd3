"""Hostile archives, one builder each: what unzips outside, clashes, links, bombs, lies and is broken (reliability §7)."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

Build = Callable[[], bytes]

NAMES = {
    "up": "../x",
    "up twice": "../../x",
    "up later": "a/../../x",
    "up and back": "a/../x",
    "up after here": "./../x",
    "parent alone": "..",
    "parent at the end": "a/..",
    "absolute": "/x",
    "absolute twice": "//x",
    "system file": "/etc/cron.d/x",
    "backslash up": "..\\x",
    "backslash inside": "a\\..\\..\\x",
    "backslash first": "\\x",
    "backslash": "a\\b",
    "share": "\\\\host\\share\\x",
    "drive": "C:/x",
    "drive small": "c:x",
    "drive and backslash": "Z:\\x",
    "long": "x" * 256,
    "long in bytes": "é" * 128,
    "long path": "/".join(["x" * 50] * 6),
    "deep": "a/" * 32 + "x",
}
CLASHES = {
    "twice": ("a", "a"),
    "twice by writing": ("a", "./a"),
    "case": ("readme", "README"),
    "case of a folder": ("a/x", "A/y"),
    "case of a special letter": ("straße", "STRASSE"),
    "file over folder": ("a/b", "a"),
    "folder over file": ("a", "a/b"),
    "folder over file by case": ("A", "a/b"),
}
LARGE = 3_000_000
"""More than the tests let an archive unpack to."""
MANY = 10_001
_DEFLATED = 8


def zipped(*members: tuple[str, bytes], mode: int = stat.S_IFREG | 0o644) -> bytes:
    """A zip that is written as it is told."""
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore", UserWarning)
        for name, data in members:
            member = zipfile.ZipInfo(name)
            member.filename = name
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(member, data)
    return target.getvalue()


def tarred(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar.gz that is written as it is told."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", format=form, compresslevel=1) as made:
        for member, data in members:
            member.size = member.size or len(data)
            made.addfile(member, io.BytesIO(data))
    return target.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", pax: dict[str, str] | None = None) -> tarfile.TarInfo:
    """The header of one member of a tar."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.pax_headers = kind, link, pax or {}
    return made


def files(*names: str) -> bytes:
    """A tar.gz of small files."""
    return tarred(*((member(name), b"x") for name in names))


def links(*rows: tuple[str, str]) -> bytes:
    """A tar.gz of symbolic links."""
    return tarred(*((member(name, tarfile.SYMTYPE, to), b"") for name, to in rows))


def patched(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    """The same bytes with some written over; a negative place counts from the end."""
    made = bytearray(data)
    for place, new in changes:
        start = place % len(made)
        made[start : start + len(new)] = new
    return bytes(made)


def retold(data: bytes, *, local: tuple[int, bytes] | None = None, central: tuple[int, bytes] | None = None) -> bytes:
    """A zip of one member whose headers say something else at an offset of theirs."""
    changes = [(0 + local[0], local[1])] if local else []
    if central:
        changes.append((data.index(b"PK\x01\x02") + central[0], central[1]))
    return patched(data, *changes)


def sized(data: bytes, size: int, number: int | None = None) -> bytes:
    """A zip of one member that says it has another size, and if told another checksum."""
    told = struct.pack("<L", size)
    made = retold(data, local=(22, told), central=(24, told))
    if number is not None:
        made = retold(made, local=(14, struct.pack("<L", number)), central=(16, struct.pack("<L", number)))
    return made


def short() -> bytes:
    """A bomb whose size and checksum are those of its first bytes."""
    return sized(zipped(("a", bytes(LARGE))), 10, zlib.crc32(bytes(10)))


def overlapping(*, quoted: bool) -> bytes:
    """Two members that are one: the same header, or one whose data are the other's header and data."""
    data = zipped(("a", b"first"), ("b", b"second"))
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    if quoted:
        return patched(data, (first + 20, struct.pack("<L", first - 31)))
    renamed = patched(data, (second + 42, struct.pack("<L", 0)))
    return patched(renamed, (30, b"b"))


def many_in_one() -> bytes:
    """A directory that says it has one entry, and has more than are allowed."""
    data = zipped(*((f"{number}", b"") for number in range(MANY)))
    return patched(data, (-14, struct.pack("<HH", 1, 1)))


def with_header(kind: bytes, size: int) -> bytes:
    """A tar.gz whose header announces a name or a record of that size."""
    return tarred((member("a", kind), b"x" * size), (member("b"), b""))


def broken_header(place: int, new: bytes) -> bytes:
    """A tar.gz whose first header was changed, and says so in its checksum."""
    made = bytearray(gzip.decompress(tarred((member("a"), b"x"), form=tarfile.USTAR_FORMAT)))
    made[place : place + len(new)] = new
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made[:512])
    return gzip.compress(bytes(made))


def sparse(size: int) -> bytes:
    """A file most of which is not there."""
    about = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,1", "GNU.sparse.size": str(size)}
    return tarred((member("a", pax=about), b"x"))


def growing_headers() -> bytes:
    """Small files with large headers: none is too large alone."""
    return tarred(*((member(f"{number}", pax={"comment": "x" * 60_000}), b"") for number in range(400)))


_SMALL = zipped(("a", b"x" * 500))
_SMALL_TAR = tarred((member("a"), b"x" * 5_000))

HOSTILE: dict[str, Build] = {
    **{f"zip: name {what}": partial(zipped, (name, b"x")) for what, name in NAMES.items()},
    **{f"tar: name {what}": partial(files, name) for what, name in NAMES.items()},
    **{f"zip: {what}": partial(zipped, *((name, b"x") for name in names)) for what, names in CLASHES.items()},
    **{f"tar: {what}": partial(files, *names) for what, names in CLASHES.items()},
    # names that cannot be told in words
    "zip: no name": partial(zipped, ("", b"x")),
    "zip: NUL in a name": lambda: patched(zipped(("aXb", b"x")), (31, b"\0"), (zipped(("aXb", b"x")).index(b"PK\x01\x02") + 47, b"\0")),
    "zip: a name that is no UTF-8": lambda: zipped(("ää", b"x")).replace("ää".encode(), b"\xff\xfe\xff\xfe"),
    "tar: NUL in a name": lambda: tarred((member("b", pax={"path": "a\0b"}), b"x")),
    "tar: a name that is no UTF-8": partial(files, "\udcff"),
    "tar: a folder above": lambda: tarred((member("../a", tarfile.DIRTYPE), b"")),
    "tar: up, in a record of its own": lambda: tarred((member("b", pax={"path": "../a"}), b"x")),
    "tar: up, in a record for all": lambda: tarred((member("b", tarfile.XGLTYPE), b"16 path=../../a\n"), (member("c"), b"x")),
    # what is no file
    **{
        f"zip: {what}": partial(zipped, ("a", b"/etc/passwd"), mode=sort | 0o777)
        for what, sort in {
            "link": stat.S_IFLNK,
            "device of letters": stat.S_IFCHR,
            "device of blocks": stat.S_IFBLK,
            "pipe": stat.S_IFIFO,
            "socket": stat.S_IFSOCK,
        }.items()
    },
    **{
        f"tar: {what}": partial(tarred, (member("a", kind, "/etc/passwd"), b""))
        for what, kind in {
            "hard link": tarfile.LNKTYPE,
            "device of letters": tarfile.CHRTYPE,
            "device of blocks": tarfile.BLKTYPE,
            "pipe": tarfile.FIFOTYPE,
            "file with holes": tarfile.GNUTYPE_SPARSE,
            "another volume": b"M",
            "name of a volume": b"V",
            "folder with its members": b"D",
            "header of another system": tarfile.SOLARIS_XHDTYPE,
            "unknown sort": b"Z",
        }.items()
    },
    "tar: hard link inside": lambda: tarred((member("a"), b"x"), (member("b", tarfile.LNKTYPE, "a"), b"")),
    "tar: a terabyte of holes": partial(sparse, 1 << 40),
    "tar: a file with holes told in a record": partial(sparse, 100),
    # links
    "tar: link to a system folder": partial(links, ("a", "/etc")),
    "tar: link above": partial(links, ("a", "..")),
    "tar: link far above": partial(links, ("a/b", "../../x")),
    "tar: link above, later": partial(links, ("a", "b/../../x")),
    "tar: link through a link": partial(links, ("a", "b"), ("b", "."), ("b/c/d", "../..")),
    "tar: link below a link": partial(links, ("a", "."), ("a/b", "..")),
    "tar: link over a link": partial(links, ("a", "b"), ("a", "c")),
    "tar: link with NUL": lambda: tarred((member("a", tarfile.SYMTYPE, "b", pax={"linkpath": "b\0c"}), b"")),
    "tar: link over a file": lambda: tarred((member("a"), b"x"), (member("a", tarfile.SYMTYPE, "b"), b"")),
    "tar: file through a link": lambda: tarred((member("a", tarfile.SYMTYPE, "."), b""), (member("a/b"), b"x")),
    "tar: file over a link": lambda: tarred((member("a", tarfile.SYMTYPE, "/etc/passwd"), b""), (member("a"), b"x")),
    # bombs
    "zip: too large": lambda: zipped(("a", bytes(LARGE))),
    "zip: too large together": lambda: zipped(*((f"{number}", bytes(LARGE // 10)) for number in range(10))),
    "zip: better packed than anything honest": lambda: zipped(("a", bytes(65 * 1024 * 1024))),
    "zip: too many": lambda: zipped(*((f"{number}", b"") for number in range(MANY))),
    "zip: more than it says": many_in_one,
    "tar: too large": lambda: tarred((member("a"), bytes(LARGE))),
    "tar: too large together": lambda: tarred(*((member(f"{number}"), bytes(LARGE // 10)) for number in range(10))),
    "tar: better packed than anything honest": lambda: tarred((member("a"), bytes(80 * 1024 * 1024))),
    "tar: too many": lambda: tarred(*[(member("a", tarfile.DIRTYPE), b"")] * MANY),
    "tar: a name of megabytes": partial(with_header, tarfile.GNUTYPE_LONGNAME, LARGE),
    "tar: a link of megabytes": partial(with_header, tarfile.GNUTYPE_LONGLINK, LARGE),
    "tar: a record of megabytes": partial(with_header, tarfile.XHDTYPE, LARGE),
    "tar: a record of megabytes for all": partial(with_header, tarfile.XGLTYPE, LARGE),
    "tar: large records": growing_headers,
    "tar: a file that announces gigabytes": partial(broken_header, 124, b"77777777777\0"),
    # lies
    "zip: smaller than it is": lambda: sized(zipped(("a", bytes(LARGE))), 10),
    "zip: larger than it is": lambda: sized(_SMALL, 900_000),
    "zip: gigabytes": lambda: sized(_SMALL, 0xFFFFFFF0),
    "zip: one header twice": partial(overlapping, quoted=False),
    "zip: members in one another": partial(overlapping, quoted=True),
    "zip: a member in the directory": lambda: retold(_SMALL, central=(20, struct.pack("<L", len(_SMALL)))),
    "zip: a member behind the end": lambda: retold(_SMALL, central=(42, struct.pack("<L", len(_SMALL) + 9))),
    "zip: a directory behind the end": lambda: patched(_SMALL, (-6, struct.pack("<L", len(_SMALL) + 9))),
    "zip: a directory larger than all": lambda: patched(_SMALL, (-10, struct.pack("<L", len(_SMALL) * 2))),
    "zip: another name in its header": lambda: retold(_SMALL, local=(30, b"b")),
    "zip: another checksum": lambda: retold(_SMALL, central=(16, b"\0\0\0\0")),
    "tar: a size below zero": partial(broken_header, 124, b"\xff" * 12),
    "tar: a size that is no number": partial(broken_header, 124, b"nonsense...\0"),
    # broken, or unknown
    "zip: encrypted": lambda: retold(_SMALL, local=(6, b"\1"), central=(8, b"\1")),
    "zip: strongly encrypted": lambda: retold(_SMALL, local=(6, b"\x41"), central=(8, b"\x41")),
    "zip: an unknown compression": lambda: retold(_SMALL, local=(8, b"\x63"), central=(10, b"\x63")),
    "zip: no version that there is": lambda: retold(_SMALL, central=(6, b"\xff")),
    "zip: a damaged header": lambda: patched(_SMALL, (2, b"\0\0")),
    "zip: damaged data": lambda: patched(_SMALL, (31, b"\xff" * 4)),
    "zip: damaged directory": lambda: retold(_SMALL, central=(0, b"\0\0")),
    "zip: cut off in the directory": lambda: _SMALL[:-30],
    "zip: cut off in the data": lambda: _SMALL[:33],
    "zip: only a beginning": lambda: b"PK\x03\x04",
    "tar: cut off": lambda: _SMALL_TAR[: len(_SMALL_TAR) // 2],
    "tar: only a beginning": lambda: b"\x1f\x8b",
    "tar: damaged": lambda: patched(_SMALL_TAR, (12, b"\xff" * 8)),
    "tar: packed in another way": lambda: patched(_SMALL_TAR, (2, b"\x63")),
    "tar: no tar inside": lambda: gzip.compress(b"nothing of the sort" * 100),
    "tar: a zip inside": lambda: gzip.compress(_SMALL * 10),
    "tar: cut off inside": lambda: gzip.compress(gzip.decompress(_SMALL_TAR)[:1_000]),
    "tar: nothing inside": lambda: gzip.compress(b""),
    "tar: another checksum": lambda: gzip.compress(patched(gzip.decompress(_SMALL_TAR), (148, b"777777"))),
}
"""A hundred and more: what is wrong, and what makes it."""
