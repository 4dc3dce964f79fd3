"""What a namespace holds, apart from where it is kept: what `hub export` writes down and `hub import` carries over.

Names are relative: the namespace `_` is the one that holds the project. Parameters and annotations are in the order of their keys, since no
other order can be relied on (openwhisk-api §2.3), and without what a platform sets by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from hub.domain.names import OWN_NAMESPACE, FullName
from hub.domain.package import Binding
from hub.domain.parameters import EMPTY, Json, Parameter, Parameters

SEQUENCE = "sequence"
BLACKBOX = "blackbox"
STANDARD_LIMITS = {"timeout": 60_000, "memory": 256, "logs": 10, "concurrency": 1}
"""OpenWhisk's own; a project says only what differs. Milliseconds, MB, MB, activations per process."""


class Variable(msgspec.Struct, frozen=True):
    """Stands where a secret value stood. `type` is how its text is read: `string`, `integer`, `number`, or `json` for anything else."""

    name: str
    type: str = "string"
    note: str = ""


class Left(msgspec.Struct, frozen=True):
    """Something that is not carried over, and why."""

    what: str
    name: str
    why: str


class ProjectEntity(msgspec.Struct, frozen=True, kw_only=True):
    """The common part. Without a version the platform counts on."""

    name: FullName
    annotations: Parameters = EMPTY
    publish: bool = False
    version: str | None = None

    @property
    def path(self) -> str:
        """`name` or `package/name`."""
        return self.name.path


class ProjectPackage(ProjectEntity, frozen=True, kw_only=True):
    """A package, or a binding when `binding` is set; a binding's parameters are its own."""

    parameters: Parameters = EMPTY
    binding: Binding | None = None


class ProjectAction(ProjectEntity, frozen=True, kw_only=True):
    """Code for a runtime, a container image, or a sequence. `code` is text, or base64 as the API has it."""

    kind: str
    code: str = ""
    main: str | None = None
    image: str | None = None
    components: tuple[FullName, ...] = ()
    parameters: Parameters = EMPTY
    limits: dict[str, int] = {}


class ProjectTrigger(ProjectEntity, frozen=True, kw_only=True):
    """A trigger; with a feed, `settings` are what the feed was created with."""

    parameters: Parameters = EMPTY
    feed: FullName | None = None
    settings: dict[str, Json] = {}


class ProjectRule(ProjectEntity, frozen=True, kw_only=True):
    """A rule with its state."""

    trigger: FullName
    action: FullName
    active: bool = True


class ApiRoute(msgspec.Struct, frozen=True, order=True):
    """One operation of an API: `path` below the base path, `verb` in lower case, `response` one of json, http, html, text, svg."""

    path: str
    verb: str
    action: FullName
    response: str = "http"


class ProjectApi(msgspec.Struct, frozen=True, kw_only=True):
    """An API of the gateway. `document` is its Swagger text where the routes alone do not say all of it."""

    base_path: str
    name: str
    routes: tuple[ApiRoute, ...] = ()
    document: dict[str, Json] | None = None


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, each collection in the order of names."""

    packages: tuple[ProjectPackage, ...] = ()
    actions: tuple[ProjectAction, ...] = ()
    triggers: tuple[ProjectTrigger, ...] = ()
    rules: tuple[ProjectRule, ...] = ()
    apis: tuple[ProjectApi, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def entities(self) -> Iterator[ProjectEntity]:
        """All but the APIs, in the order in which they are made."""
        yield from (*self.packages, *self.actions, *self.triggers, *self.rules)


def own(name: str, package: str | None = None) -> FullName:
    """The name of something in the project's namespace."""
    return FullName(OWN_NAMESPACE, name, package)


def ordered(items: Iterable[Parameter]) -> Parameters:
    """Parameters as a project keeps them."""
    return Parameters(tuple(sorted(Parameters.of(items).items, key=lambda item: item.key)))


def sorted_project(
    packages: Iterable[ProjectPackage],
    actions: Iterable[ProjectAction],
    triggers: Iterable[ProjectTrigger],
    rules: Iterable[ProjectRule],
    apis: Iterable[ProjectApi] = (),
    left: Iterable[Left] = (),
) -> Project:
    """A project of these, each collection in the order of names."""
    return Project(
        packages=tuple(sorted(packages, key=_by_name)),
        actions=tuple(sorted(actions, key=_by_name)),
        triggers=tuple(sorted(triggers, key=_by_name)),
        rules=tuple(sorted(rules, key=_by_name)),
        apis=tuple(sorted(apis, key=lambda api: api.base_path)),
        left=tuple(left),
    )


def _by_name(entity: ProjectEntity) -> tuple[str, str]:
    return entity.name.package or "", entity.name.name


def values(entity: ProjectEntity) -> list[Json]:
    """The values of an entity in which a variable can stand."""
    found = [item.value for item in entity.annotations.items]
    if isinstance(entity, ProjectPackage | ProjectAction | ProjectTrigger):
        found += [item.value for item in entity.parameters.items]
    return [*found, *entity.settings.values()] if isinstance(entity, ProjectTrigger) else found


def variables(project: Project) -> list[Variable]:
    """Every variable of a project, by name."""
    found = {value.name: value for entity in project.entities for value in values(entity) if isinstance(value, Variable)}
    return [found[name] for name in sorted(found)]
