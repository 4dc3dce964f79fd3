"""From what READ answers to the settings that CREATE wants (packages-and-feeds §1.3, §4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.domain.parameters import Json
from hub.domain.project import Variable
from hub.wire.live import SEALED

ALARMS = "alarms"
OPENWHISK = "openwhisk"
SOON = timedelta(minutes=1)
"""An interval that was given no start has one half a minute ahead."""
_PROTOCOL = {"name", "namespace"}
_NO_SETTINGS = {ALARMS: {"next"}, "cloudant": {"cursor"}, "github": {"hook_id", "service"}}
_CONNECTION = "$connection"


class NotCarried(Exception):
    """The feed has no settings that would make it again; the message says why."""


def settings_of(package: str, answer: Mapping[str, Json], bound: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """The settings of a feed in a package, less what the package binds anyway. Raises NotCarried."""
    config = answer.get("config")
    if not isinstance(config, dict):
        raise NotCarried("its settings cannot be read: READ answers no config")
    _check_active(answer.get("status"))
    left_out = _PROTOCOL | _NO_SETTINGS.get(package, set())
    settings = {key: _value(value) for key, value in config.items() if key not in left_out and value is not None}
    if package == ALARMS:
        settings = _alarm(settings, now)
    return {key: value for key, value in sorted(settings.items()) if not _is_bound(key, value, bound)}


def _check_active(status: Json) -> None:
    if not isinstance(status, dict) or status.get("active") is not False:
        return
    reason = status.get("reason")
    told = reason.get("message") if isinstance(reason, dict) else None
    raise NotCarried(f"it is disabled where it was ({told or 'no reason is told'})")


def _value(value: Json) -> Json:
    """A secret is told as set, never shown."""
    return Variable("", note=SEALED) if value == {"set": True} else value


def _is_bound(key: str, value: Json, bound: Mapping[str, Json]) -> bool:
    if key not in bound:
        return False
    given = bound[key]
    return given == value or isinstance(given, Variable) or (isinstance(given, dict) and _CONNECTION in given)


def _alarm(settings: dict[str, Json], now: datetime) -> dict[str, Json]:
    """READ says `payload` where CREATE wants `trigger_payload`. What has passed is no setting any more.

    An alarm that says nothing of its dialect is OpenWhisk's own: it counts months from 0 (design §9 "Feeds").
    """
    found = dict(settings)
    if "payload" in found:
        found["trigger_payload"] = found.pop("payload")
    for key, what in (("date", "its date"), ("stopDate", "its last date")):
        if key in found and _moment(found[key]) <= now:
            raise NotCarried(f"{what} has passed")
    if "startDate" in found and _moment(found["startDate"]) <= now + SOON:
        del found["startDate"]
    if "cron" in found:
        found.setdefault("dialect", OPENWHISK)
    return found


def _moment(value: Any) -> datetime:
    """Milliseconds, or ISO text; what is neither is far away, and CREATE will say so."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000, UTC)
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
