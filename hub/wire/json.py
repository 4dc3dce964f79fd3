"""JSON at the edge: strict in, compact out, pretty where upstream is (reliability §7, openwhisk-api §1.6)."""

from __future__ import annotations

import json
import re

import msgspec

from hub.domain.errors import Malformed
from hub.domain.parameters import Json
from hub.wire.json_errors import told

DEEPEST = 64
_LARGEST_INTEGER = 2**64 - 1
_SMALLEST_INTEGER = -(2**63)
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_NUL = b"\\u0000"
_EMPTY_BODY = "Unexpected end-of-input at input index 0 (line 1, position 1), expected JSON Value:\n\n^\n"

_decode = msgspec.json.Decoder().decode
_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""Compact JSON bytes. Raises what msgspec raises for things that are no JSON."""
_list_in_one_line = json.JSONEncoder(ensure_ascii=False).encode


def malformed(detail: str, *, field: str | None = None) -> Malformed:
    """The 400 that upstream prefixes to everything it cannot read (openwhisk-api §1.5)."""
    return Malformed(f"The request content was malformed:\n{detail}", field=field)


def decode(body: bytes) -> Json:
    """Any JSON value. Raises Malformed for bad JSON, NUL, numbers beyond 64 bit, lone surrogates, and nesting deeper than 64."""
    if not body.strip():
        raise malformed(_EMPTY_BODY)
    try:
        value = _decode(body)
    except RecursionError as error:
        raise malformed(f"nested deeper than {DEEPEST} levels") from error
    except UnicodeDecodeError as error:
        raise malformed("the text is not UTF-8") from error
    except msgspec.MsgspecError as error:
        raise malformed(told(body, str(error))) from error
    if body.count(b"[") + body.count(b"{") > DEEPEST or _LONG_NUMBER.search(body):
        _check(value, DEEPEST)
    if _NUL in body and _has_nul(value):
        raise malformed("NUL characters are not allowed in text")
    return value


def decode_object(body: bytes) -> dict[str, Json]:
    """A JSON object; an empty body is `{}` (openwhisk-api §1.5). Raises Malformed as `decode`, and for any other value."""
    if not body.strip():
        return {}
    value = decode(body)
    if not isinstance(value, dict):
        raise malformed("JSON object expected")
    return value


def _check(value: Json, depth: int) -> None:
    if depth < 0:
        raise malformed(f"nested deeper than {DEEPEST} levels")
    if isinstance(value, dict):
        for member in value.values():
            _check(member, depth - 1)
    elif isinstance(value, list):
        for member in value:
            _check(member, depth - 1)
    elif isinstance(value, int) and not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
        raise malformed("numbers are limited to 64 bits")


def _has_nul(value: Json) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(member) for key, member in value.items())
    return isinstance(value, list) and any(_has_nul(member) for member in value)


def pretty(value: Json) -> str:
    """As upstream shows JSON on the web: keys in order, two spaces a level, lists in one line. Raises RecursionError."""
    return _pretty(value, "\n")


def _pretty(value: Json, margin: str) -> str:
    if isinstance(value, dict):
        deeper = margin + "  "
        members = [f"{encode(key).decode()}: {_pretty(value[key], deeper)}" for key in sorted(value)]
        return f"{{{deeper}{f',{deeper}'.join(members)}{margin}}}" if value else f"{{\n{margin}}}"
    if not isinstance(value, list):
        return encode(value).decode()
    if any(isinstance(item, dict | list) for item in value):
        return f"[{', '.join([_pretty(item, margin) for item in value])}]"
    return _list_in_one_line(value)
