"""In what an entity that is to be made differs from the one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.domain.parameters import Json, Parameters
from hub.domain.project import ProjectAction, ProjectEntity, ProjectTrigger, Variable

Runtimes = Mapping[str, list[dict[str, Any]]]
_FIELDS = ("binding", "kind", "code", "main", "image", "components", "limits", "publish", "feed", "trigger", "action", "active")
_LISTS = ("parameters", "annotations")
_PROCESS = ":process"
BLACKBOX, DEFAULT = "blackbox", "default"


def differing(wanted: ProjectEntity, there: ProjectEntity, runtimes: Runtimes) -> list[str]:
    """The words for what differs; none when they are the same. What cannot be read there is taken for the same."""
    found = [name for name in _FIELDS if name != "kind" and getattr(wanted, name, None) != getattr(there, name, None)]
    if isinstance(wanted, ProjectAction) and isinstance(there, ProjectAction) and resolved(wanted.kind, runtimes) != there.kind:
        found.append("kind")
    found += [name for name in _LISTS if not _same_items(getattr(wanted, name, None), getattr(there, name, None))]
    if isinstance(wanted, ProjectTrigger) and isinstance(there, ProjectTrigger) and changed_settings(wanted, there):
        found.append("settings of the feed")
    if wanted.version is not None and wanted.version != there.version:
        found.append("version")
    return found


def changed_settings(wanted: ProjectTrigger, there: ProjectTrigger) -> dict[str, Json]:
    """The settings that are to change. What a feed adds by itself is no difference."""
    if wanted.feed is None:
        return {}
    return {key: value for key, value in wanted.settings.items() if not _same_setting(key, value, there.settings.get(key))}


def _same_setting(key: str, value: Json, there: Json) -> bool:
    if isinstance(there, Variable) or value == there or str(value) == str(there):
        return True
    return key == "trigger_payload" and there == {"payload": value}


def _same_items(wanted: Parameters | None, there: Parameters | None) -> bool:
    if wanted is None or there is None:
        return wanted is there
    if [(item.key, item.init) for item in wanted.items] != [(item.key, item.init) for item in there.items]:
        return False
    return all(isinstance(old.value, Variable) or old.value == new.value for new, old in zip(wanted.items, there.items, strict=True))


def resolved(kind: str, runtimes: Runtimes) -> str:
    """`family:default` as it would be stored."""
    family, _, version = kind.partition(":")
    if version != DEFAULT:
        return kind
    return next((row["kind"] for row in runtimes.get(family, ()) if row.get("default")), kind)


def why_not_run(kind: str, runtimes: Runtimes) -> str | None:
    """Why a kind does not run there; None when it does, or when nobody knows."""
    known = [row["kind"] for rows in runtimes.values() for row in rows]
    if not known:
        return None
    if kind == BLACKBOX:
        images = [str(row.get("image", "")) for rows in runtimes.values() for row in rows]
        return "it needs a container image, and none runs there" if all(image.endswith(_PROCESS) for image in images) else None
    family = runtimes.get(kind.partition(":")[0])
    if family is None or _newer(kind, [row["kind"] for row in family]):
        return f"the kind {kind} does not run there; these do: {', '.join(known)}"
    return None


def _newer(kind: str, known: list[str]) -> bool:
    """A listed kind runs, and so does an older one of the family (design §9 "Cells")."""
    if kind in known or kind.endswith(f":{DEFAULT}"):
        return False
    versions = [_numbers(name) for name in known]
    return _numbers(kind) > max(versions, default=())


def _numbers(kind: str) -> tuple[int, ...]:
    parts = kind.partition(":")[2].split(".")
    return tuple(int(part) for part in parts if part.isdecimal())
