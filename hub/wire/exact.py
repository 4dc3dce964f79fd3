"""What wskdeploy's grammar has no place for: the section `project` of hub.yaml, laid over what the manifest says.

It is found by reading the manifest back: whatever comes out different is said here exactly. A parameter is `{key, value, init}`, or
`{key, variable, type, init}`; without a value it has the manifest's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from hub.domain.names import FullName
from hub.domain.parameters import Json, Parameter, Parameters
from hub.domain.project import (
    ApiRoute,
    Project,
    ProjectApi,
    ProjectEntity,
    Variable,
    ordered,
)
from hub.wire.interpolation import Variables
from hub.wire.yamltree import Tree

SECTION = "project"
_COLLECTIONS = ("packages", "actions", "triggers", "rules")
_LISTS = ("annotations", "parameters")
_MAPS = ("settings", "limits")
_PLAIN = ("publish", "version", "main", "image", "active")
E = TypeVar("E", bound=ProjectEntity)


def difference(project: Project, read: Project) -> dict[str, Json]:
    """The section for a project of which the manifest alone says `read`; empty when that is everything."""
    section: dict[str, Json] = {}
    for collection in _COLLECTIONS:
        known = {entity.path: entity for entity in getattr(read, collection)}
        rows = {entity.path: _different(entity, known[entity.path]) for entity in getattr(project, collection)}
        section |= {collection: found} if (found := {path: row for path, row in rows.items() if row}) else {}
    said = {api.base_path: api for api in read.apis}
    apis = {api.base_path: _api(api) for api in project.apis if said.get(api.base_path) != api}
    return {**section, **({"apis": apis} if apis else {})}


def _different(entity: ProjectEntity, read: ProjectEntity) -> dict[str, Json]:
    row: dict[str, Json] = {}
    for name in _PLAIN:
        if getattr(entity, name, None) != getattr(read, name, None):
            row[name] = getattr(entity, name)
    for name in _MAPS:
        known = getattr(read, name, {})
        members = {
            key: value for key, value in sorted(getattr(entity, name, {}).items()) if key not in known or not _same(value, known[key])
        }
        row |= {name: members} if members else {}
    for name in _LISTS:
        rows = _items(getattr(entity, name, Parameters()), getattr(read, name, Parameters()), typed=name == "parameters")
        row |= {name: rows} if rows else {}
    return row


def _items(items: Parameters, read: Parameters, *, typed: bool) -> list[Json]:
    """What the manifest does not say of a list. With `typed` it says the types of variables, too."""
    known = {item.key: item for item in read.items}
    rows: list[Json] = []
    for item in items.items:
        found = known.get(item.key)
        row: dict[str, Json] = {"key": item.key}
        if isinstance(item.value, Variable):
            said = found is not None and (typed or item.value.type == "string")
            row |= {} if said else {"variable": item.value.name, "type": item.value.type}
        elif found is None or not _same(item.value, found.value):
            row |= {"value": item.value}
        if item.init:
            row |= {"init": True}
        if len(row) > 1:
            rows.append(row)
    return rows


def _same(value: Json, read: Json) -> bool:
    """Whether two values are the same JSON: 1, 1.0 and true are not. What a variable stands for is always said by the manifest."""
    return isinstance(value, Variable) or (value == read and msgspec.json.encode(value) == msgspec.json.encode(read))


def _api(api: ProjectApi) -> dict[str, Json]:
    routes = [{"path": route.path, "verb": route.verb, "action": f"/{route.action}", "response": route.response} for route in api.routes]
    return {"name": api.name, "routes": routes, **({"document": api.document} if api.document is not None else {})}


def applied(project: Project, tree: Tree, variables: Variables) -> Project:
    """A project with hub.yaml laid over it. Values are exact: a `$` in them is a `$`."""
    section = tree.members().get(SECTION)
    if section is None:
        return project
    value: Mapping[str, Json] = section.value() or {}
    changed: dict[str, Json] = {
        collection: tuple(
            _laid(entity, (value.get(collection) or {}).get(entity.path), variables) for entity in getattr(project, collection)
        )
        for collection in _COLLECTIONS
    }
    apis = {api.base_path: api for api in project.apis} | {base: _read_api(base, row) for base, row in (value.get("apis") or {}).items()}
    return msgspec.structs.replace(project, **changed, apis=tuple(apis[base] for base in sorted(apis)))


def _laid(entity: E, row: Mapping[str, Json] | None, variables: Variables) -> E:
    if not row:
        return entity
    changes = {name: row[name] for name in _PLAIN if name in row}
    changes |= {name: {**getattr(entity, name), **row[name]} for name in _MAPS if name in row}
    changes |= {name: _merged(getattr(entity, name), row[name], variables) for name in _LISTS if name in row}
    return msgspec.structs.replace(entity, **changes)


def _merged(items: Parameters, rows: Iterable[Mapping[str, Json]], variables: Variables) -> Parameters:
    known = {item.key: item for item in items.items}
    for row in rows:
        key = row["key"]
        if "variable" in row:
            value = variables.read(row["variable"], row.get("type", "string"))
        else:
            value = row["value"] if "value" in row else known[key].value if key in known else None
        known[key] = Parameter(key=key, value=value, init=row.get("init") is True)
    return ordered(known.values())


def _read_api(base: str, row: Mapping[str, Json]) -> ProjectApi:
    routes = tuple(
        ApiRoute(found["path"], found["verb"], FullName.parse(found["action"], own="_"), found["response"])
        for found in row.get("routes") or ()
    )
    return ProjectApi(base_path=base, name=row["name"], routes=routes, document=row.get("document"))
