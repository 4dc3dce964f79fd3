"""The `openwhisk` npm client, unchanged: actions (openwhisk-api §2.4, §3.1, §11.2)."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import ECHO, MISSING, marks_of, record, tenant_key
from tests.support import hubs, openwhisk_js
from tests.support.openwhisk_js import Client, Refused, buffer

EXISTS = "resource already exists"
FAILS = "function main(args) { return { error: args.why }; }"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("client-js-actions") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def ow(hub: hubs.Hub) -> Iterator[Client]:
    """The client with the guest's key."""
    with openwhisk_js.client(hub) as found:
        found("actions.update", name="echo", action=ECHO)
        found("actions.update", name="fails", action=FAILS)
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The same key, to look at what the client made."""
    with hub.http as found:
        yield found


def run(ow: Client, name: str, **params: Any) -> Any:
    """The result of a blocking call."""
    return ow("actions.invoke", name=name, blocking=True, result=True, params=params)


def zipped(**files: str) -> bytes:
    """A zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return packed.getvalue()


def test_an_action_is_created_from_source(ow: Client) -> None:
    """The kind that nobody named is resolved when it is written; it starts at version 0.0.1 and gets no API key."""
    made = ow("actions.create", name="source", action=ECHO)

    assert made["exec"] == {"kind": "nodejs:20", "code": ECHO, "binary": False}
    assert (made["namespace"], made["version"], made["publish"]) == ("guest", "0.0.1", False)
    assert marks_of(made) == {"provide-api-key": False, "exec": "nodejs:20"}
    assert run(ow, "source", a=1) == {"a": 1}


def test_an_action_is_created_with_everything_the_client_takes(ow: Client) -> None:
    """Parameters, annotations, limits, version and kind arrive; what was not named has its default."""
    made = ow(
        "actions.create",
        actionName="full",
        action="def main(args):\n    return args\n",
        kind="python:3",
        params={"text": "x", "nested": {"a": [1, None]}},
        annotations={"description": "d", "sampleInput": {"a": 1}},
        limits={"timeout": 1000, "memory": 128},
        version="1.2.3",
    )

    assert made["exec"]["kind"].startswith("python:3")
    assert made["parameters"] == [{"key": "text", "value": "x"}, {"key": "nested", "value": {"a": [1, None]}}]
    assert {"description": "d", "sampleInput": {"a": 1}}.items() <= marks_of(made).items()
    assert made["limits"] == {"timeout": 1000, "memory": 128, "logs": 10, "concurrency": 1}
    assert made["version"] == "1.2.3"
    assert run(ow, "full", text="y") == {"text": "y", "nested": {"a": [1, None]}}


def test_exec_overrides_what_the_client_derives(ow: Client) -> None:
    """`exec` beside `action` names the entry point."""
    made = ow("actions.create", name="entry", action="function other() { return { entry: 'other' }; }", exec={"main": "other"})

    assert made["exec"]["main"] == "other"
    assert run(ow, "entry") == {"entry": "other"}


def test_a_buffer_is_sent_as_base64_and_run_as_a_zip(ow: Client) -> None:
    """A zip with a package.json, as `fs.readFileSync` gives it."""
    content = zipped(
        package__json='{"main": "lib.js"}', lib__js="exports.main = () => ({ zip: require('./part.js') });", part__js="module.exports = 7;"
    )
    made = ow("actions.create", name="zip", action=buffer(content), kind="nodejs:20")
    shown = ow("actions.get", name="zip")

    assert made["exec"]["binary"] is True
    assert base64.b64decode(shown["exec"]["code"]) == content
    assert run(ow, "zip") == {"zip": 7}


def test_an_action_object_is_sent_as_it_is(ow: Client) -> None:
    """The whole body is the caller's: exec, parameters, annotations."""
    body = {
        "exec": {"kind": "nodejs:default", "code": ECHO},
        "parameters": [{"key": "a", "value": 1}, {"key": "b", "value": 2, "init": True}],
        "annotations": [{"key": "final", "value": True}],
        "limits": {"logs": 1},
    }
    made = ow("actions.create", name="verbatim", action=body)

    assert made["parameters"] == body["parameters"]
    assert marks_of(made)["final"] is True
    assert made["limits"]["logs"] == 1
    assert run(ow, "verbatim") == {"a": 1}


def test_a_sequence_runs_its_components(ow: Client) -> None:
    """Names of every form are resolved; the record lists what ran."""
    ow("actions.create", name="inc", action="function main({ n }) { return { n: n + 1 }; }")
    made = ow("actions.create", name="twice", sequence=["/_/inc", "/guest/inc"], annotations={"description": "d"})
    ended = ow("actions.invoke", name="twice", blocking=True, params={"n": 1})

    assert made["exec"] == {"kind": "sequence", "components": ["/guest/inc", "/guest/inc"]}
    assert marks_of(made)["description"] == "d"
    assert ended["response"]["result"] == {"n": 3}
    assert len(ended["logs"]) == 2


def test_update_creates_what_is_not_there_and_counts_versions(ow: Client) -> None:
    """`overwrite=true`; the patch number grows with each."""
    versions = [ow("actions.update", name="grows", action=ECHO)["version"] for _ in range(3)]

    assert versions == ["0.0.1", "0.0.2", "0.0.3"]


def test_update_without_an_action_keeps_the_code(ow: Client) -> None:
    """What is not sent stays: code when limits come, limits when parameters come."""
    ow("actions.create", name="kept", action=ECHO, params={"a": 1}, annotations={"note": 1})
    ow("actions.update", name="kept", limits={"timeout": 2000})
    made = ow("actions.update", name="kept", params={"b": 2})

    assert made["exec"]["code"] == ECHO
    assert made["limits"]["timeout"] == 2000
    assert made["parameters"] == [{"key": "b", "value": 2}]
    assert marks_of(made)["note"] == 1


def test_create_does_not_replace(ow: Client) -> None:
    """409 with upstream's text; `overwrite: true` on create replaces, and `false` on update does not hold it back."""
    ow("actions.create", name="once", action=ECHO)
    with pytest.raises(Refused) as refusal:
        ow("actions.create", name="once", action=ECHO)

    assert (refusal.value.status, refusal.value.error["error"]) == (409, EXISTS)
    assert ow("actions.create", name="once", action=ECHO, overwrite=True)["version"] == "0.0.2"
    assert ow("actions.update", name="once", action=ECHO, overwrite=False)["version"] == "0.0.3"


def test_get_shows_the_code_unless_told_not_to(ow: Client) -> None:
    """`code: false`; the rest of `exec` stays."""
    whole = ow("actions.get", name="echo")
    bare = ow("actions.get", name="echo", code=False)

    assert whole["exec"]["code"] == ECHO
    assert bare["exec"] == {"kind": "nodejs:20", "binary": False}
    assert {**whole, "exec": bare["exec"]} == bare


def test_get_and_delete_take_a_name_or_many(ow: Client) -> None:
    """A string is a name; a list is as many calls at once."""
    for name in ("many-1", "many-2"):
        ow("actions.create", name=name, action=ECHO)

    assert ow("actions.get", "many-1")["name"] == "many-1"
    assert [row["name"] for row in ow("actions.get", ["many-1", "many-2"])] == ["many-1", "many-2"]
    assert [row["name"] for row in ow("actions.delete", ["many-1", {"name": "many-2"}])] == ["many-1", "many-2"]
    with pytest.raises(Refused) as refusal:
        ow("actions.get", ["many-1", "many-2"])
    assert refusal.value.status == 404


@pytest.mark.parametrize("name", ["inner/act", "/_/inner/act", "/guest/inner/act", "guest/inner/act"])
def test_a_packaged_action_has_a_name_of_every_form(ow: Client, name: str) -> None:
    """With and without namespace, with and without the first slash."""
    ow("packages.update", name="inner", package={"parameters": [{"key": "from", "value": "package"}]})
    ow("actions.update", name=name, action=ECHO)

    assert ow("actions.get", name=name)["namespace"] == "guest/inner"
    assert run(ow, name) == {"from": "package"}
    assert run(ow, name, b=1) == {"from": "package", "b": 1}


def test_the_row_of_a_list_names_its_action(ow: Client) -> None:
    """As an `id` of the next call: the client puts its namespace, which has the package in it, into one segment of the path."""
    ow("packages.update", name="rows")
    ow("actions.update", name="rows/act", action=ECHO)
    row = next(row for row in ow("actions.list") if row["namespace"] == "guest/rows")

    assert ow("actions.get", row)["exec"]["code"] == ECHO
    assert ow("actions.invoke", {**row, "blocking": True, "result": True, "params": {"a": 1}}) == {"a": 1}
    assert ow("actions.delete", row)["namespace"] == "guest/rows"
    with pytest.raises(Refused) as refusal:
        ow("actions.get", row)
    assert (refusal.value.status, refusal.value.error["error"]) == (404, MISSING)


def test_a_name_may_hold_spaces_and_marks(ow: Client) -> None:
    """The client puts it into the path as it is."""
    made = ow("actions.create", name="name with@marks.and-more", action=ECHO)

    assert made["name"] == "name with@marks.and-more"
    assert run(ow, "name with@marks.and-more", a=1) == {"a": 1}


def test_invoke_answers_what_was_asked_for(ow: Client, http: httpx.Client) -> None:
    """An id at once, the record when blocking, the result with `result`."""
    later = ow("actions.invoke", name="echo", params={"a": 1})
    ended = ow("actions.invoke", name="echo", blocking=True, params={"a": 2})

    assert set(later) == {"activationId"}
    assert record(http, later["activationId"])["response"]["result"] == {"a": 1}
    assert (ended["name"], ended["response"]["success"], ended["response"]["result"]) == ("echo", True, {"a": 2})
    assert run(ow, "echo", a=3) == {"a": 3}
    assert ow("actions.invoke", name="echo", blocking=True, result=True) == {}
    assert ow("actions.invoke", "echo").keys() == {"activationId"}


def test_invoke_takes_many_at_once(ow: Client, http: httpx.Client) -> None:
    """A list of names and of calls."""
    started = ow("actions.invoke", ["echo", {"name": "echo"}])

    assert len({row["activationId"] for row in started}) == 2
    assert all(record(http, row["activationId"])["response"]["success"] for row in started)


def test_an_action_that_fails_rejects_with_its_record(ow: Client) -> None:
    """502, and the error of the action in the message."""
    with pytest.raises(Refused) as refusal:
        ow("actions.invoke", name="fails", blocking=True, params={"why": "no luck"})

    assert (refusal.value.name, refusal.value.status) == ("OpenWhiskError", 502)
    assert refusal.value.message.endswith('Returned HTTP 502 (Bad Gateway) --> "no luck"')
    assert refusal.value.error["response"] == {
        "result": {"error": "no luck"},
        "status": "application error",
        "success": False,
        "size": refusal.value.error["response"]["size"],
    }


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("text", "text"),
        ({"error": "inner text"}, "inner text"),
        ({"statusCode": 418}, "application error, status code: 418"),
        ({"code": 1}, "Response Missing Error Message."),
    ],
)
def test_the_message_of_a_failed_action_is_found_where_it_put_it(ow: Client, why: Any, said: str) -> None:
    """Whatever shape its error has."""
    with pytest.raises(Refused) as refusal:
        ow("actions.invoke", name="fails", blocking=True, params={"why": why})

    assert refusal.value.message.endswith(f'--> "{said}"')
    assert refusal.value.error["response"]["result"] == {"error": why}


def test_a_broken_action_rejects_as_the_developers_error(ow: Client) -> None:
    """An exception, code that does not load, and code that takes too long."""
    ow("actions.create", name="throws", action="function main() { throw new Error('thrown'); }")
    ow("actions.create", name="syntax", action="function main( {")
    ow(
        "actions.create",
        name="slow",
        action="function main() { return new Promise(() => setTimeout(() => {}, 9000)); }",
        limits={"timeout": 1500},
    )
    said = {}
    for name in ("throws", "syntax", "slow"):
        with pytest.raises(Refused) as refusal:
            ow("actions.invoke", name=name, blocking=True)
        assert refusal.value.status == 502
        said[name] = (refusal.value.error["response"]["status"], refusal.value.error["response"]["result"]["error"])

    assert said["throws"] == ("action developer error", "An error has occurred: Error: thrown")
    assert said["syntax"][0] == "action developer error"
    assert said["slow"] == ("action developer error", "The action exceeded its time limits of 1500 milliseconds.")


def test_list_pages_and_counts(hub: hubs.Hub, ow: Client) -> None:
    """Newest first, packaged ones included; rows have no code; `limit`, `skip` and `count` as on the wire."""
    own = ow.with_options(api_key=tenant_key(hub, "lists-actions"))
    own("packages.create", name="box")
    for name in ("a", "b", "box/c"):
        own("actions.create", name=name, action=ECHO)
    rows = own("actions.list")

    assert [(row["namespace"], row["name"]) for row in rows] == [("lists-actions/box", "c"), ("lists-actions", "b"), ("lists-actions", "a")]
    assert all(row["exec"] == {"binary": False} and marks_of(row)["exec"] == "nodejs:20" for row in rows)
    assert [row["name"] for row in own("actions.list", limit=1)] == ["c"]
    assert [row["name"] for row in own("actions.list", limit=1, skip=1)] == ["b"]
    assert own("actions.list", count=True) == {"actions": 3}
    assert own("actions.list", count=True, skip=2) == {"actions": 1}
    assert own("actions.list", id="box/", limit=5) == rows[:1]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"limit": 201}, "The value '201' is not in the range of 0 to 200 for actions."),
        ({"limit": "x"}, "The value 'x' is not an integer for actions."),
        ({"skip": -1}, "The value '-1' is not greater than or equal to 0 for actions."),
    ],
)
def test_a_page_that_cannot_be_is_refused(ow: Client, query: dict[str, Any], text: str) -> None:
    """400 with upstream's text."""
    with pytest.raises(Refused) as refusal:
        ow("actions.list", **query)

    assert (refusal.value.status, refusal.value.error["error"].partition("\n")[2]) == (400, text)


def test_delete_answers_what_was_deleted(ow: Client) -> None:
    """And it is gone."""
    ow("actions.create", name="gone", action=ECHO)
    gone = ow("actions.delete", name="gone")
    with pytest.raises(Refused) as refusal:
        ow("actions.delete", name="gone")

    assert (gone["name"], gone["version"]) == ("gone", "0.0.1")
    assert (refusal.value.status, refusal.value.error["error"]) == (404, MISSING)


def test_a_call_that_cannot_be_is_refused_before_it_is_sent(ow: Client) -> None:
    """Errors of the client itself have no status."""
    calls = [
        ("actions.get", {}, "Missing resource identifier from parameters, supported parameter names: name, actionName"),
        ("actions.create", {"name": "x"}, "Missing mandatory action or sequence parameter from options."),
        (
            "actions.create",
            {"name": "x", "action": "", "sequence": []},
            'Invalid options parameters, contains both "action" and "sequence" parameters in options.',
        ),
        ("actions.create", {"name": "x", "sequence": "a"}, "Invalid sequence parameter from options. Must be an array."),
        ("actions.create", {"name": "x", "sequence": []}, "Invalid sequence parameter from options. Array must not be empty."),
        ("actions.invoke", {"name": "echo", "params": "text"}, "Invalid payload type, must be an object."),
    ]
    for call, options, text in calls:
        with pytest.raises(Refused) as refusal:
            ow(call, options)
        assert (refusal.value.name, refusal.value.status, refusal.value.message) == ("Error", None, text)


def test_what_the_hub_refuses_is_said(ow: Client) -> None:
    """A kind that is not here, a component that is not there, a limit out of range, a version that is none, a foreign namespace."""
    calls: list[tuple[dict[str, Any], int, str]] = [
        ({"name": "x", "action": ECHO, "kind": "cobol:85"}, 400, "cobol"),
        ({"name": "x", "sequence": ["/_/missing"]}, 400, "Sequence component does not exist."),
        ({"name": "x", "action": ECHO, "limits": {"timeout": 1}}, 400, "below allowed threshold"),
        ({"name": "x", "action": ECHO, "version": "one"}, 400, "version"),
        ({"name": "/whisk.system/utils/x", "action": ECHO}, 403, "not authorized"),
        ({"name": "nowhere/x", "action": ECHO}, 404, MISSING),
    ]
    for options, status, text in calls:
        with pytest.raises(Refused) as refusal:
            ow("actions.create", options)
        assert refusal.value.name == "OpenWhiskError"
        assert refusal.value.status == status
        assert text in refusal.value.error["error"]
        assert refusal.value.error["code"]
