"""`process:` — each action version in a child process of its own that stays warm (openwhisk-api §10; isolation comes with cells).

The warm path is one send and one receive on a socket: no thread, no task, no stream object.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from hub.domain.activation import Response
from hub.runtime.base import LaunchFailed, Outcome, ProcessSpec, Run, Start
from hub.runtime.kinds import Kinds
from hub.runtime.logs import Logs, Stream
from hub.runtime.outcome import DIED_IN_INIT, DIED_IN_RUN, MISSING_LOGS, OUT_OF_MEMORY, fault, init_failure, run_response, too_long
from hub.runtime.unpack import ZIP, BadArchive, unpack

HEAD = struct.Struct(">IIB")
INIT, RUN = 0, 1
FINE = 0
SMALL = 65_536
READ_AT_ONCE = 16_384
LARGEST_FRAME = 64 * 1024 * 1024
WATCH_EVERY = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LAUNCHERS = Path(__file__).with_name("launchers")
_encode = msgspec.json.Encoder().encode


class ProcessRuntime:
    """Makes child processes. `work` is a folder below which each gets its own; `api_host` says where actions reach the hub."""

    def __init__(self, kinds: Kinds, work: Path, api_host: Callable[[], str]) -> None:
        self._kinds = kinds
        self._work = work
        self._api_host = api_host
        self._living: set[ChildProcess] = set()

    async def open(self) -> None:
        """See `Runtime.open`; what a former hub left in the work folder goes."""
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)
        self._work.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def launch(self, spec: ProcessSpec) -> ChildProcess:
        """See `Runtime.launch`."""
        kind = self._kinds.resolve(spec.exec.kind)
        folder = self._work / secrets.token_hex(8)
        flags = ["-I", "-S"] if kind.family == "python" else [f"--max-old-space-size={max(spec.limits.memory, 64)}"]
        command = [kind.program, *flags, str(_LAUNCHERS / kind.launcher)]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "__OW_API_HOST": self._api_host(),
        }
        try:
            child = await asyncio.to_thread(_spawn, command, folder, environment)
        except OSError as error:
            raise LaunchFailed(f"{kind.program} could not be started: {error.strerror}") from error
        process = ChildProcess(spec, folder, *child, on_end=self._living.discard)
        self._living.add(process)
        return process

    async def close(self) -> None:
        """See `Runtime.close`."""
        await asyncio.gather(*(process.stop() for process in tuple(self._living)))
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)


def _spawn(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    folder.mkdir(mode=0o700, parents=True)
    ours, theirs = socket.socketpair()
    with theirs:
        child = subprocess.Popen(  # noqa: S603 - the program is our launcher
            [*command, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    with contextlib.suppress(OSError):
        # A woken action does not push the hub off the processor, which would make every caller wait (reliability §5.4).
        os.sched_setscheduler(child.pid, os.SCHED_BATCH, os.sched_param(0))
    ours.setblocking(False)  # noqa: FBT003 - socket takes it so
    return child, ours


class ChildProcess:
    """One child with its process group. See `ActionProcess`."""

    def __init__(
        self,
        spec: ProcessSpec,
        folder: Path,
        child: subprocess.Popen[bytes],
        door: socket.socket,
        *,
        on_end: Callable[[ChildProcess], None],
    ) -> None:
        if child.stdout is None or child.stderr is None:
            raise LaunchFailed("the process has no pipes")
        self.spec = spec
        self.initialized = False
        self._folder = folder
        self._child = child
        self._door = door
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._logs = Logs(os.dup(child.stdout.fileno()), os.dup(child.stderr.fileno()), spec.limits.logs)
        child.stdout.close()
        child.stderr.close()
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._number = 0
        self._why: str | None = None
        self._until = 0.0
        self._stopped: asyncio.Future[None] | None = None
        self._loop.add_reader(door.fileno(), self._readable)
        for stream in self._logs.streams:
            self._loop.add_reader(stream.pipe, self._log_readable, stream)

    # What the process says

    def _readable(self) -> None:
        try:
            data = self._door.recv(READ_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._door.fileno())
            self._end_answer()
            return
        buffer = self._buffer
        buffer += data
        if len(buffer) < HEAD.size:
            return
        length, number, what = HEAD.unpack_from(buffer)
        if length > LARGEST_FRAME:
            self._kill()
            return
        if len(buffer) >= HEAD.size + length:
            body = bytes(memoryview(buffer)[HEAD.size : HEAD.size + length])
            del buffer[: HEAD.size + length]
            if self._answer is not None and not self._answer.done() and number == self._number:
                self._answer.set_result((what, body))

    def _log_readable(self, stream: Stream) -> None:
        if not self._logs.read(stream):
            self._loop.remove_reader(stream.pipe)

    def _end_answer(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    # What it is asked

    async def _ask(self, what: int, value: object, seconds: float) -> tuple[int, bytes]:
        """Raises ConnectionResetError when the process ends first, TimeoutError when it takes too long."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        body = _encode(value)
        answer = self._answer = self._loop.create_future()
        self._until = self._loop.time() + seconds
        self._watching = self._loop.call_later(max(min(seconds, WATCH_EVERY), 0), self._watch)
        try:
            await self._send(HEAD.pack(len(body), self._number, what) + body)
            told: tuple[int, bytes] = await answer
            return told
        finally:
            self._watching.cancel()
            self._answer = None

    async def _send(self, frame: bytes) -> None:
        sent = 0
        if len(frame) <= SMALL:
            try:
                sent = self._door.send(frame)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                raise ConnectionResetError from error
        if sent < len(frame):
            try:
                # A process that ends while we write to it is told by the answer, which fails at the same moment.
                await self._loop.sock_sendall(self._door, memoryview(frame)[sent:])
            except OSError as error:
                raise ConnectionResetError from error

    def _watch(self) -> None:
        """While a run is under way its time and its memory, children included, are looked at."""
        left = self._until - self._loop.time()
        if left <= 0:
            self._abort("time")
        elif _resident(self._child.pid) > self.spec.limits.memory * 1_048_576:
            self._abort("memory")
        elif self._answer is not None:
            self._watching = self._loop.call_later(min(left, WATCH_EVERY), self._watch)

    def _abort(self, why: str) -> None:
        self._why = why
        self._kill()
        self._end_answer()

    async def init(self, start: Start) -> Outcome | None:
        """See `ActionProcess.init`."""
        begun = time.monotonic()
        limit = self.spec.limits.timeout
        try:
            value = {"main": self.spec.exec.main, "env": start.env, **await self._code()}
            what, body = await self._ask(INIT, value, limit / 1000)
        except BadArchive as error:
            return await self._failed(fault(f"Initialization has failed due to: {error}"), begun, init=True)
        except ConnectionResetError:
            return await self._failed(self._death(DIED_IN_INIT, too_long(limit, init=True)), begun, init=True)
        if what != FINE:
            return await self._failed(init_failure(body), begun, init=True)
        self.initialized = True
        return None

    async def _code(self) -> dict[str, str]:
        exec_ = self.spec.exec
        if not exec_.binary:
            return {"code": exec_.code}
        data = exec_.data()
        if not data.startswith(ZIP):
            return {"code": data.decode(errors="replace")}
        folder = self._folder / "action"
        await asyncio.to_thread(unpack, data, folder)
        return {"folder": str(folder)}

    async def run(self, run: Run) -> Outcome:
        """See `ActionProcess.run`."""
        begun = time.monotonic()
        seconds = run.deadline / 1000 - time.time()
        try:
            what, body = await self._ask(RUN, {"value": run.value, "context": run.context}, seconds)
        except ConnectionResetError:
            return await self._failed(self._death(DIED_IN_RUN, too_long(self.spec.limits.timeout, init=False)), begun, init=False)
        response = run_response(body, fine=what == FINE)
        extra = (MISSING_LOGS,) if response.status == 2 else ()  # noqa: PLR2004 - Status.DEVELOPER_ERROR, without an import on the warm path
        elapsed = int((time.monotonic() - begun) * 1000)
        return Outcome(response=response, logs=self._logs.take(*extra), run_ms=elapsed, reusable=not extra)

    def _death(self, died: str, timed_out: str) -> Response:
        if self._why == "time":
            return fault(timed_out)
        return fault(OUT_OF_MEMORY if self._why == "memory" else died)

    async def _failed(self, response: Response, begun: float, *, init: bool) -> Outcome:
        logs = self._logs.take(MISSING_LOGS)
        elapsed = int((time.monotonic() - begun) * 1000)
        timed_out = self._why == "time"
        await self.stop()
        return Outcome(
            response=response,
            logs=logs,
            run_ms=0 if init else elapsed,
            init_ms=max(elapsed, 1) if init else None,
            timed_out=timed_out,
            reusable=False,
        )

    # The end

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """See `ActionProcess.stop`."""
        if self._stopped is not None:
            await self._stopped
            return
        self._stopped = self._loop.create_future()
        self.initialized = False
        self._kill()
        self._loop.remove_reader(self._door.fileno())
        for stream in self._logs.streams:
            self._loop.remove_reader(stream.pipe)
        self._door.close()
        self._end_answer()
        await asyncio.to_thread(self._reap)
        self._logs.close()
        self._on_end(self)
        self._stopped.set_result(None)

    def _reap(self) -> None:
        self._child.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _resident(pid: int) -> int:
    """Bytes of memory of a process and its children."""
    total = 0
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        with contextlib.suppress(OSError, ValueError, IndexError):
            total += int(Path(f"/proc/{current}/statm").read_text().split()[1]) * _PAGE
        with contextlib.suppress(OSError):
            waiting.extend(int(child) for child in Path(f"/proc/{current}/task/{current}/children").read_text().split())
    return total
