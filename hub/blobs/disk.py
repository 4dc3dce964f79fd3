"""Blobs as files named by their digest: written aside, flushed, then renamed, so that a blob is whole or absent (reliability §2.10)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from pathlib import Path


class DiskBlobs:
    """`file:` — `FOLDER/ab/abcdef…`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes) -> str:
        """See `Blobs.put`."""
        return await asyncio.to_thread(self._put, data)

    def _put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        target = self._path(digest)
        if target.exists():
            return digest
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = target.with_name(f".{digest}.{secrets.token_hex(4)}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.rename(target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        for folder in (target.parent, self._folder):
            _flush_folder(folder)
        return digest

    async def get(self, digest: str) -> bytes:
        """See `Blobs.get`."""
        return await asyncio.to_thread(self._get, digest)

    def _get(self, digest: str) -> bytes:
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise KeyError(digest) from error
        if hashlib.sha256(data).hexdigest() != digest:
            message = f"the blob {digest} was changed on disk"
            raise ValueError(message)
        return data

    async def has(self, digest: str) -> bool:
        """See `Blobs.has`."""
        return await asyncio.to_thread(self._path(digest).exists)

    async def delete(self, digest: str) -> None:
        """See `Blobs.delete`."""
        await asyncio.to_thread(self._path(digest).unlink, missing_ok=True)

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not digest.isalnum():  # noqa: PLR2004 - the length of a SHA-256 in hex
            raise KeyError(digest)
        return self._folder / digest[:2] / digest


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
