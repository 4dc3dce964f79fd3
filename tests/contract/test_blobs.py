"""Blobs: bytes by their digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hub.blobs.base import Blobs
from hub.blobs.disk import DiskBlobs


@pytest.fixture(params=["disk"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """An empty store."""
    return DiskBlobs(tmp_path / "blobs")


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 100_000])
async def test_what_is_put_is_what_is_got(blobs: Blobs, data: bytes) -> None:
    """Under its SHA-256; twice is once."""
    digest = await blobs.put(data)

    assert digest == hashlib.sha256(data).hexdigest() == await blobs.put(data)
    assert await blobs.get(digest) == data
    assert await blobs.has(digest)


@pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "zz", "0" * 63 + "/"])
async def test_what_is_not_there_is_a_key_error(blobs: Blobs, digest: str) -> None:
    """Whatever was asked for."""
    with pytest.raises(KeyError):
        await blobs.get(digest)


async def test_what_was_deleted_is_gone(blobs: Blobs) -> None:
    """Deleting twice does no harm."""
    digest = await blobs.put(b"x")
    await blobs.delete(digest)
    await blobs.delete(digest)

    assert not await blobs.has(digest)


async def test_a_blob_that_was_changed_is_not_handed_out(tmp_path: Path) -> None:
    """The digest is checked at every read."""
    store = DiskBlobs(tmp_path)
    digest = await store.put(b"right")
    (tmp_path / digest[:2] / digest).write_bytes(b"wrong")
    with pytest.raises(ValueError, match="changed on disk"):
        await store.get(digest)
    files = await store.put(b"other")

    assert not [name for name in _names(tmp_path) if name.startswith(".")]
    assert files in _names(tmp_path)


def _names(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file()]
