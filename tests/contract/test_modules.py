"""What every action may import without shipping it, in plain processes and in cells (openwhisk-api §10.5, §10.6)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.domain.action import CodeExec, Limits
from hub.runtime import isolation, modules
from hub.runtime.base import Outcome, ProcessSpec, Run, Start
from hub.runtime.cell_spawner import CellSpawner, Doors
from hub.runtime.kinds import Kinds
from hub.runtime.plain_spawner import PlainSpawner
from hub.runtime.process import ProcessRuntime
from hub.runtime.spawn import Spawner
from hub.services.clock import now_ms
from tests.support.cells import level
from tests.support.indexes import zipped
from tests.support.peers import absent

SECONDS = 20
EVERY_ONE = """
import bs4, dateutil.parser, httplib2, httpx, kafka, lxml.etree, requests, simplejson
def main(args):
    found = bs4.BeautifulSoup('<p>one</p>', 'lxml').p.text
    return {'found': found, 'at': requests.__file__, 'compiled': __import__('os').path.exists(requests.__cached__)}
"""
UNUSED = """
import sys
def main(args):
    with open('/proc/self/maps') as maps:
        mapped = 'site-packages' in maps.read() or '/modules/' in maps.read()
    return {'last': sys.path[-1], 'loaded': [name for name in sys.modules if name in ('requests', 'site', 'certifi')], 'mapped': mapped}
"""
WRITES = """
import requests
def main(args):
    try:
        open(requests.__file__, 'a')
    except OSError as error:
        return {'errno': error.errno}
    return {'wrote': True}
"""


class Bench:
    """Runs actions."""

    def __init__(self, runtime: ProcessRuntime, *, in_cells: bool) -> None:
        self.runtime, self.in_cells = runtime, in_cells

    async def run(self, kind: str, code: str | dict[str, str]) -> Any:
        """What an action answers, given as its source or as the files of its zip."""
        text = code if isinstance(code, str) else base64.b64encode(zipped(code)).decode()
        exec_ = CodeExec(kind=kind, code=text, binary=not isinstance(code, str))
        process = await self.runtime.launch(ProcessSpec(key=("ns", kind, 1, "ns"), exec=exec_, limits=Limits(timeout=SECONDS * 1000)))
        failed = await process.init(Start(env={}))
        assert failed is None, failed
        deadline = now_ms() + SECONDS * 1000
        outcome: Outcome = await process.run(Run(value={}, context={"deadline": str(deadline)}, deadline=deadline))
        await process.stop()
        return outcome.response.result


@pytest.fixture(params=["plain", "in cells"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    if modules.missing():
        absent(f"the modules for {', '.join(modules.missing())} are not installed: hub modules")
    kinds = Kinds.discover()
    spawner: Spawner
    if request.param == "plain":
        spawner = PlainSpawner(tmp_path / "run" / "plain", lambda: "http://hub.example")
    else:
        plan = isolation.plan(tmp_path, kinds, layers=tmp_path / "layers")
        spawner = CellSpawner(plan, await level(), Doors(), api_host=lambda: "http://hub.example", port=3233, idle=600)
    runtime = ProcessRuntime(kinds, spawner)
    await runtime.open()
    try:
        yield Bench(runtime, in_cells=request.param == "in cells")
    finally:
        await runtime.close()


async def test_python_actions_import_what_upstream_offers(bench: Bench) -> None:
    """Compiled before, since a cell cannot keep what it compiles."""
    answer = await bench.run("python:3", EVERY_ONE)

    assert (answer["found"], answer["compiled"]) == ("one", True)
    if bench.in_cells:
        assert answer["at"] == "/modules/python/requests/__init__.py"


async def test_they_cost_nothing_until_they_are_imported(bench: Bench) -> None:
    """One more place at the end of the path: nothing of it is loaded, mapped, or looked through for .pth files."""
    answer = await bench.run("python:3", UNUSED)

    assert answer["last"].endswith("/modules/python" if bench.in_cells else modules.OF_PYTHON)
    assert answer["loaded"] == []
    assert answer["mapped"] is False


async def test_node_actions_require_openwhisk_and_needle(bench: Bench) -> None:
    """In plain source as well as from a zip."""
    source = "exports.main = () => ({ ow: typeof require('openwhisk'), version: require('openwhisk/package.json').version, needle: typeof require('needle').get });"
    wanted = {"ow": "function", "needle": "function"}

    for code in (source, {"index.js": source}):
        answer = await bench.run("nodejs:default", code)
        assert answer.pop("version").startswith("3.21.")
        assert answer == wanted


async def test_modules_of_javascript_import_it_in_cells(bench: Bench) -> None:
    """Outside of cells Node.js gives `import` no way to look in further places."""
    if not bench.in_cells:
        pytest.skip("NODE_PATH is not for import")
    files = {
        "package.json": '{"type": "module", "main": "index.js"}',
        "index.js": "import ow from 'openwhisk'; export function main() { return { ow: typeof ow }; }",
    }
    assert await bench.run("nodejs:default", files) == {"ow": "function"}


async def test_what_an_action_ships_comes_first(bench: Bench) -> None:
    """Whatever its version."""
    python = {"__main__.py": "import requests\ndef main(args):\n    return {'own': requests.OWN}", "requests.py": "OWN = True"}
    node = {
        "index.js": "exports.main = () => ({ own: require('openwhisk').own });",
        "node_modules/openwhisk/index.js": "exports.own = true;",
    }

    assert await bench.run("python:3", python) == {"own": True}
    assert await bench.run("nodejs:default", node) == {"own": True}


async def test_nobody_can_change_them(bench: Bench) -> None:
    """Every action of the hub reads them."""
    if not bench.in_cells:
        pytest.skip("a plain process writes what the hub does")
    assert (await bench.run("python:3", WRITES))["errno"] in {13, 30}


def test_the_locks_name_no_address() -> None:
    """Where packages come from is the machine's affair."""
    for lock in modules.LOCKS.values():
        assert "://" not in "".join(line for line in lock.read_text().splitlines() if "resolved" in line or "index" in line)
    assert '"resolved"' not in modules.NODE_LOCK.read_text()
    assert "--hash=sha256:" in modules.PYTHON_LOCK.read_text()
