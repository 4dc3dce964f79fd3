"""Rules: put, get, list, remove, switch (openwhisk-api §4.3, §4.4). A rule and its trigger's link change in one commit."""

from __future__ import annotations

import msgspec

from hub.domain.errors import CONCURRENT_MODIFICATION, Conflict, Malformed, NotFound
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.domain.parameters import EMPTY
from hub.domain.rule import Rule
from hub.domain.trigger import Link, Trigger
from hub.services.access import own_entity, own_space
from hub.services.actions import Actions, check_entity_sizes
from hub.services.entities import Entities, head_of
from hub.storage.base import EntityWrite, Page
from hub.wire.entities import UNSET, RulePut

TRIES = 5


class Rules:
    """The collection of rules."""

    def __init__(self, entities: Entities, actions: Actions) -> None:
        self._entities = entities
        self._actions = actions

    async def get(self, caller: Identity, name: FullName) -> tuple[Rule, bool]:
        """The rule and whether it is active; without trigger or link it is not."""
        own_entity(caller, name)
        rule = await self._entities.get(name, Rule)
        return rule, _active(rule, await self._trigger(rule.trigger))

    async def listed(self, caller: Identity, namespace: str, page: Page) -> list[Rule]:
        """A page of rules."""
        own_space(caller, namespace)
        return await self._entities.listed(namespace, Rule, page=page)

    async def count(self, caller: Identity, namespace: str) -> int:
        """How many there are."""
        own_space(caller, namespace)
        return await self._entities.count(namespace, Rule)

    async def put(self, caller: Identity, name: FullName, put: RulePut, *, overwrite: bool) -> tuple[Rule, bool]:
        """Create (active) or, with `overwrite`, update (the state is carried over)."""
        own_entity(caller, name)
        check_entity_sizes(caller, UNSET, put.annotations)
        old = await self._entities.find_kind(name, Rule)
        if old is not None and not overwrite:
            raise Conflict
        if old is None and (put.trigger is UNSET or put.action is UNSET):
            raise Malformed("rule requires a valid trigger and a valid action")
        trigger_name = FullName.parse(put.trigger, own=name.namespace) if put.trigger is not UNSET else old.trigger if old else name
        action_name = FullName.parse(put.action, own=name.namespace) if put.action is not UNSET else old.action if old else name
        trigger = await self._referenced(caller, trigger_name, action_name)
        before = await self._trigger(old.trigger) if old else None
        active = _active(old, before) if old else True
        rule = _built(name, put, old, trigger_name, action_name)
        writes = [EntityWrite(name=name, expected=old.revision if old else 0, entity=rule), _linked(trigger, rule, active=active)]
        if before is not None and before.name != trigger.name:
            writes.append(_unlinked(before, name))
        await self._entities.write(*writes)
        return rule, active

    async def _referenced(self, caller: Identity, trigger_name: FullName, action_name: FullName) -> Trigger:
        own_entity(caller, trigger_name)
        try:
            trigger = await self._entities.get(trigger_name, Trigger)
        except NotFound as error:
            raise Malformed(f"trigger /{trigger_name} does not exist", field="trigger") from error
        try:
            await self._actions.resolve(caller, action_name)
        except NotFound as error:
            raise Malformed(f"action /{action_name} does not exist", field="action") from error
        return trigger

    async def switch(self, caller: Identity, name: FullName, *, active: bool) -> None:
        """Turn on or off. Raises NotFound for an unknown rule, and when a rule without trigger is turned on."""
        own_entity(caller, name)
        for attempt in range(TRIES):
            rule = await self._entities.get(name, Rule)
            trigger = await self._trigger(rule.trigger)
            if trigger is None:
                if active:
                    raise NotFound("Only rules with existing triggers can be activated")
                return
            if _active(rule, trigger) == active:
                return
            try:
                await self._entities.write(_linked(trigger, rule, active=active))
            except Conflict:
                if attempt == TRIES - 1:
                    raise Conflict(CONCURRENT_MODIFICATION) from None
            else:
                return

    async def remove(self, caller: Identity, name: FullName) -> Rule:
        """Delete the rule and its link."""
        own_entity(caller, name)
        rule = await self._entities.get(name, Rule)
        writes = [EntityWrite(name=name, expected=rule.revision, entity=None)]
        trigger = await self._trigger(rule.trigger)
        if trigger is not None and str(name) in (trigger.rules or {}):
            writes.append(_unlinked(trigger, name))
        await self._entities.write(*writes)
        return rule

    async def _trigger(self, name: FullName) -> Trigger | None:
        found = await self._entities.find(name)
        return found if isinstance(found, Trigger) else None


def _active(rule: Rule, trigger: Trigger | None) -> bool:
    link = (trigger.rules or {}).get(str(rule.name)) if trigger else None
    return link is not None and link.active


def _linked(trigger: Trigger, rule: Rule, *, active: bool) -> EntityWrite:
    rules = {**(trigger.rules or {}), str(rule.name): Link(action=rule.action, active=active)}
    return EntityWrite(name=trigger.name, expected=trigger.revision, entity=_with_rules(trigger, rules))


def _unlinked(trigger: Trigger, rule: FullName) -> EntityWrite:
    rules = {name: link for name, link in (trigger.rules or {}).items() if name != str(rule)}
    return EntityWrite(name=trigger.name, expected=trigger.revision, entity=_with_rules(trigger, rules))


def _with_rules(trigger: Trigger, rules: dict[str, Link]) -> Trigger:
    """Linking changes neither the trigger's version nor its time (openwhisk-api §2.2)."""
    return msgspec.structs.replace(trigger, rules=rules, revision=trigger.revision + 1)


def _built(name: FullName, put: RulePut, old: Rule | None, trigger: FullName, action: FullName) -> Rule:
    return Rule(
        name=name,
        **head_of(put, old),
        annotations=put.annotations if put.annotations is not UNSET else old.annotations if old else EMPTY,
        trigger=trigger,
        action=action,
    )
