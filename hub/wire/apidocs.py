"""APIs of the gateway: in a manifest (packages-and-feeds §11.6), as Swagger, and for getApi and createApi (openwhisk-api §16)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from hub.domain.names import OWN_NAMESPACE, FullName
from hub.domain.parameters import Json
from hub.domain.project import ApiRoute, ProjectApi
from hub.wire.yamltree import Tree

VERBS = ("get", "put", "post", "delete", "patch", "head", "options")
PLACE = "whisk:///api/v1/web/_/"
"""Stands in a kept document for the address of the namespace that serves it."""
_ROOT_KEYS = {"swagger", "info", "basePath", "paths", "x-ibm-configuration"}
_OPERATION_KEYS = {"operationId", "parameters", "x-openwhisk", "responses"}
_PARAMETER = re.compile(r"\{([^{}/]+)\}")
_DEFAULT_PACKAGE = "default"

Reference = Callable[[str, int], FullName]
Known = Callable[[Tree, str, str], dict[str, Tree]]


def from_manifest(tree: Tree | None, reference: Reference, known: Known) -> list[ProjectApi]:
    """The `apis` of a package: name, base path, path, action."""
    found: list[ProjectApi] = []
    for name, bases in tree.members().items() if tree else ():
        for base, paths in bases.members().items():
            routes = sorted(_routes(paths, reference, known))
            found.append(ProjectApi(base_path=f"/{base.strip('/')}", name=name, routes=tuple(routes)))
    return found


def _routes(paths: Tree, reference: Reference, known: Known) -> Iterator[ApiRoute]:
    for path, actions in paths.members().items():
        for action, operation in actions.members().items():
            members = known(operation, "api operation", f"operation {action!r} of {path!r}")
            verb = members["method"].text().lower() if "method" in members else "get"
            response = members["response"].text() if "response" in members else "http"
            written = f"/{path.strip('/')}"
            yield ApiRoute(written, verb, reference(action, operation.line), "http" if "{" in written else response)


def to_manifest(api: ProjectApi) -> dict[str, Json] | None:
    """The part of `apis`; None for what the grammar has no place for."""
    paths: dict[str, dict[str, Json]] = {}
    for route in api.routes:
        actions = paths.setdefault(route.path.strip("/"), {})
        name = f"/{route.action}" if route.action.namespace != OWN_NAMESPACE else route.action.path
        if name in actions or not route.path.strip("/") or f"/{route.path.strip('/')}" != route.path:
            return None
        actions[name] = {"method": route.verb.upper(), "response": route.response}
    base = api.base_path.removeprefix("/")
    odd = api.document is not None or not base or "/" in base or "$" in str((api.name, base, paths)) or not paths
    return None if odd else {api.name: {base: paths}}


def read_document(data: bytes) -> ProjectApi | None:
    """A Swagger file that is deployed as it is; None when it is none."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("basePath"), str) or not isinstance(document.get("paths"), dict):
        return None
    return ProjectApi(base_path=document["basePath"], name=_title(document), routes=(), document=document)


def from_live(value: Mapping[str, Json], namespace: str) -> ProjectApi:
    """What getApi says of one API. Its document is kept when it holds more than its routes."""
    document = value["apidoc"]
    routes = tuple(sorted(_live_routes(document, namespace)))
    kept = None if _plain(document, routes) else _relative(document, namespace)
    return ProjectApi(base_path=document["basePath"], name=_title(document), routes=routes, document=kept)


def _title(document: Mapping[str, Json]) -> str:
    info = document.get("info")
    return str(info.get("title") or document["basePath"]) if isinstance(info, dict) else str(document["basePath"])


def _operations(document: Mapping[str, Json]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in (document.get("paths") or {}).items():
        for verb, operation in verbs.items() if isinstance(verbs, dict) else ():
            if verb in VERBS and isinstance(operation, dict):
                yield path, verb, operation


def _live_routes(document: Mapping[str, Json], namespace: str) -> Iterator[ApiRoute]:
    for path, verb, operation in _operations(document):
        backend = operation.get("x-openwhisk")
        if not isinstance(backend, dict) or not backend.get("action"):
            continue
        package = backend.get("package")
        space = backend.get("namespace") or namespace
        name = FullName(
            OWN_NAMESPACE if space == namespace else space, backend["action"], None if package in (None, "", _DEFAULT_PACKAGE) else package
        )
        last = str(backend.get("url", "")).rpartition("/")[2]
        yield ApiRoute(path, verb, name, last.rpartition(".")[2] if "." in last else "json")


def _plain(document: Mapping[str, Json], routes: tuple[ApiRoute, ...]) -> bool:
    """Whether createApi makes the same of the routes alone."""
    operations = list(_operations(document))
    return (
        set(document) <= _ROOT_KEYS
        and len(operations) == len(routes)
        and all(set(operation) <= _OPERATION_KEYS for _, _, operation in operations)
        and set(document.get("x-ibm-configuration") or {}) <= {"cors", "assembly"}
        and ((document.get("x-ibm-configuration") or {}).get("cors") or {"enabled": True}) == {"enabled": True}
    )


def _relative(value: Json, namespace: str) -> Json:
    """A document without the address it was served at, and without its namespace."""
    address = re.compile(rf"https?://[^/\s]+/api/v1/web/{re.escape(namespace)}/")
    return _changed(value, lambda text: address.sub(PLACE, text), namespace, OWN_NAMESPACE)


def _changed(value: Json, change: Callable[[str], str], old: str, new: str) -> Json:
    if isinstance(value, dict):
        found = {key: _changed(member, change, old, new) for key, member in value.items()}
        backend = found.get("x-openwhisk")
        if isinstance(backend, dict) and backend.get("namespace") == old:
            found["x-openwhisk"] = {**backend, "namespace": new}
        return found
    if isinstance(value, list):
        return [_changed(member, change, old, new) for member in value]
    return change(value) if isinstance(value, str) else value


def to_live(
    api: ProjectApi, address: str, namespace: str, auth: str, secure: Callable[[FullName], Json]
) -> Iterator[tuple[dict[str, Json], str]]:
    """The bodies of createApi that make an API, each with its response type. `secure` is what an action's `require-whisk-auth` says."""
    if api.document is not None:
        place = f"{address}/api/v1/web/{namespace}/"
        document = _changed(api.document, lambda text: text.replace(PLACE, place), OWN_NAMESPACE, namespace)
        yield {"namespace": "_", "swagger": msgspec.json.encode(document).decode()}, "json"
        return
    for route in api.routes:
        space = namespace if route.action.namespace == OWN_NAMESPACE else route.action.namespace
        url = f"{address}/api/v1/web/{space}/{route.action.package or _DEFAULT_PACKAGE}/{route.action.name}.{route.response}"
        action: dict[str, Json] = {
            "name": route.action.path,
            "namespace": space,
            "backendMethod": route.verb.upper(),
            "backendUrl": url,
            "authkey": auth,
        }
        key = secure(route.action)
        if isinstance(key, str | int | float) and not isinstance(key, bool):
            action["secureKey"] = key
        names = dict.fromkeys(_PARAMETER.findall(api.base_path + route.path))
        parameters = [
            {"name": name, "in": "path", "required": True, "type": "string", "description": f"Default description for '{name}'"}
            for name in names
        ]
        yield (
            {
                "namespace": "_",
                "apiName": api.name,
                "gatewayBasePath": api.base_path,
                "gatewayPath": route.path,
                "gatewayMethod": route.verb.upper(),
                "id": f"API:_:{api.base_path}",
                "action": action,
                **({"pathParameters": parameters} if parameters else {}),
            },
            route.response,
        )
