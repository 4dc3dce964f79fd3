"""Alarms: something fires without any account, and nothing fires twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.steps import API, count, create_feed, lifecycle, put_action, put_rule, record_of
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.hubs import Hub

ECHO = "def main(args):\n    return {'who': args.get('who')}\n"


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_cron_alarm_fires_with_its_payload(hub: Hub) -> None:
    """Six fields have seconds."""
    told = create_feed(hub, "ticking", "/whisk.system/alarms/alarm", cron="* * * * * *", trigger_payload={"who": "clock"})
    put_action(hub, "ticked", ECHO)
    put_rule(hub, "ticking", "ticked")
    seen = record_of(hub, "ticked")["response"]["result"]
    read = lifecycle(hub, "READ", "ticking", "/whisk.system/alarms/alarm")
    lifecycle(hub, "DELETE", "ticking", "/whisk.system/alarms/alarm")

    assert told["status"] == "success"
    assert len(told["next"]) == 5
    assert seen == {"who": "clock"}
    assert read["config"]["cron"] == "* * * * * *"
    assert read["status"]["active"] is True
    assert read["status"]["fires"] >= 1


def test_once_fires_once_and_takes_its_trigger_along_when_asked(hub: Hub) -> None:
    """`deleteAfterFire: rules` removes trigger and rule."""
    create_feed(hub, "party", "/whisk.system/alarms/once", date=soon(1), deleteAfterFire="rules")
    put_action(hub, "partied", ECHO)
    put_rule(hub, "party", "partied")
    record_of(hub, "partied")
    with hub.http as http:
        eventually(lambda: http.get(f"{API}/triggers/party").status_code == 404)
        assert http.get(f"{API}/rules/party-partied").status_code == 404
    assert count(hub, "partied") == 1


def test_pause_and_unpause(hub: Hub) -> None:
    """A paused alarm says who paused it, and goes on when it is asked to."""
    feed = "/whisk.system/alarms/alarm"
    create_feed(hub, "pausing", feed, cron="* * * * * *")
    lifecycle(hub, "PAUSE", "pausing", feed)
    paused = lifecycle(hub, "READ", "pausing", feed)["status"]
    lifecycle(hub, "UNPAUSE", "pausing", feed)
    active = lifecycle(hub, "READ", "pausing", feed)["status"]
    lifecycle(hub, "DELETE", "pausing", feed)

    assert (paused["active"], paused["reason"]["kind"]) == (False, "ADMIN")
    assert active["active"] is True


@pytest.mark.parametrize(
    ("feed", "settings", "words"),
    [
        ("alarm", {}, "alarms trigger feed is missing the cron parameter"),
        ("alarm", {"cron": "99 * * * *"}, "cron pattern '99 * * * *' is not valid"),
        ("alarm", {"cron": "0 0 31 2 *"}, "cron pattern '0 0 31 2 *' never fires"),
        ("alarm", {"cron": "* * * * *", "timezone": "Mars/Olympus"}, "Invalid timezone."),
        ("interval", {"minutes": -1}, "the minutes parameter must be an integer greater than zero"),
        ("interval", {"minutes": "often"}, "the minutes parameter must be an integer"),
        ("once", {"date": "2001-01-01T00:00:00Z"}, "must be in the future"),
        ("once", {"date": "tomorrow"}, "is not a valid Date"),
    ],
)
def test_bad_settings_are_refused_in_upstreams_words(hub: Hub, feed: str, settings: dict[str, object], words: str) -> None:
    """An application error; the client takes its trigger back, and nothing is left."""
    told = create_feed(hub, "refused-alarm", f"/whisk.system/alarms/{feed}", **settings)

    assert words in told["error"]
    with hub.http as http:
        assert http.get(f"{API}/triggers/refused-alarm").status_code == 404


def test_a_feed_needs_its_trigger_and_a_known_event(hub: Hub) -> None:
    """What is no life-cycle call is told so."""
    assert (
        lifecycle(hub, "CREATE", "no-such-trigger", "/whisk.system/alarms/interval", minutes=1)["error"]
        == "Trigger authentication request failed."
    )
    assert lifecycle(hub, "EXPLODE", "x", "/whisk.system/alarms/interval")["error"] == "unsupported lifecycleEvent"


@pytest.mark.timeout(90)
def test_an_instant_fires_once_over_a_kill(tmp_path: Path) -> None:
    """What was missed while the hub was down fires once, late; no instant fires twice."""
    data = tmp_path / "data"
    hub = hubs.start(data)
    try:
        create_feed(hub, "steady", "/whisk.system/alarms/alarm", cron="* * * * * *", meta=True)
        put_action(hub, "steadied", "def main(args):\n    return {'at': args['__hub']['event_id']}\n")
        put_rule(hub, "steady", "steadied")
        eventually(lambda: count(hub, "steadied") >= 2)
        hub.kill()
        hub = hubs.start(data)
        before = count(hub, "steadied")
        eventually(lambda: count(hub, "steadied") >= before + 2)
        with hub.http as http:
            rows = http.get(f"{API}/activations?name=steadied&docs=true&limit=200").json()
    finally:
        hub.process.kill()
        hub.process.wait()
    instants = [row["response"]["result"]["at"] for row in rows]

    assert len(instants) == len(set(instants))
