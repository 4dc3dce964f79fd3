"""`hub admin` says what `wskadmin` says, with a running hub and without one (openwhisk-api §9.7)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.compat.steps import API, put_action, said
from tests.support import hubs
from tests.support.desk import Desk
from tests.support.tls import TLS

KEY = re.compile(r"[0-9a-f-]{36}:[A-Za-z0-9]{64}")
OWN_KEY = f"{uuid.UUID(int=7)}:{'k' * 64}"


@pytest.fixture(scope="module", params=["running", "stopped"])
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Beside a running hub, or with the data folder of one that was stopped."""
    data = tmp_path_factory.mktemp(f"admin-{request.param}") / "data"
    with hubs.running(data) as hub:
        if request.param == "stopped":
            hub.stop()
        with Desk(data) as found:
            yield found


def test_a_user_has_a_key_for_the_namespace_of_its_name(desk: Desk) -> None:
    """`user create`, `get`, `whois`: the key, and whose it is."""
    key = desk.says("user", "create", "plain")
    assert KEY.fullmatch(key)
    assert desk.says("user", "get", "plain") == key
    assert desk.says("user", "whois", key) == "subject: plain\nnamespace: plain"
    assert desk.refuses("user", "create", "plain") == "Namespace already exists"


def test_a_user_has_several_namespaces(desk: Desk) -> None:
    """`-ns` adds one and gets its key, `--all` gets all, `delete -ns` takes one away."""
    own = desk.says("user", "create", "several")
    second = desk.says("user", "create", "several", "-ns", "several-space")
    assert desk.says("user", "get", "several", "-ns", "several-space") == second
    assert set(desk.says("user", "get", "several", "--all").splitlines()) == {f"several\t{own}", f"several-space\t{second}"}
    assert desk.refuses("user", "get", "several", "-ns", "none") == 'namespace "none" not found for "several"'
    assert desk.says("user", "delete", "several", "-ns", "several-space") == "Namespace deleted"
    assert desk.refuses("user", "delete", "several", "-ns", "several-space") == 'Namespace "several-space" does not exist for "several"'
    assert desk.says("user", "get", "several", "--all") == f"several\t{own}"


def test_a_key_can_be_brought_along(desk: Desk) -> None:
    """`-u`, with an id of 36 and a key of 64 characters."""
    assert desk.says("user", "create", "brings", "-u", OWN_KEY) == OWN_KEY
    assert desk.says("user", "get", "brings") == OWN_KEY
    short = "authorization key must be at least 64 characters long"
    assert desk.refuses("user", "create", "brings-short", "-u", OWN_KEY[:-1]) == short
    assert "uuid of 36 characters" in desk.refuses("user", "create", "brings-odd", "-u", "x:y")
    assert desk.refuses("user", "get", "brings-short").startswith("namespace")


def test_a_name_has_five_characters_at_least(desk: Desk) -> None:
    """As upstream has it."""
    assert desk.refuses("user", "create", "four") == "Subject name must be at least 5 characters"
    assert KEY.fullmatch(desk.says("user", "create", "five5"))


def test_a_key_is_replaced(desk: Desk) -> None:
    """`-r` keeps the id, so does `-f`; `-u` says which it shall be; a name that is new is simply made."""
    first = desk.says("user", "create", "replaced")
    second = desk.says("user", "create", "replaced", "-r")
    third = desk.says("user", "create", "replaced", "-f")
    assert {key.partition(":")[0] for key in (first, second, third)} == {first.partition(":")[0]}
    assert len({first, second, third}) == 3
    assert desk.says("user", "get", "replaced") == third
    given = f"{first.partition(':')[0]}:{'r' * 64}"
    assert desk.says("user", "create", "replaced", "-r", "-u", given) == given
    assert KEY.fullmatch(desk.says("user", "create", "replaced-new", "-r"))


def test_a_key_is_only_generated(desk: Desk) -> None:
    """`-g` keeps nothing; `-s` prints nothing."""
    generated = desk.says("user", "create", "generated", "-g")
    assert KEY.fullmatch(generated)
    assert desk.refuses("user", "get", "generated") == 'namespace "generated" not found for "generated"'
    assert desk.refuses("user", "whois", generated) == "Subject id is not recognized"
    assert desk.says("user", "create", "silent-one", "-s") == ""
    assert KEY.fullmatch(desk.says("user", "get", "silent-one"))


def test_the_identities_of_a_namespace_are_listed(desk: Desk) -> None:
    """One unless asked for more: `-p N`, `-a`; only keys with `-k`."""
    keys = {desk.says("user", "create", f"lister{number}", "-ns", "listed-space"): f"lister{number}" for number in range(3)}
    whole = {f"{key}\t{subject}" for key, subject in keys.items()}
    assert desk.says("user", "list", "listed-space") in whole
    assert len(desk.says("user", "list", "listed-space", "-p", "2").splitlines()) == 2
    assert set(desk.says("user", "list", "listed-space", "-p", "9").splitlines()) == whole
    assert set(desk.says("user", "list", "listed-space", "-a").splitlines()) == whole
    assert set(desk.says("user", "list", "listed-space", "-a", "-k").splitlines()) == set(keys)
    assert desk.says("user", "list", "listed-space", "-k") in keys
    assert desk.refuses("user", "list", "nobodys-space") == 'no identities found for namespace "nobodys-space"'


def test_users_are_blocked_and_unblocked(desk: Desk) -> None:
    """Several at once, a line each; empty names are nothing; a blocked one cannot be edited."""
    for name in ("blocked1", "blocked2"):
        desk.says("user", "create", name)
    lines = desk.says("user", "block", "blocked1", "", "blocked2").splitlines()
    assert lines == ['"blocked1" blocked successfully', '"blocked2" blocked successfully']
    for more in (["-r"], ["-ns", "other-space"], []):
        assert desk.refuses("user", "create", "blocked1", *more) == "The subject you want to edit is blocked"
    assert desk.says("user", "unblock", "blocked1", "blocked2").splitlines() == [
        '"blocked1" unblocked successfully',
        '"blocked2" unblocked successfully',
    ]
    assert KEY.fullmatch(desk.says("user", "create", "blocked1", "-r"))


def test_a_user_is_deleted_with_all_its_keys(desk: Desk) -> None:
    """And is unknown from then on."""
    key = desk.says("user", "create", "leaving")
    desk.says("user", "create", "leaving", "-ns", "leaving-space")
    assert desk.says("user", "delete", "leaving") == "Subject deleted"
    assert desk.refuses("user", "whois", key) == "Subject id is not recognized"
    assert desk.refuses("user", "list", "leaving-space") == 'no identities found for namespace "leaving-space"'
    assert "leaving" in desk.refuses("user", "delete", "leaving")


def test_limits_are_set_one_by_one(desk: Desk) -> None:
    """Given ones change, the others stay; `get` prints one a line, `delete` takes all away."""
    space = "limited-space"
    none = "No limits found, default system limits apply"
    assert desk.says("limits", "get", space) == none
    done = f'Limits successfully set for "{space}"'
    assert desk.says("limits", "set", space, "--invocationsPerMinute", "1") == done
    assert desk.says("limits", "get", space) == "invocationsPerMinute = 1"
    assert desk.says("limits", "set", space, "--firesPerMinute", "2", "--concurrentInvocations=3") == done
    assert desk.says("limits", "set", space, "--invocationsPerMinute", "4") == done
    assert set(desk.says("limits", "get", space).splitlines()) == {
        "invocationsPerMinute = 4",
        "firesPerMinute = 2",
        "concurrentInvocations = 3",
    }
    assert desk.says("limits", "delete", space) == "Limits deleted"
    assert desk.refuses("limits", "delete", space) == "Limits not found"
    assert desk.says("limits", "get", space) == none


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--allowedKinds", "nodejs:20", "python:3"], "allowedKinds = ['nodejs:20', 'python:3']"),
        (["--allowedKinds", "blackbox"], "allowedKinds = ['blackbox']"),
        (["--storeActivations", "false"], "storeActivations = False"),
        (["--storeActivations", "true"], "storeActivations = True"),
        (["--minActionMemory", "128"], "minActionMemory = 128"),
        (["--maxActionTimeout", "1000"], "maxActionTimeout = 1000"),
        (["--maxParameterSize", "1 MB"], "maxParameterSize = 1048576"),
    ],
)
def test_a_limit_is_printed_as_upstream_prints_it(desk: Desk, words: list[str], shown: str) -> None:
    """Lists and truth values as Python writes them."""
    desk.run("limits", "delete", "printed-space")
    desk.says("limits", "set", "printed-space", *words)
    assert desk.says("limits", "get", "printed-space") == shown


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--bogus", "1"], "Unknown limit bogus"),
        (["--firesPerMinute", "-1"], "whole number"),
        (["--firesPerMinute", "x"], "whole number"),
        (["--storeActivations", "maybe"], "true or false"),
        (["--maxPayloadSize", "much"], "must be a size"),
    ],
)
def test_a_limit_that_is_none_is_refused(desk: Desk, words: list[str], text: str) -> None:
    """With a sentence; what was set stays."""
    desk.says("limits", "set", "odd-space", "--invocationsPerMinute", "5")
    assert text in desk.refuses("limits", "set", "odd-space", *words)
    assert desk.says("limits", "get", "odd-space") == "invocationsPerMinute = 5"


def test_what_was_done_without_a_hub_holds_when_it_starts(tmp_path: Path) -> None:
    """Keys, blocks and limits; and what is done beside it holds at once."""
    data = tmp_path / "data"
    with hubs.running(data) as hub:
        hub.stop()
    with Desk(data) as desk:
        keys = {name: desk.says("user", "create", name) for name in ("early", "barred")}
        desk.says("user", "block", "barred")
        desk.says("limits", "set", "early", "--maxActionMemory", "256")
        with hubs.running(data) as hub, client(hub, keys["early"]) as early, client(hub, keys["barred"]) as barred:
            assert early.get(f"{API}/limits").json()["maxActionMemory"] == 256
            assert said(barred.get(f"{API}/actions")) == (401, "The supplied authentication is invalid")
            desk.says("user", "unblock", "barred")
            assert barred.get(f"{API}/actions").status_code == 200
            desk.says("user", "block", "early")
            assert early.get(f"{API}/actions").status_code == 401
            desk.says("user", "unblock", "early")
            assert early.get(f"{API}/actions").status_code == 200
            desk.says("user", "delete", "early")
            assert early.get(f"{API}/actions").status_code == 401


def test_two_subjects_of_a_namespace_see_the_same(tmp_path: Path) -> None:
    """Visibility follows the namespace; each key ends by itself."""
    with (
        hubs.running(tmp_path / "data") as hub,
        Desk(hub.data) as desk,
        client(hub, desk.says("user", "create", "first-one", "-ns", "common")) as first,
        client(hub, desk.says("user", "create", "second-one", "-ns", "common")) as second,
    ):
        put_action(first, "shared")
        assert second.get("/api/v1/namespaces").json() == ["common"]
        called = second.post(f"{API}/actions/shared?blocking=true", json={}).json()
        assert (called["namespace"], called["subject"]) == ("common", "second-one")
        assert first.get(f"{API}/activations/{called['activationId']}").status_code == 200
        desk.says("user", "delete", "first-one")
        assert first.get(f"{API}/actions").status_code == 401
        assert second.get(f"{API}/actions/shared").status_code == 200


def client(hub: hubs.Hub, key: str) -> httpx.Client:
    """A client with that key."""
    name, _, password = key.partition(":")
    return httpx.Client(base_url=hub.address, auth=(name, password), timeout=70, trust_env=False, verify=TLS)
