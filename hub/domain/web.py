"""A call over HTTP of an action that is exported to the web, and its answer (openwhisk-api §7)."""

from __future__ import annotations

import msgspec

from hub.domain.identity import Identity
from hub.domain.names import FullName


class WebRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it came in.

    `method` is upper-case; `name` is the action as the address spells it, its `extension` taken off (`http` when there was none);
    `path` is what follows the action, percent-encoded, with its leading slash; `query` is the query string as sent; `headers` have
    lower-case names and may repeat. `caller` is None for strangers and for those whose credentials are not valid.
    """

    method: str
    name: FullName
    transaction_id: str
    extension: str = "http"
    path: str = ""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    caller: Identity | None = None


class WebResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer as it goes out. A header may repeat; `activation_id` is None when nothing was run."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    activation_id: str | None = None
