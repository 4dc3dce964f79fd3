"""Server-sent events as text, to and from it (the HTML standard, "Server-sent events")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True):
    """One event: `mark` is where to go on after it, empty for one that moves nothing; `data` is JSON."""

    kind: str
    data: bytes
    mark: str = ""

    def value(self) -> Any:
        """What the data says. Raises msgspec.DecodeError."""
        return msgspec.json.decode(self.data)


def text_of(event: Event) -> bytes:
    """As it is sent."""
    head = b"id: %s\n" % event.mark.encode() if event.mark else b""
    return head + b"event: %s\ndata: %s\n\n" % (event.kind.encode(), event.data)


def read(chunks: Iterable[str]) -> Iterator[Event]:
    """The events in a stream of text; comments and what has no data are passed over, an event that was cut off as well."""
    kind, mark = "message", ""
    data: list[str] = []
    for line in _lines(chunks):
        if not line:
            if data:
                yield Event(kind, "\n".join(data).encode(), mark)
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "id":
            mark = value
        elif name == "data":
            data.append(value)


def _lines(chunks: Iterable[str]) -> Iterator[str]:
    """Complete lines. JSON may hold other characters that end lines elsewhere; here none but these does."""
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        for line in whole:
            yield line.removesuffix("\r")
