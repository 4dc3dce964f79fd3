"""Only the hub's own packages may name feeds that run inside the hub."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.release import Finding
from hub.services.checks import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """Everybody else's feeds are actions."""
    for feed in subject.manifest.feeds:
        if feed.native and not subject.official:
            yield Finding(
                code="native_feeds_are_official",
                message=f"feed {feed.name!r} names a feed of the hub itself",
                file="hub.yaml",
                way_out="Write the feed as an action with the annotation `feed: true`, or use a trigger with the hub's feed.",
            )
