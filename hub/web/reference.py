"""The API reference as a page, from the same document that programs read: no JavaScript, nothing from elsewhere (openwhisk-api §1.1)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.web.pages import page
from hub.wire.openwhisk.document import BASE, openapi

_METHODS = ("get", "put", "post", "delete")


def _operations(tag: str) -> list[dict[str, Any]]:
    """What a section shows, route by route."""
    return [
        {
            "method": method.upper(),
            "path": BASE + path,
            "parameters": [*item.get("parameters", []), *item[method].get("parameters", [])],
            **_said(item[method]),
        }
        for path, item in openapi()["paths"].items()
        for method in _METHODS
        if method in item and tag in item[method]["tags"]
    ]


def _said(operation: dict[str, Any]) -> dict[str, Any]:
    common = openapi()["components"]["responses"]
    answers = {status: said if "$ref" not in said else common[status] for status, said in operation["responses"].items()}
    return {
        "id": operation["operationId"],
        "summary": operation["summary"],
        "body": _shape(operation["requestBody"]) if "requestBody" in operation else None,
        "answers": [{"status": status, "words": said["description"], "shape": _shape(said)} for status, said in sorted(answers.items())],
    }


def _shape(said: dict[str, Any]) -> str:
    """The name of what a body holds, where it has one."""
    for form in said.get("content", {}).values():
        return str(form["schema"].get("$ref", "")).rpartition("/")[2]
    return ""


async def reference(request: Request) -> Response:
    """Every route and every shape."""
    document = openapi()
    sections = [{**tag, "operations": _operations(tag["name"])} for tag in document["tags"]]
    return page(request, "reference.html", info=document["info"], sections=sections, shapes=document["components"]["schemas"])


routes = [Route(f"{BASE}/docs/index.html", reference, methods=["GET"])]
