"""A hub whose actions run in containers: kinds are images, images are actions, and nothing is left behind (openwhisk-api §10)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, invoke, put_action
from tests.e2e.test_isolation import refused
from tests.support import engines, hubs
from tests.support.eventually import eventually
from tests.support.hubs import Hub

RECORDED = Path(__file__).parents[1] / "compat" / "exchanges" / "01-information.json"
SCRIPT = '#!/bin/sh\necho working\necho "{\\"got\\": $1}"'


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Docker Engine; its containers are local processes."""
    with engines.docker_api(tmp_path_factory.mktemp("docker"), "name=seccomp,profile=builtin", "name=rootless") as found:
        yield found


@pytest.fixture(scope="module")
def hub(docker: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub on that engine."""
    with hubs.running(tmp_path_factory.mktemp("hub") / "data", RUNTIME_URL=f"docker:unix://{docker}") as found:
        yield found


def containers(docker: Path) -> list[Any]:
    """What the engine has, asked past the hub."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(docker))) as client:
        return list(client.get("http://docker/containers/json", params={"all": "1"}).json())


def blackbox(http: httpx.Client, name: str, **exec_: str) -> Any:
    answer = http.put(f"{API}/actions/{name}", params={"overwrite": "true"}, json={"exec": {"kind": "blackbox", **exec_}})
    assert answer.status_code == 200, answer.text
    return answer.json()["exec"]


def test_the_kinds_are_those_of_a_real_openwhisk(hub: Hub) -> None:
    """As one answered `GET /` that has upstream's images."""
    recorded = next(row for row in json.loads(RECORDED.read_text()) if row["id"] == "information/info /")
    theirs = recorded["response"]["json"]["runtimes"]
    ours = httpx.get(hub.address, trust_env=False).json()["runtimes"]

    assert {row["kind"]: row for rows in ours.values() for row in rows} == {row["kind"]: row for rows in theirs.values() for row in rows}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("python:default", "import os\ndef main(args):\n    print('hello')\n    return {**args, 'me': os.environ['__OW_ACTION_NAME']}"),
        ("nodejs:default", "function main(args) { console.log('hello'); return {...args, me: process.env.__OW_ACTION_NAME}; }"),
    ],
)
def test_an_action_runs_in_the_image_of_its_kind(hub: Hub, kind: str, code: str) -> None:
    """Cold, then warm."""
    with hub.http as http:
        put_action(http, "echo", code, kind)
        cold, warm = invoke(http, "echo", {"a": 1}), invoke(http, "echo", {"a": 2})
        logs = eventually(lambda: http.get(f"{API}/activations/{warm['activationId']}/logs").json().get("logs"))

    assert (cold["response"]["result"], warm["response"]["result"]) == ({"a": 1, "me": "/guest/echo"}, {"a": 2, "me": "/guest/echo"})
    assert [line[31:] for line in logs] == ["stdout: hello"]
    marks = [{row["key"] for row in activation["annotations"]} for activation in (cold, warm)]
    assert ("initTime" in marks[0], "initTime" in marks[1]) == (True, False)


def test_an_image_is_an_action(hub: Hub) -> None:
    """With code that it runs, or without; blank code is none."""
    with hub.http as http:
        assert blackbox(http, "boxed", image="openwhisk/dockerskeleton", code=SCRIPT) == {
            "kind": "blackbox",
            "image": "openwhisk/dockerskeleton",
            "binary": False,
            "code": SCRIPT,
        }
        assert invoke(http, "boxed", {"x": 1})["response"]["result"] == {"got": {"x": 1}}
        assert blackbox(http, "stub", image="openwhisk/dockerskeleton", code=" ") == {
            "kind": "blackbox",
            "image": "openwhisk/dockerskeleton",
            "binary": False,
        }
        assert "stub action" in invoke(http, "stub", {})["response"]["result"]["error"]
        shown = http.get(f"{API}/actions/boxed", params={"code": "false"}).json()["exec"]

    assert shown == {"kind": "blackbox", "image": "openwhisk/dockerskeleton", "binary": False}


def test_an_image_that_is_nowhere_is_the_developers_error(hub: Hub) -> None:
    """Told when it is called."""
    with hub.http as http:
        blackbox(http, "nowhere", image="example/nowhere")
        found = invoke(http, "nowhere", {})["response"]

    assert (found["status"], found["result"]) == ("action developer error", {"error": "Failed to pull container image 'example/nowhere'."})


@pytest.mark.parametrize(
    ("exec_", "text"),
    [
        ({"kind": "java:8", "code": "eA=="}, "'main' must be a string defined in 'exec' for 'java:8' actions"),
        ({"kind": "cobol:1", "code": "x"}, "The specified runtime 'cobol:1' is not supported by this platform. Valid values are: 'nodejs:18', "),
        ({"kind": "blackbox", "image": "a/b", "code": 1}, "'code' must be a string or attachment object defined in 'exec' for 'blackbox' actions"),
        ({"kind": "blackbox", "image": "a/b", "main": 1}, "if defined, 'main' be a string in 'exec' for 'blackbox' actions"),
        ({"kind": "blackbox", "code": "x"}, "'image' must be a string defined in 'exec' for 'blackbox' actions"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_action_is_refused(hub: Hub, exec_: Any, text: str) -> None:
    """In upstream's words."""
    with hub.http as http:
        answer = http.put(f"{API}/actions/refused", json={"exec": exec_})

    assert answer.status_code == 400
    assert text in answer.json()["error"]


def test_a_manifest_of_ones_own_says_what_there_is(docker: Path, tmp_path: Path) -> None:
    """A deprecated kind is listed and taken no more; a namespace may be kept from images as from any kind."""
    image = {"registry": "registry.example:5000", "prefix": "own", "name": "action-python-v3.11", "tag": "7"}
    rows = [{"kind": "python:3", "default": True, "image": image, "stemCells": [{"initialCount": 2}]}]
    manifest = tmp_path / "runtimes.json"
    manifest.write_text(json.dumps({"runtimes": {"python": [*rows, {"kind": "python:2", "image": image, "deprecated": True}]}}))
    with hubs.running(
        tmp_path / "data", RUNTIME_URL=f"docker:unix://{docker}", RUNTIME__MANIFEST=str(manifest), LIMITS__ALLOWED_KINDS="python:2,python:3"
    ) as own:
        shown = httpx.get(own.address, trust_env=False).json()["runtimes"]["python"]
        with own.http as http:
            boxed = http.put(f"{API}/actions/boxed", json={"exec": {"kind": "blackbox", "image": "a/b"}})
            outdated = http.put(f"{API}/actions/old", json={"exec": {"kind": "python:2", "code": "x"}})

    reference = "registry.example:5000/own/action-python-v3.11:7"
    assert [(row["kind"], row["image"], row["default"], row["deprecated"]) for row in shown] == [
        ("python:3", reference, True, False),
        ("python:2", reference, False, True),
    ]
    assert (boxed.status_code, boxed.json()["error"]) == (
        403,
        "The supplied authentication is not authorized to access actions of kind 'blackbox'.",
    )
    assert (outdated.status_code, outdated.json()["error"]) == (
        400,
        "The 'python:2' runtime is no longer supported. You may read and delete but not update or invoke this action.",
    )


def test_the_level_is_told_by_ready(hub: Hub) -> None:
    """As the engine tells it."""
    found = httpx.get(f"{hub.address}/ready", trust_env=False).json()["isolation"]

    assert (found["level"], found["name"], found["found"]) == (4, "container", "told by the engine, not tried")
    assert "address" in found["leaves_open"]


def test_containers_end_with_the_hub_and_after_a_kill_with_its_next_start(docker: Path, tmp_path: Path) -> None:
    """Those of this hub, and no others."""
    before = len(containers(docker))
    url = f"docker:unix://{docker}"
    killed = hubs.start(tmp_path / "data", RUNTIME_URL=url)
    with killed.http as http:
        put_action(http, "echo", "def main(args):\n    return args", "python:3")
        invoke(http, "echo", {})
    killed.kill()
    assert len(containers(docker)) == before + 1
    again = hubs.start(tmp_path / "data", RUNTIME_URL=url)
    assert len(containers(docker)) == before
    with again.http as http:
        invoke(http, "echo", {})

    assert again.stop() == 0
    assert len(containers(docker)) == before


def test_a_hub_without_its_engine_does_not_start(tmp_path: Path) -> None:
    """It says which setting, what was found, what to write."""
    said = refused(tmp_path / "data", RUNTIME_URL=f"docker:unix://{tmp_path}/absent.sock")

    assert "HUB_RUNTIME_URL cannot be used: found docker:unix:///" in said
    assert "Start the Docker Engine there, let the hub's user use it, or write docker:, " in said
