"""What browsers are told about web actions of other origins (openwhisk-api §7.2)."""

from __future__ import annotations

from collections.abc import Iterable

Headers = tuple[tuple[str, str], ...]

_REQUESTED = "access-control-request-headers"
_ORIGIN_AND_METHODS = (
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"),
)
_ALLOWED = "access-control-allow-headers"
DEFAULT: Headers = (*_ORIGIN_AND_METHODS, (_ALLOWED, "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"))


def cors_headers(request: Iterable[tuple[str, str]]) -> Headers:
    """Every origin and method, and the headers that the browser asked for. Names of `request` are lower-case."""
    wanted = next((value for name, value in request if name == _REQUESTED), None)
    return DEFAULT if wanted is None else (*_ORIGIN_AND_METHODS, (_ALLOWED, wanted))


def under(ours: Headers, theirs: Headers) -> Headers:
    """Their headers, and ours where they have none of that name: browsers refuse a second origin."""
    given = {name.lower() for name, _ in theirs}
    return (*(header for header in ours if header[0] not in given), *theirs)
