"""Dates as alarms take them: milliseconds since 1970 as a number, or ISO 8601 text; without a zone it is UTC (pure)."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.feedkit import Json, SettingsRefused

LAST_YEAR = 9000


def read(name: str, value: Json) -> datetime:
    """Return the date in UTC. Raises SettingsRefused with upstream's text, also for a number given as text."""
    found = _found(value)
    if found is None or found.year > LAST_YEAR:
        raise SettingsRefused(f"{name} parameter '{value}' is not a valid Date")
    return found


def in_future(name: str, value: Json, now: datetime) -> datetime:
    """As `read`; also refuses what has passed."""
    found = read(name, value)
    if found <= now:
        raise SettingsRefused(f"{name} parameter '{value}' must be in the future")
    return found


def iso(moment: datetime) -> str:
    """Write a moment as it is stored and shown."""
    return moment.astimezone(UTC).isoformat()


def stored(value: str | None) -> datetime | None:
    """Read what `iso` wrote."""
    return datetime.fromisoformat(value) if value else None


def _found(value: Json) -> datetime | None:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        if isinstance(value, str) and not value.isdigit():
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
