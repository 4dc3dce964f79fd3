"""The log lines of a process: read from its pipes, stamped, and cut off at the limit (openwhisk-api §3.4)."""

from __future__ import annotations

import os
import select
import time
from datetime import UTC, datetime

MB = 1_048_576
_CHUNK = 65_536


def stamp() -> str:
    """Now, UTC, with nanoseconds: 30 characters, always."""
    now = time.time_ns()
    return f"{datetime.fromtimestamp(now // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%S}.{now % 1_000_000_000:09d}Z"


class Stream:
    """One of stdout and stderr."""

    def __init__(self, name: str, pipe: int) -> None:
        self.name = name
        self.pipe = pipe
        self.partial = b""
        os.set_blocking(pipe, False)


class Logs:
    """Collects lines between two takes. What comes over the limit is read and thrown away, so that the action never blocks on it."""

    def __init__(self, stdout: int, stderr: int, limit_mb: int) -> None:
        self.streams = (Stream("stdout", stdout), Stream("stderr", stderr))
        self._limit = limit_mb * MB
        self._lines: list[str] = []
        self._size = 0
        self._cut = False
        self._waiting = select.poll()
        self._by_pipe = {stream.pipe: stream for stream in self.streams}
        for stream in self.streams:
            self._waiting.register(stream.pipe, select.POLLIN)

    def read(self, stream: Stream) -> bool:
        """Read what is there without waiting; False when the pipe has ended."""
        while True:
            try:
                data = os.read(stream.pipe, _CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            self._add(stream, data)
            if len(data) < _CHUNK:
                return True

    def _add(self, stream: Stream, data: bytes) -> None:
        if self._limit == 0 or self._cut:
            return
        lines = (stream.partial + data).split(b"\n")
        stream.partial = lines.pop()
        for line in lines:
            self._line(stream.name, line)
        if len(stream.partial) > self._limit:
            self._line(stream.name, stream.partial)
            stream.partial = b""

    def _line(self, name: str, line: bytes) -> None:
        if self._cut:
            return
        room = self._limit - self._size
        if len(line) > room:
            line = line[:room]
            self._cut = True
        self._size += len(line)
        if line or not self._cut:
            self._lines.append(f"{stamp()} {name}: {line.decode(errors='replace')}")
        if self._cut:
            self._lines.append(
                f"{stamp()} stderr: Logs were truncated because the total bytes size exceeds the limit of {self._limit} bytes."
            )

    def take(self, *extra: str) -> tuple[str, ...]:
        """Everything up to now belongs to the run that ended; `extra` lines of our own follow on stderr."""
        for pipe, _ in self._waiting.poll(0):
            self.read(self._by_pipe[pipe])
        for stream in self.streams:
            if stream.partial:
                self._line(stream.name, stream.partial)
                stream.partial = b""
        if not self._lines and not extra:
            return ()
        lines = [*self._lines, *(f"{stamp()} stderr: {text}" for text in extra)] if self._limit else []
        self._lines, self._size, self._cut = [], 0, False
        return tuple(lines)

    def close(self) -> None:
        """Give the pipes back."""
        for stream in self.streams:
            os.close(stream.pipe)
