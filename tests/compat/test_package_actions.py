"""Actions in packages and through bindings (openwhisk-api §5.2, §12.1)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.compat.steps import API, ECHO, MISSING, invoke, marks_of, parameters, put, put_action, said

CODE: dict[str, Any] = {"exec": {"kind": "nodejs:default", "code": ECHO}}
CONFLICT = "Resource by this name exists but is not in this collection."
ON_BINDING = "Operation not permitted on package binding."


@pytest.fixture(scope="module")
def owner(http: httpx.Client) -> httpx.Client:
    """Somebody with a package, a binding of it, and one of nothing."""
    put(http, "packages/box", {"parameters": parameters(a="package", b="package")})
    put_action(http, "box/act", parameters=parameters(b="action", c="action"), annotations=parameters(note="action"))
    put_action(http, "box/other")
    put(http, "packages/tie", {"binding": {"namespace": "_", "name": "box"}, "parameters": parameters(a="binding", b="binding")})
    put(http, "packages/fleeting")
    put(http, "packages/dangling", {"binding": {"namespace": "_", "name": "fleeting"}})
    http.delete(f"{API}/packages/fleeting").raise_for_status()
    return http


@pytest.mark.parametrize("package", ["box", "tie"])
def test_a_package_lists_its_actions(owner: httpx.Client, package: str) -> None:
    """Also through a binding, under the provider's name; without the slash it is the name of an action."""
    rows = owner.get(f"{API}/actions/{package}/").json()
    assert {(row["namespace"], row["name"]) for row in rows} == {("guest/box", "act"), ("guest/box", "other")}
    assert owner.get(f"{API}/actions/{package}/?count=true").json() == {"actions": 2}
    assert said(owner.get(f"{API}/actions/{package}")) == (409, CONFLICT)


@pytest.mark.parametrize("verb", ["PUT", "POST", "DELETE"])
def test_a_list_of_a_package_takes_no_other_verb(owner: httpx.Client, verb: str) -> None:
    """404 or 405, and nothing happens."""
    assert owner.request(verb, f"{API}/actions/box/", json=CODE).status_code in {404, 405}
    assert len(owner.get(f"{API}/actions/box/").json()) == 2


@pytest.mark.parametrize("package", ["none", "dangling"])
def test_a_package_that_is_not_there_has_no_actions(owner: httpx.Client, package: str) -> None:
    """Missing, or behind a binding missing: nothing is listed, read, made, called or deleted in it."""
    assert said(owner.get(f"{API}/actions/{package}/")) == (404, MISSING)
    assert said(owner.put(f"{API}/actions/{package}/new", json=CODE)) == (404, MISSING)
    for verb in ("GET", "POST", "DELETE"):
        assert said(owner.request(verb, f"{API}/actions/{package}/act")) == (404, MISSING)


def test_nothing_is_written_through_a_binding(owner: httpx.Client) -> None:
    """Neither made, nor changed, nor deleted."""
    for path in ("tie/act", "tie/new"):
        assert said(owner.put(f"{API}/actions/{path}?overwrite=true", json=CODE)) == (400, ON_BINDING)
        assert said(owner.delete(f"{API}/actions/{path}")) == (400, ON_BINDING)
    assert owner.get(f"{API}/actions/box/act").json()["version"] == "0.0.1"


def test_what_is_no_package_has_no_actions(owner: httpx.Client) -> None:
    """An action, a trigger: there is a conflict."""
    put_action(owner, "plain")
    put(owner, "triggers/bell")
    for name in ("plain", "bell"):
        assert said(owner.put(f"{API}/actions/{name}/new", json=CODE)) == (409, CONFLICT)
        assert said(owner.get(f"{API}/actions/{name}/")) == (409, CONFLICT)


def test_parameters_come_from_all_around(owner: httpx.Client) -> None:
    """Package under binding under action, as they are shown and as they arrive; the call is above all."""
    direct = owner.get(f"{API}/actions/box/act").json()
    bound = owner.get(f"{API}/actions/tie/act").json()
    assert {item["key"]: item["value"] for item in direct["parameters"]} == {"a": "package", "b": "action", "c": "action"}
    assert {item["key"]: item["value"] for item in bound["parameters"]} == {"a": "binding", "b": "action", "c": "action"}
    assert invoke(owner, "box/act", {"c": "call"})["response"]["result"] == {"a": "package", "b": "action", "c": "call"}
    assert invoke(owner, "tie/act", {"d": "call"})["response"]["result"] == {"a": "binding", "b": "action", "c": "action", "d": "call"}
    assert invoke(owner, "tie/other")["response"]["result"] == {"a": "binding", "b": "binding"}


def test_annotations_are_the_action_s_own(owner: httpx.Client) -> None:
    """Nothing of the package's or the binding's."""
    put(owner, "packages/box", {"annotations": parameters(note="package", more=1)})
    for path in ("box/act", "tie/act"):
        marks = marks_of(owner.get(f"{API}/actions/{path}").json())
        assert (marks["note"], "more" in marks) == ("action", False)


def test_what_is_stored_is_the_action_s_own(owner: httpx.Client) -> None:
    """PUT answers without what is inherited, so that a change of the package is seen."""
    assert put(owner, "actions/box/act", {"annotations": []})["parameters"] == parameters(b="action", c="action")
    put(owner, "packages/box", {"parameters": parameters(a="changed")})
    assert invoke(owner, "box/act")["response"]["result"]["a"] == "changed"
    put(owner, "packages/box", {"parameters": parameters(a="package", b="package")})


def test_the_record_says_through_which_binding(owner: httpx.Client) -> None:
    """Only if there was one; the path is always the provider's."""
    direct, bound = marks_of(invoke(owner, "box/act")), marks_of(invoke(owner, "tie/act"))
    assert ("binding" in direct, bound["binding"]) == (False, "guest/tie")
    assert direct["path"] == bound["path"] == "guest/box/act"


def test_a_binding_follows_its_provider(owner: httpx.Client) -> None:
    """A new action is there at once, a deleted one is gone, another provider takes the place."""
    put(owner, "packages/first")
    put(owner, "packages/second")
    put_action(owner, "second/only")
    put(owner, "packages/moving", {"binding": {"namespace": "_", "name": "first"}})
    assert said(owner.get(f"{API}/actions/moving/new")) == (404, MISSING)
    put_action(owner, "first/new")
    assert owner.get(f"{API}/actions/moving/new").status_code == 200
    owner.delete(f"{API}/actions/first/new").raise_for_status()
    assert said(owner.get(f"{API}/actions/moving/new")) == (404, MISSING)
    put(owner, "packages/moving", {"binding": {"namespace": "_", "name": "second"}})
    assert [row["name"] for row in owner.get(f"{API}/actions/moving/").json()] == ["only"]
    assert marks_of(owner.get(f"{API}/packages/moving").json())["binding"] == {"namespace": "guest", "name": "second"}


def test_a_provider_that_comes_back_heals_its_bindings(owner: httpx.Client) -> None:
    """They were not touched when it went."""
    put(owner, "packages/healing")
    put(owner, "packages/healed", {"binding": {"namespace": "_", "name": "healing"}})
    owner.delete(f"{API}/packages/healing").raise_for_status()
    assert owner.get(f"{API}/packages/healed").status_code == 404
    put(owner, "packages/healing")
    put_action(owner, "healing/act")
    assert invoke(owner, "healed/act", {"a": 1})["response"]["result"] == {"a": 1}


def test_a_provider_that_became_a_binding_is_followed(owner: httpx.Client, stranger: httpx.Client) -> None:
    """Each binding on the way gives its parameters over the one behind it; of what is foreign at its end only the keys are shown."""
    put(stranger, "packages/end", {"publish": True, "parameters": parameters(a="end", b="end", c="end")})
    put_action(stranger, "end/act", parameters=parameters(d="end"))
    put(owner, "packages/middle")
    put(owner, "packages/start", {"binding": {"namespace": "_", "name": "middle"}, "parameters": parameters(a="start")})
    owner.delete(f"{API}/packages/middle").raise_for_status()
    middle = {"binding": {"namespace": "stranger", "name": "end"}, "parameters": parameters(a="middle", b="middle")}
    put(owner, "packages/middle", middle)
    found = owner.get(f"{API}/packages/start").json()
    assert [row["name"] for row in found["actions"]] == ["act"]
    assert {item["key"]: item["value"] for item in found["parameters"]} == {"a": "start", "b": "middle", "c": None}
    shown = owner.get(f"{API}/actions/start/act").json()
    assert {item["key"]: item["value"] for item in shown["parameters"]} == {"a": "start", "b": "middle", "c": None, "d": None}
    ended = invoke(owner, "start/act")
    assert ended["response"]["result"] == {"a": "start", "b": "middle", "c": "end", "d": "end"}
    assert (marks_of(ended)["path"], marks_of(ended)["binding"]) == ("stranger/end/act", "guest/start")


def test_no_binding_leads_to_itself(owner: httpx.Client) -> None:
    """Neither to its own name nor to one that is bound to it, also when its provider was deleted in between."""
    put(owner, "packages/ring-a")
    put(owner, "packages/ring-b", {"binding": {"namespace": "_", "name": "ring-a"}})
    owner.delete(f"{API}/packages/ring-a").raise_for_status()
    answer = owner.put(f"{API}/packages/ring-a", json={"binding": {"namespace": "_", "name": "ring-b"}})
    assert said(answer) == (400, "Cannot bind to another package binding.")
    put(owner, "packages/ring-c", {"binding": {"namespace": "_", "name": "box"}})
    assert said(owner.put(f"{API}/packages/ring-c?overwrite=true", json={"binding": {"namespace": "_", "name": "ring-c"}}))[0] == 400


def test_an_empty_binding_is_none(owner: httpx.Client) -> None:
    """`{}` makes a package, and leaves what there is as it is."""
    assert put(owner, "packages/unbound", {"binding": {}})["binding"] == {}
    assert owner.get(f"{API}/packages/unbound").json()["binding"] == {}
    assert put(owner, "packages/tie", {"binding": {}})["binding"] == {"namespace": "guest", "name": "box"}


def test_actions_with_the_annotation_are_feeds(owner: httpx.Client) -> None:
    """Whatever its value is; the others are actions."""
    put(owner, "packages/sources")
    for name, value in (("yes", True), ("no", False), ("null", None), ("text", "x")):
        put_action(owner, f"sources/{name}", annotations=[{"key": "feed", "value": value}])
    put_action(owner, "sources/plain")
    found = owner.get(f"{API}/packages/sources").json()
    assert {row["name"] for row in found["feeds"]} == {"yes", "no", "null", "text"}
    assert [row["name"] for row in found["actions"]] == ["plain"]


def test_the_same_name_in_two_packages(owner: httpx.Client) -> None:
    """And outside of them: three actions."""
    for package in ("left", "right"):
        put(owner, f"packages/{package}")
        put_action(owner, f"{package}/same", f"function main() {{ return {{ from: '{package}' }}; }}")
    put_action(owner, "same", "function main() { return { from: 'none' }; }")
    assert [invoke(owner, path)["response"]["result"]["from"] for path in ("left/same", "right/same", "same")] == ["left", "right", "none"]
