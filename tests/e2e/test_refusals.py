"""Bad input: a status and a sentence, nothing half-made, never a 5xx. Bad settings: no start, and one sentence."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.storage.migrations import HEAD
from tests.e2e.steps import API
from tests.support import hubs
from tests.support.hubs import Hub
from tests.support.tls import TLS

CODE = {"exec": {"kind": "python:3", "code": "def main(a):\n    return a"}}


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "words"),
    [
        ("PUT", "actions/x", b"{bad", 400, "The request content was malformed:"),
        ("PUT", "actions/x", b"", 400, "Unexpected end-of-input at input index 0"),
        ("PUT", "actions/x", b"[]", 400, "Object expected in field 'exec'"),
        ("PUT", "actions/x", b"{}", 400, "exec undefined"),
        ("PUT", "actions/x", b'{"exec": {"kind": "cobol:1", "code": "x"}}', 400, "The specified runtime 'cobol:1' is not supported"),
        ("PUT", "actions/x", b'{"exec": {"kind": "blackbox", "image": "a/b"}}', 403, "actions of kind 'blackbox'"),
        ("PUT", "actions/x", b'{"exec": {"kind": "python:3"}}', 400, "'code' must be a string"),
        (
            "PUT",
            "actions/x",
            b'{"exec": {"kind": "python:3", "code": "x"}, "limits": {"memory": 4096}}',
            400,
            "exceeds allowed threshold of 512 MB",
        ),
        ("PUT", "actions/x", b'{"exec": {"kind": "python:3", "code": "x"}, "parameters": {"a": 1}}', 400, "parameters malformed!"),
        ("PUT", "actions/x", b'{"exec": {"kind": "sequence", "components": ["/_/nope"]}}', 400, "Sequence component does not exist."),
        ("PUT", "actions/x", b'{"exec": {"kind": "python:3", "code": "a\\u0000b"}}', 400, "NUL"),
        ("PUT", "actions/x", b'{"exec": {"kind": "python:3", "code": "\\ud800"}}', 400, "malformed"),
        ("PUT", "actions/x", b'{"parameters": [{"key": "a", "value": 123456789012345678901234567890}]}', 400, "64 bits"),
        ("PUT", "actions/x", b'{"a":' * 100 + b"1" + b"}" * 100, 400, "nested deeper"),
        ("PUT", "actions/bad%20name!", b"{}", 400, "The name of the entity contains illegal characters."),
        ("PUT", "actions/" + "n" * 257, b"{}", 400, "Name segement longer than allowed: 257 > 256."),
        ("PUT", "actions/nopackage/x", b'{"exec": {"kind": "python:3", "code": "x"}}', 404, "The requested resource does not exist."),
        ("PUT", "packages/default", b"{}", 400, "Package name 'default' is reserved."),
        ("PUT", "packages/p", b'{"binding": {"namespace": "_", "name": "none"}}', 400, "Binding references a package that does not exist."),
        ("PUT", "triggers/t", b'{"annotations": [{"key": "feed", "value": ""}]}', 400, "Feed name is not valid"),
        ("PUT", "rules/r", b'{"trigger": "/_/none", "action": "/_/none"}', 400, "trigger /guest/none does not exist"),
        ("PUT", "rules/r", b'{"action": "/_/none"}', 400, "rule requires a valid trigger and a valid action"),
        ("POST", "rules/none", b'{"status": "sleeping"}', 400, "sleeping is not a recognized rule state"),
        ("POST", "actions/none", b"{}", 404, "The requested resource does not exist."),
        ("POST", "actions/none?blocking=maybe", b"{}", 400, "'maybe' is not a valid Boolean value"),
        ("POST", "actions/none?blocking=true&timeout=0", b"{}", 400, "Timeout must be number of milliseconds up to 60000."),
        ("POST", "triggers/none", b"[1]", 400, "JSON object expected"),
        ("POST", "triggers/none", b"x" * 1_048_577, 413, "Request larger than allowed: 1048577 > 1048576 bytes."),
        ("GET", "actions?limit=201", b"", 400, "The value '201' is not in the range of 0 to 200 for actions."),
        ("GET", "actions?limit=%D9%A1", b"", 400, "is not an integer for actions."),
        ("GET", "activations/abc", b"", 400, "Activation id length is 3 but must be 32."),
        ("GET", "activations?since=x", b"", 400, "Parameter is not a valid value for epoch seconds: x"),
        ("GET", "activations?name=a/b/c", b"", 400, "Parameter may be a 'simple' name or 'package-name/simple' name: a/b/c"),
        ("GET", "nothing", b"", 404, "The requested resource could not be found."),
        ("GET", "actions/a%2Fb", b"", 404, ""),
        ("DELETE", "actions/missing", b"", 404, "The requested resource does not exist."),
    ],
)
def test_bad_input_gets_the_contracts_status_and_words(hub: Hub, method: str, path: str, content: bytes, status: int, words: str) -> None:
    """With an error body that has `error` and `code`."""
    with hub.http as http:
        answer = http.request(method, f"{API}/{path}", content=content, headers={"content-type": "application/json"} if content else {})

    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]
    assert answer.json()["code"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/namespaces/other/actions", 403, "not authorized to access 'other'."),
        ("/api/v1/namespaces/other/actions/a", 403, "not authorized to access 'other/a'."),
        ("/api/v1/namespaces/other/packages/p", 403, "not authorized to access 'other/p'."),
        ("/api/v1/namespaces/other/triggers/t", 403, "not authorized to access 'other/t'."),
        ("/api/v1/namespaces/other/activations", 403, "not authorized to access 'other'."),
        ("/api/v1/namespaces/other/packages", 200, ""),
    ],
)
def test_a_foreign_namespace_tells_nothing(hub: Hub, path: str, status: int, words: str) -> None:
    """Only public packages are listed."""
    with hub.http as http:
        answer = http.get(path)

    assert answer.status_code == status
    assert words in answer.text


def test_credentials_are_told_apart(hub: Hub) -> None:
    """Missing and wrong ones, with the realm; unknown paths are 401 for strangers."""
    missing = httpx.get(f"{hub.address}{API}/actions", trust_env=False, verify=TLS)
    wrong = httpx.get(f"{hub.address}{API}/actions", auth=("u", "k"), trust_env=False, verify=TLS)

    assert missing.json()["error"] == "The resource requires authentication, which was not supplied with the request"
    assert wrong.json()["error"] == "The supplied authentication is invalid"
    assert missing.headers["www-authenticate"].startswith("Basic realm=")
    assert httpx.get(f"{hub.address}/api/v1/nowhere", trust_env=False, verify=TLS).status_code == 401


def test_a_body_that_is_no_json_is_an_unsupported_type(hub: Hub) -> None:
    """415 with what is expected."""
    with hub.http as http:
        answer = http.post(f"{API}/triggers/none", content=b"hi", headers={"content-type": "text/plain"})

    assert answer.status_code == 415
    assert "Expected:\napplication/json" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "/catalog/v1/installs", {"package": "whisk.system/utils", "colour": 1}, 400, "colour"),
        ("POST", "/catalog/v1/installs", {"package": 7}, 400, "package"),
        ("POST", "/catalog/v1/installs", {}, 400, "package"),
        ("POST", "/catalog/v1/installs", {"package": "nobody/nothing"}, 404, None),
        ("POST", "/catalog/v1/installs", {"package": "whisk.system/utils", "as": "bad/name"}, 400, None),
        ("GET", "/catalog/v1/packages?limit=0", None, 400, "limit"),
        ("GET", "/catalog/v1/packages/nobody/nothing", None, 404, None),
        ("GET", "/catalog/v1/installs/none", None, 404, "name"),
        ("GET", "/catalog/v1/blobs/sha256/zz", None, 404, None),
        ("POST", "/catalog/v1/connections", {"package": "whisk.system/utils", "name": "x"}, 400, "package"),
    ],
)
def test_our_own_routes_answer_problems(hub: Hub, method: str, path: str, body: Any, status: int, field: str | None) -> None:
    """problem+json with the field; unknown fields are refused."""
    with hub.http as http:
        answer = http.request(method, path, json=body)
    problem = answer.json()

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.keys() >= {"type", "title", "status", "detail", "code"}
    if field:
        assert problem["field"] == field


def test_an_artefact_that_is_none_is_a_finding(hub: Hub) -> None:
    """422 with what is wrong."""
    with hub.http as http:
        answer = http.post("/catalog/v1/packages", content=b"no zip", headers={"content-type": "application/zip"})

    assert answer.status_code == 422
    assert answer.json()["findings"][0]["code"] == "archive_is_safe"


def test_strangers_read_the_catalog_and_change_nothing(hub: Hub) -> None:
    """Reading is open, the rest is 401."""
    with httpx.Client(base_url=hub.address, trust_env=False, verify=TLS) as stranger:
        assert stranger.get("/catalog/v1/packages").status_code == 200
        for path in ("/catalog/v1/installs", "/catalog/v1/connections"):
            assert stranger.get(path).status_code == 401
        assert stranger.post("/catalog/v1/packages", content=b"x").status_code == 401
        assert stranger.get("/catalog/v1/openapi.json").json()["openapi"] == "3.1.0"


# Starting


def refused(data: Path, *words: str, **settings: str) -> str:
    """What a start says that is refused; it must end at once with exit code 2 and one sentence."""
    environment = {**hubs.clean_environment(), **{f"HUB_{name}": value for name, value in settings.items()}}
    done = subprocess.run(
        [*hubs.program(), "serve", "--data", str(data), *(words or ("--port", "0"))],
        capture_output=True,
        text=True,
        env=environment,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PORT": "many"}, "HUB_PORT cannot be used: found 'many'"),
        ({"DATABASE_URL": "mysql://root:geheim@h/d"}, "write sqlite:///PATH or postgresql://"),
        ({"BUS_URL": "nats://x"}, "HUB_BUS_URL cannot be used: found nats:…; write local:."),
        ({"RUNTIME_URL": "podman:"}, "write process:, docker: or kubernetes:NAMESPACE."),
        ({"RUNTIME_URL": "docker:ftp://host"}, "Write docker:, docker:unix:///PATH or docker:tcp://HOST:PORT."),
        ({"RUNTIME_URL": "docker:", "RUNTIME__MANIFEST": "/nothing"}, "Name a file in the format of OpenWhisk's runtimes.json"),
        ({"BLOBS_URL": "s3://x"}, "write file:PATH."),
        ({"ROLES": "api"}, "HUB_DATABASE_URL=postgresql://… and HUB_BUS_URL=nats://…"),
        ({"ROLES": "cook"}, "found cook; write some of api, invoker, feeds, catalog."),
        ({"OUTBOUND__ALLOW": "host:port"}, "HUB_OUTBOUND__ALLOW"),
        ({"LOG__LEVEL": "loud"}, "HUB_LOG__LEVEL"),
        ({"HOST": "203.0.113.1"}, "HUB_HOST and HUB_PORT"),
    ],
)
def test_an_unusable_setting_stops_the_start(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    """The sentence names it and says what to do; no secret is in it."""
    said = refused(tmp_path / "data", *(("--host", "127.0.0.1") if "PORT" in settings else ()), **settings)

    assert words in said
    assert "geheim" not in said


def test_a_port_in_use_stops_the_start(tmp_path: Path) -> None:
    """With what to do."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        said = refused(tmp_path / "data", "--port", str(door.getsockname()[1]))

    assert "address already in use" in said
    assert "choose another port" in said


def test_a_folder_in_use_stops_the_start(hub: Hub) -> None:
    """One hub at a time."""
    assert "is in use by a hub that is running" in refused(hub.data)


def test_a_newer_schema_stops_the_start(tmp_path: Path) -> None:
    """Both versions are named, and nothing is changed."""
    data = tmp_path / "data"
    with hubs.running(data) as found:
        assert found.stop() == 0
    with sqlite3.connect(data / "hub.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    said = refused(data)

    assert "9999" in said
    assert HEAD in said


def test_a_lost_sealing_key_stops_the_start(tmp_path: Path) -> None:
    """It is said what is missing."""
    data = tmp_path / "data"
    with hubs.running(data) as found:
        found.stop()
    (data / "sealing.key").unlink()

    assert "sealing.key" in refused(data)


def test_admin_works_with_and_without_a_running_hub(tmp_path: Path) -> None:
    """Over the socket, and on the database under its lock; the words are wskadmin's."""
    data = tmp_path / "data"
    with hubs.running(data) as hub:
        key = hub.command("admin", "user", "create", "somebody").stdout.strip()
        with httpx.Client(base_url=hub.address, auth=tuple(key.split(":")), trust_env=False, verify=TLS) as http:  # type: ignore[arg-type]
            assert http.get("/api/v1/namespaces").json() == ["somebody"]
            assert hub.command("admin", "user", "block", "somebody").stdout == '"somebody" blocked successfully\n'
            assert http.get("/api/v1/namespaces").status_code == 401
            hub.command("admin", "user", "unblock", "somebody")
            assert http.get("/api/v1/namespaces").status_code == 200
        assert hub.command("admin", "user", "create", "abc").stderr == "Subject name must be at least 5 characters\n"
        assert hub.command("admin", "user", "create", "somebody").stderr == "Namespace already exists\n"
        assert (data / "admin.sock").stat().st_mode & 0o777 == 0o600
        assert hub.stop() == 0
        assert hub.command("admin", "user", "get", "somebody").stdout.strip() == key
        assert hub.command("admin", "user", "whois", key).stdout == "subject: somebody\nnamespace: somebody\n"
        assert (
            hub.command("admin", "limits", "set", "somebody", "--firesPerMinute", "3").stdout == 'Limits successfully set for "somebody"\n'
        )
        assert hub.command("admin", "limits", "get", "somebody").stdout == "firesPerMinute = 3\n"
        assert hub.command("admin", "user", "delete", "somebody").stdout == "Subject deleted\n"


def test_the_data_folder_is_private(hub: Hub) -> None:
    """Folder 0700, key and properties 0600."""
    modes = {name: (hub.data / name).stat().st_mode & 0o777 for name in ("sealing.key", "wskprops", "hub.db")}

    assert hub.data.stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}
