"""Kinds: one suite for every language that runs here, against a hub (openwhisk-api §3.3, §10.3-§10.8, §12.2)."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compat.steps import invoke, put
from tests.support import hubs, sources
from tests.support.eventually import eventually
from tests.support.hubs import Hub
from tests.support.peers import absent

TOOLCHAINS = Path(sys.prefix) / "toolchains"
"""Kept from one run of the tests to the next, since it takes half a minute to make."""
FAMILIES = ("python", "nodejs", "php", "ruby", "perl", "shell", "native", "wasm", "java", "go", "rust")
"""Last those whose programs share what takes long to make, which begins when the first of them is written."""
RUNS_EACH = ("shell", "wasm")
"""A program for each run: how it ends is not how the process ends."""
NOT_AN_OBJECT = "The action did not return a dictionary or array."
EXTRA = "stderr: The action did not initialize or run as expected. Log data might be missing."
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Where they all run."""
    settings = {"RUNTIME__MEMORY": "4096", "RUNTIME__TOOLCHAINS": str(TOOLCHAINS)}
    with hubs.running(tmp_path_factory.mktemp("kinds") / "data", **settings) as found:
        with found.http as http:
            for family in {"go", "rust"} & http.get("/").json()["runtimes"].keys():
                Bench(http, family).make(sources.source(family, "hello"), "first")
        yield found


class Bench:
    """One family on that hub."""

    def __init__(self, http: httpx.Client, family: str) -> None:
        self.http, self.family = http, family

    def make(self, code: str, name: str = "made", **more: Any) -> str:
        """An action with that code; its name."""
        named = {"main": sources.MAINS[self.family]} if self.family in sources.MAINS else {}
        full = f"{self.family}-{name}"
        put(self.http, f"actions/{full}", {"exec": {"kind": f"{self.family}:default", "code": code, **named}, **more})
        return full

    def run(self, do: str, timeout: int = 30_000, **args: Any) -> Any:
        """The record of a call that does so."""
        limits = {"timeout": timeout, "memory": 256}
        name = f"does-{do}" if self.family == "wasm" else f"does-{timeout}"
        made = f"{self.family}-{name}"
        if self.http.get(f"/api/v1/namespaces/_/actions/{made}?code=false").status_code == 404:
            self.make(sources.source(self.family, do), name, limits=limits)
        return self.call(made, {"do": do, **args})

    def call(self, name: str, args: Any = None) -> Any:
        """The record of a call, logs included; an array is answered as it is."""
        answer = invoke(self.http, name, args)
        if isinstance(answer, list):
            return answer
        path = f"/api/v1/namespaces/_/activations/{answer['activationId']}"
        # The very first program of a language waits for what all of them share.
        return eventually(lambda: found.json() if (found := self.http.get(path)).status_code == 200 else None, seconds=240)


@pytest.fixture(params=FAMILIES, scope="module")
def bench(hub: Hub, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Every family, one after the other."""
    with hub.http as http:
        if request.param not in http.get("/").json()["runtimes"]:
            absent(f"nothing runs {request.param} here")
        yield Bench(http, request.param)


def words(record: Any) -> list[str]:
    """Log lines without their stamps."""
    return [line[31:] for line in record["logs"]]


def ended(record: Any) -> tuple[str, Any]:
    """How, and with what."""
    return record["response"]["status"], record["response"]["result"]


def test_hello(bench: Bench) -> None:
    """Arguments in, result out; the second run is warm."""
    records = [bench.run("hello", name="Ada") for _ in range(2)]

    assert [ended(record) for record in records] == [("success", {"greeting": "Hello Ada"})] * 2
    assert [any(row["key"] == "initTime" for row in record["annotations"]) for record in records] == [True, False]


def test_an_application_error_keeps_only_the_error(bench: Bench) -> None:
    """And the process goes on."""
    assert ended(bench.run("error")) == ("application error", {"error": "no"})


def test_what_fails_says_why(bench: Bench) -> None:
    """An exception, a panic; a trap of a wasm program is its end."""
    status, result = ended(bench.run("fail"))

    if bench.family == "wasm":
        assert (status, result) == ("action developer error", {"error": "command exited"})
    else:
        assert status == "application error"
        assert "boom" in str(result["error"])


def test_letters_of_all_sorts_go_in_and_out(bench: Bench) -> None:
    """In parameters, logs and results."""
    text = "Ü ☃ 🚀 \u2028"
    record = bench.run("say", text=text)

    assert ended(record) == ("success", {"do": "say", "text": text})
    assert words(record) == ([] if bench.family == "wasm" else [f"stdout: {text}"])


def test_a_megabyte_goes_in_and_out(bench: Bench) -> None:
    """Just under the limit both ways."""
    text = "x" * (1_048_576 - 200)

    assert ended(bench.run("echo", text=text)) == ("success", {"do": "echo", "text": text})


def test_an_array_is_a_result(bench: Bench) -> None:
    """Sequences pass them."""
    if bench.family in sources.TYPED:
        pytest.skip(f"the usual function of {bench.family} returns an object")
    assert bench.run("array") == [1, 2]


def test_a_scalar_is_the_developers_error(bench: Bench) -> None:
    """And the log has upstream's extra line."""
    if bench.family in sources.TYPED:
        pytest.skip(f"the usual function of {bench.family} returns an object")
    record = bench.run("text")

    assert record["response"]["status"] == "action developer error"
    assert record["response"]["result"]["error"] in {NOT_AN_OBJECT, "The action did not return a dictionary."}
    assert words(record)[-1] == EXTRA


def test_both_streams_are_the_log_each_in_order(bench: Bench) -> None:
    """Line by line, up to the end of the run."""
    record = bench.run("logs")

    assert ended(record) == ("success", {})
    for stream, said in (("stdout", ["one", "two", "four"]), ("stderr", ["three"])):
        assert [line.partition(": ")[2] for line in words(record) if line.startswith(stream)] == said
    assert sorted(record["logs"]) == record["logs"]


def test_the_environment_has_init_parameters_and_the_runs_own(bench: Bench) -> None:
    """`__OW_…` of this activation, and what is marked `init`."""
    name = bench.make(sources.source(bench.family, "env"), "env", parameters=[{"key": "TOKEN", "value": "t", "init": True}])
    record = bench.call(name, {"do": "env", "names": ["__OW_NAMESPACE", "__OW_ACTION_NAME", "TOKEN"]})
    wanted = {"__OW_NAMESPACE": "guest", "__OW_ACTION_NAME": f"/guest/{name}", "TOKEN": "t"}

    if bench.family == "wasm":
        said = "".join(record["logs"])
        assert all(f"{key}={value}\0" in said for key, value in wanted.items())
    else:
        assert ended(record) == ("success", wanted)


def test_an_action_that_ends_is_the_developers_error(bench: Bench) -> None:
    """In words that say so; the next call finds another."""
    expected = {
        **dict.fromkeys(("python", "nodejs"), "The action did not produce a valid response and exited unexpectedly."),
        **dict.fromkeys(RUNS_EACH, NOT_AN_OBJECT),
    }
    assert ended(bench.run("exit")) == ("action developer error", {"error": expected.get(bench.family, "command exited")})
    assert bench.run("hello", name="Ada")["response"]["success"]


def test_what_takes_too_long_is_ended(bench: Bench) -> None:
    """At its limit, with upstream's words."""
    # A loaded machine may need longer to start some.
    eventually(lambda: bench.run("hello", timeout=1000, name="Ada")["response"]["success"])
    record = bench.run("sleep", timeout=1000)

    assert ended(record) == ("action developer error", {"error": "The action exceeded its time limits of 1000 milliseconds."})
    assert record["duration"] < 1500


def test_code_that_cannot_run_fails_at_init(bench: Bench) -> None:
    """With words of the language; nothing of our own places is in them."""
    if bench.family == "shell":
        pytest.skip("a shell reads its script line by line, as it runs")
    record = bench.call(bench.make(sources.BAD[bench.family], "bad"))

    assert record["response"]["status"] == "action developer error"
    assert record["response"]["result"]["error"]
    assert not [place for place in ("launchers", "/home/action", "site-packages") if place in str(record["response"])]


def test_empty_code_fails_at_init(bench: Bench) -> None:
    """It can be stored."""
    assert ended(bench.call(bench.make("", "empty"))) == (
        "action developer error",
        {"error": "Missing main/no code to execute."},
    )


@pytest.mark.parametrize("family", ["go", "java", "rust", "php", "ruby", "perl", "native"])
def test_a_zip_brings_its_own_program(hub: Hub, family: str) -> None:
    """`exec` speaks ActionLoop, whatever it was written in and whatever the archive says of its mode."""
    with hub.http as http:
        if family not in http.get("/").json()["runtimes"]:
            absent(f"nothing runs {family} here")
        bench = Bench(http, family)
        record = bench.call(bench.make(sources.zipped(exec=sources.source("native", "")), "zipped"), {"do": "hello", "name": "Ada"})

    assert ended(record) == ("success", {"greeting": "Hello Ada"})


def test_a_program_is_code_as_it_is(hub: Hub, tmp_path: Path) -> None:
    """A static binary, without an archive around it."""
    program = tmp_path / "exec"
    text = 'int puts(const char *); long read(int, void *, long); long write(int, const void *, long);\nint main(void) { char line[65536]; puts("compiled"); fflush(0); while (read(0, line, sizeof line) > 0) write(3, "{\\"compiled\\":true}\\n", 18); }'
    (tmp_path / "exec.c").write_text("#include <stdio.h>\n#include <unistd.h>\n" + text.split("\n", 1)[1])
    try:
        subprocess.run(["cc", "-static", "-o", str(program), str(tmp_path / "exec.c")], check=True, timeout=60)
    except FileNotFoundError:
        absent("there is no C compiler")
    with hub.http as http:
        bench = Bench(http, "native")
        record = bench.call(bench.make(base64.b64encode(program.read_bytes()).decode(), "compiled"), {"do": "x"})

    assert ended(record) == ("success", {"compiled": True})
    assert words(record) == ["stdout: compiled"]
