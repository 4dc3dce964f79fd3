"""Named steps of the journeys."""

from __future__ import annotations

from typing import Any

from tests.support.eventually import eventually
from tests.support.hubs import Hub

API = "/api/v1/namespaces/_"


def put_action(hub: Hub, name: str, code: str, kind: str = "python:3", **more: Any) -> None:
    """Make or replace an action."""
    with hub.http as http:
        answer = http.put(f"{API}/actions/{name}?overwrite=true", json={"exec": {"kind": kind, "code": code}, **more})
    assert answer.status_code == 200, answer.text


def put_rule(hub: Hub, trigger: str, action: str, name: str = "") -> None:
    """Make a trigger, if need be, and a rule on it."""
    with hub.http as http:
        http.put(f"{API}/triggers/{trigger}", json={})
        answer = http.put(
            f"{API}/rules/{name or trigger}-{action.rpartition('/')[2]}?overwrite=true",
            json={"trigger": f"/_/{trigger}", "action": f"/_/{action}"},
        )
    assert answer.status_code == 200, answer.text


def invoke(hub: Hub, action: str, **parameters: Any) -> Any:
    """A blocking call; the result, or the error under `error`."""
    namespace, _, path = action.removeprefix("/").partition("/") if action.startswith("/") else ("_", "", action)
    with hub.http as http:
        return http.post(f"/api/v1/namespaces/{namespace}/actions/{path}?blocking=true&result=true", json=parameters).json()


def create_feed(hub: Hub, trigger: str, feed: str, **settings: Any) -> Any:
    """What every client does: the trigger with its annotation, then CREATE; on a failure the trigger goes again."""
    with hub.http as http:
        http.put(f"{API}/triggers/{trigger}", json={"annotations": [{"key": "feed", "value": feed}]}).raise_for_status()
        namespace, _, path = feed.removeprefix("/").partition("/")
        body = {**settings, "lifecycleEvent": "CREATE", "triggerName": f"/_/{trigger}", "authKey": hub.auth}
        answer = http.post(f"/api/v1/namespaces/{namespace}/actions/{path}?blocking=true", json=body)
        if answer.status_code != 200:
            http.delete(f"{API}/triggers/{trigger}")
        return answer.json()["response"]["result"]


def lifecycle(hub: Hub, event: str, trigger: str, feed: str, **settings: Any) -> Any:
    """Any other life-cycle call; its result."""
    return invoke(hub, feed, **settings, lifecycleEvent=event, triggerName=f"/_/{trigger}", authKey=hub.auth)


def records(hub: Hub, name: str, limit: int = 200) -> list[dict[str, Any]]:
    """Full records of an action or trigger, newest first."""
    with hub.http as http:
        found: list[dict[str, Any]] = http.get(f"{API}/activations?name={name}&docs=true&limit={limit}").json()
    return found


def record_of(hub: Hub, name: str) -> dict[str, Any]:
    """The newest record, once there is one."""
    return eventually(lambda: records(hub, name, 1), what=f"a record of {name}")[0]


def count(hub: Hub, name: str) -> int:
    """How many records there are."""
    with hub.http as http:
        found: int = http.get(f"{API}/activations?count=true&name={name}").json()["activations"]
    return found
