"""What carrying a project over would do, step by step, in the order of wskdeploy.

Packages, bindings, actions, sequences, triggers, rules, APIs: each finds what it refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from hub.client import Refusal
from hub.domain.names import OWN_NAMESPACE, FullName
from hub.domain.package import Binding
from hub.domain.project import (
    BLACKBOX,
    SEQUENCE,
    Project,
    ProjectAction,
    ProjectApi,
    ProjectEntity,
    ProjectPackage,
    ProjectRule,
    ProjectTrigger,
)
from hub.services.transfer.differing import Runtimes, differing, why_not_run
from hub.services.transfer.feeds import OPENWHISK
from hub.services.transfer.source import Source


class Does(StrEnum):
    """What a step does."""

    CREATE = "create"
    UPDATE = "update"
    SAME = "same"
    CONFLICT = "conflict"
    LEFT = "left"


class Step(NamedTuple):
    """One step. `entity` is what is to be, `there` what is there already."""

    does: Does
    what: str
    name: str
    detail: str = ""
    entity: ProjectEntity | ProjectApi | None = None
    there: ProjectEntity | ProjectApi | None = None


class Plan(NamedTuple):
    """All steps, in their order."""

    steps: tuple[Step, ...]

    def of(self, *kinds: Does) -> list[Step]:
        """The steps that do one of these."""
        return [step for step in self.steps if step.does in kinds]


class Planner:
    """Compares a project with a namespace."""

    def __init__(self, target: Source, runtimes: Runtimes, *, overwrite: bool, progress: Callable[[str], None] = lambda _: None) -> None:
        self._target = target
        self._runtimes = runtimes
        self._overwrite = overwrite
        self._progress = progress
        self._made: set[tuple[str, str]] = set()
        self._left: set[tuple[str, str]] = set()
        self._bindings: dict[str, Binding] = {}

    def plan(self, project: Project, apis: Iterable[ProjectApi] | None) -> Plan:
        """The plan. `apis` are those that are there; None where there is no gateway."""
        steps = [Step(Does.LEFT, left.what, left.name, left.why) for left in project.left]
        plain = [package for package in project.packages if package.binding is None]
        bindings = [package for package in project.packages if package.binding is not None]
        code = [action for action in project.actions if action.kind != SEQUENCE]
        steps += [self._step("package", package, self._target.package, lambda _: None) for package in plain]
        steps += [self._step("binding", package, self._target.package, self._unbound) for package in bindings]
        steps += [self._step("action", action, self._target.action, self._not_run) for action in code]
        steps += [self._step("sequence", action, self._target.action, self._broken) for action in in_order(project.actions)]
        steps += [self._step("trigger", trigger, self._target.trigger, self._unfed) for trigger in project.triggers]
        steps += [self._step("rule", rule, self._target.rule, self._dangling) for rule in project.rules]
        known = None if apis is None else {api.base_path: api for api in apis}
        steps += [self._api(api, known) for api in project.apis]
        return Plan(tuple(steps))

    def _step(
        self, what: str, entity: ProjectEntity, find: Callable[[str], ProjectEntity | None], refuse: Callable[[Any], str | None]
    ) -> Step:
        self._progress(f"{what} {entity.path}")
        key = (_COLLECTION[type(entity)], entity.path)
        try:
            there = find(entity.path)
            why = refuse(entity)
        except Refusal as refusal:
            self._made.add(key)
            return Step(Does.CONFLICT, what, entity.path, str(refusal), entity)
        if why:
            self._left.add(key)
            return Step(Does.LEFT, what, entity.path, why, entity)
        self._made.add(key)
        does, detail = self._compared(entity, there)
        return Step(does, what, entity.path, detail, entity, there)

    def _compared(self, entity: ProjectEntity, there: ProjectEntity | None) -> tuple[Does, str]:
        if there is None:
            return Does.CREATE, _detail(entity)
        if isinstance(entity, ProjectPackage) and isinstance(there, ProjectPackage) and (entity.binding is None) != (there.binding is None):
            word = "package" if there.binding is None else "binding"
            return Does.CONFLICT, f"there is a {word} of that name, which cannot become the other; remove it first"
        if isinstance(entity, ProjectTrigger) and isinstance(there, ProjectTrigger) and entity.feed is None and there.feed is not None:
            return Does.CONFLICT, f"there it is fed by /{there.feed}; remove it first"
        words = differing(entity, there, self._runtimes)
        if not words:
            return Does.SAME, ""
        detail = f"differs in {', '.join(words)}"
        return (Does.UPDATE, detail) if self._overwrite else (Does.CONFLICT, f"{detail}; --overwrite replaces it")

    # Why something is left

    def _unbound(self, package: ProjectPackage) -> str | None:
        binding = package.binding
        if binding is None or self._has_package(binding.namespace, binding.name):
            self._bindings |= {package.path: binding} if binding else {}
            return None
        return _not_here(binding.namespace, binding.name)

    def _has_package(self, namespace: str, name: str) -> bool:
        if namespace in (OWN_NAMESPACE, self._target.own) and ("packages", name) in self._made | self._left:
            return ("packages", name) in self._made
        return self._target.package_row(namespace, name) is not None

    def _not_run(self, action: ProjectAction) -> str | None:
        if action.name.package and not self._has_package(OWN_NAMESPACE, action.name.package):
            return f"the package {action.name.package} is not there"
        return why_not_run(BLACKBOX if action.image else action.kind, self._runtimes)

    def _broken(self, sequence: ProjectAction) -> str | None:
        gone = [f"/{name}" for name in sequence.components if not self._has_action(name)]
        return f"{', '.join(gone)} is not there" if gone else None

    def _has_action(self, name: FullName) -> bool:
        if name.namespace not in (OWN_NAMESPACE, self._target.own):
            return self._target.has_action(name)
        binding = self._bindings.get(name.package or "")
        if binding is not None:
            return self._has_action(FullName(binding.namespace, name.name, binding.name))
        key = ("actions", name.path)
        return key in self._made or (key not in self._left and self._target.has_action(name))

    def _unfed(self, trigger: ProjectTrigger) -> str | None:
        feed = trigger.feed
        if feed is None:
            return None
        if feed.package is None:
            return None if self._has_action(feed) else f"its feed /{feed} is not there"
        if not self._has_package(feed.namespace, feed.package):
            return f"its feed: {_not_here(feed.namespace, feed.package)}"
        return None

    def _dangling(self, rule: ProjectRule) -> str | None:
        key = ("triggers", rule.trigger.path)
        there = key in self._made or (key not in self._left and self._target.has_trigger(rule.trigger.path))
        if not there:
            return f"its trigger {rule.trigger.name} is not there"
        return None if self._has_action(rule.action) else f"its action /{rule.action} is not there"

    def _api(self, api: ProjectApi, known: dict[str, ProjectApi] | None) -> Step:
        if known is None:
            return Step(Does.LEFT, "api", api.base_path, "there is no API gateway there", api)
        gone = sorted({str(route.action) for route in api.routes if not self._has_action(route.action)})
        if gone:
            return Step(Does.LEFT, "api", api.base_path, f"/{', /'.join(gone)} is not there", api)
        there = known.get(api.base_path)
        if there is None:
            return Step(Does.CREATE, "api", api.base_path, f"{len(api.routes)} operations", api)
        if there == api:
            return Step(Does.SAME, "api", api.base_path, "", api, there)
        does = Does.UPDATE if self._overwrite else Does.CONFLICT
        return Step(does, "api", api.base_path, "differs" if self._overwrite else "differs; --overwrite replaces it", api, there)


_COLLECTION: dict[type[ProjectEntity], str] = {
    ProjectPackage: "packages",
    ProjectAction: "actions",
    ProjectTrigger: "triggers",
    ProjectRule: "rules",
}


def _not_here(namespace: str, name: str) -> str:
    return f"/{namespace}/{name} is not there; try `hub search {name}`"


def _detail(entity: ProjectEntity) -> str:
    if isinstance(entity, ProjectAction):
        return ", ".join(f"/{name}" for name in entity.components) if entity.kind == SEQUENCE else entity.kind
    if isinstance(entity, ProjectPackage) and entity.binding:
        return f"of /{entity.binding.namespace}/{entity.binding.name}"
    if isinstance(entity, ProjectRule):
        return f"{entity.trigger.name} → /{entity.action}" + ("" if entity.active else ", inactive")
    if isinstance(entity, ProjectTrigger) and entity.feed:
        dialect = entity.settings.get("dialect") == OPENWHISK
        return f"fed by /{entity.feed}" + (", with OpenWhisk's months 0-11 (dialect: openwhisk)" if dialect else "")
    return ""


def in_order(actions: Iterable[ProjectAction]) -> Iterator[ProjectAction]:
    """The sequences, each after those it is made of."""
    known = {action.path: action for action in actions if action.kind == SEQUENCE}
    graph = {
        path: [name.path for name in found.components if name.namespace == OWN_NAMESPACE and name.path in known]
        for path, found in known.items()
    }
    try:
        yield from (known[path] for path in TopologicalSorter(graph).static_order())
    except CycleError:
        yield from known.values()
