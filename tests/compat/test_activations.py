"""Activations: records, their parts, and how they are found (openwhisk-api §2.6, §8.1)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, FORBIDDEN, MISSING, invoke, limit, marks_of, put, put_action, put_rule, put_sequence, record, said
from tests.support import hubs
from tests.support.eventually import eventually

NO_ID = "0" * 32
NO_NAME = "Parameter may be a 'simple' name or 'package-name/simple' name: {}"
MALFORMED = "The query parameter '{}' was malformed:\n{}"


@pytest.fixture(scope="module")
def runs(http: httpx.Client) -> list[dict[str, Any]]:
    """Three runs of one action, oldest first; no two began in the same millisecond."""
    put_action(http, "timed", "function main(a) { console.log('seen', a.n); return a; }")
    found: list[dict[str, Any]] = []
    while len(found) < 3:
        ended = invoke(http, "timed", {"n": len(found)})
        if not found or ended["start"] > found[-1]["start"]:
            found.append(ended)
    return found


def ids(http: httpx.Client, **query: Any) -> list[str]:
    """The ids that a list finds, oldest first."""
    answer = http.get(f"{API}/activations", params=query)
    assert answer.status_code == 200, answer.text
    return [row["activationId"] for row in reversed(answer.json())]


@pytest.mark.parametrize("docs", ["true", "false"])
def test_since_and_upto_are_inclusive(http: httpx.Client, runs: list[dict[str, Any]], docs: str) -> None:
    """Milliseconds, compared with the start; both together, either alone, also in a count and between two runs."""
    first, second, third = (run["activationId"] for run in runs)
    start = runs[1]["start"]
    only = {"name": "timed", "docs": docs}

    assert [found for found in ids(http, **only, since=start) if found in {first, second, third}] == [second, third]
    assert [found for found in ids(http, **only, upto=start) if found in {first, second, third}] == [first, second]
    assert second in ids(http, **only, since=start, upto=start)
    assert first not in ids(http, **only, since=start, upto=start)
    assert ids(http, **only, upto=1) == []
    assert ids(http, **only, since=runs[2]["start"] + 100_000) == []
    assert http.get(f"{API}/activations?count=true&name=timed&since={start}&upto={start}").json()["activations"] >= 1


@pytest.mark.parametrize("name", ["since", "upto"])
@pytest.mark.parametrize("value", ["", "x", "1.5", "1e3", "2026-01-01"])
def test_a_time_that_is_no_number_is_refused(http: httpx.Client, name: str, value: str) -> None:
    """In upstream's words, which say seconds."""
    text = f"Parameter is not a valid value for epoch seconds: {value}"
    assert said(http.get(f"{API}/activations", params={name: value})) == (400, MALFORMED.format(name, text))


@pytest.mark.parametrize("value", ["a/b/c", "bad%name", "/", "a/", "/a", "b!", "a//b", "x" * 257])
def test_a_name_that_is_none_is_refused(http: httpx.Client, value: str) -> None:
    """`simple` or `package/simple`."""
    assert said(http.get(f"{API}/activations", params={"name": value})) == (400, MALFORMED.format("name", NO_NAME.format(value)))


def test_docs_and_count_do_not_go_together(http: httpx.Client) -> None:
    """Unless one of them is false."""
    answer = http.get(f"{API}/activations?docs=true&count=true")
    assert (answer.status_code, "The parameter 'docs' is not permitted with 'count'." in answer.json()["error"]) == (400, True)
    assert "activations" in http.get(f"{API}/activations?docs=false&count=true").json()


def test_a_name_finds_exactly_one_kind_of_call(http: httpx.Client) -> None:
    """A packaged action is not found by its bare name, one called through a binding only under the binding's."""
    put(http, "packages/box")
    put_action(http, "box/same")
    put_action(http, "same")
    put(http, "packages/tied", {"binding": {"namespace": "_", "name": "box"}})
    made = {path: invoke(http, path)["activationId"] for path in ("same", "box/same", "tied/same")}
    for path, found in made.items():
        assert ids(http, name=path) == [found]
    assert ids(http, name="other/same") == []
    assert set(made.values()) <= set(ids(http, name="", limit=0))


def test_sequences_and_triggers_are_found_by_name_too(http: httpx.Client) -> None:
    """And the steps by theirs."""
    put_action(http, "step")
    put_sequence(http, "walk", "/_/step", "/_/step")
    put(http, "triggers/starts")
    put_rule(http, "start-rule", "starts", "walk")
    fired = http.post(f"{API}/triggers/starts", json={}).json()["activationId"]
    walked = json.loads(record(http, fired)["logs"][0])["activationId"]
    steps = record(http, walked)["logs"]
    assert ids(http, name="starts") == [fired]
    assert ids(http, name="walk") == [walked]
    assert ids(http, name="step") == steps


def test_docs_give_whole_records(http: httpx.Client, runs: list[dict[str, Any]]) -> None:
    """The same that GET of one gives, logs included."""
    whole = {row["activationId"]: row for row in http.get(f"{API}/activations?docs=true&name=timed&limit=0").json()}
    for run in runs:
        assert whole[run["activationId"]] == http.get(f"{API}/activations/{run['activationId']}").json()
    assert whole[runs[2]["activationId"]]["logs"][0].endswith("stdout: seen 2")


def test_the_last_one_is_a_page_of_one(http: httpx.Client) -> None:
    """As `wsk activation get --last` asks for it, right after the call."""
    put_action(http, "last")
    ended = invoke(http, "last")
    assert ids(http, limit=1, skip=0) == [ended["activationId"]]


def test_a_poll_sees_what_is_new(http: httpx.Client) -> None:
    """As `wsk activation poll` does: the newest, then everything since, whole."""
    put_action(http, "polled", "function main() { console.log('polled'); return {}; }")
    newest = http.get(f"{API}/activations?docs=true&limit=1&skip=0").json()
    since = newest[0]["start"] + 1 if newest else 0
    ended = invoke(http, "polled")
    found = http.get(f"{API}/activations?docs=true&limit=0&skip=0&since={since}").json()
    assert ended["activationId"] in {row["activationId"] for row in found}
    assert any(line.endswith("polled") for row in found for line in row["logs"])


def test_the_parts_of_a_record(http: httpx.Client, runs: list[dict[str, Any]]) -> None:
    """The result is the response, the logs an object; one record may be asked for with a slash."""
    one = f"{API}/activations/{runs[1]['activationId']}"
    whole = http.get(one).json()
    assert http.get(f"{one}/").json() == whole
    assert http.get(f"{one}/result").json() == {"result": {"n": 1}, "size": 7, "status": "success", "success": True}
    assert http.get(f"{one}/logs").json() == {"logs": whole["logs"]}


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        (NO_ID, 404, MISSING),
        (NO_ID[1:], 400, "Activation id length is 31 but must be 32."),
        (f"{NO_ID}0", 400, "Activation id length is 33 but must be 32."),
        (f"{NO_ID[1:]}z", 400, "The activation id is not valid."),
        (f"{NO_ID[1:]}$", 400, "The activation id is not valid."),
    ],
)
@pytest.mark.parametrize("part", ["", "/result", "/logs"])
def test_an_id_that_finds_nothing(http: httpx.Client, text: str, status: int, error: str, part: str) -> None:
    """Too short, too long, illegal, or of no record; also for result and logs."""
    assert said(http.get(f"{API}/activations/{text}{part}")) == (status, error)


def test_a_part_that_is_none_is_not_found(http: httpx.Client, runs: list[dict[str, Any]]) -> None:
    """Records have a result and logs."""
    assert http.get(f"{API}/activations/{runs[0]['activationId']}/bogus").status_code == 404


@pytest.mark.parametrize("verb", ["PUT", "POST", "DELETE"])
def test_records_are_only_read(http: httpx.Client, runs: list[dict[str, Any]], verb: str) -> None:
    """No other verb is taken."""
    one = f"{API}/activations/{runs[0]['activationId']}"
    assert {http.request(verb, path).status_code for path in (one, f"{one}/result", f"{one}/logs")} <= {404, 405}
    assert http.get(one).status_code == 200


def test_a_record_is_its_namespace_s(http: httpx.Client, stranger: httpx.Client, runs: list[dict[str, Any]]) -> None:
    """Nobody else reads it, and nobody finds it in his own."""
    one = runs[0]["activationId"]
    assert said(stranger.get(f"/api/v1/namespaces/guest/activations/{one}")) == (403, FORBIDDEN.format(f"guest/{one}"))
    assert said(stranger.get("/api/v1/namespaces/guest/activations")) == (403, FORBIDDEN.format("guest"))
    assert said(stranger.get(f"{API}/activations/{one}")) == (404, MISSING)


def test_there_is_no_record_before_the_end(http: httpx.Client) -> None:
    """404 while it runs, also for its parts; then all of it."""
    put_action(http, "slow", "function main() { return new Promise(done => setTimeout(() => done({ late: true }), 700)); }")
    started = http.post(f"{API}/actions/slow", json={}).json()["activationId"]
    assert said(http.get(f"{API}/activations/{started}")) == (404, MISSING)
    assert said(http.get(f"{API}/activations/{started}/logs")) == (404, MISSING)
    assert record(http, started)["response"]["result"] == {"late": True}


def test_records_are_not_kept_when_the_namespace_says_so(hub: hubs.Hub, stranger: httpx.Client) -> None:
    """`storeActivations=false`: answers and ids as always, of runs, sequences and fires; nothing is found."""
    limit(hub, "stranger", storeActivations=False)
    put_action(stranger, "unseen")
    put_sequence(stranger, "unseen-walk", "/_/unseen")
    put(stranger, "triggers/unseen-bell")
    put_rule(stranger, "unseen-rule", "unseen-bell", "unseen")
    made = [invoke(stranger, "unseen", {"a": 1}), invoke(stranger, "unseen-walk", {"a": 1})]
    fired = stranger.post(f"{API}/triggers/unseen-bell", json={})
    assert {str(run["response"]["result"]) for run in made} == {"{'a': 1}"}
    assert fired.status_code == 202
    for one in (*(run["activationId"] for run in made), fired.json()["activationId"]):
        assert said(stranger.get(f"{API}/activations/{one}")) == (404, MISSING)
    assert stranger.get(f"{API}/activations?count=true").json() == {"activations": 0}
    limit(hub, "stranger", storeActivations=True)
    assert record(stranger, invoke(stranger, "unseen")["activationId"])


@pytest.fixture(scope="module")
def marked(http: httpx.Client) -> dict[str, Any]:
    """What a record says of a run with limits of its own."""
    put_action(http, "limited", limits={"memory": 128, "timeout": 1000, "logs": 1})
    return marks_of(record(http, invoke(http, "limited")["activationId"]))


def test_a_record_says_where_and_under_which_limits_it_ran(marked: dict[str, Any]) -> None:
    """`path`, `kind`, `limits`, `timeout`, and how long it waited."""
    assert marked["path"] == "guest/limited"
    assert marked["limits"] == {"concurrency": 1, "logs": 1, "memory": 128, "timeout": 1000}
    assert marked["timeout"] is False
    assert marked["kind"].startswith("nodejs:")
    assert marked["waitTime"] >= 0


def test_init_time_is_only_in_the_record_of_a_cold_run(http: httpx.Client) -> None:
    """And part of the duration."""
    put_action(http, "cold", "function main() { return {}; }")
    first, second = invoke(http, "cold"), invoke(http, "cold")
    assert 0 < marks_of(first)["initTime"] <= first["duration"]
    assert "initTime" not in marks_of(second)
    assert eventually(lambda: marks_of(record(http, first["activationId"])) == marks_of(first))
