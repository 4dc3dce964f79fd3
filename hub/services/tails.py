"""Logs while they are written: of one activation, of an action, of a namespace. Nothing is kept or done while nobody follows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from hub.bus.base import Bus, Message, Subject
from hub.domain.errors import NotFound, Throttled
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.runtime.live import Live
from hub.services.access import own_entity
from hub.services.follower import ActivationFollower, Follower, Ring, ending_of
from hub.services.invoker import Call
from hub.services.recorder import Recorder
from hub.storage.base import Ending, Store

LINGER = 30.0
"""How long (s) the rows of a namespace are kept for a follower whose connection was cut."""
MOST = 100
"""Followers of one namespace at a time."""


class Tails:
    """Who follows what. `running` are the calls under way, by activation id."""

    def __init__(self, store: Store, recorder: Recorder, bus: Bus, live: Live, running: Mapping[str, Call]) -> None:
        self._store = store
        self._recorder = recorder
        self._live = live
        self._running = running
        self._open: dict[str, set[Follower]] = {}
        self._activations: dict[str, list[ActivationFollower]] = {}
        self._rings: dict[str, Ring] = {}
        bus.subscribe(Subject.IDENTITY, self._identity_changed)

    # Following

    async def follow(self, caller: Identity, namespace: str, activation_id: str, after: int = 0) -> ActivationFollower:
        """Watch one activation, be it running, waiting or ended; `after` are lines that were seen before.

        Raises NotFound, and NotAllowed for another namespace, as reading the record does; Throttled when too many follow.
        """
        own_entity(caller, FullName(namespace, activation_id))
        follower = ActivationFollower(after)
        self._enter(namespace, follower)
        follower.on_leave = partial(self._leave_activation, namespace, activation_id, follower)
        self._activations.setdefault(activation_id, []).append(follower)
        self._listen()
        try:
            await self._begin(follower, namespace, activation_id)
        except BaseException:
            follower.leave()
            raise
        return follower

    async def _begin(self, follower: ActivationFollower, namespace: str, activation_id: str) -> None:
        """It listens already, so that nothing is missed while we look what there is."""
        call = self._running.get(activation_id)
        if call is not None and call.caller.namespace == namespace:
            follower.past(self._live.printed(activation_id) or ())
            return
        found = self._recorder.pending(activation_id) or await self._store.get_activation(namespace, activation_id)
        if follower.told or follower.closed:
            return
        if found is not None and found.namespace == namespace:
            follower.past(found.logs)
            follower.ended(found)
        elif not await self._store.has_dispatch(namespace, activation_id) and activation_id not in self._running and not follower.closed:
            raise NotFound

    def watch(self, namespace: str, action: str | None, mark: str = "") -> Follower:
        """Watch all activations of a namespace, or of one action or trigger in it, from now on or from after a mark. Raises Throttled."""
        ring = self._rings.get(namespace) or Ring()
        follower = ring.follow(action, mark)
        self._enter(namespace, follower)
        self._rings[namespace] = ring
        follower.on_leave = partial(self._leave_ring, namespace, ring, follower)
        self._listen()
        return follower

    def _enter(self, namespace: str, follower: Follower) -> None:
        followers = self._open.setdefault(namespace, set())
        if len(followers) >= MOST:
            raise Throttled(f"{MOST} streams of this namespace are open already; close some.", retry_after=10)
        followers.add(follower)

    def _leave(self, namespace: str, follower: Follower) -> None:
        follower.end()
        followers = self._open[namespace]
        followers.discard(follower)
        if not followers:
            del self._open[namespace]

    def _leave_activation(self, namespace: str, activation_id: str, follower: ActivationFollower) -> None:
        self._leave(namespace, follower)
        followers = self._activations[activation_id]
        followers.remove(follower)
        if not followers:
            del self._activations[activation_id]
        self._rest()

    def _leave_ring(self, namespace: str, ring: Ring, follower: Follower) -> None:
        self._leave(namespace, follower)
        ring.leave(follower)
        if not ring.watched:
            asyncio.get_running_loop().call_later(LINGER, self._forget, namespace, ring)

    def _forget(self, namespace: str, ring: Ring) -> None:
        if not ring.watched and self._rings.get(namespace) is ring:
            del self._rings[namespace]
            self._rest()

    def _listen(self) -> None:
        self._live.tell = self._told
        self._recorder.heard = self._ended

    def _rest(self) -> None:
        if not self._activations and not self._rings:
            self._live.tell = self._recorder.heard = None

    # What there is to see

    def _told(self, activation_id: str, lines: Sequence[str]) -> None:
        call = self._running.get(activation_id)
        if call is None:
            return
        for follower in self._activations.get(activation_id, ()):
            follower.add(lines)
        ring = self._rings.get(call.caller.namespace)
        if ring is not None:
            path = call.resolved.filter_path
            for line in lines:
                ring.add(path, "line", {"activation_id": activation_id, "action": path, "line": line})

    def _ended(self, ending: Ending) -> None:
        activation = ending.activation
        for follower in self._activations.get(activation.activation_id, ()):
            follower.ended(activation)
        for follower in self._activations.get(activation.cause or "", ()):
            follower.add((activation.activation_id,))
        ring = self._rings.get(activation.namespace)
        if ring is not None:
            row = {"activation_id": activation.activation_id, "action": activation.path, **ending_of(activation)}
            ring.add(activation.path, "ended", row)

    # Ends

    def _identity_changed(self, message: Message) -> None:
        """Keys and rights are looked at when a stream begins, so they begin anew: those of the namespace, or all where none is named."""
        if message.namespace:
            self._end(self._open.get(message.namespace, ()))
        else:
            self.close()

    def close(self) -> None:
        """End all streams, as when the hub stops."""
        for followers in self._open.values():
            self._end(followers)

    @staticmethod
    def _end(followers: Iterable[Follower]) -> None:
        for follower in followers:
            follower.end()
