"""Bodies of requests: whole, bounded, JSON (openwhisk-api §1.5; reliability §7)."""

from __future__ import annotations

from starlette.types import Receive

from hub.domain.errors import Malformed, TooLarge, UnsupportedType

CUT_OFF = "The request ended before its body was complete."
_JSON = "application/json"


async def read(receive: Receive, declared: str, largest: int) -> bytes:
    """The whole body, no larger than `largest` bytes; `declared` is its Content-Length, or "".

    Raises TooLarge, and Malformed when the client is gone before the end: half a request is none.
    """
    if declared.isdecimal() and declared.isascii():
        check_size(int(declared), largest)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed(CUT_OFF)
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        check_size(size, largest)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def check_json(body: bytes, content_type: str | None, coding: str | None) -> None:
    """Raise UnsupportedType for a body that is sent as something else than plain JSON; an empty one may be called anything."""
    if body and content_type is not None and content_type.partition(";")[0].strip().lower() != _JSON:
        raise UnsupportedType(f"The request's Content-Type [{content_type}] is not supported. Expected:\n{_JSON}")
    if body and coding is not None and coding.strip().lower() != "identity":
        raise UnsupportedType("The request's Content-Encoding is not supported. Expected:\nidentity")


def check_size(size: int, allowed: int) -> None:
    """Raise TooLarge for a body of more bytes than allowed."""
    if size > allowed:
        raise TooLarge(f"Request larger than allowed: {size} > {allowed} bytes.")
