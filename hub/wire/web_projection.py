"""From the result of a web action to what goes out over HTTP, by the extension of the address (openwhisk-api §7.5)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

import msgspec

from hub.domain.action import looks_binary
from hub.domain.errors import Malformed, NotFound
from hub.domain.parameters import Json
from hub.wire.json import encode, pretty
from hub.wire.media_types import JSON, MediaType, media_type_of
from hub.wire.web_cors import Headers

NO_PROPERTY = "Response does not include requested property."
UNKNOWN_TYPE = "Response did not specify a known content-type."
OTHER_TYPE = "Response type in header did not match generated content type."
_JSON, _HTML, _TEXT, _SVG = (MediaType(essence=name) for name in (JSON, "text/html", "text/plain", "image/svg+xml"))
_OK, _NO_CONTENT = 200, 204
_FINAL_STATUS = range(200, 600)
_BODILESS = frozenset({204, 205, 304})
_WHOLE_NUMBER = re.compile(r"\A[+-]?[0-9]{1,9}\Z")
_NAME = re.compile(r"\A[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_THEIRS = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "date",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-openwhisk-activation-id",
        "x-request-id",
    }
)
"""What the message itself needs, and what the hub says about the call. The type is sent once, from `Projection.media_type`."""


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """What an action answers. `media_type` is None where there is no body."""

    status: int = _OK
    headers: Headers = ()
    media_type: MediaType | None = None
    body: bytes = b""


def project(extension: str, value: Json) -> Projection:
    """The answer for one of `http json html svg text`. Raises Malformed, or NotFound for a property that is not there."""
    try:
        return _PROJECTIONS[extension](value)
    except RecursionError as error:
        raise _not_valid(_JSON) from error


def _json(value: Json) -> Projection:
    if not isinstance(value, dict | list):
        raise _not_valid(_JSON)
    return _of_text(_JSON, pretty(value))


def _html(value: Json) -> Projection:
    return _member(value, "html", _HTML)


def _svg(value: Json) -> Projection:
    return _member(value, "svg", _SVG)


def _member(value: Json, name: str, media_type: MediaType) -> Projection:
    """`body`, else the member named like the extension, else what is no object as it is; it has to be text."""
    text = value.get("body", value.get(name)) if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise _not_valid(media_type)
    return _of_text(media_type, text)


def _text(value: Json) -> Projection:
    if isinstance(value, dict):
        if "body" not in value and "text" not in value:
            raise NotFound(NO_PROPERTY)
        value = value["body"] if "body" in value else value["text"]
    return _of_text(_TEXT, value if isinstance(value, str) else pretty(value))


def _of_text(media_type: MediaType, text: str) -> Projection:
    return Projection(media_type=media_type, body=text.encode())


# `.http`: the action says status, headers and body


def _http(value: Json) -> Projection:
    if not isinstance(value, dict):
        raise _not_http()
    headers = tuple(_headers(value["headers"])) if "headers" in value else ()
    status = _status(value["statusCode"]) if "statusCode" in value else None
    body = value.get("body")
    kept = tuple(header for header in headers if header[0].lower() not in _NOT_THEIRS)
    if body is None or body == "":
        return Projection(status=_NO_CONTENT if status is None else status, headers=kept)
    declared = next((text for name, text in headers if name.lower() == "content-type"), None)
    media_type, content = _entity(body, declared)
    status = _OK if status is None else status
    if status in _BODILESS:
        return Projection(status=status, headers=kept)
    return Projection(status=status, headers=kept, media_type=media_type, body=content)


def _headers(given: Json) -> Iterator[tuple[str, str]]:
    if not isinstance(given, dict):
        raise _not_http()
    for name, value in given.items():
        if not _NAME.match(name):
            raise _not_http()
        for text in _header_values(value):
            if _CONTROL.search(text):
                raise _not_http()
            yield name, text.strip()


def _header_values(value: Json) -> Iterator[str]:
    """A list repeats the header."""
    if isinstance(value, list):
        for item in value:
            yield from _header_values(item)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, bool | int | float):
        yield encode(value).decode()
    else:
        raise _not_http()


def _status(given: Json) -> int:
    """A whole number or the text of one; codes that announce another answer (1xx) cannot be one."""
    if (isinstance(given, str) and _WHOLE_NUMBER.match(given)) or (isinstance(given, float) and given.is_integer()):
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or given not in _FINAL_STATUS:
        raise _not_http()
    return given


def _entity(body: Json, declared: str | None) -> tuple[MediaType, bytes]:
    """The body as bytes of its type. Raises Malformed where they do not go together."""
    media_type = media_type_of(declared) if declared is not None else None
    if isinstance(body, str):
        if declared is not None and media_type is None:
            raise Malformed(UNKNOWN_TYPE)
        return _text_entity(body, media_type or _HTML)
    if declared is not None and (media_type is None or not media_type.is_json):
        raise Malformed(OTHER_TYPE)
    return media_type or _JSON, pretty(body).encode()


def _text_entity(body: str, media_type: MediaType) -> tuple[MediaType, bytes]:
    """Bytes come as base64; so may JSON, as it once had to."""
    if media_type.is_text and not (media_type.is_json and looks_binary(body)):
        return media_type, body.encode()
    try:
        # Padding may be left out, as upstream's decoder has it.
        return media_type, base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(OTHER_TYPE) from error


def _not_http() -> Malformed:
    return Malformed("Response is not valid 'message/http'.")


def _not_valid(media_type: MediaType) -> Malformed:
    return Malformed(f"Response is not valid '{media_type.essence}'.")


_PROJECTIONS: dict[str, Callable[[Json], Projection]] = {"http": _http, "json": _json, "html": _html, "svg": _svg, "text": _text}
EXTENSIONS = tuple(_PROJECTIONS)
