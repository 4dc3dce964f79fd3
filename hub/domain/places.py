"""Places that code may go to, as packages declare them: `host:port`, `*.host:port`, or templates of connections (design §9)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hub.domain.parameters import Json

LARGEST_PORT = 65_535
_TEMPLATE = re.compile(r"\{connection\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\}")
_NAME = re.compile(r"\A(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\Z")
_ADDRESS = re.compile(r"\A\[[0-9A-Fa-f:.]+\]\Z")
_FILLER = "9"
"""What stands for a field in a template that is only looked at: it may be part of a host, or a port."""


def texts(value: Json) -> tuple[str, ...]:
    """The declared places of a list; what is no text is left out."""
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def split(text: str) -> tuple[str, int] | None:
    """Host in small letters and port; None when it is no `host:port`. IPv6 stands in brackets, and keeps them."""
    host, _, port = text.strip().rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= LARGEST_PORT):
        return None
    return (host.lower(), int(port)) if _NAME.match(host) or _ADDRESS.match(host) else None


def is_place(text: str) -> bool:
    """Whether it is one, be it a template."""
    return split(_TEMPLATE.sub(_FILLER, text)) is not None


def fields(text: str) -> Iterator[tuple[str, str]]:
    """The connections of a template, each with its field."""
    return ((match[1], match[2]) for match in _TEMPLATE.finditer(text))


def filled(text: str, connections: Mapping[str, Mapping[str, Json]]) -> str:
    """A template with what the connections say, by their declared names; empty where a connection or a field is not there."""
    if not all(connections.get(name, {}).get(field) for name, field in fields(text)):
        return ""
    return _TEMPLATE.sub(lambda match: str(connections[match[1]][match[2]]), text)


def covers(text: str, host: str, port: int) -> bool:
    """Whether a declared place is that one."""
    place = split(text)
    if place is None or place[1] != port:
        return False
    name = host.rstrip(".").lower()
    return name.endswith(place[0][1:]) if place[0].startswith("*.") else name == place[0].strip("[]")
