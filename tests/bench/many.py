"""Fills the record of a hub that is not running with triggers and rules."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hub.app import open_store
from hub.data import DataFolder
from hub.domain.names import FullName
from hub.domain.rule import Rule
from hub.domain.trigger import Link, Trigger
from hub.settings import Settings
from hub.storage.base import EntityWrite

AT_ONCE = 200


def fill(data: Path, count: int) -> None:
    """Add `count` triggers, each with a rule to the same action, to the namespace `guest`."""
    asyncio.run(_fill(data, count))


async def _fill(data: Path, count: int) -> None:
    store = open_store(Settings(data=data), DataFolder(data))
    await store.open()
    try:
        for first in range(0, count, AT_ONCE):
            await asyncio.gather(*(store.write_entities(_pair(number)) for number in range(first, min(first + AT_ONCE, count))))
    finally:
        await store.close()


def _pair(number: int) -> list[EntityWrite]:
    trigger, rule, action = (FullName("guest", f"{kind}{number}") for kind in ("trigger", "rule", "action"))
    links = {str(rule): Link(action=action)}
    return [
        EntityWrite(name=trigger, expected=0, entity=Trigger(name=trigger, updated=1, revision=1, rules=links)),
        EntityWrite(name=rule, expected=0, entity=Rule(name=rule, updated=1, revision=1, trigger=trigger, action=action)),
    ]
