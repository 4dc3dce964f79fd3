"""Launchers in cells: some stand ready, the others are built when they are asked for (reliability §5.4, design §9).

Python cells are copies of a zygote. Node.js cannot be copied: it is started ahead of need inside a ready cell. A ready cell has belonged
to nobody; one that was used is never handed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hub.runtime import modules
from hub.runtime.base import LaunchFailed
from hub.runtime.cells import ladder, limits, mounts
from hub.runtime.cells.namespaces import BACKLOG, LOOPBACK
from hub.runtime.egress import Gate, Place
from hub.runtime.kinds import Kind
from hub.runtime.proxy import Forwarder, Proxy
from hub.runtime.spawn import Wanted
from hub.runtime.starters import CHILDREN, Starter
from hub.runtime.warden import Cell, Plan, Warden, WardenLost, WardenRefused
from hub.telemetry import metrics
from hub.telemetry.log import get_logger

log = get_logger(__name__)

READY = 2
"""How many cells of a sort stand ready once it is in use."""
MEMORY = 256
"""What a ready cell may take (MB) before it is claimed."""
WORK, FILES = 64 << 20, 4096
"""Bytes and files of the folder to work in; the code of an archive comes on top."""
SPARE, SPARE_FILES = 8 << 20, 256
"""What is on top already, so that a ready cell takes the code of most archives."""
EGRESS_PORT = 3128
"""Where the way out is inside a cell."""
OTHER_PORT = 3233
"""Where the API is inside when the hub's own port is taken by the way out; else it has the same port as outside."""
AGAIN_AFTER = 0.5
TRIES = 3
"""How often a cell is made that is lost while it is."""
MOST_PLACES = 32
FIRST_PLACE = 2
"""The last number of the address that the first declared host has inside."""
REST = 0.1
"""New cells are made ready once none of their sort was claimed for so long (s): what was claimed runs first."""

Factory = Callable[[], asyncio.BaseProtocol]
Sort = tuple[str, int]
"""What may be used for one another: the sort of the kind and, where memory is said when a program starts, the memory."""


class Doors:
    """What answers inside the cells beside their way out: the hub's API, which is set before anything runs."""

    def __init__(self) -> None:
        self.api: Factory | None = None

    def call_api(self) -> asyncio.BaseProtocol:
        """A connection to the API was accepted."""
        if self.api is None:
            raise RuntimeError("the API is not open")
        return self.api()


class CellSpawner:
    """See `hub.runtime.spawn.Spawner`.

    `api_host` is the hub's address where nothing stands in between, `port` its port, which is that of the API inside cells as well;
    `idle` (s) is how long ready cells stay when none of their sort is used.
    """

    def __init__(
        self,
        plan: Plan,
        level: int,
        doors: Doors,
        *,
        api_host: Callable[[], str],
        port: int,
        idle: float,
        starter: Starter = CHILDREN,
    ) -> None:
        self._plan = plan
        self._level = level
        self._doors = doors
        self._api_host = api_host
        self._api_port = OTHER_PORT if port == EGRESS_PORT else port
        self._idle = idle
        self._ready: dict[Sort, deque[Cell]] = {}
        self._used: dict[Sort, tuple[float, Kind]] = {}
        self._filling: dict[Sort, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[bool]] = set()
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._starter = starter
        self.warden = Warden(plan, level, self._lost, starter)
        self._restarting: asyncio.Task[None] | None = None
        self._tried: asyncio.Future[None] = self._loop.create_future()
        self.outage: str | None = None

    async def open(self, first: Kind | None = None) -> None:
        """Start the warden, and some cells of a first kind. Raises WardenRefused."""
        await self.warden.open()
        if first is not None:
            self._use(_sort(first, MEMORY), first)
        self._timer = self._loop.call_later(self._idle, self._expire)

    async def spawn(self, wanted: Wanted) -> Cell:
        """See `Spawner.spawn`."""
        sort = _sort(wanted.kind, wanted.memory)
        begun = self._loop.time()
        try:
            places = wanted.egress.places[:MOST_PLACES] if wanted.egress is not None else ()
            fits = wanted.unpacked <= SPARE and wanted.files <= SPARE_FILES and not places and not wanted.layers
            cell = self._take(sort) if fits else None
            ready = cell is not None
            if cell is None:
                cell = await self._surely(wanted, places)
        except WardenRefused as error:
            raise LaunchFailed(f"a cell could not be built: {error}") from error
        # Programs that a copy starts reserve more than they use, as Node.js does.
        data = wanted.memory if wanted.kind.copied and wanted.kind.family == "python" else 0
        cell.claim(wanted.memory + wanted.unpacked // limits.MB, data=data)
        cell.gate.claim(wanted.egress)
        metrics.cell_claimed(self._loop.time() - begun, ready=ready)
        cell.modules = modules.place_for(wanted.kind, own_view=self._level >= ladder.CELL)
        if fits:
            self._use(sort, wanted.kind)
        return cell

    async def _surely(self, wanted: Wanted, places: tuple[Place, ...]) -> Cell:
        """A cell that was lost while it was made held nothing yet: it is made again. Raises WardenRefused, LaunchFailed."""
        for _ in range(TRIES):
            if self._restarting is not None:
                await asyncio.shield(self._tried)
            if self.outage is not None:
                raise LaunchFailed(self.outage)
            with contextlib.suppress(WardenLost):
                return await self._make(
                    wanted.kind, wanted.memory, unpacked=wanted.unpacked, files=wanted.files, places=places, layers=wanted.layers
                )
        raise WardenRefused(f"it was lost {TRIES} times while it was made")

    def _take(self, sort: Sort) -> Cell | None:
        ready = self._ready.get(sort)
        while ready:
            cell = ready.popleft()
            if cell.alive:
                self._count()
                return cell
            self._end(cell)
        return None

    async def _make(
        self,
        kind: Kind,
        memory: int,
        *,
        unpacked: int = 0,
        files: int = 0,
        places: tuple[Place, ...] = (),
        layers: tuple[str, ...] = (),
        spare: bool = False,
    ) -> Cell:
        """A cell with its listeners; `places` get one each, and their names stand for its address inside."""
        own_network = self._level >= ladder.CELL
        fence = [_fence_door(), _fence_door()] if self._level == ladder.FENCE else []
        way_out, api = [door.getsockname()[1] for door in fence] or [EGRESS_PORT, self._api_port]
        gate = Gate((LOOPBACK, api), self._doors.call_api)
        inside = _addresses(places)
        listen = [(LOOPBACK, way_out), (LOOPBACK, api), *((inside[host], port) for host, port in places)]
        order: dict[str, Any] = {
            "work": WORK + max(unpacked, SPARE),
            "files": FILES + max(files, SPARE_FILES),
            "environment": {**self._environment(way_out, api), **kind.environment},
            "listen": listen if own_network else [],
            "hosts": inside if own_network else {},
            "connect": [way_out, api],
            "spare": spare,
        }
        order["launcher"] = kind.launcher
        if not kind.copied:
            order["command"] = [kind.program, *kind.flags(memory)]
        if layers:
            order["layers"] = [Path(folder).name if own_network else f"{folder}/{mounts.CONTENT}" for folder in layers]
        try:
            cell = await self.warden.make(order, memory + unpacked // limits.MB)
        except BaseException:
            for door in fence:
                door.close()
            raise
        cell.gate = gate
        cell.layers = mounts.places(self._level, order.get("layers", []))
        cell.listeners += fence
        doors: list[Factory] = [partial(Proxy, gate), self._doors.call_api, *(partial(Forwarder, gate, place) for place in places)]
        for listener, answers in zip(cell.listeners, doors, strict=False):
            cell.servers.append(await self._loop.create_server(answers, sock=listener))
        return cell

    def _environment(self, way_out: int, api: int) -> dict[str, str]:
        """What a launcher finds; nothing of the hub's own. `way_out` is the port of the proxy, `api` that of the hub's API."""
        common = {
            **modules.environment(own_view=self._level >= ladder.CELL),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": mounts.WORK,
            "TMPDIR": mounts.WORK,
        }
        if self._level < ladder.FENCE:
            return {**common, "__OW_API_HOST": self._api_host()}
        proxy = f"http://{LOOPBACK}:{way_out}"
        ways_out = {name: proxy for lower in ("http_proxy", "https_proxy") for name in (lower, lower.upper())}
        # Loopback is the machine's where that is allowed, and the hub's API otherwise.
        inside = dict.fromkeys(("no_proxy", "NO_PROXY"), f"{LOOPBACK}:{api}")
        return {**common, **ways_out, **inside, "__OW_API_HOST": f"http://{LOOPBACK}:{api}"}

    # Cells that stand ready

    def _use(self, sort: Sort, kind: Kind) -> None:
        """It is in use: some of this sort stand ready from now on."""
        self._used[sort] = (self._loop.time(), kind)
        if sort not in self._filling and not self._closing and len(self._ready.get(sort, ())) < READY:
            task = self._filling[sort] = self._loop.create_task(self._fill(sort, kind))
            task.add_done_callback(lambda _: self._filling.pop(sort, None))

    async def _fill(self, sort: Sort, kind: Kind) -> None:
        ready = self._ready.setdefault(sort, deque())
        while len(ready) < READY and sort in self._used and not self._closing:
            if (rest := self._used[sort][0] + REST - self._loop.time()) > 0:
                await asyncio.sleep(rest)
                continue
            try:
                cell = await self._make(kind, sort[1] or MEMORY, spare=True)
            except WardenRefused as error:
                log.warning("No cell could be made ready", reason=str(error))
                return
            if self._ready.get(sort) is not ready:
                self._end(cell)
                return
            ready.append(cell)
            self._count()

    def _count(self) -> None:
        metrics.cells_ready(sum(map(len, self._ready.values())))

    def _expire(self) -> None:
        """Ready cells of what was not used for long are ended."""
        now = self._loop.time()
        for sort, (used, _) in list(self._used.items()):
            if now - used >= self._idle:
                del self._used[sort]
                for cell in self._ready.pop(sort, ()):
                    self._end(cell)
        self._count()
        self._timer = self._loop.call_later(self._idle / READY, self._expire)

    def _end(self, cell: Cell) -> None:
        cell.kill()
        task = self._loop.create_task(cell.gone())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    # The warden's end

    def _lost(self) -> None:
        """The warden ended by itself, and every cell with it: another one is started at the same level."""
        if not self._closing:
            log.error("The warden ended; starting another", level=self._level)
            self._tried = self._loop.create_future()
            self._restarting = self._loop.create_task(self._restart())

    async def _restart(self) -> None:
        for cell in [cell for ready in self._ready.values() for cell in ready]:
            await cell.gone()
        self._ready.clear()
        while not self._closing:
            await self.warden.close()
            self.warden = Warden(self._plan, self._level, self._lost, self._starter)
            try:
                await self.warden.open()
            except WardenRefused as error:
                if self.outage is None:
                    log.error("The warden could not be started again", reason=str(error))  # noqa: TRY400 - the reason is the whole of it
                self.outage = f"No action can run: the warden ended and could not be started again at level {self._level} ({error})."
                self._answer_waiting()
                await asyncio.sleep(AGAIN_AFTER)
            else:
                self.outage = None
                self._restarting = None
                self._answer_waiting()
                return

    def _answer_waiting(self) -> None:
        """Who waits for a warden learns whether there is one."""
        if not self._tried.done():
            self._tried.set_result(None)

    async def close(self) -> None:
        """See `Spawner.close`."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._restarting is not None:
            self._restarting.cancel()
            self._answer_waiting()
        await self.warden.close()
        for ready in self._ready.values():
            for cell in ready:
                await cell.gone()
        await asyncio.gather(*self._filling.values(), *self._ending, return_exceptions=True)


def _fence_door() -> socket.socket:
    """Behind a fence there is no network of its own: each cell has ports of the machine's loopback that no other may connect to."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((LOOPBACK, 0))
    listener.listen(BACKLOG)
    return listener


def _addresses(places: tuple[Place, ...]) -> dict[str, str]:
    """One address of a cell's loopback for each host."""
    hosts = dict.fromkeys(host for host, _ in places)
    return {host: f"127.0.0.{number}" for number, host in enumerate(hosts, start=FIRST_PLACE)}


def _sort(kind: Kind, memory: int) -> Sort:
    return (kind.sort, 0 if kind.copied else memory)
