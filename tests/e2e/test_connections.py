"""Journey 4: bind with credentials."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.e2e.steps import API, invoke
from tests.support.github import TOKEN, GitHub
from tests.support.hubs import Hub

FIELDS = {"username": "ada", "accessToken": TOKEN}


def add(hub: Hub, forge: GitHub, name: str, **fields: str) -> tuple[int, str]:
    done = hub.command(
        "connection",
        "add",
        "whisk.system/github",
        "--name",
        name,
        "--stdin",
        stdin=json.dumps({**FIELDS, "baseUrl": forge.address, **fields}),
    )
    return done.returncode, done.stdout + done.stderr


def test_a_connection_is_tested_before_it_is_stored(hub: Hub, forge: GitHub) -> None:
    """A good one is told whose it is; a refused one is not stored, and the words hold no secret."""
    good = add(hub, forge, "good")
    bad = add(hub, forge, "bad", accessToken="not-the-token-at-all")
    listed = hub.command("connection", "list").stdout

    assert good == (0, "connection good: ok as ada\n")
    assert bad[0] == 1
    assert "does not accept the token" in bad[1]
    assert "not-the-token-at-all" not in bad[1]
    assert "good" in listed
    assert "bad" not in listed


def test_a_service_that_is_away_needs_a_yes(hub: Hub, forge: GitHub) -> None:
    """Then it is stored as untested."""
    refused = add(hub, forge, "away", baseUrl="http://127.0.0.1:9")
    accepted = hub.command(
        "connection",
        "add",
        "whisk.system/github",
        "--name",
        "away",
        "--stdin",
        "--accept-untested",
        stdin=json.dumps({**FIELDS, "baseUrl": "http://127.0.0.1:9"}),
    )

    assert refused[0] == 1
    assert "untested" in refused[1]
    assert accepted.stdout == "connection away: untested\n"


def test_bad_fields_are_named(hub: Hub, forge: GitHub) -> None:
    """Missing, unknown, of the wrong type."""
    with hub.http as http:
        answers = [
            http.post("/catalog/v1/connections", json={"package": "whisk.system/github", "name": "x", "fields": fields})
            for fields in ({"username": "ada"}, {**FIELDS, "colour": "red"}, {**FIELDS, "username": 7})
        ]

    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert [answer.json()["field"] for answer in answers] == ["accessToken", "colour", "username"]


def test_secrets_are_never_readable_again(hub: Hub, forge: GitHub) -> None:
    """Not through the API, not on disk, not in the log."""
    add(hub, forge, "sealed")
    with hub.http as http:
        shown = http.get("/catalog/v1/connections/sealed").text
    with sqlite3.connect(hub.data / "hub.db") as database:
        stored = str(database.execute("SELECT * FROM connections").fetchall())

    assert '"set":true' in shown
    for text in (shown, stored, hub.log.read_text()):
        assert TOKEN not in text


def test_an_install_makes_ordinary_entities_after_a_plan(hub: Hub, forge: GitHub) -> None:
    """The plan changes nothing; what is made is annotated, works, and goes without a trace."""
    add(hub, forge, "main")
    planned = hub.command("install", "whisk.system/github", "--as", "forge", "--connection", "main", "--dry-run")
    with hub.http as http:
        assert http.get(f"{API}/packages/forge").status_code == 404
        done = hub.command("install", "whisk.system/github", "--as", "forge", "--connection", "main")
        package = http.get(f"{API}/packages/forge").json()
        mark = next(item["value"] for item in package["annotations"] if item["key"] == "hub")
        release = http.get("/catalog/v1/packages/whisk.system/github").json()["package"]
        whose = invoke(hub, "forge/check")
        gone = hub.command("uninstall", "forge")

        assert "would make package guest/forge" in planned.stdout
        assert "installed whisk.system/github" in done.stdout
        assert (mark["package"], mark["version"], mark["digest"]) == ("whisk.system/github", release["version"], release["digest"])
        assert TOKEN not in str(package)
        assert whose == {"account": "ada"}
        assert "nothing is left" in gone.stdout
        assert http.get(f"{API}/packages/forge").status_code == 404
        assert http.get("/catalog/v1/installs/forge").status_code == 404


def test_a_connection_in_use_is_not_removed_by_accident(hub: Hub, forge: GitHub) -> None:
    """The refusal names who would stop."""
    add(hub, forge, "used")
    hub.command("install", "whisk.system/github", "--as", "user-of-it", "--connection", "used")
    refused = hub.command("connection", "remove", "used")
    hub.command("uninstall", "user-of-it")

    assert refused.returncode == 1
    assert "user-of-it" in refused.stderr
    assert hub.command("connection", "remove", "used").returncode == 0


def test_a_failing_install_leaves_nothing(hub: Hub, folder: Path) -> None:
    """A feed that refuses its settings undoes the package, the trigger and the rule."""
    (folder / "manifest.yaml").write_text(
        "packages:\n  doomed:\n    version: 1.0.0\n    actions:\n      a: {function: a.py, runtime: python:3}\n"
        "    triggers:\n      fine: {feed: /whisk.system/alarms/interval, inputs: {minutes: 1}}\n"
        "      never: {feed: /whisk.system/alarms/alarm, inputs: {cron: 0 0 31 2 *}}\n"
        "    rules:\n      r: {trigger: never, action: a}\n"
    )
    (folder / "a.py").write_text("def main(args):\n    return {}\n")
    assert hub.command("publish", str(folder)).returncode == 0
    done = hub.command("install", "guest/doomed")

    assert done.returncode == 1
    assert "Nothing was installed: cron pattern '0 0 31 2 *' never fires" in done.stderr
    with hub.http as http:
        for path in ("packages/doomed", "triggers/fine", "triggers/never", "rules/r"):
            assert http.get(f"{API}/{path}").status_code == 404
        assert http.get("/catalog/v1/installs").json()["meta"]["total"] == 0


def test_what_is_taken_is_told_before_anything_is_made(hub: Hub) -> None:
    """A name in use is a conflict in the plan."""
    with hub.http as http:
        http.put(f"{API}/packages/taken", json={})
    done = hub.command("install", "whisk.system/utils", "--as", "taken", "--dry-run")

    assert done.returncode == 1
    assert "guest/taken exists already" in done.stderr
