"""Building a layer: commands in a cell of its own, which reaches nothing but what it is given (design §9 "Cells").

What it made comes back over its socket, is counted, and becomes a layer under the digest of what it was made of. The same recipe is
built once, however many wait for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from hub.domain.build import BuildFailed
from hub.runtime.cells.mounts import CONTENT
from hub.runtime.egress import Egress
from hub.runtime.kinds import Kind
from hub.runtime.layers import Layer, Layers
from hub.runtime.logs import Logs
from hub.runtime.spawn import Spawned, Spawner, Wanted

LAUNCHER = "building.py"
MEMORY = 1024
ROOM, FILES = 1 << 30, 100_000
SECONDS = 600.0
"""Limits of one build: MB; bytes and files of its folder, which count as memory beside that; seconds."""
LARGEST, MOST_FILES = 512 << 20, 60_000
"""Bytes and files of a layer."""
RECIPE = "1"
"""Another number builds everything anew: the commands are not part of the digest."""
_HEAD = struct.Struct(">IIB")
_FINE, _FAULT, _PART = 0, 1, 2
_LARGEST_FRAME = 4 << 20
_LOG_MB = 10
_MB = 1 << 20
_UNPACK = Path(__file__).with_name("launchers") / "unpack.py"


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer is made of. `what` says in words for whom it is, and with the `files` is what it is known by.

    `commands` run one after the other in the folder that is to become the layer, which holds the files and the `settings` at first;
    `remove` are those that do not belong to it. `layers` are folders that the commands find at `LAYER_0`, … of their environment.
    """

    what: str
    files: dict[str, str]
    commands: tuple[tuple[str, ...], ...] = ()
    environment: dict[str, str] = {}
    settings: dict[str, str] = {}
    layers: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what it is made of: the name of the layer."""
        known = [RECIPE, self.what, os.uname().machine, sorted(self.files.items())]
        return hashlib.sha256(msgspec.json.encode(known)).hexdigest()


Heard = Callable[[str], None]


class Builds:
    """Makes layers of recipes. `builder` is the kind that runs the launcher; `python` unpacks what comes back."""

    def __init__(self, spawner: Spawner, layers: Layers, builder: Kind, python: str) -> None:
        self.layers = layers
        self._spawner = spawner
        self._builder = builder
        self._python = python

    async def make(self, recipe: Recipe, egress: Egress | None, heard: Heard) -> Layer:
        """Build it; `heard` is given each line of the log. Raises BuildFailed, or LaunchFailed when no cell could be built."""
        aside = await asyncio.to_thread(self.layers.aside)
        try:
            await self._fetch(recipe, egress, heard, aside / "packed")
            await self._unpack(aside / "packed", aside / CONTENT)
            return await asyncio.to_thread(self.layers.keep, aside, recipe.digest, recipe.what)
        except OSError as error:
            raise BuildFailed(f"The layer could not be kept: {error.strerror or error}.") from error
        finally:
            await asyncio.to_thread(_remove, aside)

    async def _fetch(self, recipe: Recipe, egress: Egress | None, heard: Heard, packed: Path) -> None:
        """Run the commands; what they made is packed. Raises BuildFailed."""
        spawned = await self._spawner.spawn(
            Wanted(kind=self._builder, memory=MEMORY, unpacked=ROOM, files=FILES, egress=egress, layers=recipe.layers)
        )
        log = _Log(spawned, heard)
        watch = asyncio.create_task(_watch(spawned))
        unanswered: Exception | None = None
        try:
            async with asyncio.timeout(SECONDS):
                with packed.open("wb") as file:
                    await _carry_out(spawned, recipe, file)
        except TimeoutError as error:
            raise BuildFailed(f"It took longer than {SECONDS:.0f} s.") from error
        except (EOFError, OSError) as error:
            unanswered = error
        finally:
            watch.cancel()
            spawned.kill()
            # Once only, and to its end, whoever stops waiting.
            out_of_memory = await asyncio.shield(asyncio.ensure_future(spawned.gone()))
            log.close()
        if unanswered is not None:
            raise BuildFailed(_ENDED_FOR_MEMORY if out_of_memory or (watch.done() and not watch.cancelled()) else _ENDED) from unanswered

    async def _unpack(self, packed: Path, folder: Path) -> None:
        """In a process of its own, which counts. Raises BuildFailed."""
        words = ["-I", "-S", str(_UNPACK), str(packed), str(folder), str(LARGEST), str(MOST_FILES)]
        process = await asyncio.create_subprocess_exec(self._python, *words, stderr=asyncio.subprocess.PIPE, env={})
        try:
            _, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise BuildFailed(said.decode(errors="replace").strip().replace("The archive", "What was built"))
        await asyncio.to_thread(packed.unlink)


_ENDED = "It ended without an answer."
_ENDED_FOR_MEMORY = f"It took more than {MEMORY} MB of memory."


async def _carry_out(spawned: Spawned, recipe: Recipe, file: BinaryIO) -> None:
    """Tell it what to do, and write down what comes back. Raises BuildFailed, EOFError, OSError."""
    reader, writer = await asyncio.open_unix_connection(sock=spawned.door)
    try:
        words = {
            "files": {**recipe.files, **recipe.settings},
            "commands": recipe.commands,
            "environment": recipe.environment,
            "layers": spawned.layers,
            "remove": recipe.remove,
        }
        body = msgspec.json.encode(words)
        writer.write(_HEAD.pack(len(body), 0, 0) + body)
        left = LARGEST
        while True:
            length, _, what = _HEAD.unpack(await reader.readexactly(_HEAD.size))
            if length > _LARGEST_FRAME:
                raise BuildFailed(_ENDED)
            body = await reader.readexactly(length)
            if what != _PART:
                break
            left -= length
            if left < 0:
                raise BuildFailed(f"What was built is larger than {LARGEST // _MB} MB.")
            await asyncio.to_thread(file.write, body)
        if what != _FINE:
            raise BuildFailed(_error(body))
    finally:
        writer.transport.abort()


def _error(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body, type=dict[str, str])["error"]
    except (msgspec.MsgspecError, KeyError):
        said = "it ended without an answer"
    return f"The build failed: {said}."


async def _watch(spawned: Spawned) -> None:
    """Where the kernel keeps no limit itself, memory is looked at."""
    while spawned.resident() <= MEMORY * _MB:  # noqa: ASYNC110 - memory rings no bell
        await asyncio.sleep(spawned.watch_every)
    spawned.kill()


class _Log:
    """What the commands print, line by line as it comes."""

    def __init__(self, spawned: Spawned, heard: Heard) -> None:
        self._logs = Logs(*spawned.pipes(), _LOG_MB)
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        spawned.gate.on_denied = self._logs.note
        self._loop.add_reader(self._logs.fileno(), self._readable)

    def _readable(self) -> None:
        self._logs.read()
        self._tell(last=False)

    def _tell(self, *, last: bool) -> None:
        for line in self._logs.take(last=last):
            self._heard(line)

    def close(self) -> None:
        """The rest of it."""
        self._loop.remove_reader(self._logs.fileno())
        self._tell(last=True)
        self._logs.close()


def _remove(aside: Path) -> None:
    import shutil  # noqa: PLC0415 - it is loaded when something is built

    shutil.rmtree(aside, ignore_errors=True)
