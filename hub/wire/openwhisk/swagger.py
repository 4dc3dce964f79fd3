"""OpenAPI 3.1 told in Swagger 2.0, for clients that read nothing newer (openwhisk-api §1.1). Only what our own documents use."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

_UNKNOWN_THERE = ("oneOf", "anyOf")


def swagger_of(document: Document) -> Document:
    """The Swagger 2.0 document that says the same; choices between shapes, which it cannot say, become any value."""
    found: Document = {
        "swagger": "2.0",
        "info": document["info"],
        "basePath": document["servers"][0]["url"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {path: _path(item) for path, item in document["paths"].items()},
        "definitions": _shape(document["components"]["schemas"]),
    }
    if "tags" in document:
        found["tags"] = document["tags"]
    if "security" in document:
        found["security"] = document["security"]
        found["securityDefinitions"] = {name: {"type": "basic"} for name in document["components"]["securitySchemes"]}
    if "responses" in document["components"]:
        found["responses"] = {name: _response(said) for name, said in document["components"]["responses"].items()}
    return found


def _path(item: Document) -> Document:
    return {method: [_parameter(row) for row in value] if method == "parameters" else _operation(value) for method, value in item.items()}


def _operation(operation: Document) -> Document:
    found = {name: value for name, value in operation.items() if name not in {"requestBody", "parameters", "responses"}}
    parameters = [_parameter(row) for row in operation.get("parameters", [])]
    body = operation.get("requestBody")
    if body:
        parameters.append({"name": "body", "in": "body", "required": body["required"], "schema": _shape(_only(body["content"])["schema"])})
    if parameters:
        found["parameters"] = parameters
    found["responses"] = {status: _response(said) for status, said in operation["responses"].items()}
    kinds = sorted({kind for said in operation["responses"].values() for kind in said.get("content", {})} - {"application/json"})
    if kinds:
        found["produces"] = ["application/json", *kinds]
    return found


def _parameter(row: Document) -> Document:
    return {**{name: value for name, value in row.items() if name != "schema"}, **_shape(row["schema"])}


def _response(said: Document) -> Document:
    if "$ref" in said:
        return {"$ref": said["$ref"].replace("#/components/responses/", "#/responses/")}
    found = {"description": said["description"]}
    if "content" in said:
        found["schema"] = _shape(_only(said["content"])["schema"])
    if "headers" in said:
        found["headers"] = {name: {"description": row["description"], **_shape(row["schema"])} for name, row in said["headers"].items()}
    return found


def _only(content: Document) -> Document:
    """The one form in which a body comes."""
    found = content.get("application/json") or next(iter(content.values()))
    shape: Document = found
    return shape


def _shape(value: Any) -> Any:
    """A schema, or a part of one."""
    if isinstance(value, list):
        return [_shape(member) for member in value]
    if not isinstance(value, dict):
        return value
    found = {name: _shape(member) for name, member in value.items() if name not in _UNKNOWN_THERE}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = found["$ref"].replace("#/components/schemas/", "#/definitions/")
    return found
