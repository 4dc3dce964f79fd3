"""A live namespace as a project, read through its API: ours or any OpenWhisk's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import msgspec

from hub.client import Refusal
from hub.domain.errors import Malformed
from hub.domain.names import OWN_NAMESPACE, FullName
from hub.domain.parameters import EMPTY, Parameters
from hub.domain.project import (
    Left,
    Project,
    ProjectAction,
    ProjectApi,
    ProjectPackage,
    ProjectRule,
    ProjectTrigger,
    sorted_project,
)
from hub.services.transfer.feeds import NotCarried, settings_of
from hub.wire import apidocs, live

NATIVE = "native"
E = TypeVar("E")
Row = dict[str, Any]
Progress = Callable[[str], None]


class Client(Protocol):
    """What is needed of the client of one namespace."""

    @property
    def namespace(self) -> str:
        """As it is written in paths."""

    def namespaces(self) -> list[str]:
        """Those of the key."""

    def listed(self, collection: str) -> Iterator[Row]:
        """Every row."""

    def find(self, collection: str, path: str, *, namespace: str | None = None, code: bool = True) -> Row | None:
        """One entity."""

    def lifecycle(self, event: str, trigger: str, feed: tuple[str, str], settings: Row) -> Row:
        """A call of a feed."""

    def apis(self) -> list[Row] | None:
        """What the gateway has, if there is one."""


class Source:
    """Reads one namespace, entity by entity. What is not carried over is gathered in `left`."""

    def __init__(self, client: Client, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._now = now
        self.own = client.namespace if client.namespace != OWN_NAMESPACE else next(iter(client.namespaces()), OWN_NAMESPACE)
        self._packages: dict[tuple[str, str], Row | None] = {}
        self.left: list[Left] = []

    def project(self, progress: Progress = lambda _: None) -> Project:
        """Everything in it."""
        return sorted_project(
            list(self._each("packages", self.package, progress)),
            list(self._each("actions", self.action, progress)),
            list(self._each("triggers", self.trigger, progress)),
            list(self._each("rules", self.rule, progress)),
            self.apis() or (),
            self.left,
        )

    def _each(self, collection: str, read: Callable[[str], E | None], progress: Progress) -> Iterator[E]:
        for row in list(self._client.listed(collection)):
            package = row["namespace"].partition("/")[2]
            path = f"{package}/{row['name']}" if package else row["name"]
            what = collection.removesuffix("s")
            progress(f"{what} {path}")
            known = len(self.left)
            try:
                found = read(path)
            except (Refusal, Malformed) as error:
                self.left.append(Left(what, path, str(error)))
                continue
            if found is not None:
                yield found
            elif len(self.left) == known:
                self.left.append(Left(what, path, "it is listed and cannot be read: it is gone, or what it is bound to"))

    def package(self, path: str) -> ProjectPackage | None:
        """One package or binding."""
        row = self.package_row(OWN_NAMESPACE, path)
        if row is None:
            return None
        binding = row.get("binding") or {}
        return live.package_from_live(row, self.own, self.package_row(binding["namespace"], binding["name"]) if binding else None)

    def package_row(self, namespace: str, name: str) -> Row | None:
        """A package as its reader sees it; None where there is none, or none for this reader."""
        key = (OWN_NAMESPACE if namespace == self.own else namespace, name)
        if key not in self._packages:
            try:
                self._packages[key] = self._client.find("packages", name, namespace=None if key[0] == OWN_NAMESPACE else namespace)
            except Refusal as refusal:
                if key[0] == OWN_NAMESPACE:
                    raise
                _only_hidden(refusal)
                self._packages[key] = None
        return self._packages[key]

    def action(self, path: str) -> ProjectAction | None:
        """One action with its code."""
        row = self._client.find("actions", path)
        if row is None:
            return None
        if row["exec"]["kind"] == NATIVE:
            self.left.append(Left("action", path, "the hub itself carries it out; it is there wherever a hub has its package"))
            return None
        package = path.rpartition("/")[0]
        return live.action_from_live(row, self.own, self._parameters(OWN_NAMESPACE, package) if package else EMPTY)

    def _parameters(self, namespace: str, package: str) -> Parameters:
        row = self.package_row(namespace, package)
        return live.package_from_live(row, self.own).parameters if row else EMPTY

    def trigger(self, path: str) -> ProjectTrigger | None:
        """One trigger; where the settings of its feed cannot be told, without its feed."""
        row = self._client.find("triggers", path)
        if row is None:
            return None
        trigger = live.trigger_from_live(row, self.own)
        if trigger.feed is None:
            return trigger
        try:
            return msgspec.structs.replace(trigger, settings=self._settings(trigger.name.name, trigger.feed))
        except (NotCarried, Refusal) as error:
            self.left.append(Left("feed", path, f"/{trigger.feed}: {error}; the trigger is carried without it"))
            return msgspec.structs.replace(trigger, feed=None)

    def _settings(self, trigger: str, feed: FullName) -> Row:
        answer = self._client.lifecycle("READ", trigger, (feed.namespace, feed.path), {})
        return settings_of(self._provider(feed), answer, self._bound(feed), self._now())

    def _provider(self, feed: FullName) -> str:
        """The package that has the feed, behind a binding if need be; only its name in a foreign namespace."""
        row = self.package_row(feed.namespace, feed.package) if feed.package else None
        binding = (row or {}).get("binding") or {}
        return str(binding.get("name") or feed.package or "")

    def _bound(self, feed: FullName) -> Mapping[str, Any]:
        return self._parameters(feed.namespace, feed.package).values() if feed.package else {}

    def has_trigger(self, path: str) -> bool:
        """Whether there is such a trigger."""
        return self._client.find("triggers", path) is not None

    def has_action(self, name: FullName) -> bool:
        """Whether there is such an action, for the reader."""
        own = name.namespace in {OWN_NAMESPACE, self.own}
        try:
            return self._client.find("actions", name.path, namespace=None if own else name.namespace, code=False) is not None
        except Refusal as refusal:
            _only_hidden(refusal)
            return False

    def rule(self, path: str) -> ProjectRule | None:
        """One rule with its state."""
        row = self._client.find("rules", path)
        return live.rule_from_live(row, self.own) if row else None

    def apis(self) -> list[ProjectApi] | None:
        """The APIs, None where there is no gateway; a gateway that cannot be asked leaves them."""
        try:
            values = self._client.apis()
            return None if values is None else [apidocs.from_live(value, self.own) for value in values]
        except (Refusal, KeyError, TypeError, AttributeError) as error:
            self.left.append(Left("apis", "*", f"the gateway cannot be asked: {error}"))
            return []


def _only_hidden(refusal: Refusal) -> None:
    """A package of somebody else that is missing or private answers 403 (openwhisk-api §5.2)."""
    if refusal.status not in {403, 404}:
        raise refusal
