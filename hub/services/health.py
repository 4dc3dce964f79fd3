"""How the hub is: what `/ready` tells everybody, and what the operator sees beside (reliability §5.1, design §8)."""

from __future__ import annotations

import os
import platform
import pwd
import sqlite3
from importlib.metadata import version
from typing import Protocol

from hub.domain.errors import RequestError
from hub.domain.parameters import Json
from hub.services.clock import now_ms
from hub.storage.base import Store

FINE = "ok"


class Isolation(Protocol):
    """What holds actions."""

    @property
    def outage(self) -> str | None:
        """Why no action can run at present, in a sentence."""

    def details(self) -> dict[str, Json]:
        """The level, what it leaves open, and why each higher one was not reached."""

    def open_attacks(self) -> list[str]:
        """What an action gets away with at this level, in words."""


class Retention(Protocol):
    """Removes old records."""

    state: str


class Feeds(Protocol):
    """Runs subscriptions."""

    def health(self) -> dict[str, Json]:
        """How much is at work."""


class Pool(Protocol):
    """Keeps action processes."""

    def figures(self) -> dict[str, Json]:
        """How many there are, what they may take, and who waits."""


class Trust(Protocol):
    """Knows whose code may run."""

    def notice(self) -> str | None:
        """What the operator allows for a time, in a sentence."""


class Kinds(Protocol):
    """Which kinds run here."""

    def manifest(self) -> dict[str, list[dict[str, Json]]]:
        """As the info document shows them."""


class Builds(Protocol):
    """Makes what actions depend on."""

    def details(self) -> dict[str, Json]:
        """How many are under way, and what they take."""


class Health:
    """Asks every part. `isolation`, `retention`, `feeds`, `pool`, `trust`, `kinds` and `builds` are the hub's own.

    `missing_modules` are the families of kinds whose actions go without what others may import.
    """

    def __init__(
        self,
        store: Store,
        isolation: Isolation,
        retention: Retention,
        feeds: Feeds,
        pool: Pool,
        trust: Trust,
        kinds: Kinds,
        builds: Builds,
        missing_modules: list[str],
    ) -> None:
        self._store = store
        self._isolation = isolation
        self._retention = retention
        self._feeds = feeds
        self._pool = pool
        self._trust = trust
        self._kinds = kinds
        self._builds = builds
        self._missing_modules = missing_modules
        self._since = now_ms()

    def notices(self) -> list[str]:
        """What people should be told on every page, in sentences: what is out, and what is allowed for a time."""
        return [words for words in (self._isolation.outage, self._trust.notice()) if words]

    async def ready(self) -> dict[str, Json]:
        """`ready` says whether everything works that the hub cannot do without; the rest says what is how."""
        try:
            await self._store.ping()
            database = FINE
        except RequestError as error:
            database = str(error)
        return {
            "ready": database == FINE and self._isolation.outage is None,
            "database": database,
            "actions": self._isolation.outage or FINE,
            "isolation": self._isolation.details(),
            "retention": self._retention.state,
            "feeds": self._feeds.health(),
            "modules": {"missing": self._missing_modules},
            "builds": self._builds.details(),
            "notices": self.notices(),
        }

    async def details(self) -> dict[str, Json]:
        """All of `ready` and more, for the operator alone. `since` is the start, in ms; memory is in MB."""
        found = await self.ready()
        isolation = found["isolation"]
        return {
            **found,
            "isolation": {**isolation, "open_attacks": self._isolation.open_attacks()},
            "pool": self._pool.figures(),
            "process": {"since": self._since, "pid": os.getpid(), "user": _user(), "root": os.geteuid() == 0},
            "versions": {
                "whiskhub": version("whiskhub"),
                "python": platform.python_version(),
                "sqlite": sqlite3.sqlite_version,
                "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
                "kinds": [row["kind"] for family in self._kinds.manifest().values() for row in family],
            },
        }


def _user() -> str:
    """The name of the hub's user, or its number."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
