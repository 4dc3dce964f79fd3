"""Journey 1: browse and publish."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.eventually import eventually
from tests.support.hubs import Hub

MANIFEST = """packages:
  greeter:
    version: {version}
    license: Apache-2.0
    annotations: {{description: Says hello to quokkas}}
    actions:
      hello:
        function: hello.py
        runtime: python:3
        inputs: {{name: {{type: string, description: Whom}}}}
        annotations: {{description: Says hello}}
"""
CODE = 'def main(args):\n    return {"greeting": "Hello " + args.get("name", "stranger")}\n'


def given_package(folder: Path, version: str = "1.0.0", code: str = CODE) -> None:
    (folder / "manifest.yaml").write_text(MANIFEST.format(version=version))
    (folder / "hello.py").write_text(code)


def test_built_in_packages_are_there_from_the_first_start(hub: Hub) -> None:
    """`catalog.yaml` went through the same door as anybody's package."""
    with hub.http as http:
        listed = http.get("/catalog/v1/packages").json()

    assert {row["name"] for row in listed["packages"]} >= {"utils", "samples", "alarms", "github", "cloudant"}
    assert "cron" in hub.command("show", "whisk.system/alarms").stdout
    assert "whisk.system/alarms" in hub.command("search", "cron").stdout


def test_what_is_published_is_found_within_two_seconds(hub: Hub, folder: Path) -> None:
    """Publishing answers when the package is searchable."""
    given_package(folder)
    begun = time.monotonic()
    done = hub.command("publish", str(folder))
    with hub.http as http:
        found = eventually(lambda: http.get("/catalog/v1/packages?q=quokka").json()["packages"], seconds=2)
        detail = http.get("/catalog/v1/packages/guest/greeter/versions/1.0.0").json()["version"]

    assert done.returncode == 0, done.stderr
    assert [row["name"] for row in found] == ["greeter"]
    assert detail["digest"] in done.stdout
    assert time.monotonic() - begun < 10


def test_a_broken_manifest_gets_every_finding_at_once(hub: Hub, folder: Path) -> None:
    """Each with file, line and a way out; nothing is released."""
    (folder / "manifest.yaml").write_text(
        "packages:\n  broken:\n    version: one\n    actons: {}\n    actions:\n      a: {function: missing.py}\n"
        "    rules:\n      r: {trigger: none, action: a}\n"
    )
    done = hub.command("publish", str(folder))

    assert done.returncode == 1
    for place in (
        "manifest.yaml:4: error unknown_key",
        "manifest.yaml:2: error version_is_semantic",
        "manifest.yaml:6: error function_file_exists",
        "manifest.yaml:8: error references_exist",
    ):
        assert place in done.stderr
    with hub.http as http:
        assert http.get("/catalog/v1/packages/guest/broken").status_code == 404


def test_a_release_never_changes(hub: Hub, folder: Path) -> None:
    """The same bytes are answered as done, other bytes are refused; a new version is fine."""
    given_package(folder, "2.0.0")
    assert hub.command("publish", str(folder)).returncode == 0
    assert hub.command("publish", str(folder)).returncode == 0
    given_package(folder, "2.0.0", CODE + "# other\n")
    refused = hub.command("publish", str(folder))
    given_package(folder, "2.0.1", CODE + "# other\n")

    assert refused.returncode == 1
    assert "never changes" in refused.stderr
    assert hub.command("publish", str(folder)).returncode == 0


def test_nobody_publishes_for_somebody_else(hub: Hub, folder: Path) -> None:
    """A foreign publisher is not found."""
    given_package(folder)
    done = hub.command("publish", str(folder), "--namespace", "somebody")

    assert done.returncode == 1
    assert "publisher somebody" in done.stderr
