"""Cron patterns as people write them: text becomes sets of numbers, in one of two dialects (pure).

The standard dialect counts months 1-12 and weekdays 0-7, where 0 and 7 are Sunday. The dialect `openwhisk` is what that platform's alarms
ran: months 0-11, weekdays 0-6 (packages-and-feeds §4.3). Both take 5 fields, or 6 with seconds first; in each field `*`, numbers, names of
months and weekdays, ranges, `/step` after any of them (`5/10` is 5, 15, 25 …), and lists of all that.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hub.feedkit import SettingsRefused

STANDARD = "standard"
OPENWHISK = "openwhisk"
DIALECTS = (STANDARD, OPENWHISK)
FIVE, SIX = 5, 6
LONGEST = 1000
HOURS = 2
SUNDAY_AGAIN = 7

_TERM = re.compile(r"\A(?:(?P<all>\*)|(?P<first>[0-9]{1,4}|[a-z]{3})(?:-(?P<last>[0-9]{1,4}|[a-z]{3}))?)(?:/(?P<step>[0-9]{1,4}))?\Z")


class Field(NamedTuple):
    """One of the six. `top` ends `*` and `start/step`; `high` may be written; `shift` brings what is written to months 1-12."""

    low: int
    high: int
    top: int
    names: tuple[str, ...] = ()
    shift: int = 0


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CLOCK = (Field(0, 59, 59), Field(0, 59, 59), Field(0, 23, 23), Field(1, 31, 31))
_FIELDS = {
    STANDARD: (*_CLOCK, Field(1, 12, 12, _MONTHS), Field(0, SUNDAY_AGAIN, 6, _DAYS)),
    OPENWHISK: (*_CLOCK, Field(0, 11, 11, _MONTHS, 1), Field(0, 6, 6, _DAYS)),
}
_WHOLE = (60, 60, 24, 31, 12, 7)


class Expression(NamedTuple):
    """What a pattern means, whatever its dialect: equal ones fire at the same local times. Six fields, numbers only, `*` for all values."""

    text: str
    every_hour: bool


def expression(pattern: str, dialect: str) -> Expression:
    """Read a pattern. Raises SettingsRefused with upstream's text for one that the dialect does not know."""
    texts = pattern.lower().split()
    if len(pattern) > LONGEST or len(texts) not in {FIVE, SIX}:
        raise refused(pattern)
    if len(texts) == FIVE:
        texts = ["0", *texts]
    try:
        values = [_values(text, field) for text, field in zip(texts, _FIELDS[dialect], strict=True)]
    except ValueError as error:
        raise refused(pattern) from error
    written = ["*" if len(found) == whole else ",".join(map(str, sorted(found))) for found, whole in zip(values, _WHOLE, strict=True)]
    return Expression(" ".join(written), written[HOURS] == "*")


def refused(pattern: str) -> SettingsRefused:
    """Say it with the text of openwhisk-package-alarms."""
    shown = pattern if len(pattern) <= LONGEST else f"{pattern[:LONGEST]}…"
    return SettingsRefused(f"cron pattern '{shown}' is not valid")


def _values(text: str, field: Field) -> set[int]:
    found: set[int] = set()
    for term in text.split(","):
        found.update(_term(term, field))
    # Both 0 and 7 are Sunday.
    return {0 if value == SUNDAY_AGAIN and field.high == SUNDAY_AGAIN else value + field.shift for value in found}


def _term(text: str, field: Field) -> range:
    match = _TERM.match(text)
    if match is None:
        raise ValueError(text)
    step = int(match["step"] or 1)
    if match["all"]:
        first, last = field.low, field.top
    else:
        first = last = _number(match["first"], field)
        if match["last"]:
            last = _number(match["last"], field)
        elif match["step"]:
            last = max(field.top, first)
    if last < first or step < 1:
        raise ValueError(text)
    return range(first, last + 1, step)


def _number(text: str, field: Field) -> int:
    if text.isalpha():
        # January is the lowest month of both dialects; index() raises ValueError for a strange name.
        return field.low + field.names.index(text)
    value = int(text)
    if not field.low <= value <= field.high:
        raise ValueError(text)
    return value
