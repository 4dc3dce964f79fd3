"""Unpacking the archive of an action into its own folder, counting real bytes (reliability §7)."""

from __future__ import annotations

import gzip
import io
import lzma
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

LARGEST = 256 * 1024 * 1024
MOST_FILES = 10_000
LONGEST_PATH = 255
DEEPEST = 32
LONGEST_HEADER = 65_536
ZIP = b"PK\x03\x04"
GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What the libraries raise for archives that are broken, encrypted or unknown to them."""


class BadArchive(Exception):
    """The archive cannot be unpacked safely; the message says why."""


def is_archive(data: bytes) -> bool:
    """Whether it is a zip or a tar.gz, by its first bytes."""
    return data.startswith((ZIP, GZIP))


def unpack(data: bytes, folder: Path) -> None:
    """Unpack a zip or a tar.gz below `folder`. Raises BadArchive; nothing is written outside the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if data.startswith(GZIP):
            _unpack_tar(data, folder)
        else:
            _unpack_zip(data, folder)
    except _UNREADABLE as error:
        raise BadArchive(f"The archive cannot be read: {error}") from error
    except OSError as error:
        raise BadArchive(f"The archive cannot be unpacked: {error.strerror or error}.") from error


def _unpack_zip(data: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        _check_count(len(members))
        left = LARGEST
        for member in members:
            mode = member.external_attr >> 16
            if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise _no_file(member.filename)
            target = _target(folder, member.filename)
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            with archive.open(member) as source:
                left = _write(source, target, left, executable=bool(mode & stat.S_IXUSR))


def _unpack_tar(data: bytes, folder: Path) -> None:
    links: list[tarfile.TarInfo] = []
    left = LARGEST
    with (
        gzip.GzipFile(fileobj=io.BytesIO(data)) as unzipped,
        tarfile.open(fileobj=_Bounded(unzipped), mode="r|", tarinfo=_Header) as archive,
    ):
        for count, member in enumerate(archive, 1):
            _check_count(count)
            if member.issym():
                links.append(member)
            elif member.isdir():
                _target(folder, member.name).mkdir(parents=True, exist_ok=True)
            elif (source := archive.extractfile(member)) is not None:
                left = _write(source, _target(folder, member.name), left, executable=bool(member.mode & stat.S_IXUSR))
    # Last of all, so that nothing is written through a link.
    for link in links:
        _link(folder, link)


class _Bounded(io.RawIOBase):
    """What comes out of a compressed stream, no more than may be unpacked with its headers."""

    def __init__(self, source: gzip.GzipFile) -> None:
        self._source = source
        self._left = LARGEST + MOST_FILES * 2 * tarfile.BLOCKSIZE

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_large()
        return data


class _Header(tarfile.TarInfo):
    """The header of a member, looked at before what it announces is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.type in {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE}:
            return header
        if header.type not in {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}:
            raise _no_file(header.name)
        if header.size > LONGEST_HEADER:
            raise BadArchive("The archive holds a name that is not allowed: it is too long.")
        return header


def _link(folder: Path, member: tarfile.TarInfo) -> None:
    """A link inside the folder, as package managers make them for commands; never below another link."""
    target = _target(folder, member.name)
    home = target.parent.relative_to(folder)
    place = posixpath.normpath(posixpath.join(home.as_posix(), member.linkname))
    if posixpath.isabs(member.linkname) or place.split("/")[0] == ".." or target.parent.resolve() != folder.resolve() / home:
        raise _no_file(member.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(member.linkname)


def _check_count(count: int) -> None:
    if count > MOST_FILES:
        raise BadArchive(f"The archive holds more than {MOST_FILES} files.")


def _no_file(name: str) -> BadArchive:
    return BadArchive(f"The archive holds something that is no file: {name!r}.")


def _too_large() -> BadArchive:
    return BadArchive(f"The archive unpacks to more than {LARGEST} bytes.")


def _target(folder: Path, name: str) -> Path:
    path = PurePosixPath(name)
    bad = path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or len(name.encode()) > LONGEST_PATH
    if bad or len(path.parts) > DEEPEST:
        raise BadArchive(f"The archive holds a name that is not allowed: {name!r}.")
    return folder.joinpath(*path.parts)


def _write(source: IO[bytes], target: Path, left: int, *, executable: bool) -> int:
    """Write one file; how many bytes may still be unpacked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        while part := source.read(_CHUNK):
            left -= len(part)
            if left < 0:
                raise _too_large()
            file.write(part)
    if executable:
        target.chmod(0o700)
    return left
