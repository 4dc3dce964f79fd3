"""A cell from the inside: the steps of reliability §5.2 in their order, in a process that a zygote has just forked.

The process becomes the *keeper*: it stays outside, waits for the first process of the cell, and ends once nothing of the cell is left.
The first process hardens itself, says "ready", and becomes the launcher. Both end when the zygote does, and with it when the hub does.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from . import capabilities, cgroups, descriptors, ladder, landlock, limits, mounts, namespaces, packets, scheduling, seccomp
from .kernel import PR_SET_CHILD_SUBREAPER, StepRefused, die_with_parent, prctl

READABLE_OF_PROC = ("/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/version")
"""What the fence leaves of /proc: nothing of other processes."""
READABLE_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class BuildRefused(StepRefused):
    """A process of the cell could not be made."""

    step = "process"


class Order(NamedTuple):
    """What is to be built. `work` in bytes, `files` a count; `slot` is the user it becomes, or None for this one.

    The copy becomes `launcher`; `command` replaces it by another program, which is given the launcher's path and the number of its socket.
    `listen` are the addresses and ports inside that the hub accepts on, `hosts` are names with such addresses; `connect` are the ports
    that a fence without a network of its own may connect to.
    `folder` is where a cell without a view of its own works. `layers` are names of layers in a view, and else their folders. One that is
    `spare` is made when nobody else wants the processor.
    """

    cell: int
    level: int
    work: int
    files: int
    environment: dict[str, str]
    readable: list[str]
    slot: int | None = None
    command: list[str] | None = None
    launcher: str = "python.py"
    listen: list[tuple[str, int]] = []  # noqa: RUF012 - a named tuple's default is shared, and nobody changes it
    connect: list[int] = []  # noqa: RUF012 - as above
    folder: str = mounts.WORK
    hosts: dict[str, str] = {}  # noqa: RUF012 - as above
    spare: bool = False
    layers: list[str] = []  # noqa: RUF012 - as above


def launchers(level: int, folder: str) -> str:
    """Where the folder of launchers is for a cell of that level."""
    return mounts.LAUNCHERS if level >= ladder.CELL else folder


def home(folder: str = mounts.WORK) -> dict[str, str]:
    """The variables that name the folder to work in."""
    return {"HOME": folder, "TMPDIR": folder}


Launch = Callable[["Order", int], None]
"""Becomes the launcher, which is given the number of its socket."""


class Ways(NamedTuple):
    """Descriptors: to the hub, for what is printed, into the groups, and to the warden."""

    door: int
    stdout: int
    stderr: int
    groups: list[int]
    warden: int


def keep(order: Order, ways: Ways, launch: Launch) -> NoReturn:
    """Be the keeper; never returns. `launch` is called in the first process once the cell is ready."""
    try:
        first, lifeline = _start(order, ways)
    except (StepRefused, OSError) as error:
        _refuse(order, ways, error)
    if first == 0:
        _be_first(order, ways, lifeline, launch)
    try:
        die_with_parent(error=BuildRefused)
        with socket.socket(fileno=ways.warden) as warden:
            packets.send(warden, {"cell": order.cell, "first": first, "keeper": os.getpid()}, [os.pidfd_open(first)])
        descriptors.keep_only({lifeline})
        with contextlib.suppress(ChildProcessError):
            os.waitpid(first, 0)
        if order.level < ladder.CELL:
            _sweep()
    finally:
        os._exit(0)


def _start(order: Order, ways: Ways) -> tuple[int, int]:
    """Leave what is the machine's, and fork. The first process gets the end of a pipe that tells whether the keeper is still there."""
    descriptors.keep_only({ways.door, ways.stdout, ways.stderr, ways.warden, *ways.groups})
    # All cells stay in the warden's session, which has no terminal: each session has a share of the processor of its own (sched(7),
    # autogroup), beside which a cell that yields would not. Who leads none cannot take a terminal either.
    os.setpgid(0, 0)
    cgroups.join(ways.groups)
    # Only root can raise it again when it is claimed.
    (scheduling.lower if order.spare and ladder.is_root() else scheduling.usual)(0)
    if order.slot is not None:
        if order.layers and order.level < ladder.CELL:
            _copy_layers(order)
        namespaces.become(order.slot)
    if order.level >= ladder.CELL:
        namespaces.enter(namespaces.ALL)
    else:
        prctl(PR_SET_CHILD_SUBREAPER, 1, error=BuildRefused, doing="looking after orphans")
    theirs, ours = os.pipe()
    first = os.fork()
    os.close(theirs if first else ours)
    return first, ours if first else theirs


def _copy_layers(order: Order) -> None:
    """Without a view, a user of its own cannot reach what lies in the hub's folder: it gets its layers as a copy. Raises OSError."""
    import shutil  # noqa: PLC0415 - it is loaded only here

    for number, layer in enumerate(order.layers):
        shutil.copytree(layer, os.path.join(order.folder, mounts.COPIES, str(number)), symlinks=True)


def _be_first(order: Order, ways: Ways, lifeline: int, launch: Launch) -> NoReturn:
    """Harden, say so, become the launcher; never returns."""
    try:
        die_with_parent(error=BuildRefused)
        if select.select([lifeline], [], [], 0)[0]:
            os._exit(1)
        listeners = _furnish(order)
        descriptors.become_standard(ways.stdout, ways.stderr)
        _harden(order)
        with socket.socket(fileno=ways.warden) as warden:
            packets.send(warden, {"cell": order.cell, "ready": True}, [listener.fileno() for listener in listeners])
        for listener in listeners:
            listener.close()
        descriptors.keep_only({ways.door})
    except (StepRefused, OSError) as error:
        _refuse(order, ways, error)
    try:
        launch(order, ways.door)
    except OSError as error:
        sys.stderr.write(f"the program could not be started: {error.strerror}\n")
    finally:
        os._exit(1)


def _furnish(order: Order) -> list[socket.socket]:
    """A network and files of its own."""
    if order.level < ladder.CELL:
        os.chdir(order.folder)
        return []
    namespaces.name_host()
    namespaces.raise_loopback()
    listeners = [namespaces.listen(address, port) for address, port in order.listen]
    mounts.enter_view(work=order.work, files=order.files, layers=order.layers)
    if order.hosts:
        mounts.name_hosts(order.hosts)
    return listeners


def _harden(order: Order) -> None:
    """Limits first, the filter last, since it refuses what the steps before it need."""
    most = limits.PROCESSES
    if order.level < ladder.CELL:
        most += limits.processes_of(os.getuid())
    limits.set_limits(work=order.work, processes=most)
    capabilities.drop()
    capabilities.gain_none()
    if order.level < ladder.FENCE:
        return
    if order.level >= ladder.CELL:
        with contextlib.suppress(StepRefused):
            # The view holds without it; where the kernel has it, it holds twice.
            landlock.restrict(readable=["/"], writable=[mounts.WORK, mounts.SHARED_MEMORY, *READABLE_DEVICES])
        own_network = True
    else:
        readable = [*mounts.SYSTEM, *mounts.OF_ETC, *order.readable, *order.layers, *READABLE_OF_PROC]
        landlock.restrict(readable=readable, writable=[order.folder, *READABLE_DEVICES], connect=order.connect)
        own_network = False
    code = seccomp.program(
        counted=order.level >= ladder.CELL_WITH_GROUP,
        datagrams=own_network,
        ip=own_network or landlock.abi() >= landlock.TCP_SINCE,
    )
    seccomp.install(code)


def _sweep() -> None:
    """Without a process namespace: whatever the first process left is the keeper's now, and is ended until nothing is left."""
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as file:
                left = [int(pid) for pid in file.read().split()]
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
        except (OSError, ValueError):
            continue


def _refuse(order: Order, ways: Ways, error: Exception) -> NoReturn:
    """Tell the warden which step was refused, and end."""
    step = error.step if isinstance(error, StepRefused) else BuildRefused.step
    with contextlib.suppress(OSError), socket.socket(fileno=ways.warden) as warden:
        packets.send(warden, {"cell": order.cell, "failed": step, "reason": str(error)})
    os._exit(1)
