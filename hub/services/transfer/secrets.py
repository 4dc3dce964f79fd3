"""Secrets of a project: taken out before it is written, put in before it is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from hub.domain.parameters import Json, Parameters
from hub.domain.project import (
    SEQUENCE,
    Left,
    Project,
    ProjectAction,
    ProjectEntity,
    ProjectPackage,
    ProjectRule,
    ProjectTrigger,
    Variable,
    ordered,
)
from hub.domain.secrecy import is_secret, secret_in
from hub.wire.interpolation import Variables

CONNECTION = "$connection"
_NO_NAME = re.compile(r"[^A-Z0-9]+")
E = TypeVar("E", bound=ProjectEntity)
Change = Callable[[ProjectEntity, str, Json], Json]
_WEB_KEY = "require-whisk-auth"


class MissingSecrets(Exception):
    """These variables are not set."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"These variables are not set: {', '.join(names)}.")
        self.names = names


def without_secrets(project: Project) -> Project:
    """The project with a variable in place of what is sealed, declared a secret, comes from a connection, or looks like a secret."""
    names = _Names()
    return _changed(
        project,
        lambda entity, key, value: names.hidden(entity, key, value) if _secret(entity, key, value) else value,
        lambda entity, key, value: names.hidden(entity, key, value) if _secret_mark(key, value) else value,
    )


def with_names(project: Project) -> Project:
    """The project as it is, with a name for each value that could not be read."""
    names = _Names()

    def named(entity: ProjectEntity, key: str, value: Json) -> Json:
        return names.hidden(entity, key, value) if isinstance(value, Variable) or _connected(value) else value

    return _changed(project, named, lambda _entity, _key, value: value)


def with_secrets(project: Project, environment: Mapping[str, str]) -> Project:
    """The project with the variables filled in. Raises MissingSecrets, which names all that are not set."""
    known = Variables(environment)

    def filled_in(_entity: ProjectEntity, _key: str, value: Json) -> Json:
        return known.read(value.name, value.type) if isinstance(value, Variable) else value

    filled = _changed(project, filled_in, filled_in)
    if known.missing:
        raise MissingSecrets(sorted(known.missing))
    return filled


def secrets_in_code(project: Project) -> list[Left]:
    """Code that holds what looks like a secret: it cannot be taken out."""
    found: list[Left] = []
    for action in project.actions:
        what = secret_in(action.code) if action.kind != SEQUENCE else None
        if what:
            found.append(Left("action", action.path, f"its code holds what looks like {what}, and is written as it is"))
    return found


class _Names:
    """Names of variables, none of them twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def hidden(self, entity: ProjectEntity, key: str, value: Json) -> Variable:
        plain = _NO_NAME.sub("_", f"{entity.name.path}_{key}".upper()).strip("_") or "SECRET"
        plain = f"_{plain}" if plain[0].isdigit() else plain
        name, count = plain, 1
        while name in self._taken:
            count += 1
            name = f"{plain}_{count}"
        self._taken.add(name)
        return Variable(name, _type(value), _note(entity, key, value))


def _type(value: Json) -> str:
    if isinstance(value, str | Variable) or _connected(value):
        return "string"
    return {int: "integer", float: "number"}.get(type(value), "json")


def _note(entity: ProjectEntity, key: str, value: Json) -> str:
    kinds = {ProjectPackage: "package", ProjectAction: "action", ProjectTrigger: "trigger", ProjectRule: "rule"}
    origin = f", of the connection {value[CONNECTION]}" if _connected(value) else ""
    return " ".join(f"{key} of {kinds[type(entity)]} {entity.path}{origin}".split())


def _connected(value: Json) -> bool:
    return isinstance(value, dict) and CONNECTION in value


def _secret(entity: ProjectEntity, key: str, value: Json) -> bool:
    if value is None:
        return False
    return isinstance(value, Variable) or _connected(value) or key in _declared(entity) or is_secret(key, value)


def _secret_mark(key: str, value: Json) -> bool:
    """An annotation is open by its nature; a web action's key is the one that is not."""
    if key == _WEB_KEY:
        return isinstance(value, str | int) and not isinstance(value, bool)
    return isinstance(value, str) and secret_in(value) is not None


def _declared(entity: ProjectEntity) -> set[str]:
    rows = entity.annotations.get("parameters")
    return {
        str(row.get("name"))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and (row.get("type") == "password" or row.get("secret") is True)
    }


def _changed(project: Project, change: Change, marks: Change) -> Project:
    return msgspec.structs.replace(
        project,
        packages=tuple(_entity(found, change, marks) for found in project.packages),
        actions=tuple(_entity(found, change, marks) for found in project.actions),
        triggers=tuple(_entity(found, change, marks) for found in project.triggers),
        rules=tuple(_entity(found, change, marks) for found in project.rules),
    )


def _entity(entity: E, change: Change, marks: Change) -> E:
    changes: dict[str, Json] = {"annotations": _parameters(entity, entity.annotations, marks)}
    if isinstance(entity, ProjectPackage | ProjectAction | ProjectTrigger):
        changes["parameters"] = _parameters(entity, entity.parameters, change)
    if isinstance(entity, ProjectTrigger):
        changes["settings"] = {key: change(entity, key, value) for key, value in entity.settings.items()}
    return msgspec.structs.replace(entity, **changes)


def _parameters(entity: ProjectEntity, items: Parameters, change: Change) -> Parameters:
    return ordered(msgspec.structs.replace(item, value=change(entity, item.key, item.value)) for item in items.items)
