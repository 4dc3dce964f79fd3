"""Which share of the processor a cell gets, as far as the scheduler knows it without groups (reliability §5.4).

A cell is never pushed in front of the hub when it wakes (SCHED_BATCH). Cells that stand ready, and those that had more than their share,
run when nobody else wants to (SCHED_IDLE). Whoever is not root can lower a process so, and never raise it again.
"""

from __future__ import annotations

import contextlib
import os

_LOWEST = os.sched_param(0)


def lower(pid: int) -> None:
    """From now on it runs when nobody else wants to, with all its threads."""
    _set(pid, os.SCHED_IDLE)


def usual(pid: int) -> None:
    """From now on it has the share of any cell; who may not say so leaves it as it is."""
    _set(pid, os.SCHED_BATCH)


def _set(pid: int, policy: int) -> None:
    """Threads that begin while we look have what the thread has that began them; the second look finds those of the first."""
    seen: set[str] = set()
    with contextlib.suppress(OSError):
        while new := set(os.listdir(f"/proc/{pid or 'self'}/task")) - seen:
            seen |= new
            for thread in new:
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setscheduler(int(thread), policy, _LOWEST)
