"""Reading server-sent events of a hub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx

from hub.wire.events import Event, read


@contextlib.contextmanager
def following(http: httpx.Client, path: str, *, after: str = "", **params: Any) -> Iterator[Iterator[Event]]:
    """The events of a stream that has begun."""
    headers = {"last-event-id": after} if after else {}
    with http.stream("GET", path, params=params, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield read(answer.iter_text())
