"""What actions depend on is built when they are written, in a cell that reaches the package indexes and nothing else (design §9 "Cells")."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.runtime import modules
from tests.e2e.steps import API, invoke, put_action, records
from tests.support import hubs, indexes
from tests.support.eventually import eventually
from tests.support.hubs import Hub
from tests.support.indexes import Index
from tests.support.peers import absent

TOO_LARGE = 30_000_000

GREETS = "import greeting\ndef main(args):\n    return {'said': greeting.say(args.get('name', 'you'))}\n"
JS_GREETS = "const say = require('greeting'); exports.main = (args) => ({ said: say(args.name || 'you') });"


def settings(index: Index, **more: str) -> Any:
    """A hub whose packages come from that index."""
    return {
        "BUILDS__PYTHON_INDEX": f"{index.address}/simple",
        "BUILDS__NPM_REGISTRY": f"{index.address}/npm/",
        "OUTBOUND__ALLOW": "127.0.0.1",
        "LIMITS__INVOCATIONS_PER_MINUTE": "10000",
        **more,
    }


def fill(index: Index) -> None:
    """What the tests install."""
    index.add_wheel("greeting", "1.0", "import words\ndef say(name):\n    return words.hello + ' ' + name\n", requires="words")
    index.add_wheel("words", "2.0", "hello = 'hello'\n")
    index.add_source("sourceonly", "1.0")
    index.add_package(
        "greeting",
        "1.0.0",
        "const { hello } = require('words'); module.exports = (name) => `${hello} ${name}`;",
        dependencies={"words": "^2.0.0"},
        scripts={"postinstall": "touch /home/action/out/ran"},
    )
    index.add_package("words", "2.0.0", "exports.hello = 'hello';")


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    """Packages on loopback."""
    with indexes.running() as found:
        fill(found)
        yield found


@pytest.fixture(scope="module")
def hub(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that installs from there."""
    with hubs.running(tmp_path_factory.mktemp("hub") / "data", **settings(index)) as found:
        yield found


def put(hub: Hub, name: str, files: dict[str, str], kind: str = "python:3") -> Any:
    """Make or replace an action of a zip; the answer."""
    code = base64.b64encode(indexes.zipped(files)).decode()
    with hub.http as http:
        answer = http.put(f"{API}/actions/{name}?overwrite=true", json={"exec": {"kind": kind, "code": code}})
    assert answer.status_code == 200, answer.text
    return answer.json()


def marks(row: Any) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in row["annotations"]}


def layers(data: Path) -> set[str]:
    """Names of the layers that were built."""
    return {path.name for path in (data / "layers").iterdir() if not path.name.startswith((".", "pip-"))}


def build_of(hub: Hub, number: str) -> Any:
    with hub.http as http:
        return http.get(f"/hub/v1/builds/{number}").json()["build"]


def test_a_python_zip_with_requirements_runs_with_them(hub: Hub) -> None:
    """They are there at the first call, what they need included."""
    row = put(hub, "python-greets", {"__main__.py": GREETS, "requirements.txt": "# ours\ngreeting>=1,<2\n"})

    assert "build" not in marks(row)
    assert invoke(hub, "python-greets", name="Ada") == {"said": "hello Ada"}


def test_a_node_zip_with_dependencies_runs_with_them(hub: Hub) -> None:
    """Scripts of packages are not run."""
    files = {"package.json": json.dumps({"main": "index.js", "dependencies": {"greeting": "^1.0.0"}}), "index.js": JS_GREETS}
    put(hub, "node-greets", files, "nodejs:default")

    assert invoke(hub, "node-greets", name="Ada") == {"said": "hello Ada"}


def test_imported_modules_of_node_find_them_too(hub: Hub) -> None:
    """An ES module looks for them beside its own file."""
    package = {"main": "index.mjs", "type": "module", "dependencies": {"greeting": "^1.0.0"}}
    code = "import say from 'greeting'; export const main = (args) => ({ said: say('module') });"
    put(hub, "module-greets", {"package.json": json.dumps(package), "index.mjs": code}, "nodejs:default")

    assert invoke(hub, "module-greets") == {"said": "hello module"}


def test_a_lock_is_kept_to(hub: Hub, index: Index) -> None:
    """What does not match its integrity is not installed."""
    lock = {
        "name": "x",
        "lockfileVersion": 3,
        "requires": True,
        "packages": {
            "": {"name": "x", "dependencies": {"words": "^2.0.0"}},
            "node_modules/words": {"version": "2.0.0", "integrity": "sha512-" + base64.b64encode(bytes(64)).decode()},
        },
    }
    files = {
        "package.json": json.dumps({"name": "x", "main": "index.js", "dependencies": {"words": "^2.0.0"}}),
        "package-lock.json": json.dumps(lock),
        "index.js": "exports.main = () => ({});",
    }
    row = put(hub, "locked", files, "nodejs:default")

    assert marks(row)["build"] == "failed"
    assert any("EINTEGRITY" in line for line in build_of(hub, marks(row)["buildId"])["log"])


def test_the_same_wishes_are_built_once(hub: Hub, index: Index) -> None:
    """Another action, and the same one with other code, wait for nothing."""
    wishes = "words==2.0\n"
    put(hub, "first", {"__main__.py": "import words\ndef main(args):\n    return {'n': 1}\n", "requirements.txt": wishes})
    asked = len(index.asked)
    put(hub, "second", {"__main__.py": "import words\ndef main(args):\n    return {'w': words.hello}\n", "requirements.txt": wishes})

    assert invoke(hub, "second") == {"w": "hello"}
    assert len(index.asked) == asked


def test_an_action_that_comes_again_wants_what_its_new_code_says(hub: Hub) -> None:
    """Deleted and made anew under its name, with other wishes."""
    put(hub, "again", {"__main__.py": "import words\ndef main(args):\n    return {'w': words.hello}\n", "requirements.txt": "words==2.0\n"})
    first = invoke(hub, "again")
    with hub.http as http:
        http.delete(f"{API}/actions/again").raise_for_status()
    put(hub, "again", {"__main__.py": GREETS, "requirements.txt": "greeting>=1,<2\n"})

    assert (first, invoke(hub, "again")) == ({"w": "hello"}, {"said": "hello you"})


def test_a_failed_build_is_an_init_error_with_its_log(hub: Hub) -> None:
    """The action is there, and says why it does not run."""
    row = put(hub, "broken", {"__main__.py": GREETS, "requirements.txt": "nowhere-to-be-found\n"})
    with hub.http as http:
        activation = http.post(f"{API}/actions/broken?blocking=true", json={})
    record = eventually(lambda: records(hub, "broken"))[0]

    assert marks(row)["build"] == "failed"
    assert activation.status_code == 502
    assert record["response"]["status"] == "action developer error"
    assert "dependencies could not be built" in record["response"]["result"]["error"]
    assert any("nowhere-to-be-found" in line for line in record["logs"])
    assert "initTime" in marks(record)


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ("sourceonly\n", "No matching distribution"),
        ("--index-url http://127.0.0.1:9/simple\nwords\n", "line 1"),
        ("words\n./here.whl\n", "line 2"),
        ("words @ http://127.0.0.1:9/words.whl\n", "line 1"),
        ("-e .\n", "line 1"),
        ("words --no-binary :all:\n", "line 1"),
    ],
)
def test_only_wheels_of_the_index_are_installed(hub: Hub, wishes: str, says: str) -> None:
    """Sources, addresses, folders and other indexes are refused, with the line."""
    put(hub, "refused", {"__main__.py": "def main(args):\n    return {}\n", "requirements.txt": wishes})
    with hub.http as http:
        activation = http.post(f"{API}/actions/refused?blocking=true", json={}).json()
    said = activation["response"]["result"]["error"] + " ".join(records(hub, "refused", 1)[0]["logs"])

    assert says in said


def test_a_build_reaches_nothing_but_the_indexes(hub: Hub, index: Index) -> None:
    """A package that lies elsewhere is not fetched; the log names the place."""
    with indexes.running() as elsewhere:
        index.add_package("faraway", "1.0.0", "module.exports = 1;")
        packument = json.loads(index.files["/npm/faraway"][1])
        packument["versions"]["1.0.0"]["dependencies"] = {"other": f"{elsewhere.address}/other.tgz"}
        index.files["/npm/faraway"] = ("application/json", json.dumps(packument).encode())
        row = put(
            hub,
            "goes-far",
            {"package.json": json.dumps({"dependencies": {"faraway": "1.0.0"}}), "index.js": "exports.main = () => ({});"},
            "nodejs:default",
        )
        log = build_of(hub, marks(row)["buildId"])["log"]

        assert elsewhere.asked == []
        assert any(f"egress: {elsewhere.host} refused" in line for line in log)


def test_an_index_may_keep_its_files_elsewhere(hub: Hub, index: Index) -> None:
    """Where its own pages link to may be reached."""
    with indexes.running() as files:
        files.add_wheel("parted", "1.0", "x = 1\n")
        index.add_wheel("parted", "1.0", "x = 1\n", files_at=files.address)
        del index.files["/files/parted-1.0-py3-none-any.whl"]
        with hubs.running(hub.data.parent / "parted", **settings(index)) as other:
            put(
                other,
                "parted",
                {"__main__.py": "import parted\ndef main(args):\n    return {'x': parted.x}\n", "requirements.txt": "parted\n"},
            )

            assert invoke(other, "parted") == {"x": 1}


def test_what_is_shipped_is_used_as_it_is(hub: Hub, index: Index) -> None:
    """`node_modules` and `virtualenv` in the zip: nothing is built."""
    asked = len(index.asked)
    package = {
        "package.json": json.dumps({"dependencies": {"words": "^2.0.0"}}),
        "index.js": "exports.main = () => ({ w: require('words') });",
    }
    put(hub, "node-ships", {**package, "node_modules/words/index.js": "module.exports = 'shipped';"}, "nodejs:default")
    activate = "import os, site, sys\nbase = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\nos.environ['VIRTUAL_ENV'] = base\nsite.addsitedir(os.path.join(base, 'modules'))\n"
    code = "import os, shipped\ndef main(args):\n    return {'w': shipped.w, 'env': 'VIRTUAL_ENV' in os.environ}\n"
    python = {
        "__main__.py": code,
        "requirements.txt": "greeting\n",
        "virtualenv/bin/activate_this.py": activate,
        "virtualenv/modules/shipped.py": "w = 'shipped'\n",
    }
    put(hub, "python-ships", python)

    assert invoke(hub, "node-ships") == {"w": "shipped"}
    assert invoke(hub, "python-ships") == {"w": "shipped", "env": True}
    assert len(index.asked) == asked


def test_a_layer_cannot_be_changed_from_inside(hub: Hub) -> None:
    """It is read only, and only an action that wants it sees it."""
    code = "import greeting, os\ndef main(args):\n    try:\n        open(greeting.__file__, 'a')\n    except OSError as error:\n        return {'why': error.strerror}\n    return {}\n"
    put(hub, "writes", {"__main__.py": code, "requirements.txt": "greeting>=1,<2\n"})
    put(
        hub,
        "looks",
        {
            "__main__.py": "import os\ndef main(args):\n    return {'sees': [os.listdir('/layers/' + n) for n in os.listdir('/layers')] if os.path.isdir('/layers') else []}\n"
        },
    )

    assert invoke(hub, "writes")["why"] in {"Read-only file system", "Permission denied"}
    assert not any(invoke(hub, "looks")["sees"])


def test_the_builds_of_others_are_not_there(hub: Hub) -> None:
    """404, as problem+json; a stranger is asked for a key."""
    row = put(hub, "mine", {"__main__.py": GREETS, "requirements.txt": "nobody-has-this\n"})
    number = marks(row)["buildId"]
    created = hub.command("admin", "user", "create", "somebody-else").stdout.strip()
    uuid, _, key = created.partition(":")
    with httpx.Client(base_url=hub.address, trust_env=False) as http:
        foreign = http.get(f"/hub/v1/builds/{number}", auth=(uuid, key))
        stranger = http.get(f"/hub/v1/builds/{number}")
        described = http.get("/hub/v1/openapi.json").json()
    with hub.http as http:
        listed = http.get("/hub/v1/builds?limit=1").json()

    assert (foreign.status_code, stranger.status_code) == (404, 401)
    assert foreign.headers["content-type"] == "application/problem+json"
    assert "/builds/{id}" in described["paths"]
    assert listed["builds"][0]["actions"] == ["guest/mine"]
    assert "log" not in listed["builds"][0]


def test_a_slow_build_is_pending_and_calls_wait_for_it(index: Index, tmp_path: Path) -> None:
    """PUT is answered, the build is told, and whoever calls gets the result once it is there."""
    with hubs.running(tmp_path / "data", **settings(index, BUILDS__WAIT="PT0S")) as hub:
        index.open.clear()
        try:
            row = put(hub, "slow", {"__main__.py": GREETS, "requirements.txt": "greeting\n"})
            number = marks(row)["buildId"]
            with hub.http as http:
                shown = marks(http.get(f"{API}/actions/slow").json())
            running = eventually(lambda: build_of(hub, number)["state"] == "running")
            answers: list[Any] = []
            calling = threading.Thread(target=lambda: answers.append(invoke(hub, "slow", name="late")))
            calling.start()
        finally:
            index.open.set()
        calling.join(30)
        with hub.http as http:
            after = marks(http.get(f"{API}/actions/slow").json())
        build = build_of(hub, number)

    assert (marks(row)["build"], shown["build"], running) == ("pending", "pending", True)
    assert answers == [{"said": "hello late"}]
    assert "build" not in after
    assert [step["state"] for step in build["steps"]] == ["waiting", "running", "done"]
    assert any("Successfully installed" in line for line in build["log"])


def test_a_kill_in_the_middle_of_a_build_is_taken_up(index: Index, tmp_path: Path) -> None:
    """After the next start it is built without anybody asking; nothing half-made is left."""
    data = tmp_path / "data"
    hub = hubs.start(data, **settings(index, BUILDS__WAIT="PT0S"))
    index.open.clear()
    try:
        row = put(hub, "doomed", {"__main__.py": GREETS, "requirements.txt": "greeting==1.0\n"})
        number = marks(row)["buildId"]
        eventually(lambda: build_of(hub, number)["state"] == "running")
    finally:
        hub.kill()
        index.open.set()
    with hubs.running(data, **settings(index)) as again:
        eventually(lambda: build_of(again, number)["state"] == "done")

        assert invoke(again, "doomed", name="again") == {"said": "hello again"}
        assert [path.name for path in (data / "layers").iterdir() if path.name.startswith(".")] == []


def test_what_nobody_wants_any_more_is_not_built(index: Index, tmp_path: Path) -> None:
    """The action is deleted while it is built: the build is forgotten."""
    with hubs.running(tmp_path / "data", **settings(index, BUILDS__WAIT="PT0S")) as hub:
        index.open.clear()
        try:
            row = put(hub, "short-lived", {"__main__.py": GREETS, "requirements.txt": "greeting\nwords\n"})
            eventually(lambda: build_of(hub, marks(row)["buildId"])["state"] == "running")
            with hub.http as http:
                http.delete(f"{API}/actions/short-lived").raise_for_status()
                eventually(lambda: http.get("/ready").json()["builds"]["under_way"] == 0)

                assert http.get("/hub/v1/builds").json()["builds"] == []
        finally:
            index.open.set()


@pytest.mark.slow
def test_layers_take_no_more_than_they_may(index: Index, tmp_path: Path) -> None:
    """Those that no action wants make room first; then nothing more is built, and it is said which setting says so."""
    data = tmp_path / "data"
    index.add_wheel("large", "1.0", "# " + "y" * TOO_LARGE + "\nx = 1\n")
    with hubs.running(data, **settings(index, BUILDS__DISK=str(TOO_LARGE))) as hub:
        put(hub, "has-much", {"__main__.py": GREETS, "requirements.txt": "large\n"})
        before = layers(data)
        refused = build_of(hub, marks(put(hub, "wants", {"__main__.py": GREETS, "requirements.txt": "greeting\n"}))["buildId"])
        with hub.http as http:
            http.delete(f"{API}/actions/has-much").raise_for_status()
        put(hub, "wants", {"__main__.py": GREETS, "requirements.txt": "greeting\n"})

        assert "HUB_BUILDS__DISK" in refused["error"]
        assert invoke(hub, "wants") == {"said": "hello you"}
        assert before.isdisjoint(layers(data))


def test_some_modules_are_there_for_every_action(hub: Hub) -> None:
    """Upstream's, in plain source; the hub says that none are missing."""
    if modules.missing():
        absent("the modules of actions are not installed: hub modules")
    put_action(hub, "asks", "import requests\ndef main(args):\n    return {'has': requests.__name__}\n")
    put_action(hub, "asks-openwhisk", "exports.main = () => ({ has: typeof require('openwhisk') });", "nodejs:default")
    with hub.http as http:
        missing = http.get("/ready").json()["modules"]["missing"]

    assert (invoke(hub, "asks"), invoke(hub, "asks-openwhisk"), missing) == ({"has": "requests"}, {"has": "function"}, [])


def test_builds_are_shown_on_the_command_line(hub: Hub) -> None:
    """All of them, and one by the beginning of its id."""
    number = marks(put(hub, "shown", {"__main__.py": GREETS, "requirements.txt": "shown-but-not-there\n"}))["buildId"]
    every, one = hub.command("builds"), hub.command("builds", number[:12])

    assert f"{number[:12]}  failed" in every.stdout
    assert "guest/shown" in every.stdout
    assert "shown-but-not-there" in one.stdout
    assert one.stdout.rstrip().splitlines()[-1].startswith("failed: ")


@pytest.mark.slow
def test_a_password_of_an_index_is_seen_by_nobody(tmp_path: Path) -> None:
    """Neither in the log of a build nor in what is left of it."""
    with indexes.running() as index:
        fill(index)
        index.password = "reader:s3cr3t-word"
        named = {name: value.replace("://", "://reader:s3cr3t-word@") for name, value in settings(index).items()}
        with hubs.running(tmp_path / "data", **named) as hub:
            put(hub, "python", {"__main__.py": GREETS, "requirements.txt": "greeting\n"})
            put(hub, "node", {"package.json": json.dumps({"dependencies": {"greeting": "1"}}), "index.js": JS_GREETS}, "nodejs:default")
            with hub.http as http:
                builds = [build_of(hub, row["id"]) for row in http.get("/hub/v1/builds").json()["builds"]]

            assert [build["state"] for build in builds] == ["done", "done"], builds
            assert invoke(hub, "node") == {"said": "hello you"}
            kept = b"".join(
                path.read_bytes()
                for folder in ("layers", "builds")
                for path in (tmp_path / "data" / folder).rglob("*")
                if path.is_file() and "pip-" not in str(path)
            )
            assert b"s3cr3t" not in kept + json.dumps(builds).encode() + hub.log.read_bytes()
