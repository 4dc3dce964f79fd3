"""Names, values and texts that come back as they were sent (openwhisk-api §2.1, §2.3, §12.2)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.compat.steps import API, MISSING, invoke, marks_of, parameters, put, put_action, put_rule, record, said
from tests.support.eventually import eventually

NAMES = ["a b", "with space in it", "a@b.c", "dot.ted", "da-sh", "amp&er&sand", "_under", "9nine", "x", "Z" * 256, "a.", "a-", "a@", "a&"]
BODIES: dict[str, dict[str, Any]] = {
    "actions": {"exec": {"kind": "nodejs:default", "code": ""}},
    "rules": {"trigger": "/_/target-bell", "action": "/_/target"},
}
LONG = "Name segement longer than allowed: {} > 256."
ILLEGAL = "The name of the entity contains illegal characters."
VALUES: dict[str, Any] = {
    "text": "plain",
    "empty": "",
    "quotes": "a \"quoted\" 'text'",
    "escapes": "tab\t newline\n return\r back\\slash \b\f",
    "markup": "<b>&amp;</b> &<>",
    "unicode": "héllo wörld — 日本語 ☃ 𝄞",
    "separators": "\u2028\u2029",
    "url": "https://a.b/c?d=e&f=%20#g",
    "shell": "$HOME `ls` ${x} ; | &&",
    "number": 1,
    "negative": -7,
    "float": 1.5,
    "big": 9007199254740991,
    "exponent": 1e21,
    "true": True,
    "false": False,
    "null": None,
    "list": [1, "two", None, [3, {"four": 4}]],
    "empty list": [],
    "object": {"a": {"b": {"c": None}}, "d": []},
    "empty object": {},
    "json text": '{"a": [1, 2]}',
}


@pytest.mark.parametrize("collection", ["actions", "packages", "triggers", "rules"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_allowed_form_is_made_read_and_deleted(http: httpx.Client, collection: str, name: str) -> None:
    """In all collections; in paths it is percent-encoded."""
    if collection == "rules":
        put(http, "triggers/target-bell")
        put_action(http, "target")
    body = BODIES.get(collection)
    one = f"{collection}/{quote(name, safe='')}"
    assert put(http, one, body, overwrite=False)["name"] == name
    assert http.get(f"{API}/{one}").json()["name"] == name
    assert name in {row["name"] for row in http.get(f"{API}/{collection}").json()}
    assert http.delete(f"{API}/{one}").json()["name"] == name
    assert http.get(f"{API}/{one}").status_code == 404


@pytest.mark.parametrize("collection", ["actions", "packages", "triggers", "rules"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x" * 257, LONG.format(257)),
        ("bad!", ILLEGAL),
        ("bad$name", ILLEGAL),
        ("semi;colon", ILLEGAL),
        (" leading", ILLEGAL),
        ("trailing ", ILLEGAL),
        (".dot", ILLEGAL),
        ("-dash", ILLEGAL),
        ("@at", ILLEGAL),
        ("umläut", ILLEGAL),
        ("plus+plus", ILLEGAL),
    ],
)
def test_a_name_that_is_none_is_refused(http: httpx.Client, collection: str, name: str, text: str) -> None:
    """For reading and writing."""
    one = f"{API}/{collection}/{quote(name, safe='')}"
    assert said(http.get(one)) == (400, text)
    assert said(http.put(one, json={})) == (400, text)
    assert said(http.delete(one)) == (400, text)


def test_a_namespace_that_is_none_is_refused(http: httpx.Client) -> None:
    """By its length or its letters."""
    assert said(http.get(f"/api/v1/namespaces/{'n' * 257}/actions")) == (400, "Namespace longer than allowed: 257 > 256.")
    assert said(http.get("/api/v1/namespaces/bad!/actions")) == (400, "The namespace contains illegal characters.")


def test_names_that_differ_in_case_are_two(http: httpx.Client) -> None:
    """Twins live side by side."""
    for name in ("Twin", "twin", "TWIN"):
        put_action(http, name, f"function main() {{ return {{ name: '{name}' }}; }}")
    for name in ("Twin", "twin", "TWIN"):
        assert invoke(http, name)["response"]["result"] == {"name": name}
    http.delete(f"{API}/actions/Twin").raise_for_status()
    assert said(http.get(f"{API}/actions/Twin")) == (404, MISSING)
    assert http.get(f"{API}/actions/twin").status_code == 200


def test_an_action_with_spaces_runs_and_fires(http: httpx.Client) -> None:
    """In a package with spaces, by a rule and a trigger with spaces, and is found in the records."""
    put(http, "packages/my%20tools")
    put_action(http, "my%20tools/say%20it")
    put(http, "triggers/ring%20it")
    put(http, "rules/when%20it%20rings", {"trigger": "/_/ring it", "action": "/_/my tools/say it"})
    fired = http.post(f"{API}/triggers/ring%20it", json={"a": 1}).json()["activationId"]
    (row,) = map(json.loads, record(http, fired)["logs"])
    assert (row["rule"], row["action"]) == ("guest/when it rings", "guest/my tools/say it")
    assert record(http, row["activationId"])["name"] == "say it"
    assert len(http.get(f"{API}/activations", params={"name": "my tools/say it"}).json()) == 1


def test_the_same_path_in_other_spellings(http: httpx.Client) -> None:
    """Namespace by name, percent-encoded letters, dot segments: one and the same entity."""
    made = put_action(http, "spelled")
    for path in ("/api/v1/namespaces/guest/actions/spelled", f"{API}/actions/%73pelled", f"{API}/actions/x/../spelled"):
        assert http.get(path).json() == made


def test_values_of_every_kind_come_back_as_they_were_sent(http: httpx.Client) -> None:
    """As parameters and annotations of every entity, and from PUT as from GET."""
    sent = [{"key": key, "value": value} for key, value in VALUES.items()]
    for path, body in (
        ("actions/valued", {"exec": {"kind": "nodejs:default", "code": "function main(a) { return a; }"}}),
        ("packages/valued-package", {}),
        ("triggers/valued-trigger", {}),
    ):
        made = put(http, path, {**body, "parameters": sent, "annotations": sent})
        read = http.get(f"{API}/{path}").json()
        for found in (made, read):
            assert found["parameters"] == sent
            assert {key: marks_of(found)[key] for key in VALUES} == VALUES


def test_keys_of_every_kind_come_back_as_they_were_sent(http: httpx.Client) -> None:
    """A key is any text that is not empty."""
    keys = ["a b", "ключ", 'quo"te', "new\nline", "&<>", "__proto__", "constructor", "a.b[c]", "$ref", "☃"]
    sent = [{"key": key, "value": key} for key in keys]
    assert put(http, "packages/keyed", {"parameters": sent})["parameters"] == sent
    assert http.get(f"{API}/packages/keyed").json()["parameters"] == sent


@pytest.mark.parametrize("kind", ["nodejs:default", "python:3"])
def test_an_action_gets_and_gives_values_unchanged(http: httpx.Client, kind: str) -> None:
    """Bound ones and given ones; those that are null are in the record as well."""
    code = "function main(a) { return a; }" if kind.startswith("nodejs") else "def main(a):\n    return a\n"
    half = dict(list(VALUES.items())[::2])
    rest = {key: value for key, value in VALUES.items() if key not in half}
    put_action(http, "echo-values", code, kind, parameters=[{"key": key, "value": value} for key, value in half.items()])
    ended = invoke(http, "echo-values", rest)
    assert ended["response"]["result"] == VALUES
    assert record(http, ended["activationId"])["response"]["result"] == VALUES


def test_what_is_fired_arrives_unchanged(http: httpx.Client) -> None:
    """Through a trigger with parameters of its own, and in its record."""
    put_action(http, "takes-values")
    put(http, "triggers/valued-bell", {"parameters": parameters(null=1, own=None)})
    put_rule(http, "valued-rule", "valued-bell", "takes-values")
    fired = http.post(f"{API}/triggers/valued-bell", json=VALUES).json()["activationId"]
    assert record(http, fired)["response"]["result"] == VALUES
    (ran,) = eventually(lambda: http.get(f"{API}/activations?name=takes-values&docs=true").json())
    result = ran["response"]["result"]
    assert result.pop("__ow_headers")["content-type"] == "application/json"
    assert result == {**VALUES, "own": None}


@pytest.mark.parametrize("kind", ["nodejs:default", "python:3"])
def test_unicode_in_code_logs_and_result(http: httpx.Client, kind: str) -> None:
    """For each runtime."""
    snow = "☃ ❄ 日本語 𝄞"
    code = (
        f"function main(a) {{ const text = a.delimiter + '{snow}' + a.delimiter; console.log(text); return {{ winter: text }}; }}"
        if kind.startswith("nodejs")
        else f"def main(a):\n    text = a['delimiter'] + '{snow}' + a['delimiter']\n    print(text)\n    return {{'winter': text}}\n"
    )
    assert put_action(http, "snows", code, kind)["exec"]["code"] == code
    ended = invoke(http, "snows", {"delimiter": "❅"})
    assert ended["response"]["result"] == {"winter": f"❅{snow}❅"}
    assert record(http, ended["activationId"])["logs"][0].endswith(f"stdout: ❅{snow}❅")


def test_names_in_bodies_need_a_namespace(http: httpx.Client) -> None:
    """With or without a slash before it; two or three parts."""
    put(http, "triggers/named-bell")
    put_action(http, "named")
    put(http, "packages/named-box")
    put_action(http, "named-box/named")
    for text, path in (("guest/named", "guest"), ("/_/named", "guest"), ("_/named", "guest"), ("guest/named-box/named", "guest/named-box")):
        made = put(http, "rules/named-rule", {"trigger": "guest/named-bell", "action": text})
        assert made["action"] == {"path": path, "name": "named"}
    for text in ("named", "/named", "", "/", "a/b/c/d", "/guest/bad!"):
        answer = http.put(f"{API}/rules/unnamed", json={"trigger": "/_/named-bell", "action": text})
        assert answer.status_code == 400, text
