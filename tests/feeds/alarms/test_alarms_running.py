"""Alarms of a started hub, as a client sees them: the classic protocol, the fire, the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import hubs
from tests.support.eventually import eventually

OWN = "/api/v1/namespaces/_"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data: Path = tmp_path_factory.mktemp("alarms") / "data"
    with hubs.running(data) as hub, hub.http as http:
        yield http


def call(client: httpx.Client, feed: str, event: str, trigger: str, **parameters: Any) -> httpx.Response:
    """One life-cycle call, as every client sends it."""
    body = {"lifecycleEvent": event, "triggerName": f"/_/{trigger}", "authKey": "made:up", **parameters}
    return client.post(f"/api/v1/namespaces/whisk.system/actions/alarms/{feed}?blocking=true&result=true", json=body)


def in_a_moment() -> str:
    return (datetime.now(UTC) + timedelta(seconds=1)).isoformat()


def make_trigger(client: httpx.Client, name: str, feed: str) -> None:
    annotations = [{"key": "feed", "value": f"/whisk.system/alarms/{feed}"}]
    client.put(f"{OWN}/triggers/{name}", json={"annotations": annotations}).raise_for_status()


def test_an_alarm_runs_the_action_of_its_rule(client: httpx.Client) -> None:
    """A date comes, the trigger fires with its payload, and the feed says that it is done."""
    make_trigger(client, "party", "once")
    code = "def main(args): return {'saw': args['who']}"
    client.put(f"{OWN}/actions/greet", json={"exec": {"kind": "python:3", "code": code}}).raise_for_status()
    client.put(f"{OWN}/rules/greeting", json={"trigger": "/_/party", "action": "/_/greet"}).raise_for_status()
    made = call(client, "once", "CREATE", "party", date=in_a_moment(), trigger_payload={"who": "clock"})
    assert (made.status_code, made.json()["status"], len(made.json()["next"])) == (200, "success", 1)

    runs = eventually(
        lambda: client.get(f"{OWN}/activations", params={"name": "greet", "docs": "true"}).json(), what="the run of the action"
    )

    assert [run["response"]["result"] for run in runs] == [{"saw": "clock"}]
    told = eventually(lambda: _inactive(client, "once", "party"), what="the end of the alarm")
    assert told is not None
    assert told["status"]["reason"]["message"] == "Automatically disabled after firing once"
    assert (told["config"]["payload"], told["config"]["next"]) == ({"who": "clock"}, [])
    assert len(client.get(f"{OWN}/activations", params={"name": "party"}).json()) == 1


def test_delete_after_fire_takes_the_trigger_along(client: httpx.Client) -> None:
    """Nothing of the alarm is left."""
    make_trigger(client, "flash", "once")
    assert call(client, "once", "CREATE", "flash", date=in_a_moment(), deleteAfterFire="true").status_code == 200
    eventually(lambda: client.get(f"{OWN}/triggers/flash").status_code == 404, what="the removal of the trigger")
    eventually(lambda: "could not find trigger" in call(client, "once", "READ", "flash").text, what="the removal of the alarm")


def test_a_refused_alarm_is_an_application_error(client: httpx.Client) -> None:
    """A client reads the sentence, and nothing is kept."""
    make_trigger(client, "wrong", "alarm")
    refused = call(client, "alarm", "CREATE", "wrong", cron="99 * * * *")
    assert refused.status_code == 502
    assert refused.json()["error"] == "cron pattern '99 * * * *' is not valid"
    assert "could not find trigger" in call(client, "alarm", "READ", "wrong").text


def _inactive(client: httpx.Client, feed: str, trigger: str) -> dict[str, Any] | None:
    told: dict[str, Any] = call(client, feed, "READ", trigger).json()
    return None if told["status"]["active"] else told
