"""Accepted work: handed over in memory after its commit, and read back from the record after a restart (design §2.5, §9).

Work waits in one lane per action, so that a slow action never holds up another. A lane is served by few workers; it gets
one more when nothing moved for `PATIENCE` seconds.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Iterable

import msgspec

from hub.domain.errors import RequestError
from hub.domain.event import Acceptance, Dispatch
from hub.domain.identity import Identity
from hub.domain.names import FullName, new_activation_id
from hub.services.actions import Actions
from hub.services.identities import Identities
from hub.services.invoker import Call, Invoker, lost
from hub.services.recorder import Recorder
from hub.storage.base import Ending, Store
from hub.telemetry import metrics
from hub.telemetry.log import get_logger

log = get_logger(__name__)

PATIENCE = 0.025
WIDEST = 32
CORES = os.cpu_count() or 1
LOST = "The hub stopped while this run was under way."


class Lane:
    """What waits for one action. `served` counts runs that ended, and tells a lane that moves from one that is stuck."""

    def __init__(self) -> None:
        self.waiting: deque[Dispatch] = deque()
        self.workers = 0
        self.served = 0
        self.timer: asyncio.TimerHandle | None = None


class Dispatcher:
    """Runs accepted work. `take` after the commit; `recover` once at start."""

    def __init__(self, store: Store, actions: Actions, identities: Identities, invoker: Invoker, recorder: Recorder) -> None:
        self._store = store
        self._actions = actions
        self._identities = identities
        self._invoker = invoker
        self._recorder = recorder
        self._lanes: dict[tuple[str, FullName], Lane] = {}
        self._group: asyncio.TaskGroup | None = None
        self._early: list[Dispatch] = []
        self.waiting = 0

    async def run(self) -> None:
        """Serve until cancelled; what was taken before is served first."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            early, self._early = self._early, []
            self.take(early)
            await asyncio.get_running_loop().create_future()

    def take(self, dispatches: Iterable[Dispatch]) -> None:
        """Queue accepted work."""
        if self._group is None:
            self._early.extend(dispatches)
            return
        for dispatch in dispatches:
            key = (dispatch.namespace, dispatch.action)
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = Lane()
            lane.waiting.append(dispatch)
            self.waiting += 1
            if lane.workers == 0:
                self._serve(key, lane)
            elif lane.timer is None:
                self._look_later(key, lane)
        metrics.dispatches_waiting(self.waiting)

    def _serve(self, key: tuple[str, FullName], lane: Lane) -> None:
        if self._group is not None:
            lane.workers += 1
            self._group.create_task(self._work(key, lane))

    def _look_later(self, key: tuple[str, FullName], lane: Lane) -> None:
        lane.timer = asyncio.get_running_loop().call_later(PATIENCE, self._look, key, lane, lane.served)

    def _look(self, key: tuple[str, FullName], lane: Lane, served: int) -> None:
        """Some wait although there are workers. Quick actions are bound by the processor; slow ones wait for something else."""
        lane.timer = None
        if not lane.waiting or lane.workers >= WIDEST:
            return
        stuck = served == lane.served
        if stuck or lane.workers < CORES:
            self._serve(key, lane)
        self._look_later(key, lane)

    async def _work(self, key: tuple[str, FullName], lane: Lane) -> None:
        try:
            while lane.waiting:
                dispatch = lane.waiting.popleft()
                self.waiting -= 1
                await self._run(dispatch)
                lane.served += 1
        finally:
            lane.workers -= 1
            if not lane.waiting and lane.workers == 0:
                self._lanes.pop(key, None)
            metrics.dispatches_waiting(self.waiting)

    async def _run(self, dispatch: Dispatch) -> None:
        caller = await self._identities.by_uuid(dispatch.uuid)
        if caller is None:
            caller = Identity(subject=dispatch.subject, namespace=dispatch.namespace, uuid=dispatch.uuid, key="")
        try:
            resolved = await self._actions.resolve(caller, dispatch.action)
        except RequestError:
            message = "Action could not be found or may have been deleted."
            self._end(dispatch, caller, message=message, marks={})
            return
        await self._invoker.run(
            Call(
                activation_id=dispatch.activation_id,
                caller=caller,
                resolved=resolved,
                payload=dispatch.payload,
                accepted=dispatch.at,
                transaction_id=dispatch.transaction_id,
                cause=dispatch.cause,
                durable=True,
                attempts=dispatch.started + 1,
            )
        )

    def _end(
        self, dispatch: Dispatch, caller: Identity, *, message: str, marks: dict[str, object], then: tuple[Dispatch, ...] = ()
    ) -> None:
        activation = lost(dispatch.activation_id, caller, dispatch.action, dispatch.at, message=message, marks=marks)
        self._recorder.add(Ending(activation=activation, dispatch=True, next=then))

    async def accept(self, acceptance: Acceptance) -> None:
        """Commit accepted work, then hand it over."""
        await self._store.accept(acceptance)
        self.take(acceptance.dispatches)

    async def recover(self) -> int:
        """Hand over again what a former process accepted and did not end; how many there were.

        What had not started runs under its id. A rule's run that was lost in the middle ends as such and a new id runs; a non-blocking
        invocation that was lost runs again under its own id, unless its action is annotated `at-most-once` (design §9).
        """
        unfinished = await self._store.unfinished()
        again: list[Dispatch] = []
        for dispatch in unfinished:
            if dispatch.started == 0:
                again.append(dispatch)
                continue
            caller = await self._identities.by_uuid(dispatch.uuid) or Identity(
                subject=dispatch.subject, namespace=dispatch.namespace, uuid=dispatch.uuid, key=""
            )
            if await self._at_most_once(caller, dispatch):
                self._end(dispatch, caller, message=LOST, marks={})
            elif dispatch.rule is None:
                again.append(dispatch)
            else:
                retry = msgspec.structs.replace(dispatch, activation_id=new_activation_id(), started=0)
                self._end(dispatch, caller, message=LOST, marks={"retriedAs": retry.activation_id}, then=(retry,))
                again.append(retry)
        self.take(again)
        return len(unfinished)

    async def _at_most_once(self, caller: Identity, dispatch: Dispatch) -> bool:
        try:
            resolved = await self._actions.resolve(caller, dispatch.action)
        except RequestError:
            return False
        return resolved.action.annotations.get("at-most-once") is True
