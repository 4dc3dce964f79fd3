"""The filter on system calls (reliability §5.3), written as a classic BPF program from the tables of `syscalls`."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct

from .kernel import StepRefused, syscall
from .syscalls import AUDIT_ARCHITECTURES, NUMBERS, REFUSED, UNCOUNTED_MEMORY, machine

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _MASK, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
"""BPF: load a word, jump if equal, at least, or any bit set; mask; return."""
_CALL, _ARCHITECTURE, _FIRST_ARGUMENT, _ARGUMENT = 0, 4, 16, 8
"""Offsets in `struct seccomp_data`. The low half of an argument comes first on both machines."""
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_X32 = 0x40000000
_SET_MODE_FILTER = 1

NEW_NAMESPACE = 0x7E020080
"""Every CLONE_NEW… flag of `clone`, time included."""
TERMINAL_INJECTIONS = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX put words into the terminal of whoever started us."""
IP = (int(socket.AF_INET), int(socket.AF_INET6))
NETLINK = int(socket.AF_NETLINK)
_TYPE = 0xF
"""The kind of a socket without its flags."""

Instruction = tuple[int, int, int, int]


class SeccompRefused(StepRefused):
    """The filter could not be installed."""

    step = "seccomp"


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def program(*, counted: bool, datagrams: bool, ip: bool) -> bytes:
    """The filter for this machine.

    `counted` says that a group counts memory of every sort; `datagrams` and `ip` what sockets may be, where no network namespace
    holds them. Raises SeccompRefused for a machine without a table.
    """
    if machine() not in NUMBERS:
        raise SeccompRefused(f"there is no table of system calls for {machine()}")
    numbers = NUMBERS[machine()]
    refused = REFUSED if counted else REFUSED + UNCOUNTED_MEMORY
    code = [*_right_machine(), (_LOAD, 0, 0, _CALL), (_AT_LEAST, 0, 1, _X32), _answer(_KILL)]
    # The C library asks again with the older call, whose flags can be looked at.
    code += _when(numbers["clone3"], [_fails(errno.ENOSYS)])
    for name in refused:
        if name in numbers:
            code += _when(numbers[name], [_fails(errno.EPERM)])
    code += _when(numbers["clone"], [_load(0), (_ANY_BIT, 0, 1, NEW_NAMESPACE), _fails(errno.EPERM), _answer(_ALLOW)])
    injections = [step for request in TERMINAL_INJECTIONS for step in _when(request, [_fails(errno.EPERM)])]
    code += _when(numbers["ioctl"], [_load(1), *injections, _answer(_ALLOW)])
    code += _when(numbers["socket"], _sockets(datagrams=datagrams, ip=ip))
    code.append(_answer(_ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in code)


def _sockets(*, datagrams: bool, ip: bool) -> list[Instruction]:
    """Only IP and netlink: no unix sockets, whose names are shared, and no AF_VSOCK, which no network namespace holds."""
    code = [_load(0), *_when(NETLINK, [_answer(_ALLOW)])]
    if ip:
        allowed = [_answer(_ALLOW)]
        if not datagrams:
            allowed = [_load(1), (_MASK, 0, 0, _TYPE), *_when(int(socket.SOCK_STREAM), [_answer(_ALLOW)]), _fails(errno.EACCES)]
        for family in IP:
            code += _when(family, allowed)
    return [*code, _fails(errno.EAFNOSUPPORT)]


def _right_machine() -> list[Instruction]:
    return [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, AUDIT_ARCHITECTURES[machine()]), _answer(_KILL)]


def _when(value: int, steps: list[Instruction]) -> list[Instruction]:
    """Steps for one value of the loaded word; for others they are jumped over."""
    return [(_EQUAL, 0, len(steps), value), *steps]


def _load(argument: int) -> Instruction:
    return (_LOAD, 0, 0, _FIRST_ARGUMENT + _ARGUMENT * argument)


def _answer(what: int) -> Instruction:
    return (_ANSWER, 0, 0, what)


def _fails(number: int) -> Instruction:
    return _answer(_ERRNO | number)


def install(code: bytes) -> None:
    """From here on, for this process and all that it starts. Raises SeccompRefused."""
    held = ctypes.create_string_buffer(code, len(code))
    filter_ = _Program(len(code) // struct.calcsize("HBBI"), ctypes.addressof(held))
    syscall("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(filter_), error=SeccompRefused, doing="installing the filter")
