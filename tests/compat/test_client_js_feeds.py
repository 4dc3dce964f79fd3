"""The `openwhisk` npm client, unchanged: feeds, native and written by a user (openwhisk-api §6, packages-and-feeds §1.3, §1.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.compat.steps import ECHO, parameters, tenant_key
from tests.support import hubs, openwhisk_js
from tests.support.eventually import eventually
from tests.support.openwhisk_js import Client, Refused

INTERVAL = "/whisk.system/alarms/interval"
REFLECTING = """
function main(args) {
  if (args.refuse) return { error: args.refuse };
  return { ...args, namespace: process.env.__OW_NAMESPACE };
}
"""
FIRING = """
const http = require('http');
function main({ authKey, triggerName, lifecycleEvent }) {
  if (lifecycleEvent !== 'CREATE') return {};
  const url = `${process.env.__OW_API_HOST}/api/v1/namespaces/_/triggers/${triggerName.split('/').pop()}`;
  return new Promise((resolve) => {
    const request = http.request(url, { method: 'POST', auth: authKey, headers: { 'content-type': 'application/json' } });
    request.on('response', (answer) => { answer.resume(); resolve({ fired: answer.statusCode }); });
    request.end('{"from":"feed"}');
  });
}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("client-js-feeds") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def ow(hub: hubs.Hub) -> Iterator[Client]:
    """The client with the guest's key, and feeds that a user wrote."""
    with openwhisk_js.client(hub) as found:
        found("packages.create", name="source", package={"publish": True, "parameters": parameters(place="bound")})
        found("actions.create", name="source/reflect", action=REFLECTING, annotations={"feed": True})
        found("actions.create", name="source/fire", action=FIRING, annotations={"feed": True})
        found("actions.create", name="echo", action=ECHO)
        yield found


def called(ow: Client, event: str, **options: Any) -> Any:
    """What the feed answers to one life-cycle call."""
    return ow(f"feeds.{event}", options)["response"]["result"]


def test_an_alarm_is_created_read_changed_and_deleted(ow: Client) -> None:
    """Each life-cycle event is one blocking call of the feed."""
    ow("triggers.create", name="often", annotations={"feed": INTERVAL})

    assert called(ow, "create", name=INTERVAL, trigger="often", params={"minutes": 5})["status"] == "success"
    shown = called(ow, "get", feedName=INTERVAL, trigger="/_/often")
    assert (shown["config"]["name"], shown["config"]["namespace"], shown["config"]["minutes"]) == ("often", "guest", 5)
    assert shown["status"]["active"] is True
    assert called(ow, "update", name=INTERVAL, trigger="often", params={"minutes": 7})["status"] == "success"
    assert called(ow, "get", name=INTERVAL, trigger="/guest/often")["config"]["minutes"] == 7
    assert called(ow, "delete", name=INTERVAL, trigger="often")["status"] == "success"
    assert called(ow, "delete", name=INTERVAL, trigger="often")["status"] == "success"


def test_an_alarm_fires_its_trigger(ow: Client) -> None:
    """At its instant; with its payload."""
    ow("triggers.create", name="soon")
    ow("rules.create", name="soon-rule", trigger="soon", action="echo")
    called(ow, "create", name="/whisk.system/alarms/alarm", trigger="soon", params={"cron": "* * * * * *", "trigger_payload": {"a": 1}})
    fired = eventually(lambda: ow("activations.list", name="soon", docs=True))

    assert fired[0]["response"]["result"] == {"a": 1}
    ow("triggers.delete", name="soon")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"minutes": -1}, "the minutes parameter must be an integer greater than zero"),
        ({}, "interval trigger feed is missing the minutes parameter"),
    ],
)
def test_settings_that_a_feed_refuses_reject_the_call(ow: Client, params: dict[str, Any], text: str) -> None:
    """As an application error of the feed: 502, its text in the message."""
    ow("triggers.update", name="refused")
    with pytest.raises(Refused) as refusal:
        called(ow, "create", name=INTERVAL, trigger="refused", params=params)

    assert refusal.value.status == 502
    assert text in refusal.value.message


def test_a_feed_without_its_trigger_is_refused(ow: Client) -> None:
    """The client does not make the trigger; reading what was never created fails, deleting it does not."""
    ow("triggers.update", name="unfed")
    with pytest.raises(Refused, match="Trigger authentication request failed"):
        called(ow, "create", name=INTERVAL, trigger="nowhere", params={"minutes": 5})
    with pytest.raises(Refused, match="could not find trigger /guest/unfed in the database"):
        called(ow, "get", name=INTERVAL, trigger="unfed")

    assert called(ow, "delete", name=INTERVAL, trigger="unfed")["status"] == "success"


@pytest.mark.parametrize(("event", "sent"), [("create", "CREATE"), ("get", "READ"), ("update", "UPDATE"), ("delete", "DELETE")])
def test_a_users_feed_gets_the_life_cycle(ow: Client, hub: hubs.Hub, event: str, sent: str) -> None:
    """Event, trigger and parameters, bound ones below; a key that is not the caller's own; the caller's namespace in the environment."""
    got = called(ow, event, name="source/reflect", trigger="mine", params={"a": 1})
    uuid, _, key = got["authKey"].partition(":")

    assert (got["lifecycleEvent"], got["triggerName"], got["a"], got["place"]) == (sent, "/_/mine", 1, "bound")
    assert (uuid, len(key)) == (hub.auth.partition(":")[0], 64)
    assert got["authKey"] != hub.auth
    assert got["namespace"] == "guest"


def test_the_trigger_of_a_feed_has_the_namespace_of_the_client(ow: Client) -> None:
    """Of its option, or of `__OW_NAMESPACE`; a full name stays."""
    with_option = ow.with_options(namespace="guest")
    with_environment = ow.with_options(environment={"__OW_NAMESPACE": "guest"})

    for client in (with_option, with_environment):
        assert called(client, "create", name="/guest/source/reflect", trigger="mine")["triggerName"] == "/guest/mine"
    assert called(ow, "create", name="source/reflect", trigger="/other/mine")["triggerName"] == "/other/mine"


def test_a_users_feed_fires_the_trigger_with_the_key_it_got(ow: Client) -> None:
    """From inside its action, by the hub's own interface."""
    ow("triggers.update", name="fed")
    ow("rules.update", name="fed-rule", trigger="fed", action="echo")

    assert called(ow, "create", name="source/fire", trigger="fed") == {"fired": 202}
    fired = eventually(lambda: ow("activations.list", name="fed", docs=True))
    assert fired[0]["response"]["result"] == {"from": "feed"}


def test_a_users_feed_that_fails_rejects_the_call(ow: Client) -> None:
    """The trigger stays: rolling back is the caller's."""
    ow("triggers.update", name="kept")
    with pytest.raises(Refused) as refusal:
        called(ow, "create", name="source/reflect", trigger="kept", params={"refuse": "not today"})

    assert refusal.value.status == 502
    assert refusal.value.message.endswith('--> "not today"')
    assert ow("triggers.get", name="kept")["name"] == "kept"


def test_a_feed_of_another_namespace_is_called_with_ones_own_key(hub: hubs.Hub, ow: Client) -> None:
    """A stranger uses the public feed; the trigger and the record are the stranger's."""
    stranger = ow.with_options(api_key=tenant_key(hub, "feed-user"))
    stranger("triggers.create", name="theirs")
    got = called(stranger, "create", name="/guest/source/reflect", trigger="theirs")

    assert got["namespace"] == "feed-user"
    assert got["triggerName"] == "/_/theirs"


def test_a_life_cycle_call_needs_feed_and_trigger(ow: Client) -> None:
    """The client says so before anything is sent."""
    with pytest.raises(Refused, match=r"Missing mandatory feedName or id parameters from options\."):
        called(ow, "create", trigger="t")
    with pytest.raises(Refused, match=r"Missing mandatory trigger parameter from options\."):
        called(ow, "create", name=INTERVAL)
    with pytest.raises(Refused) as refusal:
        called(ow, "create", name="/whisk.system/alarms/none", trigger="t")
    assert refusal.value.status == 404


def test_a_client_without_a_key_cannot_keep_a_feed(hub: hubs.Hub, ow: Client) -> None:
    """With an `auth_handler` no key is sent; a native feed does not need it, a user's gets none."""
    bearer = ow.with_options(api_key=None, auth_handler={"$bearer": hub.auth})
    bearer("triggers.create", name="bearer")

    assert called(bearer, "create", name=INTERVAL, trigger="bearer", params={"minutes": 5})["status"] == "success"
    assert "authKey" not in called(bearer, "create", name="source/reflect", trigger="bearer")
