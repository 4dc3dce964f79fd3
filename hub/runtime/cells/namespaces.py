"""Namespaces: a cell's own users, mounts, processes, network, IPC, host name and groups (reliability §5.2)."""

from __future__ import annotations

import fcntl
import os
import socket
import struct

from .kernel import PR_SET_DUMPABLE, StepRefused, prctl, syscall

NEW_MOUNTS = 0x00020000
NEW_CGROUPS = 0x02000000
NEW_HOST_NAME = 0x04000000
NEW_IPC = 0x08000000
NEW_USERS = 0x10000000
NEW_PROCESSES = 0x20000000
NEW_NETWORK = 0x40000000
ALL = NEW_MOUNTS | NEW_CGROUPS | NEW_HOST_NAME | NEW_IPC | NEW_USERS | NEW_PROCESSES | NEW_NETWORK

INSIDE = 1000
"""The user and group that a cell's processes see themselves as."""
HOST_NAME = b"cell"
LOOPBACK = "127.0.0.1"
BACKLOG = 64
_SIOCSIFFLAGS = 0x8914
_IFF_UP, _IFF_LOOPBACK_RUNNING = 0x1, 0x40
_INTERFACE = struct.Struct("16sH14x")


class NamespacesRefused(StepRefused):
    """Namespaces of its own could not be had."""

    step = "namespaces"


class SlotRefused(StepRefused):
    """The user of a cell's own could not be become."""

    step = "slot"


def become(slot: int) -> None:
    """Become a user that nobody else is, for good. Raises SlotRefused."""
    try:
        os.setgroups([])
        os.setresgid(slot, slot, slot)
        os.setresuid(slot, slot, slot)
    except OSError as error:
        raise SlotRefused(f"becoming user {slot}: {error.strerror}") from error
    # Changing users takes a process's own /proc files away from it; the maps are written there.
    prctl(PR_SET_DUMPABLE, 1, error=SlotRefused, doing="owning its own /proc")


def enter(flags: int, *, inside: int = INSIDE) -> None:
    """Leave the machine's namespaces; with users among them, this user is `inside` there and there are no others.

    Raises NamespacesRefused.
    """
    user, group = os.geteuid(), os.getegid()
    syscall("unshare", flags, error=NamespacesRefused, doing="leaving the machine's namespaces")
    if flags & NEW_USERS:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{inside} {user} 1")
        _write("/proc/self/gid_map", f"{inside} {group} 1")


def name_host() -> None:
    """No cell learns the machine's name. Raises NamespacesRefused."""
    syscall("sethostname", HOST_NAME, len(HOST_NAME), error=NamespacesRefused, doing="naming the host")


def raise_loopback() -> None:
    """Bring the only interface up. Raises NamespacesRefused."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _INTERFACE.pack(b"lo", _IFF_UP | _IFF_LOOPBACK_RUNNING))
        except OSError as error:
            raise NamespacesRefused(f"bringing loopback up: {error.strerror}") from error


def listen(address: str, port: int) -> socket.socket:
    """A listener in this network, which has loopback's addresses only.

    It stays there when it is passed to the hub, which thereby accepts from inside.

    Raises NamespacesRefused.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        raise NamespacesRefused(f"listening on {address}:{port}: {error.strerror}") from error
    return listener


def _write(path: str, text: str) -> None:
    try:
        file = os.open(path, os.O_WRONLY)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)
    except OSError as error:
        raise NamespacesRefused(f"writing {path}: {error.strerror}") from error
