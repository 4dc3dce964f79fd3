"""Cron arithmetic against a reference that looks at every minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.alarms import cron, grammar, missed
from hub.feedkit import SettingsRefused

MINUTE = timedelta(minutes=1)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def changes(name: str, first: int, last: int) -> Iterator[tuple[str, datetime]]:
    """Every hour at which the clocks of a zone change."""
    zone = ZoneInfo(name)
    hour = datetime(first, 1, 1, tzinfo=UTC)
    while hour.year <= last:
        after = hour + timedelta(hours=1)
        if hour.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            yield name, after
        hour = after


# Half an hour, two hours, midnight, both hemispheres, a negative summer time, and the day that Samoa left out.
NEAR_CHANGES = [
    *(("UTC", datetime(2024, 2, 28, 12, tzinfo=UTC)), ("Asia/Kolkata", datetime(2025, 12, 31, 20, tzinfo=UTC))),
    *changes("America/New_York", 2025, 2025),
    *changes("Europe/Dublin", 2025, 2025),
    *changes("Australia/Lord_Howe", 2025, 2025),
    *changes("Antarctica/Troll", 2025, 2025),
    *changes("America/Sao_Paulo", 2017, 2018),
    *changes("Asia/Beirut", 2025, 2025),
    *changes("America/St_Johns", 2008, 2008),
    *changes("Pacific/Apia", 2011, 2011),
]


class Written(NamedTuple):
    """A field as text, and the values that it means by construction."""

    text: str
    values: frozenset[int]


@st.composite
def fields(draw: st.DrawFn, low: int, high: int, top: int, names: list[str] | None = None) -> Written:
    """A list of terms in every form that the grammar has."""
    texts: list[str] = []
    values: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        first, last = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
        step = draw(st.integers(1, top + 2))
        named = names[first - low] if names and first - low < len(names) and draw(st.booleans()) else str(first)
        text, found = draw(
            st.sampled_from(
                [
                    (named, {first}),
                    (f"{named}-{last}", set(range(first, last + 1))),
                    (f"{named}-{last}/{step}", set(range(first, last + 1, step))),
                    (f"{named}/{step}", set(range(first, max(first, top) + 1, step))),
                    (f"*/{step}", set(range(low, top + 1, step))),
                ]
            )
        )
        texts.append(text.upper() if draw(st.booleans()) else text)
        values |= found
    return draw(st.sampled_from([Written(",".join(texts), frozenset(values)), Written("*", frozenset(range(low, top + 1)))]))


class Pattern(NamedTuple):
    """A pattern, and what it means: seconds, minutes, hours, days, months 1-12, weekdays 0-6."""

    text: str
    means: tuple[frozenset[int], ...]


def patterns(dialect: str = grammar.STANDARD, *, seconds: bool = False) -> st.SearchStrategy[Pattern]:
    first_month, shift, last_day = (0, 1, 6) if dialect == grammar.OPENWHISK else (1, 0, 7)
    parts = [
        fields(0, 59, 59),
        fields(0, 59, 59),
        # Clocks change at night.
        fields(0, 23, 23) | st.integers(0, 3).map(lambda hour: Written(str(hour), frozenset({hour}))),
        fields(1, 31, 31),
        fields(first_month, first_month + 11, first_month + 11, MONTHS),
        fields(0, last_day, 6, DAYS),
    ]

    def put_together(written: tuple[Written, ...]) -> Pattern:
        text = "  ".join(field.text for field in written[0 if seconds else 1 :])
        means = [field.values for field in written]
        if not seconds:
            means[0] = frozenset({0})
        means[4] = frozenset(month + shift for month in means[4])
        means[5] = frozenset(day % 7 for day in means[5])
        return Pattern(text, tuple(means))

    return st.tuples(*parts).map(put_together)


def fits(local: datetime, means: tuple[frozenset[int], ...]) -> bool:
    seconds, minutes, hours, days, months, weekdays = means
    day, weekday = local.day in days, local.isoweekday() % 7 in weekdays
    either = day or weekday if len(days) < 31 and len(weekdays) < 7 else day and weekday
    return local.second in seconds and local.minute in minutes and local.hour in hours and local.month in months and either


def reference(pattern: Pattern, zone: ZoneInfo, start: datetime, count: int, *, real: bool, step: timedelta = MINUTE) -> Iterator[datetime]:
    """Walk real time and look at the clock on the wall; `real` is the rule that skips and repeats."""
    before = start.astimezone(zone).replace(tzinfo=None)
    for turn in range(1, count + 1):
        moment = start + step * turn
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        shown = [wall]
        while not real and wall - before > step:
            # The clock jumped: what it left out counts now.
            before += step
            shown.append(before)
        if (real or not local.fold) and any(fits(time, pattern.means) for time in shown):
            yield moment
        before = wall


def by_real_time(pattern: Pattern, dialect: str) -> bool:
    return dialect == grammar.OPENWHISK or len(pattern.means[2]) == 24


def times(pattern: Pattern, zone: str, dialect: str) -> cron.Times | None:
    """None for a pattern that no date fits."""
    try:
        return cron.Times(pattern.text, zone, dialect)
    except SettingsRefused as error:
        assert "never fires" in str(error)
        days, months = pattern.means[3], pattern.means[4]
        assert all(day > 29 for day in days)
        assert months <= {2, 4, 6, 9, 11}
        return None


NEAR = st.tuples(st.sampled_from(NEAR_CHANGES), st.integers(-26 * 60, 4 * 60))
DIALECTS = st.sampled_from(grammar.DIALECTS)


@settings(max_examples=150, deadline=None)
@given(st.data(), NEAR, DIALECTS)
def test_the_next_moments_are_those_that_a_walk_over_every_minute_finds(
    data: st.DataObject, near: tuple[tuple[str, datetime], int], dialect: str
) -> None:
    """The arithmetic and a naive walk agree, also when clocks change."""
    (name, change), offset = near
    pattern = data.draw(patterns(dialect))
    found = times(pattern, name, dialect)
    if found is None:
        return
    start, minutes = change + MINUTE * offset, 30 * 60
    expected = list(reference(pattern, ZoneInfo(name), start, minutes, real=by_real_time(pattern, dialect)))
    moment = start
    for one in expected[:150]:
        following = found.after(moment)
        assert following == one
        moment = one
    if len(expected) <= 150:
        behind = found.after(moment)
        assert behind is not None
        assert behind > start + MINUTE * minutes


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(NEAR_CHANGES), st.integers(-4000, 3000), DIALECTS)
def test_patterns_with_seconds_agree_with_a_walk_over_every_second(
    data: st.DataObject, near: tuple[str, datetime], offset: int, dialect: str
) -> None:
    """The field of seconds follows the same rules."""
    name, change = near
    pattern = data.draw(patterns(dialect, seconds=True))
    found = times(pattern, name, dialect)
    if found is None:
        return
    second = timedelta(seconds=1)
    start = change + second * offset
    expected = next(reference(pattern, ZoneInfo(name), start, 5000, real=by_real_time(pattern, dialect), step=second), None)
    following = found.after(start)
    assert following is not None
    assert following == expected if expected else following > start + second * 5000


@settings(max_examples=300, deadline=None)
@given(st.data(), NEAR, DIALECTS, st.integers(0, 59_999_999))
def test_the_last_moment_is_the_one_before_the_next(
    data: st.DataObject, near: tuple[tuple[str, datetime], int], dialect: str, microseconds: int
) -> None:
    """Looking back and looking forward see the same moments."""
    (name, change), offset = near
    found = times(data.draw(patterns(dialect)), name, dialect)
    if found is None:
        return
    now = change + MINUTE * offset + timedelta(microseconds=microseconds)
    last, following = found.last(now), found.after(now)
    assert following is not None
    assert last <= now < following
    assert found.after(last) == following
    assert found.last(following) == following
    assert found.after(last - missed.TICK) == last


@given(patterns(), patterns(grammar.OPENWHISK))
def test_a_pattern_means_the_values_it_was_made_of(standard: Pattern, openwhisk: Pattern) -> None:
    """Every form of a field is read as the set that it stands for, in both dialects."""
    for pattern, dialect in ((standard, grammar.STANDARD), (openwhisk, grammar.OPENWHISK)):
        read = grammar.expression(pattern.text, dialect)
        full = [
            "*" if len(values) == whole else ",".join(map(str, sorted(values)))
            for values, whole in zip(pattern.means, (60, 60, 24, 31, 12, 7), strict=True)
        ]
        assert read.text == " ".join(full)
        assert grammar.expression(read.text, grammar.STANDARD).text == read.text


@given(patterns(grammar.OPENWHISK))
def test_the_dialects_differ_by_a_month(pattern: Pattern) -> None:
    """A pattern of numbers in the dialect openwhisk fires as the standard one with each month a number higher."""
    seconds_to_days, months, weekdays = pattern.means[:4], pattern.means[4], pattern.means[5]
    shifted = " ".join(",".join(map(str, sorted(values))) for values in (*seconds_to_days[1:], months, weekdays))
    assert grammar.expression(pattern.text, grammar.OPENWHISK) == grammar.expression(shifted, grammar.STANDARD)


@given(st.text(max_size=40) | st.text("0123456789*/,-LW#?@ \t", max_size=30), DIALECTS)
def test_any_text_is_a_pattern_or_refused(text: str, dialect: str) -> None:
    """What is no pattern is refused with its own text, whatever it holds."""
    try:
        cron.Times(text, "UTC", dialect)
    except SettingsRefused as error:
        assert text in str(error)


GRIDS = st.builds(
    missed.Grid,
    st.timedeltas(timedelta(0), timedelta(days=700)).map(lambda age: datetime(2024, 1, 1, tzinfo=UTC) + age),
    st.integers(1, 5000).map(lambda n: MINUTE * n),
)


@given(GRIDS, st.timedeltas(timedelta(0), timedelta(days=30)))
def test_a_grid_never_leaves_its_start(grid: missed.Grid, distance: timedelta) -> None:
    """Every moment of an interval is its start and a whole number of steps."""
    moment = grid.start + distance
    following = grid.after(moment)
    assert following is not None
    assert (following - grid.start) % grid.step == timedelta(0)
    assert moment < following <= moment + grid.step
    assert grid.last(moment) == following - grid.step


@given(
    GRIDS,
    st.timedeltas(timedelta(0), timedelta(days=20)),
    st.sampled_from(missed.POLICIES),
    st.timedeltas(timedelta(0), timedelta(days=20)),
)
def test_missed_moments_follow_the_policy(grid: missed.Grid, away: timedelta, policy: str, open_for: timedelta) -> None:
    """One late fire, none, or the latest hundred; never one twice, never one behind the stop."""
    now, stop = grid.start + away, grid.start + open_for
    passed = [grid.start + grid.step * turn for turn in range(min(away, open_for) // grid.step + 1)]
    late = [moment for moment in passed if moment <= now - missed.PATIENCE]
    fired: list[datetime] = []
    moment = grid.start - missed.TICK
    while (due := missed.due(grid, policy, moment, now, stop)) is not None and due <= min(now, stop):
        assert due > moment
        fired.append(due)
        moment = due
    if policy == missed.SKIP or not late:
        assert fired == passed[len(late) :]
    elif policy == missed.ONCE:
        assert fired == passed[-1:]
    else:
        assert fired == passed[-missed.MOST :]


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=3), st.datetimes(timezones=st.just(UTC))
)
def test_what_is_stored_reads_back_the_same(payload: dict[str, object], moment: datetime) -> None:
    """Moments are stored as text, and the text is JSON like the payload beside it."""
    kept = {"startDate": moment.isoformat(), "trigger_payload": payload}
    again = msgspec.json.decode(msgspec.json.encode(kept))
    assert again == kept
    assert datetime.fromisoformat(again["startDate"]) == moment
