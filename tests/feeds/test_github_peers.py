"""Our GitHub feed against software by others: GitHub's own description, payloads and signatures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hub.feedkit import DeliveryRejected, HookFeed, SourceRefused, Subscribed
from hub.services.feeds.providers import Providers
from tests.support import github, prism
from tests.support.peers import run_script
from tests.support.tls import TLS

ROOT = Path(__file__).parent.parent.parent
SECRET = "it-is-a-secret-to-everybody"


@pytest.fixture(scope="module")
def webhook() -> HookFeed:
    """The provider, loaded as the hub loads it."""
    found = Providers([ROOT / "feeds"]).get("github/webhook")
    assert isinstance(found, HookFeed)
    return found


def subscribed(**more: str) -> Subscribed:
    return Subscribed(trigger="/ns/t", settings={"username": "ada", "repository": "engine", "secret": SECRET, **more})


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, str]]:
    """Every payload that GitHub's library carries, signed by GitHub's library."""
    return [json.loads(line) for line in run_script("payloads.mjs", SECRET).splitlines()]


def headers(row: dict[str, str], number: int) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-github-event": row["name"],
        "x-github-delivery": f"delivery-{number}",
        "x-hub-signature-256": row["signature"],
    }


async def test_every_recorded_payload_is_taken(webhook: HookFeed, recorded: list[dict[str, str]]) -> None:
    """With the signature that GitHub's own library made."""
    assert len(recorded) > 300
    for number, row in enumerate(recorded):
        occurrences = await webhook.receive(subscribed(), headers(row, number), row["body"].encode())
        if row["name"] == "ping":
            assert occurrences == ()
            continue
        (occurrence,) = occurrences
        payload = dict(occurrence.payload)
        meta = payload.pop("__hub")
        assert payload == json.loads(row["body"])
        assert (occurrence.key, meta["type"]) == (f"delivery-{number}", row["name"])


async def test_a_changed_byte_is_refused(webhook: HookFeed, recorded: list[dict[str, str]]) -> None:
    """Whichever payload it is in."""
    for number, row in enumerate(recorded[::10]):
        body = bytearray(row["body"].encode())
        body[len(body) // 2] ^= 1
        with pytest.raises(DeliveryRejected) as refusal:
            await webhook.receive(subscribed(), headers(row, number), bytes(body))
        assert refusal.value.status == 401


async def test_a_form_is_taken_like_json(webhook: HookFeed) -> None:
    """GitHub sends `payload=` when a hook was made with the content type form."""
    from urllib.parse import urlencode

    from feeds.github.signature import sign

    body = urlencode({"payload": '{"a": 1}'}).encode()
    row = {"name": "push", "signature": sign(SECRET, body)}
    (occurrence,) = await webhook.receive(subscribed(), {**headers(row, 1), "content-type": "application/x-www-form-urlencoded"}, body)

    assert occurrence.payload["a"] == 1


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff", b"[" * 5000])
async def test_a_signed_body_that_is_no_object_is_refused_in_words(webhook: HookFeed, body: bytes) -> None:
    """400, and nothing fires."""
    from feeds.github.signature import sign

    with pytest.raises(DeliveryRejected) as refusal:
        await webhook.receive(subscribed(), headers({"name": "push", "signature": sign(SECRET, body)}, 1), body)

    assert refusal.value.status == 400


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our fake behind Prism."""
    with github.running() as forge, prism.checking(tmp_path_factory.mktemp("prism"), forge.address) as address:
        yield address


@pytest.mark.timeout(90)
async def test_our_calls_and_our_fakes_answers_fit_githubs_description(checked: str) -> None:
    """A hook is made, read, changed and removed through a proxy that refuses whatever breaks the description."""
    from feeds.github.hooks import Hooks

    settings = {"username": "ada", "repository": "engine", "accessToken": github.TOKEN, "baseUrl": checked}
    async with httpx.AsyncClient(trust_env=False, verify=TLS, timeout=20) as http:
        hooks = Hooks(settings, http)
        made = await hooks.create("http://127.0.0.1:1/hooks/x", SECRET, ["push"])
        read = await hooks.read(made["id"])
        changed = await hooks.change(made["id"], "http://127.0.0.1:1/hooks/x", SECRET, ["push", "issues"])
        await hooks.remove(made["id"])
        await hooks.remove(made["id"])
        with pytest.raises(SourceRefused) as missing:
            await hooks.read(made["id"])

    assert read["config"]["secret"] == "********"
    assert changed["events"] == ["push", "issues"]
    assert missing.value.status == 404


@pytest.mark.timeout(90)
async def test_the_proxy_refuses_what_breaks_the_description(checked: str) -> None:
    """Otherwise it would prove nothing."""
    async with httpx.AsyncClient(trust_env=False, verify=TLS, timeout=20) as http:
        answer = await http.post(
            f"{checked}/repos/ada/engine/hooks", json={"events": "push"}, headers={"authorization": f"Bearer {github.TOKEN}"}
        )

    assert answer.status_code == 422
    assert "events" in answer.text
