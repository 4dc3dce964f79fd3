"""The shapes of `/api/v1` as JSON Schema (openwhisk-api §2, §4, §5, §8.3, §9.6)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
ANYTHING: Schema = {}
NAME_PATTERN = r"^([A-Za-z0-9_]|[A-Za-z0-9_][A-Za-z0-9_@ .&-]{0,254}[A-Za-z0-9_@.&-])$"
NAME: Schema = {"type": "string", "pattern": NAME_PATTERN, "maxLength": 256}
ACTIVATION_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}


def ref(name: str) -> Schema:
    """A shape of this page by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(of: Schema) -> Schema:
    """A list of one shape."""
    return {"type": "array", "items": of}


def _object(description: str, properties: dict[str, Schema], *optional: str) -> Schema:
    """What comes back: every member is there but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": description, "properties": properties, **({"required": required} if required else {})}


def _sent(description: str, properties: dict[str, Schema], *required: str) -> Schema:
    """What is sent: members that are not known are ignored (openwhisk-api §1.5)."""
    return {"type": "object", "description": description, "properties": properties, **({"required": list(required)} if required else {})}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


_PARAMETERS = array(ref("Parameter"))
_HEAD = {
    "namespace": _described(TEXT, "`namespace`, or `namespace/package` for what lies in a package."),
    "name": TEXT,
    "version": _described(TEXT, "`x.y.z`; each update adds one to the last number unless it brings a version."),
    "publish": _described(YES_NO, "Whether everybody may use it; of meaning for packages only."),
    "annotations": _PARAMETERS,
    "updated": _described(WHOLE, "Milliseconds since 1970."),
}
_SENT = {"version": TEXT, "publish": YES_NO, "annotations": _PARAMETERS}
_LIMITS = {
    "timeout": _described(WHOLE, "Milliseconds that a run may take."),
    "memory": _described(WHOLE, "MB."),
    "logs": _described(WHOLE, "MB of logs that are kept of a run."),
    "concurrency": _described(WHOLE, "Runs at a time in one process."),
}
_BINDING = {"namespace": TEXT, "name": TEXT}
_REFERENCE = _object("Where an entity is.", {"path": TEXT, "name": TEXT})
_NAMED = {"description": "`/namespace/[package/]name`, where `_` is your namespace; or the two parts.", "oneOf": [TEXT, _REFERENCE]}
_ROW_OF_PACKAGE = _object("An action as its package shows it.", {"name": TEXT, "version": TEXT, "annotations": _PARAMETERS})
_STATE = {"type": "string", "enum": ["active", "inactive"]}
_RULE = {**_HEAD, "trigger": _REFERENCE, "action": _REFERENCE}
_RUN = {
    "activationId": ACTIVATION_ID,
    "namespace": TEXT,
    "name": TEXT,
    "version": TEXT,
    "publish": YES_NO,
    "annotations": _PARAMETERS,
    "start": _described(WHOLE, "Milliseconds since 1970."),
    "end": _described(WHOLE, "Milliseconds since 1970; the record of a fire has none."),
    "duration": _described(WHOLE, "Milliseconds; the record of a fire has none."),
    "cause": _described(ACTIVATION_ID, "The sequence or composition that asked for the run."),
}
_UNENDED = ("end", "duration", "cause")

SCHEMAS: dict[str, Schema] = {
    "Error": _object(
        "What is wrong. `code` is the id of the request, as in the header `X-Request-ID`.",
        {"error": TEXT, "code": TEXT},
    ),
    "Parameter": _object(
        "One parameter or annotation. `init`: it goes to the environment of the process.",
        {"key": {"type": "string", "minLength": 1}, "value": ANYTHING, "init": YES_NO},
        "init",
    ),
    "Limits": _object("What a run of an action may use.", _LIMITS),
    "LimitsPut": _sent("Those that are left out stay as they are.", _LIMITS),
    "Exec": _object(
        "What runs: code for a kind, the components of a sequence, or a feed of the hub itself (`native`).",
        {
            "kind": TEXT,
            "code": _described(TEXT, "Text, or base64 of a zip."),
            "binary": _described(YES_NO, "Whether `code` is base64; found out, never believed."),
            "main": _described(TEXT, "The function to call; `main` when there is none."),
            "components": array(_described(TEXT, "`/namespace/[package/]name`")),
        },
        "code",
        "binary",
        "main",
        "components",
    ),
    "ExecPut": _sent(
        "`family:default` becomes the family's kind when it is stored. `sequence` needs `components`, every other kind `code`.",
        {"kind": TEXT, "code": TEXT, "main": TEXT, "components": array(TEXT), "image": TEXT},
        "kind",
    ),
    "Action": _object(
        "An action. Read, it shows the parameters that a call gets: its package's below its own.",
        {**_HEAD, "exec": ref("Exec"), "parameters": _PARAMETERS, "limits": ref("Limits"), "binding": TEXT},
        "binding",
    ),
    "ActionRow": _object(
        "An action in a list; its kind is the annotation `exec`.",
        {**_HEAD, "exec": _object("No code.", {"binary": YES_NO}), "limits": ref("Limits")},
    ),
    "ActionPut": _sent(
        "A new action needs `exec`. An update merges `annotations` and replaces `parameters`.",
        {
            **_SENT,
            "exec": ref("ExecPut"),
            "parameters": _PARAMETERS,
            "limits": ref("LimitsPut"),
            "delAnnotations": _described(array(TEXT), "Annotations to take away first."),
        },
    ),
    "Package": _object(
        "A package, or a binding to one.",
        {**_HEAD, "binding": _sent("The package behind a binding; `{}` for a package.", _BINDING), "parameters": _PARAMETERS},
    ),
    "PackageRead": _object(
        "A package with what is in it; a binding shows what is in its provider.",
        {
            **_HEAD,
            "binding": _sent("The package behind a binding; `{}` for a package.", _BINDING),
            "parameters": _PARAMETERS,
            "actions": array(_ROW_OF_PACKAGE),
            "feeds": array(_ROW_OF_PACKAGE),
        },
    ),
    "PackageRow": _object(
        "A package in a list.",
        {
            **_HEAD,
            "binding": {"description": "`false`, or the package behind a binding.", "oneOf": [{"const": False}, _object("", _BINDING)]},
        },
    ),
    "PackagePut": _sent(
        "An update replaces `parameters` and `annotations` that are given.",
        {**_SENT, "parameters": _PARAMETERS, "binding": _sent("`_` is the namespace in the path.", _BINDING)},
    ),
    "Trigger": _object(
        "A trigger. `rules` is there once a rule was linked to it.",
        {
            **_HEAD,
            "parameters": _PARAMETERS,
            "limits": {"type": "object"},
            "rules": {
                "type": "object",
                "description": "By `namespace/rule`.",
                "additionalProperties": _object("What the rule starts.", {"action": _REFERENCE, "status": _STATE}),
            },
        },
        "rules",
    ),
    "TriggerRow": _object("A trigger in a list.", _HEAD),
    "TriggerPut": _sent("An update replaces `parameters` and `annotations` that are given.", {**_SENT, "parameters": _PARAMETERS}),
    "Rule": _object("A rule.", {**_RULE, "status": _STATE}),
    "RuleRow": _object("A rule in a list: without its status.", _RULE),
    "RulePut": _sent("A new rule needs both; an update keeps what is left out.", {**_SENT, "trigger": _NAMED, "action": _NAMED}),
    "RuleState": _sent("On or off.", {"status": _STATE}, "status"),
    "Response": _object(
        "How a run ended. `size` is the length of the result as text.",
        {
            "status": {"type": "string", "enum": ["success", "application error", "action developer error", "whisk internal error"]},
            "success": YES_NO,
            "result": ANYTHING,
            "size": WHOLE,
        },
        "size",
    ),
    "Activation": _object(
        "The record of a run, or of a fire.",
        {**_RUN, "subject": TEXT, "logs": array(TEXT), "response": ref("Response")},
        *_UNENDED,
    ),
    "ActivationRow": _object(
        "A record in a list. `statusCode`: 0 success, 1 application error, 2 action developer error, 3 whisk internal error.",
        {**_RUN, "statusCode": {"type": "integer", "enum": [0, 1, 2, 3]}},
        *_UNENDED,
        "statusCode",
    ),
    "ActivationId": _object("What was accepted.", {"activationId": ACTIVATION_ID}),
    "Logs": _object("Lines `time stream: text`.", {"logs": array(TEXT)}),
    "NamespaceLimits": _object(
        "What the namespace may ask for: memory and logs in MB, time-outs in milliseconds.",
        {
            **dict.fromkeys(("invocationsPerMinute", "concurrentInvocations", "firesPerMinute", "maxActionInstances"), WHOLE),
            **{f"{end}Action{what}": WHOLE for what in ("Memory", "Logs", "Timeout", "Concurrency") for end in ("min", "max")},
            "maxParameterSize": _described(TEXT, "`1048576 B`"),
            "maxPayloadSize": TEXT,
            "allowedKinds": array(TEXT),
            "storeActivations": YES_NO,
        },
        "maxPayloadSize",
        "allowedKinds",
        "storeActivations",
    ),
    "Version": _object(
        "What answers here.",
        {
            **dict.fromkeys(("description", "api_version", "api_version_path", "build", "buildno"), TEXT),
            "swagger_paths": _object("Below this address.", {"ui": TEXT, "api-docs": TEXT}),
        },
    ),
    **{
        f"{what.capitalize()}Count": _object("How many a list without `limit` would show.", {what: {"type": "integer", "minimum": 0}})
        for what in ("actions", "packages", "triggers", "rules", "activations")
    },
}
