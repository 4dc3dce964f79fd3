"""From what a process answered to an activation's response (openwhisk-api §3.3)."""

from __future__ import annotations

import msgspec

from hub.domain.activation import Response, Status
from hub.domain.parameters import Json

LARGEST_RESULT = 1_048_576
DIED_IN_INIT = "The action did not initialize and exited unexpectedly."
DIED_IN_RUN = "The action did not produce a valid response and exited unexpectedly."
OUT_OF_MEMORY = "The action exhausted its memory and was aborted."
MISSING_LOGS = "The action did not initialize or run as expected. Log data might be missing."

_decode = msgspec.json.Decoder().decode


def too_long(limit: int, *, init: bool) -> str:
    """The text of a time-out; `limit` in ms."""
    return f"The action exceeded its time limits of {limit} milliseconds{' during initialization' if init else ''}."


def fault(error: Json, *, size: int | None = None) -> Response:
    """The developer's fault."""
    return Response(status=Status.DEVELOPER_ERROR, result={"error": error}, size=size)


def init_failure(body: bytes) -> Response:
    """An init that was refused."""
    value = _value(body)
    if isinstance(value, dict) and "error" in value:
        return fault(value["error"], size=_size(body))
    text = body.decode(errors="replace")
    return fault(f"The action failed during initialization{': ' + text if text else '.'}", size=_size(body))


def run_response(body: bytes, *, fine: bool) -> Response:
    """A run that ended."""
    if len(body) > LARGEST_RESULT:
        prefix = body[:LARGEST_RESULT].decode(errors="ignore")
        text = f"The action produced a response that exceeded the allowed length: {len(body)} > {LARGEST_RESULT} bytes."
        return Response(status=Status.APPLICATION_ERROR, result={"error": f"{text} The truncated response was: {prefix}"}, size=_size(body))
    value = _value(body)
    if isinstance(value, dict):
        if "error" in value:
            status = Status.APPLICATION_ERROR if fine else Status.DEVELOPER_ERROR
            return Response(status=status, result={"error": value["error"]}, size=_size(body))
        if fine:
            return Response(status=Status.SUCCESS, result=value, size=_size(body))
    if fine and isinstance(value, list):
        return Response(status=Status.SUCCESS, result=value, size=_size(body))
    return fault(f"The action did not produce a valid JSON or JSON Array response: {body.decode(errors='replace')}", size=_size(body))


def _size(body: bytes) -> int:
    """Characters of the text, as upstream counts."""
    return len(body) if body.isascii() else len(body.decode(errors="replace"))


def _value(body: bytes) -> Json:
    try:
        return _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
