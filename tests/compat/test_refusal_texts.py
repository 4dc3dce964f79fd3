"""What is wrong with a request, in upstream's words and order: field by field, name by name, collection by collection (openwhisk-api §1.4, §15)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, EXISTS, FORBIDDEN, MISSING, put, put_action, put_rule, put_sequence, said, tenant
from tests.support import hubs
from tests.support.hubs import Hub
from tests.support.texts import known

CODE = {"exec": {"kind": "python:3", "code": "def main(args):\n    return args\n"}}
MALFORMED = "The request content was malformed:\n"
NOT_FULL = "requirement failed: The fully qualified name of the entity must contain at least the namespace and the name of the entity."
OTHER_COLLECTION = "Resource by this name exists but is not in this collection."
ILLEGAL = "The name of the entity contains illegal characters."
LONG = "n" * 257
TOO_MUCH = "x" * 1_048_576


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub for all of them, with something of every kind."""
    with hubs.running(tmp_path_factory.mktemp("texts") / "data") as found:
        with found.http as http:
            put_action(http, "act", CODE["exec"]["code"], "python:3")
            put(http, "packages/bag", {"publish": True})
            put(http, "packages/tied", {"binding": {"namespace": "_", "name": "bag"}})
            put(http, "packages/closed")
            put_action(http, "bag/inner")
            put_sequence(http, "seq", "/_/act")
            put(http, "triggers/bell")
            put_rule(http, "ring", "bell", "act")
        yield found


@pytest.fixture(scope="module")
def http(hub: Hub) -> Iterator[httpx.Client]:
    """A client with the key of the namespace."""
    with hub.http as found:
        yield found


@pytest.fixture(scope="module")
def other(hub: Hub) -> Iterator[httpx.Client]:
    """Somebody else's client."""
    with tenant(hub, "other") as found:
        yield found


def asked(http: httpx.Client, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """What is said to a request; `path` is below the caller's namespace, or absolute."""
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {} if content is None else {"content-type": "application/json"}
    status, text = said(http.request(method, path if path.startswith("/") else f"{API}/{path}", content=content, headers=headers))
    assert known(status, text), text
    return status, text


ACTION_FIELDS = [
    ({"exec": None}, "exec undefined"),
    ({"exec": 7}, f"{MALFORMED}'kind' must be a string defined in 'exec'"),
    ({"exec": []}, f"{MALFORMED}'kind' must be a string defined in 'exec'"),
    ({"exec": {"kind": 7, "code": "x"}}, f"{MALFORMED}'kind' must be a string defined in 'exec'"),
    ({"exec": {"kind": "python:3", "code": 7}}, f"{MALFORMED}'code' must be a string or attachment object defined in 'exec' for 'python:3' actions"),
    ({"exec": {"kind": "python:3", "code": "x", "main": 7}}, f"{MALFORMED}if defined, 'main' be a string in 'exec' for 'python:3' actions"),
    ({"exec": {"kind": "sequence"}}, f"{MALFORMED}'components' must be defined for sequence kind"),
    ({"exec": {"kind": "sequence", "components": "/_/act"}}, f"{MALFORMED}'components' must be an array"),
    ({"exec": {"kind": "sequence", "components": [7]}}, f"{MALFORMED}'components' must be an array"),
    ({"exec": {"kind": "sequence", "components": []}}, "No component specified for the sequence."),
    ({"exec": {"kind": "sequence", "components": ["act"]}}, MALFORMED + NOT_FULL),
    ({"exec": {"kind": "sequence", "components": ["/_/none"]}}, "Sequence component does not exist."),
    ({"exec": {"kind": "sequence", "components": ["/_/act"] * 51}}, "Too many actions in the sequence."),
    ({"exec": {"kind": "blackbox"}}, f"{MALFORMED}'image' must be a string defined in 'exec' for 'blackbox' actions"),
    ({**CODE, "parameters": {"a": 1}}, f"{MALFORMED}parameters malformed!"),
    ({**CODE, "parameters": [{"key": "a"}]}, f"{MALFORMED}parameters malformed!"),
    ({**CODE, "parameters": [{"key": "", "value": 1}]}, f"{MALFORMED}parameters malformed!"),
    ({**CODE, "annotations": [7]}, f"{MALFORMED}parameters malformed!"),
    ({**CODE, "publish": "yes"}, f'{MALFORMED}Expected JsBoolean, but got "yes"'),
    ({**CODE, "publish": 1}, f"{MALFORMED}Expected JsBoolean, but got 1"),
    ({**CODE, "version": 1}, f"{MALFORMED}semantic version malformed"),
    ({**CODE, "version": "0.0.0"}, f"{MALFORMED}requirement failed: semantic version malformed"),
    ({**CODE, "version": "-1.0.0"}, f"{MALFORMED}requirement failed: semantic version malformed"),
    ({**CODE, "version": "٣.0.0"}, f"{MALFORMED}requirement failed: semantic version malformed"),
    ({**CODE, "version": "1.2.3.4"}, f"{MALFORMED}requirement failed: semantic version malformed"),
    ({**CODE, "limits": 7}, f"{MALFORMED}limits malformed"),
    ({**CODE, "limits": {"timeout": "1"}}, f"{MALFORMED}time limit malformed"),
    ({**CODE, "limits": {"timeout": 100.5}}, f"{MALFORMED}time limit must be whole number"),
    ({**CODE, "limits": {"memory": True}}, f"{MALFORMED}memory limit malformed"),
    ({**CODE, "limits": {"logs": -1}}, f"{MALFORMED}requirement failed: a negative size of an object is not allowed."),
    ({**CODE, "limits": {"concurrency": []}}, f"{MALFORMED}concurrency limit malformed"),
    ({**CODE, "limits": {"timeout": 99}}, "requirement failed: duration 99 milliseconds below allowed threshold of 100 milliseconds"),
    ({**CODE, "limits": {"timeout": 300_001}}, "requirement failed: duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds"),
    ({**CODE, "limits": {"memory": 127}}, "requirement failed: memory size 127 MB below allowed threshold of 128 MB"),
    ({**CODE, "limits": {"logs": 11}}, "requirement failed: log size 11 MB exceeds allowed threshold of 10 MB"),
    ({**CODE, "limits": {"concurrency": 0}}, "requirement failed: concurrency 0 below allowed threshold of 1"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "text"), ACTION_FIELDS)
def test_a_wrong_field_of_an_action_is_named(http: httpx.Client, body: dict[str, Any], text: str) -> None:
    """Whether the action is new or there already."""
    assert asked(http, "PUT", "actions/new", body) == (400, text)
    if text != "exec undefined" and "/_/act" not in json.dumps(body):
        assert asked(http, "PUT", "actions/act?overwrite=true", body) == (400, text)
    assert http.get(f"{API}/actions/new").status_code == 404


OTHER_FIELDS = [
    ("packages/new", {"binding": 7}, 400, f"{MALFORMED}binding malformed"),
    ("packages/new", {"binding": {"namespace": "_"}}, 400, f"{MALFORMED}binding malformed"),
    ("packages/new", {"binding": {"namespace": "_", "name": "none"}}, 400, "Binding references a package that does not exist."),
    ("packages/new", {"binding": {"namespace": "_", "name": "tied"}}, 400, "Cannot bind to another package binding."),
    ("packages/new", {"binding": {"namespace": "_", "name": "act"}}, 409, "Cannot bind to a resource that is not a package."),
    ("packages/new", {"binding": {"namespace": "_", "name": "a!"}}, 400, ILLEGAL),
    ("packages/new", {"binding": {"namespace": LONG, "name": "a"}}, 400, "Namespace longer than allowed: 257 > 256."),
    ("packages/closed?overwrite=true", {"binding": {"namespace": "_", "name": "bag"}}, 409, "Resource is a package and cannot be converted into a binding."),
    ("packages/default", {}, 400, "Package name 'default' is reserved."),
    ("triggers/new", {"parameters": "x"}, 400, f"{MALFORMED}parameters malformed!"),
    ("triggers/new", {"annotations": [{"key": "feed", "value": "a!"}]}, 400, "Feed name is not valid"),
    ("triggers/new", {"annotations": [{"key": "feed", "value": 7}]}, 400, "Feed name is not valid"),
    ("triggers/new", [], 400, f"{MALFORMED}Object expected"),
    ("rules/new", {}, 400, "rule requires a valid trigger and a valid action"),
    ("rules/new", {"trigger": "bell", "action": "/_/act"}, 400, MALFORMED + NOT_FULL),
    ("rules/new", {"trigger": "/_/none", "action": "/_/none"}, 400, "trigger /guest/none does not exist"),
    ("rules/new", {"trigger": "/_/bell", "action": "/_/none"}, 400, "action /guest/none does not exist"),
    ("rules/new", {"trigger": "/_/act", "action": "/_/act"}, 409, OTHER_COLLECTION),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "text"), OTHER_FIELDS)
def test_a_wrong_field_of_anything_else_is_named(http: httpx.Client, path: str, body: Any, status: int, text: str) -> None:
    """And nothing is made of it."""
    assert asked(http, "PUT", path, body) == (status, text)
    assert http.get(f"{API}/{path.partition('/')[0]}/new").status_code == 404


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("sleeping", "sleeping"),
        (None, "null"),
        (7, "7"),
        ({"a": 1}, '{"a":1}'),
        ("x" * 300, "x" * 256 + "…"),
    ],
)
def test_a_rule_is_active_or_inactive(http: httpx.Client, status: Any, text: str) -> None:
    """Nothing else, and it is said before the rule is looked for."""
    for name in ("ring", "none"):
        wanted = f"{MALFORMED}requirement failed: {text} is not a recognized rule state"
        assert asked(http, "POST", f"rules/{name}", {"status": status}) == (400, wanted)
    assert http.get(f"{API}/rules/ring").json()["status"] == "active"


@pytest.mark.parametrize("collection", ["actions", "packages", "triggers", "rules"])
def test_names_are_checked_before_anything_else(http: httpx.Client, collection: str) -> None:
    """Namespace, package, name: in this order, whatever else is wrong, too."""
    assert asked(http, "GET", f"{collection}/a!") == (400, ILLEGAL)
    assert asked(http, "PUT", f"{collection}/{LONG}", b"{") == (400, "Name segement longer than allowed: 257 > 256.")
    assert asked(http, "PUT", f"/api/v1/namespaces/a!/{collection}/b!", b"{") == (400, "The namespace contains illegal characters.")
    assert asked(http, "GET", f"/api/v1/namespaces/{LONG}/{collection}") == (400, "Namespace longer than allowed: 257 > 256.")
    assert asked(http, "GET", f"{collection}/%D9%A3") == (400, ILLEGAL)


@pytest.mark.parametrize(("collection", "name"), [("actions", "act"), ("packages", "closed"), ("triggers", "bell"), ("rules", "ring")])
def test_a_stranger_hears_of_rights_first(other: httpx.Client, collection: str, name: str) -> None:
    """Before the query, the body, or whether it is there (§1.4: privilege comes before decoding)."""
    for which in (name, "none"):
        forbidden = (403, FORBIDDEN.format(f"guest/{which}"))
        assert asked(other, "PUT", f"/api/v1/namespaces/guest/{collection}/{which}?overwrite=maybe", b"{") == forbidden
        assert asked(other, "DELETE", f"/api/v1/namespaces/guest/{collection}/{which}?force=maybe") == forbidden
        assert asked(other, "GET", f"/api/v1/namespaces/guest/{collection}/{which}?code=maybe") == forbidden
        if collection != "packages":
            assert asked(other, "POST", f"/api/v1/namespaces/guest/{collection}/{which}", TOO_MUCH) == forbidden
            assert asked(other, "GET", f"/api/v1/namespaces/guest/{collection}?limit=x") == (403, FORBIDDEN.format("guest"))


def test_size_comes_before_words_and_words_before_existence(http: httpx.Client) -> None:
    """413, then what is malformed, then 404 and 409."""
    too_large = "Request larger than allowed: 1048578 > 1048576 bytes."
    assert asked(http, "POST", "triggers/none", TOO_MUCH) == (413, too_large)
    assert asked(http, "POST", "actions/none?blocking=maybe", TOO_MUCH) == (413, too_large)
    wrong = "The query parameter 'blocking' was malformed:\n'maybe' is not a valid Boolean value"
    assert asked(http, "POST", "actions/none?blocking=maybe", b"[]") == (400, wrong)
    assert asked(http, "POST", "actions/none", b"[]") == (400, f"{MALFORMED}JSON object expected")
    assert asked(http, "POST", "actions/none", b"{}") == (404, MISSING)
    assert asked(http, "PUT", "triggers/bell", {"publish": 1}) == (400, f"{MALFORMED}Expected JsBoolean, but got 1")
    assert asked(http, "PUT", "triggers/bell", {}) == (409, EXISTS)


@pytest.mark.parametrize("what", ["parameters", "annotations"])
@pytest.mark.parametrize("path", ["actions/new", "packages/new", "triggers/new"])
def test_parameters_and_annotations_have_a_size(http: httpx.Client, path: str, what: str) -> None:
    """Keys and values as compact JSON count; the limit itself is allowed."""
    body = CODE if path.startswith("actions") else {}
    rows = [{"key": "k", "value": "x" * (1_048_576 - 3)}]

    assert http.put(f"{API}/{path}", json={**body, what: rows}).status_code == 200
    assert http.delete(f"{API}/{path}").status_code == 200
    rows[0]["value"] += "x"
    assert asked(http, "PUT", path, {**body, what: rows}) == (413, f"{what} larger than allowed: 1048577 > 1048576 bytes.")


def test_code_has_a_size(http: httpx.Client) -> None:
    """48 MB with the name of the function."""
    body = b'{"exec":{"kind":"python:3","code":"' + b"#" * (50_331_648 + 1) + b'"}}'
    assert asked(http, "PUT", "actions/new", body) == (413, "exec larger than allowed: 50331649 > 50331648 bytes.")
    assert asked(http, "PUT", "actions/new", b" " * 52_428_801) == (413, "Request larger than allowed: 52428801 > 52428800 bytes.")


def test_a_name_belongs_to_one_collection(http: httpx.Client) -> None:
    """Reading, writing, calling and removing through another one is a conflict."""
    names = {"actions": "act", "packages": "closed", "triggers": "bell", "rules": "ring"}
    bodies = {"actions": CODE, "packages": {}, "triggers": {}, "rules": {"trigger": "/_/bell", "action": "/_/act"}}
    for collection, body in bodies.items():
        for name in [name for owner, name in names.items() if owner != collection]:
            for method, sent in (("GET", None), ("PUT", body), ("DELETE", None)):
                assert asked(http, method, f"{collection}/{name}", sent) == (409, OTHER_COLLECTION), (method, collection, name)
    assert asked(http, "POST", "actions/closed", {}) == (409, OTHER_COLLECTION)
    assert asked(http, "POST", "triggers/act", {}) == (409, OTHER_COLLECTION)
    assert asked(http, "POST", "rules/act", {"status": "active"}) == (409, OTHER_COLLECTION)


def test_a_sequence_may_not_hold_itself(http: httpx.Client) -> None:
    """Neither directly nor through another."""
    itself = "Sequence may not refer to itself."
    assert asked(http, "PUT", "actions/seq?overwrite=true", {"exec": {"kind": "sequence", "components": ["/_/seq"]}}) == (400, itself)
    put_sequence(http, "outer", "/_/seq")
    assert asked(http, "PUT", "actions/seq?overwrite=true", {"exec": {"kind": "sequence", "components": ["/_/outer"]}}) == (400, itself)


def test_a_binding_holds_nothing_of_its_own(http: httpx.Client) -> None:
    """Putting and removing through it is refused, before the body is read."""
    assert asked(http, "PUT", "actions/tied/x", b"{") == (400, "Operation not permitted on package binding.")
    assert asked(http, "DELETE", "actions/tied/inner") == (400, "Operation not permitted on package binding.")


def test_what_is_missing_is_told_by_where_it_is_asked_for(http: httpx.Client) -> None:
    """A package by its name, what is in it without."""
    assert asked(http, "GET", "packages/none") == (404, "The requested resource 'guest/none' does not exist.")
    assert asked(http, "DELETE", "packages/none") == (404, MISSING)
    for method, path in (("GET", "actions/none/x"), ("GET", "actions/none/"), ("POST", "actions/none/x"), ("DELETE", "actions/none/x")):
        assert asked(http, method, path) == (404, MISSING)
    assert asked(http, "PUT", "actions/none/x", b"{") == (404, MISSING)


def test_limits_below_a_namespace_are_not_there(http: httpx.Client) -> None:
    """In upstream's words."""
    assert asked(http, "GET", "limits/x") == (400, "Inner entity level routes for limits are not yet implemented.")


def test_a_count_has_no_documents(http: httpx.Client) -> None:
    """Nor has a page a limit above 200, below 0, or in other digits."""
    assert asked(http, "GET", "activations?count=true&docs=true") == (400, "The parameter 'docs' is not permitted with 'count'.")
    for value, text in (
        ("201", "not in the range of 0 to 200"),
        ("-1", "not in the range of 0 to 200"),
        ("٣", "not an integer"),
        ("1.5", "not an integer"),
    ):
        wanted = f"The query parameter 'limit' was malformed:\nThe value '{value}' is {text} for rules."
        assert asked(http, "GET", f"rules?limit={value}") == (400, wanted)
    wanted = "The query parameter 'skip' was malformed:\nThe value '-1' is not greater than or equal to 0 for triggers."
    assert asked(http, "GET", "triggers?skip=-1") == (400, wanted)


STRICT = [
    (b'{"a": "x\\u0000"}', "NUL characters are not allowed in text"),
    (b'{"\\u0000": 1}', "NUL characters are not allowed in text"),
    (b'{"a": 18446744073709551616}', "numbers are limited to 64 bits"),
    (b'{"a": -9223372036854775809}', "numbers are limited to 64 bits"),
    (b'{"a": [' + b"[" * 63 + b"]" * 63 + b"]}", "nested deeper than 64 levels"),
    (b"[" * 100_000, "nested deeper than 64 levels"),
    (b'{"a": "\xff"}', "the text is not UTF-8"),
    (b'{"a": "\xed\xa0\x80"}', "the text is not UTF-8"),
]


@pytest.mark.parametrize(("body", "text"), STRICT)
def test_json_that_no_other_program_may_be_given_is_refused(http: httpx.Client, body: bytes, text: str) -> None:
    """NUL, more than 64 bits, more than 64 levels, no UTF-8: in a PUT, in a payload, in a switch."""
    for method, path in (("PUT", "triggers/new"), ("POST", "triggers/bell"), ("POST", "actions/act?blocking=true"), ("POST", "rules/ring")):
        assert asked(http, method, path, body) == (400, MALFORMED + text)


def test_json_at_the_edge_is_taken(http: httpx.Client) -> None:
    """64 bits, 64 levels, both zeros, text beyond the first plane; of two members with one key the last counts."""
    body = b'{"most": 18446744073709551615, "least": -9223372036854775808, "zero": -0, "small": 1e-400, "key": 1, "key": 2, "text": "\\ud83d\\ude00", "deep": '
    answer = http.post(
        f"{API}/actions/act?blocking=true&result=true",
        content=body + b"[" * 63 + b"]" * 63 + b"}",
        headers={"content-type": "application/json"},
    )
    result = answer.json()

    assert answer.status_code == 200
    assert (result["key"], result["text"], result["zero"], result["least"]) == (2, "😀", 0, -(2**63))


def test_a_body_is_plain_json(http: httpx.Client) -> None:
    """No other type, no coding."""
    compressed = http.put(f"{API}/triggers/new", content=b"{}", headers={"content-type": "application/json", "content-encoding": "gzip"})
    text = http.post(f"{API}/triggers/bell", content=b"hi", headers={"content-type": "text/plain"})

    assert said(compressed) == (415, "The request's Content-Encoding is not supported. Expected:\nidentity")
    assert said(text) == (415, "The request's Content-Type [text/plain] is not supported. Expected:\napplication/json")
    assert http.put(f"{API}/triggers/typed", content=b"{}").status_code == 200
    assert http.delete(f"{API}/triggers/typed").status_code == 200
