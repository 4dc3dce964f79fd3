"""What all programs of one language share, made once for each version of its compiler: compiled packages, crates.

What has to be fetched is fetched by the language's own client, which runs nothing of it. It is compiled in a cell, which reaches nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from functools import lru_cache
from pathlib import Path

from hub.runtime.code import Code
from hub.runtime.compilation import Compilation, CompileFailed
from hub.runtime.kinds import Kind
from hub.runtime.launchers import unpack
from hub.runtime.spawn import Spawner
from hub.telemetry.log import get_logger

log = get_logger(__name__)

MEMORY = 1024
ROOM, FILES = 400 << 20, 8192
SECONDS = 300.0
_SCRIPTS = Path(__file__).with_name("launchers")


class Bases:
    """`folder` is where they are kept; every cell may read it."""

    def __init__(self, spawner: Spawner, folder: Path, python: str) -> None:
        self._spawner = spawner
        self._folder = folder
        self._python = python
        self._running: dict[str, asyncio.Task[str]] = {}

    async def folder(self, kind: Kind) -> str:
        """Where that kind's is; nothing when it has none. Raises CompileFailed, or LaunchFailed when no cell could be built."""
        build = kind.runs.build
        if build is None or not build.base:
            return ""
        parts = (kind.runs.stamp, script_of(build.base), script_of(build.fetch) if build.fetch else "")
        place = self._folder / hashlib.sha256("\0".join(parts).encode()).hexdigest()
        if place.is_dir():
            return str(place)
        if kind.family not in self._running:
            task = self._running[kind.family] = asyncio.create_task(self._make(kind, build.base, build.fetch, place))
            task.add_done_callback(lambda _: self._running.pop(kind.family, None))
        return await asyncio.shield(self._running[kind.family])

    async def _make(self, kind: Kind, script: str, fetch: str, place: Path) -> str:
        begun = time.monotonic()
        code = await self._fetched(kind, fetch) if fetch else Code(source="\n")
        words: dict[str, object] = {"entries": ["none"], "script": script, "environment": kind.runs.environment}
        work = Compilation(kind=kind, code=code, words=words, memory=MEMORY, room=ROOM, files=FILES, seconds=SECONDS)
        made = await work.made(self._spawner, self._python)
        await asyncio.to_thread(_put, made, place)
        log.info("Made what programs share", kind=kind.real, seconds=round(time.monotonic() - begun, 1))
        return str(place)

    async def _fetched(self, kind: Kind, script: str) -> Code:
        """What the language's client brought, as an archive."""
        with tempfile.TemporaryDirectory(prefix="whiskhub-fetch-") as folder:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                str(_SCRIPTS / script),
                cwd=folder,
                env={**os.environ, **kind.runs.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            try:
                async with asyncio.timeout(SECONDS):
                    said, _ = await process.communicate()
            except TimeoutError as error:
                raise CompileFailed(f"what {kind.family} programs share could not be fetched in {SECONDS:.0f} s") from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if process.returncode:
                raise CompileFailed(said.decode(errors="replace").strip())
            return await asyncio.to_thread(_packed, Path(folder))

    async def close(self) -> None:
        """Give up what is under way."""
        for task in tuple(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)


@lru_cache(maxsize=32)
def script_of(name: str) -> str:
    """The text of one of our scripts: what it makes changes with it."""
    return (_SCRIPTS / name).read_text() if name else ""


def _packed(folder: Path) -> Code:
    packed = folder.parent / f"{folder.name}.zip"
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return Code.of_bytes(packed.read_bytes())
    finally:
        packed.unlink(missing_ok=True)


def _put(made: bytes, place: Path) -> None:
    """All of it or nothing."""
    new = Path(tempfile.mkdtemp(dir=place.parent))
    packed = new / "packed"
    packed.write_bytes(made)
    unpack.unpack(str(packed), str(new / "base"), unpack.LARGEST)
    for path in (new / "base", *(new / "base").rglob("*")):
        path.chmod(0o755)
    os.sync()
    (new / "base").rename(place)
    shutil.rmtree(new)
