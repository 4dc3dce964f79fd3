"""The routes of `/api/v1`: what each takes and answers (openwhisk-api §1.3, §1.4, §3.1, §8.1)."""

from __future__ import annotations

from typing import Any

from hub.wire.openwhisk.schemas import ACTIVATION_ID, NAME, TEXT, Schema, array, ref

Operation = dict[str, Any]

REFUSALS = {
    "400": "The request cannot be understood: a name, the query or the body is malformed.",
    "401": "No key came, or none that is known.",
    "403": "The key is not good for this.",
    "404": "There is no such thing.",
    "408": "The request did not arrive in time.",
    "409": "It exists already, belongs to another collection, or changed meanwhile.",
    "413": "The body, or a part of it, is larger than allowed.",
    "414": "The address is longer than 8192 bytes.",
    "415": "The body is sent as something else than `application/json`.",
    "422": "The package behind a binding cannot be found.",
    "429": "Too many requests; `Retry-After` tells in how many seconds to come back.",
    "431": "The headers are larger than 32768 bytes.",
    "500": "Trouble of the hub itself.",
    "503": "Not now; `Retry-After` tells in how many seconds to come back.",
}
_ALWAYS = ("400", "408", "414", "431", "500", "503")
_KEYED = ("401", "403", "404")
_BODY = ("413", "415")


def _operation(
    tag: str, identifier: str, summary: str, answers: dict[str, Any], refusals: tuple[str, ...] = _KEYED, *, body: str = "", **more: Any
) -> Operation:
    found: Operation = {"tags": [tag], "operationId": identifier, "summary": summary, **more}
    if body:
        refusals = (*refusals, *_BODY)
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": ref(body)}}}
    said = {status: {"$ref": f"#/components/responses/{status}"} for status in sorted({*refusals, *_ALWAYS}) if status not in answers}
    found["responses"] = {**answers, **said}
    return found


def answer(description: str, schema: Schema | None = None, kind: str = "application/json") -> dict[str, Any]:
    """One answer; without a shape it has no body."""
    return {"description": description, **({} if schema is None else {"content": {kind: {"schema": schema}}})}


def _path(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _switch(name: str, description: str, *, default: bool = False) -> dict[str, Any]:
    return _query(name, description, {"type": "boolean", "default": default})


_NAMESPACE = _path("namespace", "A namespace; `_` is that of your key.", NAME)
_PACKAGE = _path("package", "A package or binding.", NAME)
_LIMIT = _query("limit", "How many; 0 is 200.", {"type": "integer", "minimum": 0, "maximum": 200, "default": 30})
_SKIP = _query("skip", "How many of the newest to leave out.", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "default": 0})
_COUNT = _switch("count", "Answer how many there are instead.")
_OVERWRITE = _switch("overwrite", "Update what exists already.")
_PAGE = [_LIMIT, _SKIP, _COUNT]
_MOMENT = {"type": "integer", "minimum": 1 - 10**18, "maximum": 10**18 - 1}


def _name(singular: str) -> dict[str, Any]:
    return _path("name", f"The {singular}.", NAME)


def _list(collection: str, row: str, summary: str, parameters: list[Any], identifier: str = "", *more: str) -> Operation:
    shapes = {"description": "A page, or the count.", "oneOf": [array(ref(row)), ref(f"{collection.capitalize()}Count")]}
    name = identifier or f"list{collection.capitalize()}"
    return _operation(collection, name, summary, {"200": answer("The newest first.", shapes)}, (*_KEYED, *more), parameters=parameters)


def _entity(collection: str, singular: str, shape: str, read: str, queries: dict[str, list[Any]]) -> dict[str, Operation]:
    """GET, PUT and DELETE of one."""
    word, refusals = singular.capitalize(), (*_KEYED, "409", "422")
    return {
        "get": _operation(
            collection,
            f"get{word}",
            f"Read one {singular}",
            {"200": answer(f"The {singular}.", ref(read))},
            refusals,
            parameters=queries["get"],
        ),
        "put": _operation(
            collection,
            f"put{word}",
            f"Create or update one {singular}",
            {"200": answer("What is stored now.", ref(shape))},
            refusals,
            body=f"{word}Put",
            parameters=queries["put"],
        ),
        "delete": _operation(
            collection,
            f"delete{word}",
            f"Remove one {singular}",
            {"200": answer("What was removed.", ref(shape))},
            refusals,
            parameters=queries["delete"],
        ),
    }


_ID_HEADER = {"x-openwhisk-activation-id": {"description": "The id of the activation.", "schema": ACTIVATION_ID}}
_PAYLOAD = {"required": False, "content": {"application/json": {"schema": {"type": "object", "description": "Arguments."}}}}


def _ran(description: str) -> dict[str, Any]:
    """The ending of a blocking call: the record, or only its result."""
    return {
        **answer(description, {"description": "The record; only its result with `result`, and where that is a list."}),
        "headers": _ID_HEADER,
    }


def _invoke() -> Operation:
    answers = {
        "200": _ran("A blocking call succeeded."),
        "202": {**answer("Accepted; it is not ended yet.", ref("ActivationId")), "headers": _ID_HEADER},
        "500": _ran("A blocking call ended with a whisk internal error, or the hub is in trouble itself."),
        "502": _ran("A blocking call ended with an error of the action."),
    }
    queries = [
        _switch("blocking", "Wait for the ending, a minute at most."),
        _switch("result", "Of a blocking call answer the result alone."),
        _query(
            "timeout", "Milliseconds that a blocking call waits.", {"type": "integer", "minimum": 1, "maximum": 60_000, "default": 60_000}
        ),
    ]
    refusals = (*_KEYED, "409", "422", "429", *_BODY)
    return _operation("actions", "invokeAction", "Invoke an action", answers, refusals, parameters=queries, requestBody=_PAYLOAD)


def _fire() -> Operation:
    answers = {
        "202": {**answer("Accepted, and durable.", ref("ActivationId")), "headers": _ID_HEADER},
        "204": answer("No rule of the trigger is active: nothing was kept."),
    }
    return _operation("triggers", "fireTrigger", "Fire a trigger", answers, (*_KEYED, "409", "429", *_BODY), requestBody=_PAYLOAD)


def _switch_rule() -> Operation:
    answers = {"200": answer("Done, or so already.", TEXT, "text/plain")}
    return _operation("rules", "setState", "Turn a rule on or off", answers, (*_KEYED, "409"), body="RuleState")


def _distinct(operations: dict[str, Operation]) -> dict[str, Operation]:
    """The same operations for what lies in a package, under other identifiers."""
    return {method: {**one, "operationId": f"{one['operationId']}InPackage"} for method, one in operations.items()}


def _actions() -> dict[str, Any]:
    queries = {"get": [_switch("code", "With the code.", default=True)], "put": [_OVERWRITE], "delete": []}
    one = {**_entity("actions", "action", "Action", "Action", queries), "post": _invoke()}
    within = [_NAMESPACE, _PACKAGE]
    return {
        "/namespaces/{namespace}/actions": {
            "parameters": [_NAMESPACE],
            "get": _list("actions", "ActionRow", "List the actions of a namespace, those in packages, too", _PAGE),
        },
        "/namespaces/{namespace}/actions/{package}/": {
            "parameters": within,
            "get": _list("actions", "ActionRow", "List the actions of a package", _PAGE, "listActionsInPackage", "409", "422"),
        },
        "/namespaces/{namespace}/actions/{name}": {"parameters": [_NAMESPACE, _name("action")], **one},
        "/namespaces/{namespace}/actions/{package}/{name}": {"parameters": [*within, _name("action")], **_distinct(one)},
    }


def _others() -> dict[str, Any]:
    plain = {"get": [], "put": [_OVERWRITE], "delete": []}
    forced = {**plain, "delete": [_switch("force", "Remove the actions in it, too.")]}
    more: dict[str, Operation] = {"triggers": _fire(), "rules": _switch_rule()}
    paths: dict[str, Any] = {}
    for singular, read, queries, summary in (
        ("package", "PackageRead", forced, "List packages; of a foreign namespace the public ones"),
        ("trigger", "Trigger", plain, "List triggers"),
        ("rule", "Rule", plain, "List rules"),
    ):
        collection, word = f"{singular}s", singular.capitalize()
        where = f"/namespaces/{{namespace}}/{collection}"
        paths[where] = {"parameters": [_NAMESPACE], "get": _list(collection, f"{word}Row", summary, _PAGE)}
        paths[f"{where}/{{name}}"] = {
            "parameters": [_NAMESPACE, _name(singular)],
            **_entity(collection, singular, word, read, queries),
            **({"post": more[collection]} if collection in more else {}),
        }
    return paths


def _activations() -> dict[str, Any]:
    where = "/namespaces/{namespace}/activations"
    queries = [
        *_PAGE,
        _query("name", "Only those of one action or trigger: `name` or `package/name`.", TEXT),
        _query("since", "Started at or after (milliseconds since 1970).", _MOMENT),
        _query("upto", "Started at or before (milliseconds since 1970).", _MOMENT),
        _switch("docs", "Full records; not together with `count`."),
    ]
    listed = _list("activations", "ActivationRow", "List activations", queries)
    rows = {"oneOf": [array({"anyOf": [ref("Activation"), ref("ActivationRow")]}), ref("ActivationsCount")]}
    listed["responses"]["200"] = answer("The newest first.", rows)
    paths: dict[str, Any] = {where: {"parameters": [_NAMESPACE], "get": listed}}
    which = [_NAMESPACE, _path("activation_id", "32 hex digits.", ACTIVATION_ID)]
    for end, identifier, shape, summary in (
        ("", "getActivation", "Activation", "Read one record; while the run goes on there is none"),
        ("/result", "getActivationResult", "Response", "Read how one run ended"),
        ("/logs", "getActivationLogs", "Logs", "Read the logs of one run"),
    ):
        one = _operation("activations", identifier, summary, {"200": answer("What is recorded.", ref(shape))})
        if end == "/logs":
            one["parameters"] = [_switch("follow", "As server-sent events: what is there, what is printed from now on, and how it ended.")]
            one["responses"]["200"]["content"]["text/event-stream"] = {"schema": TEXT}
        paths[f"{where}/{{activation_id}}{end}"] = {"parameters": which, "get": one}
    return paths


def _namespaces() -> dict[str, Any]:
    names = {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 1}
    mine = _operation("namespaces", "listNamespaces", "The namespace of your key", {"200": answer("Exactly one.", names)}, ("401",))
    limits = _operation(
        "namespaces", "getLimits", "What your namespace may ask for", {"200": answer("The limits.", ref("NamespaceLimits"))}
    )
    none = _operation("namespaces", "getInnerLimits", "Limits below a namespace, which do not exist", {}, ("401",))
    return {
        "/namespaces": {"get": mine},
        "/namespaces/{namespace}/limits": {"parameters": [_NAMESPACE], "get": limits},
        "/namespaces/{namespace}/limits/{name}": {"parameters": [_NAMESPACE, _path("name", "Anything.", TEXT)], "get": none},
    }


def _information() -> dict[str, Any]:
    anything = {"type": "object"}

    def open_to_all(identifier: str, summary: str, answers: dict[str, Any]) -> dict[str, Any]:
        return {"get": _operation("information", identifier, summary, answers, (), security=[])}

    return {
        "/": open_to_all("getVersion", "What answers here", {"200": answer("The version.", ref("Version"))}),
        "/openapi.json": open_to_all("getOpenAPI", "This description", {"200": answer("OpenAPI 3.1.", anything)}),
        "/api-docs": open_to_all("getSwagger", "This description in the older format", {"200": answer("Swagger 2.0.", anything)}),
        "/docs": open_to_all("getReference", "This description as a page", {"308": answer("Where the page is.")}),
        "/docs/index.html": open_to_all("getReferencePage", "The page", {"200": answer("HTML.", TEXT, "text/html")}),
    }


def paths() -> dict[str, Any]:
    """Every route."""
    return {**_information(), **_namespaces(), **_actions(), **_others(), **_activations()}
