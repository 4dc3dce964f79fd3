"""What a process takes of the processor and the memory, as the kernel counts it from outside; an action cannot change these figures.

The clock of a process is one system call (`clock_getcpuclockid` says how its number is made). Adding up a group's memory takes the kernel
tens of microseconds, so that short runs that follow each other share a reading; the files stay open.
"""

from __future__ import annotations

import contextlib
import os
import time

from hub.runtime.base import Usage

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_CPU_CLOCK_OF_PROCESS = 2
_MB = 1 << 20
WITH_CHILDREN_FROM = 0.02
"""A run of so many seconds may have run programs of its own, or taken much memory; that is dearer to read than all the rest."""
SEEN_EVERY = 0.1
"""So often (s) memory is read all the same."""


class Meter:
    """Reads one process. `level` is what it is isolated at; `peak_file` is where its group keeps the most memory it had, if any."""

    def __init__(self, pid: int, level: int, peak_file: str | None = None) -> None:
        self._level = level
        self._clock = (~pid << 3) | _CPU_CLOCK_OF_PROCESS
        self._stat = f"/proc/{pid}/stat"
        self._peak_file = peak_file or f"/proc/{pid}/statm"
        self._grouped = peak_file is not None
        self._memory: int | None = None
        self._own = 0
        self._children = 0
        self._seen = 0.0
        self.peak = 0

    def cpu(self, *, children: bool = False) -> int:
        """Nanoseconds of processor time so far, all threads; of programs it has waited for as of the last time they were asked for."""
        try:
            self._own = time.clock_gettime_ns(self._clock)
            if children:
                self._children = self._of_children()
        except OSError:
            pass  # it has ended: what was read last stays
        return self._own + self._children

    def _of_children(self) -> int:
        with open(self._stat, "rb") as file:  # noqa: PTH123 - this is read too often for anything grander
            # The name is in brackets and may hold spaces; user and system time of the children are fields 16 and 17 (proc(5)).
            fields = file.read().rpartition(b")")[2].split()
        return (int(fields[13]) + int(fields[14])) * _TICK_NS

    def see(self, resident: int) -> None:
        """So many bytes were seen by who watches its memory."""
        self.peak = max(self.peak, resident)

    def usage(self, since: int, seconds: float) -> Usage:
        """What was taken since `cpu` was `since`, `seconds` ago; the memory is the most that was seen in its whole life."""
        long = seconds >= WITH_CHILDREN_FROM
        taken = self.cpu(children=long) - since
        now = time.monotonic()
        if long or now - self._seen >= SEEN_EVERY:
            self._seen = now
            with contextlib.suppress(OSError, ValueError, IndexError):
                self.see(self._read_memory())
        return Usage(cpu_ms=round(taken / 1_000_000, 1), peak_mb=-(-self.peak // _MB), level=self._level)

    def _read_memory(self) -> int:
        if self._memory is None:
            self._memory = os.open(self._peak_file, os.O_RDONLY | os.O_CLOEXEC)
        words = os.pread(self._memory, 128, 0).split()
        return int(words[0]) if self._grouped else int(words[1]) * _PAGE

    def close(self) -> None:
        """Give the open file back; safe to call twice."""
        if self._memory is not None:
            os.close(self._memory)
            self._memory = None
