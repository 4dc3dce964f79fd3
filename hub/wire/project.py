"""A project as a folder that wskdeploy deploys unchanged: manifest.yaml, the code below `actions/`, and hub.yaml for the rest.

The same project gives the same bytes. Secrets are `$NAME`; `.env.example` lists the names (packages-and-feeds §11.9 "exporter").
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hub.domain.names import OWN_NAMESPACE, FullName
from hub.domain.parameters import Json, Parameters
from hub.domain.project import (
    BLACKBOX,
    SEQUENCE,
    Left,
    Project,
    ProjectAction,
    ProjectPackage,
    ProjectRule,
    ProjectTrigger,
    Variable,
    ordered,
    variables,
)
from hub.wire import apidocs
from hub.wire.code import file_of
from hub.wire.exact import SECTION, difference
from hub.wire.manifest import HUB, LONG_FORM, TYPES
from hub.wire.plainyaml import dump
from hub.wire.projectvalues import DEFAULT
from hub.wire.wskdeploy import read_project

MANIFEST = "manifest.yaml"
ENVIRONMENT = ".env.example"
_WEB = {(True, False, True): True, (True, True, True): "raw", (False, False, False): False}
_WEB_KEYS = ("web-export", "raw-http", "final")
_LIMIT_WORDS = {"timeout": "timeout", "memory": "memorySize", "logs": "logSize"}
_WORDS = {"number": "float"}
_HEAD = "# Written by `hub export`; wskdeploy and `hub import` read it.\n"


def files_of(project: Project) -> dict[str, bytes]:
    """The files of a project, by path."""
    files = {MANIFEST: (_HEAD + dump(_manifest(project))).encode()}
    for action in project.actions:
        if action.kind != SEQUENCE and _has_file(action):
            path, data = file_of(action)
            files[path] = data
    names = variables(project)
    read = read_project(files, {variable.name: "0" for variable in names})
    exact = difference(project, read.project)
    if exact:
        files[HUB] = (_HEAD + dump({SECTION: exact})).encode()
    if names:
        files[ENVIRONMENT] = _environment(names).encode()
    return files


def writable(project: Project) -> Project:
    """The project less what a manifest cannot name: `default`, in any letter case, is its word for no package."""
    lost = {package.path for package in project.packages if package.path.lower() == DEFAULT}
    actions = [action for action in project.actions if action.name.package in lost]
    why = "a manifest takes its package for the namespace itself"
    left = [*(Left("package", name, why) for name in sorted(lost)), *(Left("action", action.path, why) for action in actions)]
    return msgspec.structs.replace(
        project,
        packages=tuple(package for package in project.packages if package.path not in lost),
        actions=tuple(action for action in project.actions if action.name.package not in lost),
        left=(*project.left, *left),
    )


def _has_file(action: ProjectAction) -> bool:
    return action.kind != BLACKBOX or bool(action.code)


def _environment(names: Iterable[Variable]) -> str:
    lines = ["# Secrets of this project. Copy the file to .env, fill it in, and keep that one to yourself.\n"]
    for variable in names:
        form = "" if variable.type == "string" else f", as {'JSON' if variable.type == 'json' else variable.type}"
        lines.append(f"# {variable.note}{form}\n{variable.name}=\n")
    return "".join(lines)


def _manifest(project: Project) -> dict[str, Json]:
    packages = {package.path: _package(package) for package in project.packages if package.binding is None}
    root: dict[str, Json] = {
        "dependencies": {package.path: _dependency(package) for package in project.packages if package.binding is not None},
        "triggers": {trigger.path: _trigger(trigger) for trigger in project.triggers},
        "rules": {rule.path: _rule(rule) for rule in project.rules},
        "apis": _apis(project),
    }
    for action in sorted(project.actions, key=lambda action: action.kind == SEQUENCE):
        home = packages.setdefault(action.name.package, {}) if action.name.package else root
        collection, row = ("sequences", _sequence(action)) if action.kind == SEQUENCE else ("actions", _action(action))
        home.setdefault(collection, {})[action.name.name] = row
    order = ("dependencies", "actions", "sequences", "triggers", "rules", "apis")
    written = {name: root[name] for name in order if root.get(name)}
    return {"packages": {**packages, **({DEFAULT: written} if written or not packages else {})}}


def _apis(project: Project) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for api in project.apis:
        part = apidocs.to_manifest(api) or {}
        for name, bases in part.items():
            found.setdefault(name, {}).update(bases)
    return found


def _package(package: ProjectPackage) -> dict[str, Json]:
    version = {"version": package.version} if package.version else {}
    return version | ({"public": True} if package.publish else {}) | _given(package.parameters, package.annotations)


def _dependency(package: ProjectPackage) -> dict[str, Json]:
    binding = package.binding
    location = f"/{binding.namespace}/{binding.name}" if binding else ""
    return {"location": location, **_given(package.parameters, package.annotations)}


def _given(parameters: Parameters, annotations: Parameters) -> dict[str, Json]:
    """Inputs and annotations, as far as the grammar takes them."""
    inputs = {item.key: _input(item.value) for item in parameters.items if _takes_input(item.value)}
    marks = {item.key: _mark(item.value) for item in annotations.items if _takes_input(item.value)}
    return ({"inputs": inputs} if inputs else {}) | ({"annotations": marks} if marks else {})


def _mark(value: Json) -> Json:
    return f"${value.name}" if isinstance(value, Variable) else value


def _takes_input(value: Json) -> bool:
    return value is not None and not _interpolated(value)


def _interpolated(value: Json) -> bool:
    """Whether wskdeploy would look for a variable in it, and destroy it."""
    if isinstance(value, dict):
        return any("$" in key or _interpolated(member) for key, member in value.items())
    if isinstance(value, list):
        return any(_interpolated(member) for member in value)
    return isinstance(value, str) and "$" in value


def _input(value: Json) -> Json:
    """The single-line form; where that would mean a type or a declaration, the long one."""
    if isinstance(value, Variable):
        return f"${value.name}" if value.type == "string" else {"type": _WORDS.get(value.type, value.type), "value": f"${value.name}"}
    if isinstance(value, str) and value in TYPES:
        return {"type": "string", "value": value}
    if isinstance(value, dict) and set(value) <= LONG_FORM:
        return {"type": "json", "value": value}
    return value


def _action(action: ProjectAction) -> dict[str, Json]:
    row: dict[str, Json] = {}
    if _has_file(action):
        row["function"] = file_of(action)[0]
    if action.kind == BLACKBOX:
        row["docker"] = action.image or ""
    else:
        row["runtime"] = action.kind
    if action.main:
        row["main"] = action.main
    limits = {word: action.limits[name] for name, word in _LIMIT_WORDS.items() if name in action.limits}
    row |= {"limits": limits} if limits else {}
    return row | _web(action)


def _web(action: ProjectAction) -> dict[str, Json]:
    """The word `web` for its three annotations, where they are as it would set them."""
    values = action.annotations.values()
    word = tuple(values.get(key) for key in _WEB_KEYS)
    plain = all(isinstance(part, bool) for part in word) and word in _WEB
    annotations = action.annotations.without(*_WEB_KEYS) if plain else action.annotations
    parameters = action.parameters if action.kind != SEQUENCE else Parameters()
    return ({"web": _WEB[word]} if plain else {}) | _given(parameters, annotations)  # type: ignore[index]


def _sequence(action: ProjectAction) -> dict[str, Json]:
    written = ", ".join(_component(name, action.name.package) for name in action.components)
    return {"actions": written, **_web(action)}


def _component(name: FullName, package: str | None) -> str:
    """Bare within the package; `/name` for an action of the namespace itself, seen from a package."""
    if name.namespace != OWN_NAMESPACE:
        return f"/{name}"
    if name.package == package:
        return name.name
    return name.path if name.package else f"/{name.name}"


def _trigger(trigger: ProjectTrigger) -> dict[str, Json]:
    if trigger.feed is None:
        return _given(trigger.parameters, trigger.annotations)
    feed = trigger.feed.path if trigger.feed.namespace == OWN_NAMESPACE else f"/{trigger.feed}"
    return {"feed": feed, **_given(ordered(Parameters.of(trigger.settings).items), trigger.annotations)}


def _rule(rule: ProjectRule) -> dict[str, Json]:
    marks = _given(Parameters(), rule.annotations)
    return {"trigger": rule.trigger.name, "action": _component(rule.action, None), **marks}
