"""Builds of what actions depend on: begun when an action is written, waited for by who calls it, kept as long as one wants it.

One build serves every action that wants the same. What is under way when the hub ends is taken up at the next start.
"""

from __future__ import annotations

import asyncio
from collections import deque

from hub.domain.action import Action, CodeExec
from hub.domain.build import Build, BuildFailed, BuildState, Step, Wanted
from hub.domain.errors import Conflict, NotFound
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.services.build_ports import Layers, Records
from hub.services.clock import now_ms
from hub.services.entities import Entities
from hub.storage.base import EntityWrite
from hub.telemetry.log import get_logger

log = get_logger(__name__)

LOG_LINES = 200
LONGEST_LINE = 2_000
SWEEP_SECONDS = 3600.0
GRACE = 86_400_000
"""How long (ms) a layer stays that no action wants: who takes one away may put it back."""
REMEMBERED = 10_000
MOST_WAITING = 100


class Builds:
    """`largest` is how many bytes all layers may take together."""

    def __init__(self, entities: Entities, layers: Layers, records: Records, largest: int) -> None:
        self._entities = entities
        self._layers = layers
        self._records = records
        self._largest = largest
        self._builds: dict[str, Build] = {}
        self._known: dict[FullName, tuple[int, str | None]] = {}
        self._of: dict[FullName, str] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._looking: dict[FullName, asyncio.Task[None]] = {}
        self.size = 0
        entities.on_write(self.written)

    # What actions want

    def written(self, write: EntityWrite) -> None:
        """An entity was put or removed: what it wants is begun, what nobody wants any more ends."""
        action = write.entity
        # Revisions of a name begin anew when it was removed.
        self._known.pop(write.name, None)
        if isinstance(action, Action) and isinstance(action.exec, CodeExec) and action.exec.binary:
            task = self._looking[write.name] = asyncio.get_running_loop().create_task(self._begin(action))
            task.add_done_callback(lambda done: self._looked(write.name, done))
        elif write.name in self._of:
            self._release(write.name)

    def _looked(self, name: FullName, done: asyncio.Task[None]) -> None:
        if self._looking.get(name) is done:
            del self._looking[name]
        if not done.cancelled() and done.exception() is not None:
            log.error("What an action depends on could not be found out", action=str(name), exc_info=done.exception())

    async def _begin(self, action: Action) -> None:
        """Have what an action wants under way if it has to be built; one that failed before is tried again."""
        wanted = await self._look(action)
        if not isinstance(wanted, Wanted):
            self._release(action.name)
            return
        build = self._refer(action, wanted.id, wanted.kind)
        if self._layers.find(wanted.id) is None and wanted.id not in self._running:
            self._start(build, wanted)
        elif build.state is not BuildState.DONE and wanted.id not in self._running:
            build.steps = [Step(state=BuildState.DONE, at=now_ms())]
        await asyncio.to_thread(self._records.save, build)

    async def _look(self, action: Action) -> Wanted | BuildFailed | None:
        """What it wants, looked up in its code; which build that is, is remembered."""
        exec_ = (await self._entities.with_code(action)).exec
        try:
            found: Wanted | BuildFailed | None = (
                await asyncio.to_thread(self._layers.wanted, exec_) if isinstance(exec_, CodeExec) else None
            )
        except BuildFailed as error:
            found = error
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        if not isinstance(found, BuildFailed):
            self._known[action.name] = (action.revision, found.id if found is not None else None)
        return found

    def _refer(self, action: Action, number: str, kind: str) -> Build:
        if self._of.get(action.name) != number:
            self._release(action.name)
        build = self._builds.setdefault(number, Build(id=number, kind=kind))
        build.actions[str(action.name)] = action.revision
        build.unused = None
        self._of[action.name] = number
        return build

    def _release(self, name: FullName) -> None:
        """It wants nothing any more; a build that nobody waits for ends."""
        build = self._builds.get(self._of.pop(name, ""))
        if build is None or build.actions.pop(str(name), None) is None or build.actions:
            return
        build.unused = now_ms()
        if build.id in self._running:
            self._running.pop(build.id).cancel()

    # Building

    def _start(self, build: Build, wanted: Wanted) -> asyncio.Task[None]:
        build.steps, build.log, build.error = [Step(state=BuildState.WAITING, at=now_ms())], [], None
        task = self._running[build.id] = asyncio.get_running_loop().create_task(self._run(build, wanted))
        task.add_done_callback(lambda done: self._ended(build.id, done))
        return task

    def _ended(self, number: str, done: asyncio.Task[None]) -> None:
        if self._running.get(number) is done:
            del self._running[number]

    async def _run(self, build: Build, wanted: Wanted) -> None:
        """Build it and keep how it ended; who stops the hub leaves it as it is, to be taken up again."""
        lines: deque[str] = deque(maxlen=LOG_LINES)

        def heard(line: str) -> None:
            lines.append(line[:LONGEST_LINE])
            build.log = list(lines)

        def started() -> None:
            build.steps.append(Step(state=BuildState.RUNNING, at=now_ms()))

        begun = now_ms()
        try:
            await self._make_room()
            await self._layers.build(wanted, heard, started)
        except BuildFailed as error:
            build.error = str(error)
        except asyncio.CancelledError:
            if not build.actions:
                self._builds.pop(build.id, None)
                await asyncio.to_thread(self._records.drop, build.id)
            raise
        except Exception:
            log.exception("A build could not be carried out", build=build.id)
            build.error = "It could not be carried out; the log of the hub says why."
        build.steps.append(Step(state=BuildState.FAILED if build.error else BuildState.DONE, at=now_ms()))
        log.info("Built", build=build.id, kind=build.kind, state=str(build.state), ms=now_ms() - begun, reason=build.error)
        await asyncio.to_thread(self._records.save, build)
        await self._measure()

    async def _make_room(self) -> None:
        """Raises BuildFailed when too many wait, or the layers of actions that are there take all that they may."""
        if len(self._running) > MOST_WAITING:
            raise BuildFailed(f"More than {MOST_WAITING} builds wait on this hub. Put the action again later.")
        if self.size >= self._largest:
            await self.sweep(grace=0)
        if self.size >= self._largest:
            raise BuildFailed(f"The layers of this hub take {self.size} bytes, and HUB_BUILDS__DISK allows {self._largest}.")

    # Waiting for one

    async def settled(self, name: FullName, seconds: float) -> None:
        """Wait until the build of an action that was just written has ended, at most so long; from then on it is on the disk."""
        looking = self._looking.get(name)
        if looking is None:
            return
        await asyncio.wait([looking])
        running = self._running.get(self._of.get(name, ""))
        if running is not None and seconds > 0:
            await asyncio.wait([running], timeout=seconds)

    def unfinished(self, name: FullName) -> Build | None:
        """The build of an action as long as it is not done: under way, or failed."""
        build = self._builds.get(self._of.get(name, ""))
        return build if build is not None and build.state is not BuildState.DONE else None

    async def layers_of(self, action: Action) -> tuple[str, ...]:
        """The folders that its processes read, built if they are not there. Raises BuildFailed, whose notes are the log."""
        revision, known = self._known.get(action.name, (0, None))
        if revision == action.revision:
            folder = self._layers.find(known) if known is not None else ""
            if folder is not None:
                return (folder,) if folder else ()
        wanted = await self._look(action)
        if wanted is None:
            return ()
        if isinstance(wanted, BuildFailed):
            raise BuildFailed(str(wanted))
        return (await self._folder(self._refer(action, wanted.id, wanted.kind), wanted),)

    async def layers_for(self, exec_: CodeExec) -> tuple[str, ...]:
        """As `layers_of`, for code that is run without being an action."""
        wanted = await asyncio.to_thread(self._layers.wanted, exec_)
        if wanted is None:
            return ()
        build = self._builds.setdefault(wanted.id, Build(id=wanted.id, kind=wanted.kind, unused=now_ms()))
        return (await self._folder(build, wanted),)

    async def _folder(self, build: Build, wanted: Wanted) -> str:
        folder = self._layers.find(wanted.id)
        if folder is None and build.state is not BuildState.FAILED:
            await asyncio.wait([self._running.get(wanted.id) or self._start(build, wanted)])
            folder = self._layers.find(wanted.id)
        if folder is None:
            failed = BuildFailed(build.error or "It was given up.")
            for line in build.log:
                failed.add_note(line)
            raise failed
        return folder

    # Looking at them

    def get(self, caller: Identity, number: str) -> Build:
        """One that an action of the caller's namespace wants. Raises NotFound."""
        build = self._builds.get(number)
        if build is None or not any(_is_of(name, caller) for name in build.actions):
            raise NotFound("There is no such build.")
        return build

    def listed(self, caller: Identity) -> list[Build]:
        """Those of the caller's namespace, the latest first."""
        found = [build for build in self._builds.values() if any(_is_of(name, caller) for name in build.actions)]
        return sorted(found, key=lambda build: build.steps[0].at if build.steps else 0, reverse=True)

    def details(self) -> dict[str, object]:
        """For `/ready`."""
        return {"under_way": len(self._running), "bytes": self.size}

    # From start to end

    async def recover(self) -> int:
        """Take up what was under way when the hub ended; how many there are."""
        for build in await asyncio.to_thread(self._records.all):
            self._builds[build.id] = build
            self._of |= {_name_of(text): build.id for text in build.actions}
        begun = [build for build in self._builds.values() if not build.over]
        for build in begun:
            for text in tuple(build.actions):
                action = await self._action(_name_of(text))
                if action is None:
                    self._release(_name_of(text))
                else:
                    await self._begin(action)
        await self._measure()
        return len(begun)

    async def _action(self, name: FullName) -> Action | None:
        try:
            return await self._entities.find_kind(name, Action)
        except Conflict:
            return None

    async def run(self) -> None:
        """Give back what nobody wants, until cancelled; what is under way then stays to be taken up."""
        try:
            while True:
                await asyncio.sleep(SWEEP_SECONDS)
                await self.sweep()
        finally:
            for task in (*self._looking.values(), *self._running.values()):
                task.cancel()
            await asyncio.gather(*self._looking.values(), *self._running.values(), return_exceptions=True)

    async def sweep(self, grace: int = GRACE) -> None:
        """Remove builds, and their layers, that no action has wanted for `grace` ms."""
        for build in list(self._builds.values()):
            for text, revision in list(build.actions.items()):
                action = await self._action(_name_of(text))
                if action is None or action.revision != revision:
                    self._release(_name_of(text))
                    if action is not None:
                        await self._begin(action)
            if build.unused is not None and now_ms() - build.unused >= grace and not build.actions and build.id not in self._running:
                del self._builds[build.id]
                await asyncio.to_thread(self._records.drop, build.id)
                await asyncio.to_thread(self._layers.drop, build.id)
        await self._measure(grace)

    async def _measure(self, grace: int = GRACE) -> None:
        """How much all take; a layer that no build knows of goes as well."""
        sizes = await asyncio.to_thread(self._layers.sizes)
        for name, (_, made) in list(sizes.items()):
            if name not in self._builds and _is_digest(name) and now_ms() - made * 1000 >= grace:
                await asyncio.to_thread(self._layers.drop, name)
                del sizes[name]
        self.size = sum(size for size, _ in sizes.values())


def _name_of(text: str) -> FullName:
    namespace, _, path = text.partition("/")
    return FullName.of_path(namespace, path)


def _is_of(name: str, caller: Identity) -> bool:
    return name.startswith(f"{caller.namespace}/")


def _is_digest(name: str) -> bool:
    return len(name) == 64  # noqa: PLR2004 - the length of a SHA-256 in hex
