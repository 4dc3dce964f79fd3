"""Actions in every form: kinds, code, entry points, limits, and the environment they run in (openwhisk-api §2.3, §2.4, §3.2, §10)."""

from __future__ import annotations

import base64
import io
import sqlite3
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.runtime import modules
from tests.compat.steps import API, invoke, marks_of, parameters, put, put_action, put_sequence, record, said, tenant
from tests.support import hubs
from tests.support.hubs import Hub
from tests.support.peers import absent
from tests.support.tls import TLS

NODE, PYTHON = "nodejs:default", "python:default"
VERSION = f"python:{sys.version_info.major}.{sys.version_info.minor}"
MALFORMED = "The request content was malformed:\n"
ENV_NODE = "function main(args) { return {env: process.env, args}; }"
ENV_PYTHON = "import os\ndef main(args):\n    return {'env': dict(os.environ), 'args': args}"
ENVS = [(NODE, ENV_NODE), (PYTHON, ENV_PYTHON)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub of this module."""
    with hubs.running(tmp_path_factory.mktemp("hub") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: Hub) -> Iterator[httpx.Client]:
    """A client of the guest."""
    with hub.http as client:
        yield client


def refusal(http: httpx.Client, exec_: Any, **more: Any) -> tuple[int, str]:
    """What a PUT is refused with."""
    return said(http.put(f"{API}/actions/refused?overwrite=true", json={"exec": exec_, **more}))


def result(http: httpx.Client, name: str, payload: Any = None) -> Any:
    return invoke(http, name, payload)["response"]["result"]


# Kinds


@pytest.mark.parametrize(("sent", "stored"), [("python:default", VERSION), ("python:3", "python:3"), (f"  {VERSION.upper()} ", VERSION)])
def test_a_kind_is_resolved_when_it_is_written(http: httpx.Client, sent: str, stored: str) -> None:
    """`default` becomes the real one; capitals and spaces are of no account."""
    row = put_action(http, "kind", "def main(args):\n    return {}", sent)

    assert row["exec"]["kind"] == marks_of(row)["exec"] == stored
    assert "runsOn" not in marks_of(row)
    assert marks_of(invoke(http, "kind"))["kind"] == stored


@pytest.mark.parametrize("kind", ["nodejs:6", "nodejs:14", "python:3.7", "python:3.10"])
def test_an_older_kind_is_kept_as_sent_and_says_what_runs_it(http: httpx.Client, kind: str) -> None:
    """In `runsOn`; it is no longer there when the kind is a listed one."""
    code = {"n": "function main() { return {ran: 1}; }", "p": "def main(args):\n    return {'ran': 1}"}[kind[0]]
    row = put_action(http, "older", code, kind)
    listed = {entry["kind"] for entries in http.get("/").json()["runtimes"].values() for entry in entries}

    assert row["exec"]["kind"] == marks_of(row)["exec"] == kind
    assert marks_of(row)["runsOn"] in listed
    assert kind not in listed
    assert marks_of(invoke(http, "older"))["kind"] == kind
    assert result(http, "older") == {"ran": 1}
    assert "runsOn" not in marks_of(put_action(http, "older", code, f"{kind.partition(':')[0]}:default"))


@pytest.mark.parametrize("kind", ["cobol:1", "swift:5.3", "nodejs:999", "python:2", "dotnet:default"])
def test_a_kind_that_cannot_run_is_refused_with_the_list(http: httpx.Client, kind: str) -> None:
    """Of what can."""
    status, error = refusal(http, {"kind": kind, "code": "x", "main": "Main"})

    assert status == 400
    assert error.startswith(f"{MALFORMED}The specified runtime '{kind}' is not supported by this platform. Valid values are: 'nodejs:")
    assert error.endswith("'sequence', 'blackbox'.")


def test_java_must_name_its_main(http: httpx.Client) -> None:
    """As the platform document says of its kinds."""
    rows = http.get("/").json()["runtimes"].get("java")
    if not rows:
        absent("there is no Java with gson")

    assert [row["requireMain"] for row in rows] == [True]
    status, error = refusal(http, {"kind": "java:8", "code": "class Main {}"})
    assert (status, error) == (400, MALFORMED + "'main' must be a string defined in 'exec' for 'java:8' actions")


@pytest.mark.parametrize(
    ("exec_", "status", "words"),
    [
        ({"code": "x"}, 400, MALFORMED + "'kind' must be a string defined in 'exec'"),
        ({"kind": NODE}, 400, MALFORMED + "'code' must be a string or attachment object defined in 'exec' for 'nodejs:default' actions"),
        ({"kind": NODE, "code": "x", "main": 1}, 400, MALFORMED + "if defined, 'main' be a string in 'exec' for 'nodejs:default' actions"),
        ({"kind": "sequence"}, 400, MALFORMED + "'components' must be defined for sequence kind"),
        ({"kind": "sequence", "components": "a"}, 400, MALFORMED + "'components' must be an array"),
        ({"kind": "blackbox"}, 400, MALFORMED + "'image' must be a string defined in 'exec' for 'blackbox' actions"),
        ({"kind": "blackbox", "image": "No//image"}, 400, MALFORMED + "could not parse image name"),
        ({"kind": "blackbox", "image": "registry.example:5000/me/action:1", "code": "x"}, 403, "The supplied authentication is not authorized to access actions of kind 'blackbox'."),
    ],
)  # fmt: skip
def test_an_exec_that_cannot_be_is_refused(http: httpx.Client, exec_: Any, status: int, words: str) -> None:
    """In upstream's words; images need a container driver, which this hub has not."""
    assert refusal(http, exec_) == (status, words)


def test_an_action_whose_kind_runs_no_more_can_be_read_and_deleted(tmp_path: Path) -> None:
    """After the machine has lost the program; the kind of the record is changed behind the hub's back here."""
    with hubs.running(tmp_path / "data") as hub, hub.http as http:
        put_action(http, "stale", "def main(args):\n    return {}", "python:3")
        hub.stop()
    with sqlite3.connect(tmp_path / "data" / "hub.db") as record_:
        record_.execute("UPDATE entities SET document = replace(document, 'python:3', 'python:3.99') WHERE path = 'stale'")
    record_.close()
    words = "The 'python:3.99' runtime is no longer supported. You may read and delete but not update or invoke this action."
    with hubs.running(tmp_path / "data") as hub, hub.http as http:
        assert said(http.post(f"{API}/actions/stale?blocking=true", json={})) == (400, words)
        assert said(http.put(f"{API}/actions/stale?overwrite=true", json={"parameters": []})) == (400, words)
        assert http.get(f"{API}/actions/stale").json()["exec"]["kind"] == "python:3.99"
        assert put_action(http, "stale", "def main(args):\n    return {}", "python:3")["version"] == "0.0.2"
        assert http.delete(f"{API}/actions/stale").status_code == 200


# Code


def zipped(members: dict[str, str]) -> str:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return base64.b64encode(target.getvalue()).decode()


def tarred(members: dict[str, str]) -> str:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return base64.b64encode(target.getvalue()).decode()


HELPED_NODE = {"index.js": "const { word } = require('./lib/helper'); exports.main = () => ({ word, cwd: require('fs').existsSync('index.js') });", "lib/helper.js": "exports.word = 'helped';"}  # fmt: skip
HELPED_PYTHON = {"__main__.py": "import os\nfrom lib.helper import word\ndef main(args):\n    return {'word': word, 'cwd': os.path.exists('__main__.py')}", "lib/helper.py": "word = 'helped'", "lib/__init__.py": ""}  # fmt: skip


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(("kind", "members"), [(NODE, HELPED_NODE), (PYTHON, HELPED_PYTHON)])
def test_an_archive_brings_its_own_modules(http: httpx.Client, kind: str, members: dict[str, str], pack: Callable[..., str]) -> None:
    """Zip or tar.gz, in base64; the working directory is where it was unpacked, and the code reads back as it was sent."""
    code = pack(members)
    row = put_action(http, "packed", code, kind)

    assert row["exec"]["binary"] is True
    assert http.get(f"{API}/actions/packed").json()["exec"]["code"] == code
    assert result(http, "packed") == {"word": "helped", "cwd": True}


@pytest.mark.parametrize(
    ("code", "binary"), [("def main(args):\n    return {'plain': 1}", False), (base64.b64encode(b"def main(args):\n    return {'plain': 1} ").decode(), True)]
)  # fmt: skip
def test_source_may_come_as_text_or_as_base64(http: httpx.Client, code: str, binary: bool) -> None:  # noqa: FBT001 - a column of the table
    """Which of them is worked out from the code, whatever the caller says."""
    row = put(http, "actions/plain", {"exec": {"kind": PYTHON, "code": code, "binary": not binary}})

    assert row["exec"]["binary"] is binary
    assert result(http, "plain") == {"plain": 1}


def test_text_that_happens_to_be_base64_is_binary(http: httpx.Client) -> None:
    """As upstream has it; it fails when it is invoked."""
    assert put_action(http, "trap", "RHViZWU=", PYTHON)["exec"]["binary"] is True
    assert invoke(http, "trap")["response"]["status"] == "action developer error"


@pytest.mark.parametrize("kind", [NODE, PYTHON])
def test_an_empty_action_is_made_and_fails_when_it_is_invoked(http: httpx.Client, kind: str) -> None:
    """With upstream's words."""
    assert put_action(http, "empty", "", kind)["exec"]["code"] == ""
    assert result(http, "empty") == {"error": "Missing main/no code to execute."}


def test_jar_is_another_word_for_code(http: httpx.Client) -> None:
    """From the days when only Java came in archives."""
    row = put(http, "actions/jar", {"exec": {"kind": NODE, "jar": "function main() { return {jar: 1}; }"}})

    assert "jar" not in row["exec"]
    assert row["exec"]["code"].startswith("function")
    assert result(http, "jar") == {"jar": 1}


@pytest.mark.parametrize(
    ("kind", "code", "main", "expected"),
    [
        (NODE, "function other() { return {m: 'named'}; }", "other", "named"),
        (NODE, "const other = async () => ({m: 'arrow'});", "other", "arrow"),
        (NODE, "exports.main = () => ({m: 'export'});", None, "export"),
        (NODE, "module.exports = { deep: { main: () => ({m: 'deep'}) } };", "deep.main", "deep"),
        (NODE, "const api = { main: () => ({m: 'member'}) };", "api.main", "member"),
        (NODE, zipped({"lib.js": "exports.handler = () => ({m: 'module'});"}), "lib.handler", "module"),
        (NODE, zipped({"index.js": "exports.api = { handler: () => ({m: 'index'}) };"}), "api.handler", "index"),
        (NODE, zipped({"package.json": '{"main": "src/app.js"}', "src/app.js": "exports.main = () => ({m: 'package'});"}), None, "package"),
        (
            NODE,
            zipped({"package.json": '{"type": "module", "main": "a.js"}', "a.js": "export const main = () => ({m: 'esm'});"}),
            None,
            "esm",
        ),
        (NODE, zipped({"package.json": '{"main": "a.mjs"}', "a.mjs": "export default { main: () => ({m: 'default'}) };"}), None, "default"),
        (PYTHON, "def other(args):\n    return {'m': 'named'}", "other", "named"),
        (PYTHON, zipped({"main__.py": "def main(args):\n    return {'m': 'main__'}"}), None, "main__"),
        (PYTHON, zipped({"exec": "def main(args):\n    return {'m': 'exec'}"}), None, "exec"),
        (PYTHON, zipped({"__main__.py": "import main__\ndef main(args):\n    return {'m': main__.__name__}"}), None, "main__"),
    ],
)
def test_main_names_the_function(http: httpx.Client, kind: str, code: str, main: str | None, expected: str) -> None:
    """A function, an export, a member of one, or `module.function` of an archive."""
    row = put(http, "actions/entry", {"exec": {"kind": kind, "code": code, **({"main": main} if main else {})}})

    assert row["exec"].get("main") == main
    assert result(http, "entry") == {"m": expected}


@pytest.mark.parametrize(
    ("kind", "members", "words"),
    [
        (NODE, {"a.txt": ""}, "Initialization has failed due to: Zipped actions must contain either package.json or index.js at the root."),
        (PYTHON, {"a.txt": ""}, "Zip file does not include main__"),
        (PYTHON, {"__main__.py": "", "virtualenv/readme": ""}, "Invalid virtualenv. Zip file does not include 'activate_this.py'."),
        (NODE, {"index.js": "", "../out.js": ""}, "Initialization has failed due to: The archive holds a name that is not allowed: '../out.js'."),
    ],
)  # fmt: skip
def test_an_archive_that_is_no_action_says_what_is_missing(http: httpx.Client, kind: str, members: dict[str, str], words: str) -> None:
    """When it is invoked."""
    put_action(http, "incomplete", zipped(members), kind)

    assert result(http, "incomplete") == {"error": words}


def test_an_update_without_code_keeps_it(http: httpx.Client) -> None:
    """Limits are merged one by one, too."""
    put_action(http, "kept", "function main() { return {kept: 1}; }", limits={"timeout": 5000, "memory": 128})
    row = put(http, "actions/kept", {"limits": {"memory": 512}})

    assert row["limits"] == {"concurrency": 1, "logs": 10, "memory": 512, "timeout": 5000}
    assert result(http, "kept") == {"kept": 1}
    assert invoke(http, "kept")["version"] == "0.0.2"


# Environment


@pytest.mark.parametrize(("kind", "code"), ENVS)
def test_an_action_knows_who_it_is(hub: Hub, http: httpx.Client, kind: str, code: str) -> None:
    """`__OW_…` are complete, all of them text, and new for each run."""
    put(http, "packages/tools", {})
    put_action(http, "tools/env", code, kind)
    runs = [invoke(http, "tools/env") for _ in range(2)]
    for run in runs:
        env = run["response"]["result"]["env"]
        assert env["__OW_API_HOST"] == hub.address
        assert env["__OW_NAMESPACE"] == "guest"
        assert env["__OW_ACTION_NAME"] == "/guest/tools/env"
        assert env["__OW_ACTION_VERSION"] == run["version"]
        assert env["__OW_ACTIVATION_ID"] == run["activationId"]
        assert 0 < int(env["__OW_DEADLINE"]) - run["start"] <= 120_000
        assert "__OW_ALLOW_CONCURRENT" not in env
        assert not {"HUB_DATA", "VIRTUAL_ENV", "__OW_API_KEY"} & set(env)
    first, second = (run["response"]["result"]["env"] for run in runs)
    assert first["__OW_DEADLINE"] < second["__OW_DEADLINE"]


def test_the_transaction_is_that_of_the_request(http: httpx.Client) -> None:
    """As its `x-request-id` says."""
    put_action(http, "transaction", ENV_NODE)
    answer = http.post(f"{API}/actions/transaction?blocking=true&result=true", json={}, headers={"x-request-id": "abc-123"})

    assert answer.json()["env"]["__OW_TRANSACTION_ID"] == "abc-123"


def test_the_namespace_is_the_callers(hub: Hub, http: httpx.Client) -> None:
    """Of a public package, too, whose name stands in the action's."""
    put(http, "packages/shared", {"publish": True})
    put_action(http, "shared/env", ENV_PYTHON, PYTHON)
    with tenant(hub, "caller") as other:
        env = invoke(other, "shared/env", namespace="guest")["response"]["result"]["env"]

    assert (env["__OW_NAMESPACE"], env["__OW_ACTION_NAME"]) == ("caller", "/guest/shared/env")


@pytest.mark.parametrize(("wanted", "given"), [(True, True), ("yes", True), (1, True), (False, False), ("", False), (0, False)])
def test_a_key_is_given_to_who_asks_for_it(http: httpx.Client, wanted: Any, given: bool) -> None:  # noqa: FBT001 - a column of the table
    """Where `provide-api-key` is truthy; with it the action may do what its caller may."""
    put_action(http, "keyed", ENV_NODE, annotations=parameters(**{"provide-api-key": wanted}))
    env = result(http, "keyed")["env"]

    assert ("__OW_API_KEY" in env) is given
    if given:
        uuid, _, key = env["__OW_API_KEY"].partition(":")
        assert httpx.get(f"{http.base_url}{API}/actions/keyed", auth=(uuid, key), trust_env=False, verify=TLS).status_code == 200


def test_no_annotation_means_a_key(http: httpx.Client) -> None:
    """It is created as false, but one that was removed is as good as true."""
    assert marks_of(put_action(http, "unmarked", ENV_NODE))["provide-api-key"] is False
    put(http, "actions/unmarked", {"delAnnotations": ["provide-api-key"]})

    assert "__OW_API_KEY" in result(http, "unmarked")["env"]


@pytest.mark.parametrize(("kind", "code"), ENVS)
def test_init_parameters_are_environment_and_no_arguments(http: httpx.Client, kind: str, code: str) -> None:
    """As text: `null` is empty, everything else but text is JSON; what the call brings goes before what is bound."""
    values = {"TEXT": "s3", "FLAG": True, "NUMBER": 1.5, "NIL": None, "OBJECT": {"a": [1]}, "REPLACED": "old"}
    bound = [{"key": key, "value": value, "init": True} for key, value in values.items()]
    row = put_action(http, "initial", code, kind, parameters=[*bound, {"key": "plain", "value": 1}])
    found = result(http, "initial", {"REPLACED": "new", "own": 2})

    assert [item for item in row["parameters"] if item.get("init")] == bound
    assert found["args"] == {"plain": 1, "own": 2}
    shown = {key: found["env"][key] for key in values}
    assert shown == {"TEXT": "s3", "FLAG": "true", "NUMBER": "1.5", "NIL": "", "OBJECT": '{"a":[1]}', "REPLACED": "new"}


def test_init_parameters_take_effect_when_a_process_starts(http: httpx.Client) -> None:
    """A warm one has those of its first run; they are kept from its arguments all the same."""
    put_action(http, "first", ENV_NODE, parameters=[{"key": "WORD", "value": "bound", "init": True}])
    first, second = (result(http, "first", {"WORD": word}) for word in ("one", "two"))

    assert (first["env"]["WORD"], second["env"]["WORD"]) == ("one", "one")
    assert first["args"] == second["args"] == {}


def test_an_array_replaces_the_arguments_and_brings_no_environment(http: httpx.Client) -> None:
    """It flows from one component of a sequence to the next."""
    put_action(http, "lists", "function main() { return ['WORD', 2]; }")
    put_action(http, "takes", ENV_PYTHON, PYTHON, parameters=[{"key": "WORD", "value": "bound", "init": True}, *parameters(plain=1)])
    put_sequence(http, "flow", "/_/lists", "/_/takes")
    found = result(http, "flow")

    assert found["args"] == ["WORD", 2]
    assert "WORD" not in found["env"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (
            NODE,
            "const ow = require('openwhisk'), needle = require('needle'); function main() { return {has: [typeof ow, typeof needle.get]}; }",
        ),
        (
            PYTHON,
            "import bs4, dateutil, httplib2, kafka, lxml, requests, simplejson\ndef main(args):\n    return {'has': ['function', 'function']}",
        ),
    ],
)
def test_modules_that_upstreams_images_hold_are_there(http: httpx.Client, kind: str, code: str) -> None:
    """`openwhisk` and `needle`; `requests`, `bs4`, `lxml` and others."""
    if modules.missing():
        absent("the modules of actions are not installed: hub modules")
    put_action(http, "needs", code, kind)

    assert result(http, "needs") == {"has": ["function", "function"]}


def test_modules_of_an_archive_come_first(http: httpx.Client) -> None:
    """`node_modules` is used as it is shipped."""
    shipped = {
        "index.js": HELPED_NODE["index.js"].replace("./lib/helper", "openwhisk"),
        "node_modules/openwhisk/index.js": "exports.word = 'helped';",
    }
    put_action(http, "needs", zipped(shipped))

    assert result(http, "needs")["word"] == "helped"


# Limits


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"timeout": 99}, "requirement failed: duration 99 milliseconds below allowed threshold of 100 milliseconds"),
        ({"timeout": 300_001}, "requirement failed: duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds"),
        ({"memory": 127}, "requirement failed: memory size 127 MB below allowed threshold of 128 MB"),
        ({"memory": 513}, "requirement failed: memory size 513 MB exceeds allowed threshold of 512 MB"),
        ({"logs": 11}, "requirement failed: log size 11 MB exceeds allowed threshold of 10 MB"),
        ({"concurrency": 0}, "requirement failed: concurrency 0 below allowed threshold of 1"),
        ({"concurrency": 201}, "requirement failed: concurrency 201 exceeds allowed threshold of 200"),
        ({"instances": 31}, "Max action instance concurrency must not exceed your namespace concurrency of 30."),
        ({"instances": 0}, "requirement failed: instance concurrency 0 below allowed threshold of 1"),
        ({"timeout": 1.5}, MALFORMED + "time limit must be whole number"),
        ({"memory": "x"}, MALFORMED + "memory limit malformed"),
        ({"concurrency": 1.5}, MALFORMED + "concurrency limit must be whole number"),
        ({"instances": 1.5}, MALFORMED + "instance concurrency limit must be whole number"),
        ({"instances": "x"}, MALFORMED + "instance concurrency limit malformed"),
    ],
)
def test_a_limit_out_of_range_is_refused(http: httpx.Client, limits: dict[str, Any], words: str) -> None:
    """With the number, and the one that is allowed; nothing is changed."""
    before = put_action(http, "refused")

    assert refusal(http, {"kind": NODE, "code": "x"}, limits=limits) == (400, words)
    assert http.get(f"{API}/actions/refused").json() == before


def test_instances_are_shown_only_where_they_were_set(http: httpx.Client) -> None:
    """In the action, in lists, and in records."""
    assert "instances" not in put_action(http, "plain_limits")["limits"]
    row = put_action(http, "instances", limits={"instances": 30})

    assert row["limits"]["instances"] == 30
    assert http.get(f"{API}/actions/instances").json()["limits"]["instances"] == 30
    assert marks_of(record(http, invoke(http, "instances")["activationId"]))["limits"]["instances"] == 30
    assert put(http, "actions/instances", {"limits": {"memory": 128}})["limits"]["instances"] == 30
