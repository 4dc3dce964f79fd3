"""Feeds that users write, as `wsk`, the npm client, `aio` and `wskdeploy` drive them (openwhisk-api §6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.feed_clients import Aio, Js, Refused, Settings, Wsk, Wskdeploy
from tests.compat.steps import API, MISSING, invoke, marks_of, operate, parameters, put, put_action, put_rule, record, said, tenant
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.tls import TLS

FEED = "/guest/sources/watch"
SOURCE = """
function main(args) {
  if (args.refuses && args.refuses.includes(args.lifecycleEvent)) return { error: `no ${args.lifecycleEvent}` };
  if (args.sleeps && args.lifecycleEvent === 'CREATE') return new Promise(done => setTimeout(() => done({}), args.sleeps));
  return { ...args, namespace: process.env.__OW_NAMESPACE, config: { every: args.every }, status: { active: true } };
}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub that answers 202 after three seconds."""
    with hubs.running(tmp_path_factory.mktemp("feeds") / "data", INVOKE__BLOCKING_WAIT="PT3S") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner of a public package with a feed."""
    with hub.http as found:
        put(found, "packages/sources", {"publish": True, "parameters": parameters(apihost="bound")})
        put_action(found, "sources/watch", SOURCE, annotations=parameters(feed=True))
        put_action(found, "echo")
        yield found


@pytest.fixture
def wsk(http: httpx.Client, hub: hubs.Hub) -> Wsk:
    return Wsk(http, hub.auth)


@pytest.fixture
def aio(http: httpx.Client, hub: hubs.Hub) -> Aio:
    return Aio(http, hub.auth, "guest")


@pytest.fixture
def wskdeploy(http: httpx.Client, hub: hubs.Hub) -> Wskdeploy:
    return Wskdeploy(http, hub.auth, "guest")


def result(answer: httpx.Response) -> dict[str, Any]:
    """What the feed answered."""
    found: dict[str, Any] = answer.json()["response"]["result"]
    return found


def calls(http: httpx.Client, trigger: str) -> list[str]:
    """The life-cycle events of a trigger that the records of the feed hold, oldest first."""
    rows = http.get(f"{API}/activations?name=sources/watch&docs=true&limit=0").json()
    results = [row["response"]["result"] for row in reversed(rows)]
    return [found["lifecycleEvent"] for found in results if str(found.get("triggerName", "")).endswith(f"/{trigger}")]


def test_wsk_creates_with_settings_for_the_feed(http: httpx.Client, wsk: Wsk) -> None:
    """`-p`: PUT without parameters, then CREATE with them and the three of the protocol; the record shows it."""
    answer = wsk.create("plain", FEED, {"every": 5, "name": "n", "nested": {"a": [1, None]}})
    given = result(answer)
    assert wsk.sent == ["PUT triggers/plain", "POST /api/v1/namespaces/guest/actions/sources/watch"]
    assert (given["lifecycleEvent"], given["triggerName"], given["namespace"]) == ("CREATE", "/_/plain", "guest")
    assert (given["every"], given["name"], given["nested"], given["apihost"]) == (5, "n", {"a": [1, None]}, "bound")
    trigger = http.get(f"{API}/triggers/plain").json()
    assert (trigger["annotations"], trigger["parameters"]) == (parameters(feed=FEED), [])
    assert record(http, answer.json()["activationId"])["response"]["result"] == given


def test_wsk_creates_with_settings_for_feed_and_trigger(http: httpx.Client, wsk: Wsk) -> None:
    """`-F` goes to the feed, `-T` to the trigger, other annotations stay."""
    given = result(wsk.create("both", FEED, {"every": 5}, own={"place": "here"}, annotations={"note": "n"}))
    trigger = http.get(f"{API}/triggers/both").json()
    assert ("place" in given, given["every"]) == (False, 5)
    assert (trigger["parameters"], marks_of(trigger)) == (parameters(place="here"), {"note": "n", "feed": FEED})


def test_wsk_shows_what_the_feed_reads(http: httpx.Client, wsk: Wsk) -> None:
    """Of a fed trigger `get` prints the record of READ, of another the trigger."""
    wsk.create("read", FEED, {"every": 5})
    found = wsk.get("read")
    assert (result(found)["lifecycleEvent"], result(found)["status"]) == ("READ", {"active": True})
    put(http, "triggers/unfed")
    assert wsk.get("unfed").json()["name"] == "unfed"


def test_wsk_updates_the_feed_only(http: httpx.Client, wsk: Wsk) -> None:
    """The old style: no PUT, the trigger is as it was."""
    wsk.create("changed", FEED, {"every": 5})
    before = http.get(f"{API}/triggers/changed").json()
    assert result(wsk.update("changed", {"every": 6}))["every"] == 6
    assert http.get(f"{API}/triggers/changed").json() == before


def test_wsk_updates_trigger_and_feed(http: httpx.Client, wsk: Wsk) -> None:
    """The new style: PUT with what `-T` says, then UPDATE with what `-F` says."""
    wsk.create("moved", FEED, {"every": 5})
    assert result(wsk.update_both("moved", {"every": 7}, {"place": "there"}))["lifecycleEvent"] == "UPDATE"
    trigger = http.get(f"{API}/triggers/moved").json()
    assert (trigger["parameters"], trigger["version"], marks_of(trigger)["feed"]) == (parameters(place="there"), "0.0.2", FEED)


def test_a_feed_is_kept_by_an_update_that_does_not_speak_of_it(http: httpx.Client, wsk: Wsk) -> None:
    """`-a` replaces annotations, upstream the feed's as well; here it stays and can be read (openwhisk-api §6.2)."""
    wsk.create("noted", FEED, {"every": 5})
    put(http, "triggers/noted", {"annotations": parameters(note="n")})
    assert marks_of(http.get(f"{API}/triggers/noted").json()) == {"note": "n", "feed": FEED}
    assert result(wsk.get("noted"))["lifecycleEvent"] == "READ"


def test_wsk_deletes_feed_and_trigger(http: httpx.Client, wsk: Wsk) -> None:
    """In this order; CREATE and DELETE are in the records."""
    wsk.create("gone", FEED, {"every": 5})
    assert wsk.delete("gone").status_code == 200
    assert eventually(lambda: calls(http, "gone") == ["CREATE", "DELETE"])
    assert said(http.get(f"{API}/triggers/gone")) == (404, MISSING)


def test_wsk_deletes_the_trigger_even_if_the_feed_refuses(http: httpx.Client, wsk: Wsk) -> None:
    """What the feed says is told and not fatal."""
    wsk.create("stubborn", FEED, {})
    assert wsk.delete("stubborn", {"refuses": ["DELETE"]}).status_code == 200
    assert http.get(f"{API}/triggers/stubborn").status_code == 404


@pytest.mark.parametrize(
    ("feed", "settings", "status", "text"),
    [
        (FEED, {"refuses": ["CREATE"]}, 502, "no CREATE"),
        (FEED, {"refuses": ["CREATE", "DELETE"]}, 502, "no CREATE"),
        (FEED, {"sleeps": 4000}, 202, "activationId"),
        ("/guest/sources/nowhere", {}, 404, MISSING),
        ("/guest/nowhere/watch", {}, 404, MISSING),
        ("/_/echo-not-here", {}, 404, MISSING),
        ("/other/sources/watch", {}, 403, "not authorized"),
    ],
)
def test_a_feed_that_fails_leaves_no_trigger(http: httpx.Client, wsk: Wsk, feed: str, settings: Settings, status: int, text: str) -> None:
    """It refuses, answers too late, is not there, or is not for the caller: `wsk` takes all back and ends with the feed's status."""
    with pytest.raises(Refused) as refused:
        wsk.create("failed", feed, settings)
    assert (refused.value.answer.status_code, text in refused.value.answer.text) == (status, True)
    path = f"/api/v1/namespaces/{feed[1:].replace('/', '/actions/', 1)}"
    assert wsk.sent == ["PUT triggers/failed", f"POST {path}", "GET triggers/failed", f"POST {path}", "DELETE triggers/failed"]
    assert said(http.get(f"{API}/triggers/failed")) == (404, MISSING)


def test_a_second_trigger_of_the_name_does_not_reach_the_feed(http: httpx.Client, wsk: Wsk) -> None:
    """PUT without overwrite is refused, and nothing is taken back."""
    wsk.create("single", FEED, {"every": 5})
    with pytest.raises(Refused):
        wsk.create("single", FEED, {"every": 6})
    assert eventually(lambda: calls(http, "single") == ["CREATE"])
    assert http.get(f"{API}/triggers/single").status_code == 200


def test_the_npm_client_drives_a_feed_without_a_trigger(http: httpx.Client, hub: hubs.Hub) -> None:
    """One call each; no trigger is made or looked for."""
    js = Js(http, hub.auth)
    for event in ("CREATE", "READ", "UPDATE", "DELETE"):
        assert result(js.lifecycle(event, "imagined", FEED, {"every": 5}))["lifecycleEvent"] == event
    assert http.get(f"{API}/triggers/imagined").status_code == 404


def test_aio_deletes_before_it_creates(http: httpx.Client, aio: Aio) -> None:
    """And a stray `feed` member in the PUT means nothing."""
    aio.create("aio-made", FEED, {"every": 5})
    assert eventually(lambda: calls(http, "aio-made") == ["DELETE", "CREATE"])
    assert marks_of(http.get(f"{API}/triggers/aio-made").json()) == {"feed": FEED}
    assert aio.delete("aio-made").status_code == 200
    with pytest.raises(Refused):
        aio.create("aio-failed", FEED, {"refuses": ["CREATE"]})
    assert http.get(f"{API}/triggers/aio-failed").status_code == 404


def test_wskdeploy_takes_down_what_it_deploys_again(http: httpx.Client, wskdeploy: Wskdeploy) -> None:
    """A second deployment is DELETE, PUT over it, CREATE; `export` reads the config; undeploying ends both."""
    wskdeploy.deploy("deployed", FEED, {"every": 5})
    wskdeploy.deploy("deployed", FEED, {"every": 6})
    assert eventually(lambda: calls(http, "deployed") == ["CREATE", "DELETE", "CREATE"])
    trigger = http.get(f"{API}/triggers/deployed").json()
    assert (trigger["publish"], trigger["parameters"], trigger["version"]) == (True, [], "0.0.2")
    assert "config" in wskdeploy.export("deployed")
    assert wskdeploy.undeploy("deployed").status_code == 200
    with pytest.raises(Refused):
        wskdeploy.deploy("deployed", FEED, {"refuses": ["CREATE"]})
    assert http.get(f"{API}/triggers/deployed").status_code == 404


def test_a_feed_of_somebody_else_sees_whose_trigger_it_is(hub: hubs.Hub, http: httpx.Client) -> None:
    """`_` in the name and `__OW_NAMESPACE` are the caller's, who need not own the feed; a binding does as well."""
    with tenant(hub, "subscriber") as other:
        wsk = Wsk(other, operate(hub, "user-get", subject="subscriber"))
        given = result(wsk.create("foreign", FEED, {"every": 5}))
        assert (given["namespace"], given["triggerName"]) == ("subscriber", "/_/foreign")
        put(other, "packages/mine", {"binding": {"namespace": "guest", "name": "sources"}, "parameters": parameters(every=9)})
        assert result(wsk.create("bound", "/_/mine/watch", {}))["every"] == 9
        assert [row["name"] for row in other.get(f"{API}/packages/mine").json()["feeds"]] == ["watch"]


PROVIDER = """
const at = name => `${process.env.__OW_API_HOST}/api/v1/namespaces/${name.replace('/', '').replace('/', '/triggers/')}`;
async function main(args) {
  const key = 'Basic ' + Buffer.from(args.authKey).toString('base64');
  const headers = { Authorization: key, 'Content-Type': 'application/json' };
  const found = await fetch(at(args.triggerName), { headers });
  if (found.status !== 200) return { error: `the trigger answered ${found.status}` };
  const fired = await fetch(at(args.triggerName), { method: 'POST', headers, body: JSON.stringify({ from: 'provider' }) });
  return { version: (await found.json()).version, status: fired.status, key: args.authKey };
}
"""


def test_a_provider_reads_and_fires_the_trigger_with_the_key_it_got(http: httpx.Client, wsk: Wsk) -> None:
    """The trigger is there before CREATE; 204 without a rule and 202 with one are both a success; afterwards 404."""
    put_action(http, "sources/real", PROVIDER, annotations=parameters(feed=True))
    feed = "/guest/sources/real"
    made = result(wsk.create("rung", feed, {}))
    assert (made["version"], made["status"]) == ("0.0.1", 204)
    put_rule(http, "rung-rule", "rung", "echo")
    assert result(wsk.update("rung", {}))["status"] == 202
    (ran,) = eventually(lambda: http.get(f"{API}/activations?name=echo&docs=true&limit=1").json())
    assert ran["response"]["result"]["from"] == "provider"
    uuid, _, key = made["key"].partition(":")
    http.delete(f"{API}/triggers/rung").raise_for_status()
    with httpx.Client(base_url=http.base_url, auth=(uuid, key), trust_env=False, verify=TLS) as provider:
        assert said(provider.post(f"{API}/triggers/rung", json={})) == (404, MISSING)
        assert said(provider.get("/api/v1/namespaces/guest/triggers/rung")) == (404, MISSING)


def test_a_provider_s_key_ends_with_its_subject(hub: hubs.Hub, http: httpx.Client) -> None:
    """A new key of the owner leaves it as it is; blocked or deleted it is unknown, which tells providers to stop."""
    with tenant(hub, "passing") as owner:
        put_action(owner, "feed", "function main(a) { return a; }", annotations=parameters(feed=True))
        put(owner, "triggers/tick")
        body = {"lifecycleEvent": "CREATE", "triggerName": "/_/tick", "authKey": operate(hub, "user-get", subject="passing")}
        uuid, _, key = invoke(owner, "feed", body)["response"]["result"]["authKey"].partition(":")
        with httpx.Client(base_url=http.base_url, auth=(uuid, key), trust_env=False, verify=TLS) as provider:
            assert provider.post(f"{API}/triggers/tick", json={}).status_code == 204
            operate(hub, "user-create", subject="passing", revoke=True)
            assert provider.post(f"{API}/triggers/tick", json={}).status_code == 204
            operate(hub, "user-block", subjects=["passing"])
            assert provider.post(f"{API}/triggers/tick", json={}).status_code == 401
            operate(hub, "user-unblock", subjects=["passing"])
            operate(hub, "user-delete", subject="passing")
            assert provider.post(f"{API}/triggers/tick", json={}).status_code == 401
