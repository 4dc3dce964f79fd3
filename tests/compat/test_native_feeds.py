"""The hub's own feeds, driven by the same clients as any other feed (openwhisk-api §6.2, §6.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.compat.feed_clients import Aio, Client, Js, Refused, Settings, Wsk, Wskdeploy
from tests.compat.steps import API, MISSING, marks_of, operate, parameters, put, put_action, put_rule, record, said, tenant
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.tls import TLS

INTERVAL = "/whisk.system/alarms/interval"
ALARM = "/whisk.system/alarms/alarm"
ONCE = "/whisk.system/alarms/once"


@pytest.fixture
def wsk(http: httpx.Client, hub: hubs.Hub) -> Wsk:
    return Wsk(http, hub.auth)


def result(answer: httpx.Response) -> Any:
    """What the feed answered."""
    return answer.json()["response"]["result"]


def config(client: Client, trigger: str, feed: str = INTERVAL) -> dict[str, Any]:
    """What READ says the feed is set to."""
    found: dict[str, Any] = result(client.call(feed, "READ", trigger, {}))["config"]
    return found


def is_fed(client: Client, trigger: str, feed: str = INTERVAL) -> bool:
    """Whether the feed knows of the trigger."""
    try:
        client.call(feed, "READ", trigger, {})
    except Refused:
        return False
    return True


def test_wsk_creates_reads_updates_and_deletes(http: httpx.Client, wsk: Wsk) -> None:
    """Each call is a record; READ has `config` and `status`; UPDATE changes what it speaks of."""
    made = wsk.create("own", INTERVAL, {"minutes": 5, "trigger_payload": {"a": 1}})
    assert result(made)["status"] == "success"
    kept = record(http, made.json()["activationId"])
    assert (kept["name"], marks_of(kept)["path"]) == ("interval", "whisk.system/alarms/interval")
    read = result(wsk.get("own"))
    assert (read["config"]["name"], read["config"]["namespace"]) == ("own", "guest")
    assert (read["config"]["minutes"], read["config"]["payload"]) == (5, {"a": 1})
    assert (read["status"]["active"], "reason" in read["status"]) == (True, False)
    assert read["status"]["dateChanged"] > 1_700_000_000_000
    assert read["status"]["dateChangedISO"].endswith("Z")
    assert result(wsk.update("own", {"minutes": 7}))["status"] == "success"
    assert (config(wsk, "own")["minutes"], config(wsk, "own")["payload"]) == (7, {"a": 1})
    assert wsk.delete("own").status_code == 200
    assert not is_fed(wsk, "own")


def test_an_alarm_reads_as_it_was_made(wsk: Wsk) -> None:
    """Pattern, time zone, payload, strictness; text as payload becomes a member."""
    wsk.create("patterned", ALARM, {"cron": "0 8 * * 1", "timezone": "Europe/Paris", "trigger_payload": "hello", "strict": "true"})
    found = config(wsk, "patterned", ALARM)
    assert (found["cron"], found["timezone"], found["payload"], found["strict"]) == (
        "0 8 * * 1",
        "Europe/Paris",
        {"payload": "hello"},
        True,
    )
    wsk.delete("patterned")


def test_settings_of_the_trigger_stay_with_the_trigger(http: httpx.Client, wsk: Wsk) -> None:
    """`-T` is not the feed's, `-F` not the trigger's."""
    wsk.create("split", INTERVAL, {"minutes": 5}, own={"minutes": 99})
    assert config(wsk, "split")["minutes"] == 5
    assert http.get(f"{API}/triggers/split").json()["parameters"] == parameters(minutes=99)
    wsk.update_both("split", {"minutes": 6}, {"place": "here"})
    assert config(wsk, "split")["minutes"] == 6
    wsk.delete("split")


@pytest.mark.parametrize(
    ("feed", "settings", "text"),
    [
        (INTERVAL, {}, "interval trigger feed is missing the minutes parameter"),
        (INTERVAL, {"minutes": "x"}, "the minutes parameter must be an integer"),
        (INTERVAL, {"minutes": -1}, "the minutes parameter must be an integer greater than zero"),
        (ALARM, {}, "alarms trigger feed is missing the cron parameter"),
        (ALARM, {"cron": "nonsense"}, "cron pattern 'nonsense' is not valid"),
        (ONCE, {}, "alarms once trigger feed is missing the date parameter"),
        (ONCE, {"date": "2001-01-01T00:00:00Z"}, "must be in the future"),
    ],
)
def test_what_a_feed_refuses_leaves_no_trigger(http: httpx.Client, wsk: Wsk, feed: str, settings: Settings, text: str) -> None:
    """An application error in upstream's words; `wsk` takes the trigger back."""
    with pytest.raises(Refused) as refused:
        wsk.create("never", feed, settings)
    assert refused.value.answer.status_code == 502
    assert text in result(refused.value.answer)["error"]
    assert said(http.get(f"{API}/triggers/never")) == (404, MISSING)
    assert not is_fed(wsk, "never", feed)


def test_a_refused_update_changes_nothing(wsk: Wsk) -> None:
    """Neither does one that speaks of nothing."""
    wsk.create("steady", INTERVAL, {"minutes": 5})
    for settings, text in (({"minutes": 0}, "missing the minutes"), ({}, "no updatable parameters were specified")):
        with pytest.raises(Refused) as refused:
            wsk.update("steady", settings)
        assert text in result(refused.value.answer)["error"]
    assert config(wsk, "steady")["minutes"] == 5
    wsk.delete("steady")


def test_delete_before_create_is_no_error(wsk: Wsk, http: httpx.Client) -> None:
    """Of a trigger that is not fed, or not there at all; READ and UPDATE say so."""
    assert result(wsk.call(INTERVAL, "DELETE", "nobody", {})) == {"status": "success"}
    put(http, "triggers/unfed")
    assert result(wsk.call(INTERVAL, "DELETE", "unfed", {})) == {"status": "success"}
    for event in ("READ", "UPDATE"):
        with pytest.raises(Refused) as refused:
            wsk.call(INTERVAL, event, "unfed", {"minutes": 5})
        assert "could not find trigger /guest/unfed in the database" in result(refused.value.answer)["error"]


def test_a_second_create_takes_the_place_of_the_first(wsk: Wsk, http: httpx.Client) -> None:
    """Also of another feed; there is never more than one."""
    put(http, "triggers/replaced")
    wsk.call(INTERVAL, "CREATE", "replaced", {"minutes": 5})
    wsk.call(ALARM, "CREATE", "replaced", {"cron": "0 0 1 1 *"})
    assert config(wsk, "replaced", ALARM)["cron"] == "0 0 1 1 *"
    wsk.call(ALARM, "DELETE", "replaced", {})
    assert not is_fed(wsk, "replaced", ALARM)


@pytest.mark.parametrize("namespace", ["_", "guest"])
def test_the_npm_client_s_calls_are_enough(http: httpx.Client, hub: hubs.Hub, namespace: str) -> None:
    """With `_` or the namespace in the name; a key is not looked at, so that a Bearer client needs none."""
    js = Js(http, "", namespace)
    put(http, f"triggers/js-{namespace}")
    assert result(js.lifecycle("CREATE", f"js-{namespace}", INTERVAL, {"minutes": 5}))["status"] == "success"
    assert result(js.lifecycle("READ", f"js-{namespace}", INTERVAL, {}))["config"]["minutes"] == 5
    assert result(js.lifecycle("UPDATE", f"js-{namespace}", INTERVAL, {"minutes": 6}))["status"] == "success"
    assert result(js.lifecycle("DELETE", f"js-{namespace}", INTERVAL, {}))["status"] == "success"
    with pytest.raises(Refused) as refused:
        js.lifecycle("CREATE", "js-nowhere", INTERVAL, {"minutes": 5})
    assert result(refused.value.answer)["error"] == "Trigger authentication request failed."


def test_aio_makes_and_ends_a_feed(http: httpx.Client, hub: hubs.Hub) -> None:
    """DELETE before CREATE, and CREATE after it."""
    aio = Aio(http, hub.auth, "guest")
    aio.create("aio-fed", INTERVAL, {"minutes": 5})
    assert config(aio, "aio-fed")["minutes"] == 5
    assert aio.delete("aio-fed").status_code == 200
    assert not is_fed(aio, "aio-fed")


def test_wskdeploy_deploys_exports_and_undeploys(http: httpx.Client, hub: hubs.Hub) -> None:
    """A second time over the first; what `export` reads can be deployed."""
    wskdeploy = Wskdeploy(http, hub.auth, "guest")
    for minutes in (5, 6):
        wskdeploy.deploy("project-tick", INTERVAL, {"minutes": minutes, "trigger_payload": {"a": minutes}})
    exported = wskdeploy.export("project-tick")["config"]
    assert (exported["minutes"], exported["payload"]) == (6, {"a": 6})
    assert wskdeploy.undeploy("project-tick").status_code == 200
    assert not is_fed(wskdeploy, "project-tick")


def test_a_feed_ends_with_its_trigger(http: httpx.Client, wsk: Wsk) -> None:
    """Also when a client deletes only that; a new trigger of the name is not fed."""
    wsk.create("orphan", INTERVAL, {"minutes": 5})
    http.delete(f"{API}/triggers/orphan").raise_for_status()
    assert not is_fed(wsk, "orphan")
    put(http, "triggers/orphan")
    assert not is_fed(wsk, "orphan")


def test_an_update_of_the_trigger_keeps_the_feed(http: httpx.Client, wsk: Wsk) -> None:
    """Parameters or other annotations (`-a`) are not about it."""
    wsk.create("annotated", INTERVAL, {"minutes": 5})
    put(http, "triggers/annotated", {"annotations": parameters(note="n"), "parameters": parameters(p=1)})
    assert marks_of(http.get(f"{API}/triggers/annotated").json()) == {"note": "n", "feed": INTERVAL}
    assert result(wsk.get("annotated"))["config"]["minutes"] == 5
    wsk.delete("annotated")


def test_a_feed_is_paused_and_goes_on(wsk: Wsk) -> None:
    """The two events of the docs that no client sends; READ tells who paused it."""
    wsk.create("resting", INTERVAL, {"minutes": 5})
    wsk.call(INTERVAL, "PAUSE", "resting", {})
    status = result(wsk.get("resting"))["status"]
    assert (status["active"], status["reason"]["kind"]) == (False, "ADMIN")
    wsk.call(INTERVAL, "UNPAUSE", "resting", {})
    assert result(wsk.get("resting"))["status"]["active"] is True
    wsk.delete("resting")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "unsupported lifecycleEvent"),
        ({"lifecycleEvent": "EXPLODE", "triggerName": "/_/t"}, "unsupported lifecycleEvent"),
        ({"lifecycleEvent": "CREATE"}, "no trigger name parameter was provided"),
        ({"lifecycleEvent": "CREATE", "triggerName": "/other/t"}, "Trigger authentication request failed."),
        ({"lifecycleEvent": "DELETE", "triggerName": "/other/t"}, "Trigger authentication request failed."),
    ],
)
def test_what_is_no_life_cycle_call_is_told_so(http: httpx.Client, body: Settings, text: str) -> None:
    """And nobody reaches the feeds of another namespace."""
    answer = http.post("/api/v1/namespaces/whisk.system/actions/alarms/interval?blocking=true&result=true", json={"minutes": 5, **body})
    assert (answer.status_code, answer.json()) == (502, {"error": text})


def test_everybody_has_feeds_of_his_own(hub: hubs.Hub, http: httpx.Client, wsk: Wsk) -> None:
    """Triggers of one name in two namespaces do not meet; through a binding its parameters are under the call's."""
    with tenant(hub, "alarmed") as other:
        theirs = Wsk(other, operate(hub, "user-get", subject="alarmed"))
        wsk.create("same", INTERVAL, {"minutes": 5})
        theirs.create("same", INTERVAL, {"minutes": 6})
        assert (config(wsk, "same")["minutes"], config(theirs, "same")["minutes"]) == (5, 6)
        theirs.delete("same")
        assert is_fed(wsk, "same")
        put(other, "packages/clock", {"binding": {"namespace": "whisk.system", "name": "alarms"}, "parameters": parameters(minutes=8)})
        theirs.create("tied", "/_/clock/interval", {})
        assert config(theirs, "tied", "/_/clock/interval")["minutes"] == 8
    wsk.delete("same")


def test_a_feed_fires_after_the_key_was_replaced(hub: hubs.Hub, http: httpx.Client) -> None:
    """It holds no key: neither a new one nor `--force` ends it."""
    with tenant(hub, "rotating") as other:
        put_action(other, "echo")
        wsk = Wsk(other, operate(hub, "user-get", subject="rotating"))
        at = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
        wsk.create("soon", ONCE, {"date": at, "trigger_payload": {"told": "soon"}})
        put_rule(other, "soon-rule", "soon", "echo")
    uuid, _, key = operate(hub, "user-create", subject="rotating", force=True).partition(":")
    with httpx.Client(base_url=hub.address, auth=(uuid, key), trust_env=False, verify=TLS) as other:
        (ran,) = eventually(lambda: other.get(f"{API}/activations?name=echo&docs=true").json())
        assert ran["response"]["result"]["told"] == "soon"


def test_the_feeds_of_a_package_are_listed_as_such(http: httpx.Client) -> None:
    """For everybody, with what clients show of them."""
    package = http.get("/api/v1/namespaces/whisk.system/packages/alarms").json()
    assert {feed["name"] for feed in package["feeds"]} == {"alarm", "interval", "once"}
    assert all(marks_of(feed)["feed"] is True for feed in package["feeds"])
    assert all("description" in marks_of(feed) for feed in package["feeds"])
    one = http.get("/api/v1/namespaces/whisk.system/actions/alarms/interval").json()
    assert marks_of(one)["exec"] == one["exec"]["kind"]
