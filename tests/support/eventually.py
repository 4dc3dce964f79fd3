"""Waiting for a condition, never for a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, seconds: float = 15.0, what: str = "the condition") -> T:
    """What `look` answers as soon as it is truthy. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            message = f"{what} did not come true within {seconds} s; the last answer was {found!r}"
            raise AssertionError(message)
        pause.wait(0.02)
