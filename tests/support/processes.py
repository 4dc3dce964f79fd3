"""Processes as the system sees them: by number and time of start, so that another one is never taken for one that ended."""

from __future__ import annotations

from pathlib import Path

import psutil


def family(pid: int) -> list[psutil.Process]:
    """All below a process."""
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return found


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; a zombie has."""
    return [one for one in processes if _runs(one)]


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def words(pid: int) -> list[str]:
    """How it was started; nothing of what has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def names(pid: int) -> set[str]:
    """What its threads call themselves."""
    try:
        return {(thread / "comm").read_text().strip() for thread in Path(f"/proc/{pid}/task").iterdir()}
    except OSError:
        return set()
