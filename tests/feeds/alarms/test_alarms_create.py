"""What CREATE refuses, in which words and order, and what it answers (packages-and-feeds §4.2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.feedkit import Fire, ScheduledFeed, SettingsRefused
from tests.feeds.alarms.clock import START, Kept

PAST, SOON, LATER = "2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"
MINUTES = "the minutes parameter must be an integer"
DELETE = "deleteAfterFire parameter must be one of [false, true, rules]."

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("once", {}, "alarms once trigger feed is missing the date parameter"),
    ("once", {"deleteAfterFire": "maybe"}, "alarms once trigger feed is missing the date parameter"),
    ("once", {"date": "soon", "deleteAfterFire": "maybe"}, DELETE),
    ("once", {"date": "soon"}, "date parameter 'soon' is not a valid Date"),
    ("once", {"date": "1546300740000"}, "date parameter '1546300740000' is not a valid Date"),
    ("once", {"date": True}, "date parameter 'True' is not a valid Date"),
    ("once", {"date": [1]}, "date parameter '[1]' is not a valid Date"),
    ("once", {"date": 1e300}, "date parameter '1e+300' is not a valid Date"),
    ("once", {"date": "9999-12-31T23:59:59-12:00"}, "date parameter '9999-12-31T23:59:59-12:00' is not a valid Date"),
    ("once", {"date": PAST}, f"date parameter '{PAST}' must be in the future"),
    ("once", {"date": 1546300740000}, "date parameter '1546300740000' must be in the future"),
    ("interval", {}, "interval trigger feed is missing the minutes parameter"),
    ("interval", {"minutes": 0}, "interval trigger feed is missing the minutes parameter"),
    ("interval", {"minutes": "often"}, MINUTES),
    ("interval", {"minutes": 1.5}, MINUTES),
    ("interval", {"minutes": True}, MINUTES),
    ("interval", {"minutes": [5]}, MINUTES),
    ("interval", {"minutes": "9" * 5000}, MINUTES),
    ("interval", {"minutes": "0"}, f"{MINUTES} greater than zero"),
    ("interval", {"minutes": -5, "startDate": PAST}, f"{MINUTES} greater than zero"),
    ("interval", {"minutes": 10**12}, "the minutes parameter must not be greater than 52596000, which is a hundred years"),
    ("interval", {"minutes": 5, "startDate": PAST}, f"startDate parameter '{PAST}' must be in the future"),
    ("interval", {"minutes": 5, "stopDate": "x", "maxTriggers": 3}, "stopDate parameter 'x' is not a valid Date"),
    ("interval", {"minutes": 5, "stopDate": SOON, "maxTriggers": 3}, "maxTriggers is not supported for the interval trigger feed"),
    (
        "interval",
        {"minutes": 5, "startDate": LATER, "stopDate": SOON},
        f"stopDate parameter '{SOON}' must be greater than the startDate parameter '{LATER}'",
    ),
    ("alarm", {}, "alarms trigger feed is missing the cron parameter"),
    ("alarm", {"cron": "", "timezone": "Moon"}, "alarms trigger feed is missing the cron parameter"),
    ("alarm", {"cron": "* * *", "timezone": "Moon"}, "cron pattern '* * *' is not valid"),
    ("alarm", {"cron": "* * * * *", "timezone": "Moon", "startDate": PAST}, "Invalid timezone."),
    ("alarm", {"cron": "* * * * *", "timezone": "../../etc/passwd"}, "Invalid timezone."),
    ("alarm", {"cron": "* * * * *", "timezone": 7}, "Invalid timezone."),
    ("alarm", {"cron": "* * * * *", "startDate": PAST}, f"startDate parameter '{PAST}' must be in the future"),
    ("alarm", {"cron": "* * * * *", "stopDate": PAST}, f"stopDate parameter '{PAST}' must be in the future"),
    (
        "alarm",
        {"cron": "* * * * *", "stopDate": SOON, "maxTriggers": 1},
        "maxTriggers is not allowed when the stopDate parameter is specified",
    ),
    ("alarm", {"cron": "* * * * *", "maxTriggers": "many"}, "the maxTriggers parameter must be an integer greater than zero"),
    ("alarm", {"cron": "0 0 1 1 *", "stopDate": SOON}, "the first scheduled trigger fire is not until after the stop date"),
    ("alarm", {"cron": "* * * * *", "dialect": "quartz"}, "dialect parameter must be one of [standard, openwhisk]."),
    ("alarm", {"cron": "* * * * *", "missed": "most"}, "missed parameter must be one of [once, skip, all]."),
]


@pytest.mark.parametrize(("feed", "parameters", "message"), REFUSED)
async def test_settings_that_cannot_work_are_refused_in_known_words(feed: str, parameters: dict[str, Any], message: str) -> None:
    """The first thing wrong is said with upstream's text."""
    with pytest.raises(SettingsRefused) as refusal:
        await Kept(feed).create(**parameters)
    assert str(refusal.value) == message


async def test_every_alarm_is_a_scheduled_feed() -> None:
    """The hub's schedule can drive all three."""
    assert all(isinstance(Kept(feed).feed, ScheduledFeed) for feed in ("alarm", "interval", "once"))


async def test_the_answer_shows_the_next_five_fires() -> None:
    """Somebody who made a mistake in a pattern sees it at once."""
    alarm = await Kept("alarm").create(cron="30 7 * * mon-fri", timezone="Europe/Lisbon")
    days = ["2026-03-05", "2026-03-06", "2026-03-09", "2026-03-10", "2026-03-11"]
    assert alarm.answer == {"next": [f"{day}T07:30:00+00:00" for day in days]}


@pytest.mark.parametrize(
    ("given", "payload"),
    [("", {"payload": ""}), ("hello", {"payload": "hello"}), ({"a": 1}, {"a": 1}), (None, {}), ([1], {"payload": [1]})],
)
async def test_a_payload_that_is_no_object_arrives_as_payload(given: Any, payload: dict[str, Any]) -> None:
    """Text, also the empty text that the package binds, is wrapped."""
    alarm = await Kept("interval").create(minutes=1, trigger_payload=given)
    due = alarm.due()
    assert isinstance(due, Fire)
    assert due.payload == payload


@pytest.mark.parametrize(
    "date", [1772668800000, 1772668800000.0, "2026-03-05", "2026-03-05T00:00:00.000Z", "2026-03-05T01:00:00+01:00", "2026-03-05T00:00"]
)
async def test_a_date_is_a_number_or_iso_text(date: object) -> None:
    """Every form names the same moment; without a zone it is UTC."""
    assert (await Kept("once").create(date=date)).fire() == datetime(2026, 3, 5, tzinfo=UTC)


async def test_read_answers_in_the_known_shape() -> None:
    """READ tells what was set, and the next ten fires."""
    alarm = await Kept("alarm").create(cron="0 */6 * * *", startDate=SOON, strict="true", trigger_payload={"a": 1}, maxTriggers=3)
    config = await alarm.read()
    following = config.pop("next")
    assert following == ["2026-03-05T00:00:00+00:00", "2026-03-05T06:00:00+00:00", "2026-03-05T12:00:00+00:00"]
    assert config == {
        "cron": "0 */6 * * *",
        "timezone": "UTC",
        "dialect": "standard",
        "startDate": "2026-03-05T00:00:00+00:00",
        "stopDate": None,
        "maxTriggers": 3,
        "strict": True,
        "missed": "once",
        "payload": {"a": 1},
    }
    interval = await (await Kept("interval").create(minutes="5", stopDate=SOON)).read()
    assert (interval["minutes"], interval["stopDate"], interval["startDate"]) == (
        5,
        "2026-03-05T00:00:00+00:00",
        "2026-03-04T12:00:40+00:00",
    )
    assert len(interval["next"]) == 10
    once = await (await Kept("once").create(date=SOON, deleteAfterFire="RULES")).read()
    assert (once["date"], once["deleteAfterFire"], once["next"]) == ("2026-03-05T00:00:00+00:00", "rules", ["2026-03-05T00:00:00+00:00"])


@pytest.mark.parametrize(
    ("pattern", "standard", "openwhisk"),
    [
        ("0 0 1 1 *", "2027-01-01T00:00:00+00:00", "2027-02-01T00:00:00+00:00"),
        ("0 7 * 1-6 *", "2026-03-05T07:00:00+00:00", "2026-03-05T07:00:00+00:00"),
        ("0 0 1 12 *", "2026-12-01T00:00:00+00:00", "never"),
        ("0 0 * * 7", "2026-03-08T00:00:00+00:00", "never"),
    ],
)
async def test_a_pattern_with_two_meanings_comes_with_both_dates(pattern: str, standard: str, openwhisk: str) -> None:
    """Months and Sundays that OpenWhisk's alarms read otherwise are pointed out."""
    warning = (await Kept("alarm").create(cron=pattern)).answer["warning"]
    assert pattern in warning
    assert f"fires next: {standard};" in warning
    assert f"(months 0-11, weekdays 0-6): {openwhisk}." in warning


@pytest.mark.parametrize("pattern", ["*/5 * * * *", "0 0 1 jan *", "0 7 * * 1-5", "0 0 1 */3 *", "30 2 * * *"])
async def test_a_pattern_with_one_meaning_has_no_warning(pattern: str) -> None:
    """Nobody is warned of what is the same."""
    assert "warning" not in (await Kept("alarm").create(cron=pattern, timezone="Europe/Paris")).answer


async def test_only_settings_of_the_feed_are_kept() -> None:
    """What a client sends besides reaches neither the record nor the arithmetic."""
    interval = await Kept("interval").create(minutes=1, grid="1970-01-01", counted=-5, since="x", maxTriggers=1, authKey="secret")
    assert set(interval.sub.settings) == {"minutes", "startDate", "maxTriggers", "counted", "missed", "trigger_payload"}
    assert interval.fire() > START
    assert interval.sub.settings["counted"] == 0


async def test_meta_is_kept_for_the_hub() -> None:
    """The member __hub is the hub's to add; the setting that asks for it is kept."""
    assert (await Kept("once").create(date=SOON, meta=True)).sub.settings["meta"] is True
    assert "meta" not in (await Kept("once").create(date=SOON, meta=False)).sub.settings
