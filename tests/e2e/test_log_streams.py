"""Logs while they are written: for programs as server-sent events, for people as `hub logs`."""

from __future__ import annotations

import base64
import json
import os
import pty
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compat.steps import operate, tenant
from tests.e2e.steps import API, put_action
from tests.support import hubs
from tests.support.cuts import cutting
from tests.support.eventually import eventually
from tests.support.hubs import Hub
from tests.support.streams import following

STEPS = (
    "import os, sys, time\n"
    "def main(args):\n"
    "    for number in range(args.get('steps', 2)):\n"
    "        print('step', number)\n"
    "        until = time.time() + 20\n"
    "        while args.get('gate') and not os.path.exists(args['gate'] + str(number)) and time.time() < until:\n"
    "            time.sleep(0.01)\n"
    "    print('done', file=sys.stderr)\n"
    "    return {'error': 'no'} if args.get('fails') else {}\n"
)
NAMESPACE = "/hub/v1/namespaces/_/logs"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub whose actions see the test's folders."""
    with hubs.running(tmp_path_factory.mktemp("streams") / "data", **hubs.WITHOUT_CELLS) as found:
        put_action(found, "steps", STEPS)
        put_action(found, "other", STEPS)
        yield found


@pytest.fixture
def http(hub: Hub) -> Iterator[httpx.Client]:
    """The owner."""
    with hub.http as found:
        yield found


@pytest.fixture
def gate(tmp_path: Any) -> str:
    """What an action waits for before each further step."""
    return str(tmp_path / "gate")


def let(gate: str, number: int) -> None:
    """The action may go on."""
    Path(f"{gate}{number}").touch()


def begin(http: httpx.Client, name: str = "steps", **payload: Any) -> str:
    """A run in the background; its id."""
    answer = http.post(f"{API}/actions/{name}", json=payload)
    assert answer.status_code == 202, answer.text
    found: str = answer.json()["activationId"]
    return found


def logs_of(activation_id: str) -> str:
    return f"{API}/activations/{activation_id}/logs"


def texts(events: Any) -> list[Any]:
    """Text of lines, kind of anything else."""
    return [event.value()["line"][31:] if event.kind == "line" else event.kind for event in events]


def test_a_run_is_followed_from_its_first_line_to_its_end(http: httpx.Client, gate: str) -> None:
    """What it printed before comes first; the rest when it is printed; then how it ended, and it is what the record says."""
    activation_id = begin(http, gate=gate)
    with following(http, logs_of(activation_id), follow="") as events:
        assert texts([next(events)]) == ["stdout: step 0"]
        with following(http, logs_of(activation_id), follow="true") as later:
            assert texts([next(later)]) == ["stdout: step 0"]
            let(gate, 0)
            assert texts([next(events), next(later)]) == ["stdout: step 1"] * 2
            let(gate, 1)
            assert texts(later) == ["stderr: done", "end"]
        *lines, end = events
    record = http.get(f"{API}/activations/{activation_id}").json()

    assert end.value() == {
        "activationId": activation_id, "status": "success", "success": True, "start": record["start"], "duration": record["duration"],
    }  # fmt: skip
    assert lines[-1].value()["line"] == record["logs"][-1]


def test_a_run_that_ended_is_told_from_the_record(http: httpx.Client) -> None:
    """A client that comes back goes on after what it saw; after the end it is told to come no more."""
    ended = http.post(f"{API}/actions/steps?blocking=true", json={"fails": True}).json()
    place = logs_of(ended["activationId"])
    with following(http, place, follow="1") as events:
        whole = list(events)
    with following(http, place, follow="1", after="2") as events:
        rest = list(events)

    assert texts(whole) == ["stdout: step 0", "stdout: step 1", "stderr: done", "end"]
    assert whole[-1].value()["status"] == "application error"
    assert rest == whole[2:]
    assert http.get(f"{place}?follow", headers={"last-event-id": whole[-1].mark}).status_code == 204


def test_who_may_not_read_a_record_may_not_follow_it(hub: Hub, http: httpx.Client) -> None:
    """An unknown id is 404 and a foreign one 403, as without `follow`; on our own route nothing foreign exists."""
    activation_id = http.post(f"{API}/actions/steps?blocking=true", json={}).json()["activationId"]
    with tenant(hub, "onlooker") as onlooker:
        for path in (logs_of("0" * 32), logs_of(activation_id), logs_of(activation_id).replace("/_/", "/guest/")):
            plain, followed = onlooker.get(path), onlooker.get(f"{path}?follow")
            assert (plain.status_code, plain.json()["error"]) == (followed.status_code, followed.json()["error"])
        assert onlooker.get("/hub/v1/namespaces/guest/logs").status_code == 404
    assert http.get("/hub/v1/namespaces/_/logs?action=a/b/c").json()["field"] == "action"
    assert httpx.get(f"{hub.address}/hub/v1/namespaces/_/logs", trust_env=False).status_code == 401


def test_a_sequence_tells_its_steps(http: httpx.Client, gate: str) -> None:
    """Their ids are its log; a step can be followed as soon as it runs."""
    body = {"exec": {"kind": "sequence", "components": ["/_/steps", "/_/other"]}}
    http.put(f"{API}/actions/chain?overwrite=true", json=body).raise_for_status()
    activation_id = begin(http, "chain", gate=gate)
    with following(http, logs_of(activation_id), follow="true") as events:
        let(gate, 0)
        let(gate, 1)
        *steps, end = events
    record = http.get(f"{API}/activations/{activation_id}").json()

    assert [event.value()["line"] for event in steps] == record["logs"]
    assert end.kind == "end"


def test_a_namespace_is_watched(http: httpx.Client) -> None:
    """Every action of it, or one; each row says whose it is, and who comes back misses nothing."""
    with following(http, NAMESPACE) as everything, following(http, NAMESPACE, action="other") as one:
        begin(http, "steps")
        begin(http, "other", fails=True)
        mine = [next(one) for _ in range(4)]
        first = next(everything)
        rest = [next(everything) for _ in range(7)]
    with following(http, NAMESPACE, after=first.mark) as back:
        again = [next(back) for _ in range(7)]

    assert texts(mine) == ["stdout: step 0", "stdout: step 1", "stderr: done", "ended"]
    assert {event.value()["action"] for event in mine} == {"other"}
    assert mine[-1].value()["status"] == "application error"
    assert sorted(event.value()["action"] for event in [first, *rest]) == ["other"] * 4 + ["steps"] * 4
    assert again == rest
    with following(http, NAMESPACE, after="long-1") as late:
        begin(http)
        assert next(late).value() == {"dropped": None}


def test_a_burst_comes_in_parts_that_a_page_can_show(hub: Hub, http: httpx.Client) -> None:
    """Nothing of it is lost to who reads on."""
    put_action(hub, "burst", STEPS)
    with following(http, NAMESPACE, action="burst") as events:
        begin(http, "burst", steps=170)
        found = [next(events) for _ in range(172)]

    assert texts(found[:170]) == [f"stdout: step {number}" for number in range(170)]


def test_a_slow_reader_hears_how_much_it_missed(hub: Hub, http: httpx.Client) -> None:
    """It holds up nobody, and the hub keeps little for it; the record has everything."""
    request = f"GET {NAMESPACE} HTTP/1.1\r\nHost: hub\r\nAuthorization: Basic {base64.b64encode(hub.auth.encode()).decode()}\r\n\r\n"
    put_action(hub, "much", "def main(args):\n    for n in range(60000):\n        print(n, 'x' * 90)\n    return {}\n")
    with socket.create_connection(("127.0.0.1", int(hub.address.rpartition(":")[2]))) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(request.encode())
        assert b"200" in line.recv(15)
        ended = http.post(f"{API}/actions/much?blocking=true", json={}).json()
        line.settimeout(20)
        received = b""
        while b'{"dropped":' not in received:
            received += line.recv(65536)

    assert ended["response"]["success"]
    assert len(http.get(logs_of(ended["activationId"])).json()["logs"]) == 60_000


def test_streams_end_when_rights_change_and_when_the_hub_stops(tmp_path: Any) -> None:
    """They do not hold up a hub that stops, and nobody sees on with a key that is no longer good."""
    with hubs.running(tmp_path / "data") as hub:
        put_action(hub, "steps", STEPS)
        with tenant(hub, "watcher") as watcher, following(watcher, NAMESPACE) as events:
            operate(hub, "user-block", subjects=["watcher"])
            assert list(events) == []
        with hub.http as http, following(http, NAMESPACE) as events:
            stopping = threading.Thread(target=hub.stop)
            stopping.start()
            assert list(events) == []
        stopping.join(10)
        assert hub.process.poll() == 0


# The command


def start(hub: Hub, *words: str, terminal: int | None = None) -> subprocess.Popen[str]:
    """`hub logs …`, as somebody at a terminal or in a script starts it."""
    environment = {**hubs.clean_environment(), "WSK_CONFIG_FILE": str(hub.data / "wskprops"), "TERM": "xterm-256color", "COLUMNS": "160"}
    out = subprocess.PIPE if terminal is None else terminal
    return subprocess.Popen([*hubs.program(), "logs", *words], stdout=out, stderr=subprocess.PIPE, text=True, env=environment)


def watched(http: httpx.Client, running: subprocess.Popen[str], name: str = "steps") -> str:
    """The first line that a command shows; runs are begun until it listens."""
    shown = running.stdout
    assert shown is not None
    found: list[str] = []
    reading = threading.Thread(target=lambda: found.append(shown.readline()))
    reading.start()
    eventually(lambda: found or (begin(http, name) and False), what="a line of `hub logs -f`")
    reading.join()
    return found[0]


def test_the_command_follows_an_action(hub: Hub, http: httpx.Client) -> None:
    """Plain text in a pipe, a line each, at once; Ctrl-C ends it as it ends any command."""
    running = start(hub, "-f", "other")
    line = watched(http, running, "other").rstrip("\n")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)

    assert line.split(" ")[1] == "other"
    assert line.endswith("Z stdout: step 0")
    assert (running.returncode, said) == (130, "")


def test_the_command_follows_a_run_to_its_end(hub: Hub, http: httpx.Client, gate: str) -> None:
    """Its lines are those of the record; that it failed is said beside them."""
    activation_id = begin(http, gate=gate, fails=True)
    running = start(hub, "-f", activation_id)
    assert running.stdout is not None
    first = running.stdout.readline()
    let(gate, 0)
    let(gate, 1)
    rest, said = running.communicate(timeout=20)
    record = http.get(f"{API}/activations/{activation_id}").json()

    assert (first + rest).splitlines() == record["logs"]
    assert said == f"hub: {activation_id} ended: application error.\n"
    assert running.returncode == 0


def test_the_command_shows_what_was_recorded(hub: Hub, http: httpx.Client) -> None:
    """Of one run, of an action since some time, or stripped of everything but the words; refusals are sentences."""
    activation_id = http.post(f"{API}/actions/steps?blocking=true", json={}).json()["activationId"]
    record = eventually(lambda: http.get(logs_of(activation_id)).json().get("logs"))

    assert hub.command("logs", activation_id).stdout.splitlines() == record
    assert hub.command("logs", activation_id, "--strip").stdout.splitlines() == ["step 0", "step 1", "done"]
    assert f"{activation_id} steps {record[0]}" in hub.command("logs", "steps", "--since", "1h").stdout.splitlines()
    missing, unclear = hub.command("logs", "-f", "0" * 32), hub.command("logs", "--since", "yesterday")
    assert (missing.returncode, missing.stderr) == (1, "hub: The requested resource does not exist.\n")
    assert (unclear.returncode, unclear.stderr.startswith("hub: --since takes a number and s, m, h or d")) == (2, True)


def test_a_terminal_gets_colours_and_is_not_steered(hub: Hub, http: httpx.Client) -> None:
    """What an action prints cannot move the cursor, nor look like the hub's own."""
    put_action(
        hub, "steers", "import sys\ndef main(args):\n    print('\\x1b[2J\\x9bH over')\n    print('bad', file=sys.stderr)\n    return {}\n"
    )
    activation_id = http.post(f"{API}/actions/steers?blocking=true", json={}).json()["activationId"]
    ours, theirs = pty.openpty()
    running = start(hub, activation_id, terminal=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(ours)
    text = seen.decode()
    running.communicate(timeout=20)

    assert "␛[2J�H over" in text
    assert "\x1b[2J" not in text
    assert "\x1b[31m stderr\x1b[0m" in text


def test_the_command_goes_on_after_a_cut(hub: Hub, http: httpx.Client, gate: str) -> None:
    """Where it was; a line twice would be as wrong as one too few."""
    with cutting(int(hub.address.rpartition(":")[2])) as (address, cut):
        activation_id = begin(http, gate=gate, steps=3)
        running = start(hub, "-f", activation_id, "--apihost", address)
        assert running.stdout is not None
        lines = [running.stdout.readline()]
        cut()
        for number in range(3):
            let(gate, number)
        rest, said = running.communicate(timeout=30)
    record = http.get(f"{API}/activations/{activation_id}").json()

    assert [*lines[0].splitlines(), *rest.splitlines()] == record["logs"]
    assert "the connection was cut; trying again" in said


def test_events_are_json(http: httpx.Client) -> None:
    """Each by itself, on one line."""
    ended = http.post(f"{API}/actions/steps?blocking=true", json={}).json()
    text = http.get(f"{logs_of(ended['activationId'])}?follow").text

    assert all(json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: "))
