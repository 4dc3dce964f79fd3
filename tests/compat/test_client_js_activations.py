"""The `openwhisk` npm client, unchanged: activations (openwhisk-api §2.6, §8, §11.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.compat.steps import ECHO, marks_of, tenant_key
from tests.support import hubs, openwhisk_js
from tests.support.eventually import eventually
from tests.support.openwhisk_js import Client, Refused

SPEAKS = "function main(args) { console.log('out'); console.error('err'); return args; }"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("client-js-activations") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def ow(hub: hubs.Hub) -> Iterator[Client]:
    """The client with the key of a namespace of its own."""
    with openwhisk_js.client(hub, api_key=tenant_key(hub, "records")) as found:
        found("actions.create", name="speaks", action=SPEAKS)
        found("packages.create", name="box")
        found("actions.create", name="box/inner", action=ECHO)
        found("actions.create", name="steps", sequence=["/_/speaks", "/_/box/inner"])
        yield found


@pytest.fixture(scope="module")
def ran(ow: Client) -> list[dict[str, Any]]:
    """Five runs one after another; each is on record."""
    names = ["speaks", "speaks", "box/inner", "speaks", "steps"]
    ended = [ow("actions.invoke", name=name, blocking=True, params={"n": n}) for n, name in enumerate(names)]
    eventually(lambda: ow("activations.list", count=True) == {"activations": 7})
    return ended


def test_a_record_is_read_whole_or_in_part(ow: Client, ran: list[dict[str, Any]]) -> None:
    """By `name`, `activation`, `activationId` or as text; logs and result by themselves."""
    given = ran[0]["activationId"]
    whole = ow("activations.get", name=given)

    assert whole == ow("activations.get", given) == ow("activations.get", activation=given) == ow("activations.get", activationId=given)
    assert whole["response"] == {"result": {"n": 0}, "status": "success", "success": True, "size": 7}
    assert {"kind", "path", "limits", "timeout", "waitTime", "initTime"} <= set(marks_of(whole))
    assert ow("activations.result", name=given) == whole["response"]
    assert ow("activations.logs", given) == {"logs": whole["logs"]}
    assert sorted(line.split(" ", 1)[1].strip() for line in whole["logs"]) == ["stderr: err", "stdout: out"]


def test_a_record_that_is_not_there_is_refused(ow: Client) -> None:
    """404 for an id of nobody, 400 for text that is none, an error of the client for nothing at all."""
    cases: list[tuple[Any, int | None]] = [("0" * 32, 404), ("short", 400), ({}, None)]
    for given, status in cases:
        for call in ("get", "logs", "result"):
            with pytest.raises(Refused) as refusal:
                ow(f"activations.{call}", given)
            assert refusal.value.status == status
    assert refusal.value.message == "Missing mandatory activation parameter from options."


def test_the_list_has_rows_newest_first(ow: Client, ran: list[dict[str, Any]]) -> None:
    """Rows have no response and no logs; `docs` makes them whole."""
    rows = ow("activations.list")
    whole = ow("activations.list", docs=True)

    assert [row["start"] for row in rows] == sorted((row["start"] for row in rows), reverse=True)
    assert {row["activationId"] for row in ran} <= {row["activationId"] for row in rows}
    assert all("response" not in row and "logs" not in row and row["statusCode"] == 0 for row in rows)
    assert all(row["response"]["success"] and "logs" in row for row in whole)
    assert {row["activationId"] for row in whole} == {row["activationId"] for row in rows}


def test_the_list_pages_and_counts(ow: Client, ran: list[dict[str, Any]]) -> None:
    """`limit`, `skip`, `count`."""
    rows = ow("activations.list")

    assert ow("activations.list", limit=2) == rows[:2]
    assert ow("activations.list", limit=2, skip=2) == rows[2:4]
    assert ow("activations.list", count=True) == {"activations": len(rows)}
    assert ow("activations.list", count=True, skip=2) == {"activations": len(rows) - 2}


@pytest.mark.parametrize(("name", "count"), [("speaks", 4), ("box/inner", 2), ("steps", 1), ("inner", 0), ("none", 0)])
def test_the_list_is_of_one_action(ow: Client, ran: list[dict[str, Any]], name: str, count: int) -> None:
    """`name`: an action in a package only by both names; components of a sequence as well."""
    assert len(ow("activations.list", name=name)) == count
    assert ow("activations.list", name=name, count=True) == {"activations": count}


def test_the_list_is_of_a_time(ow: Client, ran: list[dict[str, Any]]) -> None:
    """`since` and `upto` are milliseconds and inclusive."""
    first, second = ran[1]["start"], ran[2]["start"]
    ids = {row["activationId"] for row in ow("activations.list", since=first, upto=second)}

    assert {ran[1]["activationId"], ran[2]["activationId"]} <= ids
    assert ran[4]["activationId"] not in ids or ran[4]["start"] == second
    assert ow("activations.list", since=ran[4]["start"] + 600_000) == []
    assert ow("activations.list", upto=ran[0]["start"] - 600_000, count=True) == {"activations": 0}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"since": "noon"}, "Parameter is not a valid value for epoch seconds: noon"),
        ({"name": "a/b/c"}, "Parameter may be a 'simple' name or 'package-name/simple' name: a/b/c"),
        ({"limit": 201}, "The value '201' is not in the range of 0 to 200 for activations."),
        ({"docs": True, "count": True}, "The parameter 'docs' is not permitted with 'count'."),
    ],
)
def test_a_list_that_cannot_be_is_refused(ow: Client, query: dict[str, Any], text: str) -> None:
    """400 with upstream's text."""
    with pytest.raises(Refused) as refusal:
        ow("activations.list", **query)

    assert refusal.value.status == 400
    assert refusal.value.error["error"].endswith(text)


def test_a_sequence_names_the_records_of_its_steps(ow: Client, ran: list[dict[str, Any]]) -> None:
    """Their ids are its logs; each has it as cause."""
    sequence = ow("activations.get", ran[4]["activationId"])
    steps = [ow("activations.get", given) for given in sequence["logs"]]

    assert [step["name"] for step in steps] == ["speaks", "inner"]
    assert {step["cause"] for step in steps} == {sequence["activationId"]}
    assert marks_of(sequence)["kind"] == "sequence"
    assert all(marks_of(step)["causedBy"] == "sequence" for step in steps)
