"""Reading the settings that alarms have in common, with the texts of openwhisk-package-alarms (packages-and-feeds §4.2)."""

from __future__ import annotations

import re
from datetime import datetime

from hub.feedkit import Json, Settings, SettingsRefused

from . import dates, missed

LONGEST_INTERVAL = 52_596_000
_WHOLE = re.compile(r"\A\s*-?[0-9]{1,15}(?:\.0+)?\s*\Z", re.ASCII)


def payload(settings: Settings) -> dict[str, Json]:
    """Return what each fire carries: an object as it is; text, also the empty one that the package binds, as `{"payload": text}`."""
    given = settings.get("trigger_payload")
    if isinstance(given, dict):
        return given
    return {} if given is None else {"payload": given}


def policy(settings: Settings) -> str:
    """Return what to do about missed moments."""
    found = settings.get("missed") or missed.ONCE
    if found not in missed.POLICIES:
        raise SettingsRefused(f"missed parameter must be one of [{', '.join(missed.POLICIES)}].")
    return str(found)


def true(value: Json) -> bool:
    """Read a flag, which some clients send as text."""
    return str(value).lower() == "true"


def minutes(settings: Settings) -> int:
    """Return the distance of an interval."""
    given = settings.get("minutes")
    if not given:
        raise SettingsRefused("interval trigger feed is missing the minutes parameter")
    found = _whole(given)
    if found is None:
        raise SettingsRefused("the minutes parameter must be an integer")
    if found <= 0:
        raise SettingsRefused("the minutes parameter must be an integer greater than zero")
    if found > LONGEST_INTERVAL:
        raise SettingsRefused(f"the minutes parameter must not be greater than {LONGEST_INTERVAL}, which is a hundred years")
    return found


def window(settings: Settings, now: datetime) -> Settings:
    """Return `startDate` and `stopDate`, where given, as ISO text."""
    kept: Settings = {}
    start_given, stop_given = settings.get("startDate"), settings.get("stopDate")
    start = dates.in_future("startDate", start_given, now) if start_given else None
    if start:
        kept["startDate"] = dates.iso(start)
    if stop_given:
        stop = dates.in_future("stopDate", stop_given, now)
        if start and stop <= start:
            raise SettingsRefused(f"stopDate parameter '{stop_given}' must be greater than the startDate parameter '{start_given}'")
        kept["stopDate"] = dates.iso(stop)
    return kept


def most(settings: Settings, with_stop: str) -> Settings:
    """Return `maxTriggers`, where given; `with_stop` is the text for both it and `stopDate`. -1 means no end."""
    given = settings.get("maxTriggers")
    if not given:
        return {}
    if settings.get("stopDate"):
        raise SettingsRefused(with_stop)
    found = _whole(given)
    if found is None or (found <= 0 and found != -1):
        raise SettingsRefused("the maxTriggers parameter must be an integer greater than zero")
    return {"maxTriggers": found, "counted": settings.get("counted", 0)}


def _whole(value: Json) -> int | None:
    """Read a whole number, also as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not _WHOLE.match(str(value)):
        return None
    return int(float(value))
