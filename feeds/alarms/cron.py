"""Cron arithmetic: which moment comes next, and which was last, in a time zone (pure).

The local times of a pattern are found by cronsim on times without a zone; here they become moments. When clocks change:

* A pattern for certain hours is about what the clock on the wall shows. A time that occurs twice fires the first time; one that does not
  exist fires at the first minute that does (reliability §4).
* A pattern for every hour goes by real time, and so does the dialect `openwhisk`: what does not exist is skipped, what occurs twice fires
  twice.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from hub.feedkit import SettingsRefused

from . import grammar

SECOND = timedelta(seconds=1)
FORWARD, BACKWARD = 1, -1


class Change(NamedTuple):
    """A change of the clocks: its moment without zone in UTC, and the offsets on both sides."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def gap(self) -> bool:
        """Whether local times are left out, not repeated."""
        return self.before < self.after

    @property
    def first(self) -> datetime:
        """The first local time that is left out or repeated."""
        return self.at + min(self.before, self.after)

    @property
    def end(self) -> datetime:
        """The first local time behind them."""
        return self.at + max(self.before, self.after)


class Times:
    """The moments of a pattern in a zone. Raises SettingsRefused for a pattern that is none or never fires, or an unknown zone."""

    def __init__(self, pattern: str, timezone: str, dialect: str) -> None:
        self._template, every_hour = _template(pattern, dialect)
        self._zone = zone(timezone)
        self._real = every_hour or dialect == grammar.OPENWHISK

    def after(self, moment: datetime) -> datetime | None:
        """Return the first moment after `moment`, in UTC; None when the calendar ends before."""
        try:
            local, repeated = self._local(moment)
            return self._real_after(local, repeated) if self._real else self._wall_after(local, repeated)
        except OverflowError:
            return None

    def last(self, moment: datetime) -> datetime:
        """Return the last moment that is not after `moment`, in UTC."""
        local, repeated = self._local(moment)
        return self._real_last(local, repeated) if self._real else self._wall_last(local, repeated)

    def _local(self, moment: datetime) -> tuple[datetime, Change | None]:
        """Give local time in whole seconds without zone; with the change, when it is the second time that it occurs."""
        local = moment.astimezone(self._zone)
        plain = local.replace(tzinfo=None, microsecond=0, fold=0)
        return plain, self._change(plain) if local.fold else None

    def _step(self, local: datetime, direction: int) -> datetime:
        """Find the pattern's next local time after `local`, or the one before."""
        sim = copy.copy(self._template)
        sim.dt = local
        sim.tick_direction = direction
        found: datetime = next(sim)
        return found

    def _moment(self, local: datetime, *, again: bool = False) -> datetime:
        return local.replace(tzinfo=self._zone, fold=int(again)).astimezone(UTC)

    def _wall_after(self, local: datetime, repeated: Change | None) -> datetime:
        # In the second run of a repeated hour all its times have fired.
        return self._wall(self._step(repeated.end - SECOND if repeated else local, FORWARD))

    def _wall_last(self, local: datetime, repeated: Change | None) -> datetime:
        return self._wall(self._step(repeated.end if repeated else local + SECOND, BACKWARD))

    def _wall(self, found: datetime) -> datetime:
        change = self._change(found)
        return change.at.replace(tzinfo=UTC) if change and change.gap else self._moment(found)

    def _real_after(self, local: datetime, repeated: Change | None) -> datetime:
        found = self._step(local, FORWARD)
        if repeated is None and (around := self._change(local)) and found >= around.end:
            # The first run of a repeated hour holds no more: the second begins.
            repeated = around
            found = self._step(around.first - SECOND, FORWARD)
        if repeated and found < repeated.end:
            return self._moment(found, again=True)
        while (change := self._change(found)) and change.gap:
            found = self._step(change.end - SECOND, FORWARD)
        return self._moment(found)

    def _real_last(self, local: datetime, repeated: Change | None) -> datetime:
        found = self._step(local + SECOND, BACKWARD)
        if repeated and found >= repeated.first:
            return self._moment(found, again=True)
        if repeated:
            found = self._step(repeated.end, BACKWARD)
        while (change := self._change(found)) and change.gap:
            found = self._step(change.first, BACKWARD)
        return self._moment(found, again=change is not None and local >= change.end)

    def _change(self, local: datetime) -> Change | None:
        """Find the change of the clocks that leaves out or repeats this local time."""
        before, after = (local.replace(tzinfo=self._zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
        if before == after:
            return None
        low, high = local - max(before, after), local - min(before, after)
        while high - low > SECOND:
            middle = low + (high - low) // SECOND // 2 * SECOND
            if middle.replace(tzinfo=UTC).astimezone(self._zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        return Change(high, before, after)


@lru_cache(maxsize=2048)
def _template(pattern: str, dialect: str) -> tuple[CronSim, bool]:
    meaning = grammar.expression(pattern, dialect)
    try:
        return CronSim(meaning.text, datetime(2024, 1, 1)), meaning.every_hour  # noqa: DTZ001 - local times without a zone are what is searched
    except CronSimError as error:
        # The grammar let it pass, so each field is good and no date has them all.
        raise SettingsRefused(f"cron pattern '{pattern}' never fires: no date fits it") from error


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the time zone. Raises SettingsRefused for an unknown one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsRefused("Invalid timezone.") from error
