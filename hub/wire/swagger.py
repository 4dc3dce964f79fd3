"""The Swagger 2.0 document of an API: made, changed, checked, and shown as the clients expect it (openwhisk-api §16.1, §16.2)."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import msgspec

from hub.domain.api import LARGEST_DOCUMENT, VERBS, Api, Endpoint
from hub.domain.errors import NotFound, TooLarge, Unprocessable
from hub.domain.parameters import Json
from hub.wire.assembly import (
    CONFIGURATION,
    KEEP,
    OTHER_CONFIGURATION,
    REQUEST_PATH,
    REQUIRED_KEY,
    SWITCH,
    drop_case,
    mapping,
    sequence,
    set_case,
    target_url,
    web_url,
)

Document = dict[str, Json]
NOT_USED = "Not Used"
_BETWEEN_WORDS = re.compile(r"[^0-9A-Za-z_-]+")
_PARAMETER = re.compile(r"\{([^/]+)\}\Z")


# Making and changing


def new_document(base_path: str, title: str | None) -> Document:
    """An API without operations."""
    return {
        "swagger": "2.0",
        "info": {"title": title or base_path, "version": "1.0.0"},
        "basePath": base_path,
        "paths": {},
        CONFIGURATION: {"assembly": {}, "cors": {"enabled": True}},
    }


def operation_id(verb: str, path: str) -> str:
    """`get` and `/books/{id}` are `getBooksId`: each word of the path begins with a capital, what is no letter, digit, `-` or `_` goes."""
    return verb + "".join(word.capitalize() for word in _BETWEEN_WORDS.split(path))


def with_endpoint(document: Document, endpoint: Endpoint, base_url: str) -> Document:
    """The document with the operation added, or put in the place of the one with that path and verb."""
    changed = copy.deepcopy(document)
    item = changed["paths"].setdefault(endpoint.path, {})
    old = mapping(item.get(endpoint.verb))
    identifier = _identifier(changed, endpoint, old)
    if "operationId" in old and old["operationId"] != identifier:
        drop_case(changed, old["operationId"])
    address = web_url(base_url, endpoint.action, endpoint.response_type)
    item[endpoint.verb] = _operation(endpoint, identifier, address)
    target = address + (REQUEST_PATH if endpoint.response_type == "http" else "")
    set_case(changed, identifier, {"invoke": {"target-url": target, "verb": KEEP}}, *_key_step(endpoint.secure_key))
    return changed


def _operation(endpoint: Endpoint, identifier: str, address: str) -> Document:
    action = endpoint.action
    parameters = {} if endpoint.parameters is None else {"parameters": _declared_once(endpoint.parameters)}
    return {
        "operationId": identifier,
        **parameters,
        "x-openwhisk": {"url": address, "namespace": action.namespace, "package": action.package or "", "action": action.name},
        "responses": {"default": {"description": "Default response"}},
    }


def _key_step(secure_key: Json) -> list[Document]:
    if not isinstance(secure_key, str | int | float) or not secure_key:
        return []
    return [{"set-variable": {"actions": [{"set": REQUIRED_KEY, "value": secure_key}]}}]


def _identifier(document: Document, endpoint: Endpoint, old: Document) -> str:
    """The operation's id; a number follows where `/a/b` and `/a.b` would share one, and with it their backend."""
    wanted = operation_id(endpoint.verb, endpoint.path)
    taken = [other.get("operationId") for _, _, other in operations(document) if other is not old]
    number = 1
    found = wanted
    while found in taken:
        number += 1
        found = f"{wanted}{number}"
    return found


def _declared_once(parameters: tuple[Json, ...]) -> list[Json]:
    """A name that stands twice in a path is one parameter."""
    kept: dict[object, Json] = {}
    for place, parameter in enumerate(parameters):
        name = mapping(parameter).get("name")
        kept.setdefault((name, mapping(parameter).get("in")) if isinstance(name, str) else place, parameter)
    return list(kept.values())


def without_endpoint(document: Document, path: str, verb: str | None) -> Document:
    """The document less a path, or less one operation of it; a path without operations goes. Raises NotFound."""
    changed = copy.deepcopy(document)
    item = mapping(changed["paths"].get(path))
    gone = [verb] if verb else [other for other in VERBS if other in item]
    if path not in changed["paths"] or (verb and (verb not in VERBS or verb not in item)):
        raise NotFound(
            f"path '{path}' with operation '{verb}' does not exist in the API" if verb else f"path '{path}' does not exist in the API"
        )
    for other in gone:
        drop_case(changed, mapping(item.pop(other)).get("operationId"))
    if not any(other in item for other in VERBS):
        del changed["paths"][path]
    return changed


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Path, verb and operation of each."""
    for path, item in mapping(document.get("paths")).items():
        for verb, operation in mapping(item).items():
            if verb in VERBS and isinstance(operation, dict):
                yield path, verb, operation


def is_parameter(segment: str) -> bool:
    """Whether a segment of a path is a parameter: `{id}`."""
    return _PARAMETER.match(segment) is not None


# Checking


def check(document: Document) -> None:
    """Raise Unprocessable or TooLarge, with the reason why this cannot be an API (openwhisk-api §16.2)."""
    _check_shape(document)
    base_path = document["basePath"]
    if _parameters_in(base_path):
        raise Unprocessable(f"The base path ({base_path}) cannot have parameters. Only the relative path supports path parameters.")
    for path, _, operation in operations(document):
        if names := _parameters_in(path):
            _check_reaches_action(document, operation)
            _check_declared(path, names, (*sequence(document["paths"][path].get("parameters")), *sequence(operation.get("parameters"))))
    size = len(msgspec.json.encode(document))
    if size > LARGEST_DOCUMENT:
        raise TooLarge(f"The document of the API is larger than allowed: {size} > {LARGEST_DOCUMENT} bytes.")


def _parameters_in(path: str) -> list[str]:
    return [match[1] for segment in path.split("/") if (match := _PARAMETER.match(segment))]


def _check_reaches_action(document: Document, operation: Document) -> None:
    """Actions read parameters from the path, which only `.http` with the request's path behind it hands on."""
    url = mapping(operation.get("x-openwhisk")).get("url")
    if url and not str(url).endswith(".http"):
        raise Unprocessable("The action must use a response type of '.http' in order to receive the path parameters.")
    identifier = operation.get("operationId")
    target = target_url(document, identifier)
    if target and not target.endswith(f".http{REQUEST_PATH}"):
        raise Unprocessable(
            f"The target-url for operationId '{identifier}' must end in '{REQUEST_PATH}' "
            "in order for actions to receive the path parameters."
        )


def _check_declared(path: str, names: list[str], declared: tuple[Json, ...]) -> None:
    known = [mapping(parameter).get("name") for parameter in declared]
    for name in names:
        if name not in known:
            raise Unprocessable(
                f"The parameter '{name}' defined in path '{path}' "
                "does not match any of the parameters defined for the path in the swagger file."
            )


def _check_shape(document: Document) -> None:
    """What is changed or served later has the shape that Swagger gives it."""
    for name in ("info", "paths", CONFIGURATION, OTHER_CONFIGURATION):
        _check_object(document.get(name, {}), name)
    _check_path(document["basePath"], "basePath")
    for path, item in document["paths"].items():
        _check_path(path, "path")
        _check_object(item, f"path '{path}'")
        for verb in VERBS:
            _check_object(item.get(verb, {}), f"operation '{verb}' of path '{path}'")
    for name in (CONFIGURATION, OTHER_CONFIGURATION):
        assembly = document.get(name, {}).get("assembly", {})
        _check_object(assembly, "assembly")
        _check_array(assembly.get("execute", []), "assembly.execute")
        for step in assembly.get("execute", []):
            _check_object(step, "step of assembly.execute")
            _check_object(step.get(SWITCH, {}), SWITCH)
            _check_array(step.get(SWITCH, {}).get("case", []), f"{SWITCH}.case")


def _check_object(value: Json, what: str) -> None:
    if not isinstance(value, dict):
        raise Unprocessable(f"The {what} of the API must be an object.")


def _check_array(value: Json, what: str) -> None:
    if not isinstance(value, list):
        raise Unprocessable(f"The {what} of the API must be an array.")


def _check_path(value: Json, what: str) -> None:
    if not isinstance(value, str) or not value.startswith("/"):
        raise Unprocessable(f"The {what} of the API must be text that begins with '/', found {str(value)[:40]!r}.")


# Showing


def api_to_wire(api: Api, base_url: str) -> Document:
    """What createApi answers, and the `value` of a row of getApi."""
    return {
        "namespace": NOT_USED,
        "gwApiUrl": f"{base_url}/api/{api.tenant}{api.base_path}",
        "gwApiActivated": True,
        "tenantId": NOT_USED,
        "apidoc": api.document,
    }


def api_row(api: Api, base_url: str) -> Document:
    """A row of getApi."""
    return {"id": NOT_USED, "key": NOT_USED, "value": api_to_wire(api, base_url)}
