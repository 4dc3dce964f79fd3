"""Cron patterns: which moment comes next, in a time zone, in one of two dialects (pure).

The standard dialect has months 1-12, weekdays 0-7, and fires a fixed local time exactly once on a day when clocks change. The dialect
`openwhisk` is what that platform's alarms really did: months 0-11, weekdays 0-6, a time inside the gap is skipped and one that occurs
twice fires twice (packages-and-feeds §4.3).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from hub.feedkit import SettingsRefused

STANDARD = "standard"
OPENWHISK = "openwhisk"
FIVE, SIX = 5, 6
_NUMBER = re.compile(r"(?<![A-Za-z/\d])\d+(?![A-Za-z])")
_STEP = re.compile(r"/\d+")


def translated(pattern: str, dialect: str) -> str:
    """The pattern as the arithmetic takes it. Raises SettingsRefused for one that the dialect does not know."""
    fields = pattern.split()
    if len(fields) not in {FIVE, SIX}:
        raise refused(pattern)
    if dialect == STANDARD:
        return " ".join(fields)
    if any(character in pattern for character in "#?LW@"):
        raise refused(pattern)
    fields[-2] = _shifted(fields[-2], pattern)
    if any(int(number) > 6 for number in _NUMBER.findall(_STEP.sub("", fields[-1]))):  # noqa: PLR2004 - Saturday
        raise refused(pattern)
    # With a field of seconds the arithmetic goes by real time: skipped in the gap, twice in the overlap.
    return " ".join(fields if len(fields) == SIX else ["0", *fields])


def _shifted(months: str, pattern: str) -> str:
    def one(match: re.Match[str]) -> str:
        number = int(match[0])
        if number > 11:  # noqa: PLR2004 - December, counted from 0
            raise refused(pattern)
        return str(number + 1)

    return _NUMBER.sub(one, months)


def refused(pattern: str) -> SettingsRefused:
    """The text of openwhisk-package-alarms."""
    return SettingsRefused(f"cron pattern '{pattern}' is not valid")


@lru_cache(maxsize=4096)
def check(pattern: str, dialect: str) -> str:
    """The translated pattern. Raises SettingsRefused when it is none, or can never fire."""
    expression = translated(pattern, dialect)
    try:
        next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)))
    except StopIteration:
        raise SettingsRefused(f"cron pattern '{pattern}' never fires: no date fits it") from None
    except (CronSimError, ValueError, AssertionError) as error:
        raise refused(pattern) from error
    return expression


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone. Raises SettingsRefused for an unknown one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsRefused("Invalid timezone.") from error


def next_after(pattern: str, timezone: str, dialect: str, after: datetime) -> datetime | None:
    """The first moment after `after`, in UTC; None when there is none within 50 years."""
    expression = check(pattern, dialect)
    local = UTC if timezone in {"UTC", "Etc/UTC"} else zone(timezone)
    try:
        return next(CronSim(expression, after.astimezone(local))).astimezone(UTC)
    except StopIteration:
        return None


def following(pattern: str, timezone: str, dialect: str, after: datetime, count: int) -> list[datetime]:
    """The next `count` moments."""
    found: list[datetime] = []
    moment: datetime | None = after
    while len(found) < count and (moment := next_after(pattern, timezone, dialect, moment or after)) is not None:
        found.append(moment)
    return found
