"""Sealing at rest: a key of the hub wraps a key for each namespace, which seals single values (reliability §6).

Every sealed text is bound to where it belongs (`namespace|entity|parameter|version`), so that a copied one opens nowhere else.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "s1:"
_NONCE = 12
_KEY = 32


class KeyLost(Exception):
    """The sealing key does not open what is stored: it was lost or replaced."""

    def __init__(self) -> None:
        super().__init__(
            "The sealing key does not open the secrets in the database. Put the old sealing.key back into the data folder; "
            "without it the stored parameters and connections cannot be read."
        )


class NamespaceKey:
    """The data key of one namespace."""

    def __init__(self, key: bytes, namespace: str) -> None:
        self._cipher = AESGCM(key)
        self._namespace = namespace

    def seal(self, clear: bytes, where: str) -> str:
        """Text that only `open` with the same `where` turns back. `where` is `entity|parameter|version`."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, clear, f"{self._namespace}|{where}".encode())
        return PREFIX + base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, where: str) -> bytes:
        """The clear bytes. Raises KeyLost when key, text or place is another."""
        raw = base64.b64decode(sealed.removeprefix(PREFIX))
        try:
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], f"{self._namespace}|{where}".encode())
        except InvalidTag as error:
            raise KeyLost from error


class Sealer(Protocol):
    """Makes and opens the keys of namespaces."""

    def fresh(self, namespace: str) -> str:
        """A new data key, wrapped, to be stored."""

    def unwrapped(self, namespace: str, wrapped: str) -> NamespaceKey:
        """The usable key. Raises KeyLost."""


class KeySealer:
    """Wraps with a key-encryption key of 32 bytes."""

    def __init__(self, kek: bytes) -> None:
        self._cipher = AESGCM(kek)
        self._known: dict[tuple[str, str], NamespaceKey] = {}

    def fresh(self, namespace: str) -> str:
        """See `Sealer.fresh`."""
        nonce = secrets.token_bytes(_NONCE)
        return PREFIX + base64.b64encode(nonce + self._cipher.encrypt(nonce, secrets.token_bytes(_KEY), namespace.encode())).decode()

    def unwrapped(self, namespace: str, wrapped: str) -> NamespaceKey:
        """See `Sealer.unwrapped`."""
        known = self._known.get((namespace, wrapped))
        if known is None:
            raw = base64.b64decode(wrapped.removeprefix(PREFIX))
            try:
                known = NamespaceKey(self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], namespace.encode()), namespace)
            except InvalidTag as error:
                raise KeyLost from error
            self._known[(namespace, wrapped)] = known
        return known


def load_or_create_key(path: Path) -> bytes:
    """The key in the file (0600); a fresh one, flushed to disk, when there is no file. Raises ValueError for a file that holds no key."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != _KEY:
            message = f"{path.name} does not hold a key of {_KEY} bytes; put the right file back."
            raise ValueError(message) from None
        return key
    key = secrets.token_bytes(_KEY)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
