"""Named steps on the OpenWhisk API, for tests that compare answers."""

from __future__ import annotations

import http.client as wire
from typing import Any

import httpx

from tests.support.eventually import eventually
from tests.support.hubs import Hub

API = "/api/v1/namespaces/_"
ECHO = "function main(args) { return args; }"
ANSWER_ARGUMENTS = "function main(args) { return { body: args }; }"
WEB = "/api/v1/web"
WEB_CORS = {
    "origin": ["*"],
    "methods": ["OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"],
    "headers": ["Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"],
}
FORBIDDEN = "The supplied authentication is not authorized to access '{}'."
MISSING = "The requested resource does not exist."
EXISTS = "resource already exists"


def tenant(hub: Hub, name: str) -> httpx.Client:
    """A client with the key of a namespace made for it."""
    uuid, _, key = hub.command("admin", "user", "create", name).stdout.strip().partition(":")
    return httpx.Client(base_url=hub.address, auth=(uuid, key), timeout=70, trust_env=False)


def stranger_to(hub: Hub) -> httpx.Client:
    """A client without a key."""
    return httpx.Client(base_url=hub.address, timeout=70, trust_env=False)


def put(http: httpx.Client, path: str, body: Any = None, *, overwrite: bool = True) -> Any:
    """Make or replace; the answer, which must be 200."""
    answer = http.put(f"{API}/{path}?overwrite={str(overwrite).lower()}", json={} if body is None else body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def put_action(http: httpx.Client, name: str, code: str = ECHO, kind: str = "nodejs:default", **more: Any) -> Any:
    """Make or replace an action."""
    return put(http, f"actions/{name}", {"exec": {"kind": kind, "code": code}, **more})


def put_sequence(http: httpx.Client, name: str, *components: str) -> Any:
    """Make or replace a sequence."""
    return put(http, f"actions/{name}", {"exec": {"kind": "sequence", "components": list(components)}})


def put_rule(http: httpx.Client, name: str, trigger: str, action: str) -> Any:
    """Make or replace a rule in the own namespace."""
    return put(http, f"rules/{name}", {"trigger": f"/_/{trigger}", "action": f"/_/{action}"})


def invoke(http: httpx.Client, name: str, payload: Any = None, *, namespace: str = "_") -> Any:
    """A blocking call; the body of the answer."""
    return http.post(f"/api/v1/namespaces/{namespace}/actions/{name}?blocking=true", json=payload or {}).json()


def record(http: httpx.Client, activation_id: str) -> Any:
    """A record, once there is one."""
    return eventually(lambda: found.json() if (found := http.get(f"{API}/activations/{activation_id}")).status_code == 200 else None)


def marks_of(row: dict[str, Any]) -> dict[str, Any]:
    """Annotations, or parameters, by key."""
    return {item["key"]: item["value"] for item in row["annotations"]}


def parameters(**values: Any) -> list[dict[str, Any]]:
    """The array form."""
    return [{"key": key, "value": value} for key, value in values.items()]


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status and error text of a refusal."""
    body = answer.json()
    assert set(body) == {"error", "code"}, body
    assert body["code"] == answer.headers["x-request-id"]
    return answer.status_code, body["error"]


def put_web(http: httpx.Client, name: str, code: str = ANSWER_ARGUMENTS, marks: dict[str, Any] | None = None, **more: Any) -> Any:
    """Make or replace a web action; `marks` are more annotations."""
    return put_action(http, name, code, annotations=parameters(**{"web-export": True, **(marks or {})}), **more)


def answering(result: str) -> str:
    """The code of an action that answers a JavaScript value, whatever it is called with."""
    return f"function main() {{ return {result}; }}"


def cors_of(answer: httpx.Response) -> dict[str, list[str]]:
    """What the answer tells browsers; each name without its prefix."""
    prefix = "access-control-allow-"
    names = {name for name in answer.headers if name.startswith(prefix)}
    return {name.removeprefix(prefix): answer.headers.get_list(name) for name in names}


def sent_as_it_is(hub: Hub, method: str, target: str, **headers: str) -> tuple[int, bytes]:
    """A request whose target no client has tidied; status and body of the answer."""
    place = httpx.URL(hub.address)
    connection = wire.HTTPConnection(place.host, place.port, timeout=70)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
