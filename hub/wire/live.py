"""Entities of a project as `/api/v1` shows them and wants them (openwhisk-api §2, §4, §5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.domain.errors import Malformed
from hub.domain.names import OWN_NAMESPACE, FullName
from hub.domain.package import Binding
from hub.domain.parameters import EMPTY, Json, Parameter, Parameters
from hub.domain.project import (
    BLACKBOX,
    SEQUENCE,
    STANDARD_LIMITS,
    ProjectAction,
    ProjectPackage,
    ProjectRule,
    ProjectTrigger,
    Variable,
    ordered,
    own,
)
from hub.wire.entities import SEALED_MARK

SEALED = "sealed"
ENCRYPTED = "encrypted where it was"
_OF_THE_PLATFORM = {"exec", "runsOn", "binding"}
_KEY = "provide-api-key"


def relative(text: str, namespace: str) -> FullName:
    """A full name with `_` for `namespace`. Raises Malformed."""
    name = FullName.parse(text, own=OWN_NAMESPACE)
    return FullName(OWN_NAMESPACE, name.name, name.package) if name.namespace == namespace else name


def feed_name(value: Json, namespace: str) -> FullName | None:
    """What the annotation `feed` of a trigger names: `/ns/package/feed`, or shorter in the own namespace."""
    if not isinstance(value, str) or not value.strip("/"):
        return None
    parts = value.strip("/").split("/")
    text = value if value.startswith("/") or len(parts) == 3 else f"_/{value}"  # noqa: PLR2004 - namespace, package, name
    try:
        return relative(text, namespace)
    except Malformed:
        return None


def _parameters(rows: Json) -> list[Parameter]:
    """Parameters; what cannot be read again is a variable without a name yet."""
    return [
        Parameter(key=row["key"], value=_value(row), init=row.get("init") is True)
        for row in rows or ()
        if isinstance(row, dict) and isinstance(row.get("key"), str)
    ]


def _value(row: dict[str, Json]) -> Json:
    value = row.get("value")
    if row.get("encryption"):
        return Variable("", note=ENCRYPTED)
    if isinstance(value, dict) and value.get(SEALED_MARK) is True:
        return Variable("", note=SEALED)
    return value


def _annotations(row: Mapping[str, Json], *more: str) -> Parameters:
    return ordered(item for item in _parameters(row.get("annotations")) if item.key not in _OF_THE_PLATFORM.union(more))


def _head(row: Mapping[str, Json]) -> dict[str, Any]:
    version = row.get("version")
    return {"publish": row.get("publish") is True, "version": None if version == "0.0.1" else version}


def package_from_live(row: Mapping[str, Json], namespace: str, provider: Mapping[str, Json] | None = None) -> ProjectPackage:
    """A package; of a binding's parameters those that differ from what its `provider` shows."""
    binding = row.get("binding")
    inherited = _parameters(provider.get("parameters")) if provider else []
    bound = Binding(binding["namespace"], binding["name"]) if binding else None
    if bound and bound.namespace == namespace:
        bound = Binding(OWN_NAMESPACE, bound.name)
    return ProjectPackage(
        name=own(row["name"]),
        **_head(row),
        annotations=_annotations(row),
        parameters=ordered(item for item in _parameters(row.get("parameters")) if item not in inherited),
        binding=bound,
    )


def action_from_live(row: Mapping[str, Json], namespace: str, package: Parameters = EMPTY) -> ProjectAction:
    """An action; GET shows it together with the parameters of its package, which are taken off again."""
    exec_ = row["exec"]
    kind = exec_["kind"]
    shown = [] if kind == SEQUENCE else _parameters(row.get("parameters"))
    limits = {key: value for key, value in (row.get("limits") or {}).items() if STANDARD_LIMITS.get(key) != value and value is not None}
    return ProjectAction(
        name=own(row["name"], row["namespace"].partition("/")[2] or None),
        **_head(row),
        annotations=_key_wanted(_annotations(row)),
        kind=kind,
        code=exec_.get("code") or "",
        main=exec_.get("main"),
        image=exec_.get("image"),
        components=tuple(relative(text, namespace) for text in exec_.get("components") or ()),
        parameters=ordered(item for item in shown if item not in package.items),
        limits=limits,
    )


def _key_wanted(annotations: Parameters) -> Parameters:
    """False is what a new action gets by itself; an old one without the annotation gets a key, and must be told so (openwhisk-api §2.3)."""
    if annotations.get(_KEY, default="") is False:
        return annotations.without(_KEY)
    return annotations if annotations.has(_KEY) else ordered(annotations.with_value(_KEY, value=True).items)


def trigger_from_live(row: Mapping[str, Json], namespace: str) -> ProjectTrigger:
    """A trigger without the settings of its feed."""
    annotations = _annotations(row)
    feed = feed_name(annotations.get("feed"), namespace)
    return ProjectTrigger(
        name=own(row["name"]),
        **_head(row),
        annotations=annotations.without("feed") if feed else annotations,
        parameters=ordered(_parameters(row.get("parameters"))),
        feed=feed,
    )


def rule_from_live(row: Mapping[str, Json], namespace: str) -> ProjectRule:
    """A rule with its state."""
    return ProjectRule(
        name=own(row["name"]),
        **_head(row),
        annotations=_annotations(row),
        trigger=relative(_reference(row["trigger"]), namespace),
        action=relative(_reference(row["action"]), namespace),
        active=row.get("status") == "active",
    )


def _reference(value: Json) -> str:
    return f"{value['path']}/{value['name']}" if isinstance(value, dict) else str(value)


# What is sent


def _rows(parameters: Parameters) -> list[dict[str, Json]]:
    return [{"key": item.key, "value": item.value, **({"init": True} if item.init else {})} for item in parameters.items]


def _sent(entity: ProjectPackage | ProjectAction | ProjectTrigger | ProjectRule, annotations: Parameters) -> dict[str, Json]:
    version = {"version": entity.version} if entity.version else {}
    return {"annotations": _rows(annotations), "publish": entity.publish, **version}


def package_to_live(package: ProjectPackage) -> dict[str, Json]:
    """The body of PUT packages."""
    binding = {"namespace": package.binding.namespace, "name": package.binding.name} if package.binding else {}
    return {**_sent(package, package.annotations), "parameters": _rows(package.parameters), "binding": binding}


def action_to_live(action: ProjectAction) -> dict[str, Json]:
    """The body of PUT actions. All limits and `provide-api-key` are said, so that an update leaves nothing of before."""
    annotations = action.annotations if action.annotations.has(_KEY) else action.annotations.with_value(_KEY, value=False)
    body = {**_sent(action, annotations), "limits": {**STANDARD_LIMITS, **action.limits}, "exec": _exec(action)}
    return body if action.kind == SEQUENCE else {**body, "parameters": _rows(action.parameters)}


def _exec(action: ProjectAction) -> dict[str, Json]:
    if action.kind == SEQUENCE:
        return {"kind": SEQUENCE, "components": [f"/{name}" for name in action.components]}
    main = {"main": action.main} if action.main else {}
    if action.kind == BLACKBOX:
        return {"kind": BLACKBOX, "image": action.image, **({"code": action.code} if action.code else {}), **main}
    return {"kind": action.kind, "code": action.code, **main}


def trigger_to_live(trigger: ProjectTrigger) -> dict[str, Json]:
    """The body of PUT triggers."""
    annotations = trigger.annotations.with_value("feed", f"/{trigger.feed}") if trigger.feed else trigger.annotations
    return {**_sent(trigger, annotations), "parameters": _rows(trigger.parameters)}


def rule_to_live(rule: ProjectRule) -> dict[str, Json]:
    """The body of PUT rules; the state is switched afterwards."""
    return {**_sent(rule, rule.annotations), "trigger": f"/{rule.trigger}", "action": f"/{rule.action}"}
