"""A layer is built, and an action runs with it, at one level of isolation; prints what came of it. See `tests.support.alone`."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tempfile
from pathlib import Path

from hub.domain.action import CodeExec, Limits
from hub.runtime import isolation
from hub.runtime.base import Outcome, ProcessSpec, Run, Start
from hub.runtime.builds import LAUNCHER, Builds, Recipe
from hub.runtime.cell_spawner import CellSpawner, Doors
from hub.runtime.kinds import Kinds
from hub.runtime.layers import Layers
from hub.runtime.process import ProcessRuntime
from hub.services.clock import now_ms
from tests.support.indexes import zipped

ACTION = """
import os, built
def main(args):
    try:
        open(built.__file__, 'a').close()
        wrote = True
    except OSError:
        wrote = False
    seen = []
    for name in args['names']:
        try:
            seen += os.listdir(os.path.join(args['folder'], name))
        except OSError:
            pass
    return {'word': built.word, 'wrote': wrote, 'sees': seen}
"""


async def main(level: int, scratch: str) -> None:
    """Print the answer of the action as JSON."""
    with tempfile.TemporaryDirectory(prefix="whiskhub-test-", dir=scratch) as text:
        folder = Path(text)
        kinds = Kinds.discover()
        spawner = CellSpawner(
            isolation.plan(folder, kinds, layers=folder / "layers"),
            level,
            Doors(),
            api_host=lambda: "http://hub.example",
            port=3233,
            idle=600,
        )
        runtime = ProcessRuntime(kinds, spawner)
        await runtime.open()
        try:
            print(
                json.dumps(
                    await _built_and_run(Builds(spawner, Layers(folder / "layers"), kinds.builder(LAUNCHER), kinds.interpreter), runtime)
                )
            )
        finally:
            await runtime.close()


async def _built_and_run(builds: Builds, runtime: ProcessRuntime) -> object:
    layers = builds.layers
    layers.open()
    recipes = [_recipe(runtime, word) for word in ("mine", "another")]
    for recipe in recipes:
        await builds.make(recipe, None, lambda line: print(line, file=sys.stderr))
    mine = layers.find(recipes[0].digest)
    code = base64.b64encode(zipped({"__main__.py": ACTION})).decode()
    exec_ = CodeExec(kind="python:3", code=code, binary=True)
    process = await runtime.launch(ProcessSpec(key=("ns", "a", 1, "ns"), exec=exec_, limits=Limits(timeout=20_000), layers=(str(mine),)))
    failed = await process.init(Start(env={}))
    if failed is not None:
        return {"failed": failed.logs}
    deadline = now_ms() + 20_000
    value = {"folder": str(layers.folder), "names": [recipe.digest for recipe in recipes[1:]]}
    outcome: Outcome = await process.run(Run(value=value, context={}, deadline=deadline))
    return outcome.response.result


def _recipe(runtime: ProcessRuntime, word: str) -> Recipe:
    source = f"open('built.py', 'w').write({f'word = {word!r}'!r})"
    return Recipe(what=word, files={}, commands=((runtime._kinds.interpreter, "-I", "-S", "-c", source),))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
