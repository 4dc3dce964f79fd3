"""The log lines of a process: read from its pipes, stamped, and cut off at the limit (openwhisk-api §3.4)."""

from __future__ import annotations

import os
import select
import time
from datetime import UTC, datetime

MB = 1_048_576
_CHUNK = 65_536
_MOST_CHUNKS = 16
"""A pipe holds no more than this; a process that prints without end does not keep its reader."""


class Stamps:
    """Times of lines: UTC with nanoseconds, 30 characters, always growing, since clients sort lines as text."""

    def __init__(self) -> None:
        self._last = 0
        self._second = -1
        self._text = ""

    def next(self) -> str:
        """Now, or just after the line before."""
        now = self._last = max(time.time_ns(), self._last + 1)
        second, nanoseconds = divmod(now, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._text = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
        return f"{self._text}.{nanoseconds:09d}Z"


class Stream:
    """One of stdout and stderr, and the line that has begun on it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.partial = b""


class Piped(Stream):
    """A stream that is read from a pipe, without waiting."""

    def __init__(self, name: str, pipe: int) -> None:
        super().__init__(name)
        self.pipe = pipe
        os.set_blocking(pipe, False)


class Lines:
    """Collects lines between two takes, cut off at a limit in MB."""

    def __init__(self, streams: tuple[Stream, ...], limit_mb: int) -> None:
        self._streams = streams
        self._limit = limit_mb * MB
        self._lines: list[str] = []
        self._size = 0
        self._cut = False
        self._stamps = Stamps()

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
        """Stamps count as well: empty lines without end are too much, too."""
        if self._cut:
            return
        head = f"{self._stamps.next()} {name}: "
        room = self._limit - self._size - len(head)
        self._size += len(head) + len(line)
        self._cut = len(line) > room
        if not self._cut:
            self._lines.append(head + line.decode(errors="replace"))
            return
        if room > 0:
            self._lines.append(head + line[:room].decode(errors="replace"))
        self._lines.append(self._ours(f"Logs were truncated because the total bytes size exceeds the limit of {self._limit} bytes."))

    def note(self, text: str) -> None:
        """A line of the hub's own, on stderr, where the run can see it."""
        if self._limit:
            self._line("stderr", text.encode())

    def _ours(self, text: str) -> str:
        return f"{self._stamps.next()} stderr: {text}"

    def _taken(self, extra: tuple[str, ...], *, last: bool) -> tuple[str, ...]:
        """See `Logs.take`."""
        if last:
            self._end_lines()
        if not self._lines and not extra:
            return ()
        lines = [*self._lines, *(self._ours(text) for text in extra)] if self._limit else []
        self._lines, self._size, self._cut = [], 0, False
        return tuple(lines)

    def _end_lines(self) -> None:
        for stream in self._streams:
            if stream.partial:
                self._line(stream.name, stream.partial)
                stream.partial = b""


class Logs(Lines):
    """The lines of two pipes. What comes over the limit is read and thrown away, so that the action never blocks on it."""

    def __init__(self, stdout: int, stderr: int, limit_mb: int) -> None:
        self.streams = (Piped("stdout", stdout), Piped("stderr", stderr))
        super().__init__(self.streams, limit_mb)
        self._closed = False
        self._waiting = select.poll()
        self._by_pipe = {stream.pipe: stream for stream in self.streams}
        for stream in self.streams:
            self._waiting.register(stream.pipe, select.POLLIN)

    def read(self, stream: Piped, chunks: int = 1) -> bool:
        """Read some of what is there without waiting; False when the pipe has ended."""
        for _ in range(chunks):
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
        return True

    def take(self, *extra: str, last: bool = True) -> tuple[str, ...]:
        """Everything up to now belongs to the run that ended; `extra` lines of our own follow on stderr.

        Unless it was the `last` one under way, a line that has begun is left to be ended.
        """
        if not self._closed:
            for pipe, _ in self._waiting.poll(0):
                self.read(self._by_pipe[pipe], _MOST_CHUNKS)
        return self._taken(extra, last=last)

    def close(self) -> None:
        """Give the pipes back; what was read can still be taken."""
        self._closed = True
        for stream in self.streams:
            os.close(stream.pipe)
