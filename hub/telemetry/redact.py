"""Keeps secrets out of what the hub writes: by the name of a field, by the look of a value, and by value (reliability §6)."""

from __future__ import annotations

import base64
import json
import re
from collections import OrderedDict
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

SHORTEST = 8
REMEMBERED = 10_000
MASK = "[redacted]"

_NAMES = re.compile(
    r"authorization|cookie|passw|secret|token|api_?key|apikey|auth_?key|credential|private_?key|x-hub-signature|^key$|^auth$", re.IGNORECASE
)
_LOOKS = (
    # uuid:key, as OpenWhisk keys look; our own tokens; header values; user info in addresses; query strings
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:[A-Za-z0-9]{32,}"), MASK),
    (re.compile(r"\bhub_[A-Za-z0-9_-]{16,}"), MASK),
    (re.compile(r"\b(Basic|Bearer|token)\s+[A-Za-z0-9+/=_.~-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"([a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE), rf"\1{MASK}@"),
    (re.compile(r"([a-z][a-z0-9+.-]*://[^\s?\"'<>]+)\?[^\s\"'<>]+", re.IGNORECASE), rf"\1?{MASK}"),
    (re.compile(r"(/sign-in/|/hooks/)[A-Za-z0-9_-]{16,}"), rf"\1{MASK}"),
)
_known: OrderedDict[str, None] = OrderedDict()


def forms_of(secret: str) -> set[str]:
    """The secret, also as base64, hex, URL- and JSON-escaped text; nothing for one that is too short to be looked for."""
    if len(secret) < SHORTEST:
        return set()
    raw = secret.encode(errors="surrogatepass")
    return {
        secret,
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        quote(raw, safe=""),
        json.dumps(secret)[1:-1],
    }


def remember_secret(value: object) -> None:
    """From now on the value is masked, in all its forms. Short ones are not remembered."""
    if not isinstance(value, str):
        return
    for form in forms_of(value):
        _known[form] = None
        _known.move_to_end(form)
    while len(_known) > REMEMBERED:
        _known.popitem(last=False)


def is_remembered(value: object) -> bool:
    """Whether it is one of the secrets that are masked."""
    return isinstance(value, str) and value in _known


def redact_text(text: str) -> str:
    """The text with every secret masked."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, MASK)
    for pattern, replacement in _LOOKS:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, name: str = "") -> Any:
    """Any value as it may be written; `name` is the field it stands in."""
    if isinstance(value, dict):
        return {redact_text(str(key)): redact(member, str(key)) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [redact(member, name) for member in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    if name and _NAMES.search(name):
        return MASK
    return redact_text(value if isinstance(value, str) else str(value))


def processor(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """The last step before a line is written: nothing leaves it unmasked."""
    return {name: redact(value, name) for name, value in event.items()}
