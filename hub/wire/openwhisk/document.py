"""The description of `/api/v1` as a whole."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from typing import Any

from hub.wire.openwhisk.paths import REFUSALS, answer, paths
from hub.wire.openwhisk.schemas import SCHEMAS, ref

BASE = "/api/v1"
TAGS = {
    "actions": "Code that runs when it is called, and sequences of it.",
    "packages": "Actions and feeds under one name with common parameters; bindings to packages of others.",
    "triggers": "Names for events. To fire one is to start the actions of its active rules.",
    "rules": "Which trigger starts which action.",
    "activations": "Records of runs and fires.",
    "namespaces": "Yours, and its limits.",
    "information": "About this interface; without a key.",
}
_ABOUT = (
    "OpenWhisk's interface, as this hub answers it. Send your key as Basic authorization, or as Bearer uuid:key. Bodies are JSON of at "
    "most 50 MB, payloads of actions and triggers of at most 1 MB. Every answer has the id of the request in X-Request-ID; "
    "yours is taken over."
)


@lru_cache(maxsize=1)
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "OpenWhisk API", "version": version("whiskhub"), "description": _ABOUT},
        "servers": [{"url": BASE}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": paths(),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "basic", "description": "uuid:key"}},
            "responses": {status: answer(words, ref("Error")) for status, words in REFUSALS.items()},
            "schemas": SCHEMAS,
        },
    }


@lru_cache(maxsize=1)
def root() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the few routes above `/api/v1` that OpenWhisk has."""
    anything, text = {"type": "object"}, {"type": "string"}
    rows: list[tuple[str, str, dict[str, Any], str]] = [
        ("/", "What runs here: kinds and limits", anything, "application/json"),
        ("/api-docs", "This description", anything, "application/json"),
        ("/ping", "Whether somebody is there", text, "text/plain"),
        ("/invokers", "Invokers and their states", {"type": "object", "additionalProperties": text}, "application/json"),
        ("/invokers/healthy/count", "How many invokers take work", {"type": "integer"}, "application/json"),
        ("/invokers/ready", "Whether enough invokers take work", anything, "application/json"),
    ]
    return {
        "openapi": "3.1.0",
        "info": {"title": "OpenWhisk", "version": version("whiskhub"), "description": "About the hub. The interface itself is at /api/v1."},
        "servers": [{"url": "/"}],
        "paths": {
            path: {"get": {"summary": summary, "responses": {"200": answer("What there is.", schema, kind)}}}
            for path, summary, schema, kind in rows
        },
        "components": {"schemas": {}},
    }
