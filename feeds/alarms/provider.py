"""Alarms: `alarm` by cron, `interval` every so many minutes, `once` at a date (packages-and-feeds §4).

Arithmetic only: the hub keeps the clock and stores each fired instant as cursor and as key, so that none fires twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hub.feedkit import Context, Ended, Fire, Json, Plan, Settings, SettingsRefused, Subscribed

from . import cron, dates

SOON = timedelta(seconds=30)
MOST_MISSED = 100
POLICIES = ("once", "skip", "all")
SHOWN = 5
NO_CHANGE = "no updatable parameters were specified"


def _payload(settings: Settings) -> dict[str, Json]:
    """An object as it is; text, also the empty one that the package binds, as `{"payload": text}`."""
    given = settings.get("trigger_payload")
    if isinstance(given, dict):
        return given
    return {} if given is None else {"payload": given}


def _whole(value: Any) -> int | None:
    """A whole number, also as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int):
        return value
    text = str(value).strip()
    return int(text) if text.isascii() and text.lstrip("-").isdigit() else None


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


class _Alarm:
    """What all three have in common."""

    secrets: tuple[str, ...] = ()
    updatable: tuple[str, ...] = ()

    def checked(self, settings: Settings, now: datetime) -> Settings:
        """The settings to keep. Raises SettingsRefused."""
        raise NotImplementedError

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """See `ScheduledFeed.next_fire`."""
        raise NotImplementedError

    def shown(self, settings: Settings) -> dict[str, Json]:
        """What READ answers besides the common part."""
        raise NotImplementedError

    def upcoming(self, sub: Subscribed, now: datetime, count: int) -> list[str]:
        """The next moments, as text."""
        found: list[str] = []
        after = datetime.fromisoformat(sub.cursor) if sub.cursor else None
        while len(found) < count:
            due = self.next_fire(sub, after, now)
            if isinstance(due, Ended):
                break
            found.append(_iso(due.at))
            after = due.at
            sub = Subscribed(trigger=sub.trigger, settings=sub.settings, cursor=sub.cursor, fires=sub.fires + 1)
        return found

    async def create(self, sub: Subscribed, context: Context) -> Plan:
        """See `Provider.create`."""
        now = context.now()
        kept = {**self.checked(sub.settings, now), "missed": _policy(sub.settings), "trigger_payload": _payload(sub.settings)}
        if sub.settings.get("meta") is True:
            kept["meta"] = True
        fresh = Subscribed(trigger=sub.trigger, settings=kept)
        return Plan(settings=kept, answer={"next": self.upcoming(fresh, now, SHOWN), **self.warned(kept, now)})

    def warned(self, settings: Settings, now: datetime) -> dict[str, Json]:
        """A warning for settings that do not mean what some people think."""
        return {}

    async def read(self, sub: Subscribed, context: Context) -> dict[str, Json]:
        """See `Provider.read`."""
        common = {"payload": sub.settings.get("trigger_payload", {}), "strict": sub.settings.get("strict", False)}
        following = self.upcoming(sub, context.now(), 10)
        return {**common, **self.shown(sub.settings), "missed": sub.settings.get("missed", "once"), "next": following}

    async def update(self, sub: Subscribed, changes: Settings, context: Context) -> Plan:
        """See `Provider.update`."""
        usable = {key: value for key, value in changes.items() if key in (*self.updatable, "trigger_payload", "missed", "meta")}
        if not usable:
            raise SettingsRefused(NO_CHANGE)
        now = context.now()
        stop = sub.settings.get("stopDate")
        if "startDate" in usable and "stopDate" not in usable and stop and dates.read("startDate", usable["startDate"]) >= dates.read("stopDate", stop):
            raise SettingsRefused(f"startDate parameter '{usable['startDate']}' must be less than the stopDate parameter '{stop}'")
        merged = {**self.unchanged(sub.settings, usable, now), **usable}
        kept = {**self.checked(merged, now), "missed": _policy(merged), "trigger_payload": _payload(merged), "meta": merged.get("meta") is True}
        fresh = Subscribed(trigger=sub.trigger, settings=kept, cursor=_iso(now) if sub.cursor else None, fires=sub.fires)
        return Plan(settings=kept, cursor=fresh.cursor, answer={"next": self.upcoming(fresh, now, SHOWN), **self.warned(kept, now)})

    def unchanged(self, settings: Settings, changes: Settings, now: datetime) -> Settings:
        """The stored settings less dates that have passed meanwhile: they were checked when they were given."""
        return {key: value for key, value in settings.items() if not (key == "startDate" and dates.read(key, value) <= now)}

    async def delete(self, sub: Subscribed, context: Context) -> None:
        """See `Provider.delete`: there is nothing outside."""


def _policy(settings: Settings) -> str:
    policy = settings.get("missed", "once")
    if policy not in POLICIES:
        raise SettingsRefused(f"missed parameter must be one of [{', '.join(POLICIES)}].")
    return str(policy)


def _start_stop(settings: Settings, now: datetime) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    start = None
    if settings.get("startDate"):
        start = dates.in_future("startDate", settings["startDate"], now)
        kept["startDate"] = _iso(start)
    if settings.get("stopDate"):
        stop = dates.in_future("stopDate", settings["stopDate"], now)
        if start and stop <= start:
            raise SettingsRefused(f"stopDate parameter '{settings['stopDate']}' must be greater than the startDate parameter '{settings['startDate']}'")
        kept["stopDate"] = _iso(stop)
    return kept


def _moment(settings: Settings, name: str) -> datetime | None:
    value = settings.get(name)
    return datetime.fromisoformat(value) if isinstance(value, str) else None


class Once(_Alarm):
    """Fires at one date."""

    updatable = ("date", "deleteAfterFire")

    def checked(self, settings: Settings, now: datetime) -> Settings:
        """See `_Alarm.checked`."""
        if not settings.get("date"):
            raise SettingsRefused("alarms once trigger feed is missing the date parameter")
        after = str(settings.get("deleteAfterFire", "false")).lower()
        if after not in {"false", "true", "rules"}:
            raise SettingsRefused("deleteAfterFire parameter must be one of [false, true, rules].")
        return {"date": _iso(dates.in_future("date", settings["date"], now)), "deleteAfterFire": after}

    def shown(self, settings: Settings) -> dict[str, Json]:
        """See `_Alarm.shown`."""
        return {"date": settings["date"], "deleteAfterFire": settings.get("deleteAfterFire", "false")}

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """A date that passed while the hub was down fires at the next start, unless the policy is to skip it."""
        date = datetime.fromisoformat(sub.settings["date"])
        late = date < now - SOON
        if after is None and not (late and sub.settings.get("missed") == "skip"):
            return Fire(at=date, payload=sub.settings["trigger_payload"])
        removal = {"true": "trigger", "rules": "rules"}.get(sub.settings.get("deleteAfterFire", "false"))
        return Ended(message="Automatically disabled after firing once", remove=removal)


class Interval(_Alarm):
    """Fires on the grid start + k x minutes."""

    updatable = ("minutes", "startDate", "stopDate")

    def checked(self, settings: Settings, now: datetime) -> Settings:
        """See `_Alarm.checked`."""
        if not settings.get("minutes"):
            raise SettingsRefused("interval trigger feed is missing the minutes parameter")
        minutes = _whole(settings["minutes"])
        if minutes is None:
            raise SettingsRefused("the minutes parameter must be an integer")
        if minutes <= 0:
            raise SettingsRefused("the minutes parameter must be an integer greater than zero")
        if settings.get("maxTriggers") and settings.get("stopDate"):
            raise SettingsRefused("maxTriggers is not supported for the interval trigger feed")
        kept = {"minutes": minutes, **_start_stop(settings, now)}
        kept.setdefault("startDate", settings.get("grid") or _iso(now.replace(microsecond=0) + SOON))
        if settings.get("maxTriggers"):
            kept["maxTriggers"] = _most(settings["maxTriggers"])
        return kept

    def unchanged(self, settings: Settings, changes: Settings, now: datetime) -> Settings:
        """An interval that is under way stays on its grid unless another start was asked for."""
        return {**super().unchanged(settings, changes, now), "grid": settings["startDate"]}

    def shown(self, settings: Settings) -> dict[str, Json]:
        """See `_Alarm.shown`."""
        return {"minutes": settings["minutes"], "startDate": settings["startDate"], "stopDate": settings.get("stopDate")}

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """See `ScheduledFeed.next_fire`."""
        start = datetime.fromisoformat(sub.settings["startDate"])
        step = timedelta(minutes=sub.settings["minutes"])

        def following(moment: datetime | None) -> datetime:
            return start if moment is None or moment < start else start + step * ((moment - start) // step + 1)

        def latest(moment: datetime) -> datetime:
            return start + step * ((moment - start) // step)

        at = _with_policy(sub, following(after), now, following, latest)
        return _bounded(sub, at, "Automatically disabled after firing last scheduled interval trigger")


class Alarm(_Alarm):
    """Fires by a cron pattern."""

    updatable = ("cron", "timezone", "strict", "startDate", "stopDate", "dialect")

    def checked(self, settings: Settings, now: datetime) -> Settings:
        """See `_Alarm.checked`."""
        if not settings.get("cron"):
            raise SettingsRefused("alarms trigger feed is missing the cron parameter")
        pattern = str(settings["cron"])
        dialect = str(settings.get("dialect") or cron.STANDARD)
        if dialect not in {cron.STANDARD, cron.OPENWHISK}:
            raise SettingsRefused(f"dialect parameter must be one of [{cron.STANDARD}, {cron.OPENWHISK}].")
        cron.check(pattern, dialect)
        timezone = str(settings.get("timezone") or "UTC")
        cron.zone(timezone)
        kept = {"cron": pattern, "timezone": timezone, "dialect": dialect, "strict": str(settings.get("strict", "false")).lower() == "true"}
        kept.update(_start_stop(settings, now))
        if settings.get("maxTriggers"):
            if settings.get("stopDate"):
                raise SettingsRefused("maxTriggers is not allowed when the stopDate parameter is specified")
            kept["maxTriggers"] = _most(settings["maxTriggers"])
        kept["since"] = _iso(now)
        if isinstance(self.next_fire(Subscribed(trigger="", settings={**kept, "trigger_payload": {}}), None, now), Ended):
            raise SettingsRefused("the first scheduled trigger fire is not until after the stop date")
        return kept

    def warned(self, settings: Settings, now: datetime) -> dict[str, Json]:
        """See `_Alarm.warned`."""
        moments: dict[str, str] = {}
        for dialect in (cron.STANDARD, cron.OPENWHISK):
            try:
                found = cron.next_after(settings["cron"], settings["timezone"], dialect, now)
            except SettingsRefused:
                found = None
            moments[dialect] = _iso(found) if found else "never"
        if moments[cron.STANDARD] == moments[cron.OPENWHISK] or settings["cron"].split()[-2] == "*":
            return {}
        words = f"here months are 1-12; OpenWhisk's alarms counted them 0-11. Next by dialect standard: {moments[cron.STANDARD]}; "
        return {"warning": f"'{settings['cron']}' has two meanings: {words}by dialect openwhisk: {moments[cron.OPENWHISK]}."}

    def shown(self, settings: Settings) -> dict[str, Json]:
        """See `_Alarm.shown`."""
        names = ("cron", "timezone", "dialect", "strict", "startDate", "stopDate", "maxTriggers")
        return {name: settings.get(name) for name in names}

    def next_fire(self, sub: Subscribed, after: datetime | None, now: datetime) -> Fire | Ended:
        """See `ScheduledFeed.next_fire`."""
        settings = sub.settings
        start = _moment(settings, "startDate")
        begin = after or datetime.fromisoformat(settings["since"])
        if start is not None and start > begin:
            begin = start - timedelta(seconds=1)

        def following(moment: datetime | None) -> datetime | None:
            found: datetime | None = cron.next_after(settings["cron"], settings["timezone"], settings["dialect"], moment or begin)
            return found

        at = _with_policy(sub, following(begin), now, following, None)
        return _bounded(sub, at, "Automatically disabled after firing last scheduled cron trigger")


def _most(value: Any) -> int:
    number = _whole(value)
    if number is None or (number <= 0 and number != -1):
        raise SettingsRefused("the maxTriggers parameter must be an integer greater than zero")
    return number


def _with_policy(sub: Subscribed, due: datetime | None, now: datetime, following: Any, latest: Any) -> datetime | None:
    """What is fired when moments were missed: the last of them, none, or up to a hundred (design §9 "Feeds").

    A moment less than half a minute old was not missed: it is due.
    """
    if due is None or due > now - SOON:
        return due
    policy = sub.settings.get("missed", "once")
    if policy == "all":
        missed = [due]
        while len(missed) <= MOST_MISSED * 100 and (later := following(missed[-1])) is not None and later <= now - SOON:
            missed.append(later)
        return missed[-MOST_MISSED:][0]
    if policy == "skip":
        found: datetime | None = following(now - SOON)
        return found
    if latest is not None:
        found = latest(now)
        return found
    last = due
    for span in (timedelta(minutes=2), timedelta(hours=2), timedelta(days=2), timedelta(days=62), now - due):
        near = following(max(now - span, due - timedelta(seconds=1)))
        if near is not None and near <= now:
            last = near
            break
    while (later := following(last)) is not None and later <= now:
        last = later
    return last


def _bounded(sub: Subscribed, at: datetime | None, last: str) -> Fire | Ended:
    most = sub.settings.get("maxTriggers", -1)
    if most != -1 and sub.fires >= most:
        return Ended(message="Automatically disabled after reaching max triggers")
    stop = _moment(sub.settings, "stopDate")
    if at is None or (stop is not None and at > stop):
        return Ended(message=last)
    return Fire(at=at, payload=sub.settings["trigger_payload"])


PROVIDERS = {"alarm": Alarm(), "interval": Interval(), "once": Once()}
