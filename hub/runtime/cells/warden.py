"""The warden: the hub asks it for cells (reliability §5.2).

It is started by the hub with an empty environment and one socket, and alone stays root when the hub was started as root: it gives each
cell a user and groups of its own, keeps zygotes, ends cells, and says when and why they ended. One thread, no secrets, no network.

From the hub: the plan, then `make`, `claim`, `weigh` and `end` of numbered cells. To the hub: `warden` once it is ready, or `refused`; for
each cell `made` with its descriptors, or `failed` with the step; in the end `ended`, for every cell that was asked for.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from . import build, cgroups, descriptors, ladder, limits, packets, scheduling
from .kernel import StepRefused

RENEW_AFTER = 3600
MOST_COPIES = 10_000
"""A zygote is replaced after an hour, or so many cells: all its copies share the seed of their hashes and the layout of their memory."""
_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
_TRY_AGAIN = 0.02
LOOK_EVERY = 60.0
"""How often (s) the age of the zygote is looked at when nothing else happens."""
RETRY_AFTER = 0.5
"""How long (s) after a try at a new zygote the next one may be, while the old one goes on."""
LAST_SECONDS = 0.5
"""How long what is ended may take when all is over: nothing is left a second after the hub."""
PASSABLE = 0o711
"""A cell's user goes through to its own folder and sees no other."""


class ZygoteRefused(StepRefused):
    """The zygote could not be made."""

    step = "zygote"


class Zygote:
    """The warden's side of one."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.way, theirs = packets.pair()
        with theirs:
            theirs.set_inheritable(True)
            self.pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", _PROGRAM, "zygote", str(theirs.fileno())], {})
        packets.send(self.way, plan)
        self.ready = False
        self.retired = False
        self.copies = 0
        self.living = 0
        self.since = time.monotonic()

    def old(self, most_copies: int) -> bool:
        """Whether it should be replaced."""
        return self.copies >= most_copies or time.monotonic() - self.since > RENEW_AFTER

    def end(self) -> None:
        """End it with every cell that is left of it."""
        self.way.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Cell:
    """What the warden holds of one cell until it has ended."""

    def __init__(self, number: int, slot: int | None) -> None:
        self.number = number
        self.slot = slot
        self.zygote: Zygote | None = None
        self.group: cgroups.Group | None = None
        self.bell: int | None = None
        self.folder: str | None = None
        self.ours: list[int] = []
        self.first: int | None = None
        self.first_pid = 0
        self.keeper = 0
        self.listeners: list[int] | None = None
        self.doomed = False
        self.made = False
        self.out_of_memory = False

    def kill(self) -> None:
        """End it; one that is only being made ends as soon as it can be."""
        self.doomed = True
        if self.first is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)

    def close(self) -> None:
        """Give back every descriptor."""
        for number in (*self.ours, *(self.listeners or ()), self.first, self.bell):
            if number is not None:
                os.close(number)
        self.ours, self.listeners, self.first, self.bell = [], None, None, None


class Warden:
    """The loop.

    `plan` is the hub's: `level`, `name` of the groups, `scratch`, `temporary`, `readable`, `launchers`, and if it should be another
    number than ours, `most_copies` of a zygote.
    """

    def __init__(self, hub: socket.socket, plan: dict[str, Any]) -> None:
        self._hub = hub
        self._plan = plan
        self._level = plan["level"]
        self._cells: dict[int, Cell] = {}
        self._bells: dict[int, Cell] = {}
        self._left: list[Cell] = []
        self._orders: deque[tuple[dict[str, Any], Cell]] = deque()
        self._zygotes: dict[int, Zygote] = {}
        self._slots: deque[int] | None = None
        self._groups: cgroups.Groups | None = None
        self._folders = ""
        self._ready = False
        self._closing = False
        self._renewed = 0.0
        self._most_copies = plan.get("most_copies", MOST_COPIES)
        self._poll = select.poll()

    def open(self) -> None:
        """Take what the level needs. Raises StepRefused."""
        if ladder.is_root():
            try:
                first = ladder.first_slot()
            except LookupError as error:
                raise ZygoteRefused(str(error)) from error
            self._slots = deque(range(first, first + ladder.SLOTS))
            self._slots.rotate(int.from_bytes(os.urandom(2)))
        if self._level >= ladder.CELL_WITH_GROUP:
            self._groups = cgroups.Groups(self._plan["name"])
        if self._level < ladder.CELL:
            self._make_folders()
        self._poll.register(self._hub, select.POLLIN)
        self._new_zygote()

    def _make_folders(self) -> None:
        """Where cells without a view of their own work; what a warden of the same hub left there goes."""
        import tempfile  # noqa: PLC0415 - it is loaded only where there is no view

        place, prefix = self._plan["temporary"], self._plan["name"] + "-"
        os.makedirs(place, exist_ok=True)
        for name in os.listdir(place):
            path = os.path.join(place, name)
            if name.startswith(prefix) and os.lstat(path).st_uid == os.geteuid():
                shutil.rmtree(path, ignore_errors=True)
        self._folders = tempfile.mkdtemp(prefix=prefix, dir=place)
        os.chmod(self._folders, PASSABLE)

    def serve(self) -> None:
        """Until the hub closes its end."""
        while True:
            for number, _ in self._poll.poll((_TRY_AGAIN if self._left else LOOK_EVERY) * 1000):
                if number == self._hub.fileno():
                    self._hear_hub()
                elif number in self._zygotes:
                    self._hear_zygote(self._zygotes[number])
                elif number in self._bells:
                    self._out_of_memory(self._bells[number])
            self._left = [cell for cell in self._left if not self._clean(cell)]
            current = self._usable()
            if current is not None:
                self._renew(current)

    # From the hub

    def _hear_hub(self) -> None:
        message, _ = packets.receive(self._hub)
        number = message["cell"]
        if message["do"] == "make":
            self._make(number, message)
        elif number in self._cells:
            cell = self._cells[number]
            if message["do"] == "end":
                cell.kill()
            elif message["do"] == "claim":
                self._claim(cell, message)
            elif message["do"] == "weigh":
                self._weigh(cell, yields=message["yields"])

    def _make(self, number: int, message: dict[str, Any]) -> None:
        cell = self._cells[number] = Cell(number, self._slots.popleft() if self._slots else None)
        try:
            if self._groups is not None:
                cell.group = self._groups.make(str(number), message["memory"])
                cell.group.lower(yields=message["order"].get("spare", False))
                cell.bell = cell.group.watch()
                if cell.bell is not None:
                    self._bells[cell.bell] = cell
                    self._poll.register(cell.bell, select.POLLIN)
            if self._level < ladder.CELL:
                self._give_folder(cell)
        except (StepRefused, OSError) as error:
            self._failed(cell, getattr(error, "step", "folder"), str(error))
            self._ended(cell)
            return
        self._orders.append((message["order"], cell))
        self._carry_out()

    def _give_folder(self, cell: Cell) -> None:
        folder = os.path.join(self._folders, str(cell.number))
        os.mkdir(folder, 0o700)
        cell.folder = folder
        if cell.slot is not None:
            os.chown(folder, cell.slot, cell.slot)

    def _claim(self, cell: Cell, message: dict[str, Any]) -> None:
        """From now on it is of an action with limits of its own."""
        self._weigh(cell, yields=False)
        with contextlib.suppress(StepRefused):
            if cell.group is not None:
                cell.group.limit(message["memory"])
            if message["data"] and cell.first_pid:
                limits.limit_data(cell.first_pid, message["data"])

    def _weigh(self, cell: Cell, *, yields: bool) -> None:
        """Whether it runs only when nobody else wants the processor."""
        if cell.group is not None:
            cell.group.lower(yields=yields)
        if cell.first is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # Only while the numbers are its own.
                signal.pidfd_send_signal(cell.first, 0)
                for pid in (cell.keeper, cell.first_pid):
                    (scheduling.lower if yields else scheduling.usual)(pid)

    # Making one

    def _new_zygote(self) -> None:
        zygote = Zygote(
            {key: self._plan[key] for key in ("level", "scratch", "readable", "launchers", "modules", "layers") if key in self._plan}
        )
        self._zygotes[zygote.way.fileno()] = zygote
        self._poll.register(zygote.way, select.POLLIN)
        if self._groups is not None:
            self._groups.join(zygote.pid)

    def _carry_out(self) -> None:
        """Hand orders to the zygote as far as there is one that is ready."""
        current = self._usable()
        if current is None:
            return
        while self._orders:
            order, cell = self._orders.popleft()
            if cell.doomed:
                self._failed(cell, "process", "it was ended before it was made")
                self._ended(cell)
            else:
                self._order(current, order, cell)
        self._renew(current)

    def _usable(self) -> Zygote | None:
        """The one that copies are made of."""
        return next((zygote for zygote in self._zygotes.values() if zygote.ready and not zygote.retired), None)

    def _renew(self, current: Zygote) -> None:
        """Start the next zygote when this one is old; it makes cells until the next is ready."""
        now = time.monotonic()
        starting = any(not zygote.ready for zygote in self._zygotes.values())
        if current.old(self._most_copies) and not starting and now >= self._renewed + RETRY_AFTER:
            self._renewed = now
            self._new_zygote()

    def _take_over(self, fresh: Zygote) -> None:
        """A zygote is ready: the former ones make no more cells, and end with their last."""
        fresh.ready = True
        for former in tuple(self._zygotes.values()):
            if former is not fresh and former.ready:
                former.retired = True
                if not former.living:
                    self._drop(former)
        self._carry_out()

    def _order(self, zygote: Zygote, order: dict[str, Any], cell: Cell) -> None:
        door, door_inside = socket.socketpair()
        stdout, stdout_inside = os.pipe()
        stderr, stderr_inside = os.pipe()
        cell.ours = [door.detach(), stdout, stderr]
        inside = [door_inside.detach(), stdout_inside, stderr_inside]
        cell.zygote = zygote
        readable = [*self._plan["readable"], self._plan["launchers"], *self._plan.get("modules", {}).values()]
        # What holds the cell is ours to say, whatever the order says.
        whole = {**order, "cell": cell.number, "level": self._level, "slot": cell.slot, "readable": readable}
        if cell.folder is not None:
            whole["folder"] = cell.folder
            whole["environment"] = {**whole["environment"], **build.home(cell.folder)}
        try:
            if cell.group is not None:
                inside += cell.group.doors()
            packets.send(zygote.way, whole, inside)
        except (StepRefused, OSError) as error:
            self._failed(cell, getattr(error, "step", "zygote"), str(error))
            self._ended(cell)
        else:
            zygote.copies += 1
            zygote.living += 1
        finally:
            for number in inside:
                os.close(number)

    # From a zygote

    def _hear_zygote(self, zygote: Zygote) -> None:
        try:
            message, passed = packets.receive(zygote.way)
        except EOFError:
            self._lost(zygote)
            return
        if "zygote" in message:
            if not self._ready:
                self._ready = True
                self._tell({"warden": "ready"})
            self._take_over(zygote)
        elif "refused" in message:
            if self._usable() is None:
                raise ZygoteRefused(f"{message['refused']}: {message['reason']}")
            self._drop(zygote)
        else:
            self._hear_cell(self._cells[message["cell"]], message, passed)

    def _hear_cell(self, cell: Cell, message: dict[str, Any], passed: list[int]) -> None:
        if "first" in message:
            cell.first_pid, cell.keeper, cell.first = message["first"], message["keeper"], passed[0]
            if cell.doomed:
                cell.kill()
        elif "ready" in message:
            cell.listeners = passed
        elif "failed" in message:
            self._failed(cell, message["failed"], message["reason"])
            cell.kill()
        elif "ended" in message:
            self._ended(cell)
            return
        if cell.first is not None and cell.listeners is not None and not cell.made:
            self._made(cell)

    def _made(self, cell: Cell) -> None:
        cell.made = True
        peak_file = cell.group.peak_file if cell.group is not None else None
        message = {"cell": cell.number, "made": True, "keeper": cell.keeper, "first": cell.first_pid, "peak_file": peak_file}
        message["relents"] = ladder.is_root()
        self._tell(message, [*cell.ours, *(cell.listeners or ())])
        for number in (*cell.ours, *(cell.listeners or ())):
            os.close(number)
        cell.ours, cell.listeners = [], []

    def _failed(self, cell: Cell, step: str, reason: str) -> None:
        if not cell.made:
            cell.made = True
            self._tell({"cell": cell.number, "failed": step, "reason": reason})

    def _out_of_memory(self, cell: Cell) -> None:
        """Version 1 of the groups ends one process; what runs out of memory ends as a whole."""
        if cell.bell is not None:
            os.eventfd_read(cell.bell)
        if cell.group is not None and cell.group.ran_out():
            cell.out_of_memory = True
            cell.kill()

    def _tell(self, message: dict[str, Any], passed: Sequence[int] = ()) -> None:
        """Say something to the hub; when it is gone, reading says so."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            packets.send(self._hub, message, passed)

    # The end of one

    def _ended(self, cell: Cell) -> None:
        """Nothing of it is left."""
        self._failed(cell, "process", "it ended while it was made")
        del self._cells[cell.number]
        peak = 0
        if cell.group is not None:
            peak = cell.group.peak()
            cell.out_of_memory = cell.out_of_memory or cell.group.ran_out()
        if cell.bell is not None:
            self._poll.unregister(cell.bell)
            del self._bells[cell.bell]
        if cell.zygote is not None:
            cell.zygote.living -= 1
            if cell.zygote.retired and not cell.zygote.living:
                self._drop(cell.zygote)
        cell.close()
        self._tell({"cell": cell.number, "ended": True, "out_of_memory": cell.out_of_memory, "peak": peak})
        if not self._clean(cell):
            self._left.append(cell)

    def _clean(self, cell: Cell) -> bool:
        """Whether its groups and its folder are gone, so that its user may be another's."""
        if cell.group is not None and not cell.group.remove():
            return False
        if cell.folder is not None:
            shutil.rmtree(cell.folder, ignore_errors=True)
        if cell.slot is not None and self._slots is not None:
            self._slots.append(cell.slot)
        return True

    def _lost(self, zygote: Zygote) -> None:
        """A zygote ended, and its cells with it; the next one is started at once."""
        if not zygote.ready and not self._usable():
            raise ZygoteRefused("it ended while it was started")
        self._drop(zygote)
        for cell in [cell for cell in self._cells.values() if cell.zygote is zygote]:
            cell.kill()
            if cell.first is not None:
                gone = select.poll()
                gone.register(cell.first, select.POLLIN)
                gone.poll()
            # Nothing was in it yet: with these words the hub asks for another one.
            self._failed(cell, ZygoteRefused.step, "it ended while it made the cell")
            self._ended(cell)
        if not self._closing and all(other.retired for other in self._zygotes.values()):
            self._new_zygote()

    def _drop(self, zygote: Zygote) -> None:
        if zygote.way.fileno() not in self._zygotes:
            return
        self._poll.unregister(zygote.way)
        del self._zygotes[zygote.way.fileno()]
        zygote.end()

    def close(self) -> None:
        """End everything, and wait for it, so that the groups can go; what does not end in time goes with its zygote."""
        self._closing = True
        until = time.monotonic() + LAST_SECONDS
        for cell in self._cells.values():
            cell.kill()
        with contextlib.suppress(KeyError):
            self._poll.unregister(self._hub)
        while self._cells and time.monotonic() < until:
            for number, _ in self._poll.poll(_TRY_AGAIN * 1000):
                if number in self._zygotes:
                    self._hear_zygote(self._zygotes[number])
        for zygote in tuple(self._zygotes.values()):
            self._drop(zygote)
        while self._left and time.monotonic() < until:
            self._left = [cell for cell in self._left if not self._clean(cell)]
            time.sleep(_TRY_AGAIN)
        if self._groups is not None:
            self._groups.close()
        if self._folders:
            shutil.rmtree(self._folders, ignore_errors=True)


def main(words: list[str]) -> None:
    """The program: `warden SOCKET [SETTLED]`; what a supervisor settled wins over what the plan says."""
    hub = socket.socket(fileno=int(words[0]))
    descriptors.keep_only({hub.fileno()})
    hub.set_inheritable(False)
    warden: Warden | None = None
    try:
        # It need not be killed with the hub: the closed socket tells it, and it has groups and folders to clear away.
        plan, _ = packets.receive(hub)
        warden = Warden(hub, {**plan, **json.loads(words[1] if words[1:] else "{}")})
        warden.open()
        warden.serve()
    except StepRefused as error:
        with contextlib.suppress(OSError):
            packets.send(hub, {"refused": error.step, "reason": str(error)})
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    finally:
        if warden is not None:
            warden.close()
