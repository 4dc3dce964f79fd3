"""Journey: move in, move out."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.steps import API, create_feed, invoke, lifecycle
from tests.support import hubs
from tests.support.hubs import Hub

SECRET = "correct horse battery staple"
SEALED = "a sealed value nobody reads"
SECRETS = {
    "SHOP_PASSWORD": SECRET,
    "SHOP_TILL_APIKEY": SECRET,
    "SHOP_TILL_REQUIRE_WHISK_AUTH": "hush hush hush",
    "SHOP_SLOT": SEALED,
}


def keyed(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def archive() -> str:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("__main__.py", "def main(args):\n    return {'from': 'a zip'}\n")
    return base64.b64encode(target.getvalue()).decode()


def furnish(hub: Hub) -> None:
    """A namespace with one of everything, and with what a manifest has no place for."""
    declared = [{"name": "slot", "type": "password"}]
    entities: list[tuple[str, dict[str, Any]]] = [
        (
            "packages/shop",
            {
                "parameters": keyed(password=SECRET, region="eu", price="$9", nothing=None, type="string", slot=SEALED),
                "annotations": keyed(description="Häuser & Höfe", parameters=declared),
                "publish": True,
                "version": "2.1.0",
            },
        ),
        ("packages/bound", {"binding": {"namespace": "whisk.system", "name": "utils"}, "parameters": keyed(color="red")}),
        ("packages/mine", {"binding": {"namespace": "_", "name": "shop"}}),
        (
            "actions/shop/till",
            {
                "exec": {"kind": "python:3", "code": "def main(args):\r\n    return {'sum': args.get('region')}\n"},
                "parameters": [{"key": "apikey", "value": SECRET}, {"key": "MODE", "value": "fast", "init": True}, *keyed(config={"value": 1})],
                "annotations": keyed(**{"web-export": True, "raw-http": False, "final": True, "require-whisk-auth": "hush hush hush"}),
                "limits": {"memory": 128},
            },
        ),
        ("actions/shop/packed up", {"exec": {"kind": "python:3", "code": archive()}, "annotations": keyed(note="${not} a variable")}),
        ("actions/loose@end&.x", {"exec": {"kind": "nodejs:default", "code": "function main(a) { return a; }"}}),
        ("actions/shop/all", {"exec": {"kind": "sequence", "components": ["/_/shop/till", "/_/loose@end&.x", "/whisk.system/utils/echo"]}}),
        ("actions/again", {"exec": {"kind": "sequence", "components": ["/_/shop/all", "/_/bound/echo"]}}),
        ("triggers/plain", {"parameters": keyed(amount=1)}),
        ("rules/on plain", {"trigger": "/_/plain", "action": "/_/shop/all"}),
        ("rules/off", {"trigger": "/_/plain", "action": "/_/again", "annotations": keyed(why={"deep": [None, "$x"]})}),
    ]
    with hub.http as http:
        for path, body in entities:
            answer = http.put(f"{API}/{path}?overwrite=true", json=body)
            assert answer.status_code == 200, (path, answer.text)
        http.post(f"{API}/rules/off", json={"status": "inactive"}).raise_for_status()
    create_feed(hub, "hourly", "/whisk.system/alarms/alarm", cron="0 * * * *", trigger_payload={"edition": "world"})
    create_feed(hub, "often", "/whisk.system/alarms/interval", minutes=90)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with a furnished namespace."""
    with hubs.running(tmp_path_factory.mktemp("old") / "data") as found:
        furnish(found)
        yield found


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Hub]:
    """An empty hub."""
    with hubs.running(tmp_path / "new" / "data") as found:
        yield found


def run(hub: Hub, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A command with variables in its environment."""
    known = {**hubs.clean_environment(), "WSK_CONFIG_FILE": str(hub.data / "wskprops"), "COLUMNS": "200", **environment}
    return subprocess.run([*hubs.program(), *words], capture_output=True, text=True, input=stdin, env=known, timeout=50, check=False)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def entities(hub: Hub) -> list[str]:
    with hub.http as http:
        return [f"{row['namespace']}/{row['name']}" for kind in ("packages", "actions", "triggers", "rules") for row in http.get(f"{API}/{kind}?limit=0").json()]


def test_export_import_export_is_the_same(old: Hub, new: Hub, tmp_path: Path) -> None:
    """Byte for byte; and what came over works."""
    first, second = tmp_path / "first", tmp_path / "second"
    exported = run(old, "export", str(first))
    imported = run(new, "import", str(first), "--yes", **SECRETS)
    again = run(new, "export", str(second))
    repeated = run(new, "import", str(first), "--yes", **SECRETS)

    assert exported.returncode == 0, exported.stderr
    assert imported.returncode == 0, imported.stdout + imported.stderr
    assert again.returncode == 0, again.stderr
    assert files(first) == files(second)
    assert "nothing is to be done" in repeated.stdout
    assert invoke(new, "again") == {"sum": "eu"}
    assert invoke(new, "shop/packed up") == {"from": "a zip"}
    assert lifecycle(new, "READ", "hourly", "/whisk.system/alarms/alarm")["config"]["cron"] == "0 * * * *"
