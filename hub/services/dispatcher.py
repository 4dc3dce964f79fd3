"""Accepted work: handed over in memory after its commit, and read back from the record after a restart (design §2.5, §9).

Work waits in one lane per action, so that a slow action never holds up another. A lane is served by few workers; it gets
one more when nothing moved for `PATIENCE` seconds.

What a rule asks for while its namespace is throttled is not refused but delayed, under its own id (design §9).
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
from hub.services.backlog import Backlog
from hub.services.identities import Identities
from hub.services.invoker import Call, Invoker, lost
from hub.services.recorder import Recorder
from hub.services.throttles import Throttles
from hub.storage.base import Ending, Store
from hub.telemetry import metrics
from hub.telemetry.log import get_logger

log = get_logger(__name__)

PATIENCE = 0.025
WIDEST = 32
CORES = os.cpu_count() or 1
LOST = "The hub stopped while this run was under way."


class Lane:
    """What waits for one action, and the calls that its workers carry out.

    `served` counts runs that ended, and tells a lane that moves from one that is stuck.
    """

    def __init__(self) -> None:
        self.waiting: deque[Dispatch] = deque()
        self.calls: dict[str, Call] = {}
        self.workers = 0
        self.served = 0
        self.timer: asyncio.TimerHandle | None = None


class Delayed:
    """What one namespace has to put off: `asleep` until the next minute, otherwise until one of its runs ends."""

    def __init__(self) -> None:
        self.waiting: deque[Dispatch] = deque()
        self.asleep = False


class Dispatcher:
    """Runs accepted work. `take` after the commit; `recover` once at start."""

    def __init__(
        self, store: Store, actions: Actions, identities: Identities, invoker: Invoker, recorder: Recorder, throttles: Throttles
    ) -> None:
        self._store = store
        self._actions = actions
        self._identities = identities
        self._invoker = invoker
        self._recorder = recorder
        self._throttles = throttles
        throttles.on_left = self._room_in
        self._delayed: dict[str, Delayed] = {}
        self._lanes: dict[tuple[str, FullName], Lane] = {}
        self._group: asyncio.TaskGroup | None = None
        self._early: list[Dispatch] = []
        self.waiting = 0
        self.backlog: Backlog | None = None

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
            if dispatch.rule is None:
                self._throttles.entered(dispatch.namespace)
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
        # One that waits for a process is enough: more of them would only stand before those whose callers wait.
        stuck = served == lane.served and not any(call.queued for call in lane.calls.values())
        if stuck or lane.workers < CORES:
            self._serve(key, lane)
        self._look_later(key, lane)

    async def _work(self, key: tuple[str, FullName], lane: Lane) -> None:
        try:
            while lane.waiting:
                dispatch = lane.waiting.popleft()
                self.waiting -= 1
                await self._run(dispatch, lane)
                lane.served += 1
        finally:
            lane.workers -= 1
            if not lane.waiting and lane.workers == 0:
                self._lanes.pop(key, None)
            metrics.dispatches_waiting(self.waiting)

    async def _run(self, dispatch: Dispatch, lane: Lane) -> None:
        caller = await self._caller(dispatch)
        if dispatch.rule is not None:
            if not self._admits(caller, dispatch):
                return
            self._throttles.entered(dispatch.namespace)
        try:
            await self._carry_out(dispatch, caller, lane)
        finally:
            lane.calls.pop(dispatch.activation_id, None)
            self._throttles.left(dispatch.namespace)

    async def _caller(self, dispatch: Dispatch) -> Identity:
        found = await self._identities.by_uuid(dispatch.uuid)
        return found or Identity(subject=dispatch.subject, namespace=dispatch.namespace, uuid=dispatch.uuid, key="")

    def _admits(self, caller: Identity, dispatch: Dispatch) -> bool:
        """Whether a rule's run may start now; otherwise it is put off until its namespace may do more."""
        delayed = self._delayed.get(dispatch.namespace)
        if delayed is None or not delayed.asleep:
            if self._throttles.has_room(caller):
                seconds = self._throttles.seconds_to_wait(caller)
                if not seconds:
                    return True
                self._sleep(dispatch.namespace, seconds)
            delayed = self._delayed.setdefault(dispatch.namespace, Delayed())
        delayed.waiting.append(dispatch)
        return False

    def _sleep(self, namespace: str, seconds: float) -> None:
        delayed = self._delayed.setdefault(namespace, Delayed())
        delayed.asleep = True
        asyncio.get_running_loop().call_later(seconds, self._wake, namespace)

    def _wake(self, namespace: str) -> None:
        """A new minute: all that was put off asks again."""
        self.take(self._delayed.pop(namespace, Delayed()).waiting)

    def _room_in(self, namespace: str) -> None:
        """A run ended: one that was put off for want of room asks again."""
        delayed = self._delayed.get(namespace)
        if delayed is not None and not delayed.asleep:
            self.take([delayed.waiting.popleft()])
            if not delayed.waiting:
                del self._delayed[namespace]

    def ask_again(self) -> None:
        """Limits changed: all that was put off asks again."""
        for namespace in list(self._delayed):
            self._wake(namespace)

    async def _carry_out(self, dispatch: Dispatch, caller: Identity, lane: Lane) -> None:
        try:
            resolved = await self._actions.resolve(caller, dispatch.action)
        except RequestError:
            message = "Action could not be found or may have been deleted."
            self._end(dispatch, caller, message=message, marks={})
            return
        call = lane.calls[dispatch.activation_id] = Call(
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
        await self._invoker.run(call)

    def _end(
        self, dispatch: Dispatch, caller: Identity, *, message: str, marks: dict[str, object], then: tuple[Dispatch, ...] = ()
    ) -> None:
        activation = lost(dispatch.activation_id, caller, dispatch.action, dispatch.at, message=message, marks=marks)
        self._recorder.add(Ending(activation=activation, keep=caller.stores_activations, dispatch=True, next=then))

    def admit(self) -> None:
        """Raises Unavailable when no more work can be accepted now."""
        if self.backlog is not None:
            self.backlog.admit_accepted(self.waiting)

    async def accept(self, acceptance: Acceptance) -> None:
        """Commit accepted work, then hand it over. Raises Unavailable when no more can be accepted now."""
        self.admit()
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
            caller = await self._caller(dispatch)
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
