"""Limits of the kernel on every process of a cell (reliability §5.2)."""

from __future__ import annotations

import os
import resource

from .kernel import StepRefused

MB = 1 << 20
OPEN_FILES = 256
PROCESSES = 64
PENDING_SIGNALS = 256
LONGEST_CPU = 4 * 3600
"""Seconds of processor time: a cell lives an hour, and a run may use more than one processor."""
DATA_FOR_EACH_BYTE = 2
"""Memory that is asked for but never touched costs nothing; twice the limit leaves room for it."""


class LimitsRefused(StepRefused):
    """A limit could not be set."""

    step = "limits"


def set_limits(*, work: int, processes: int = PROCESSES) -> None:
    """Set what no action may go beyond; `work` is the size of its folder in bytes. Raises LimitsRefused."""
    table = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_FSIZE: work,
        resource.RLIMIT_CPU: LONGEST_CPU,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: PENDING_SIGNALS,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_NICE: 0,
    }
    for what, most in table.items():
        _set(0, what, most)


def limit_data(pid: int, memory: int) -> None:
    """Private memory of one process, from the action's `memory` in MB. Not for Node.js, which reserves far more than it uses.

    Raises LimitsRefused.
    """
    _set(pid, resource.RLIMIT_DATA, memory * MB * DATA_FOR_EACH_BYTE)


def processes_of(uid: int) -> int:
    """How many processes and threads a user has: where no namespace counts anew, a cell's come on top of these."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count


def _set(pid: int, what: int, most: int) -> None:
    try:
        _, hard = resource.prlimit(pid, what)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.prlimit(pid, what, (most, most))
    except (OSError, ValueError) as error:
        raise LimitsRefused(f"setting limit {what} to {most}: {error}") from error
