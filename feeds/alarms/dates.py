"""Dates as alarms take them: milliseconds since 1970 as a number, or ISO 8601 text (pure)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hub.feedkit import SettingsRefused


def read(name: str, value: Any) -> datetime:
    """The date in UTC. Raises SettingsRefused with upstream's text."""
    try:
        if isinstance(value, bool):
            raise TypeError
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000, UTC)
        found = datetime.fromisoformat(str(value))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise SettingsRefused(f"{name} parameter '{value}' is not a valid Date") from error


def in_future(name: str, value: Any, now: datetime) -> datetime:
    """As `read`; also refuses what has passed."""
    found = read(name, value)
    if found <= now:
        raise SettingsRefused(f"{name} parameter '{value}' must be in the future")
    return found
