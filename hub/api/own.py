"""What our own routes share: strict bodies, callers, cursors (marketplace §0, design §9 "The edges")."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from hub.api.requests import read_body
from hub.domain.errors import Malformed, Unauthenticated
from hub.domain.identity import Identity
from hub.domain.parameters import Json
from hub.wire.json import decode_object

LARGEST_BODY = 1_048_576
LARGEST_LIMIT = 100


def caller(request: Request) -> Identity:
    """Who asks. Raises Unauthenticated."""
    found: Identity | None = request.state.identity
    if found is None:
        raise Unauthenticated("This needs your key: send it as Basic authorization, or sign in.")
    return found


async def body_of(request: Request, fields: Mapping[str, tuple[type, ...]], required: tuple[str, ...] = ()) -> dict[str, Json]:
    """A JSON object with these fields and no others. Raises Malformed, which names the field."""
    given = decode_object(await read_body(request, LARGEST_BODY))
    for name, value in given.items():
        if name not in fields:
            raise Malformed(f"Unknown field {name!r}; known are {', '.join(fields)}.", field=name)
        if value is not None and not isinstance(value, fields[name]):
            raise Malformed(f"The field {name!r} has the wrong type.", field=name)
    for name in required:
        if given.get(name) in (None, ""):
            raise Malformed(f"The field {name!r} is required.", field=name)
    return {name: value for name, value in given.items() if value is not None}


def limit_of(request: Request, default: int = 20) -> int:
    """`limit`, 1 to 100. Raises Malformed."""
    text = request.query_params.get("limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:6]) <= LARGEST_LIMIT:
        raise Malformed(f"limit must be a number from 1 to {LARGEST_LIMIT}, found {text[:20]!r}.", field="limit")
    return int(text)
