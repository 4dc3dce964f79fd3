"""Alarms: `alarm` by cron, `interval` every so many minutes, `once` at a date (packages-and-feeds §4).

Arithmetic only: the hub keeps the clock and stores each fired instant as cursor and as key, so that none fires twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta

import msgspec

from hub.feedkit import Context, Ended, Fire, Json, Plan, Settings, SettingsRefused, Subscribed

from . import checks, cron, dates, grammar, missed

SOON = timedelta(seconds=30)
SHOWN_AT_CREATE = 5
SHOWN_AT_READ = 10
COMMON = ("trigger_payload", "missed", "meta")
AT_START = "Automatically disabled after receiving error on trigger initialization: "


class ClockFeed(ABC):
    """What all three have in common: the life cycle."""

    secrets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """The settings of this feed besides the common ones; all of them can be updated."""

    @abstractmethod
    def checked(self, settings: Settings, now: datetime) -> Settings:
        """Return this feed's own settings as they are kept. Raises SettingsRefused."""

    @abstractmethod
    def shown(self, settings: Settings) -> dict[str, Json]:
        """Return what READ answers besides the common part."""

    @abstractmethod
    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """See `ScheduledFeed.next_fire`."""

    def continued(self, settings: Settings, now: datetime) -> Settings:
        """Return stored settings less a start that has passed: it was checked when it was given."""
        return {name: value for name, value in settings.items() if name != "startDate" or dates.read(name, value) > now}

    def answered(self, sub: Subscribed, now: datetime) -> dict[str, Json]:
        """Return what CREATE and UPDATE tell besides their success."""
        return {"next": self.upcoming(sub, now, SHOWN_AT_CREATE)}

    def upcoming(self, sub: Subscribed, now: datetime, count: int) -> list[str]:
        """Return the next moments as text."""
        found: list[str] = []
        after = dates.stored(sub.cursor)
        while len(found) < count and isinstance(due := self.next_fire(sub, after, now), Fire):
            found.append(dates.iso(due.at))
            after = due.at
            sub = msgspec.structs.replace(sub, fires=sub.fires + 1)
        return found

    async def create(self, sub: Subscribed, context: Context) -> Plan:
        """See `Provider.create`."""
        now = context.now()
        kept = self._kept({name: value for name, value in sub.settings.items() if name in (*self.names, *COMMON)}, now)
        fresh = Subscribed(trigger=sub.trigger, settings=kept)
        return Plan(settings=kept, answer=self.answered(fresh, now))

    async def read(self, sub: Subscribed, context: Context) -> dict[str, Json]:
        """See `Provider.read`."""
        common = {"payload": sub.settings["trigger_payload"], "strict": sub.settings.get("strict", False), "missed": sub.settings["missed"]}
        return {**common, **self.shown(sub.settings), "next": self.upcoming(sub, context.now(), SHOWN_AT_READ)}

    async def update(self, sub: Subscribed, changes: Settings, context: Context) -> Plan:
        """See `Provider.update`. A payload of empty text is what the package binds, not a change."""
        usable = {name: value for name, value in changes.items() if name in (*self.names, *COMMON)}
        if usable.get("trigger_payload") == "":
            del usable["trigger_payload"]
        if not usable:
            raise SettingsRefused("no updatable parameters were specified")
        _check_start(usable, sub.settings.get("stopDate"))
        now = context.now()
        merged = {**self.continued(sub.settings, now), **usable}
        if "maxTriggers" in usable or _used_up(sub):
            merged["counted"] = sub.fires
        kept = self._kept(merged, now)
        # What fired stays fired, and what was missed until now is let go.
        fresh = Subscribed(trigger=sub.trigger, settings=kept, cursor=dates.iso(now) if sub.cursor else None, fires=sub.fires)
        return Plan(settings=kept, cursor=fresh.cursor, answer=self.answered(fresh, now))

    async def delete(self, sub: Subscribed, context: Context) -> None:  # noqa: B027 - alarms have nothing to undo elsewhere
        """See `Provider.delete`: there is nothing outside."""

    def _kept(self, settings: Settings, now: datetime) -> Settings:
        own = self.checked(settings, now)
        common = {"missed": checks.policy(settings), "trigger_payload": checks.payload(settings)}
        return {**own, **common, **({"meta": True} if checks.true(settings.get("meta")) else {})}


class Once(ClockFeed):
    """Fires at one date."""

    names = ("date", "deleteAfterFire")

    def checked(self, settings: Settings, now: datetime) -> Settings:
        """See `ClockFeed.checked`."""
        if not settings.get("date"):
            raise SettingsRefused("alarms once trigger feed is missing the date parameter")
        then = str(settings.get("deleteAfterFire") or "false").lower()
        if then not in {"false", "true", "rules"}:
            raise SettingsRefused("deleteAfterFire parameter must be one of [false, true, rules].")
        return {"date": dates.iso(dates.in_future("date", settings["date"], now)), "deleteAfterFire": then}

    def shown(self, settings: Settings) -> dict[str, Json]:
        """See `ClockFeed.shown`."""
        return {"date": settings["date"], "deleteAfterFire": settings["deleteAfterFire"]}

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """Give the date, also when it passed while the hub was down, unless the policy is to skip it."""
        date = datetime.fromisoformat(sub.settings["date"])
        if after is not None and after >= date:
            removal = {"true": "trigger", "rules": "rules"}.get(sub.settings["deleteAfterFire"])
            return Ended(message="Automatically disabled after firing once", remove=removal)
        if sub.settings["missed"] == missed.SKIP and date <= now - missed.PATIENCE:
            return Ended(message=f"{AT_START}the fire once date has expired")
        return Fire(at=date, payload=sub.settings["trigger_payload"])


class Interval(ClockFeed):
    """Fires on the grid start + k x minutes."""

    names = ("minutes", "startDate", "stopDate", "maxTriggers")

    def checked(self, settings: Settings, now: datetime) -> Settings:
        """See `ClockFeed.checked`. Without a start it is half a minute from now, so that one sees something soon."""
        kept = {"minutes": checks.minutes(settings), **checks.window(settings, now)}
        kept.setdefault("startDate", settings.get("grid") or dates.iso(now.replace(microsecond=0) + SOON))
        return {**kept, **checks.most(settings, "maxTriggers is not supported for the interval trigger feed")}

    def continued(self, settings: Settings, now: datetime) -> Settings:
        """Stay on the grid that is under way, unless another start is asked for."""
        return {**super().continued(settings, now), "grid": settings["startDate"]}

    def shown(self, settings: Settings) -> dict[str, Json]:
        """See `ClockFeed.shown`."""
        return {name: settings.get(name) for name in self.names}

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """See `ScheduledFeed.next_fire`."""
        grid = missed.Grid(datetime.fromisoformat(sub.settings["startDate"]), timedelta(minutes=sub.settings["minutes"]))
        return _fire_or_end(sub, grid, after or grid.start - missed.TICK, now, "interval")


class Alarm(ClockFeed):
    """Fires by a cron pattern."""

    names = ("cron", "timezone", "dialect", "strict", "startDate", "stopDate", "maxTriggers")

    def checked(self, settings: Settings, now: datetime) -> Settings:
        """See `ClockFeed.checked`."""
        if not settings.get("cron"):
            raise SettingsRefused("alarms trigger feed is missing the cron parameter")
        pattern, timezone = str(settings["cron"]), str(settings.get("timezone") or "UTC")
        dialect = str(settings.get("dialect") or grammar.STANDARD)
        if dialect not in grammar.DIALECTS:
            raise SettingsRefused(f"dialect parameter must be one of [{', '.join(grammar.DIALECTS)}].")
        cron.Times(pattern, timezone, dialect)
        kept: Settings = {
            "cron": pattern,
            "timezone": timezone,
            "dialect": dialect,
            "strict": checks.true(settings.get("strict")),
            "since": dates.iso(now),
        }
        kept |= checks.window(settings, now)
        kept |= checks.most(settings, "maxTriggers is not allowed when the stopDate parameter is specified")
        first = _times(kept).after(_beginning(kept, None))
        if first is None or ("stopDate" in kept and first > datetime.fromisoformat(kept["stopDate"])):
            raise SettingsRefused("the first scheduled trigger fire is not until after the stop date")
        return kept

    def shown(self, settings: Settings) -> dict[str, Json]:
        """See `ClockFeed.shown`."""
        return {name: settings.get(name) for name in self.names}

    def answered(self, sub: Subscribed, now: datetime) -> dict[str, Json]:
        """See `ClockFeed.answered`; a pattern that means two things comes with a warning."""
        return {**super().answered(sub, now), **_warning(sub.settings)}

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """See `ScheduledFeed.next_fire`."""
        return _fire_or_end(sub, _times(sub.settings), _beginning(sub.settings, after), now, "cron")


def _times(settings: Settings) -> cron.Times:
    return cron.Times(settings["cron"], settings["timezone"], settings["dialect"])


def _beginning(settings: Settings, after: datetime | None) -> datetime:
    """Return the moment after which a pattern counts; one that falls on the start date itself fires."""
    begin = after or datetime.fromisoformat(settings["since"])
    start = dates.stored(settings.get("startDate"))
    return max(begin, start - missed.TICK) if start else begin


def _warning(settings: Settings) -> dict[str, Json]:
    """Return both next dates of a pattern that the dialects read differently."""
    meanings: dict[str, grammar.Expression | None] = {}
    following: dict[str, str] = {}
    for dialect in grammar.DIALECTS:
        try:
            meanings[dialect] = grammar.expression(settings["cron"], dialect)
            first = _times({**settings, "dialect": dialect}).after(_beginning(settings, None))
            following[dialect] = dates.iso(first) if first else "never"
        except SettingsRefused:
            meanings.setdefault(dialect, None)
            following[dialect] = "never"
    if meanings[grammar.STANDARD] == meanings[grammar.OPENWHISK]:
        return {}
    standard = f"Dialect standard (months 1-12, weekdays 0-7) fires next: {following[grammar.STANDARD]}"
    openwhisk = f"dialect openwhisk (months 0-11, weekdays 0-6): {following[grammar.OPENWHISK]}"
    return {"warning": f"'{settings['cron']}' has two meanings. {standard}; {openwhisk}. This alarm follows {settings['dialect']}."}


def _check_start(changes: Settings, stop: str | None) -> None:
    """Refuse a new start behind the stop that stays."""
    start = changes.get("startDate")
    if stop and start and "stopDate" not in changes and dates.read("startDate", start) >= datetime.fromisoformat(stop):
        raise SettingsRefused(f"startDate parameter '{start}' must be less than the stopDate parameter '{stop}'")


def _used_up(sub: Subscribed) -> bool:
    """Whether `maxTriggers` is reached; it is counted from CREATE, or from the UPDATE that gave it or woke the alarm again."""
    most = int(sub.settings.get("maxTriggers", -1))
    return most != -1 and sub.fires - int(sub.settings["counted"]) >= most


def _fire_or_end(sub: Subscribed, times: missed.Timetable, begin: datetime, now: datetime, kind: str) -> Fire | Ended:
    if _used_up(sub):
        return Ended(message="Automatically disabled after reaching max triggers")
    settings = sub.settings
    stop = dates.stored(settings.get("stopDate"))
    at = missed.due(times, settings["missed"], begin, now, stop)
    if at is not None and (stop is None or at <= stop):
        return Fire(at=at, payload=settings["trigger_payload"])
    skipped = times.after(begin)
    if skipped is not None and stop is not None and skipped <= stop:
        return Ended(message=f"{AT_START}the stop date has expired")
    return Ended(message=f"Automatically disabled after firing last scheduled {kind} trigger")


PROVIDERS = {"alarm": Alarm(), "interval": Interval(), "once": Once()}
