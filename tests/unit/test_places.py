"""Places that packages declare, and what is said of those that are none (design §9 "Packages and connections")."""

from __future__ import annotations

import pytest

from hub.domain import places
from hub.domain.manifest import PackageManifest
from hub.services.checks import Subject, run_checks
from hub.wire.manifest import read_package

MANIFEST = b"packages: {tools: {version: 1.0.0, actions: {a: {function: a.py}}}}"
CONNECTION = "connections: {db: {type: custom, fields: {properties: {host: {type: string}, port: {type: integer}}}}}"


def told(egress: str) -> list[tuple[str, str]]:
    """What the check says of a declaration, and how severely."""
    files = {"manifest.yaml": MANIFEST, "hub.yaml": f"capabilities: {{egress: {egress}}}\n{CONNECTION}\n".encode(), "a.py": b""}
    (manifest,) = read_package(files).manifests
    findings = run_checks(Subject(manifest=manifest, files=files))
    return [(str(row.severity), row.message) for row in findings if row.code == "egress_is_precise"]


@pytest.mark.parametrize(
    "text",
    [
        *("api.example.com:443", "*.example.com:443", "127.0.0.1:80", "[2001:4860::1]:443"),
        *("{connection.db.host}:{connection.db.port}", "{connection.db.host}:443", "db.{connection.db.host}:443"),
    ],
)
def test_a_place_is_one(text: str) -> None:
    """Names, addresses, templates."""
    assert places.is_place(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", "host", "host:", ":443", "host:0", "host:65536", "host:443443443443", "host:٤٤٣", "https://host:443", "host:443/path"),
        *("a b:1", "a\n127.0.0.1 b:1", "*:443", "a.*.b:443", "-a:1", "2001:4860::1:443", "{connection.db}:1", "a:1:2", "#:1"),
    ],
)
def test_what_is_no_place_is_none(text: str) -> None:
    """Nothing that could be another line of a hosts file, among others."""
    assert not places.is_place(text)
    assert places.split(text) is None


def test_a_template_stands_for_what_the_connection_says() -> None:
    """For nothing as long as it says nothing; what it says is read as a place again."""
    template = "{connection.db.host}:{connection.db.port}"

    assert places.filled(template, {"db": {"host": "db.example.com", "port": 5432}}) == "db.example.com:5432"
    assert places.filled(template, {"db": {"host": "db.example.com"}}) == places.filled(template, {}) == ""
    assert places.split(places.filled(template, {"db": {"host": "a:1 b", "port": 2}})) is None


@pytest.mark.parametrize(
    ("declared", "host", "port", "covered"),
    [
        ("api.example.com:443", "API.example.com.", 443, True),
        ("api.example.com:443", "api.example.com", 80, False),
        ("api.example.com:443", "evil-api.example.com", 443, False),
        ("*.example.com:443", "a.b.example.com", 443, True),
        ("*.example.com:443", "example.com", 443, False),
        ("*.example.com:443", "badexample.com", 443, False),
        ("[::1]:443", "::1", 443, True),
    ],
)
def test_a_place_covers_itself(declared: str, host: str, port: int, covered: bool) -> None:  # noqa: FBT001 - a column of the table
    """And what is below a `*.`."""
    assert places.covers(declared, host, port) is covered


@pytest.mark.parametrize(
    ("egress", "severity", "words"),
    [
        ("everything", "error", "no list"),
        ("[443]", "error", "no place"),
        ('["https://api.example.com"]', "error", "no place"),
        ('["*.com:443"]', "error", "too much"),
        ('["2130706433:443"]', "error", "a number"),
        ('["{connection.other.host}:443"]', "error", "'other', which is not declared"),
        ('["{connection.db.name}:443"]', "error", "'name' of a connection 'db'"),
        ('["10.0.0.1:443"]', "warning", "inside a network"),
        ('["database:5432"]', "warning", "inside a network"),
    ],
)
def test_a_declaration_is_looked_at_when_it_is_published(egress: str, severity: str, words: str) -> None:
    """What it allows must be told to those who install it."""
    ((found, message),) = told(egress)

    assert found.endswith(severity)
    assert words in message


def test_a_good_declaration_gets_no_finding() -> None:
    """And is the manifest's."""
    egress = '["api.example.com:443", "{connection.db.host}:{connection.db.port}"]'

    assert told(egress) == []
    assert PackageManifest(name="a", entity_name="a", capabilities={"egress": ["a.b:1", 7]}).egress == ("a.b:1",)
