"""What looks like a secret: by the name of a field, and by the look of a value (reliability §6)."""

from __future__ import annotations

import re

from hub.domain.parameters import Json

_NAMES = re.compile(
    r"passw|passphrase|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|credential|authorization|cookie|^key$|^auth$",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"passw|passphrase|secret|^pin$", re.IGNORECASE)
KEYS = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")),
    ("an access key of AWS", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("a token of GitHub", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b")),
    ("a token of Slack", re.compile(r"\bxox[abpr]-[A-Za-z0-9-]{20,}\b")),
    ("a key of OpenWhisk", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[A-Za-z0-9]{64}\b")),
)
"""What nobody writes by chance."""
PATTERNS = (
    *KEYS,
    ("a token of a hub", re.compile(r"\bhub_[A-Za-z0-9_-]{16,}")),
    ("an address with a password", re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)),
    ("a header with credentials", re.compile(r"\b(?:Basic|Bearer)\s+[A-Za-z0-9+/=_.~-]{16,}")),
    ("the address of a Slack hook", re.compile(r"https://hooks\.slack\.com/services/\w+")),
)


def secret_in(text: str) -> str | None:
    """What the text holds, in words; None when it looks harmless."""
    return next((what for what, pattern in PATTERNS if pattern.search(text)), None)


def is_secret(name: str, value: Json) -> bool:
    """Whether the value of a field is a secret, or holds one somewhere. A number is one only under a name that says password."""
    if value is None or value == "" or isinstance(value, bool):
        return False
    if isinstance(value, dict):
        return any(is_secret(key, member) or (bool(_NAMES.search(name)) and _holds_text(member)) for key, member in value.items())
    if isinstance(value, list):
        return any(is_secret(name, member) for member in value)
    if isinstance(value, str):
        return bool(_NAMES.search(name)) or secret_in(value) is not None
    return bool(_NUMBERS.search(name))


def _holds_text(value: Json) -> bool:
    if isinstance(value, dict | list):
        return any(_holds_text(member) for member in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and bool(value)
