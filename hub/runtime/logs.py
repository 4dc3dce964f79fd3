"""The log of a process of ours: both its pipes, read in one place (openwhisk-api §3.4)."""

from __future__ import annotations

import contextlib
import os
import select

from hub.runtime.lines import Lines, Stream
from hub.runtime.live import Live

_CHUNK = 16_384
"""How much is made to lines at a time: a fraction of a millisecond's work."""
_LARGE_CHUNK = 65_536
"""How much is thrown away at a time."""
_MOST_ROUNDS = 16
"""More than pipes hold; a process that prints without end does not keep its reader."""


class Piped(Stream):
    """A stream that is read from a pipe, without waiting."""

    def __init__(self, name: str, pipe: int) -> None:
        super().__init__(name)
        self.pipe = pipe
        os.set_blocking(pipe, False)


class Logs(Lines):
    """The lines of two pipes, which are ours from now on. What comes over the limit is read as well, so that the action never blocks on it.

    The kernel tells which pipe had something first: each is asked for once, and again after it was read.
    """

    def __init__(self, stdout: int, stderr: int, limit_mb: int, live: Live | None = None) -> None:
        self._pipes = {stream.pipe: stream for stream in (Piped("stdout", stdout), Piped("stderr", stderr))}
        super().__init__(tuple(self._pipes.values()), limit_mb, live)
        self._arrivals = select.epoll()
        for pipe in self._pipes:
            self._arrivals.register(pipe, select.EPOLLIN | select.EPOLLONESHOT)

    def fileno(self) -> int:
        """Readable when one of the pipes is."""
        return self._arrivals.fileno()

    def read(self) -> bool:
        """Read some of what is there; whether there was anything."""
        arrived = self._arrivals.poll(0)
        for pipe, _ in arrived:
            self._read(self._pipes[pipe])
        return bool(arrived)

    def _read(self, stream: Piped) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(stream.pipe, _LARGE_CHUNK if self._cut or not self._limit else _CHUNK)
        if data:
            self._arrivals.modify(stream.pipe, select.EPOLLIN | select.EPOLLONESHOT)
            self._add(stream, data)

    def take(self, *extra: str, last: bool = True) -> tuple[str, ...]:
        """Everything up to now belongs to the run that ended; `extra` lines of our own follow on stderr.

        Unless it was the `last` one under way, a line that has begun is left to be ended.
        """
        rounds = 0
        while not self._arrivals.closed and self.read() and rounds < _MOST_ROUNDS:
            rounds += 1
        return self._taken(extra, last=last)

    def close(self) -> None:
        """Give the pipes back; what was read can still be taken."""
        self._arrivals.close()
        for pipe in self._pipes:
            os.close(pipe)
