"""Calls to the kernel that Python has no name for."""

from __future__ import annotations

import ctypes
import os
import signal

from .syscalls import NUMBERS, machine

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38


class StepRefused(Exception):
    """A step of building a cell was refused; the message says what was tried and what the kernel said."""

    step = "cell"


def syscall(name: str, *arguments: object, error: type[StepRefused], doing: str) -> int:
    """Call the kernel by name; integers are passed as words. Raises `error`, which says what it was doing."""
    number = NUMBERS[machine()].get(name)
    if number is None:
        raise error(f"{doing}: this machine has no {name}")
    return checked(libc.syscall(number, *(_word(argument) for argument in arguments)), error=error, doing=doing)


def prctl(option: int, value: int, *, error: type[StepRefused], doing: str) -> None:
    """Set a property of this process. Raises `error`."""
    checked(libc.prctl(option, *(ctypes.c_ulong(word) for word in (value, 0, 0, 0))), error=error, doing=doing)


def die_with_parent(*, error: type[StepRefused]) -> None:
    """Be killed when the parent ends. Only after the last change of user, which takes it back. Raises `error`."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, error=error, doing="asking to end with the parent")


def checked(result: int, *, error: type[StepRefused], doing: str) -> int:
    """What a call of the C library answered. Raises `error` when it is negative."""
    if result < 0:
        raise error(f"{doing}: {os.strerror(ctypes.get_errno())}")
    return result


def _word(argument: object) -> object:
    return ctypes.c_ulong(argument & (1 << 64) - 1) if isinstance(argument, int) else argument
