"""The gateway's part of an API's document: which web action an operation calls, and with what (openwhisk-api §16.1, §16.4).

`x-ibm-configuration.assembly.execute` holds an `operation-switch`, whose cases name operations by id and list their steps. Documents come
from people, so that anything may stand anywhere: what is not understood is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

import msgspec

from hub.domain.api import RESPONSE_TYPES
from hub.domain.errors import Malformed
from hub.domain.names import OWN_NAMESPACE, FullName
from hub.domain.parameters import Json

CONFIGURATION = "x-ibm-configuration"
OTHER_CONFIGURATION = "x-gateway-configuration"
SWITCH = "operation-switch"
REQUEST_PATH = "$(request.path)"
HEADERS = "message.headers."
REQUIRED_KEY = HEADERS + "X-Require-Whisk-Auth"
KEEP = "keep"
DEFAULT_PACKAGE = "default"
_WEB_ACTION = re.compile(r"/api/v1/web/([^/?#]+)/([^/?#]+)/([^/?#$]+)(/[^?#$]*)?(\$\(request\.path\))?\Z")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation calls.

    `path` stands after the action; the caller's path follows it when `forwards_path`. `verb` is None to keep the caller's. `headers` have
    lower-case names and replace those of the caller.
    """

    action: FullName
    extension: str
    path: str = ""
    forwards_path: bool = False
    verb: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def mapping(value: Json) -> dict[str, Json]:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Json) -> list[Json]:
    """The array, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def configuration(document: dict[str, Json]) -> dict[str, Json]:
    """The gateway's settings under either of their names."""
    return mapping(document.get(OTHER_CONFIGURATION) or document.get(CONFIGURATION))


def allows_origins(document: dict[str, Json]) -> bool | None:
    """`cors.enabled`; None when the document does not say."""
    enabled = mapping(configuration(document).get("cors")).get("enabled")
    return enabled if isinstance(enabled, bool) else None


# Reading


def _execute(document: dict[str, Json]) -> list[Json]:
    return sequence(mapping(configuration(document).get("assembly")).get("execute"))


def _cases(document: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for step in _execute(document):
        for case in sequence(mapping(mapping(step).get(SWITCH)).get("case")):
            yield mapping(case)


def steps(document: dict[str, Json], operation_id: Json) -> list[dict[str, Json]]:
    """What is done for an operation: the steps of its case, and those that stand beside the switch and hold for all."""
    own = [step for case in _cases(document) if operation_id in sequence(case.get("operations")) for step in sequence(case.get("execute"))]
    return [mapping(step) for step in (*own, *_execute(document)) if SWITCH not in mapping(step)]


def target_url(document: dict[str, Json], operation_id: Json) -> str | None:
    """The address in the first `invoke` step of an operation."""
    return next(
        (url for step in steps(document, operation_id) if isinstance(url := mapping(step.get("invoke")).get("target-url"), str)), None
    )


def backend_of(document: dict[str, Json], operation: dict[str, Json], owner: str) -> Backend | None:
    """What an operation of the document calls; None when it names no web action.

    The host in an address does not count: actions are this hub's (openwhisk-api §11.4). `_` is the namespace of the API's owner.
    """
    operation_id = operation.get("operationId")
    found = _in_url(target_url(document, operation_id), owner) or _in_extension(mapping(operation.get("x-openwhisk")), owner)
    if found is None:
        return None
    todo = steps(document, operation_id)
    verb = next((verb for step in todo if isinstance(verb := mapping(step.get("invoke")).get("verb"), str)), KEEP)
    return msgspec.structs.replace(found, verb=None if verb == KEEP else verb.upper(), headers=tuple(_headers(todo)))


def _in_url(url: Json, owner: str) -> Backend | None:
    match = _WEB_ACTION.search(url) if isinstance(url, str) else None
    if match is None:
        return None
    namespace, package, action, rest, forwarded = match.groups()
    name, _, extension = unquote(action).rpartition(".")
    if not name or extension not in RESPONSE_TYPES:
        name, extension = unquote(action), "http"
    full = _named(unquote(namespace), unquote(package), name, owner)
    return None if full is None else Backend(action=full, extension=extension, path=rest or "", forwards_path=forwarded is not None)


def _in_extension(extension: dict[str, Json], owner: str) -> Backend | None:
    """By `x-openwhisk`, which names the action by its parts."""
    url = _in_url(extension.get("url"), owner)
    named = _named(extension.get("namespace"), extension.get("package"), extension.get("action"), owner)
    if named is None:
        return url and msgspec.structs.replace(url, forwards_path=url.extension == "http")
    kind = url.extension if url else "http"
    return Backend(action=named, extension=kind, forwards_path=kind == "http")


def _named(namespace: Json, package: Json, name: Json, owner: str) -> FullName | None:
    if not (isinstance(namespace, str) and isinstance(name, str)):
        return None
    path = f"{package}/{name}" if package and package != DEFAULT_PACKAGE else name
    try:
        return FullName.parse(f"{namespace or OWN_NAMESPACE}/{path}", own=owner)
    except Malformed:
        return None


def _headers(todo: list[dict[str, Json]]) -> Iterator[tuple[str, str]]:
    for step in todo:
        for assignment in map(mapping, sequence(mapping(step.get("set-variable")).get("actions"))):
            name = str(assignment.get("set", "")).removeprefix(HEADERS)
            value = assignment.get("value")
            if str(assignment.get("set", "")).startswith(HEADERS) and _HEADER_NAME.match(name) and isinstance(value, str | int | float):
                yield name.lower(), value if isinstance(value, str) else msgspec.json.encode(value).decode()


# Writing


def web_url(base_url: str, action: FullName, extension: str) -> str:
    """The address of a web action."""
    parts = (action.namespace, action.package or DEFAULT_PACKAGE, f"{action.name}.{extension}")
    return f"{base_url}/api/v1/web/" + "/".join(quote(part, safe="@&") for part in parts)


def set_case(document: dict[str, Json], operation_id: str, *todo: dict[str, Json]) -> None:
    """Say what is done for an operation; in the place of what was done before."""
    case = {"operations": [operation_id], "execute": list(todo)}
    found = _made_switch(document)
    for place, old in enumerate(found):
        if mapping(old).get("operations") == [operation_id]:
            found[place] = case
            return
    drop_case(document, operation_id)
    found.append(case)


def drop_case(document: dict[str, Json], operation_id: Json) -> None:
    """Forget an operation; a case that is left without any goes."""
    for step in _execute(document):
        switch = mapping(mapping(step).get(SWITCH))
        kept = []
        for case in map(mapping, sequence(switch.get("case"))):
            operations = sequence(case.get("operations"))
            left = [other for other in operations if other != operation_id]
            if left or not operations:
                kept.append({**case, "operations": left})
        if "case" in switch:
            switch["case"][:] = kept


def _made_switch(document: dict[str, Json]) -> list[Json]:
    """The cases, to be changed; made where there are none."""
    settings = document.setdefault(OTHER_CONFIGURATION if document.get(OTHER_CONFIGURATION) else CONFIGURATION, {})
    execute: list[Json] = settings.setdefault("assembly", {}).setdefault("execute", [])
    for step in execute:
        if isinstance(mapping(step).get(SWITCH), dict):
            cases: list[Json] = step[SWITCH].setdefault("case", [])
            return cases
    execute.append({SWITCH: {"case": []}})
    made: list[Json] = execute[-1][SWITCH]["case"]
    return made
