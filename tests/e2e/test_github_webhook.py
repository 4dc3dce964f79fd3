"""Journey 2: GitHub webhooks."""

from __future__ import annotations

import sqlite3

import httpx
import pytest

from tests.e2e.steps import API, count, create_feed, invoke, lifecycle, put_action, put_rule, record_of
from tests.support.eventually import eventually
from tests.support.github import TOKEN, GitHub
from tests.support.hubs import Hub
from tests.support.tls import TLS

FEED = "/whisk.system/github/webhook"
ECHO = "def main(args):\n    return args\n"


def given_hook(hub: Hub, forge: GitHub, trigger: str, repository: str = "ada/engine", events: str = "push, issues") -> int:
    made = create_feed(hub, trigger, FEED, username="ada", repository=repository, accessToken=TOKEN, events=events, baseUrl=forge.address)
    assert made["status"] == "success", made
    put_action(hub, f"{trigger}-seen", ECHO)
    put_rule(hub, trigger, f"{trigger}-seen")
    number: int = made["hook_id"]
    return number


def test_a_delivery_fires_the_trigger_with_its_payload(hub: Hub, forge: GitHub) -> None:
    """The payload is the webhook's, the event's type and the delivery's id stand beside it."""
    number = given_hook(hub, forge, "pushes")
    answer = forge.deliver(number, "push", {"ref": "refs/heads/main"}, delivery="d-1")
    seen = record_of(hub, "pushes-seen")["response"]["result"]

    assert answer.status_code == 200
    assert seen["ref"] == "refs/heads/main"
    assert seen["__hub"]["type"] == "push"
    assert seen["__hub"]["delivery"] == "d-1"


def test_the_hook_has_a_secret_and_an_address_that_nobody_can_guess(hub: Hub, forge: GitHub) -> None:
    """No key of ours is in the address; the secret is random and long."""
    number = given_hook(hub, forge, "secretive")
    (hook,) = (hook for hooks in forge.hooks.values() for hook in hooks.values() if hook["id"] == number)
    uuid, _, key = hub.auth.partition(":")

    assert hook["events"] == ["push", "issues"]
    assert len(forge.secrets[number]) == 64
    assert len(hook["config"]["url"].rpartition("/")[2]) >= 43
    assert uuid not in hook["config"]["url"]
    assert key not in hook["config"]["url"]


def test_a_delivery_is_taken_once(hub: Hub, forge: GitHub) -> None:
    """The same delivery id again is answered 2xx and fires nothing."""
    number = given_hook(hub, forge, "once-only")
    for _ in range(3):
        assert forge.deliver(number, "push", {"n": 1}, delivery="same").status_code == 200
    assert forge.deliver(number, "push", {"n": 2}, delivery="other").status_code == 200
    eventually(lambda: count(hub, "once-only-seen") == 2)

    assert count(hub, "once-only") == 2


@pytest.mark.parametrize("signature", [None, "sha256=00", "sha256=" + "0" * 64, "sha1=0", "gefälscht"])
def test_what_is_not_signed_is_refused(hub: Hub, forge: GitHub, signature: str | None) -> None:
    """Wrong, missing and foreign signatures get the same 401, and nothing fires."""
    number = given_hook(hub, forge, f"forged{hash(signature) % 1000}")
    (hook,) = (hook for hooks in forge.hooks.values() for hook in hooks.values() if hook["id"] == number)
    headers = [(b"x-github-event", b"push"), (b"x-github-delivery", b"f"), (b"content-type", b"application/json")]
    if signature is not None:
        headers.append((b"x-hub-signature-256", signature.encode()))
    answer = httpx.post(hook["config"]["url"], content=b"{}", headers=headers, trust_env=False, verify=TLS)
    unknown = httpx.post(f"{hub.address}/hooks/nobody-knows-this", content=b"{}", headers=headers, trust_env=False, verify=TLS)

    assert answer.status_code == unknown.status_code == 401
    assert answer.json()["detail"] == unknown.json()["detail"]
    assert count(hub, f"forged{hash(signature) % 1000}") == 0


def test_a_ping_fires_nothing(hub: Hub, forge: GitHub) -> None:
    """GitHub sends one when a hook is made."""
    number = given_hook(hub, forge, "pinged")

    assert forge.deliver(number, "ping", {"zen": "Keep it logically awesome."}).status_code == 200
    assert count(hub, "pinged") == 0


def test_delete_removes_the_hook(hub: Hub, forge: GitHub) -> None:
    """And the address is dead."""
    number = given_hook(hub, forge, "short-lived")
    (hook,) = (hook for hooks in forge.hooks.values() for hook in hooks.values() if hook["id"] == number)
    told = lifecycle(hub, "DELETE", "short-lived", FEED)

    assert told == {"status": "success"}
    assert not forge.hooks["ada/engine"]
    assert httpx.post(hook["config"]["url"], content=b"{}", trust_env=False, verify=TLS).status_code == 401


def test_deleting_the_trigger_takes_the_hook_along(hub: Hub, forge: GitHub) -> None:
    """A client that knows nothing of feeds leaves no orphan."""
    given_hook(hub, forge, "orphan")
    with hub.http as http:
        assert http.delete(f"{API}/triggers/orphan").status_code == 200

    assert not forge.hooks["ada/engine"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"accessToken": "wrong"}, "does not accept the access token"),
        ({"repository": "ada/missing"}, "knows no repository ada/missing"),
        ({"repository": "ada/locked"}, "repository_hooks=write"),
        ({"baseUrl": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"events": ""}, "missing events"),
        ({"baseUrl": "http://169.254.169.254"}, "never reached"),
        ({"baseUrl": "https://api.example.com"}, "HUB_BASE_URL"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_leaves_nothing(hub: Hub, forge: GitHub, change: dict[str, str], words: str) -> None:
    """An application error with a sentence; no hook, no subscription, no secret in the words."""
    settings = {"username": "ada", "repository": "ada/engine", "accessToken": TOKEN, "events": "push", "baseUrl": forge.address}
    told = create_feed(hub, "refused", FEED, **{**settings, **change})

    assert words in told["error"]
    assert TOKEN not in told["error"]
    assert not any(forge.hooks.values())
    assert "could not find" in lifecycle(hub, "READ", "refused", FEED)["error"]


def test_an_event_that_the_service_drops_is_refused(hub: Hub, forge: GitHub) -> None:
    """A hook that would never fire is worse than none."""
    forge.unknown_events = {"pull-request"}
    told = create_feed(
        hub, "typo", FEED, username="ada", repository="engine", accessToken=TOKEN, events="push,pull-request", baseUrl=forge.address
    )

    assert "pull-request" in told["error"]
    assert not any(forge.hooks.values())


def test_read_shows_no_secret_and_nothing_secret_is_on_disk(hub: Hub, forge: GitHub) -> None:
    """Token and secret are sealed."""
    number = given_hook(hub, forge, "sealed")
    told = str(lifecycle(hub, "READ", "sealed", FEED))
    with sqlite3.connect(hub.data / "hub.db") as database:
        stored = str(database.execute("SELECT * FROM subscriptions").fetchall())

    for text in (told, stored, hub.log.read_text()):
        assert TOKEN not in text
        assert forge.secrets[number] not in text
    assert "'events': 'push,issues'" in told


def test_update_changes_the_events_and_keeps_the_secret(hub: Hub, forge: GitHub) -> None:
    """A change at the service without the secret would remove it."""
    number = given_hook(hub, forge, "changed")
    secret = forge.secrets[number]
    told = lifecycle(hub, "UPDATE", "changed", FEED, events="push,release")

    assert told["status"] == "success", told
    assert forge.hooks["ada/engine"][number]["events"] == ["push", "release"]
    assert forge.secrets[number] == secret
    assert forge.deliver(number, "release", {}).status_code == 200


def test_the_built_in_package_is_invoked_through_a_binding(hub: Hub, forge: GitHub) -> None:
    """Credentials that are bound reach the feed."""
    with hub.http as http:
        bound = [{"key": "username", "value": "ada"}, {"key": "accessToken", "value": TOKEN}, {"key": "baseUrl", "value": forge.address}]
        http.put(
            f"{API}/packages/mine", json={"binding": {"namespace": "whisk.system", "name": "github"}, "parameters": bound}
        ).raise_for_status()
        http.put(f"{API}/triggers/bound", json={}).raise_for_status()
    told = invoke(hub, "mine/webhook", lifecycleEvent="CREATE", triggerName="/_/bound", repository="engine", events="push")

    assert told["status"] == "success", told
    assert list(forge.hooks) == ["ada/engine"]
