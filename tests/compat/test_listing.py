"""Lists: pages, counts, order, filters and the rows of every collection (openwhisk-api §8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, invoke, marks_of, put, put_action, put_rule, put_sequence, record, said, tenant
from tests.support import hubs

ENTITIES = ("actions", "packages", "triggers", "rules")
COLLECTIONS = (*ENTITIES, "activations")
MALFORMED = "The query parameter '{}' was malformed:\n{}"


@pytest.fixture(scope="module")
def owner(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """Somebody with five entities of each collection, and nothing else."""
    with tenant(hub, "lister") as found:
        for number in range(5):
            put_action(found, f"a{number}")
            put(found, f"packages/p{number}")
            put(found, f"triggers/t{number}")
            put_rule(found, f"r{number}", f"t{number}", f"a{number}")
            invoke(found, f"a{number}")
        yield found


def names(answer: httpx.Response) -> list[str]:
    """The names in a page."""
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()]


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_newest_is_first(owner: httpx.Client, collection: str, slash: str) -> None:
    """Entities by the time of their last update, activations by their start; a trailing slash changes nothing."""
    listed = names(owner.get(f"{API}/{collection}{slash}"))
    assert [name[1:] for name in listed] == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_pages_follow_each_other(owner: httpx.Client, collection: str) -> None:
    """`skip` and `limit` cut the same order; past its end there is nothing."""
    pages = [names(owner.get(f"{API}/{collection}", params={"limit": 2, "skip": skip})) for skip in (0, 2, 4, 6)]
    assert [name for page in pages for name in page] == names(owner.get(f"{API}/{collection}"))
    assert [len(page) for page in pages] == [2, 2, 1, 0]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_count_is_what_is_left_after_skip(owner: httpx.Client, collection: str) -> None:
    """Whatever the limit; never less than 0; `false` is the list."""
    assert owner.get(f"{API}/{collection}?count=true&limit=1").json() == {collection: 5}
    assert owner.get(f"{API}/{collection}?count=TRUE&skip=3").json() == {collection: 2}
    assert owner.get(f"{API}/{collection}?count=1&skip=9").json() == {collection: 0}
    assert len(owner.get(f"{API}/{collection}?count=false").json()) == 5


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=201", "The value '201' is not in the range of 0 to 200 for {}."),
        ("limit=-1", "The value '-1' is not in the range of 0 to 200 for {}."),
        ("limit=x", "The value 'x' is not an integer for {}."),
        ("limit=1.5", "The value '1.5' is not an integer for {}."),
        ("skip=-1", "The value '-1' is not greater than or equal to 0 for {}."),
        ("skip=x", "The value 'x' is not an integer for {}."),
    ],
)
def test_a_page_out_of_range_is_refused(owner: httpx.Client, collection: str, query: str, text: str) -> None:
    """With the value and the name of the collection."""
    expected = MALFORMED.format(query.partition("=")[0], text.format(collection))
    assert said(owner.get(f"{API}/{collection}?{query}")) == (400, expected)
    assert said(owner.get(f"{API}/{collection}?{query}&count=true")) == (400, expected)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_limit_goes_up_to_200_and_0_means_that(owner: httpx.Client, collection: str) -> None:
    """Nothing else is unlimited."""
    assert len(owner.get(f"{API}/{collection}?limit=200").json()) == 5
    assert len(owner.get(f"{API}/{collection}?limit=0&skip=0").json()) == 5


def test_thirty_rows_are_a_page_and_200_the_largest(http: httpx.Client) -> None:
    """Without `limit` 30; with 0 as many as 200."""
    for number in range(205):
        http.put(f"{API}/triggers/many{number}", json={}).raise_for_status()
    assert len(http.get(f"{API}/triggers").json()) == 30
    assert len(http.get(f"{API}/triggers?limit=0").json()) == 200
    assert http.get(f"{API}/triggers?count=true").json() == {"triggers": 205}


def test_what_other_parameters_say_is_not_looked_at(owner: httpx.Client) -> None:
    """Unknown ones, `docs` outside of activations, and the `public` of old clients."""
    assert owner.get(f"{API}/actions?docs=true&bogus=x").json() == owner.get(f"{API}/actions").json()
    assert owner.get(f"{API}/packages?public=true").json() == owner.get(f"{API}/packages").json()
    assert said(owner.get(f"{API}/actions?count=maybe"))[0] == 400


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_list_takes_no_other_verb(owner: httpx.Client, collection: str) -> None:
    """The assembled server of upstream says 404, the parts of it 405; clients take either."""
    for verb in ("PUT", "POST", "DELETE"):
        answer = owner.request(verb, f"{API}/{collection}")
        assert answer.status_code in {404, 405}
        assert set(answer.json()) == {"error", "code"}


def test_an_update_comes_to_the_front(http: httpx.Client) -> None:
    """Its time is that of the update; a link of a rule is none."""
    for name in ("first", "second"):
        put(http, f"packages/{name}")
    put(http, "packages/first", {"parameters": []})
    assert names(http.get(f"{API}/packages?limit=2")) == ["first", "second"]
    put(http, "triggers/older")
    put(http, "triggers/newer")
    put_action(http, "target")
    put_rule(http, "links", "older", "target")
    assert names(http.get(f"{API}/triggers?limit=2")) == ["newer", "older"]


@pytest.mark.parametrize(
    ("collection", "members"),
    [
        ("actions", {"exec", "limits"}),
        ("packages", {"binding"}),
        ("triggers", set()),
        ("rules", {"trigger", "action"}),
    ],
)
def test_the_rows_of_entities(owner: httpx.Client, collection: str, members: set[str]) -> None:
    """The common members and few others: no code, no parameters, no state of a rule; annotations always."""
    for row in owner.get(f"{API}/{collection}").json():
        assert set(row) == {"namespace", "name", "version", "publish", "annotations", "updated", *members}
        assert isinstance(row["annotations"], list)
        assert (row["namespace"], row["version"], row["publish"]) == ("lister", "0.0.1", False)


def test_the_kind_of_an_action_is_in_its_annotation(http: httpx.Client) -> None:
    """The `exec` of a row says only whether the code is binary."""
    put_action(http, "plain")
    put_action(http, "zipped", "UEsDBAoAAAAA")
    put_sequence(http, "chain", "/_/plain")
    rows = {row["name"]: row for row in http.get(f"{API}/actions").json()}
    assert [rows[name]["exec"] for name in ("plain", "zipped", "chain")] == [{"binary": False}, {"binary": True}, {"binary": False}]
    assert marks_of(rows["plain"])["exec"].startswith("nodejs:")
    assert marks_of(rows["chain"])["exec"] == "sequence"


def test_the_actions_of_packages_are_in_the_list_of_all(http: httpx.Client) -> None:
    """Under the namespace of their package; the list of a package has its own only, with count and pages."""
    put(http, "packages/crate")
    for name in ("one", "two", "three"):
        put_action(http, f"crate/{name}")
    rows = http.get(f"{API}/actions?limit=3").json()
    assert [(row["namespace"], row["name"]) for row in rows] == [("guest/crate", name) for name in ("three", "two", "one")]
    assert names(http.get(f"{API}/actions/crate/?limit=1&skip=1")) == ["two"]
    assert http.get(f"{API}/actions/crate/?count=true&skip=1").json() == {"actions": 2}
    assert said(http.get(f"{API}/actions/crate/?limit=900"))[1].endswith("is not in the range of 0 to 200 for actions.")
    assert said(http.get(f"{API}/actions/crate")) == (409, "Resource by this name exists but is not in this collection.")


def test_the_rows_of_activations(owner: httpx.Client) -> None:
    """A number for the state and no answer, no logs, no subject; what fires has neither state nor end."""
    put(owner, "triggers/seen")
    put_rule(owner, "sees", "seen", "a0")
    fired = owner.post(f"{API}/triggers/seen", json={}).json()["activationId"]
    record(owner, fired)
    rows: dict[str, Any] = {row["name"]: row for row in owner.get(f"{API}/activations?limit=0").json()}
    common = {"namespace", "name", "version", "publish", "annotations", "activationId", "start"}
    assert set(rows["a1"]) == {*common, "end", "duration", "statusCode"}
    assert (rows["a1"]["statusCode"], rows["a1"]["duration"]) == (0, rows["a1"]["end"] - rows["a1"]["start"])
    assert set(rows["seen"]) == common
    assert {"kind", "path", "limits"} <= set(marks_of(rows["a1"]))
