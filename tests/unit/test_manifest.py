"""Manifests of wskdeploy, with everything that is wrong with them (packages-and-feeds §11)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.wire.manifest import Reading, listing_name, read_package

WHOLE = """project:
  name: news-room
  packages:
    News:
      version: 1.0
      license: Apache-2.0
      public: true
      annotations: {description: "Headlines to chat"}
      inputs:
        region: {type: string, default: eu, required: true, description: Where we run}
        secret: {type: password}
        url: $SLACK_URL
      dependencies:
        roomSlack: {location: /whisk.system/slack}
      actions:
        fetch: {function: src/fetch.py, runtime: "python:3", inputs: {limit: integer, tags: {type: json, value: '["a"]'}}}
        page:
          function: site/
          runtime: nodejs:default
          include: [["site/*.js"], ["shared/lib", "lib"]]
          exclude: ["**/*.test.js"]
          web: raw
          limits: {timeout: 30000, memorySize: 256, logSize: 1}
        tiny: {code: "function main(a){return a}", runtime: "nodejs:default", web: yes}
      sequences:
        publish: {actions: "fetch, page", web: no}
      triggers:
        hourly: {feed: /whisk.system/alarms/alarm, inputs: {cron: "0 * * * *", trigger_payload: {edition: world}}}
        manual:
      rules:
        on-hour: {trigger: hourly, action: publish}
"""


def read(text: str, **files: str) -> Reading:
    return read_package({"manifest.yaml": text.encode(), **{name: data.encode() for name, data in files.items()}})


def codes(reading: Reading) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.line) for finding in reading.findings]


def test_a_manifest_that_touches_most_of_the_grammar_is_read() -> None:
    """Text stays text, types have their zero values, forms of inputs are told apart."""
    reading = read(WHOLE)
    (manifest,) = reading.manifests
    inputs = {given.name: given for given in manifest.inputs}
    fetch, page, tiny = manifest.actions

    assert (manifest.name, manifest.entity_name, manifest.version) == ("news", "News", "1.0")
    assert (inputs["region"].value, inputs["region"].required) == ("eu", True)
    assert inputs["secret"].secret
    assert [(given.name, given.type, given.value) for given in fetch.inputs] == [("limit", "integer", None), ("tags", "json", ["a"])]
    assert page.annotations == {"web-export": True, "raw-http": True, "final": True}
    assert page.limits == {"timeout": 30000, "memory": 256, "logs": 1}
    assert page.include == (("site/*.js",), ("shared/lib", "lib"))
    assert tiny.annotations["web-export"] is True
    assert manifest.sequences[0].actions == ("fetch", "page")
    assert manifest.triggers[0].inputs[1].value == {"edition": "world"}
    assert manifest.triggers[1].feed is None
    assert codes(reading) == [("not_installed", 13), ("variable", 12)]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("packages:\n  a:\n    version: 1\n    version: 2\n", "yaml", 4),
        ("packages:\n  a:\n\tb: 1\n", "yaml", 3),
        ("packages:\n  a: [1\n", "yaml", 3),
        ("", "yaml", 1),
        ("[]", "yaml", 1),
        ("packages: {}\n", "no_package", 1),
        ("packages:\n  a:\n    colour: red\n", "unknown_key", 3),
        ("packages:\n  a:\n    actions:\n      x: {function: x.py, code: y}\n", "function_and_code", 4),
        ("packages:\n  a:\n    actions:\n      x: {}\n", "no_code", 4),
        ("packages:\n  a:\n    actions:\n      x: {code: y}\n", "no_kind", 4),
        ("packages:\n  a:\n    actions:\n      x: {docker: image}\n", "container", 4),
        ("packages:\n  a:\n    actions:\n      x: {function: x.py, web: maybe}\n", "web", 4),
        ("packages:\n  a:\n    actions:\n      x:\n        function: x.py\n        limits: {memorySize: much}\n", "limit", 6),
        ("packages:\n  a:\n    inputs:\n      b: {type: colour}\n", "input_type", 4),
        ("packages:\n  a:\n    sequences:\n      s: {actions: ''}\n", "no_components", 4),
        ("packages:\n  a:\n    rules:\n      r: {trigger: t}\n", "rule", 4),
        ("packages:\n  default: {}\n", "name_left_open", 2),
        ("packages:\n  $NAME: {}\n", "name_left_open", 2),
    ],
)
def test_a_finding_has_its_line(text: str, code: str, line: int) -> None:
    """And is an error with a way out or a plain sentence."""
    assert (code, line) in codes(read(text))


def test_a_bomb_of_aliases_is_refused() -> None:
    """Every use of an alias counts."""
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    )

    assert codes(read(text))[0][0] == "yaml"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a: " * 500_000, b"[" * 5_000, b"a: &a [*a]"])
def test_what_is_no_usable_yaml_is_a_finding(data: bytes) -> None:
    """Never an exception."""
    assert read_package({"manifest.yaml": data}).findings


def test_no_manifest_is_a_finding() -> None:
    """With what to do."""
    assert read_package({}).findings[0].code == "no_manifest"


def test_name_and_version_fill_what_is_left_open() -> None:
    """From the publish command."""
    (manifest,) = read_package({"manifest.yaml": b"packages:\n  default: {}\n"}, name="My Tools", version="2.0.0").manifests

    assert (manifest.name, manifest.entity_name, manifest.version) == ("my-tools", "My Tools", "2.0.0")


@given(st.text(max_size=200))
def test_any_text_is_read_without_failing(text: str) -> None:
    """A manifest is whatever somebody uploads."""
    read_package({"manifest.yaml": text.encode("utf-8", "surrogatepass"), "hub.yaml": text.encode("utf-8", "surrogatepass")})


@given(st.text(max_size=80))
def test_a_listing_name_has_only_letters_digits_and_dashes(text: str) -> None:
    """Whatever the manifest calls it."""
    name = listing_name(text)

    assert not name or (name.strip("-") == name and all(character in "abcdefghijklmnopqrstuvwxyz0123456789-" for character in name))


def test_hub_yaml_describes_connections_and_feeds() -> None:
    """Fields with their secrets, the check, the native feed."""
    hub = (
        "category: data\nkeywords: [a, b]\nconnections:\n  main:\n    type: basic\n    check: probe\n    parameters: {user: username}\n"
        "    fields: {type: object, required: [username], properties: {username: {type: string}, password: {type: string, secret: true}}}\n"
        "feeds:\n  changes: {native: cloudant/changes, settings: {dbname: {type: string, required: true}}}\n"
    )
    (manifest,) = read("packages:\n  a: {version: 1.0.0}\n", **{"hub.yaml": hub}).manifests
    connection = manifest.connections[0]

    assert connection.secret_fields == ("password",)
    assert (connection.check, connection.parameters) == ("probe", {"user": "username"})
    assert [field.required for field in connection.fields] == [True, False]
    assert manifest.feeds[0].native == "cloudant/changes"
    assert manifest.keywords == ("a", "b")
