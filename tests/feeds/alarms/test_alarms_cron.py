"""Patterns by example: the grammar that clients use, the two dialects, and days on which clocks change (packages-and-feeds §4.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from feeds.alarms import cron, grammar
from hub.feedkit import SettingsRefused


def fires(pattern: str, zone: str, dialect: str, start: str, count: int) -> list[str]:
    """The next moments, as the clock on the wall shows them."""
    times, found = cron.Times(pattern, zone, dialect), []
    moment: datetime | None = datetime.fromisoformat(start)
    for _ in range(count):
        assert moment is not None
        moment = times.after(moment)
        assert moment is not None
        found.append(moment.astimezone(cron.zone(zone)).strftime("%m-%d %H:%M %z"))
    return found


@pytest.mark.parametrize(
    ("pattern", "meaning"),
    [
        ("*/15 * * * *", "0 0,15,30,45 * * * *"),
        ("5/10 * * * *", "0 5,15,25,35,45,55 * * * *"),
        ("  10   * * *  * ", "0 10 * * * *"),
        ("*/5 * * * * *", "0,5,10,15,20,25,30,35,40,45,50,55 * * * * *"),
        ("0 9-17/4 * * MON-fri", "0 0 9,13,17 * * 1,2,3,4,5"),
        ("0 0 1 jan,JUL *", "0 0 0 1 1,7 *"),
        ("0 0 * * 7", "0 0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 0 * * 0,5,6"),
        ("0 0 * * 1/2", "0 0 0 * * 1,3,5"),
        ("0 0 * * 0-7", "0 0 0 * * *"),
        ("*/70 * * * *", "0 0 * * * *"),
        ("0 0 1-31 1-12 0-6", "0 0 0 * * *"),
    ],
)
def test_the_grammar_takes_what_clients_write(pattern: str, meaning: str) -> None:
    """Steps, ranges, lists and names mean what people expect."""
    assert grammar.expression(pattern, grammar.STANDARD).text == meaning


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "* * * *", "* * * * * * *", "@hourly", "* * L * *", "0 0 LW * *", "* * ? * *", "0 0 * * 5#2", "0 0 15W * *", "0 0 * * 5L"),
        *("99 * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *", "* * * * 8", "* * * * 8-12"),
        *(
            "10-5 * * * *",
            "*/0 * * * *",
            "-1 * * * *",
            "1.5 * * * *",
            "5/ * * * *",
            ",5 * * * *",
            "5,, * * * *",
            "** * * * *",
            "1-2-3 * * * *",
        ),
        *("mon * * * *", "* * * mon *", "* * * * jan", "* * * * monday", "* * * * fri-sun", "٣ * * * *", "0x1 * * * *", "1 2 3 4 5\x006"),
        "1," * 600 + "1 * * * *",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    """One text for all of it, as upstream; a very long one is cut."""
    with pytest.raises(SettingsRefused, match=r"cron pattern '.*' is not valid") as refusal:
        cron.Times(pattern, "UTC", grammar.STANDARD)
    assert len(str(refusal.value)) < 1100


@pytest.mark.parametrize("pattern", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 feb *"])
def test_a_day_that_no_month_has_is_refused(pattern: str) -> None:
    """A pattern that can never fire is said to be one."""
    with pytest.raises(SettingsRefused, match="never fires: no date fits it"):
        cron.Times(pattern, "UTC", grammar.STANDARD)


def test_a_leap_day_fires_every_four_years() -> None:
    """29 February is rare, not impossible; 2100 has none."""
    times = cron.Times("0 0 29 2 *", "UTC", grammar.STANDARD)
    assert [times.after(datetime(year, 3, 1, tzinfo=UTC)) for year in (2026, 2096)] == [
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2104, 2, 29, tzinfo=UTC),
    ]


def test_either_day_is_enough_when_both_are_restricted() -> None:
    """Day of month or weekday, as in every cron."""
    for dialect in grammar.DIALECTS:
        found = fires("0 0 13 * 5", "UTC", dialect, "2026-03-01T00:00:00Z", 4)
        assert [line[:5] for line in found] == ["03-06", "03-13", "03-20", "03-27"]
        assert fires("0 0 13 * 5", "UTC", dialect, "2026-03-28T00:00:00Z", 3)[2][:5] == "04-13"


def test_months_of_the_dialect_openwhisk_begin_at_zero() -> None:
    """1 is February there, and 12 is none; names are the same in both."""
    assert fires("0 0 1 1 *", "UTC", grammar.OPENWHISK, "2026-03-01T00:00:00Z", 1) == ["02-01 00:00 +0000"]
    assert fires("0 0 1 0 *", "UTC", grammar.OPENWHISK, "2026-03-01T00:00:00Z", 1) == ["01-01 00:00 +0000"]
    for dialect in grammar.DIALECTS:
        assert fires("0 0 1 dec *", "UTC", dialect, "2026-03-01T00:00:00Z", 1) == ["12-01 00:00 +0000"]
    for pattern in ("0 0 1 12 *", "0 0 * * 7", "0 0 30 1 *"):
        with pytest.raises(SettingsRefused):
            cron.Times(pattern, "UTC", grammar.OPENWHISK)


NEW_YORK_SPRING, NEW_YORK_AUTUMN = "2026-03-08T05:30:00Z", "2026-11-01T04:30:00Z"


@pytest.mark.parametrize("pattern", ["30 2 * * *", "0 30 2 * * *"])
def test_a_time_that_does_not_exist_fires_at_the_first_minute_that_does(pattern: str) -> None:
    """Every night has its fire, also the short one; with and without a field of seconds."""
    found = fires(pattern, "America/New_York", grammar.STANDARD, NEW_YORK_SPRING, 2)
    assert found == ["03-08 03:00 -0400", "03-09 02:30 -0400"]
    skipped = fires(pattern, "America/New_York", grammar.OPENWHISK, NEW_YORK_SPRING, 1)
    assert skipped == ["03-09 02:30 -0400"]


@pytest.mark.parametrize("pattern", ["30 1 * * *", "0 30 1 * * *"])
def test_a_time_that_occurs_twice_fires_once(pattern: str) -> None:
    """The first time counts; OpenWhisk's alarms fired at both."""
    found = fires(pattern, "America/New_York", grammar.STANDARD, NEW_YORK_AUTUMN, 2)
    assert found == ["11-01 01:30 -0400", "11-02 01:30 -0500"]
    twice = fires(pattern, "America/New_York", grammar.OPENWHISK, NEW_YORK_AUTUMN, 3)
    assert twice == ["11-01 01:30 -0400", "11-01 01:30 -0500", "11-02 01:30 -0500"]


def test_several_times_in_the_gap_are_one_fire() -> None:
    """They all fall on the first minute that exists."""
    found = fires("*/20 2,3 * * *", "America/New_York", grammar.STANDARD, NEW_YORK_SPRING, 4)
    assert found == ["03-08 03:00 -0400", "03-08 03:20 -0400", "03-08 03:40 -0400", "03-09 02:00 -0400"]


@pytest.mark.parametrize("dialect", grammar.DIALECTS)
@pytest.mark.parametrize("start", [NEW_YORK_SPRING, NEW_YORK_AUTUMN])
def test_a_pattern_for_every_hour_goes_by_real_time(dialect: str, start: str) -> None:
    """Every quarter of an hour stays every quarter of an hour."""
    times = cron.Times("*/15 * * * *", "America/New_York", dialect)
    moments = [datetime.fromisoformat(start)]
    for _ in range(20):
        following = times.after(moments[-1])
        assert following is not None
        moments.append(following)
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(moments)} == {900.0}


def test_a_midnight_that_does_not_exist_fires_at_one() -> None:
    """Some countries change their clocks at midnight."""
    assert fires("0 0 * * *", "Asia/Beirut", grammar.STANDARD, "2026-03-28T12:00:00Z", 2) == ["03-29 01:00 +0300", "03-30 00:00 +0300"]


def test_half_an_hour_of_summer_time_is_kept_as_well() -> None:
    """Lord Howe Island turns its clocks by thirty minutes, back from 02:00 to 01:30."""
    found = fires("*/10 2 * * *", "Australia/Lord_Howe", grammar.STANDARD, "2026-04-04T14:00:00Z", 7)
    assert [line[:11] for line in found] == [f"04-05 02:{minute}" for minute in ("00", "10", "20", "30", "40", "50")] + ["04-06 02:00"]
    twice = fires("45 1 * * *", "Australia/Lord_Howe", grammar.OPENWHISK, "2026-04-04T14:00:00Z", 2)
    assert twice == ["04-05 01:45 +1100", "04-05 01:45 +1030"]
