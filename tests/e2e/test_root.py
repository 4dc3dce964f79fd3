"""A hub that is started as root becomes the owner of its data folder, for good; only what builds the cells stays root (design §9)."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e.steps import create_feed, invoke, put_action, put_rule, records
from tests.support import hubs, owned
from tests.support.certificates import self_signed
from tests.support.eventually import eventually
from tests.support.hubs import Hub
from tests.support.processes import alive, family, words

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give root up")
WHO = "import os\ndef main(args):\n    return {'user': os.getuid(), 'map': open('/proc/self/uid_map').read().split()}\n"
FAILED = "Failed to provision resources to run the action."


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder that a user owns who is nobody else."""
    with owned.folder() as found:
        yield found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One that only root can read."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def hub(folder: Path, certificate: tuple[Path, Path]) -> Iterator[Hub]:
    """Started as root, on a port and with a key that only root may have."""
    tls = {"TLS__CERT": str(certificate[0]), "TLS__KEY": str(certificate[1])}
    found = hubs.start(folder, port=owned.free_low_port(), run=owned.program(), **tls)
    yield found
    if found.process.poll() is None:
        assert found.stop() == 0


@pytest.fixture(autouse=True)
def _trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients of these tests know the certificate."""
    monkeypatch.setattr(hubs, "TLS", ssl.create_default_context(cafile=str(certificate[0])))


def status(pid: int) -> dict[str, str]:
    """What the kernel says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def named(hub: Hub, name: str) -> psutil.Process:
    """The process of that program below the hub."""
    return next(one for one in psutil.Process(hub.process.pid).children(recursive=True) if name in one.cmdline())


def ready(hub: Hub) -> httpx.Response:
    """What `/ready` says."""
    with hub.http as http:
        return http.get("/ready")


def test_the_hub_is_its_folders_owner_and_nobody_else(hub: Hub) -> None:
    """In every user and group number of every thread, without capabilities, and no program gives it any."""
    for thread in Path(f"/proc/{hub.process.pid}/task").iterdir():
        found = status(int(thread.name))
        assert set(found["Uid"].split()) == set(found["Gid"].split()) == {str(owned.OWNER)}
        assert found["Groups"] == ""
        assert found["NoNewPrivs"] == "1"
        for held in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(found[held], 16) == 0


def test_what_it_writes_is_the_owners(hub: Hub) -> None:
    """All of it, and private where it must be."""
    found = {entry.name: entry.lstat() for entry in hub.data.iterdir()}

    assert {entry.st_uid for entry in found.values()} == {owned.OWNER}
    for name in ("wskprops", "sealing.key", "admin.sock", "hub.db", "lock"):
        assert stat.S_IMODE(found[name].st_mode) == 0o600


def test_only_what_builds_cells_stays_root(hub: Hub) -> None:
    """The supervisor, the warden and the zygote; with no descriptor of the hub's, and nothing in their environment."""
    below = psutil.Process(hub.process.pid).children(recursive=True)
    as_root = [one for one in below if one.uids().real == 0]

    assert [one.cmdline()[4] for one in as_root] == ["supervisor", "warden", "zygote"]
    for one in as_root:
        assert one.environ() == {}
        files = {str(entry.readlink()) for entry in Path(f"/proc/{one.pid}/fd").iterdir()}
        assert not [name for name in files if f"{hub.data}/" in name]
        assert not one.net_connections(kind="inet")


def test_cells_are_as_strong_as_roots(hub: Hub) -> None:
    """Level 4, each cell a user that nobody else is."""
    put_action(hub, "who", WHO)
    found = invoke(hub, "who")

    assert ready(hub).json()["isolation"]["level"] == 4
    assert found["user"] == int(found["map"][0]) == 1000
    assert int(found["map"][1]) not in {0, owned.OWNER}


def test_feeds_and_rules_run(hub: Hub) -> None:
    """An alarm fires an action."""
    put_action(hub, "woken", "def main(args):\n    return {}\n")
    create_feed(hub, "alarm", "/whisk.system/alarms/interval", minutes=1, startDate="2020-01-01T00:00:00Z")
    put_rule(hub, "alarm", "woken")
    with hub.http as http:
        http.post("/api/v1/namespaces/_/triggers/alarm", json={})

    eventually(lambda: records(hub, "woken"), what="a run")


def test_hub_admin_as_root_leaves_nothing_of_roots(hub: Hub) -> None:
    """Over the socket of the running hub."""
    assert hub.command("admin", "user", "create", "carol").returncode == 0
    assert {entry.lstat().st_uid for entry in hub.data.iterdir()} == {owned.OWNER}


def test_a_warden_that_dies_is_started_again_as_root(hub: Hub) -> None:
    """At the same level, though the hub itself could not."""
    put_action(hub, "who", WHO)
    before = named(hub, "warden")
    before.kill()
    eventually(lambda: not before.is_running(), what="the end of the warden")
    eventually(lambda: _wardens(hub), what="another warden")

    assert named(hub, "warden").uids().real == 0
    assert invoke(hub, "who")["user"] == 1000
    assert ready(hub).json()["isolation"]["level"] == 4


def _wardens(hub: Hub) -> list[psutil.Process]:
    return [one for one in family(hub.process.pid) if "warden" in words(one.pid)]


def test_the_hub_cannot_ask_the_supervisor_for_anything_else(folder: Path) -> None:
    """Neither another program, nor groups and folders in other places, nor the end of processes of others."""
    from hub.runtime.cells import packets
    from tests.support.cells import shared_interpreter

    ours, theirs = packets.pair()
    program = Path(hubs.__file__).parent.parent.parent / "hub/runtime/cells/__main__.py"
    words = [shared_interpreter(), "-I", "-S", str(program), "supervisor", str(theirs.fileno()), '{"name": "whiskhub-settled"}']
    with subprocess.Popen(words, env={}, pass_fds=[theirs.fileno()]) as supervisor, ours, theirs:
        way, inside = socket.socketpair()
        packets.send(ours, {"start": "/bin/sh"}, [inside.fileno()])
        assert "is none of warden, probe" in packets.receive(ours)[0]["refused"]
        packets.send(ours, {"end": os.getpid()})
        packets.send(ours, {"start": "warden"}, [inside.fileno()])
        answer, passed = packets.receive(ours)
        settled = eventually(psutil.Process(answer["pid"]).cmdline, what="its words")[-1]
        packets.send(ours, {"end": answer["pid"]})
        eventually(lambda: not psutil.pid_exists(answer["pid"]))
        ours.close()
        assert supervisor.wait(5) == 0
        for one in (way, inside):
            one.close()
        os.close(passed[0])

    assert settled == '{"name": "whiskhub-settled"}'


def test_without_a_supervisor_the_end_of_the_warden_is_told(hub: Hub) -> None:
    """Actions fail as internal errors, `/ready` is 503 and says what to do; nothing is run otherwise (reliability §5.1)."""
    put_action(hub, "who", WHO)
    named(hub, "supervisor").kill()
    assert invoke(hub, "who")["user"] == 1000
    named_before = [one for one in psutil.process_iter(["cmdline"]) if _warden_of(one, hub)]
    for one in named_before:
        one.kill()
    eventually(lambda: ready(hub).status_code == 503)
    # What the dead warden had built may answer once more.
    failed = eventually(lambda: _failed(hub), what="a failing action")

    assert "could not be started again at level 4" in ready(hub).json()["actions"]
    assert "restart the hub" in ready(hub).json()["actions"]
    assert failed == {"status": "whisk internal error", "success": False, "result": {"error": FAILED}}
    assert "The supervisor ended" in hub.log.read_text()
    assert hub.stop() == 0


def _failed(hub: Hub) -> Any:
    with hub.http as http:
        found = http.post("/api/v1/namespaces/_/actions/who?blocking=true").json()["response"]
    found.pop("size", None)
    return found if not found["success"] else None


def _warden_of(process: psutil.Process, hub: Hub) -> bool:
    """Whoever is its parent by now."""
    import hashlib

    name = "whiskhub-" + hashlib.sha256(str(hub.data).encode()).hexdigest()[:12]
    words = process.info["cmdline"] or []
    return "warden" in words and name in words[-1]


def test_nothing_outlives_the_killed_hub() -> None:
    """Supervisor, warden, zygote and cells are gone a second after kill -9; the group is, too."""
    with owned.folder() as data:
        hub = hubs.start(data, run=owned.program())
        below = family(hub.process.pid)
        assert len(below) >= 4
        hub.kill()
        eventually(lambda: not alive(below), seconds=1)


def refused(data: Path) -> str:
    """What a hub says that does not start."""
    command = [*owned.program(), "serve", "--data", str(data), "--port", "0"]
    done = subprocess.run(command, env=hubs.clean_environment(), capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr


def test_a_folder_that_is_not_all_the_owners_is_refused() -> None:
    """As `chown` without -R leaves it; the sentence says what to type."""
    with owned.folder() as data:
        (data / "hub.db").write_bytes(b"")
        said = refused(data)

    assert f"but not hub.db in it. Give it all: chown -R {owned.OWNER} {data}." in said


def test_a_folder_that_the_owner_cannot_reach_is_refused() -> None:
    """Instead of failing later."""
    with owned.folder() as data:
        data.parent.chmod(0o700)
        said = refused(data)

    assert "who cannot reach it" in said


def test_a_folder_of_roots_leaves_the_hub_root_and_says_so(tmp_path: Path) -> None:
    """In the log, with what to do, and on the operator's page."""
    with hubs.running(tmp_path / "data") as hub:
        assert status(hub.process.pid)["Uid"].split()[0] == "0"
        eventually(lambda: "chown -R USER DIR" in hub.log.read_text())
        with hub.http as http:
            assert http.get("/hub/v1/admin/health").json()["process"]["root"]
