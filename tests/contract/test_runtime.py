"""Action processes: one suite, every kind (openwhisk-api §3.3, §10, §12.2)."""

from __future__ import annotations

import asyncio
import base64
import io
import sys
import tarfile
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hub.domain.action import CodeExec, Limits
from hub.domain.activation import Status
from hub.runtime.base import Outcome, ProcessSpec, Run, Start
from hub.runtime.kinds import Kinds
from hub.runtime.launchers import unpack
from hub.runtime.plain_spawner import PlainSpawner
from hub.runtime.process import ProcessRuntime
from hub.runtime.spawn import Spawner
from tests.support.cells import cell_spawner
from tests.support.engines import containers_of
from tests.support.eventually import eventually
from tests.support.peers import absent

PLAIN_API = "http://hub.example"
IN_CELLS_API = "http://127.0.0.1:3233"
SOURCES: dict[str, dict[str, str]] = {
    "python": {
        "echo": "def main(args):\n    return args",
        "named": "def other(args):\n    return {'me': 'other'}",
        "env": "import os\ndef main(args):\n    return {k: v for k, v in os.environ.items() if k.startswith('__OW') or k in ('TOKEN', 'HOME', 'VIRTUAL_ENV', 'SECRET_OF_THE_HUB')}",
        "error": "def main(args):\n    return {'error': 'no', 'more': 1}",
        "raises": "def main(args):\n    raise ValueError('boom')",
        "text": "def main(args):\n    return 'text'",
        "array": "def main(args):\n    return [1, 2]",
        "nothing": "def main(args):\n    return {}",
        "big": "def main(args):\n    return {'size': len(args['text'])}",
        "huge": "def main(args):\n    return {'text': 'x' * 1500000}",
        "bad": "def main(args)\n    return {}",
        "exits": "import os\ndef main(args):\n    os._exit(3)",
        "exits early": "import os\nos._exit(3)\ndef main(args):\n    return {}",
        "logs": "import sys\ndef main(args):\n    print('one\\ntwo')\n    print('three', file=sys.stderr)\n    return {}",
        "forges": "import sys\ndef main(args):\n    print('XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX')\n    print('after')\n    return {}",
        "chatty": "def main(args):\n    print('y' * 1200000)\n    return {}",
        "slow": "import time\ndef main(args):\n    time.sleep(30)",
        "slow start": "import time\ntime.sleep(30)\ndef main(args):\n    return {}",
        "child": "import subprocess, time\ndef main(args):\n    print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n    time.sleep(30)",
        "memory": "def main(args):\n    x = 'a' * 400000000\n    import time\n    time.sleep(20)",
        "unicode": "def main(args):\n    print(args['text'])\n    return {'text': args['text'] + '☃'}",
        "async": "import asyncio\nasync def main(args):\n    await asyncio.sleep(0)\n    return {'awaited': True}",
        "zip": "from helper import word\ndef main(args):\n    return {'word': word}",
        "helper": "word = 'zipped'",
        "flood": "import os\ndef main(args):\n    for _ in range(40):\n        os.write(1, b'\\n' * 50000)\n    return {}",
        "late end": "import os, threading, time\ndef main(args):\n    threading.Timer(0.1, os._exit, (0,)).start()\n    return {}",
        "spins": "import os, subprocess\ndef main(args):\n    while args['spin']:\n        pass\n    return {'me': os.getpid(), 'child': subprocess.Popen(['sleep', '60']).pid}",
        "unwritable": "def main(args):\n    return {'x': object()}",
        "overlaps": "import asyncio, os\nopen_ = {}\nasync def main(args):\n    if 'free' in args:\n        open_.pop(args['free']).set()\n        return {}\n    gate = open_[args['name']] = asyncio.Event()\n    os.write(1, args.get('begin', '').encode())\n    await gate.wait()\n    os.write(1, args.get('end', '').encode())\n    return {'name': args['name'], 'size': len(args.get('text', ''))}",
        "speaks at start": "print('at start')\ndef main(args):\n    print('at work', end='')\n    return {}",
    },
    "nodejs": {
        "echo": "function main(args) { return args; }",
        "named": "exports.other = () => ({me: 'other'});",
        "env": "function main() { const found = {}; for (const k of Object.keys(process.env)) if (k.startsWith('__OW') || ['TOKEN', 'HOME', 'VIRTUAL_ENV', 'SECRET_OF_THE_HUB'].includes(k)) found[k] = process.env[k]; return found; }",
        "error": "function main() { return {error: 'no', more: 1}; }",
        "raises": "function main() { return Promise.reject(new Error('boom')); }",
        "text": "function main() { return 'text'; }",
        "array": "function main() { return [1, 2]; }",
        "nothing": "function main() {}",
        "big": "function main(args) { return {size: args.text.length}; }",
        "huge": "function main() { return {text: 'x'.repeat(1500000)}; }",
        "bad": "function main( {",
        "exits": "function main() { process.exit(3); }",
        "exits early": "process.exit(3); function main() {}",
        "logs": "function main() { console.log('one\\ntwo'); console.error('three'); return {}; }",
        "forges": "function main() { console.log('XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX'); console.log('after'); return {}; }",
        "chatty": "function main() { console.log('y'.repeat(1200000)); return {}; }",
        "slow": "function main() { return new Promise(() => setTimeout(() => {}, 30000)); }",
        "slow start": "const end = Date.now() + 30000; while (Date.now() < end); function main() {}",
        "child": "function main() { const c = require('child_process').spawn('sleep', ['60']); console.log(c.pid); return new Promise(() => {}); }",
        "memory": "function main() { global.x = Buffer.alloc(400000000, 1); return new Promise(() => setTimeout(() => {}, 20000)); }",
        "unicode": "function main(args) { console.log(args.text); return {text: args.text + '☃'}; }",
        "async": "async function main() { await null; return {awaited: true}; }",
        "zip": "const { word } = require('./helper'); exports.main = () => ({ word });",
        "helper": "exports.word = 'zipped';",
        "flood": "function main() { for (let i = 0; i < 40; i++) process.stdout.write('\\n'.repeat(50000)); return {}; }",
        "late end": "function main() { setTimeout(() => process.exit(0), 100); return {}; }",
        "spins": "function main(args) { while (args.spin); return {me: process.pid, child: require('child_process').spawn('sleep', ['60']).pid}; }",
        "unwritable": "function main() { return {x: 10n}; }",
        "overlaps": "const open = {}; function main(args) { if (args.free) { open[args.free](); return {}; } process.stdout.write(args.begin || ''); return new Promise((done) => { open[args.name] = () => { process.stdout.write(args.end || ''); done({name: args.name, size: (args.text || '').length}); }; }); }",
        "speaks at start": "console.log('at start'); function main() { process.stdout.write('at work'); return {}; }",
    },
}


class Bench:
    """Runs the sources of one family."""

    def __init__(self, runtime: Any, family: str, kind: str, where: str) -> None:
        self.runtime, self.family, self.kind, self.where = runtime, family, kind, where

    def only_in_launchers(self, why: str) -> None:
        """What images do in their own way, or what the protocol has no place for."""
        if self.where not in {"", "cells"}:
            pytest.skip(f"not of the container protocol: {why}")

    async def start(
        self,
        source: str,
        limits: Limits | None = None,
        *,
        main: str | None = None,
        code: str | None = None,
        env: dict[str, str] | None = None,
    ) -> Any:
        text = SOURCES[self.family][source] if code is None else code
        exec_ = CodeExec(kind=self.kind, code=text, main=main, binary=code is not None)
        process = await self.runtime.launch(ProcessSpec(key=("ns", source, 1, "ns"), exec=exec_, limits=limits or Limits(timeout=5000)))
        failed = await process.init(Start(env=env or {}))
        return failed if failed is not None else process

    async def run(self, source: str, limits: Limits | None = None, **more: Any) -> Outcome:
        value = more.pop("value", {})
        limits = limits or Limits(timeout=5000)
        process = await self.start(source, limits, **more)
        if isinstance(process, Outcome):
            return process
        return await again(process, value, limits)


async def again(process: Any, value: Any, limits: Limits | None = None) -> Outcome:
    deadline = int(time.time() * 1000) + (limits or Limits(timeout=5000)).timeout
    found: Outcome = await process.run(Run(value=value, context={"namespace": "caller", "deadline": str(deadline)}, deadline=deadline))
    return found


PLACES = ("", " in cells", " in containers", " in docker", " in kubernetes")


# Of containers the protocol is what is tested; another language behind it is worth a slow run only.
SLOW = {"nodejs in containers": [pytest.mark.slow]}
PARAMS = [f"{family}{place}" for place in PLACES for family in ("python", "nodejs")]


@pytest.fixture(params=[pytest.param(name, marks=SLOW.get(name, []), id=name) for name in PARAMS])
async def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """A runtime of its own for each test; nothing is left of it."""
    monkeypatch.setenv("SECRET_OF_THE_HUB", "x")
    others = psutil.Process().children(recursive=True)
    kinds = Kinds.discover()
    family, _, where = request.param.partition(" in ")
    if where not in {"", "cells"}:
        runtime: Any = containers_of(where, tmp_path / "isolation")
        await runtime.open()
        yield Bench(runtime, family, {"python": "python:3", "nodejs": "nodejs:20"}[family], where)
        await runtime.close()
        left = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
        assert not [line for line in left if "action_proxy" in line]
        return
    names = [name for name in kinds.names() if name.startswith(family)]
    if not names:
        absent(f"there is no {family}")
    spawner: Spawner = PlainSpawner(tmp_path / "run", lambda: PLAIN_API)
    if where:
        spawner = await cell_spawner(tmp_path)
    runtime = ProcessRuntime(kinds, spawner)
    await runtime.open()
    yield Bench(runtime, family, names[0], where)
    await runtime.close()
    left = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True) if child not in others]
    assert not [line for line in left if "launchers" in line or "cells" in line]


def words(outcome: Outcome) -> list[str]:
    """Log lines without their stamps."""
    return [line[31:] for line in outcome.logs]


async def test_hello(bench: Bench) -> None:
    """Arguments in, result out; the second run is warm."""
    process = await bench.start("echo")
    first, second = await again(process, {"a": [1, None]}), await again(process, {"b": 2})

    assert (first.response.result, first.response.status, first.reusable) == ({"a": [1, None]}, Status.SUCCESS, True)
    assert first.response.size == len({"python": '{"a": [1, null]}\n', "nodejs": '{"a":[1,null]}'}[bench.family])
    assert second.response.result == {"b": 2}


async def test_an_array_goes_in_and_out(bench: Bench) -> None:
    """Sequences pass arrays."""
    assert (await bench.run("array")).response.result == [1, 2]
    assert (await bench.run("echo", value=[{"a": 1}])).response.result == [{"a": 1}]


@pytest.mark.parametrize(("source", "result"), [("nothing", {}), ("async", {"awaited": True})])
async def test_results(bench: Bench, source: str, result: Any) -> None:
    """Nothing is an empty object; what is promised is awaited."""
    assert (await bench.run(source)).response.result == result


async def test_a_named_function_is_called(bench: Bench) -> None:
    """`main` names it; one that is not there is told."""
    assert (await bench.run("named", main="other")).response.result == {"me": "other"}
    missing = await bench.run("named")

    assert missing.response.status == Status.DEVELOPER_ERROR
    assert "'main' is not a function" in missing.response.result["error"]


async def test_the_environment_is_the_actions_own(bench: Bench) -> None:
    """Init parameters and `__OW_…` are there; nothing of the hub's environment is."""
    found = (await bench.run("env", env={"TOKEN": "t", "__OW_API_KEY": "k"})).response.result

    assert (found["TOKEN"], found["__OW_API_KEY"]) == ("t", "k")
    assert (found["__OW_API_HOST"], found["__OW_NAMESPACE"]) == (IN_CELLS_API if bench.where == "cells" else PLAIN_API, "caller")
    assert found["__OW_DEADLINE"].isdigit()
    assert not {"VIRTUAL_ENV", "SECRET_OF_THE_HUB"} & set(found)


async def test_an_application_error_keeps_only_the_error(bench: Bench) -> None:
    """And the process goes on."""
    outcome = await bench.run("error")

    assert (outcome.response.status, outcome.response.result, outcome.reusable) == (Status.APPLICATION_ERROR, {"error": "no"}, True)


async def test_an_exception_is_an_application_error_with_its_words(bench: Bench) -> None:
    """A rejected promise, a raised exception."""
    outcome = await bench.run("raises")

    assert outcome.response.status == Status.APPLICATION_ERROR
    assert "boom" in str(outcome.response.result["error"])


async def test_a_scalar_is_the_developers_error(bench: Bench) -> None:
    """And the log has upstream's extra line."""
    outcome = await bench.run("text")

    assert outcome.response.status == Status.DEVELOPER_ERROR
    assert "The action did not return a dictionary" in outcome.response.result["error"]
    assert words(outcome)[-1] == "stderr: The action did not initialize or run as expected. Log data might be missing."
    assert not outcome.reusable


async def test_what_cannot_be_written_as_json_is_the_developers_error(bench: Bench) -> None:
    """The log says why, without a word of the launcher."""
    outcome = await bench.run("unwritable")

    assert outcome.response.status == Status.DEVELOPER_ERROR
    assert "serializ" in "".join(outcome.logs)
    assert "launchers" not in "".join(outcome.logs)


async def test_a_megabyte_goes_in(bench: Bench) -> None:
    """Frames larger than any buffer."""
    assert (await bench.run("big", value={"text": "x" * 3_000_000})).response.result == {"size": 3_000_000}


async def test_a_result_over_the_limit_is_truncated(bench: Bench) -> None:
    """With upstream's words, as application error."""
    outcome = await bench.run("huge")

    assert outcome.response.status == Status.APPLICATION_ERROR
    length = {"python": 1_500_013, "nodejs": 1_500_011}[bench.family]
    assert f"exceeded the allowed length: {length} > 1048576 bytes. The truncated response was: " in outcome.response.result["error"]


async def test_code_that_cannot_be_read_fails_at_init(bench: Bench) -> None:
    """As developer error that says why, without paths of ours."""
    outcome = await bench.run("bad")

    assert outcome.response.status == Status.DEVELOPER_ERROR
    assert outcome.response.result["error"].startswith("Initialization has failed due to: SyntaxError")
    assert "launchers" not in str(outcome)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("exits", "The action did not produce a valid response and exited unexpectedly."),
        ("exits early", "The action did not initialize and exited unexpectedly."),
    ],
)
async def test_a_process_that_ends_is_the_developers_error(bench: Bench, source: str, error: str) -> None:
    """In init and in run."""
    outcome = await bench.run(source)

    assert (outcome.response.status, outcome.response.result) == (Status.DEVELOPER_ERROR, {"error": error})
    assert not outcome.reusable


async def test_logs_are_lines_with_stamps_in_order(bench: Bench) -> None:
    """30 characters of time, the stream, the text."""
    outcome = await bench.run("logs")

    assert words(outcome) == ["stdout: one", "stdout: two", "stderr: three"]
    assert all(line[29] == "Z" and line[30] == " " for line in outcome.logs)
    assert sorted(set(outcome.logs)) == list(outcome.logs)


async def test_what_is_printed_at_init_is_in_the_log_of_the_first_run(bench: Bench) -> None:
    """A line that was not ended is a line."""
    process = await bench.start("speaks at start")

    assert words(await again(process, {})) == ["stdout: at start", "stdout: at work"]
    assert words(await again(process, {})) == ["stdout: at work"]


async def test_empty_lines_count_too(bench: Bench) -> None:
    """A log of two million of them ends at the limit as any other."""
    outcome = await bench.run("flood", Limits(timeout=15000, logs=1))

    assert sum(len(line) for line in outcome.logs[:-1]) <= 1_048_576
    assert "Logs were truncated" in outcome.logs[-1]


async def test_a_forged_sentinel_moves_no_border(bench: Bench) -> None:
    """What an action prints is its log, whatever it says."""
    process = await bench.start("forges")
    if bench.where not in {"", "cells"}:
        # Here it is the border: it is not in the log, and its container does not serve again.
        outcome = await again(process, {})
        assert (words(outcome), outcome.reusable, process.alive) == (["stdout: after"], False, False)
        return
    for _ in range(2):
        assert words(await again(process, {})) == ["stdout: XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX", "stdout: after"]


async def test_logs_end_at_the_limit(bench: Bench) -> None:
    """With upstream's last line; a limit of 0 keeps none."""
    cut = words(await bench.run("chatty", Limits(timeout=5000, logs=1)))

    assert cut[-1] == "stderr: Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes."
    assert (await bench.run("chatty", Limits(timeout=5000, logs=0))).logs == ()


@pytest.mark.parametrize(("source", "words_"), [("slow", "500 milliseconds."), ("slow start", "500 milliseconds during initialization.")])
async def test_what_takes_too_long_is_ended(bench: Bench, source: str, words_: str) -> None:
    """In init and in run, with upstream's words."""
    outcome = await bench.run(source, Limits(timeout=500))

    assert outcome.response.result == {"error": f"The action exceeded its time limits of {words_}"}
    assert (outcome.timed_out, outcome.reusable) == (True, False)


async def test_the_whole_group_is_ended(bench: Bench) -> None:
    """Children of the action, too."""
    outcome = await bench.run("child", Limits(timeout=700))
    pid = int(words(outcome)[0].partition(": ")[2])

    if bench.where == "cells":
        # It is another number out here.
        assert not [child for child in psutil.Process().children(recursive=True) if child.name() == "sleep"]
    else:
        assert eventually(lambda: _ended(pid))


def _ended(pid: int) -> bool:
    try:
        return str(psutil.Process(pid).status()) == "zombie"
    except psutil.NoSuchProcess:
        return True


async def test_a_process_that_ends_while_nobody_asks_is_known_to(bench: Bench) -> None:
    """So that it is not handed to the next caller."""
    process = await bench.start("late end")
    assert (await again(process, {})).reusable
    async with asyncio.timeout(10):
        while process.alive:  # noqa: ASYNC110 - the end of a process is what is waited for
            await asyncio.sleep(0.01)

    assert (await again(process, {})).response.result == {"error": "The action did not produce a valid response and exited unexpectedly."}


async def test_a_cancelled_run_leaves_nothing_behind(bench: Bench) -> None:
    """Nor does a stop that nobody waits for any more."""
    process = await bench.start("slow")
    running = asyncio.create_task(again(process, {}))
    await asyncio.sleep(0)
    running.cancel()
    stopping = asyncio.create_task(process.stop())
    await asyncio.sleep(0)
    stopping.cancel()

    async with asyncio.timeout(10):
        await process.stop()
    assert not process.alive


async def test_actions_end_with_the_hub(bench: Bench, tmp_path: Path) -> None:
    """However it ends, whatever they are doing, and with what they started."""
    bench.only_in_launchers("containers of a hub that was killed are ended by its next start")
    command = [sys.executable, "-m", "tests.support.doomed", str(tmp_path / "doomed"), bench.kind]
    hub = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert hub.stdin is not None
    assert hub.stdout is not None
    hub.stdin.write(SOURCES[bench.family]["spins"].encode())
    hub.stdin.close()
    pids = [int(word) for word in (await hub.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(psutil.pid_exists(pid) for pid in pids)
    hub.kill()
    await hub.wait()

    assert eventually(lambda: all(_ended(pid) for pid in pids))


async def test_memory_is_limited(bench: Bench) -> None:
    """With upstream's words."""
    outcome = await bench.run("memory", Limits(timeout=15000, memory=128))

    assert outcome.response.result == {"error": "The action exhausted its memory and was aborted."}


async def test_unicode_survives(bench: Bench) -> None:
    """In arguments, results and logs."""
    outcome = await bench.run("unicode", value={"text": "žlutý 🐎"})

    assert outcome.response.result == {"text": "žlutý 🐎☃"}
    assert words(outcome) == ["stdout: žlutý 🐎"]


def archive(members: dict[str, str]) -> str:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, text in members.items():
            made.writestr(name, text)
    return base64.b64encode(target.getvalue()).decode()


async def test_a_zip_brings_its_own_modules(bench: Bench) -> None:
    """With the entry that its language expects."""
    sources = SOURCES[bench.family]
    names = {"python": ("__main__.py", "helper.py"), "nodejs": ("index.js", "helper.js")}[bench.family]
    code = archive(dict(zip(names, (sources["zip"], sources["helper"]), strict=True)))

    assert (await bench.run("zip", code=code)).response.result == {"word": "zipped"}


async def test_a_zip_without_entry_says_what_is_missing(bench: Bench) -> None:
    """In upstream's words."""
    error = (await bench.run("zip", code=archive({"readme.txt": "x"}))).response.result["error"]

    assert "either package.json or index.js" in error or "does not include main__" in error


def _names_below(folder: Path) -> set[str]:
    return {file.name for file in folder.rglob("*")}


async def test_a_zip_cannot_leave_its_folder(bench: Bench, tmp_path: Path) -> None:
    """Names that point outside are refused before anything is written."""
    bench.only_in_launchers("images unpack in their own way")
    outcome = await bench.run("zip", code=archive({"../../escaped.txt": "x"}))

    assert outcome.response.status == Status.DEVELOPER_ERROR
    assert "escaped.txt" not in _names_below(tmp_path)


@pytest.mark.parametrize("what", ["cut off", "file over folder", "damaged"])
async def test_an_archive_that_cannot_be_unpacked_is_the_developers_error(bench: Bench, what: str) -> None:
    """Not the hub's."""
    bench.only_in_launchers("images unpack in their own way")
    data = bytearray(base64.b64decode(archive({"a": "x" * 500} | ({"a/b": "y"} if what == "file over folder" else {}))))
    if what == "cut off":
        del data[-30:]
    if what == "damaged":
        data[40:60] = bytes(20)
    outcome = await bench.run("zip", code=base64.b64encode(data).decode())

    assert outcome.response.status == Status.DEVELOPER_ERROR
    assert outcome.response.result["error"].startswith("Initialization has failed due to: The archive ")


@pytest.mark.parametrize("bench", ["python"], indirect=True)
async def test_a_virtual_environment_in_the_zip_is_used(bench: Bench) -> None:
    """Of whatever version it was made for, since older kinds run here, too."""
    bench.only_in_launchers("images unpack in their own way")
    members = {
        "__main__.py": "import shipped\ndef main(args):\n    return {'word': shipped.word}",
        "virtualenv/lib/python3.7/site-packages/shipped.py": "word = 'v'",
    }

    assert (await bench.run("zip", code=archive(members))).response.result == {"word": "v"}


async def test_a_module_that_fails_to_load_says_why(bench: Bench) -> None:
    """Also where the failure is one that the launcher knows from itself."""
    if bench.family == "python":
        outcome = await bench.run("x", code=base64.b64encode(b"import os\nos.environ['NOPE']\n").decode())
    else:
        outcome = await bench.run("x", code=base64.b64encode(b"require('nope'); ").decode())

    assert "Initialization has failed due to: " in outcome.response.result["error"]
    assert "ope" in outcome.response.result["error"].lower()


@pytest.mark.parametrize("bench", ["nodejs"], indirect=True)
async def test_modules_of_the_newer_kind_are_loaded(bench: Bench) -> None:
    """By package, with an await at the top, and by `import()` from plain code."""
    about, code = '{"type": "module", "main": "a.js"}', "await 1; export function main() { return {esm: true}; }"
    assert (await bench.run("zip", code=archive({"package.json": about, "a.js": code}))).response.result == {"esm": True}
    plain = b"async function main() { return {os: typeof (await import('node:os')).cpus}; } // end"
    outcome = await bench.run("x", code=base64.b64encode(plain).decode())

    assert outcome.response.result == {"os": "function"}
    assert outcome.logs == ()


# Several runs at a time

SHARED = Limits(timeout=5000, concurrency=20)


async def test_answers_come_in_any_order(bench: Bench) -> None:
    """To the run that each belongs to."""
    if bench.family == "python":
        bench.only_in_launchers("this image takes one run at a time")
    process = await bench.start("overlaps", SHARED)
    assert process.places == 20
    first, second = (asyncio.create_task(again(process, {"name": name})) for name in "ab")
    await asyncio.sleep(0)
    for name, task in (("b", second), ("a", first)):
        await again(process, {"free": name})
        assert (await task).response.result == {"name": name, "size": 0}


async def test_large_payloads_of_overlapping_runs_do_not_mix(bench: Bench) -> None:
    """However slowly the process takes them."""
    if bench.family == "python":
        bench.only_in_launchers("this image takes one run at a time")
    process = await bench.start("overlaps", SHARED)
    runs = [asyncio.create_task(again(process, {"name": str(number), "text": "x" * (600_000 + number)})) for number in range(12)]
    await asyncio.sleep(0)
    for number in range(12):
        await again(process, {"free": str(number)})

    assert [(await run).response.result for run in runs] == [{"name": str(number), "size": 600_000 + number} for number in range(12)]


async def test_a_line_that_was_begun_is_not_broken_by_the_end_of_another_run(bench: Bench) -> None:
    """It is in the record of the run at whose end it is whole, or of the last one."""
    bench.only_in_launchers("the border of a run is a line, which ends the one that was begun")
    process = await bench.start("overlaps", SHARED)
    first = asyncio.create_task(again(process, {"name": "a", "begin": "one ", "end": "line\nrest"}))
    await asyncio.sleep(0)
    other = asyncio.create_task(again(process, {"name": "b"}))
    await asyncio.sleep(0)

    assert words(await again(process, {"free": "b"})) == words(await other) == []
    freed = await again(process, {"free": "a"})
    assert words(freed) + words(await first) == ["stdout: one line", "stdout: rest"]


@pytest.mark.parametrize("bench", ["python"], indirect=True)
@pytest.mark.parametrize(("source", "places"), [("echo", 1), ("async", 20)])
async def test_python_says_whether_its_function_gives_way(bench: Bench, source: str, places: int) -> None:
    """A plain one does not, and has its process to itself."""
    bench.only_in_launchers("the manifest says which images share")
    assert (await bench.start(source, SHARED)).places == places


@pytest.mark.parametrize("bench", ["python"], indirect=True)
async def test_the_loop_of_a_process_lives_as_long_as_it(bench: Bench) -> None:
    """What a run leaves behind goes on, also where runs do not overlap."""
    code = b"import asyncio\nlater = None\nasync def main(args):\n    global later\n    if later is None:\n        later = asyncio.ensure_future(asyncio.sleep(0, 'kept'))\n        return {}\n    return {'word': await later}  "
    process = await bench.start("x", code=base64.b64encode(code).decode())
    await again(process, {})

    assert (await again(process, {})).response.result == {"word": "kept"}


async def test_a_process_that_is_asked_after_its_end_says_so(bench: Bench) -> None:
    """Nothing is read from what was closed."""
    process = await bench.start("echo")
    await process.stop()
    outcome = await again(process, {})

    assert outcome.response.result == {"error": "The action did not produce a valid response and exited unexpectedly."}


# Archives


def tarball(*members: tuple[tarfile.TarInfo, bytes]) -> str:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as made:
        for member, data in members:
            member.size = member.size or len(data)
            made.addfile(member, io.BytesIO(data))
    return base64.b64encode(target.getvalue()).decode()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


@pytest.mark.parametrize(
    "members",
    [
        [(member("../out.txt"), b"x")],
        [(member("/out.txt"), b"x")],
        [(member("a", tarfile.SYMTYPE, "/etc"), b"")],
        [(member("a", tarfile.SYMTYPE, "../../out.txt"), b"")],
        [(member("a", tarfile.SYMTYPE, "b"), b""), (member("b", tarfile.SYMTYPE, "."), b""), (member("b/c/d", tarfile.SYMTYPE, "../.."), b"")],
        [(member("a", tarfile.LNKTYPE, "/etc/passwd"), b"")],
        [(member("a", tarfile.CHRTYPE), b"")],
        [(member("a", tarfile.FIFOTYPE), b"")],
        [(member("a", tarfile.SYMTYPE, "b"), b""), (member("a/out.txt"), b"x")],
    ],
)  # fmt: skip
async def test_a_tarball_cannot_leave_its_folder(bench: Bench, tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Names, links and devices that would are refused."""
    bench.only_in_launchers("images unpack in their own way")
    outcome = await bench.run("zip", code=tarball(*members))

    assert outcome.response.status == Status.DEVELOPER_ERROR
    assert "The archive " in outcome.response.result["error"]
    assert "out.txt" not in _names_below(tmp_path)


async def test_links_inside_a_tarball_are_made(bench: Bench) -> None:
    """Package managers put some beside commands."""
    bench.only_in_launchers("images unpack in their own way")
    sources = SOURCES[bench.family]
    names = {"python": ("__main__.py", "helper.py"), "nodejs": ("index.js", "helper.js")}[bench.family]
    members = [
        (member(names[0]), sources["zip"].encode()),
        (member(names[1], tarfile.SYMTYPE, f"lib/{names[1]}"), b""),
        (member("lib", tarfile.DIRTYPE), b""),
        (member(f"lib/{names[1]}"), sources["helper"].encode()),
    ]

    assert (await bench.run("zip", code=tarball(*members))).response.result == {"word": "zipped"}


@pytest.mark.parametrize("bench", ["nodejs"], indirect=True)
@pytest.mark.parametrize("what", ["file", "header", "headers", "cut off", "damaged"])
async def test_a_tarball_is_counted_by_what_comes_out_of_it(bench: Bench, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it says of itself."""
    bench.only_in_launchers("images unpack in their own way")
    monkeypatch.setattr(unpack, "LARGEST", 1_000_000)
    big = {"file": member("a"), "header": member("a", tarfile.GNUTYPE_LONGNAME)}.get(what)
    members = [(big or member("a"), b"x" * 2_000_000)]
    if what == "headers":
        members = [(member(f"a{number}"), b"") for number in range(200)]
        for made, _ in members:
            made.pax_headers = {"comment": "x" * 60_000}
    data = bytearray(base64.b64decode(tarball(*members)))
    if what == "cut off":
        del data[-100:]
    if what == "damaged":
        data[100:140] = bytes(40)
    outcome = await bench.run("zip", code=base64.b64encode(data).decode())

    assert outcome.response.status == Status.DEVELOPER_ERROR
    assert "Initialization has failed due to: The archive " in outcome.response.result["error"]
