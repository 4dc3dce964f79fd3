"""Invoking an action: blocking, non-blocking, and what a blocking call gets when it waited long enough (openwhisk-api §3.1)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Protocol

import msgspec

from hub.domain.activation import Activation
from hub.domain.errors import PARAMETERS_NOT_ALLOWED, Malformed
from hub.domain.event import Acceptance, Dispatch
from hub.domain.identity import Identity
from hub.domain.names import FullName, new_activation_id
from hub.domain.parameters import Json
from hub.services.actions import Actions, Resolved, no_longer_supported
from hub.services.backlog import Backlog
from hub.services.clock import now_ms
from hub.services.dispatcher import Dispatcher
from hub.services.invoker import Call, Invoker
from hub.services.sequences import Sequences
from hub.services.throttles import Throttles
from hub.storage.base import Store
from hub.telemetry.log import get_logger

log = get_logger(__name__)

AUTH_KEY = "authKey"


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it came in. `wait` is how long a blocking one waits; None: not blocking."""

    caller: Identity
    name: FullName
    payload: dict[str, Json]
    transaction_id: str
    wait: timedelta | None = None


class Pending(msgspec.Struct, frozen=True):
    """Accepted, not finished: answered 202."""

    activation_id: str


class Running(msgspec.Struct, frozen=True):
    """A blocking call under way; `name` is what the caller called."""

    call: Call
    name: FullName
    task: asyncio.Task[Activation]


class FeedKeys(Protocol):
    """Makes the keys that feed actions get."""

    def feed_key_for(self, caller: Identity, trigger: str) -> str:
        """A key that can only fire and read that trigger."""


class Invoke:
    """The door to running an action."""

    def __init__(
        self,
        store: Store,
        actions: Actions,
        invoker: Invoker,
        sequences: Sequences,
        dispatcher: Dispatcher,
        throttles: Throttles,
        feed_keys: FeedKeys,
    ) -> None:
        self._store = store
        self._actions = actions
        self._invoker = invoker
        self._sequences = sequences
        self._dispatcher = dispatcher
        self._throttles = throttles
        self._feed_keys = feed_keys
        self._group: asyncio.TaskGroup | None = None
        self.backlog: Backlog | None = None

    async def run(self) -> None:
        """Own the calls that outlive their request; until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await asyncio.get_running_loop().create_future()

    async def invoke(self, invocation: Invocation) -> Activation | Pending:
        """Run it. Raises NotFound, NotAllowed, Conflict, Malformed, Throttled, Unavailable before anything runs."""
        caller = invocation.caller
        resolved = self._actions.peek(caller, invocation.name) or await self._actions.resolve(caller, invocation.name)
        _check_locked(invocation, resolved)
        return await self.start(invocation, resolved)

    async def start(self, invocation: Invocation, resolved: Resolved) -> Activation | Pending:
        """Run an action that was looked up, with a payload that was checked.

        Raises NotAllowed for a component of a sequence, Malformed for a kind that does not run here any more.
        """
        call = self._call(invocation, resolved)
        if resolved.action.exec.kind == "sequence":
            await self._sequences.check(call)
        if invocation.wait is None:
            await self._dispatcher.accept(Acceptance(dispatches=(_dispatch(call, invocation.name),)))
            return Pending(call.activation_id)
        running = self._run(call, invocation.name)
        if await _ended(running.task, invocation.wait.total_seconds()):
            return running.task.result()
        return await self.overdue(running)

    def begin(self, invocation: Invocation, resolved: Resolved) -> Running:
        """As a blocking `invoke`, at once, for what was looked up and is no sequence. Who begins it calls `overdue` after the wait.

        Raises Malformed.
        """
        _check_locked(invocation, resolved)
        return self._run(self._call(invocation, resolved), invocation.name)

    def _call(self, invocation: Invocation, resolved: Resolved) -> Call:
        if resolved.outdated:
            raise no_longer_supported(resolved.action.exec.kind)
        return Call(
            activation_id=new_activation_id(),
            caller=invocation.caller,
            resolved=resolved,
            payload=self._with_feed_key(invocation.caller, resolved, invocation.payload),
            accepted=now_ms(),
            transaction_id=invocation.transaction_id,
        )

    def _with_feed_key(self, caller: Identity, resolved: Resolved, payload: dict[str, Json]) -> dict[str, Json]:
        """A life-cycle call brings the caller's key; a feed gets one that is good for its trigger only (design §9 "Secrets")."""
        if not (AUTH_KEY in payload and "lifecycleEvent" in payload and resolved.action.annotations.has("feed")):
            return payload
        trigger = str(payload.get("triggerName", "")).rpartition("/")[2]
        return {**payload, AUTH_KEY: self._feed_keys.feed_key_for(caller, trigger)}

    def _run(self, call: Call, name: FullName) -> Running:
        if self._group is None:
            raise RuntimeError("Invoke.run is not running")
        namespace = call.caller.namespace
        if self.backlog is not None:
            self.backlog.admit(namespace)
        self._throttles.entered(namespace)
        task = self._group.create_task(self._invoker.run(call))
        task.add_done_callback(lambda _ended: self._throttles.left(namespace))
        return Running(call, name, task)

    async def overdue(self, running: Running) -> Pending:
        """From here on it is accepted work: it is in the record before the caller hears 202, and its ending removes it again."""
        call = running.call
        dispatch = msgspec.structs.replace(_dispatch(call, running.name), started=1)
        await self._store.accept(Acceptance(dispatches=(dispatch,)))
        call.durable = True
        if running.task.done():
            self._invoker.record(call, running.task.result())
        return Pending(call.activation_id)


def _check_locked(invocation: Invocation, resolved: Resolved) -> None:
    if resolved.locked and not resolved.locked.isdisjoint(invocation.payload):
        raise Malformed(PARAMETERS_NOT_ALLOWED)


async def _ended(running: asyncio.Task[Activation], seconds: float) -> bool:
    """Whether the run ends in time; it goes on if it does not. As `asyncio.wait`, for one task and on every call."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def ring(_: object = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    running.add_done_callback(ring)
    timer = loop.call_later(seconds, ring)
    try:
        await waiter
    finally:
        timer.cancel()
        running.remove_done_callback(ring)
    return running.done()


def _dispatch(call: Call, name: FullName) -> Dispatch:
    return Dispatch(
        activation_id=call.activation_id,
        namespace=call.caller.namespace,
        subject=call.caller.subject,
        uuid=call.caller.uuid,
        action=name,
        payload=call.payload,
        at=call.accepted,
        transaction_id=call.transaction_id,
    )
