"""A hub and its cells: the level is found, told and kept; actions reach the hub's API and nothing else (reliability §5)."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.compat.steps import invoke, parameters, put_action, tenant
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.hubs import Hub

REACH = """
import base64, os, urllib.error, urllib.request
def main(args):
    request = urllib.request.Request(args['url'].replace('API', os.environ['__OW_API_HOST']))
    request.add_header('authorization', 'Basic ' + base64.b64encode(os.environ['__OW_API_KEY'].encode()).decode())
    try:
        with urllib.request.urlopen(request) as answer:
            return {'status': answer.status, 'said': answer.read().decode()}
    except urllib.error.HTTPError as answer:
        return {'status': answer.code, 'said': answer.read().decode()}
"""
ONLY_API = "Actions reach the OpenWhisk API of this hub, below /api/v1, and nothing else of it."


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub at the highest level that holds here."""
    with hubs.running(tmp_path_factory.mktemp("cells") / "data") as found:
        yield found


def reach(hub: Hub, url: str) -> Any:
    """What an action gets from there."""
    with hub.http as http:
        put_action(http, "reach", REACH, "python:3", annotations=parameters(**{"provide-api-key": True}))
        return invoke(http, "reach", {"url": url})["response"]["result"]


def refused(data: Path, **settings: str) -> str:
    """What a hub says that does not start."""
    environment = {**hubs.clean_environment(), **{f"HUB_{name}": value for name, value in settings.items()}}
    command = [*hubs.program(), "serve", "--data", str(data), "--port", "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_the_level_is_told(cells: Hub) -> None:
    """With what it leaves open and why no higher one was reached, by `/ready` and the log."""
    found = httpx.get(f"{cells.address}/ready", trust_env=False).json()["isolation"]

    assert found["level"] >= 3
    assert set(found) == {"level", "name", "leaves_open", "higher"}
    assert set(found["higher"]) == {str(level) for level in range(found["level"] + 1, 5)}
    assert "Actions are isolated" in cells.log.read_text()


def test_an_action_calls_the_api_of_its_hub(cells: Hub) -> None:
    """At `__OW_API_HOST`, with the key it was given."""
    assert reach(cells, "API/api/v1/namespaces") == {"status": 200, "said": '["guest"]'}


@pytest.mark.parametrize("path", ["/metrics", "/ready", "/catalog/v1/packages", "/api/v1/../../metrics", "/api/%2e%2e/metrics", "/"])
def test_an_action_reaches_nothing_else_of_the_hub(cells: Hub, path: str) -> None:
    """However the path is written."""
    found = reach(cells, f"API{path}")

    assert found["status"] in {403, 404}
    assert found["status"] == 404 or found["said"].strip() == ONLY_API


def test_the_way_out_refuses_inside_addresses_in_words(cells: Hub) -> None:
    """With what the operator can write to allow it."""
    found = reach(cells, "http://10.0.0.1/")

    assert found["status"] == 403
    assert "HUB_OUTBOUND__ALLOW=10.0.0.1:80" in found["said"]


def test_a_lower_level_than_before_is_taken_only_when_it_is_accepted(tmp_path: Path) -> None:
    """The refusal names the setting and the value."""
    data = tmp_path / "data"
    with hubs.running(data) as hub:
        before = httpx.get(f"{hub.address}/ready", trust_env=False).json()["isolation"]["level"]
    said = refused(data, RUNTIME__LEVEL="0")

    assert f"actions ran at isolation level {before} before" in said
    assert "HUB_RUNTIME__ACCEPT_LEVEL=0" in said
    with hubs.running(data, RUNTIME__LEVEL="0", RUNTIME__ACCEPT_LEVEL="0") as hub:
        assert httpx.get(f"{hub.address}/ready", trust_env=False).json()["isolation"]["level"] == 0


def test_no_isolation_is_for_loopback_alone(tmp_path: Path) -> None:
    """The refusal says what to write instead."""
    said = refused(tmp_path / "data", RUNTIME__LEVEL="0", HOST="0.0.0.0")

    assert "HUB_RUNTIME__LEVEL cannot be used" in said
    assert "HUB_HOST is not" in said


def test_nothing_outlives_a_killed_hub(tmp_path: Path) -> None:
    """Warden, zygote and cells are gone one second after kill -9 (reliability P19)."""
    with hubs.running(tmp_path / "data") as hub:
        with hub.http as http:
            put_action(http, "node", "function main() { return {}; }")
            invoke(http, "node")
        left = psutil.Process(hub.process.pid).children(recursive=True)
        assert len(left) >= 4
        os.kill(hub.process.pid, signal.SIGKILL)
        hub.process.wait()
        eventually(lambda: not [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE], seconds=1)


def test_without_isolation_the_code_of_others_does_not_run(tmp_path: Path) -> None:
    """Of other namespaces, nor of packages that others published; the operator's own does (reliability §5.1)."""
    with hubs.running(tmp_path / "data", **hubs.WITHOUT_CELLS) as hub, tenant(hub, "carol") as carol, hub.http as http:
        put_action(carol, "mine")
        put_action(http, "mine")
        mark = {"hub": {"install": "i", "package": "carol/tools", "version": "1.0.0", "digest": "d"}}
        put_action(http, "installed", annotations=parameters(**mark))
        theirs, own, installed = (
            invoke(client, name)["response"] for client, name in ((carol, "mine"), (http, "mine"), (http, "installed"))
        )

    assert own["success"]
    assert theirs["status"] == installed["status"] == "whisk internal error"
    assert theirs["result"]["error"] == "Actions of others than the operator run at isolation level 2 or higher; this hub has level 0."
    assert installed["result"]["error"] == "Packages of other publishers run at isolation level 3 or higher; this hub has level 0."
