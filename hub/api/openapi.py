"""The OpenAPI 3.1 descriptions of `/catalog/v1` and `/hub/v1`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_PROBLEM = {"description": "What is wrong", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _operation(summary: str, status: str, *, key: bool = True, parameters: list[Any] | None = None, body: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": summary,
        "responses": {status: {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}}, "4XX": _PROBLEM},
    }
    if key:
        found["security"] = [{"key": []}]
    if parameters:
        found["parameters"] = parameters
    if body:
        found["requestBody"] = {"required": True, "content": body}
    return found


def _query(name: str, type_: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": type_}}


def _path(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _json(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": False, "required": required, "properties": properties}
    return {"application/json": {"schema": schema}}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole description."""
    text = {"type": "string"}
    install = _json({"package": text, "as": text, "settings": {"type": "object"}, "connections": {"type": "object"}}, ["package"])
    connection = _json(
        {"package": text, "connection": text, "name": text, "fields": {"type": "object"}, "accept_untested": {"type": "boolean"}},
        ["package", "name"],
    )
    publish = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
    dry_run = _query("dry_run", "boolean", "Only say what would happen")
    return {
        "openapi": "3.1.0",
        "info": {"title": "whiskhub catalog", "version": "1"},
        "servers": [{"url": "/catalog/v1"}],
        "paths": {
            "/packages": {
                "get": _operation(
                    "Find packages",
                    "200",
                    key=False,
                    parameters=[
                        _query("q", "string", "Words to look for"),
                        _query("limit", "integer", "1 to 100"),
                        _query("after", "string", "Cursor"),
                    ],
                ),
                "post": _operation(
                    "Publish an artefact",
                    "201",
                    body=publish,
                    parameters=[
                        *(
                            _query(name, "string", f"The {name}, where the manifest leaves it open")
                            for name in ("namespace", "name", "version")
                        ),
                        dry_run,
                    ],
                ),
            },
            "/packages/{namespace}/{name}": {"get": _operation("One package", "200", key=False, parameters=_path("namespace", "name"))},
            "/packages/{namespace}/{name}/versions/{version}": {
                "get": _operation("One release", "200", key=False, parameters=_path("namespace", "name", "version"))
            },
            "/blobs/sha256/{digest}": {"get": _operation("An artefact", "200", key=False, parameters=_path("digest"))},
            "/installs": {
                "get": _operation("Your installs", "200"),
                "post": _operation("Plan or install", "201", body=install, parameters=[dry_run]),
            },
            "/installs/{name}": {
                "get": _operation("One install", "200", parameters=_path("name")),
                "delete": _operation("Uninstall; answers the receipt", "200", parameters=_path("name")),
            },
            "/connections": {
                "get": _operation("Your connections", "200"),
                "post": _operation("Test and keep a connection", "201", body=connection),
            },
            "/connections/{name}": {
                "get": _operation("One connection, secrets only as set", "200", parameters=_path("name")),
                "delete": _operation(
                    "Remove it", "200", parameters=[*_path("name"), _query("force", "boolean", "Although installs use it")]
                ),
            },
            "/connections/{name}/check": {"post": _operation("Ask the service again", "200", parameters=_path("name"))},
        },
        "components": _components(),
    }


@lru_cache(maxsize=1)
def own_document() -> dict[str, Any]:
    """What the runtime offers beside OpenWhisk's API."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "whiskhub", "version": "1"},
        "servers": [{"url": "/hub/v1"}],
        "paths": {
            "/builds": {
                "get": _operation("Builds of what your actions depend on", "200", parameters=[_query("limit", "integer", "1 to 100")])
            },
            "/builds/{id}": {"get": _operation("One build, with the end of its log", "200", parameters=_path("id"))},
        },
        "components": _components(),
    }


def _components() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "securitySchemes": {"key": {"type": "http", "scheme": "basic", "description": "uuid:key"}},
        "schemas": {
            "Problem": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "properties": {
                    "type": text,
                    "title": text,
                    "status": {"type": "integer"},
                    "detail": text,
                    "code": text,
                    "field": text,
                    "findings": {"type": "array", "items": {"type": "object"}},
                },
            }
        },
    }
