"""The program of an action, as ActionLoop and the skeleton for scripts have it: every way to go wrong (openwhisk-api §10.7, §10.8)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hub.domain.action import CodeExec, Limits
from hub.domain.activation import Status
from hub.runtime.base import Outcome, ProcessSpec, Run, Start
from hub.runtime.compilers import Compilers
from hub.runtime.kinds import Kinds
from hub.runtime.process import INIT, LaunchedProcess, ProcessRuntime
from hub.runtime.spawn import Spawner
from tests.support import sources
from tests.support.cells import cell_spawner
from tests.support.eventually import eventually

LOOP = """#!/bin/sh
while read -r line; do
  case $line in
    *dies*) exit 1 ;;
    *silent*) exec 3>&- ;;
    *scalar*) echo 12 >&3 ;;
    *garbage*) echo '{"a":' >&3 ;;
    *twice*) echo '{"first":1}' >&3; sleep 0.05; echo '{"second":2}' >&3; echo said ;;
    *pid*) echo "{\\"pid\\": $$}" >&3 ;;
    *orphans*) (sleep 0.01 &) ; echo '{}' >&3 ;;
    *) echo '{"fine":true}' >&3 ;;
  esac
done
"""
NOT_AN_OBJECT = "The action did not return a dictionary or array."
NO_BINARY = "The action failed to generate or locate a binary. See logs for details."
NOT_STARTED = "Cannot start action. Check logs for details."


class Bench:
    """Runs programs."""

    def __init__(self, runtime: ProcessRuntime) -> None:
        self.runtime = runtime

    async def start(self, code: str, kind: str = "native:1", **env: str) -> LaunchedProcess | Outcome:
        exec_ = CodeExec(kind=kind, code=code, binary=code.startswith("UEs"))
        process = await self.runtime.launch(ProcessSpec(key=("ns", "a", 1, "ns"), exec=exec_, limits=Limits(timeout=5000)))
        failed = await process.init(Start(env=env))
        return process if failed is None else failed

    async def started(self, code: str = LOOP, kind: str = "native:1", **env: str) -> LaunchedProcess:
        process = await self.start(code, kind, **env)
        assert isinstance(process, LaunchedProcess), process
        return process

    async def refused(self, code: str, kind: str = "native:1", **env: str) -> Any:
        outcome = await self.start(code, kind, **env)
        assert isinstance(outcome, Outcome)
        assert (outcome.response.status, outcome.reusable) == (Status.DEVELOPER_ERROR, False)
        return outcome.response.result["error"]


async def _until(look: Callable[[], bool]) -> None:
    """Wait in a thread: the loop has to hear it."""
    await asyncio.to_thread(eventually, look)


async def run(process: LaunchedProcess, value: Any) -> Outcome:
    deadline = int(time.time() * 1000) + 5000
    return await process.run(Run(value=value, context={"namespace": "caller", "deadline": str(deadline)}, deadline=deadline))


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    """Of this machine."""
    return Kinds.discover()


@pytest.fixture
async def bench(tmp_path: Path, kinds: Kinds) -> AsyncIterator[Bench]:
    """In cells."""
    spawner: Spawner = await cell_spawner(tmp_path)
    runtime = ProcessRuntime(kinds, spawner, Compilers(spawner, tmp_path / "compiled", tmp_path / "toolchains", kinds.interpreter))
    await runtime.open()
    yield Bench(runtime)
    await runtime.close()


@pytest.mark.parametrize(
    ("said", "error"),
    [("dies", "command exited"), ("silent", "command exited"), ("scalar", NOT_AN_OBJECT), ("garbage", NOT_AN_OBJECT)],
)
async def test_what_is_no_answer_is_the_developers_error(bench: Bench, said: str, error: str) -> None:
    """In upstream's words; the process is not used again."""
    outcome = await run(await bench.started(), {"do": said})

    assert (outcome.response.status, outcome.response.result, outcome.reusable) == (Status.DEVELOPER_ERROR, {"error": error}, False)


async def test_one_line_answers_one_run(bench: Bench) -> None:
    """What is said beyond it answers nothing."""
    process = await bench.started()

    assert (await run(process, {"do": "twice"})).response.result == {"first": 1}
    await _until(lambda: bool(process._logs._lines))
    assert (await run(process, {"do": "x"})).response.result == {"fine": True}


async def test_what_programs_leave_behind_is_cleared_away(bench: Bench) -> None:
    """More of them than there may be processes at a time."""
    process = await bench.started()
    outcomes = [await run(process, {"do": "orphans"}) for _ in range(150)]

    assert [(outcome.response.result, outcome.logs) for outcome in outcomes] == [({}, ())] * 150


async def test_a_program_that_ends_between_runs_is_not_asked_again(bench: Bench) -> None:
    """Another one is started instead."""
    process = await bench.started(LOOP.replace("*twice*) ", "*twice*) (sleep 0.1; kill $$) & "))
    assert (await run(process, {"do": "twice"})).response.result == {"first": 1}

    await _until(lambda: not process.alive)


@pytest.mark.parametrize(
    ("code", "kind", "error"),
    [
        ("echo hello", "native:1", NO_BINARY),
        (sources.zipped(other="#!/bin/sh"), "native:1", NO_BINARY),
        (sources.zipped(exec="no program"), "native:1", NO_BINARY),
        (sources.zipped(exec="\x7fELF and no more"), "native:1", NOT_STARTED),
        ("#!/nowhere/sh\n", "native:1", NOT_STARTED),
        ("#!/bin/sh\nexit 1\n", "native:1", NOT_STARTED),
        (sources.zipped(other="echo"), "shell:1", "The action failed to locate a binary. See logs for details."),
        ("", "native:1", "Missing main/no code to execute."),
    ],
)
async def test_a_program_that_cannot_be_started_fails_the_init(bench: Bench, code: str, kind: str, error: str) -> None:
    """In upstream's words."""
    assert await bench.refused(code, kind) == error


async def test_a_program_may_say_when_it_is_ready(bench: Bench) -> None:
    """`__OW_WAIT_FOR_ACK`: it must, then; what it says instead is the error."""
    ready = LOOP.replace("\n", "\necho '{\"ok\":true}' >&3\n", 1)
    process = await bench.started(ready, __OW_WAIT_FOR_ACK="true")
    assert (await run(process, {"do": "x"})).response.result == {"fine": True}

    assert await bench.refused("#!/bin/sh\nexit 0\n", __OW_WAIT_FOR_ACK="true") == NOT_STARTED
    failed = '#!/bin/sh\necho \'{"error":"no database"}\' >&3\n'
    assert await bench.refused(failed, __OW_WAIT_FOR_ACK="true") == "Initialization has failed due to: no database"


@pytest.mark.parametrize(
    ("kind", "code"),
    [("native:1", LOOP), ("shell:1", "echo '{}'"), ("wasm:1", sources.wasm("array")), ("python:3", "def main(args):\n    return {}")],
)
async def test_a_second_init_is_refused(bench: Bench, kind: str, code: str) -> None:
    """And what was there goes on."""
    process = await bench.started(code, kind)
    what, body = await process._ask(INIT, {"code": code, "main": "main", "env": {}, "exec": {}}, 5)

    assert (what, body) == (1, b'{"error": "Cannot initialize the action more than once."}\n')
    assert (await run(process, {})).response.status == Status.SUCCESS


async def test_lines_before_the_last_are_the_log_of_a_script(bench: Bench) -> None:
    """However they come; a last line that is no result is logged, too."""
    process = await bench.started('printf "a\\nb"; printf "c\\n{}\\n"; printf "[1,\\n"; printf " 2]\\n\\n{\\"last\\":1}\\n\\n"', "shell:1")
    outcome = await run(process, {})

    assert outcome.response.result == {"last": 1}
    assert [line[31:] for line in outcome.logs] == [f"stdout: {text}" for text in ("a", "bc", "{}", "[1,", " 2]", "")]


async def test_the_argument_of_a_script_is_a_word_only_when_it_fits(bench: Bench) -> None:
    """On standard input it is always."""
    process = await bench.started('echo "{\\"words\\": $#, \\"size\\": $(wc -c)}"', "shell:1")

    assert (await run(process, {"a": "x" * 100})).response.result == {"words": 1, "size": 108}
    assert (await run(process, {"a": "x" * 131_064})).response.result == {"words": 0, "size": 131_072}


async def test_what_was_compiled_is_kept_by_content(bench: Bench, tmp_path: Path) -> None:
    """The same source is compiled once, however many start it at a time; another one anew."""
    for code in (sources.wasm("hello"), sources.wasm("hello"), sources.wasm("array")):
        await run(await bench.started(code, "wasm:1"), {})

    assert len(list((tmp_path / "compiled").iterdir())) == 2
