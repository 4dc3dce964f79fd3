"""From bytes to the lines of a log: stamped, in the order in which they came, and cut off at the limit (openwhisk-api §3.4)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

from hub.runtime.live import Live
from hub.telemetry.redact import MASK, forms_of

MB = 1_048_576
HEAD = 39
"""Characters before the text of a line: the time, the name of the stream, and what stands between."""
REMEMBERED = 4
"""Runs whose secrets are masked: the newest of a process."""
_SECOND = 1_000_000_000


def truncated(limit: int) -> str:
    """The last line of a log that was cut off; `limit` in bytes."""
    return f"Logs were truncated because the total bytes size exceeds the limit of {limit} bytes."


def _forms(secrets: Iterable[tuple[str, ...]]) -> list[str]:
    """All that is looked for, longest first. A secret of several lines is looked for line by line."""
    lines = {line for given in secrets for secret in given for line in (secret, *secret.splitlines())}
    return sorted({form for line in lines for form in forms_of(line)}, key=len, reverse=True)


class Stamps:
    """Times of lines: UTC with nanoseconds, 30 characters, always growing, since clients sort lines as text."""

    def __init__(self) -> None:
        self._last = 0
        self._second = -1
        self._text = ""

    def next(self) -> str:
        """Now, or just after the line before."""
        return self.many(1)[0]

    def many(self, count: int) -> list[str]:
        """The times of lines that came together."""
        first = max(time.time_ns(), self._last + 1)
        self._last = first + count - 1
        found: list[str] = []
        while len(found) < count:
            second, nanoseconds = divmod(first + len(found), _SECOND)
            if second != self._second:
                self._second = second
                self._text = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
            last = min(nanoseconds + count - len(found), _SECOND)
            text = self._text
            found += [f"{text}.{number:09d}Z" for number in range(nanoseconds, last)]
        return found


class Stream:
    """One of stdout and stderr, and the line that has begun on it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.partial = bytearray()


class Lines:
    """Collects the lines of a process between two takes, cut off at a limit in MB; 0 keeps none.

    `live` is told of them at once while one run is under way. While several are, a line belongs to the one that ends first, and is told
    then. What is to be concealed is masked before anybody sees it.
    """

    def __init__(self, streams: tuple[Stream, ...], limit_mb: int, live: Live | None = None) -> None:
        self._streams = streams
        self._limit = limit_mb * MB
        self._lines: list[str] = []
        self._size = 0
        self._cut = False
        self._stamps = Stamps()
        self._runs: list[str] = []
        self._ended: str | None = None
        self._told = 0
        self._live = live or Live()
        self._live.open.add(self)
        self._secrets: deque[tuple[str, ...]] = deque(maxlen=REMEMBERED)
        self._forms: list[str] | None = None

    # What is printed

    def _add(self, stream: Stream, data: bytes) -> None:
        """Bytes that came on a stream. What goes beyond the limit is thrown away."""
        if self._limit == 0 or self._cut:
            return
        end = data.rfind(b"\n")
        if end < 0:
            stream.partial += data
            if self._size + len(stream.partial) > self._limit:
                self._end_line(stream)
        else:
            whole = bytes(stream.partial + data[:end]) if stream.partial else data[:end]
            stream.partial = bytearray(data[end + 1 :])
            self._whole(stream.name, whole)
        self._tell()

    def _whole(self, name: str, data: bytes) -> None:
        """Complete lines, without the end of the last. Stamps count as well: empty lines without end are too much, too."""
        count = data.count(b"\n") + 1
        size = len(data) + 1 + count * (HEAD - 1)
        if self._size + size > self._limit:
            for line in data.split(b"\n"):
                self._line(name, line)
            return
        self._size += size
        text = self._text(data)
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
        lines = text.split("\n")
        self._lines += [f"{stamp} {name}: {line}" for stamp, line in zip(self._stamps.many(len(lines)), lines, strict=True)]

    def _line(self, name: str, line: bytes) -> None:
        """One line where the limit is near; the last that fits in part is followed by upstream's word for it."""
        if self._cut:
            return
        line = line.removesuffix(b"\r")
        room = self._limit - self._size - HEAD
        self._size += HEAD + len(line)
        self._cut = len(line) > room
        if room > 0 or not self._cut:
            self._lines.append(f"{self._stamps.next()} {name}: {self._text(line[: max(room, 0)])}")
        if self._cut:
            self._lines.append(self._ours(truncated(self._limit)))

    def _text(self, data: bytes) -> str:
        text = data.decode(errors="replace")
        if self._secrets:
            if self._forms is None:
                self._forms = _forms(self._secrets)
            for form in self._forms:
                if form in text:
                    text = text.replace(form, MASK)
        return text

    def _end_line(self, stream: Stream) -> None:
        if stream.partial and self._limit:
            self._line(stream.name, bytes(stream.partial))
        stream.partial = bytearray()

    def note(self, text: str) -> None:
        """A line of the hub's own, on stderr, where the run can see it."""
        if self._limit:
            self._line("stderr", text.encode())
            self._tell()

    def _ours(self, text: str) -> str:
        return f"{self._stamps.next()} stderr: {text}"

    # Runs

    def conceal(self, secrets: tuple[str, ...]) -> None:
        """What a run was given in confidence is masked from now on, also while the next runs are under way."""
        if secrets not in self._secrets:
            self._secrets.append(secrets)
            self._forms = None

    def begin(self, run: str) -> None:
        """An activation is under way from now on; what came since the last take is its own."""
        if run not in self._runs:
            self._runs.append(run)

    def end(self, run: str) -> None:
        """It ended: the next take is its log. Where only one is under way that need not be said."""
        self._ended = run

    def _tell(self) -> None:
        tell = self._live.tell
        if tell is None:
            self._told = len(self._lines)
        elif len(self._runs) == 1 and len(self._lines) > self._told:
            tell(self._runs[0], self._lines[self._told :])
            self._told = len(self._lines)

    def printed(self, run: str) -> tuple[str, ...] | None:
        """See `Live.printed`."""
        return tuple(self._lines[: self._told]) if run in self._runs else None

    def _taken(self, extra: tuple[str, ...], *, last: bool) -> tuple[str, ...]:
        """Everything up to now belongs to the run that ended; `extra` lines of our own follow on stderr, unless the log was cut off.

        Unless it was the `last` one under way, a line that has begun is left to be ended.
        """
        run = self._whose()
        if last:
            for stream in self._streams:
                self._end_line(stream)
        lines = self._lines
        if extra and self._limit and not self._cut:
            lines += [self._ours(text) for text in extra]
        if not lines and not self._cut:
            return ()
        if self._live.tell is not None and len(lines) > self._told:
            self._live.tell(run, lines[self._told :])
        self._lines, self._size, self._cut, self._told = [], 0, False, 0
        return tuple(lines)

    def _whose(self) -> str:
        run = self._ended if self._ended is not None else self._runs[0] if len(self._runs) == 1 else ""
        self._ended = None
        if run in self._runs:
            self._runs.remove(run)
        return run
