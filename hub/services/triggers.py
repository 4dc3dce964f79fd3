"""Triggers: put, get, list, remove, fire (openwhisk-api §4.1, §4.2).

A fire is one commit: the event and a dispatch for each active rule.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from hub.domain.activation import Activation, Response, Status
from hub.domain.entity import Entity
from hub.domain.errors import Conflict, Corrupted, Malformed, RequestError, Throttled, Unavailable
from hub.domain.event import Acceptance, Accepted, Checkpoint, Delivery, Dispatch, Event
from hub.domain.feed import Subscription
from hub.domain.identity import Identity
from hub.domain.names import FullName, new_activation_id
from hub.domain.parameters import EMPTY, Json, Parameters
from hub.domain.rule import Rule
from hub.domain.trigger import Link, Trigger
from hub.feedkit import Occurrence
from hub.services.access import own_entity, own_space
from hub.services.actions import Actions, check_entity_sizes
from hub.services.clock import now_ms
from hub.services.dispatcher import Dispatcher
from hub.services.entities import Entities, head_of, keep_secrets
from hub.storage.base import EntityWrite, Page, Store
from hub.telemetry.log import get_logger
from hub.wire.entities import UNSET, EntityPut
from hub.wire.json import encode

log = get_logger(__name__)

FORWARD_AUTHORIZATION = "forward-authorization"
_HIDDEN = "[redacted]"


class Triggers:
    """The collection of triggers, and the one way in which events start actions."""

    def __init__(self, store: Store, entities: Entities, actions: Actions, dispatcher: Dispatcher) -> None:
        self._store = store
        self._entities = entities
        self._actions = actions
        self._dispatcher = dispatcher
        self.on_removed: Callable[[FullName], Awaitable[None]] | None = None
        self.identity_of: Callable[[str], Awaitable[Identity | None]] | None = None

    async def get(self, caller: Identity, name: FullName) -> Trigger:
        """One trigger."""
        own_entity(caller, name)
        return await self._entities.get(name, Trigger)

    async def listed(self, caller: Identity, namespace: str, page: Page) -> list[Trigger]:
        """A page of triggers."""
        own_space(caller, namespace)
        return await self._entities.listed(namespace, Trigger, page=page)

    async def count(self, caller: Identity, namespace: str) -> int:
        """How many there are."""
        own_space(caller, namespace)
        return await self._entities.count(namespace, Trigger)

    async def put(self, caller: Identity, name: FullName, put: EntityPut, *, overwrite: bool) -> Trigger:
        """Create or (with `overwrite`) update; links to rules survive an update."""
        own_entity(caller, name)
        check_entity_sizes(caller, put.parameters, put.annotations)
        old = await self._entities.find_kind(name, Trigger)
        if old is not None and not overwrite:
            raise Conflict
        if old is None and put.annotations is not UNSET:
            _check_feed(put.annotations)
        trigger = _built(name, put, old)
        await self._entities.write(EntityWrite(name=name, expected=old.revision if old else 0, entity=trigger))
        return trigger

    async def remove(self, caller: Identity, name: FullName) -> Trigger:
        """Delete; rules stay dangling, a native feed is torn down (design §2.15)."""
        own_entity(caller, name)
        trigger = await self._entities.get(name, Trigger)
        await self._entities.write(EntityWrite(name=name, expected=trigger.revision, entity=None))
        if self.on_removed is not None:
            await self.on_removed(name)
        return trigger

    # Firing

    async def fire(
        self, caller: Identity, name: FullName, payload: dict[str, Json], headers: Mapping[str, str], transaction_id: str
    ) -> str | None:
        """Accept a fire; the id of its activation, or None when no rule is active (204). Returns after the commit."""
        own_entity(caller, name)
        self._dispatcher.admit()
        trigger = await self._entities.get(name, Trigger)
        acceptance = await self._acceptance(caller, trigger, payload, headers=headers, transaction_id=transaction_id, source="fire")
        if acceptance.activation is None:
            return None
        await self._store.accept(acceptance)
        self._dispatcher.take(acceptance.dispatches)
        return acceptance.activation.activation_id

    async def _acceptance(
        self,
        caller: Identity,
        trigger: Trigger,
        payload: dict[str, Json],
        *,
        headers: Mapping[str, str],
        transaction_id: str,
        source: str,
    ) -> Acceptance:
        """Everything one fire takes in; empty without an active rule."""
        links = trigger.rules or {}
        if not any(link.active for link in links.values()):
            return Acceptance()
        at = now_ms()
        event_id = new_activation_id()
        logs: list[str] = []
        dispatches: list[Dispatch] = []
        for rule, link in links.items():
            row = await self._started(caller, rule, link)
            activation_id = row.get("activationId")
            logs.append(encode(row).decode())
            if activation_id is None:
                continue
            shown = await self._headers(caller, link, headers)
            dispatches.append(
                Dispatch(
                    activation_id=activation_id,
                    namespace=caller.namespace,
                    subject=caller.subject,
                    uuid=caller.uuid,
                    action=link.action,
                    payload={**trigger.parameters.values(), "__ow_headers": shown, **payload},
                    at=at,
                    event_id=event_id,
                    rule=rule,
                    transaction_id=transaction_id,
                )
            )
        activation = Activation(
            activation_id=event_id,
            namespace=caller.namespace,
            name=trigger.name.name,
            path=trigger.name.name,
            version=trigger.version,
            subject=caller.subject,
            start=at,
            response=Response(status=Status.SUCCESS, result=payload),
            logs=tuple(logs),
        )
        event = Event(event_id=event_id, namespace=caller.namespace, trigger=trigger.name.name, at=at, payload=payload, source=source)
        return Acceptance(event=event, activation=activation, keep=caller.stores_activations, dispatches=tuple(dispatches))

    async def _started(self, caller: Identity, rule: str, link: Link) -> dict[str, Json]:
        """The trigger log's row for one rule (openwhisk-api §4.2)."""
        row: dict[str, Json] = {"rule": rule, "action": str(link.action)}
        if not link.active:
            return {
                **row,
                "statusCode": 1,
                "success": False,
                "error": f"Rule '{rule}' is inactive, action '{link.action}' was not activated.",
            }
        try:
            if self._actions.peek(caller, link.action) is None:
                await self._actions.resolve(caller, link.action)
        except (Throttled, Unavailable, Corrupted) as error:
            return {**row, "statusCode": 3, "success": False, "error": str(error)}
        except RequestError as error:
            return {**row, "statusCode": 1, "success": False, "error": str(error)}
        return {"statusCode": 0, "success": True, "activationId": new_activation_id(), **row}

    async def _headers(self, caller: Identity, link: Link, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of the fire; the caller's key only for an action that asks for it (design §2.15)."""
        if "authorization" not in headers:
            return dict(headers)
        resolved = await self._actions.resolve(caller, link.action)
        if resolved.action.annotations.get(FORWARD_AUTHORIZATION) is True:
            return dict(headers)
        return {**headers, "authorization": _HIDDEN}

    async def fire_feed(
        self, sub: Subscription, occurrences: Sequence[Occurrence], checkpoint: Checkpoint | None, *, source: str
    ) -> list[Accepted]:
        """Take in what a feed saw: in one commit an event with its dispatches for each occurrence, and the checkpoint after them.

        An occurrence whose key was taken before fires nothing. A trigger without active rules counts as fired.
        """
        caller = await self._feed_identity(sub)
        name = FullName(sub.namespace, sub.trigger)
        trigger = await self._entities.find(name)
        acceptances: list[Acceptance] = []
        for occurrence in occurrences:
            taken = Acceptance()
            if isinstance(trigger, Trigger):
                taken = await self._acceptance(
                    caller, trigger, occurrence.payload, headers={}, transaction_id=sub.subscription_id, source=source
                )
            acceptances.append(msgspec.structs.replace(taken, delivery=Delivery(sub.subscription_id, occurrence.key)))
        if checkpoint is not None:
            if acceptances:
                acceptances[-1] = msgspec.structs.replace(acceptances[-1], checkpoint=checkpoint)
            else:
                acceptances.append(Acceptance(checkpoint=checkpoint))
        answers = await self._store.accept_all(acceptances)
        for acceptance, answer in zip(acceptances, answers, strict=True):
            if answer == Accepted.NEW:
                self._dispatcher.take(acceptance.dispatches)
        return answers

    async def _feed_identity(self, sub: Subscription) -> Identity:
        found = await self.identity_of(sub.uuid) if self.identity_of is not None else None
        return found or Identity(subject=sub.subject, namespace=sub.namespace, uuid=sub.uuid, key="")

    async def remove_for_feed(self, sub: Subscription, *, rules: bool) -> None:
        """A feed that ended removes its trigger, and with `rules` the rules on it (alarms' `deleteAfterFire`)."""
        name = FullName(sub.namespace, sub.trigger)
        trigger = await self._entities.find(name)
        if not isinstance(trigger, Trigger):
            return
        gone: list[Entity] = [trigger]
        for rule in trigger.rules or {} if rules else {}:
            found = await self._entities.find(FullName.parse(rule, own=sub.namespace))
            if isinstance(found, Rule):
                gone.append(found)
        await self._entities.write(*(EntityWrite(name=entity.name, expected=entity.revision, entity=None) for entity in gone))
        if self.on_removed is not None:
            await self.on_removed(name)

    async def exists(self, name: FullName) -> bool:
        """Whether there is such a trigger."""
        return isinstance(await self._entities.find(name), Trigger)


def _check_feed(annotations: Parameters) -> None:
    """On create a feed annotation must be an entity path (openwhisk-api §4.1)."""
    if not annotations.has("feed"):
        return
    feed = annotations.get("feed")
    message = "Feed name is not valid"
    if not isinstance(feed, str) or not feed.strip("/"):
        raise Malformed(message, field="annotations.feed")
    segments = feed.removeprefix("/").split("/")
    try:
        FullName.parse("/".join(["_", *segments[-2:]]), own="_")
    except Malformed as error:
        raise Malformed(message, field="annotations.feed") from error


def _built(name: FullName, put: EntityPut, old: Trigger | None) -> Trigger:
    annotations = put.annotations if put.annotations is not UNSET else old.annotations if old else EMPTY
    if old is not None and old.annotations.has("feed") and not annotations.has("feed"):
        annotations = annotations.with_value("feed", old.annotations.get("feed"))
    parameters = put.parameters if put.parameters is not UNSET else old.parameters if old else EMPTY
    return Trigger(
        name=name,
        **head_of(put, old),
        annotations=annotations,
        parameters=keep_secrets(parameters, old.parameters if old else EMPTY, annotations),
        rules=old.rules if old else None,
    )


class FeedFiring:
    """What `hub.services.feeds` needs of triggers."""

    def __init__(self, triggers: Triggers) -> None:
        self._triggers = triggers

    async def fire(
        self, sub: Subscription, occurrences: Sequence[Occurrence], checkpoint: Checkpoint | None, *, source: str
    ) -> list[Accepted]:
        """See `Triggers.fire_feed`."""
        return await self._triggers.fire_feed(sub, occurrences, checkpoint, source=source)

    async def remove_trigger(self, sub: Subscription, *, rules: bool) -> None:
        """See `Triggers.remove_for_feed`."""
        await self._triggers.remove_for_feed(sub, rules=rules)
