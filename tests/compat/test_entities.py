"""Entities: what a PUT keeps, merges and refuses, and what is read back (openwhisk-api §2.2, §2.3, §2.4)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, ECHO, EXISTS, MISSING, invoke, marks_of, parameters, put, put_action, put_sequence, said

MALFORMED = "The request content was malformed:\n"
NODE = {"kind": "nodejs:default", "code": ECHO}


def refused(http: httpx.Client, body: Any, name: str = "refused") -> tuple[int, str]:
    """How a PUT is refused."""
    return said(http.put(f"{API}/actions/{name}?overwrite=true", json=body))


def test_version_and_time_of_an_update_are_the_server_s(http: httpx.Client) -> None:
    """`updated`, `name` and `namespace` in a body are not looked at; a given version is kept, the next counts on from it."""
    before = int(time.time() * 1000)
    made = put(http, "actions/aged", {"exec": NODE, "updated": 1, "name": "other", "namespace": "elsewhere"})
    assert (made["name"], made["namespace"], made["version"]) == ("aged", "guest", "0.0.1")
    assert made["updated"] >= before
    changed = put(http, "actions/aged", {"updated": 5, "publish": True})
    assert (changed["version"], changed["publish"]) == ("0.0.2", True)
    assert changed["updated"] >= made["updated"]
    assert put(http, "actions/aged", {"version": "3.4.5"})["version"] == "3.4.5"
    assert put(http, "actions/aged")["version"] == "3.4.6"


@pytest.mark.parametrize(("given", "kept"), [("1", "1.0.0"), ("1.2", "1.2.0"), ("0.1.0", "0.1.0"), ("10.20.30", "10.20.30")])
def test_a_short_version_is_filled_up(http: httpx.Client, given: str, kept: str) -> None:
    """To three numbers."""
    assert put(http, "packages/versioned", {"version": given})["version"] == kept


@pytest.mark.parametrize("version", ["0.0.0", "-1.0.0", "a.b.c", "1.2.3.4", "", 1, "1..2"])
def test_a_version_that_is_none_is_refused(http: httpx.Client, version: Any) -> None:
    """And nothing changes."""
    put(http, "packages/unversioned")
    before = http.get(f"{API}/packages/unversioned").json()
    status, text = said(http.put(f"{API}/packages/unversioned?overwrite=true", json={"version": version}))
    assert (status, text.startswith(MALFORMED)) == (400, True)
    assert http.get(f"{API}/packages/unversioned").json() == before


def test_a_new_action_of_an_old_name_starts_over(http: httpx.Client) -> None:
    """Its version, and nothing of the old one."""
    put_action(http, "reborn", annotations=parameters(old=1), parameters=parameters(p=1))
    put(http, "actions/reborn")
    assert http.delete(f"{API}/actions/reborn").json()["version"] == "0.0.2"
    again = put_action(http, "reborn")
    assert (again["version"], again["parameters"], "old" in marks_of(again)) == ("0.0.1", [], False)


def test_an_update_keeps_what_it_does_not_speak_of(http: httpx.Client) -> None:
    """Code, main, parameters, each single limit; `null` is as good as absent."""
    put_action(http, "kept", "function go(a) { return a; }", limits={"memory": 128, "timeout": 1000}, parameters=parameters(p=1))
    exec_ = {"kind": "nodejs:default", "code": "function go(a) { return a; }", "main": "go"}
    put(http, "actions/kept", {"exec": exec_})
    kept = put(http, "actions/kept", {"limits": {"logs": 3}, "exec": None, "parameters": None, "annotations": None, "version": None})
    assert kept["limits"] == {"concurrency": 1, "logs": 3, "memory": 128, "timeout": 1000}
    assert (kept["exec"]["main"], kept["parameters"]) == ("go", parameters(p=1))
    assert kept["version"] == "0.0.3"
    assert invoke(http, "kept", {"q": 2})["response"]["result"] == {"p": 1, "q": 2}


def test_annotations_of_an_action_are_merged(http: httpx.Client) -> None:
    """New ones are added, same ones replaced, the rest stays, as `wsk action update --web` needs it."""
    put_action(http, "marked", annotations=parameters(a=1, b=2))
    put(http, "actions/marked", {"annotations": parameters(b=3, c=4)})
    marks = marks_of(put(http, "actions/marked", {"annotations": []}))
    assert (marks["a"], marks["b"], marks["c"]) == (1, 3, 4)


def test_annotations_are_taken_off_by_name(http: httpx.Client) -> None:
    """First off, then on; unknown names are nothing; `exec` stays; ignored on create and beside a sequence."""
    made = put_action(http, "stripped", annotations=parameters(a=1, b=2, c=3), delAnnotations=["a"])
    assert marks_of(made)["a"] == 1
    changed = marks_of(put(http, "actions/stripped", {"delAnnotations": ["a", "b", "exec", "nothing"], "annotations": parameters(b=9)}))
    assert "a" not in changed
    assert (changed["b"], changed["c"], changed["exec"].startswith("nodejs:")) == (9, 3, True)
    body = {"exec": {"kind": "sequence", "components": ["/_/kept"]}, "delAnnotations": ["c"]}
    put_action(http, "kept")
    assert marks_of(put(http, "actions/stripped", body))["c"] == 3


def test_the_server_adds_two_annotations(http: httpx.Client) -> None:
    """`exec`, whatever was sent, and on create `provide-api-key: false` unless it was sent."""
    made = marks_of(put_action(http, "amended", annotations=parameters(exec="cobol")))
    assert (made["exec"].startswith("nodejs:"), made["provide-api-key"]) == (True, False)
    assert marks_of(put_action(http, "wants-key", annotations=[{"key": "provide-api-key", "value": True}]))["provide-api-key"] is True
    assert marks_of(put(http, "actions/wants-key", {"annotations": parameters(a=1)}))["provide-api-key"] is True
    without = put(http, "actions/wants-key", {"delAnnotations": ["provide-api-key"]})
    assert "provide-api-key" not in marks_of(without)


def test_a_key_is_given_to_those_that_ask_for_it(http: httpx.Client) -> None:
    """Truthy or absent: yes; false, null or empty: no; `__OW_API_HOST` is there for all."""
    code = "function main() { return { key: !!process.env.__OW_API_KEY, host: !!process.env.__OW_API_HOST }; }"
    for value, given in ((True, True), (1, True), ("yes", True), (False, False), (None, False), ("", False)):
        put_action(http, "context", code, annotations=[{"key": "provide-api-key", "value": value}])
        assert invoke(http, "context")["response"]["result"] == {"key": given, "host": True}, value
    put(http, "actions/context", {"delAnnotations": ["provide-api-key"]})
    assert invoke(http, "context")["response"]["result"]["key"] is True


def test_code_can_be_left_out_of_the_answer(http: httpx.Client) -> None:
    """`code=false` takes the code only; PUT and DELETE always give it."""
    exec_ = {"kind": "nodejs:default", "code": "exports.go = () => ({});", "main": "go"}
    made = put(http, "actions/coded", {"exec": exec_})
    whole = http.get(f"{API}/actions/coded").json()
    bare = http.get(f"{API}/actions/coded?code=false").json()
    assert whole["exec"] == made["exec"] == http.get(f"{API}/actions/coded?code=true").json()["exec"]
    assert bare["exec"] == {name: value for name, value in whole["exec"].items() if name != "code"}
    assert {name: value for name, value in bare.items() if name != "exec"} == {
        name: value for name, value in whole.items() if name != "exec"
    }
    assert http.get(f"{API}/actions/coded?code=perhaps").status_code == 400
    assert http.delete(f"{API}/actions/coded").json()["exec"] == whole["exec"]


@pytest.mark.parametrize(
    ("code", "binary"),
    [("function main() {}", False), ("RHViZWU=", True), ("  RHViZWU=\n", True), ("RHViZWU", False), ("", False), ("UEsDBAoAAAAA", True)],
)
def test_binary_is_worked_out_from_the_code(http: httpx.Client, code: str, binary: bool) -> None:  # noqa: FBT001 - a row of a table
    """Base64 of the right length is; what the client says is not looked at."""
    made = put(http, "actions/bits", {"exec": {"kind": "nodejs:default", "code": code, "binary": not binary}})
    assert (made["exec"]["binary"], made["exec"]["code"]) == (binary, code)


def test_a_kind_is_trimmed_lowered_and_resolved(http: httpx.Client) -> None:
    """`:default` is what it was when it was written."""
    made = put(http, "actions/kinds", {"exec": {"kind": " NodeJS:Default ", "code": ECHO}})
    assert made["exec"]["kind"] == marks_of(made)["exec"]
    assert not made["exec"]["kind"].endswith("default")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "exec undefined"),
        ({"exec": {}}, MALFORMED + "'kind' must be a string defined in 'exec'"),
        ({"exec": {"kind": 7}}, MALFORMED + "'kind' must be a string defined in 'exec'"),
        ({"exec": {"kind": "nodejs:20"}}, MALFORMED + "'code' must be a string or attachment object defined in 'exec' for 'nodejs:20' actions"),
        ({"exec": {"kind": "nodejs:20", "code": 7}}, MALFORMED + "'code' must be a string or attachment object defined in 'exec' for 'nodejs:20' actions"),
        ({"exec": {**NODE, "kind": "nodejs:20", "main": 7}}, MALFORMED + "if defined, 'main' be a string in 'exec' for 'nodejs:20' actions"),
        ({"exec": NODE, "parameters": {"a": 1}}, MALFORMED + "parameters malformed!"),
        ({"exec": NODE, "annotations": {"a": 1}}, MALFORMED + "parameters malformed!"),
        ({"exec": NODE, "parameters": [{"key": "", "value": 1}]}, MALFORMED + "parameters malformed!"),
        ({"exec": NODE, "parameters": [{"key": 1, "value": 1}]}, MALFORMED + "parameters malformed!"),
        ({"exec": NODE, "parameters": [{"key": "a"}]}, MALFORMED + "parameters malformed!"),
        ({"exec": NODE, "parameters": [{"value": "a"}]}, MALFORMED + "parameters malformed!"),
        ({"exec": NODE, "parameters": ["a"]}, MALFORMED + "parameters malformed!"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_action_is_refused(http: httpx.Client, body: dict[str, Any], text: str) -> None:
    """In upstream's words; nothing is made."""
    assert refused(http, body) == (400, text)
    assert said(http.get(f"{API}/actions/refused")) == (404, MISSING)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"null"])
def test_a_put_needs_an_object(http: httpx.Client, content: bytes) -> None:
    """An empty body is malformed as well, with or without a type."""
    for headers in ({}, {"content-type": "application/json"}):
        status, text = said(http.put(f"{API}/actions/refused", content=content, headers=headers))
        assert (status, text.startswith(MALFORMED)) == (400, True)


def test_an_unknown_kind_is_told_all_that_are_known(http: httpx.Client) -> None:
    """Each in quotes, sequences and images among them."""
    status, text = refused(http, {"exec": {"kind": "cobol:85", "code": ""}})
    assert status == 400
    assert text.startswith(f"{MALFORMED}The specified runtime 'cobol:85' is not supported by this platform. Valid values are: '")
    assert all(f"'{kind}'" in text for kind in ("python:3", "sequence", "blackbox"))


def test_a_second_create_is_a_conflict_and_changes_nothing(http: httpx.Client) -> None:
    """A malformed one is told that first."""
    made = put_action(http, "once")
    assert said(http.put(f"{API}/actions/once", json={"exec": NODE})) == (409, EXISTS)
    assert said(http.put(f"{API}/actions/once?overwrite=false", json={"exec": NODE})) == (409, EXISTS)
    assert said(http.put(f"{API}/actions/once", json={"exec": {}}))[0] == 400
    assert http.get(f"{API}/actions/once").json() == made


def test_what_is_not_there_is_not_found(http: httpx.Client) -> None:
    """For all verbs; an update without an action needs code."""
    for verb in ("GET", "DELETE", "POST"):
        assert said(http.request(verb, f"{API}/actions/nowhere")) == (404, MISSING)
    assert refused(http, {"parameters": []}, "nowhere") == (400, "exec undefined")


def test_parameters_are_replaced_as_a_whole(http: httpx.Client) -> None:
    """In the order given; of two with one key the last wins, as `wsk action create --copy` needs it."""
    put_action(http, "bound", parameters=parameters(z=1, a=2))
    assert put(http, "actions/bound", {"parameters": parameters(m=3)})["parameters"] == parameters(m=3)
    twice = [{"key": "a", "value": 1}, {"key": "b", "value": 2}, {"key": "a", "value": 3, "extra": True}]
    made = put(http, "actions/bound", {"parameters": twice})["parameters"]
    assert {item["key"]: item["value"] for item in made} == {"a": 3, "b": 2}
    assert all(set(item) == {"key", "value"} for item in made)
    assert put(http, "actions/bound", {"parameters": []})["parameters"] == []


def test_a_copy_is_made_of_what_was_read(http: httpx.Client) -> None:
    """GET with the code, then PUT of all of it under another name."""
    put(http, "packages/shelf", {"parameters": parameters(shelf=1)})
    source = put_action(http, "shelf/original", parameters=parameters(p=1), annotations=parameters(note="n"))
    read = http.get(f"{API}/actions/shelf/original?code=true").json()
    copy = http.put(f"{API}/actions/copied", json=read).json()
    assert copy["exec"] == source["exec"]
    assert (copy["namespace"], copy["name"], copy["version"], marks_of(copy)["note"]) == ("guest", "copied", "0.0.1", "n")
    assert invoke(http, "copied")["response"]["result"] == {"shelf": 1, "p": 1}


def test_what_was_put_is_read_at_once_by_everybody(http: httpx.Client) -> None:
    """No reader sees the version before, however many read, with code small and large."""
    for size in (10, 200_000):
        for number in range(3):
            code = f"function main() {{ return {{ n: {number} }}; }} // {'x' * size}"
            version = put_action(http, "coherent", code)["version"]
            with ThreadPoolExecutor(4) as readers:
                found = list(readers.map(lambda _: http.get(f"{API}/actions/coherent").json(), range(8)))
            assert {(row["version"], row["exec"]["code"]) for row in found} == {(version, code)}
            assert invoke(http, "coherent")["response"]["result"] == {"n": number}


def test_a_sequence_gets_back_parameters_of_its_own_when_it_becomes_code(http: httpx.Client) -> None:
    """Those that come with the code; none otherwise."""
    put_action(http, "atom")
    put_sequence(http, "turning", "/_/atom")
    turned = put(http, "actions/turning", {"exec": NODE, "parameters": parameters(own=1)})
    assert turned["parameters"] == parameters(own=1)
    put_sequence(http, "turning", "/_/atom")
    assert put(http, "actions/turning", {"exec": NODE})["parameters"] == []


def test_null_is_a_value_that_final_does_not_lock(http: httpx.Client) -> None:
    """It documents what may be given; defined ones are refused in a call."""
    locked = parameters(free=None, fixed=1)
    put_action(http, "final", parameters=locked, annotations=parameters(final=True))
    reserved = "Request defines parameters that are not allowed (e.g., reserved properties)."
    assert said(http.post(f"{API}/actions/final?blocking=true", json={"fixed": 2})) == (400, reserved)
    assert invoke(http, "final", {"free": 2, "more": 3})["response"]["result"] == {"free": 2, "fixed": 1, "more": 3}
    put(http, "actions/final", {"annotations": parameters(final="true")})
    assert invoke(http, "final", {"fixed": 2})["response"]["result"]["fixed"] == 2
