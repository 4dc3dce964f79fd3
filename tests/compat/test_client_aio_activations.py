"""Adobe's aio plugin, unchanged: activations, their logs, and where logs go (openwhisk-api §2.6, §3.4, §8, §11.3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compat.steps import ECHO
from tests.support import aio_cli, hubs
from tests.support.aio_cli import Aio
from tests.support.eventually import eventually

SPEAKS = "function main(args) { console.log('heard ' + args.n); return args; }"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("aio-activations") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def aio(hub: hubs.Hub) -> Iterator[Aio]:
    """The plugin, with two actions, one of them in a package, a sequence of both, and a trigger."""
    with aio_cli.aio(hub, hub.data.parent / "work") as found:
        found.write("speaks.js", SPEAKS)
        found.write("echo.js", ECHO)
        found.shows("runtime action create speaks speaks.js")
        found.shows("runtime package create box")
        found.shows("runtime action create box/inner speaks.js")
        found.shows("runtime action create steps --sequence speaks,box/inner")
        found.shows("runtime trigger create tick")
        found.shows("runtime rule create rule tick speaks")
        yield found


@pytest.fixture(scope="module")
def ran(aio: Aio) -> list[str]:
    """Ids of three runs, one after another; each is on record."""
    calls = enumerate(["speaks", "box/inner", "speaks"])
    ids = [str(aio.answers(f"runtime action invoke {name} --blocking -p n {n}")["activationId"]) for n, name in calls]
    eventually(lambda: aio.answers("runtime activation list --count --json") == {"activations": 3})
    return ids


def test_a_record_is_read_whole_or_in_part(aio: Aio, ran: list[str]) -> None:
    """By its id, or the last one."""
    last = aio.answers("runtime activation get --last")

    assert last["activationId"] == ran[2]
    assert aio.answers(f"runtime activation get {ran[1]}")["name"] == "inner"
    assert aio.answers(f"runtime activation result {ran[0]}")["result"] == {"n": "0"}
    assert aio.answers("runtime activation result --last")["result"] == {"n": "2"}
    assert aio.shows(f"runtime activation get {ran[0]} --logs") == f"activation logs {ran[0]}\nheard 0\n"
    assert "(404 Not Found)" in aio.refuses(f"runtime activation get {'0' * 32}")


def test_logs_are_shown(aio: Aio, ran: list[str]) -> None:
    """Of one run, of the last, of an action, of a package; with and without their times."""
    assert aio.shows(f"runtime activation logs {ran[1]} --strip") == f"=== activation logs {ran[1]}\nheard 1\n"
    assert aio.shows("runtime activation logs --strip") == f"guest/speaks:{ran[2]}\nheard 2\n"
    assert aio.shows("runtime activation logs --action box/inner --strip") == f"guest/box/inner:{ran[1]}\nheard 1\n"
    assert aio.shows("runtime activation logs --limit 3 --strip --package box --deployed") == f"guest/box/inner:{ran[1]}\nheard 1\n"
    assert aio.shows("runtime activation logs --last").splitlines()[1].endswith("stdout: heard 2")
    assert "(404 Not Found)" in aio.refuses(f"runtime activation logs {'0' * 32}")


def test_logs_need_the_name_of_the_namespace(aio: Aio) -> None:
    """Without one the plugin asks for the logs of `_`, and refuses by itself."""
    said = aio("runtime activation logs", AIO_RUNTIME_NAMESPACE="_")

    assert said.status != 0
    assert "log forwarding" in said.stderr


def test_records_are_listed(aio: Aio, ran: list[str]) -> None:
    """What each column shows: outcome, kind, start, entity; newest first."""
    rows = aio.table("runtime activation list --limit 3")

    assert [row.split()[-1] for row in rows] == ["speaks", "box/inner", "speaks"]
    assert [row.split()[2:5] for row in rows] == [["success", "nodejs:20", "0.0.1"]] * 3
    assert [row.split()[5] for row in rows] == ran[::-1]
    assert [row.split()[6] for row in rows] == ["warm", "cold", "cold"]


def test_records_are_listed_by_name_and_time(aio: Aio, ran: list[str]) -> None:
    """Counted, paged, of one action, of a time, whole, as JSON."""
    rows = aio.answers("runtime activation list --limit 3 --json")
    start = rows[1]["start"]

    assert [row["activationId"] for row in aio.answers("runtime activation list box/inner --json")] == [ran[1]]
    assert [row["activationId"] for row in aio.answers(f"runtime activation list --since {start} --upto {start} --json")] == [ran[1]]
    assert [row["activationId"] for row in aio.answers("runtime activation list --limit 1 --skip 1 --json")] == [ran[1]]
    assert aio.answers("runtime activation list box/inner --full")[0]["response"]["result"] == {"n": "1"}
    assert aio.shows("runtime activation list box/inner --count") == "You have 1 activation in this namespace.\n"
    assert "(400 Bad Request)" in aio.refuses("runtime activation list --limit 201")


def test_a_trigger_and_a_failure_are_told_apart_in_the_list(aio: Aio) -> None:
    """A trigger has neither duration nor start; an outcome has its word."""
    aio.write("fails.js", "function main() { return { error: 'x' }; }")
    aio.write("throws.js", "function main() { throw new Error('x'); }")
    for name in ("fails", "throws"):
        aio.shows(f"runtime action create {name} {name}.js")
        aio.shows(f"runtime action invoke {name}")
    aio.shows("runtime trigger fire tick -p n 9")
    eventually(lambda: aio.answers("runtime activation list tick --count --json")["activations"])
    eventually(lambda: aio.answers("runtime activation list throws --count --json")["activations"])
    eventually(lambda: aio.answers("runtime activation list fails --count --json")["activations"])

    assert aio.table("runtime activation list fails")[0].split()[2:4] == ["app", "error"]
    assert aio.table("runtime activation list throws")[0].split()[2:4] == ["dev", "error"]
    trigger = aio.table("runtime activation list tick")[0].split()
    assert (trigger[2:4], trigger[6:]) == (["success", "trigger"], ["--", "--", "--", "--", "tick"])


def test_the_logs_of_a_sequence_are_those_of_its_steps(aio: Aio) -> None:
    """The plugin reads each record that the sequence names."""
    aio.shows("runtime action invoke steps --blocking -p n 7")
    eventually(lambda: aio.answers("runtime activation list steps --count --json")["activations"])
    logs = aio.shows("runtime activation logs --action steps --strip").splitlines()

    assert [line.split(":")[0] for line in logs if ":" in line] == ["guest/speaks", "guest/box/inner"]
    assert [line for line in logs if ":" not in line] == ["heard 7", "heard 7"]


def test_logs_stay_with_their_records(aio: Aio) -> None:
    """The only destination there is; another is refused in a sentence."""
    assert "adobe_io_runtime" in aio.shows("runtime namespace log-forwarding get")
    assert (
        aio.shows("runtime namespace log-forwarding set adobe-io-runtime")
        == "Log forwarding was set to adobe_io_runtime for this namespace\n"
    )
    assert (
        aio.shows("runtime namespace log-forwarding errors")
        == "No log forwarding errors for the last configured destination 'adobe_io_runtime'\n"
    )
    assert "only the destination adobe_io_runtime" in aio.refuses(
        "runtime namespace log-forwarding set splunk-hec --host h --port 1 --index i --hec-token t"
    )
