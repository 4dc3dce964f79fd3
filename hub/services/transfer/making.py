"""Carrying out a plan: one step after the other, each as `wsk` would do it. What is done stays done, so the same plan can be made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from hub.client import Refusal, Unreachable
from hub.domain.names import OWN_NAMESPACE, FullName
from hub.domain.project import (
    SEQUENCE,
    ProjectAction,
    ProjectApi,
    ProjectPackage,
    ProjectRule,
    ProjectTrigger,
)
from hub.services.transfer.differing import changed_settings
from hub.services.transfer.plan import Does, Plan, Step
from hub.wire import apidocs, live

_WEB_KEY = "require-whisk-auth"


class Target(Protocol):
    """What is needed of the client of the namespace that is filled."""

    @property
    def address(self) -> str:
        """Where it is."""

    @property
    def auth(self) -> str:
        """`uuid:key`."""

    def find(self, collection: str, path: str, *, namespace: str | None = None, code: bool = True) -> dict[str, Any] | None:
        """One entity."""

    def put(self, collection: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make or replace."""

    def delete(self, collection: str, path: str) -> None:
        """Remove."""

    def switch(self, rule: str, *, active: bool) -> None:
        """Turn on or off."""

    def lifecycle(self, event: str, trigger: str, feed: tuple[str, str], settings: dict[str, Any]) -> dict[str, Any]:
        """A call of a feed."""

    def create_api(self, apidoc: dict[str, Any], response: str = "json") -> None:
        """An operation, or a whole API."""


class Told(NamedTuple):
    """What was done, and what feeds said about it."""

    done: tuple[Step, ...]
    warnings: tuple[str, ...]


class Stopped(Exception):
    """A step failed; what was done before it stays."""

    def __init__(self, told: Told, step: Step, why: str, left: int) -> None:
        super().__init__(f"Stopped at {step.what} {step.name}: {why}")
        self.told = told
        self.step = step
        self.steps_left = left


class Maker:
    """Makes what a plan says in one namespace, whose real name is `own`."""

    def __init__(self, client: Target, own: str) -> None:
        self._client = client
        self._own = own
        self._warnings: list[str] = []

    def make(self, plan: Plan, progress: Callable[[Step], None] = lambda _: None) -> Told:
        """Every step that creates or updates. Raises Stopped at the first that fails."""
        waiting = plan.of(Does.CREATE, Does.UPDATE)
        done: list[Step] = []
        for step in waiting:
            try:
                self._one(step)
            except (Refusal, Unreachable) as error:
                raise Stopped(Told(tuple(done), tuple(self._warnings)), step, str(error), len(waiting) - len(done)) from error
            done.append(step)
            progress(step)
        return Told(tuple(done), tuple(self._warnings))

    def _one(self, step: Step) -> None:
        match step.entity:
            case ProjectPackage() as package:
                self._client.put("packages", package.path, live.package_to_live(package))
            case ProjectAction() as action:
                self._action(action, step.there)
            case ProjectTrigger() as trigger:
                self._trigger(trigger, step.there if isinstance(step.there, ProjectTrigger) else None)
            case ProjectRule() as rule:
                self._client.put("rules", rule.path, live.rule_to_live(rule))
                self._client.switch(rule.path, active=rule.active)
            case ProjectApi() as api:
                self._api(api)

    def _action(self, action: ProjectAction, there: Any) -> None:
        """An update merges annotations, so those that are to go are named; a sequence loses that list, so it is told first (§2.3)."""
        body = live.action_to_live(action)
        gone = [item.key for item in there.annotations.items if not action.annotations.has(item.key)] if there is not None else []
        if gone and action.kind == SEQUENCE:
            self._client.put("actions", action.path, {"delAnnotations": gone})
        elif gone:
            body["delAnnotations"] = gone
        self._client.put("actions", action.path, body)

    # Feeds (openwhisk-api §6.2)

    def _trigger(self, trigger: ProjectTrigger, there: ProjectTrigger | None) -> None:
        if there is not None and there.feed is not None and there.feed != trigger.feed:
            self._call("DELETE", there, there.feed, {})
        self._client.put("triggers", trigger.path, live.trigger_to_live(trigger))
        if trigger.feed is None:
            return
        if there is None or there.feed != trigger.feed:
            self._subscribe(trigger, trigger.feed, fresh=there is None)
        elif changes := changed_settings(trigger, there):
            self._call("UPDATE", trigger, trigger.feed, changes)

    def _subscribe(self, trigger: ProjectTrigger, feed: FullName, *, fresh: bool) -> None:
        """CREATE; a trigger that would be without its feed is not left behind."""
        try:
            self._call("CREATE", trigger, feed, trigger.settings)
        except Refusal:
            if fresh:
                self._client.delete("triggers", trigger.path)
            raise

    def _call(self, event: str, trigger: ProjectTrigger, feed: FullName, settings: dict[str, Any]) -> None:
        answer = self._client.lifecycle(event, trigger.name.name, (feed.namespace, feed.path), settings)
        if answer.get("warning"):
            self._warnings.append(f"trigger {trigger.path}: {answer['warning']}")

    # APIs

    def _api(self, api: ProjectApi) -> None:
        for body, response in apidocs.to_live(api, self._client.address, self._own, self._client.auth, self._key_of):
            self._client.create_api(body, response)

    def _key_of(self, action: FullName) -> Any:
        """What an API must send to a web action that wants a key of its own."""
        namespace = None if action.namespace == OWN_NAMESPACE else action.namespace
        row = self._client.find("actions", action.path, namespace=namespace, code=False)
        marks = {item["key"]: item["value"] for item in (row or {}).get("annotations") or ()}
        return marks.get(_WEB_KEY)
