"""Reading single values of a query (openwhisk-api §1.5, §3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from hub.domain.errors import Malformed
from hub.domain.names import check_entity_name

INTEGER = re.compile(r"\A-?[0-9]{1,18}\Z")
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_LONGEST_PATH = 2


def malformed_query(name: str, detail: str) -> Malformed:
    """The 400 for a query parameter."""
    return Malformed(f"The query parameter '{name}' was malformed:\n{detail}", field=name)


def flag(query: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """A boolean. Raises Malformed for other text."""
    text = query.get(name)
    if text is None:
        return default
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise malformed_query(name, f"'{text}' is not a valid Boolean value")


def wait_within(text: str | None, longest: timedelta) -> timedelta:
    """`timeout`: how long a blocking call waits, in ms. Raises Malformed."""
    if text is None:
        return longest
    allowed = int(longest.total_seconds() * 1000)
    if not INTEGER.match(text) or not 1 <= int(text) <= allowed:
        raise malformed_query("timeout", f"Timeout must be number of milliseconds up to {allowed}.")
    return timedelta(milliseconds=int(text))


def is_path(text: str) -> bool:
    """Whether it is `name` or `package/name`, by which records are found (openwhisk-api §8.1)."""
    segments = text.split("/")
    try:
        for segment in segments:
            check_entity_name(segment)
    except Malformed:
        return False
    return len(segments) <= _LONGEST_PATH
