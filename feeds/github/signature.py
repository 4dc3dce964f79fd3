"""Signatures over the bytes that arrived (pure; packages-and-feeds §13.3, reliability §7)."""

from __future__ import annotations

import hashlib
import hmac

HEADER = "x-hub-signature-256"


def sign(secret: str, body: bytes) -> str:
    """What the header says of a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(secret: str, body: bytes, given: str) -> bool:
    """Whether the body was signed with the secret; takes as long for a wrong signature as for a right one.

    Bytes are compared, because a header may hold characters that text comparison refuses.
    """
    return hmac.compare_digest(sign(secret, body).encode(), given.encode("utf-8", "surrogateescape"))
