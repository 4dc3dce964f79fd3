"""The port of large bytes, kept by their digest."""

from __future__ import annotations

from typing import Protocol


class Blobs(Protocol):
    """Bytes by the SHA-256 (hex) of their content; a blob never changes."""

    async def put(self, data: bytes) -> str:
        """Store durably (flushed to disk) and return the digest. Storing the same bytes again does nothing."""

    async def get(self, digest: str) -> bytes:
        """The bytes. Raises KeyError when there are none, ValueError when they no longer match their digest."""

    async def has(self, digest: str) -> bool:
        """Whether they are there."""

    async def delete(self, digest: str) -> None:
        """Remove; nothing happens when there are none."""
