"""Entities on `/api/v1`: what clients send in a PUT, and the shapes they get back (openwhisk-api §2, §4, §5, §8.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from hub.domain.action import Action, CodeExec, Limits, NativeExec, SequenceExec
from hub.domain.entity import Entity, parse_version
from hub.domain.names import FullName
from hub.domain.package import Binding, Package
from hub.domain.parameters import Json, Parameter, Parameters
from hub.domain.rule import Rule
from hub.domain.trigger import Trigger
from hub.wire.json import malformed, shown

UNSET = msgspec.UNSET
_IMAGE = re.compile(
    r"\A(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?"  # registry
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"  # prefix and name
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z0-9+.-]+:[0-9a-fA-F]{32,})?\Z",  # tag and digest
    re.ASCII,
)
"""The reference of a container image, as container engines read it."""
SEALED_MARK = "$sealed"
Maybe = msgspec.UnsetType


class EntityPut(msgspec.Struct, frozen=True, kw_only=True):
    """The members that every PUT may carry; UNSET when absent or null."""

    parameters: Parameters | Maybe = UNSET
    annotations: Parameters | Maybe = UNSET
    version: str | Maybe = UNSET
    publish: bool | Maybe = UNSET


class ExecPut(msgspec.Struct, frozen=True, kw_only=True):
    """An `exec` as it was sent; the service resolves the kind."""

    kind: str
    code: str | None = None
    main: str | None = None
    components: tuple[str, ...] | None = None
    image: str | None = None


class LimitsPut(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that were given; the others stay as they are."""

    timeout: int | Maybe = UNSET
    memory: int | Maybe = UNSET
    logs: int | Maybe = UNSET
    concurrency: int | Maybe = UNSET
    instances: int | Maybe = UNSET

    def over(self, limits: Limits) -> Limits:
        """`limits` with the given members replaced."""
        given = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}
        return msgspec.structs.replace(limits, **given)


class ActionPut(EntityPut, frozen=True, kw_only=True):
    """The body of PUT actions."""

    exec: ExecPut | None = None
    limits: LimitsPut = LimitsPut()
    removed_annotations: tuple[str, ...] = ()


class PackagePut(EntityPut, frozen=True, kw_only=True):
    """The body of PUT packages. `binding` is UNSET when absent, None when `{}`."""

    binding: Binding | Maybe | None = UNSET


class RulePut(EntityPut, frozen=True, kw_only=True):
    """The body of PUT rules."""

    trigger: str | Maybe = UNSET
    action: str | Maybe = UNSET


def parameters_from_wire(value: Json) -> Parameters:
    """Read the array form; raise Malformed for any other (openwhisk-api §2.3)."""
    if not isinstance(value, list):
        raise malformed("parameters malformed!", field="parameters")
    return Parameters.of(_parameter(item) for item in value)


def _parameter(item: Json) -> Parameter:
    if not isinstance(item, dict) or not isinstance(item.get("key"), str) or not item["key"] or "value" not in item:
        raise malformed("parameters malformed!", field="parameters")
    return Parameter(key=item["key"], value=item["value"], init=item.get("init") is True, secret=item.get("secret") is True)


def parameters_to_wire(parameters: Parameters) -> list[dict[str, Json]]:
    """The array form; what is secret is write-only: its value is a marker that keeps the secret when it is sent back (design §9)."""
    return [_parameter_to_wire(item) for item in parameters.items]


def _parameter_to_wire(item: Parameter) -> dict[str, Json]:
    hidden = item.secret and item.value is not None
    row: dict[str, Json] = {"key": item.key, "value": {SEALED_MARK: True} if hidden else item.value}
    if item.init:
        row["init"] = True
    return row


def _common(body: dict[str, Json]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("parameters", "annotations"):
        if body.get(name) is not None:
            found[name] = parameters_from_wire(body[name])
    if body.get("version") is not None:
        if not isinstance(body["version"], str):
            raise malformed("semantic version malformed", field="version")
        found["version"] = parse_version(body["version"])
    if body.get("publish") is not None:
        if not isinstance(body["publish"], bool):
            raise malformed(f"Expected JsBoolean, but got {shown(body['publish'])}", field="publish")
        found["publish"] = body["publish"]
    return found


def _names(value: Json) -> tuple[str, ...]:
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()


def trigger_from_wire(body: Json) -> EntityPut:
    """Read the body of PUT triggers."""
    return EntityPut(**_common(_object(body)))


def package_from_wire(body: Json) -> PackagePut:
    """Read the body of PUT packages."""
    body = _object(body)
    found = _common(body)
    binding = body.get("binding")
    if binding is not None:
        found["binding"] = _binding(binding)
    return PackagePut(**found)


def _binding(value: Json) -> Binding | None:
    if value == {}:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not isinstance(value.get("namespace", "_"), str):
        raise malformed("binding malformed", field="binding")
    return Binding(value.get("namespace", "_"), value["name"])


def rule_from_wire(body: Json) -> RulePut:
    """Read the body of PUT rules; names come as text or as `{path, name}`."""
    body = _object(body)
    found = _common(body)
    found.pop("parameters", None)
    for name in ("trigger", "action"):
        value = body.get(name)
        if isinstance(value, dict) and isinstance(value.get("path"), str) and isinstance(value.get("name"), str):
            value = f"{value['path']}/{value['name']}"
        if isinstance(value, str) and value:
            found[name] = value
        elif value not in (None, ""):
            raise malformed(f"{name} must be a fully qualified name", field=name)
    return RulePut(**found)


def action_from_wire(body: Json) -> ActionPut:
    """Read the body of PUT actions."""
    if not isinstance(body, dict):
        raise malformed("Object expected in field 'exec'", field="exec")
    found = _common(body)
    if body.get("exec") is not None:
        found["exec"] = _exec(body["exec"])
    if body.get("limits") is not None:
        found["limits"] = _limits(body["limits"])
    return ActionPut(**found, removed_annotations=_names(body.get("delAnnotations")))


def _exec(value: Json) -> ExecPut:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise malformed("'kind' must be a string defined in 'exec'", field="exec.kind")
    kind = value["kind"].strip().lower()
    if kind == "sequence":
        return ExecPut(kind=kind, components=_components(value.get("components")))
    if kind == "blackbox":
        image = _image(value.get("image"))
        return ExecPut(kind=kind, image=image, code=_code(kind, value.get("code") or ""), main=_main(kind, value.get("main")))
    return ExecPut(kind=kind, code=_code(kind, value.get("code", value.get("jar"))), main=_main(kind, value.get("main")))


def _code(kind: str, value: Json) -> str:
    if not isinstance(value, str):
        raise malformed(f"'code' must be a string or attachment object defined in 'exec' for '{kind}' actions", field="exec.code")
    return value


def _main(kind: str, value: Json) -> str | None:
    if value is not None and not isinstance(value, str):
        raise malformed(f"if defined, 'main' be a string in 'exec' for '{kind}' actions", field="exec.main")
    return value or None


def _image(value: Json) -> str:
    if not isinstance(value, str):
        raise malformed("'image' must be a string defined in 'exec' for 'blackbox' actions", field="exec.image")
    if not _IMAGE.match(value.strip()):
        raise malformed("could not parse image name", field="exec.image")
    return value.strip()


def _components(value: Json) -> tuple[str, ...]:
    if value is None:
        raise malformed("'components' must be defined for sequence kind", field="exec.components")
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise malformed("'components' must be an array", field="exec.components")
    return tuple(value)


_LIMIT_WORDS = {"timeout": "time", "memory": "memory", "logs": "log", "concurrency": "concurrency", "instances": "instance concurrency"}


def _limits(value: Json) -> LimitsPut:
    if not isinstance(value, dict):
        raise malformed("limits malformed", field="limits")
    given: dict[str, int] = {}
    for name, word in _LIMIT_WORDS.items():
        number = value.get(name)
        if number is None:
            continue
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, float):
            raise malformed(f"{word} limit must be whole number", field=f"limits.{name}")
        if not isinstance(number, int) or isinstance(number, bool):
            raise malformed(f"{word} limit malformed", field=f"limits.{name}")
        if name in {"memory", "logs"} and number < 0:
            raise malformed("requirement failed: a negative size of an object is not allowed.", field=f"limits.{name}")
        given[name] = number
    return LimitsPut(**given)


def _object(body: Json) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise malformed("Object expected")
    return body


# What clients get back


def _head(entity: Entity) -> dict[str, Json]:
    return {
        "annotations": parameters_to_wire(entity.annotations),
        "name": entity.name.name,
        "namespace": entity.name.space,
        "publish": entity.publish,
        "updated": entity.updated,
        "version": entity.version,
    }


def limits_to_wire(limits: Limits) -> dict[str, Json]:
    """The limits object of an action; `instances` only when it was set."""
    row: dict[str, Json] = {"concurrency": limits.concurrency, "logs": limits.logs, "memory": limits.memory, "timeout": limits.timeout}
    return row if limits.instances is None else {**row, "instances": limits.instances}


def exec_to_wire(exec_: CodeExec | SequenceExec | NativeExec, *, code: bool) -> dict[str, Json]:
    """The `exec` of an action; without `code` everything else stays."""
    if isinstance(exec_, SequenceExec):
        return {"components": [f"/{name}" for name in exec_.components], "kind": "sequence"}
    row: dict[str, Json] = {"kind": exec_.kind, "binary": False}
    if isinstance(exec_, CodeExec):
        row["binary"] = exec_.binary
        if exec_.image is not None:
            row["image"] = exec_.image
        if code and (exec_.code or exec_.image is None):
            row["code"] = exec_.code
        if exec_.main:
            row["main"] = exec_.main
    return row


def action_to_wire(action: Action, *, code: bool = True, parameters: Parameters | None = None) -> dict[str, Json]:
    """One action; `parameters` are the effective ones where they differ from its own."""
    return {
        **_head(action),
        "exec": exec_to_wire(action.exec, code=code),
        "limits": limits_to_wire(action.limits),
        "parameters": parameters_to_wire(action.parameters if parameters is None else parameters),
    }


def action_row(action: Action) -> dict[str, Json]:
    """One action in a list: no kind except through its annotation."""
    binary = isinstance(action.exec, CodeExec) and action.exec.binary
    return {**_head(action), "exec": {"binary": binary}, "limits": limits_to_wire(action.limits)}


def binding_to_wire(binding: Binding | None) -> dict[str, Json]:
    """`{}` for a package."""
    return {"name": binding.name, "namespace": binding.namespace} if binding else {}


def package_to_wire(package: Package, *, parameters: Parameters | None = None) -> dict[str, Json]:
    """One package or binding, without its actions."""
    shown = package.parameters if parameters is None else parameters
    return {**_head(package), "binding": binding_to_wire(package.binding), "parameters": parameters_to_wire(shown)}


def package_with_actions(package: Package, actions: Iterable[Action], *, parameters: Parameters) -> dict[str, Json]:
    """One package with its actions and feeds, as GET shows it."""
    rows: dict[str, list[Json]] = {"actions": [], "feeds": []}
    for action in actions:
        row = {"annotations": parameters_to_wire(action.annotations), "name": action.name.name, "version": action.version}
        rows["feeds" if action.annotations.has("feed") else "actions"].append(row)
    return {**package_to_wire(package, parameters=parameters), **rows}


def package_row(package: Package) -> dict[str, Json]:
    """One package in a list: `binding` is false, or the object."""
    return {**_head(package), "binding": binding_to_wire(package.binding) or False}


def _reference(name: FullName) -> dict[str, Json]:
    return {"name": name.name, "path": name.space}


def trigger_to_wire(trigger: Trigger) -> dict[str, Json]:
    """One trigger; `rules` only once a rule was linked."""
    row = {**_head(trigger), "limits": {}, "parameters": parameters_to_wire(trigger.parameters)}
    if trigger.rules is not None:
        row["rules"] = {
            rule: {"action": _reference(link.action), "status": "active" if link.active else "inactive"}
            for rule, link in trigger.rules.items()
        }
    return row


def trigger_row(trigger: Trigger) -> dict[str, Json]:
    """One trigger in a list."""
    return _head(trigger)


def rule_to_wire(rule: Rule, *, active: bool) -> dict[str, Json]:
    """One rule with its status."""
    return {**rule_row(rule), "status": "active" if active else "inactive"}


def rule_row(rule: Rule) -> dict[str, Json]:
    """One rule in a list: no status (openwhisk-api §8.3)."""
    return {**_head(rule), "action": _reference(rule.action), "trigger": _reference(rule.trigger)}
