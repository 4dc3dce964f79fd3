"""Named steps on the OpenWhisk API, for tests that compare answers."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.eventually import eventually
from tests.support.hubs import Hub

API = "/api/v1/namespaces/_"
ECHO = "function main(args) { return args; }"
FORBIDDEN = "The supplied authentication is not authorized to access '{}'."
MISSING = "The requested resource does not exist."
EXISTS = "resource already exists"


def operate(hub: Hub, command: str, **given: Any) -> str:
    """What `hub admin` is told, over the socket that it uses: quicker than starting the command."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(hub.data / "admin.sock")), base_url="http://hub") as http:
        answer = http.post(f"/{command}", json=given)
    assert answer.status_code == 200, answer.text
    return answer.text


def limit(hub: Hub, namespace: str, **limits: str | int | bool) -> None:
    """Set limits of a namespace; `firesPerMinute=1`."""
    operate(hub, "limits-set", namespace=namespace, limits={name: [str(value).lower()] for name, value in limits.items()})


def tenant(hub: Hub, name: str) -> httpx.Client:
    """A client with the key of a namespace made for it."""
    uuid, _, key = operate(hub, "user-create", subject=name).partition(":")
    return httpx.Client(base_url=hub.address, auth=(uuid, key), timeout=70, trust_env=False)


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
