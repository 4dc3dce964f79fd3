"""Unpacks the archive of an action into its own folder, counting real bytes (reliability §7).

A launcher does it, inside the cell: started by path with the archive, the folder and the most bytes, or read by the Python launcher. The
hub itself looks at the directory of a zip and at nothing else (`measure`). Standard library only.
"""

from __future__ import annotations

import gzip
import io
import lzma
import posixpath
import re
import stat
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

LARGEST = 256 * 1024 * 1024
LARGEST_AT_ANY_RATIO = 64 * 1024 * 1024
BEST_RATIO = 50
"""What unpacks to more than `LARGEST_AT_ANY_RATIO` is at most so many times larger than it was packed."""
MOST_FILES = 10_000
LONGEST_PATH = 255
DEEPEST = 32
LONGEST_HEADER = 65_536
ZIP = b"PK\x03\x04"
GZIP = b"\x1f\x8b"
_ENTRY = b"PK\x01\x02"
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_LOCAL_HEADER = 30
_DRIVE = re.compile(r"[A-Za-z]:")
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


def measure(data: bytes) -> tuple[int, int]:
    """How many bytes and files it will be at most. Raises BadArchive for what will not be unpacked.

    A tar.gz has no directory: it is what it may be at most.
    """
    largest = _largest(LARGEST, len(data))
    if data.startswith(GZIP):
        return largest, MOST_FILES
    try:
        _check_count(_entries(data))
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_zip(archive, _Names())
    except _UNREADABLE as error:
        raise BadArchive(f"The archive cannot be read: {error}") from error
    size = sum(member.file_size for member in members)
    if size > largest:
        raise _too_large(largest)
    # Folders need not be listed: each part of a name may be one.
    return size, sum(len(PurePosixPath(member.filename).parts) for member in members)


def unpack(archive: str, folder: str, largest: int, most_files: int = MOST_FILES) -> None:
    """Unpack a zip or a tar.gz below `folder`, at most `largest` bytes. Raises BadArchive; nothing is written outside the folder."""
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with Path(archive).open("rb") as source:
            zipped = source.read(len(GZIP)) != GZIP
            packed = source.seek(0, io.SEEK_END)
            source.seek(0)
            (_unpack_zip if zipped else _unpack_tar)(source, place, _largest(largest, packed), most_files)
    except _UNREADABLE as error:
        raise BadArchive(f"The archive cannot be read: {error}") from error
    except OSError as error:
        raise BadArchive(f"The archive cannot be unpacked: {error.strerror or error}.") from error


def _unpack_zip(file: IO[bytes], folder: Path, left: int, most_files: int) -> None:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        _check_count(len(members), most_files)
        _check_zip(archive, _Names())
        for member in members:
            mode = member.external_attr >> 16
            target = _target(folder, member.filename)
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            before = left
            with archive.open(member) as source:
                left = _write(source, target, left, executable=bool(mode & stat.S_IXUSR))
            if before - left != member.file_size:
                raise BadArchive(f"The archive says another size of {member.filename!r} than it has.")


def _unpack_tar(file: IO[bytes], folder: Path, left: int, most_files: int) -> None:
    links: list[tarfile.TarInfo] = []
    names = _Names()
    with (
        gzip.GzipFile(fileobj=file) as unzipped,
        tarfile.open(fileobj=_Bounded(unzipped, left, most_files), mode="r|", tarinfo=_Header) as archive,
    ):
        for count, member in enumerate(archive, 1):
            _check_count(count, most_files)
            names.add(member.name, folder=member.isdir())
            if member.issparse():
                raise _no_file(member.name)
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

    def __init__(self, source: gzip.GzipFile, largest: int, most_files: int) -> None:
        self._source = source
        self._largest = largest
        self._left = largest + most_files * 2 * tarfile.BLOCKSIZE

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._largest)
        return data


class _Header(tarfile.TarInfo):
    """The header of a member, looked at before what it announces is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0:
            raise BadArchive("The archive holds a file that is smaller than nothing.")
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


class _Names:
    """The names that were seen. One stands once, in one case: two readers could see two different archives."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._folders: dict[str, str] = {}

    def add(self, name: str, *, folder: bool) -> None:
        """Raises BadArchive for a name that is not allowed, or clashes with one before. A folder may stand twice."""
        path = str(_checked(name))
        if folder:
            self._enter(path, name)
            return
        if "/" in path:
            self._enter(path.rpartition("/")[0], name)
        key = path.casefold()
        if key in self._seen or key in self._folders:
            raise _clash(name)
        self._seen.add(key)

    def _enter(self, path: str, name: str) -> None:
        """A folder and those above it, up to one that was there before."""
        while path and self._folders.get(key := path.casefold()) != path:
            if key in self._folders or key in self._seen:
                raise _clash(name)
            self._folders[key] = path
            path = path.rpartition("/")[0]


def _entries(data: bytes) -> int:
    """How many entries a zip has, counted before they are read: what it says of itself may be a lie."""
    end = data.rfind(_END)
    if end < 0:
        raise zipfile.BadZipFile("it has no directory")
    (size,) = struct.unpack_from("<L", data, end + 12)
    larger = data[max(end - 20, 0) : end].startswith(_END_64)
    return data.count(_ENTRY, 0 if larger else max(end - size, 0), end)


def _check_zip(archive: zipfile.ZipFile, names: _Names) -> None:
    """What its directory says: names, sorts of members, and that no bytes belong to two of them."""
    for member in archive.infolist():
        if not member.filename or "\0" in member.orig_filename:
            raise _bad_name(member.orig_filename)
        if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise _no_file(member.filename)
        names.add(member.filename, folder=member.is_dir())
    last = 0
    for member in sorted(archive.infolist(), key=lambda each: each.header_offset):
        if member.header_offset < last:
            raise BadArchive(f"The archive has members that overlap: {member.filename!r}.")
        last = member.header_offset + _LOCAL_HEADER + member.compress_size
    if last > archive.start_dir:
        raise BadArchive("The archive has members that overlap its directory.")


def _check_count(count: int, most_files: int = MOST_FILES) -> None:
    if count > most_files:
        raise BadArchive(f"The archive holds more than {most_files} files.")


def _largest(largest: int, packed: int) -> int:
    """The most bytes that an archive of that size may unpack to."""
    return min(largest, max(LARGEST_AT_ANY_RATIO, BEST_RATIO * packed))


def _bad_name(name: str) -> BadArchive:
    return BadArchive(f"The archive holds a name that is not allowed: {name!r}.")


def _clash(name: str) -> BadArchive:
    return BadArchive(f"The archive holds a name that clashes with another: {name!r}.")


def _no_file(name: str) -> BadArchive:
    return BadArchive(f"The archive holds something that is no file: {name!r}.")


def _too_large(largest: int) -> BadArchive:
    return BadArchive(f"The archive unpacks to more than {largest} bytes.")


def _checked(name: str) -> PurePosixPath:
    """A name inside the folder. Raises BadArchive for one that is not allowed."""
    path = PurePosixPath(name)
    bad = path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or len(name.encode()) > LONGEST_PATH
    if bad or len(path.parts) > DEEPEST or _DRIVE.match(name):
        raise _bad_name(name)
    return path


def _target(folder: Path, name: str) -> Path:
    return folder / _checked(name)


def _write(source: IO[bytes], target: Path, left: int, *, executable: bool) -> int:
    """Write one file; how many bytes may still be unpacked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        while part := source.read(_CHUNK):
            left -= len(part)
            if left < 0:
                raise BadArchive("The archive unpacks to more bytes than it may.")
            file.write(part)
    if executable:
        target.chmod(0o700)
    return left


def main(archive: str, folder: str, largest: str, most_files: str = str(MOST_FILES)) -> None:
    """The program: says on standard error why an archive cannot be unpacked."""
    try:
        unpack(archive, folder, int(largest), int(most_files))
    except BadArchive as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
