"""When alarms fire, what becomes of missed moments, and how alarms end (packages-and-feeds §4.4, reliability §4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.feedkit import Ended, Fire
from tests.feeds.alarms.clock import START, Kept

SOON = "2026-03-05T00:00:00Z"
NOON = START.replace(second=0)
MINUTE = timedelta(minutes=1)


async def test_an_interval_fires_half_a_minute_after_it_was_made() -> None:
    """Somebody who tries it sees something soon, and then on the grid."""
    interval = await Kept("interval").create(minutes=15)
    assert [interval.fire(), interval.fire()] == [START + timedelta(seconds=30), START + timedelta(seconds=30, minutes=15)]


async def test_the_start_itself_fires() -> None:
    """Nothing fires before the start date, and a pattern that fits it fires then."""
    for feed, setting in (("alarm", {"cron": "0 0 * * *"}), ("interval", {"minutes": 1440})):
        kept = await Kept(feed).create(**setting, startDate=SOON)
        assert [kept.fire().day, kept.fire().day] == [5, 6]


async def test_a_start_within_a_second_is_not_anticipated() -> None:
    """A pattern of seconds waits for the whole second behind it."""
    alarm = await Kept("alarm").create(cron="* * * * * *", startDate="2026-03-05T00:00:00.500Z")
    assert alarm.fire() == datetime(2026, 3, 5, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("policy", ["once", "skip", "all"])
async def test_a_moment_just_passed_is_due_under_every_policy(policy: str) -> None:
    """A hub that is busy for some seconds has missed nothing."""
    alarm = await Kept("alarm").create(cron="*/10 * * * * *", missed=policy)
    alarm.sleep(seconds=25)
    assert [moment.second for moment in alarm.catch_up()] == [20, 30]


async def test_a_night_of_downtime_is_one_late_fire() -> None:
    """The default: the latest missed moment fires, then the next one in time."""
    for feed, setting in (("alarm", {"cron": "0 * * * *"}), ("interval", {"minutes": 60, "startDate": "2026-03-04T13:00:00Z"})):
        kept = await Kept(feed).create(**setting)
        kept.sleep(hours=9, minutes=20)
        assert kept.catch_up() == [NOON.replace(hour=21)]
        assert kept.fire() == NOON.replace(hour=22)


async def test_skipped_moments_do_not_fire() -> None:
    """The policy skip waits for the next moment."""
    for feed, setting in (("alarm", {"cron": "0 * * * *"}), ("interval", {"minutes": 60, "startDate": "2026-03-04T13:00:00Z"})):
        kept = await Kept(feed).create(**setting, missed="skip")
        kept.sleep(hours=9, minutes=20)
        assert kept.catch_up() == []
        assert kept.fire() == NOON.replace(hour=22)


@pytest.mark.parametrize(("away", "fires"), [(7, 7), (100, 100), (250, 100), (30_000, 100)])
async def test_all_missed_moments_fire_up_to_a_hundred(away: int, fires: int) -> None:
    """They fire in order; of more than a hundred, the latest."""
    for feed, setting in (("alarm", {"cron": "* * * * *"}), ("interval", {"minutes": 1, "startDate": "2026-03-04T12:01:00Z"})):
        kept = await Kept(feed).create(**setting, missed="all")
        kept.clock.turn(NOON + MINUTE * away + timedelta(seconds=45))
        assert kept.catch_up() == [NOON + MINUTE * turn for turn in range(away - fires + 1, away + 1)]


async def test_a_restart_fires_nothing_again() -> None:
    """The cursor is all that is needed; a clock that was set back fires nothing again either."""
    alarm = await Kept("alarm").create(cron="* * * * *")
    fired = [alarm.fire() for _ in range(3)]
    alarm.clock.turn(START)
    assert alarm.fire() == fired[-1] + MINUTE


async def test_once_fires_late_after_downtime() -> None:
    """A date that passed while the hub was down is not lost."""
    once = await Kept("once").create(date=SOON)
    once.sleep(days=5)
    assert [moment.day for moment in once.catch_up()] == [5]


@pytest.mark.parametrize(("then", "removal"), [("false", None), ("true", "trigger"), ("Rules", "rules"), (True, "trigger"), (None, None)])
async def test_once_ends_after_its_fire(then: object, removal: str | None) -> None:
    """It is disabled, or takes its trigger along, or the rules as well."""
    once = await Kept("once").create(date=SOON, deleteAfterFire=then)
    once.fire()
    assert once.due() == Ended(message="Automatically disabled after firing once", remove=removal)


async def test_a_date_that_may_be_skipped_ends_without_removal() -> None:
    """What never fired does not take its trigger along."""
    once = await Kept("once").create(date=SOON, missed="skip", deleteAfterFire="true")
    once.sleep(days=5)
    assert once.due() == Ended(
        message="Automatically disabled after receiving error on trigger initialization: the fire once date has expired"
    )


@pytest.mark.parametrize(("feed", "setting", "kind"), [("alarm", {"cron": "* * * * *"}, "cron"), ("interval", {"minutes": 1}, "interval")])
async def test_the_stop_date_is_the_last_to_fire(feed: str, setting: dict[str, object], kind: str) -> None:
    """A moment on the stop date fires, none behind it."""
    kept = await Kept(feed).create(**setting, startDate="2026-03-04T12:05:00Z", stopDate="2026-03-04T12:07:00Z")
    assert [kept.fire().minute for _ in range(3)] == [5, 6, 7]
    assert kept.due() == Ended(message=f"Automatically disabled after firing last scheduled {kind} trigger")


@pytest.mark.parametrize(
    ("feed", "setting"), [("alarm", {"cron": "* * * * *"}), ("interval", {"minutes": 1, "startDate": "2026-03-04T12:01:00Z"})]
)
async def test_moments_missed_before_a_stop_follow_the_policy(feed: str, setting: dict[str, object]) -> None:
    """A stop that passed during downtime does not swallow the late fire, and nothing behind it fires."""
    for policy, minutes in (("once", [3]), ("all", [1, 2, 3]), ("skip", [])):
        kept = await Kept(feed).create(**setting, stopDate="2026-03-04T12:03:30Z", missed=policy)
        kept.sleep(hours=2)
        assert [moment.minute for moment in kept.catch_up()] == minutes
        ended = kept.due()
        assert isinstance(ended, Ended)
        assert ended.message.endswith("the stop date has expired") == (policy == "skip")


@pytest.mark.parametrize(("feed", "setting"), [("alarm", {"cron": "* * * * *"}), ("interval", {"minutes": 1})])
async def test_max_triggers_ends_an_alarm_over_restarts(feed: str, setting: dict[str, object]) -> None:
    """Fires are counted by the record, not in memory."""
    kept = await Kept(feed).create(**setting, maxTriggers=3)
    for _ in range(3):
        assert isinstance(kept.due(), Fire)
        kept.fire()
    assert kept.due() == Ended(message="Automatically disabled after reaching max triggers")


async def test_minus_one_means_no_end() -> None:
    """As upstream stores it when nothing was asked for."""
    kept = await Kept("alarm").create(cron="* * * * *", maxTriggers=-1)
    assert [kept.fire().minute for _ in range(5)] == [1, 2, 3, 4, 5]


async def test_the_end_of_the_calendar_is_an_end() -> None:
    """An alarm in the far future is no failure."""
    alarm = await Kept("alarm", datetime(9999, 12, 30, tzinfo=UTC)).create(cron="0 0 31 12 *")
    alarm.fire()
    assert alarm.due() == Ended(message="Automatically disabled after firing last scheduled cron trigger")
