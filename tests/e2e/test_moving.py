"""Journey: move in, move out."""

from __future__ import annotations

import base64
import dataclasses
import io
import itertools
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.steps import API, create_feed, invoke, lifecycle
from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.hubs import Hub

NUMBERS = itertools.count()
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
                "parameters": [
                    {"key": "apikey", "value": SECRET},
                    {"key": "MODE", "value": "fast", "init": True},
                    *keyed(config={"value": 1}),
                ],
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
        make_api(http, "/{part}/price", "shop/till", secret="hush hush hush")
        make_api(http, "/again", "again")
    create_feed(hub, "hourly", "/whisk.system/alarms/alarm", cron="0 * * * *", trigger_payload={"edition": "world"})
    create_feed(hub, "often", "/whisk.system/alarms/interval", minutes=90)


def make_api(http: httpx.Client, path: str, action: str, secret: str | None = None) -> None:
    """As `wsk api create /market PATH get ACTION` does it."""
    apidoc = {
        "namespace": "_",
        "apiName": "Market",
        "gatewayBasePath": "/market",
        "gatewayPath": path,
        "gatewayMethod": "GET",
        "action": {"name": action, "namespace": "_", "backendMethod": "GET", "backendUrl": "https://hub/", "secureKey": secret},
        "pathParameters": [{"name": "part", "in": "path", "required": True, "type": "string"}] if "{part}" in path else [],
    }
    answer = http.post("/api/v1/web/whisk.system/apimgmt/createApi.http?responsetype=http", json={"apidoc": apidoc})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with a furnished namespace."""
    with hubs.running(tmp_path_factory.mktemp("old") / "data") as found:
        furnish(found)
        yield found


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Another hub, for those who move in."""
    with hubs.running(tmp_path_factory.mktemp("other") / "data") as found:
        yield found


@pytest.fixture
def new(other: Hub, tmp_path: Path) -> Hub:
    """An empty namespace on the other hub, with a properties file of its own."""
    name = f"tenant{next(NUMBERS)}"
    key = other.command("admin", "user", "create", name).stdout.strip()
    home = tmp_path / name
    home.mkdir()
    (home / "wskprops").write_text(f"APIHOST={other.address}\nAUTH={key}\n")
    return dataclasses.replace(other, auth=key, data=home)


def run(hub: Hub, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A command with variables in its environment."""
    known = {**hubs.clean_environment(), "WSK_CONFIG_FILE": str(hub.data / "wskprops"), "COLUMNS": "200", **environment}
    return subprocess.run([*hubs.program(), *words], capture_output=True, text=True, input=stdin, env=known, timeout=50, check=False)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def entities(hub: Hub) -> list[str]:
    with hub.http as http:
        return [
            "/".join([*row["namespace"].split("/")[1:], row["name"]])
            for kind in ("packages", "actions", "triggers", "rules")
            for row in http.get(f"{API}/{kind}?limit=0").json()
        ]


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
    assert invoke(new, "again") == {"sum": "eu", "color": "red"}
    assert invoke(new, "shop/packed up") == {"from": "a zip"}
    assert lifecycle(new, "READ", "hourly", "/whisk.system/alarms/alarm")["config"]["cron"] == "0 * * * *"
    with new.http as http:
        (api,) = http.get("/api/v1/web/whisk.system/apimgmt/getApi.http").json()["apis"]
        served = http.get(f"{api['value']['gwApiUrl']}/fish/price", auth=("", ""))
    assert served.status_code in {200, 204}, served.text


def test_secrets_are_nowhere(old: Hub, tmp_path: Path) -> None:
    """Not in the folder, not in what is said; their names are."""
    folder = tmp_path / "project"
    done = run(old, "export", str(folder))
    written = b"\n".join([*files(folder).values(), (done.stdout + done.stderr).encode()])

    for secret in (*SECRETS.values(), old.auth, old.auth.partition(":")[2]):
        assert secret.encode() not in written
    for name in SECRETS:
        assert f"\n{name}=\n" in files(folder)[".env.example"].decode()
        assert name in done.stdout


def test_what_is_not_set_is_named_before_anything_changes(old: Hub, new: Hub, tmp_path: Path) -> None:
    """All of it at once; a file beside the manifest sets it as well as the environment."""
    folder = tmp_path / "project"
    run(old, "export", str(folder))
    before = entities(new)
    refused = run(new, "import", str(folder), "--yes", SHOP_PASSWORD=SECRET)
    (folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in SECRETS.items()))
    planned = run(new, "import", str(folder), "--dry-run")

    assert refused.returncode == 1
    assert "SHOP_SLOT, SHOP_TILL_APIKEY, SHOP_TILL_REQUIRE_WHISK_AUTH. Nothing was changed" in refused.stderr
    assert planned.returncode == 0, planned.stderr
    assert "nothing was changed" in planned.stdout
    assert entities(new) == before == []


def test_a_live_namespace_is_carried_over(old: Hub, new: Hub, tmp_path: Path) -> None:
    """Its key comes from a file; what is sealed there comes from the environment."""
    first, second = tmp_path / "first", tmp_path / "second"
    words = ["import", old.address, "--source-key", str(old.data / "wskprops"), "--yes"]
    refused = run(new, *words)
    done = run(new, *words, SHOP_SLOT=SEALED)
    for hub, folder in ((old, first), (new, second)):
        assert run(hub, "export", str(folder)).returncode == 0

    assert "SHOP_SLOT" in refused.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(first) == files(second)
    with new.http as http:
        values = {item["key"]: item["value"] for item in http.get(f"{API}/packages/shop").json()["parameters"]}
    assert (values["password"], values["nothing"], values["price"]) == (SECRET, None, "$9")


def test_a_key_is_in_no_process_list(old: Hub, new: Hub) -> None:
    """It is read from standard input."""
    words = [*hubs.program(), "import", old.address, "--source-key", "-", "--dry-run"]
    known = {**hubs.clean_environment(), "WSK_CONFIG_FILE": str(new.data / "wskprops"), "SHOP_SLOT": SEALED}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=known) as process:
        seen = eventually(lambda: Path(f"/proc/{process.pid}/cmdline").read_text())
        said, _ = process.communicate(old.auth, timeout=40)

    assert "import" in seen
    assert old.auth not in seen
    assert process.returncode == 0
    assert "shop/till" in said
    assert old.auth not in said


def write(folder: Path, manifest: str, **more: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.yaml").write_text(manifest)
    for name, text in more.items():
        (folder / name.replace("_", ".")).write_text(text)
    return str(folder)


SMALL = """packages:
  tools:
    inputs: {greeting: %s}
    actions:
      greet: {code: "def main(args):\\n    return {'said': args['greeting']}\\n", runtime: "python:3"}
    triggers:
      asked:
    rules:
      answer: {trigger: asked, action: greet}
"""


def test_what_is_there_is_replaced_only_when_asked(new: Hub, tmp_path: Path) -> None:
    """Otherwise a difference is a conflict, and nothing of the plan is done."""
    folder = write(tmp_path / "small", SMALL % "hello")
    first = run(new, "import", folder, "--yes")
    write(tmp_path / "small", SMALL % "goodbye" + "      once more: {trigger: asked, action: greet}\n")
    refused = run(new, "import", folder, "--yes")
    before = entities(new)
    said = invoke(new, "tools/greet")
    replaced = run(new, "import", folder, "--yes", "--overwrite")

    assert first.returncode == 0, first.stdout + first.stderr
    assert refused.returncode == 1
    assert "differs in parameters; --overwrite replaces it" in refused.stdout
    assert "1 conflict; nothing was changed" in refused.stderr
    assert "once more" not in before
    assert said == {"said": "hello"}
    assert "made 2 changes" in replaced.stdout
    assert invoke(new, "tools/greet") == {"said": "goodbye"}


def test_a_name_of_another_collection_is_a_conflict(new: Hub, tmp_path: Path) -> None:
    """An action cannot replace a trigger."""
    with new.http as http:
        http.put(f"{API}/triggers/greet", json={}).raise_for_status()
    refused = run(
        new,
        "import",
        write(tmp_path / "small", 'packages: {default: {actions: {greet: {code: "x", runtime: "python:3"}}}}'),
        "--yes",
        "--overwrite",
    )

    assert refused.returncode == 1
    assert "conflict" in refused.stdout
    assert "not in this collection" in refused.stdout


LEFT = """packages:
  default:
    dependencies:
      post: {location: /whisk.system/messaging}
      library: {location: github.com/example/library, version: v1}
    actions:
      picture: {docker: example/picture}
      old: {code: "x", runtime: "swift:5"}
      far: {function: "https://example.com/far.js"}
      fine: {code: "def main(args):\\n    return args\\n", runtime: "python:3"}
    sequences:
      chain: {actions: "fine, post/produce"}
    triggers:
      message: {feed: post/feed, inputs: {topic: a}}
      tick: {feed: /whisk.system/alarms/interval, inputs: {minutes: 5}}
    rules:
      on-message: {trigger: message, action: fine}
      on-tick: {trigger: tick, action: chain}
      good: {trigger: tick, action: fine}
    apis:
      shop: {v1: {things: {fine: {method: GET}}}}
"""


def test_what_cannot_be_carried_over_is_listed_with_its_reason(new: Hub, tmp_path: Path) -> None:
    """And the rest is carried."""
    done = run(new, "import", write(tmp_path / "partly", LEFT), "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "post           /whisk.system/messaging is not there; try `hub search messaging`",
        "library        it is at github.com/example/library; get it, and say where it is with --dependency library=FOLDER",
        "picture        it needs a container image, and none runs there",
        "old            the kind swift:5 does not run there; these do:",
        "far            its code is at an address",
        "chain          /_/post/produce is not there",
        "message        its feed: /_/post is not there",
        "on-message     its trigger message is not there",
        "on-tick        its action /_/chain is not there",
    ):
        assert " ".join(words.split()) in " ".join(done.stdout.split())
    assert sorted(entities(new)) == ["fine", "good", "tick"]


def test_a_step_that_fails_stops_and_can_be_taken_up(new: Hub, tmp_path: Path) -> None:
    """What was made stays, a trigger without its feed does not; the same command goes on."""
    text = "packages:\n  default:\n    triggers:\n      never: {feed: /whisk.system/alarms/alarm, inputs: {cron: %s}}\n      a: {}\n"
    stopped = run(new, "import", write(tmp_path / "half", text % "0 0 31 2 *"), "--yes")
    between = entities(new)
    mended = run(new, "import", write(tmp_path / "half", text % "0 0 30 1 *"), "--yes")

    assert stopped.returncode == 1
    assert "Stopped at trigger never: cron pattern '0 0 31 2 *' never fires" in stopped.stderr
    assert "1 of 2 changes are made and stay, 1 are left" in stopped.stderr
    assert between == ["a"]
    assert mended.returncode == 0, mended.stderr
    assert sorted(entities(new)) == ["a", "never"]


def test_a_feed_follows_its_project(new: Hub, tmp_path: Path) -> None:
    """Settings that changed are an update; the same project again changes nothing."""
    text = (
        "packages:\n  default:\n    triggers:\n      tick: {feed: /whisk.system/alarms/alarm, inputs: {cron: %s, trigger_payload: plain}}\n"
    )
    run(new, "import", write(tmp_path / "fed", text % "0 7 * * *"), "--yes")
    same = run(new, "import", write(tmp_path / "fed", text % "0 7 * * *"), "--yes")
    changed = run(new, "import", write(tmp_path / "fed", text % "0 8 * * *"), "--yes", "--overwrite")

    assert "nothing is to be done" in same.stdout
    assert "differs in settings of the feed" in changed.stdout
    assert lifecycle(new, "READ", "tick", "/whisk.system/alarms/alarm")["config"]["cron"] == "0 8 * * *"


def test_an_export_spares_what_is_in_the_folder(old: Hub, tmp_path: Path) -> None:
    """Unless it is told otherwise."""
    (tmp_path / "manifest.yaml").write_text("mine")
    refused = run(old, "export", str(tmp_path))
    kept = (tmp_path / "manifest.yaml").read_text()

    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
    assert kept == "mine"
    assert run(old, "export", str(tmp_path), "--overwrite").returncode == 0


def test_a_broken_project_is_told_with_lines(new: Hub, tmp_path: Path) -> None:
    """All of it at once, and nothing is changed."""
    text = "packages:\n  a:\n    actions:\n      x: {function: gone.py}\n      y: {code: z}\n    colour: red\n"
    done = run(new, "import", write(tmp_path / "broken", text), "--yes")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "project.yml").write_text("packages: []\n")
    other = run(new, "import", str(tmp_path / "other"))

    assert done.returncode == 1
    for line in ("manifest.yaml:4: error no_file", "manifest.yaml:5: error no_kind", "manifest.yaml:6: error unknown_key"):
        assert line in done.stderr
    assert entities(new) == []
    assert "project.yml (Nimbella, DigitalOcean Functions) is not read by this version" in other.stderr


def test_what_was_sent_and_said_holds_no_secret(old: Hub) -> None:
    """The log of the hub that was read, neither."""
    text = old.log.read_text()
    assert not [secret for secret in SECRETS.values() if secret in text]


def test_a_large_namespace_is_carried_whole(new: Hub, tmp_path: Path) -> None:
    """Lists are read page by page."""
    with new.http as http:
        for number in range(203):
            http.put(f"{API}/triggers/t{number}", json={}).raise_for_status()
    done = run(new, "export", str(tmp_path / "large"))

    assert f"wrote 1 files to {tmp_path / 'large'}: 203 triggers" in done.stdout


def test_a_published_export_is_a_package(old: Hub, new: Hub, tmp_path: Path) -> None:
    """The part of hub.yaml that is about moving is no obstacle."""
    with new.http as http:
        http.put(f"{API}/packages/lean", json={"version": "1.2.0", "parameters": keyed(price="$9")}).raise_for_status()
        http.put(
            f"{API}/actions/lean/a", json={"exec": {"kind": "python:3", "code": "def main(args):\n    return args\n"}}
        ).raise_for_status()
    run(new, "export", str(tmp_path / "lean"))
    done = run(new, "publish", str(tmp_path / "lean"), "--dry-run")

    assert "hub.yaml" in files(tmp_path / "lean")
    assert "unknown_key" not in done.stderr
    assert done.returncode == 0, done.stderr
