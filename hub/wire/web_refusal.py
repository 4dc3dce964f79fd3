"""How the caller of a web action is told that there is no answer: `{"code", "error"}` in pretty JSON (openwhisk-api §1.6, §1.7)."""

from __future__ import annotations

from hub.domain.web import WebResponse
from hub.wire.json import pretty
from hub.wire.media_types import JSON
from hub.wire.web_cors import Headers


def refused(status: int, message: str, transaction_id: str, headers: Headers = (), activation_id: str | None = None) -> WebResponse:
    """An answer that only says what is wrong."""
    body = pretty({"code": transaction_id, "error": message}).encode()
    return WebResponse(status=status, headers=(*headers, ("content-type", JSON)), body=body, activation_id=activation_id)
