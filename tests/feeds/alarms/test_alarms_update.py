"""UPDATE: what changes, what stays, what is refused (packages-and-feeds §4.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.feedkit import Ended, Fire, SettingsRefused
from tests.feeds.alarms.clock import START, Kept

SOON, LATER, LATEST = "2026-03-05T00:00:00+00:00", "2026-03-06T00:00:00+00:00", "2026-03-07T00:00:00+00:00"


@pytest.mark.parametrize(("feed", "parameters"), [("alarm", {"cron": "* * * * *"}), ("interval", {"minutes": 1}), ("once", {"date": SOON})])
async def test_nothing_usable_is_refused(feed: str, parameters: dict[str, Any]) -> None:
    """The empty payload that the package binds is no change, and settings of other kinds are none either."""
    kept = await Kept(feed).create(**parameters)
    others: dict[str, dict[str, Any]] = {"once": {"cron": "* * * * *"}, "alarm": {"minutes": 5}, "interval": {"date": LATER}}
    with pytest.raises(SettingsRefused, match=r"\Ano updatable parameters were specified\Z"):
        await kept.update(**others[feed])


async def test_a_payload_outlives_an_update_of_something_else() -> None:
    """The package binds an empty payload to every call; it does not wipe out the one that was set."""
    alarm = await Kept("alarm").create(cron="0 * * * *", trigger_payload={"who": "clock"})
    await alarm.update(cron="30 * * * *")
    due = alarm.due()
    assert isinstance(due, Fire)
    assert (due.at.minute, due.payload) == (30, {"who": "clock"})
    await alarm.update(trigger_payload="new")
    due = alarm.due()
    assert isinstance(due, Fire)
    assert (due.at.minute, due.payload) == (30, {"payload": "new"})


async def test_a_new_start_behind_the_stop_is_refused() -> None:
    """The stop that stays counts."""
    alarm = await Kept("alarm").create(cron="* * * * *", stopDate=LATER)
    message = f"startDate parameter '{LATEST}' must be less than the stopDate parameter '{LATER}'"
    with pytest.raises(SettingsRefused) as refusal:
        await alarm.update(startDate=LATEST)
    assert str(refusal.value) == message
    await alarm.update(startDate=LATEST, stopDate="2026-04-01")
    assert alarm.fire().isoformat() == LATEST


async def test_a_new_stop_before_the_start_is_refused() -> None:
    """The start that stays counts, too."""
    interval = await Kept("interval").create(minutes=1, startDate=LATER)
    with pytest.raises(SettingsRefused, match="must be greater than the startDate parameter"):
        await interval.update(stopDate=SOON)


async def test_an_interval_under_way_stays_on_its_grid() -> None:
    """Another payload, or another distance, does not move the start."""
    interval = await Kept("interval").create(minutes=10)
    first = interval.fire()
    interval.sleep(minutes=3)
    await interval.update(trigger_payload="x")
    assert interval.fire() == first + timedelta(minutes=10)
    await interval.update(minutes=4)
    assert interval.fire() == first + timedelta(minutes=12)
    await interval.update(startDate=LATER)
    assert interval.fire().isoformat() == LATER


async def test_what_was_missed_before_an_update_is_let_go() -> None:
    """A changed alarm begins anew; the old moments belong to the old pattern."""
    alarm = await Kept("alarm").create(cron="* * * * *")
    alarm.fire()
    alarm.sleep(hours=5)
    await alarm.update(cron="*/30 * * * *")
    assert alarm.catch_up() == []
    assert alarm.fire() == START.replace(hour=17, minute=30, second=0)


async def test_a_once_alarm_that_fired_can_be_set_again() -> None:
    """A new date fires."""
    once = await Kept("once").create(date=SOON)
    once.fire()
    assert isinstance(once.due(), Ended)
    await once.update(date=LATER)
    assert once.answer["next"] == [LATER]
    assert once.fire().isoformat() == LATER
    assert isinstance(once.due(), Ended)


async def test_an_alarm_that_used_up_its_fires_counts_anew_when_it_is_woken() -> None:
    """Otherwise it would end at once, without a word."""
    alarm = await Kept("alarm").create(cron="* * * * *", maxTriggers=2)
    alarm.fire()
    await alarm.update(cron="*/2 * * * *")
    alarm.fire()
    assert isinstance(alarm.due(), Ended)
    await alarm.update(trigger_payload="again")
    assert len(alarm.answer["next"]) == 2
    await alarm.update(maxTriggers=3)
    assert len(alarm.answer["next"]) == 3


async def test_a_refused_update_names_the_date_that_has_passed() -> None:
    """An alarm that came to its stop needs a new one."""
    alarm = await Kept("alarm").create(cron="* * * * *", stopDate=SOON)
    alarm.sleep(days=3)
    with pytest.raises(SettingsRefused, match=r"stopDate parameter .* must be in the future"):
        await alarm.update(cron="*/5 * * * *")
    await alarm.update(stopDate=None)
    assert alarm.answer["next"]
