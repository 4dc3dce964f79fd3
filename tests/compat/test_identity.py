"""Subjects, keys, limits and throttles, with the words of `wskadmin` (openwhisk-api §9)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.client import read_wskprops
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.tls import TLS

API = "/api/v1/namespaces/_"
ECHO = {"exec": {"kind": "python:3", "code": "def main(args):\n    return args\n"}}
FEED = {**ECHO, "annotations": [{"key": "feed", "value": True}]}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub with throttles as upstream has them."""
    with hubs.running(tmp_path_factory.mktemp("identity") / "data") as found:
        yield found


def admin(hub: hubs.Hub, *words: str) -> str:
    """What `hub admin …` says; refusals as well."""
    done = hub.command("admin", *words)
    return (done.stdout + done.stderr).strip()


def client(hub: hubs.Hub, key: str) -> httpx.Client:
    """A client with that key."""
    uuid, _, password = key.partition(":")
    return httpx.Client(base_url=hub.address, auth=(uuid, password), timeout=70, trust_env=False, verify=TLS)


@pytest.fixture
def tenant(hub: hubs.Hub, request: pytest.FixtureRequest) -> Iterator[tuple[str, httpx.Client]]:
    """A tenant of its own for each test."""
    name = f"t-{request.node.name[:60].partition('[')[0]}"
    with client(hub, admin(hub, "user", "create", name)) as found:
        yield name, found


def put(http: httpx.Client, path: str, body: Any) -> None:
    """Make or replace."""
    answer = http.put(f"{API}/{path}?overwrite=true", json=body)
    assert answer.status_code == 200, answer.text


def invoke(http: httpx.Client, name: str, **payload: Any) -> httpx.Response:
    """A blocking call; the result."""
    return http.post(f"{API}/actions/{name}?blocking=true&result=true", json=payload)


def test_users_are_made_found_listed_and_deleted(hub: hubs.Hub) -> None:
    """In upstream's words."""
    key = admin(hub, "user", "create", "alice")
    second = admin(hub, "user", "create", "alice", "-ns", "shared")
    given = f"{'1' * 8}-{'2' * 4}-{'3' * 4}-{'4' * 4}-{'5' * 12}:{'x' * 64}"

    assert admin(hub, "user", "create", "alice") == "Namespace already exists"
    assert admin(hub, "user", "create", "four") == "Subject name must be at least 5 characters"
    assert admin(hub, "user", "create", "bobby", "-u", given[:-1]) == "authorization key must be at least 64 characters long"
    assert admin(hub, "user", "create", "bobby", "-ns", "shared", "-u", given) == given
    assert admin(hub, "user", "get", "alice") == key
    assert admin(hub, "user", "get", "alice", "-ns", "shared") == second
    assert admin(hub, "user", "get", "alice", "-ns", "none") == 'namespace "none" not found for "alice"'
    assert set(admin(hub, "user", "get", "alice", "--all").splitlines()) == {f"alice\t{key}", f"shared\t{second}"}
    assert admin(hub, "user", "whois", second) == "subject: alice\nnamespace: shared"
    assert len(admin(hub, "user", "list", "shared").splitlines()) == 1
    assert set(admin(hub, "user", "list", "shared", "-a").splitlines()) == {f"{second}\talice", f"{given}\tbobby"}
    assert set(admin(hub, "user", "list", "shared", "-a", "-k").splitlines()) == {second, given}
    assert admin(hub, "user", "list", "nobody") == 'no identities found for namespace "nobody"'
    assert admin(hub, "user", "delete", "alice", "-ns", "shared") == "Namespace deleted"
    assert admin(hub, "user", "delete", "alice", "-ns", "shared") == 'Namespace "shared" does not exist for "alice"'
    assert admin(hub, "user", "delete", "alice") == "Subject deleted"
    generated = admin(hub, "user", "create", "nothing", "-g")
    assert len(generated) == 36 + 1 + 64
    assert admin(hub, "user", "whois", generated) == "Subject id is not recognized"


def test_a_blocked_subject_is_out_at_once(hub: hubs.Hub, tenant: tuple[str, httpx.Client]) -> None:
    """With the text for unknown credentials, and back as soon as it is unblocked."""
    name, http = tenant
    assert http.get("/api/v1/namespaces").json() == [name]
    assert admin(hub, "user", "block", name, "") == f'"{name}" blocked successfully'
    refused = http.get("/api/v1/namespaces")
    assert (refused.status_code, refused.json()["error"]) == (401, "The supplied authentication is invalid")
    assert admin(hub, "user", "create", name, "-r") == "The subject you want to edit is blocked"
    assert admin(hub, "user", "unblock", name) == f'"{name}" unblocked successfully'
    assert http.get("/api/v1/namespaces").status_code == 200


def test_a_replaced_key_may_still_fire_triggers_for_a_while(hub: hubs.Hub, tenant: tuple[str, httpx.Client]) -> None:
    """And read them, as feeds do; nothing else. `--force` ends that, too."""
    name, old = tenant
    put(old, "actions/echo", ECHO)
    put(old, "triggers/tick", {})
    put(old, "rules/ticks", {"trigger": "/_/tick", "action": "/_/echo"})
    with client(hub, admin(hub, "user", "create", name, "-r")) as new:
        assert new.get(f"{API}/actions").status_code == 200
        assert old.get(f"{API}/actions").status_code == 403
        assert invoke(old, "echo").status_code == 403
        assert old.delete(f"{API}/triggers/tick").status_code == 403
        assert old.get(f"{API}/triggers/tick").status_code == 200
        assert old.post(f"{API}/triggers/tick", json={}).status_code == 202
    with client(hub, admin(hub, "user", "create", name, "--force")) as newest:
        assert newest.get(f"{API}/triggers/tick").status_code == 200
        assert old.post(f"{API}/triggers/tick", json={}).status_code == 401


def test_a_feed_action_gets_a_key_for_its_trigger_only(tenant: tuple[str, httpx.Client], hub: hubs.Hub) -> None:
    """Not the caller's, which the client sent."""
    name, http = tenant
    put(http, "actions/feed", FEED)
    for trigger in ("mine", "other"):
        put(http, f"triggers/{trigger}", {})
        put(http, f"actions/{trigger}-run", ECHO)
        put(http, f"rules/{trigger}-rule", {"trigger": f"/_/{trigger}", "action": f"/_/{trigger}-run"})
    sent = admin(hub, "user", "get", name)
    given = invoke(http, "feed", lifecycleEvent="CREATE", triggerName="/_/mine", authKey=sent).json()["authKey"]

    assert given != sent
    assert len(given) == len(sent)
    with client(hub, given) as feed:
        assert feed.get(f"{API}/triggers/mine").status_code == 200
        assert feed.post(f"{API}/triggers/mine", json={}).status_code == 202
        refused = [feed.post(f"{API}/triggers/other", json={}), feed.get(f"{API}/triggers/other"), feed.get(f"{API}/triggers")]
        refused += [invoke(feed, "mine-run"), feed.delete(f"{API}/triggers/mine"), feed.get("/api/v1/namespaces")]
        assert {answer.status_code for answer in refused} == {403}
        admin(hub, "user", "create", name, "-r")
        assert feed.post(f"{API}/triggers/mine", json={}).status_code == 202


def test_the_operator_s_new_key_is_where_clients_look(tmp_path: Path) -> None:
    """`wskprops` is written again while the hub runs."""
    with hubs.running(tmp_path / "data") as hub:
        key = admin(hub, "user", "create", "guest", "-r")
        assert key != hub.auth
        assert eventually(lambda: read_wskprops(hub.data / "wskprops").get("AUTH") == key)


def test_limits_are_set_shown_and_deleted(hub: hubs.Hub, tenant: tuple[str, httpx.Client]) -> None:
    """Only the given ones change; they are in force at once."""
    name, http = tenant
    assert admin(hub, "limits", "get", name) == "No limits found, default system limits apply"
    words = ["--invocationsPerMinute", "100", "--maxActionMemory", "256", "--allowedKinds", "python:3", "blackbox"]
    said = admin(hub, "limits", "set", name, *words)
    assert said == f'Limits successfully set for "{name}"'
    admin(hub, "limits", "set", name, "--storeActivations", "false", "--firesPerMinute", "0", "--maxPayloadSize", "2 KB")
    rows = admin(hub, "limits", "get", name).splitlines()
    assert set(rows) == {
        "invocationsPerMinute = 100",
        "firesPerMinute = 0",
        "maxActionMemory = 256",
        "maxPayloadSize = 2048",
        "allowedKinds = ['python:3', 'blackbox']",
        "storeActivations = False",
    }
    shown = http.get(f"{API}/limits").json()
    assert (shown["invocationsPerMinute"], shown["firesPerMinute"], shown["maxActionMemory"]) == (100, 0, 256)
    assert (shown["allowedKinds"], shown["storeActivations"], shown["maxPayloadSize"]) == (["python:3", "blackbox"], False, "2048 B")
    assert (shown["concurrentInvocations"], shown["maxActionInstances"], shown["maxParameterSize"]) == (30, 30, "1048576 B")
    assert "Unknown limit bogus" in admin(hub, "limits", "set", name, "--bogus", "1")
    assert "whole number" in admin(hub, "limits", "set", name, "--firesPerMinute", "-1")

    large = http.put(f"{API}/actions/large", json={**ECHO, "limits": {"memory": 300}})
    assert "memory size 300 MB exceeds allowed threshold of 256 MB" in large.json()["error"]
    node = http.put(f"{API}/actions/node", json={"exec": {"kind": "nodejs:default", "code": "function main() {}"}})
    kind = "The supplied authentication is not authorized to access actions of kind 'nodejs:"
    assert (node.status_code, node.json()["error"].startswith(kind)) == (403, True)
    put(http, "actions/echo", ECHO)
    assert invoke(http, "echo", big="x" * 3000).json()["error"].startswith("Request larger than allowed: ")
    hidden = http.post(f"{API}/actions/echo?blocking=true", json={"a": 1}).json()
    assert hidden["response"]["result"] == {"a": 1}
    assert http.get(f"{API}/activations/{hidden['activationId']}").status_code == 404
    assert http.get(f"{API}/activations?count=true").json() == {"activations": 0}
    assert admin(hub, "limits", "delete", name) == "Limits deleted"
    assert http.get(f"{API}/limits").json()["maxActionMemory"] == 512
    put(http, "actions/node", {"exec": {"kind": "nodejs:default", "code": "function main() {}"}})


def test_too_many_in_a_minute_are_refused(hub: hubs.Hub, tenant: tuple[str, httpx.Client]) -> None:
    """Before anything else is looked at; with the time to wait."""
    name, http = tenant
    admin(hub, "limits", "set", name, "--invocationsPerMinute", "0", "--firesPerMinute", "0")
    refused = [http.post(f"{API}/actions/missing", json={}), http.post(f"{API}/triggers/missing", content=b"{broken")]
    for answer in refused:
        assert answer.status_code == 429
        assert answer.json()["error"] == "Too many requests in the last minute (count: 1, allowed: 0)."
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert "Access-Control-Allow-Origin" in refused[0].headers


def test_too_many_at_a_time_are_refused(hub: hubs.Hub, tenant: tuple[str, httpx.Client]) -> None:
    """Non-blocking ones count while they run."""
    name, http = tenant
    put(http, "actions/slow", {"exec": {"kind": "python:3", "code": "import time\ndef main(args):\n    time.sleep(20)\n    return {}\n"}})
    admin(hub, "limits", "set", name, "--concurrentInvocations", "1")
    assert http.post(f"{API}/actions/slow", json={}).status_code == 202
    second = http.post(f"{API}/actions/slow", json={})
    assert (second.status_code, second.json()["error"]) == (429, "Too many concurrent requests in flight (count: 1, allowed: 1).")


def test_what_a_rule_asks_for_too_early_is_delayed_and_not_lost(hub: hubs.Hub, tenant: tuple[str, httpx.Client]) -> None:
    """Under the id that the trigger's record names (design §9)."""
    name, http = tenant
    put(http, "actions/echo", ECHO)
    put(http, "triggers/tick", {})
    put(http, "rules/ticks", {"trigger": "/_/tick", "action": "/_/echo"})
    admin(hub, "limits", "set", name, "--concurrentInvocations", "0")
    fired = http.post(f"{API}/triggers/tick", json={"n": 1}).json()["activationId"]
    row = http.get(f"{API}/activations/{fired}").json()["logs"][0]
    assert '"success":true' in row
    assert http.get(f"{API}/activations?name=echo&count=true").json() == {"activations": 0}
    admin(hub, "limits", "set", name, "--concurrentInvocations", "5")
    (ran,) = eventually(lambda: http.get(f"{API}/activations?name=echo&docs=true").json())
    assert ran["activationId"] in row
    assert ran["response"]["result"]["n"] == 1


def test_a_bearer_header_may_carry_the_key(hub: hubs.Hub) -> None:
    """Also where `aio` sends it."""
    for path in ("/api/v1/namespaces", "/runtime/api/v1/namespaces"):
        with httpx.Client(base_url=hub.address, trust_env=False, verify=TLS) as http:
            assert http.get(path, headers={"authorization": f"Bearer {hub.auth}"}).json() == ["guest"]
            assert http.get(path, headers={"authorization": f"Bearer {hub.auth[:-1]}y"}).status_code == 401
            assert http.get(path, headers={"authorization": "Bearer something"}).status_code == 401


def test_logs_stay_here(hub: hubs.Hub) -> None:
    """`aio` asks before it shows any."""
    path = "/runtime/namespaces/guest/logForwarding"
    with hub.http as http:
        assert http.get(path).json() == {"adobe_io_runtime": {}}
        assert http.get(f"{path}/errors").json() == {"configured_forwarder": "adobe_io_runtime", "errors": []}
        assert http.put(path, json={"adobe_io_runtime": {}}).status_code == 200
        assert http.put(path, json={"splunk_hec": {"host": "h"}}).status_code == 400
        assert http.get("/runtime/namespaces/other/logForwarding").status_code == 403
    assert httpx.get(f"{hub.address}{path}", trust_env=False, verify=TLS).status_code == 401
