"""Builds of dependencies: real pip and npm, in plain processes and in cells, against indexes on loopback (design §9 "Cells")."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.domain.action import CodeExec, Limits
from hub.domain.build import BuildFailed
from hub.runtime import isolation
from hub.runtime.base import Outcome, ProcessSpec, Run, Start
from hub.runtime.builds import LAUNCHER, Builds, Recipe
from hub.runtime.cell_spawner import CellSpawner, Doors
from hub.runtime.cells import ladder
from hub.runtime.dependencies import Dependencies
from hub.runtime.egress import Denied, Egress
from hub.runtime.kinds import Kinds
from hub.runtime.layers import Layers
from hub.runtime.plain_spawner import PlainSpawner
from hub.runtime.process import ProcessRuntime
from hub.runtime.recipes import recipe_for
from hub.runtime.spawn import Spawner
from hub.services.clock import now_ms
from tests.support import indexes
from tests.support.cells import ROOT, for_all, level, shared_interpreter, users
from tests.support.eventually import eventually
from tests.support.indexes import Index, zipped

PYTHON_SOURCE = "import tinyhello\ndef main(args):\n    return {'word': tinyhello.WORD, 'file': tinyhello.__file__}"
NODE_SOURCE = "exports.main = () => ({ word: require('tiny-hello') });"


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with indexes.running() as found:
        found.add_wheel("tinyhello", "1.0", "WORD = 'hello'\n")
        found.add_wheel("tinyouter", "1.0", "import tinyhello\n", requires="tinyhello")
        found.add_source("tinysource", "1.0")
        found.add_package("tiny-hello", "1.0.0", "module.exports = 'hello';", scripts={"postinstall": "touch ran"})
        yield found


class Bench:
    """Builds, and runs actions with what was built."""

    def __init__(self, spawner: Spawner, folder: Path, kinds: Kinds) -> None:
        self.kinds = kinds
        self.layers = Layers(folder / "layers")
        self.builds = Builds(spawner, self.layers, kinds.builder(LAUNCHER), kinds.interpreter)
        self.runtime = ProcessRuntime(kinds, spawner)
        self.log: list[str] = []

    async def build(self, family: str, files: dict[str, str], index: Index, *, open_to: Index | None = None) -> Recipe:
        """The recipe of what was built. Raises BuildFailed."""
        kind = self.kinds.resolve(f"{family}:default")
        address = f"{index.address}/{'simple' if family == 'python' else 'npm/'}"
        recipe = await recipe_for(kind, Dependencies(family=family, files=files, names=()), self.layers, address)
        await self.builds.make(recipe, only(open_to or index), self.log.append)
        return recipe

    async def run(self, family: str, files: dict[str, str], recipe: Recipe) -> Any:
        """What an action answers that was made with the layer of that recipe."""
        layer = self.layers.find(recipe.digest)
        assert layer is not None
        exec_ = CodeExec(kind=f"{family}:default", code=base64.b64encode(zipped(files)).decode(), binary=True)
        spec = ProcessSpec(key=("ns", family, 1, "ns"), exec=exec_, limits=Limits(timeout=20_000), layers=(layer,))
        process = await self.runtime.launch(spec)
        failed = await process.init(Start(env={}))
        assert failed is None, failed
        deadline = now_ms() + 20_000
        outcome: Outcome = await process.run(Run(value={}, context={"deadline": str(deadline)}, deadline=deadline))
        await process.stop()
        return outcome.response.result


def only(index: Index) -> Egress:
    """A way to that index and nowhere else."""

    async def check(host: str, port: int) -> list[str]:
        if f"{host}:{port}" != index.host:
            raise Denied("it is not the package index.")
        return [host]

    return Egress(check=check)


@pytest.fixture(params=[pytest.param("plain", marks=pytest.mark.slow), "in cells"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    kinds = Kinds.discover()
    spawner: Spawner
    if request.param == "plain":
        spawner = PlainSpawner(tmp_path / "run" / "plain", lambda: "http://hub.example")
    else:
        plan = isolation.plan(tmp_path, kinds, layers=tmp_path / "layers")
        spawner = CellSpawner(plan, await level(), Doors(), api_host=lambda: "http://hub.example", port=3233, idle=600)
    found = Bench(spawner, tmp_path, kinds)
    found.layers.open()
    await found.runtime.open()
    try:
        yield found
    finally:
        await found.runtime.close()


async def test_wheels_become_a_layer_that_python_actions_import(bench: Bench, index: Index) -> None:
    """With what they require themselves; the layer is compiled, and no part of pip is in it."""
    recipe = await bench.build("python", {"requirements.txt": "tinyouter\n"}, index)
    answer = await bench.run("python", {"__main__.py": PYTHON_SOURCE}, recipe)

    assert answer["word"] == "hello"
    content = bench.layers.folder / recipe.digest / "content"
    assert sorted(path.name for path in content.glob("*.py")) == ["tinyhello.py", "tinyouter.py"]
    assert list(content.glob("__pycache__/tinyhello.*.pyc"))
    assert not (content / "requirements.txt").exists()


async def test_packages_of_npm_become_a_layer_that_node_actions_require(bench: Bench, index: Index) -> None:
    """The scripts of packages do not run."""
    files = {"package.json": json.dumps({"main": "index.js", "dependencies": {"tiny-hello": "^1.0.0"}})}
    recipe = await bench.build("nodejs", files, index)
    answer = await bench.run("nodejs", {**files, "index.js": NODE_SOURCE}, recipe)

    assert answer == {"word": "hello"}
    assert not (bench.layers.folder / recipe.digest / "content/node_modules/tiny-hello/ran").exists()


async def test_a_lock_of_npm_is_followed(bench: Bench, index: Index) -> None:
    """A tarball that is not what the lock says fails the build."""
    about = {"name": "it", "version": "1.0.0", "dependencies": {"tiny-hello": "^1.0.0"}}
    entry = {"version": "1.0.0", "integrity": f"sha512-{base64.b64encode(bytes(64)).decode()}"}
    lock = {"name": "it", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": about, "node_modules/tiny-hello": entry}}

    with pytest.raises(BuildFailed):
        await bench.build("nodejs", {"package.json": json.dumps(about), "package-lock.json": json.dumps(lock)}, index)
    assert "EINTEGRITY" in "\n".join(bench.log)


async def test_only_wheels_are_installed(bench: Bench, index: Index) -> None:
    """A source distribution would run its code at install time: it fails, and the log says what was looked for."""
    with pytest.raises(BuildFailed, match="ended with 1"):
        await bench.build("python", {"requirements.txt": "tinysource\n"}, index)
    log = "\n".join(bench.log)
    assert "tinysource" in log
    assert "the code of a stranger ran" not in log


async def test_a_failed_build_leaves_nothing(bench: Bench, index: Index) -> None:
    """Not even what was laid out aside."""
    with pytest.raises(BuildFailed):
        await bench.build("python", {"requirements.txt": "nosuchthing\n"}, index)
    left = [path.name for path in bench.layers.folder.iterdir() if not path.name.startswith("pip-")]
    assert left == []


async def test_a_build_in_a_cell_goes_nowhere_but_to_its_index(bench: Bench, index: Index) -> None:
    """What is asked of another place is refused and said in the log."""
    if isinstance(bench.builds._spawner, PlainSpawner):
        pytest.skip("a plain process goes anywhere")
    with indexes.running() as other:
        other.add_wheel("tinyhello", "1.0", "WORD = 'hello'\n")
        with pytest.raises(BuildFailed):
            await bench.build("python", {"requirements.txt": "tinyhello\n"}, other, open_to=index)
        assert other.asked == []
    assert "refused: it is not the package index." in "\n".join(bench.log)


async def test_a_layer_cannot_be_written_by_an_action(bench: Bench, index: Index) -> None:
    """Others read it as well."""
    if isinstance(bench.builds._spawner, PlainSpawner):
        pytest.skip("a plain process writes what the hub does")
    recipe = await bench.build("python", {"requirements.txt": "tinyhello\n"}, index)
    writes = "import tinyhello\ndef main(args):\n    try:\n        open(tinyhello.__file__, 'a')\n    except OSError as error:\n        return {'errno': error.errno}\n    return {'wrote': True}"

    answer = await bench.run("python", {"__main__.py": writes}, recipe)

    assert answer["errno"] in {13, 30}


async def test_who_stops_waiting_ends_the_build(bench: Bench, index: Index) -> None:
    """Its cell goes, and what was laid out aside."""
    index.open.clear()
    before = len(index.asked)
    work = asyncio.create_task(bench.build("python", {"requirements.txt": "tinyhello\n"}, index))
    try:
        await asyncio.to_thread(eventually, lambda: len(index.asked) > before)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    finally:
        index.open.set()
    left = [path.name for path in bench.layers.folder.iterdir() if not path.name.startswith("pip-")]
    assert left == []


async def test_a_command_that_takes_too_much_memory_is_ended(bench: Bench, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so."""
    monkeypatch.setattr("hub.runtime.builds.MEMORY", 128)
    monkeypatch.setattr("hub.runtime.builds.ROOM", 64 << 20)
    greedy = (bench.kinds.interpreter, "-I", "-S", "-c", "x = b'x' * (600 << 20); import time; time.sleep(20)")

    with pytest.raises(BuildFailed, match=r"memory|ended with"):
        await bench.builds.make(Recipe(what="greedy", files={}, commands=(greedy,)), None, bench.log.append)


async def test_a_build_that_takes_too_long_is_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how long it may take."""
    monkeypatch.setattr("hub.runtime.builds.SECONDS", 0.5)
    slow = (bench.kinds.interpreter, "-I", "-S", "-c", "import time; time.sleep(60)")

    with pytest.raises(BuildFailed, match="longer than"):
        await bench.builds.make(Recipe(what="slow", files={}, commands=(slow,)), None, bench.log.append)


async def test_what_is_built_has_a_largest_size(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is kept."""
    monkeypatch.setattr("hub.runtime.builds.LARGEST", 1 << 20)
    large = (bench.kinds.interpreter, "-I", "-S", "-c", "open('large', 'wb').truncate(4 << 20)")

    with pytest.raises(BuildFailed, match="more bytes"):
        await bench.builds.make(Recipe(what="large", files={}, commands=(large,)), None, bench.log.append)
    assert bench.layers.find(Recipe(what="large", files={}).digest) is None


async def test_links_out_of_a_layer_are_no_layer(bench: Bench) -> None:
    """What was built is read by the hub as well: a link that leaves it is refused."""
    leaves = (bench.kinds.interpreter, "-I", "-S", "-c", "import os; os.symlink('/etc/passwd', 'link')")

    with pytest.raises(BuildFailed):
        await bench.builds.make(Recipe(what="leaves", files={}, commands=(leaves,)), None, bench.log.append)


def test_the_digest_is_of_what_a_layer_is_made_of() -> None:
    """The same files for the same kind are one layer; others are another."""
    base = Recipe(what="dependencies for python:3.11", files={"requirements.txt": "a"})

    assert base.digest == Recipe(what=base.what, files=dict(base.files), commands=(("other",),)).digest
    assert (
        len({base.digest, Recipe(what=base.what, files={"requirements.txt": "b"}).digest, Recipe(what="x", files=base.files).digest}) == 3
    )


def test_what_a_killed_hub_was_laying_out_goes(tmp_path: Path) -> None:
    """A layer is whole or absent."""
    layers = Layers(tmp_path / "layers")
    layers.open()
    half = layers.aside()
    (half / "content" / "x").write_text("x")
    whole = layers.aside()
    (whole / "content" / "y").write_text("y")
    kept = layers.keep(whole, "whole", "a test")

    Layers(tmp_path / "layers").open()

    assert [name for name, _ in layers.all()] == ["whole"]
    assert (kept.size, kept.files) == (1, 1)
    assert [path.name for path in layers.folder.iterdir()] == ["whole"]
    layers.drop("whole")
    assert list(layers.folder.iterdir()) == []


@pytest.mark.parametrize("isolated_at", [ladder.FENCE, ladder.CELL, ladder.CELL_WITH_GROUP])
@pytest.mark.parametrize("who", users())
def test_a_layer_is_built_and_read_at_every_level(who: str, isolated_at: int, tmp_path: Path) -> None:
    """As root and as an ordinary user: the action imports what was built for it, cannot change it, and does not see what others have."""
    if who == "user" and isolated_at == ladder.CELL_WITH_GROUP:
        pytest.skip("an ordinary user has no control groups")
    place = Path(tempfile.gettempdir())
    modules = Path(msgspec.__file__).parent.parent
    if not (for_all(Path(msgspec.__file__)) and for_all(Path(__file__))):
        pytest.skip("an ordinary user cannot read these modules here")
    program = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(modules)!r}]; sys.argv = ['x', '{isolated_at}', {str(place)!r}]; import runpy; runpy.run_module('tests.support.layer_alone', run_name='__main__')"
    command = [sys.executable, "-m", "tests.support.alone", who, shared_interpreter(), "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=55, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"word": "mine", "wrote": False, "sees": []}
