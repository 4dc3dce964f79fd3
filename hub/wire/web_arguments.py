"""What a web action is called with (openwhisk-api §7.3, §7.4)."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl

from hub.domain.errors import PARAMETERS_NOT_ALLOWED, Malformed
from hub.domain.parameters import Json
from hub.domain.web import WebRequest
from hub.wire.json import decode, malformed
from hub.wire.media_types import FORM, JSON, media_type_of

METHOD, HEADERS, PATH, USER, QUERY, BODY = (f"__ow_{name}" for name in ("method", "headers", "path", "user", "query", "body"))
RESERVED = frozenset({METHOD, HEADERS, PATH, USER, QUERY, BODY})
_NOT_FORWARDED = frozenset({"content-length", "transfer-encoding", "x-ow-extra-logging"})


def arguments(request: WebRequest, locked: frozenset[str]) -> dict[str, Json]:
    """Query under body, and about the call itself; no key may be reserved or among `locked`. Raises Malformed."""
    given: dict[str, Json] = dict(_fields(request.query)) if request.query else {}
    opaque: dict[str, Json] = {}
    if request.body:
        body = _value(request)
        if isinstance(body, dict):
            given.update(body)
        else:
            opaque = {BODY: body}
    if given and not (RESERVED.isdisjoint(given) and locked.isdisjoint(given)):
        raise Malformed(PARAMETERS_NOT_ALLOWED)
    return {**given, **_about(request), **opaque}


def raw_arguments(request: WebRequest) -> dict[str, Json]:
    """Query and body as they came, for `raw-http`: both are always text, the body base64 where it is bytes or exactly JSON."""
    return {**_about(request), QUERY: _checked(request.query), BODY: _opaque(request, as_bytes=frozenset({JSON}))}


def _about(request: WebRequest) -> dict[str, Json]:
    headers = {name: value for name, value in request.headers if name not in _NOT_FORWARDED}
    about: dict[str, Json] = {METHOD: request.method.lower(), HEADERS: headers, PATH: request.path}
    if request.caller is not None:
        about[USER] = request.caller.namespace
    return about


def _fields(text: str) -> list[tuple[str, str]]:
    """A query or a form; what is no UTF-8 is replaced, for the sender could have meant anything."""
    _checked(text)
    fields = parse_qsl(text, keep_blank_values=True, errors="replace")
    if "%00" in text:
        for name, value in fields:
            _checked(name)
            _checked(value)
    return fields


def _value(request: WebRequest) -> Json:
    """JSON and forms as what they say, anything else as one text. Raises Malformed."""
    media_type = media_type_of(_content_type(request))
    if media_type is not None and media_type.is_json:
        return decode(request.body)
    if media_type is not None and media_type.essence == FORM:
        return dict(_fields(request.body.decode(errors="replace")))
    return _opaque(request)


def _opaque(request: WebRequest, as_bytes: frozenset[str] = frozenset()) -> str:
    """The body as one text: itself, or base64 of bytes. A body of no type is bytes."""
    media_type = media_type_of(_content_type(request))
    if media_type is not None and media_type.is_text and media_type.essence not in as_bytes:
        return _checked(request.body.decode(errors="replace"))
    return base64.b64encode(request.body).decode()


def _content_type(request: WebRequest) -> str:
    return next((value for name, value in request.headers if name == "content-type"), "")


def _checked(text: str) -> str:
    if "\0" in text:
        raise malformed("NUL characters are not allowed in text")
    return text
