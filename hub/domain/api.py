"""APIs that people make of web actions: paths below a base path, each operation of which calls an action (openwhisk-api §16)."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from hub.domain.names import FullName
from hub.domain.parameters import Json

VERBS = ("get", "put", "post", "delete", "patch", "head", "options")
RESPONSE_TYPES = ("json", "http", "html", "text", "svg")
LARGEST_DOCUMENT = 1_048_576
"""Bytes of one API's document as JSON."""


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """What a namespace serves at one base path.

    `tenant` stands for the namespace in addresses. `document` is Swagger 2.0, with members that nobody here knows; it may hold secure keys,
    so that it is shown to its owner only. `updated` is in milliseconds; `revision` counts writes and guards against lost updates.
    """

    namespace: str
    tenant: str
    base_path: str
    document: dict[str, Json]
    updated: int = 0
    revision: int = 0

    @property
    def title(self) -> str:
        """The name that people gave it, or its base path."""
        info = self.document.get("info")
        title = info.get("title") if isinstance(info, dict) else None
        return title if isinstance(title, str) else self.base_path


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One operation that an API shall have: `verb` (lower-case) at `path`, relative to the base path, calls `action`.

    `response_type` is the extension of the web action. `secure_key` is what its `require-whisk-auth` asks for, None when it asks for
    nothing. `parameters` are Swagger's, of the path.
    """

    base_path: str
    path: str
    verb: str
    action: FullName
    title: str | None = None
    response_type: str = "json"
    secure_key: Json = None
    parameters: tuple[Json, ...] | None = None


def tenant_id(secret: bytes, namespace: str) -> str:
    """32 hex digits that stand for a namespace in addresses: always the same, and nobody guesses them from its name."""
    return hmac.new(secret, namespace.encode(), hashlib.sha256).hexdigest()[:32]
