"""Rights: whose is what, kinds that are allowed, and what shared packages give (openwhisk-api §9.2, §9.3, §9.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import (
    API,
    ECHO,
    FORBIDDEN,
    MISSING,
    invoke,
    limit,
    operate,
    parameters,
    put,
    put_action,
    put_rule,
    put_sequence,
    said,
    tenant,
)
from tests.support import hubs
from tests.support.tls import TLS

NS = "/api/v1/namespaces"
CODE = {"exec": {"kind": "nodejs:default", "code": ECHO}}
KIND = "The supplied authentication is not authorized to access actions of kind '{}'."


@pytest.fixture(scope="module")
def shared(http: httpx.Client) -> httpx.Client:
    """The owner of things private and public."""
    put_action(http, "private")
    put(http, "triggers/private-bell")
    put_rule(http, "private-rule", "private-bell", "private")
    put(http, "packages/closed")
    put_action(http, "closed/act")
    put(http, "packages/open", {"publish": True})
    put_action(
        http, "open/act", "function main() { return { namespace: process.env.__OW_NAMESPACE, name: process.env.__OW_ACTION_NAME }; }"
    )
    return http


def body_of(path: str) -> dict[str, Any]:
    """Something that could be PUT there."""
    return {**CODE, "trigger": "/guest/private-bell", "action": "/guest/private"} if not path.startswith(("packages", "triggers")) else {}


@pytest.mark.parametrize("verb", ["GET", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path", ["actions/private", "triggers/private-bell", "rules/private-rule", "actions/never", "triggers/never", "rules/never"]
)
def test_what_is_private_is_forbidden_whether_it_is_there_or_not(
    shared: httpx.Client, stranger: httpx.Client, verb: str, path: str
) -> None:
    """For every verb, with the name of the thing."""
    body = {"status": "active"} if path.startswith("rules") and verb == "POST" else body_of(path)
    answer = stranger.request(verb, f"{NS}/guest/{path}", json=body if verb in {"PUT", "POST"} else None)
    assert said(answer) == (403, FORBIDDEN.format(f"guest/{path.partition('/')[2]}"))


@pytest.mark.parametrize("path", ["closed", "never"])
def test_a_private_package_is_forbidden_whether_it_is_there_or_not(shared: httpx.Client, stranger: httpx.Client, path: str) -> None:
    """The package is named for what is read and called, the action for what is written."""
    for verb in ("GET", "DELETE"):
        assert said(stranger.request(verb, f"{NS}/guest/packages/{path}")) == (403, FORBIDDEN.format(f"guest/{path}"))
    assert said(stranger.put(f"{NS}/guest/packages/{path}", json={})) == (403, FORBIDDEN.format(f"guest/{path}"))
    for verb, where in (("GET", f"{path}/act"), ("POST", f"{path}/act"), ("GET", f"{path}/")):
        assert said(stranger.request(verb, f"{NS}/guest/actions/{where}")) == (403, FORBIDDEN.format(f"guest/{path}"))
    assert said(stranger.put(f"{NS}/guest/actions/{path}/act", json=CODE)) == (403, FORBIDDEN.format(f"guest/{path}/act"))
    assert said(stranger.delete(f"{NS}/guest/actions/{path}/act")) == (403, FORBIDDEN.format(f"guest/{path}/act"))


def test_a_shared_package_is_read_and_run_and_not_written(shared: httpx.Client, stranger: httpx.Client) -> None:
    """A missing action in it is not found; what runs knows its caller's namespace and its own name."""
    assert stranger.get(f"{NS}/guest/packages/open").json()["name"] == "open"
    ran = invoke(stranger, "open/act", namespace="guest")
    assert ran["response"]["result"] == {"namespace": "stranger", "name": "/guest/open/act"}
    assert (ran["namespace"], ran["subject"]) == ("stranger", "stranger")
    assert said(stranger.get(f"{NS}/guest/actions/open/none")) == (404, MISSING)
    assert said(stranger.post(f"{NS}/guest/actions/open/none", json={})) == (404, MISSING)
    assert said(stranger.put(f"{NS}/guest/actions/open/new", json=CODE)) == (403, FORBIDDEN.format("guest/open/new"))
    assert said(stranger.put(f"{NS}/guest/packages/open?overwrite=true", json={})) == (403, FORBIDDEN.format("guest/open"))


def test_sharing_ends_when_the_owner_says_so(shared: httpx.Client, stranger: httpx.Client) -> None:
    """At once, in both directions, for reading, running, listing and binding."""
    put(shared, "packages/toggled", {"publish": True})
    put_action(shared, "toggled/act")
    for publish, status in ((True, 200), (False, 403), (True, 200)):
        put(shared, "packages/toggled", {"publish": publish})
        assert stranger.get(f"{NS}/guest/packages/toggled").status_code == status
        assert stranger.get(f"{NS}/guest/actions/toggled/act").status_code == status
        assert stranger.post(f"{NS}/guest/actions/toggled/act?blocking=true", json={}).status_code == status
        bound = stranger.put(f"{API}/packages/toggled-tie?overwrite=true", json={"binding": {"namespace": "guest", "name": "toggled"}})
        assert bound.status_code == status
        listed = {row["name"] for row in stranger.get(f"{NS}/guest/packages?limit=0").json()}
        assert ("toggled" in listed) is publish


def test_private_packages_are_not_listed(shared: httpx.Client, stranger: httpx.Client) -> None:
    """To others; to the owner they are. A namespace that does not exist looks like one without public packages."""
    assert {"open", "closed"} <= {row["name"] for row in shared.get(f"{API}/packages?limit=0").json()}
    foreign = stranger.get(f"{NS}/guest/packages?limit=0").json()
    assert "closed" not in {row["name"] for row in foreign}
    assert stranger.get(f"{NS}/guest/packages?count=true").json()["packages"] == len(foreign)
    assert stranger.get(f"{NS}/never-was/packages").json() == []


@pytest.mark.parametrize("path", ["none", "none/act"])
def test_the_owner_is_told_what_is_missing(shared: httpx.Client, path: str) -> None:
    """404, for a package with its name."""
    for verb in ("GET", "POST", "DELETE"):
        assert said(shared.request(verb, f"{API}/actions/{path}")) == (404, MISSING)
    assert said(shared.get(f"{API}/packages/none")) == (404, "The requested resource 'guest/none' does not exist.")


def test_a_name_that_is_none_comes_before_rights(stranger: httpx.Client) -> None:
    """400, also in a namespace of others."""
    assert said(stranger.get(f"{NS}/bad!name/actions/x")) == (400, "The namespace contains illegal characters.")
    assert said(stranger.get(f"{NS}/guest/actions/bad!name")) == (400, "The name of the entity contains illegal characters.")
    assert said(stranger.get(f"{NS}/guest/packages/bad!name")) == (400, "The name of the entity contains illegal characters.")


def test_several_refusals_are_told_together(shared: httpx.Client, stranger: httpx.Client) -> None:
    """Components of a sequence that may not be used: sorted, packages as such."""
    names = ["/guest/private", "/guest/closed/act", "/guest/never"]
    answer = stranger.put(f"{API}/actions/grabs", json={"exec": {"kind": "sequence", "components": names}})
    assert said(answer) == (403, FORBIDDEN.format("guest/closed, guest/never, guest/private"))


def test_a_sequence_of_shared_actions_loses_what_is_no_longer_shared(shared: httpx.Client, stranger: httpx.Client) -> None:
    """It is there, and may not run; reading it is allowed."""
    put(shared, "packages/lending", {"publish": True})
    put_action(shared, "lending/act")
    put_sequence(stranger, "borrowing", "/guest/lending/act")
    assert invoke(stranger, "borrowing", {"a": 1})["response"]["result"] == {"a": 1}
    put(shared, "packages/lending", {"publish": False})
    assert said(stranger.post(f"{API}/actions/borrowing?blocking=true", json={})) == (403, FORBIDDEN.format("guest/lending"))
    assert stranger.get(f"{API}/actions/borrowing").status_code == 200


def test_a_rule_needs_rights_on_both_ends(shared: httpx.Client, stranger: httpx.Client) -> None:
    """The trigger must be the caller's own, the action his or shared."""
    put(stranger, "triggers/own-bell")
    answer = stranger.put(f"{API}/rules/r", json={"trigger": "/guest/private-bell", "action": "/guest/open/act"})
    assert said(answer) == (403, FORBIDDEN.format("guest/private-bell"))
    answer = stranger.put(f"{API}/rules/r", json={"trigger": "/_/own-bell", "action": "/guest/private"})
    assert said(answer) == (403, FORBIDDEN.format("guest/private"))
    assert stranger.put(f"{API}/rules/r", json={"trigger": "/_/own-bell", "action": "/guest/open/act"}).status_code == 200


def test_a_binding_is_for_its_owner_only(shared: httpx.Client, stranger: httpx.Client, hub: hubs.Hub) -> None:
    """As long as he may read what is behind it; published or not, for nobody else."""
    put(shared, "packages/tie", {"binding": {"namespace": "_", "name": "closed"}, "publish": True})
    assert invoke(shared, "tie/act", {"a": 1})["response"]["result"] == {"a": 1}
    for verb, path in (("GET", "packages/tie"), ("GET", "actions/tie/act"), ("POST", "actions/tie/act"), ("GET", "actions/tie/")):
        assert said(stranger.request(verb, f"{NS}/guest/{path}")) == (403, FORBIDDEN.format("guest/tie"))


@pytest.fixture
def restricted(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """Somebody who may have Python only."""
    with tenant(hub, "restricted") as found:
        put_action(found, "before")
        limit(hub, "restricted", allowedKinds="python:3")
        yield found
    operate(hub, "limits-delete", namespace="restricted")
    operate(hub, "user-delete", subject="restricted")


def test_only_kinds_that_are_allowed_are_made(restricted: httpx.Client) -> None:
    """Sequences are always; an action of another kind that is there goes on, and may not be written anew."""
    assert put_action(restricted, "snake", "def main(a): return a", "python:3")["exec"]["kind"] == "python:3"
    assert put_sequence(restricted, "walk", "/_/snake")["exec"]["kind"] == "sequence"
    status, text = said(restricted.put(f"{API}/actions/node", json=CODE))
    assert (status, text.startswith("The supplied authentication is not authorized to access actions of kind 'nodejs:")) == (403, True)
    status, _ = said(restricted.put(f"{API}/actions/before?overwrite=true", json=CODE))
    assert status == 403
    assert invoke(restricted, "before", {"a": 1})["response"]["result"] == {"a": 1}


def test_no_kind_allowed_is_every_kind_allowed(hub: hubs.Hub) -> None:
    """An empty list restricts nothing (openwhisk-api §9.2)."""
    with tenant(hub, "unrestricted") as http:
        operate(hub, "limits-set", namespace="unrestricted", limits={"allowedKinds": []})
        assert put_action(http, "node")["name"] == "node"


def test_images_are_refused_by_their_kind(http: httpx.Client) -> None:
    """Without a driver that runs them (design §2.15)."""
    for exec_ in ({"kind": "blackbox", "image": "a/b"}, {"kind": "blackbox", "image": "a/b", "code": ""}):
        assert said(http.put(f"{API}/actions/boxed", json={"exec": exec_})) == (403, KIND.format("blackbox"))
    text = "The request content was malformed:\n'image' must be a string defined in 'exec' for 'blackbox' actions"
    assert said(http.put(f"{API}/actions/boxed", json={"exec": {"kind": "blackbox"}})) == (400, text)


def test_an_underscore_is_the_namespace_of_the_key(shared: httpx.Client, stranger: httpx.Client) -> None:
    """In paths and bodies; it is never echoed."""
    assert stranger.get(NS).json() == ["stranger"]
    made = put_action(stranger, "mine", parameters=parameters(a=1))
    assert made["namespace"] == "stranger"
    assert stranger.get(f"{NS}/stranger/actions/mine").json() == made
    assert put_sequence(stranger, "of-mine", "/_/mine")["exec"]["components"] == ["/stranger/mine"]


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (None, "The resource requires authentication, which was not supplied with the request"),
        ("Basic bm9ib2R5Om5vdGhpbmc=", "The supplied authentication is invalid"),
    ],
)
def test_who_is_not_known_is_told_how_to_say_who_he_is(hub: hubs.Hub, header: str | None, text: str) -> None:
    """For every collection and every path below the API, also one that leads nowhere."""
    headers = {"authorization": header} if header else {}
    for path in (
        NS,
        *(f"{API}/{name}" for name in ("actions", "packages", "triggers", "rules", "activations", "limits")),
        "/api/v1/nowhere",
    ):
        answer = httpx.get(f"{hub.address}{path}", headers=headers, trust_env=False, verify=TLS)
        assert said(answer) == (401, text), path
        assert answer.headers["www-authenticate"] == 'Basic realm="OpenWhisk secure realm",charset=UTF-8'
