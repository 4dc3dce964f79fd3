"""Landlock: which files and ports a process may use, whatever its user may (reliability §5.3)."""

from __future__ import annotations

import ctypes
import os
import stat

from .kernel import StepRefused, libc, syscall
from .syscalls import NUMBERS, machine

_VERSION = 1
"""The flag that asks for the ABI instead of making rules."""
_BENEATH, _PORT = 1, 2
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHARACTER, MAKE_BLOCK = 1 << 6, 1 << 11
TRUNCATE, DEVICE_IOCTL = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | DEVICE_IOCTL
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_FILE_RIGHTS_NOW = (1 << 16) - 1
BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1
ABSTRACT_SOCKETS, SIGNALS = 1 << 0, 1 << 1
TCP_SINCE, SCOPES_SINCE = 4, 6


class LandlockRefused(StepRefused):
    """The rules could not be made or taken."""

    step = "landlock"


class _Handled(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("place", ctypes.c_int32))


class _Port(ctypes.Structure):
    _fields_ = (("rights", ctypes.c_uint64), ("port", ctypes.c_uint64))


def abi() -> int:
    """Which version the kernel speaks; 0 for none."""
    number = NUMBERS.get(machine(), {}).get("landlock_create_ruleset")
    return max(libc.syscall(number, None, ctypes.c_ulong(0), ctypes.c_ulong(_VERSION)), 0) if number else 0


def restrict(*, readable: list[str], writable: list[str], connect: list[int] | None = None) -> None:
    """Take rules that allow this and nothing else.

    `connect` lists the TCP ports that may be connected to; None leaves TCP to the network namespace. Needs no-new-privs. Raises
    LandlockRefused, also on a kernel without it.
    """
    version = abi()
    if not version:
        raise LandlockRefused("the kernel has no Landlock")
    files = _FILE_RIGHTS.get(version, _FILE_RIGHTS_NOW)
    rules = _make(version, files, ports=connect is not None)
    try:
        for path in readable:
            _allow(rules, path, READ & files)
        for path in writable:
            _allow(rules, path, files & ~(MAKE_CHARACTER | MAKE_BLOCK))
        for port in connect or ():
            rule = _Port(CONNECT_TCP, port)
            if version >= TCP_SINCE:
                _add(rules, _PORT, rule, f"port {port}")
        syscall("landlock_restrict_self", rules, 0, error=LandlockRefused, doing="taking the rules")
    finally:
        os.close(rules)


def _make(version: int, files: int, *, ports: bool) -> int:
    handled = _Handled(files, 0, 0)
    size = ctypes.sizeof(ctypes.c_uint64)
    if version >= TCP_SINCE:
        handled.ports = BIND_TCP | CONNECT_TCP if ports else 0
        size *= 2
    if version >= SCOPES_SINCE:
        handled.scopes = ABSTRACT_SOCKETS | SIGNALS
        size = ctypes.sizeof(handled)
    return syscall("landlock_create_ruleset", ctypes.byref(handled), size, 0, error=LandlockRefused, doing="making rules")


def _allow(rules: int, path: str, rights: int) -> None:
    """What is not there, or out of this user's reach, needs no rule."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    except OSError as error:
        raise LandlockRefused(f"opening {path}: {error.strerror}") from error
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= OF_FILES
        _add(rules, _BENEATH, _Beneath(rights, place), path)
    finally:
        os.close(place)


def _add(rules: int, kind: int, rule: ctypes.Structure, what: str) -> None:
    syscall("landlock_add_rule", rules, kind, ctypes.byref(rule), 0, error=LandlockRefused, doing=f"allowing {what}")
