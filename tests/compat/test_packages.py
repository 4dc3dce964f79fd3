"""Packages and bindings: who may use them, what is merged, what is refused (openwhisk-api §5, §9.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, EXISTS, FORBIDDEN, MISSING, invoke, parameters, put, put_action, record, said, tenant
from tests.support import hubs

NS = "/api/v1/namespaces"
CONFLICT = "Resource by this name exists but is not in this collection."


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("packages") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner of a public and a private package."""
    with hub.http as found:
        put(found, "packages/open", {"publish": True, "parameters": parameters(a="package", b="package")})
        put_action(found, "open/act", parameters=parameters(b="action", c="action"))
        put_action(found, "open/watch", annotations=parameters(feed=True))
        put(found, "packages/shut", {"parameters": parameters(a="package")})
        put_action(found, "shut/act")
        put_action(found, "loose")
        yield found


@pytest.fixture(scope="module")
def stranger(hub: hubs.Hub, http: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody else."""
    with tenant(hub, "stranger") as found:
        yield found


def bind(http: httpx.Client, name: str, target: str, namespace: str = "_", **values: Any) -> httpx.Response:
    """PUT a binding; whatever is answered."""
    body = {"binding": {"namespace": namespace, "name": target}, "parameters": parameters(**values)}
    return http.put(f"{API}/packages/{name}?overwrite=true", json=body)


def test_a_package_shows_its_actions_and_feeds(http: httpx.Client) -> None:
    """On GET of one only; in lists `binding` is false."""
    made = put(http, "packages/shown", {"annotations": parameters(description="d")})
    one = http.get(f"{API}/packages/open").json()
    row = next(row for row in http.get(f"{API}/packages").json() if row["name"] == "open")

    assert "actions" not in made
    assert made["binding"] == {}
    assert one["binding"] == {}
    assert [action["name"] for action in one["actions"]] == ["act"]
    assert [feed["name"] for feed in one["feeds"]] == ["watch"]
    assert set(one["actions"][0]) == {"name", "version", "annotations"}
    assert row["binding"] is False
    assert "parameters" not in row


def test_precedence_through_a_binding(http: httpx.Client, stranger: httpx.Client) -> None:
    """Package under binding under action under payload; the record names provider and binding."""
    assert bind(stranger, "tied", "open", "guest", a="binding", b="binding", d="binding").status_code == 200
    ended = invoke(stranger, "tied/act", {"c": "payload"})
    marks = {item["key"]: item["value"] for item in ended["annotations"]}
    shown = stranger.get(f"{API}/packages/tied").json()

    assert ended["response"]["result"] == {"a": "binding", "b": "action", "c": "payload", "d": "binding"}
    assert (ended["namespace"], marks["path"], marks["binding"]) == ("stranger", "guest/open/act", "stranger/tied")
    assert shown["binding"] == {"namespace": "guest", "name": "open"}
    assert [action["name"] for action in shown["actions"]] == ["act"]
    assert [feed["name"] for feed in shown["feeds"]] == ["watch"]
    assert {"key": "binding", "value": {"name": "open", "namespace": "guest"}} in shown["annotations"]
    assert record(stranger, ended["activationId"])["namespace"] == "stranger"
    bare = stranger.get(f"{API}/actions/tied/act?code=false").json()
    assert (bare["namespace"], bare["binding"], "code" in bare["exec"]) == ("guest/open", "stranger/tied", False)
    rows = stranger.get(f"{API}/actions/tied/").json()
    assert {row["namespace"] for row in rows} == {"guest/open"}
    listed = next(row for row in stranger.get(f"{API}/packages").json() if row["name"] == "tied")
    assert listed["binding"] == {"namespace": "guest", "name": "open"}


def test_what_a_binding_refuses(http: httpx.Client, stranger: httpx.Client) -> None:
    """Each with its text."""
    assert bind(http, "own", "open").status_code == 200
    assert said(bind(http, "b", "none")) == (400, "Binding references a package that does not exist.")
    assert said(bind(http, "b", "loose")) == (409, "Cannot bind to a resource that is not a package.")
    assert said(bind(http, "b", "own")) == (400, "Cannot bind to another package binding.")
    assert said(bind(http, "shut", "open")) == (409, "Resource is a package and cannot be converted into a binding.")
    assert said(bind(stranger, "b", "none", "guest")) == (403, FORBIDDEN.format("guest/none"))
    assert said(bind(stranger, "b", "shut", "guest")) == (403, FORBIDDEN.format("guest/shut"))
    assert said(http.put(f"{API}/packages/default", json={})) == (400, "Package name 'default' is reserved.")
    assert said(http.put(f"{API}/actions/own/new", json={"exec": {"kind": "nodejs:default", "code": ""}})) == (
        400,
        "Operation not permitted on package binding.",
    )
    assert said(http.delete(f"{API}/actions/own/act")) == (400, "Operation not permitted on package binding.")
    assert bind(http, "own", "shut").status_code == 200
    assert http.get(f"{API}/packages/own").json()["binding"]["name"] == "shut"


def test_deleting(http: httpx.Client) -> None:
    """What is not empty needs `force`; a binding never does."""
    put(http, "packages/full")
    put_action(http, "full/a")
    put_action(http, "full/b")
    text = "Package not empty (contains {}). Set force param or delete package contents."
    assert said(http.delete(f"{API}/packages/full")) == (409, text.format("2 entities"))
    http.delete(f"{API}/actions/full/b").raise_for_status()
    assert said(http.delete(f"{API}/packages/full")) == (409, text.format("1 entity"))
    assert bind(http, "hull", "full").status_code == 200
    gone = http.delete(f"{API}/packages/full?force=true")
    assert (gone.status_code, gone.json()["name"]) == (200, "full")
    assert said(http.get(f"{API}/actions/full/a")) == (404, MISSING)
    assert said(http.get(f"{API}/packages/full")) == (404, "The requested resource 'guest/full' does not exist.")
    assert said(http.delete(f"{API}/packages/full")) == (404, MISSING)
    assert said(http.get(f"{API}/actions/full/")) == (404, MISSING)
    assert http.get(f"{API}/packages/hull").status_code == 404
    assert http.post(f"{API}/actions/hull/a", json={}).status_code == 404
    assert http.delete(f"{API}/packages/hull").status_code == 200


def test_all_collections_share_their_names(http: httpx.Client) -> None:
    """Whoever comes first has it, for GET, PUT and DELETE."""
    put(http, "triggers/taken")
    for collection in ("actions", "packages", "rules"):
        assert said(http.get(f"{API}/{collection}/taken")) == (409, CONFLICT)
        assert said(http.delete(f"{API}/{collection}/taken")) == (409, CONFLICT)
    body = {"exec": {"kind": "nodejs:default", "code": "function main() {}"}}
    assert said(http.put(f"{API}/actions/taken", json=body)) == (409, CONFLICT)
    assert said(http.put(f"{API}/actions/taken?overwrite=true", json=body)) == (409, CONFLICT)
    assert said(http.put(f"{API}/triggers/taken", json={})) == (409, EXISTS)
    assert said(http.get(f"{API}/actions/open")) == (409, CONFLICT)


def test_what_strangers_may_and_may_not(http: httpx.Client, stranger: httpx.Client) -> None:
    """A public package is read and used; nothing else of a namespace is, and nobody learns what is there."""
    assert stranger.get(f"{NS}/guest/packages/open").status_code == 200
    assert stranger.get(f"{NS}/guest/actions/open/act").status_code == 200
    assert len(stranger.get(f"{NS}/guest/actions/open/").json()) == 2
    assert invoke(stranger, "open/act", namespace="guest")["namespace"] == "stranger"
    listed = stranger.get(f"{NS}/guest/packages").json()
    assert [row["name"] for row in listed] == ["open"]
    assert stranger.get(f"{NS}/nobody/packages").json() == []
    assert "alarms" in {row["name"] for row in stranger.get(f"{NS}/whisk.system/packages").json()}

    for path in ("packages/shut", "packages/none"):
        assert said(stranger.get(f"{NS}/guest/{path}")) == (403, FORBIDDEN.format(f"guest/{path.partition('/')[2]}"))
    for method in ("GET", "POST"):
        assert said(stranger.request(method, f"{NS}/guest/actions/shut/act")) == (403, FORBIDDEN.format("guest/shut"))
        assert said(stranger.request(method, f"{NS}/guest/actions/loose")) == (403, FORBIDDEN.format("guest/loose"))
    assert said(stranger.get(f"{NS}/guest/actions/shut/")) == (403, FORBIDDEN.format("guest/shut"))
    body = {"exec": {"kind": "nodejs:default", "code": "function main() {}"}}
    assert said(stranger.put(f"{NS}/guest/actions/open/act?overwrite=true", json=body)) == (403, FORBIDDEN.format("guest/open/act"))
    assert said(stranger.delete(f"{NS}/guest/actions/open/act")) == (403, FORBIDDEN.format("guest/open/act"))
    assert said(stranger.delete(f"{NS}/guest/packages/open")) == (403, FORBIDDEN.format("guest/open"))
    for collection in ("actions", "triggers", "rules", "activations", "limits"):
        assert said(stranger.get(f"{NS}/guest/{collection}")) == (403, FORBIDDEN.format("guest"))
    assert said(stranger.get(f"{NS}/nobody/actions")) == (403, FORBIDDEN.format("nobody"))


def test_a_binding_is_never_public(http: httpx.Client, stranger: httpx.Client) -> None:
    """Whatever its `publish` says."""
    put(http, "packages/offered", {"binding": {"namespace": "_", "name": "open"}, "publish": True})
    assert said(stranger.get(f"{NS}/guest/packages/offered")) == (403, FORBIDDEN.format("guest/offered"))
    assert said(stranger.post(f"{NS}/guest/actions/offered/act", json={})) == (403, FORBIDDEN.format("guest/offered"))
    assert "offered" not in {row["name"] for row in stranger.get(f"{NS}/guest/packages").json()}
    assert said(bind(stranger, "of-binding", "offered", "guest"))[0] in {400, 403}


def test_a_provider_that_is_taken_back(http: httpx.Client, stranger: httpx.Client) -> None:
    """The binding stays; what is behind it is refused."""
    put(http, "packages/lent", {"publish": True})
    put_action(http, "lent/act")
    assert bind(stranger, "borrowed", "lent", "guest").status_code == 200
    put(http, "packages/lent", {"publish": False})
    for method, path in (("GET", "packages/borrowed"), ("GET", "actions/borrowed/act"), ("POST", "actions/borrowed/act")):
        assert said(stranger.request(method, f"{API}/{path}")) == (403, FORBIDDEN.format("guest/lent"))
    assert "borrowed" in {row["name"] for row in stranger.get(f"{API}/packages").json()}
    assert stranger.delete(f"{API}/packages/borrowed").status_code == 200


def test_values_of_a_public_package_are_its_owner_s(http: httpx.Client, stranger: httpx.Client) -> None:
    """Strangers see the keys (design §2.15)."""
    shown = stranger.get(f"{NS}/guest/packages/open").json()["parameters"]
    action = stranger.get(f"{NS}/guest/actions/open/act").json()["parameters"]
    assert {item["key"] for item in shown} == {"a", "b"}
    assert {item["key"] for item in action} == {"a", "b", "c"}
    assert {item["value"] for item in shown + action} == {None}


def test_annotations_are_replaced_and_actions_are_merged(http: httpx.Client) -> None:
    """The one asymmetry of updates; what is absent stays."""
    put(http, "packages/noted", {"annotations": parameters(a=1), "parameters": parameters(p=1)})
    package = put(http, "packages/noted", {"annotations": parameters(b=2)})
    put_action(http, "noted/act", annotations=parameters(a=1), parameters=parameters(p=1))
    action = put(http, "actions/noted/act", {"annotations": parameters(b=2), "delAnnotations": ["a"]})

    assert (package["annotations"], package["parameters"], package["version"]) == (parameters(b=2), parameters(p=1), "0.0.2")
    assert {item["key"] for item in action["annotations"]} == {"provide-api-key", "exec", "b"}
    assert action["parameters"] == parameters(p=1)
    assert put(http, "packages/noted", {"version": "2.1"})["version"] == "2.1.0"
    assert put(http, "packages/noted", {"parameters": []})["parameters"] == []
    plain = put(http, "packages/noted", {"annotations": parameters(binding={"namespace": "a", "name": "b"}, kept=1)})
    assert plain["annotations"] == parameters(kept=1)
