"""What a cell sees of the machine's files: a read-only view, a folder to work in, and nothing else (reliability §5.2).

A zygote makes the view once, in a mount namespace of its own which it then never leaves; each cell mounts its own proc, work folder and
shared memory over it and makes it its root. The view's files are opened by the zygote's user, so that a cell's own user need not be
able to reach them where they lie.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TextIO

from . import ladder
from .kernel import StepRefused, checked, libc, syscall
from .syscalls import NUMBERS, machine

READ_ONLY, NO_SETUID, NO_DEVICES, NO_EXECUTION = 1, 2, 4, 8
_REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 32, 4096, 16384, 1 << 18
_DETACH = 2
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_ATTRIBUTES = struct.Struct("QQQQ")
HARMLESS = NO_SETUID | NO_DEVICES

VIEW = "/view"
WORK = "/home/action"
LAUNCHERS = "/launchers"
LAYERS = "/layers"
"""Outside of the view all layers of the hub; inside the ones that this cell was made with, by number."""
CONTENT = "content"
MOST_LAYERS = 4
COPIES = ".layers"
"""Where copies of them are in the folder of a cell without a view."""
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a cell's own
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - as above
DEVICES = ("null", "zero", "full", "random", "urandom")
VIEW_SIZE, VIEW_FILES = 1 << 20, 512
SHARED_MEMORY_SIZE = 16 << 20
SHARED_MEMORY_FILES = 256
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Starter and libraries."""
OF_ETC = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/etc/crypto-policies",
    "/etc/localtime",
    "/etc/alternatives",
    "/etc/mime.types",
)
"""Certificates, and what the loader and the clock need."""
HOSTS = "/etc/hosts"
FILES = {
    "/etc/passwd": "root:x:0:0:root:/:/usr/sbin/nologin\naction:x:1000:1000:action:/home/action:/bin/sh\n",
    "/etc/group": "root:x:0:\naction:x:1000:\n",
    HOSTS: "127.0.0.1 localhost cell\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/resolv.conf": "",
    "/etc/hostname": "cell\n",
}


class MountsRefused(StepRefused):
    """The cell's view of the files could not be made."""

    step = "mounts"


def make_view(scratch: str, readable: list[str], launchers: str, *, modules: dict[str, str], layers: str) -> None:
    """Leave the machine's files for a root that holds nothing but the view, made at `scratch`, an empty folder.

    `readable` is seen at its own paths, the folder `launchers` at `LAUNCHERS`, `modules` at the places that they are listed by. The
    folder `layers`, if there is one, lies beside the view, where single cells get theirs from. Wants a mount namespace of its own.
    Raises MountsRefused.
    """
    keep_private()
    _mount("tmpfs", scratch, "tmpfs", HARMLESS, f"size={2 * VIEW_SIZE},nr_inodes={VIEW_FILES},mode=755")
    view = scratch + VIEW
    os.mkdir(view)
    _mount("tmpfs", view, "tmpfs", HARMLESS, f"size={VIEW_SIZE},nr_inodes={VIEW_FILES},mode=755")
    for path in (*SYSTEM, *OF_ETC, *readable):
        _show(path, view + path)
    _show(launchers, view + LAUNCHERS)
    for place, path in modules.items():
        _show(path, view + place)
    _make_devices(view)
    for path, text in FILES.items():
        with _new_file(view + path) as file:
            file.write(text)
    for path in (SHARED_MEMORY, WORK, "/proc", *(f"{LAYERS}/{number}" for number in range(MOST_LAYERS))):
        os.makedirs(view + path, exist_ok=True)
    for path in TEMPORARY:
        os.makedirs(os.path.dirname(view + path), exist_ok=True)
        if not os.path.lexists(view + path):  # it is there when something readable lies below
            os.symlink(WORK, view + path)
    _mount(None, view, None, _BIND | _REMOUNT | READ_ONLY | HARMLESS)
    # A cell may mount a proc of its own only where one is in sight that hides nothing.
    os.mkdir(scratch + "/proc")
    _mount("/proc", scratch + "/proc", None, _BIND | _RECURSIVE)
    if layers:
        _show(layers, scratch + LAYERS)
    _become_root(scratch)


def _make_devices(view: str) -> None:
    for name in DEVICES:
        _touch(f"{view}/dev/{name}")
        _mount(f"/dev/{name}", f"{view}/dev/{name}", None, _BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{view}/dev/{name}")


def keep_private() -> None:
    """What is mounted in this namespace from now on is seen in no other. Raises MountsRefused."""
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)


def enter_view(*, work: int, files: int, layers: list[str]) -> None:
    """Make the view the root of this cell, with a work folder of `work` bytes and `files` files, and with these layers by name.

    Raises MountsRefused.
    """
    _mount(VIEW, VIEW, None, _BIND | _RECURSIVE)
    _mount("proc", VIEW + "/proc", "proc", HARMLESS | NO_EXECUTION)
    _mount("tmpfs", VIEW + WORK, "tmpfs", HARMLESS, f"size={work},nr_inodes={files},mode=700")
    shared = f"size={SHARED_MEMORY_SIZE},nr_inodes={SHARED_MEMORY_FILES},mode=1777"
    _mount("tmpfs", VIEW + SHARED_MEMORY, "tmpfs", HARMLESS | NO_EXECUTION, shared)
    for number, name in enumerate(layers):
        _mount(f"{LAYERS}/{name}/{CONTENT}", f"{VIEW}{LAYERS}/{number}", None, _BIND)
    _become_root(VIEW)
    os.chdir(WORK)


def places(level: int, layers: list[str]) -> list[str]:
    """Where layers, given by their folders, are for a cell of that level; relative ones are so to its own folder."""
    if level >= ladder.CELL:
        return [f"{LAYERS}/{number}" for number in range(len(layers))]
    return [f"{COPIES}/{number}" for number in range(len(layers))] if ladder.is_root() else layers


def name_hosts(hosts: dict[str, str]) -> None:
    """Let names stand for addresses in this cell alone. Wants the work folder. Raises MountsRefused."""
    own = f"{WORK}/.hosts"
    with _new_file(own) as file:
        file.write(FILES[HOSTS] + "".join(f"{address} {name}\n" for name, address in hosts.items()))
    _mount(own, HOSTS, None, _BIND)
    _mount(None, HOSTS, None, _BIND | _REMOUNT | READ_ONLY | HARMLESS)


def _become_root(place: str) -> None:
    """The root is `place`; the former one lies over it for a moment, and is gone."""
    os.chdir(place)
    syscall("pivot_root", b".", b".", error=MountsRefused, doing=f"making {place} the root")
    checked(libc.umount2(b".", _DETACH), error=MountsRefused, doing="leaving the former root")
    os.chdir("/")


def _show(path: str, place: str) -> None:
    """Read only at a place in the view; what is not there is not shown."""
    if os.path.lexists(place) or not os.path.exists(path):
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), place)
        return
    if os.path.isdir(path):
        os.mkdir(place)
    else:
        _touch(place)
    _mount(path, place, None, _BIND | _RECURSIVE)
    _protect(place)


def _protect(place: str) -> None:
    """Read only with all that is mounted below; kernels before 5.12 can say it of the top alone."""
    attributes = _ATTRIBUTES.pack(READ_ONLY | HARMLESS, 0, 0, 0)
    number = NUMBERS[machine()]["mount_setattr"]
    words = (ctypes.c_long(_AT_FDCWD), place.encode(), ctypes.c_ulong(_AT_RECURSIVE), attributes, ctypes.c_ulong(len(attributes)))
    if libc.syscall(number, *words) < 0:
        # A flag that the machine set for good has to be said again.
        kept = os.statvfs(place).f_flag & NO_EXECUTION
        _mount(None, place, None, _BIND | _REMOUNT | READ_ONLY | HARMLESS | kept)


def _touch(path: str) -> None:
    _new_file(path).close()


def _new_file(path: str) -> TextIO:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return open(path, "x")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    result = libc.mount(*words, ctypes.c_ulong(flags), None if options is None else options.encode())
    checked(result, error=MountsRefused, doing=f"mounting {source or kind or 'again'} at {target}")
