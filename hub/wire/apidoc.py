"""What createApi is sent: an endpoint to add, or a whole document; upstream's words for what is wrong (openwhisk-api §16.1, §16.2)."""

from __future__ import annotations

import msgspec

from hub.domain.api import RESPONSE_TYPES, VERBS, Endpoint
from hub.domain.errors import Malformed, Unprocessable
from hub.domain.names import FullName
from hub.domain.parameters import Json
from hub.wire.json import decode

_KINDS: tuple[tuple[type, str], ...] = ((bool, "boolean"), (int, "number"), (float, "number"))


class SwaggerPut(msgspec.Struct, frozen=True):
    """A document that replaces the API at its base path."""

    document: dict[str, Json]


def apidoc_from_wire(arguments: dict[str, Json], own: str) -> Endpoint | SwaggerPut:
    """Read `apidoc`; `_` stands for the namespace `own`. Raises Malformed for what is missing, Unprocessable for what cannot be served."""
    given = arguments.get("apidoc")
    if _absent(given):
        raise Malformed("apidoc is required.")
    apidoc = _parsed(given, "apidoc", f"apidoc field is of type {_kind(given)} and should be a JSON object or a JSON string.")
    _require(apidoc, "apidoc is missing the {} field", "namespace")
    if not _absent(apidoc.get("swagger")):
        return _swagger(apidoc)
    _require(apidoc, "apidoc is missing the {} field", "gatewayBasePath", "gatewayPath", "gatewayMethod")
    _require(apidoc, "apidoc is missing the {} field.", "action")
    return _endpoint(apidoc, arguments.get("responsetype"), own)


def _absent(value: Json) -> bool:
    return value is None or value is False or value in ("", 0)


def _kind(value: Json) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "object")


def _require(given: dict[str, Json], message: str, *fields: str) -> None:
    for field in fields:
        if _absent(given.get(field)):
            raise Malformed(message.format(field), field=field)


def _parsed(given: Json, field: str, other: str) -> dict[str, Json]:
    """An object, as it is or as JSON text; anything else has no members."""
    if isinstance(given, str):
        try:
            given = decode(given.encode())
        except (Malformed, UnicodeEncodeError) as error:
            raise Malformed(f"{field} field cannot be parsed. Ensure it is valid JSON.", field=field) from error
    elif not isinstance(given, dict | list):
        raise Malformed(other, field=field)
    return given if isinstance(given, dict) else {}


def _swagger(apidoc: dict[str, Json]) -> SwaggerPut:
    if not _absent(apidoc.get("gatewayBasePath")):
        raise Malformed("swagger and gatewayBasePath are mutually exclusive and cannot be specified together.")
    given = apidoc["swagger"]
    document = _parsed(given, "swagger", f"swagger field is {_kind(given)} and should be an object or a JSON string.")
    _require(document, "swagger is missing the {} field.", "basePath", "paths", "info")
    return SwaggerPut(document)


def _endpoint(apidoc: dict[str, Json], response_type: Json, own: str) -> Endpoint:
    action = apidoc["action"] if isinstance(apidoc["action"], dict) else {}
    _require(action, "action is missing the {} field.", "backendMethod", "backendUrl", "namespace", "name")
    verb = _text(apidoc, "gatewayMethod").lower()
    if verb not in VERBS:
        raise Unprocessable(f"The operation '{verb}' is not one of {', '.join(VERBS)}.", field="gatewayMethod")
    extension = response_type or "json"
    if extension not in RESPONSE_TYPES:
        raise Unprocessable(f"The response type '{extension}' is not one of {', '.join(RESPONSE_TYPES)}.", field="responsetype")
    parameters = apidoc.get("pathParameters")
    return Endpoint(
        base_path=_text(apidoc, "gatewayBasePath"),
        path=_text(apidoc, "gatewayPath"),
        verb=verb,
        action=_action(action, own),
        title=_text(apidoc, "apiName") if not _absent(apidoc.get("apiName")) else None,
        response_type=extension,
        secure_key=action.get("secureKey"),
        parameters=tuple(parameters) if isinstance(parameters, list) else None,
    )


def _action(action: dict[str, Json], own: str) -> FullName:
    """The action by its own names: the host and path in `backendUrl` may be wrong (openwhisk-api §11.4)."""
    name = _text(action, "name")
    try:
        full = name if name.count("/") > 1 else f"{_text(action, 'namespace')}/{name.removeprefix('/')}"
        return FullName.parse(full, own=own)
    except Malformed as error:
        raise Unprocessable(f"'{name}' is not the name of an action.", field="action.name") from error


def _text(given: dict[str, Json], field: str) -> str:
    value = given[field]
    if not isinstance(value, str):
        raise Malformed(f"{field} must be text.", field=field)
    return value
