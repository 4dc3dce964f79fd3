"""The probe: finds the level of isolation by doing (reliability §5.1).

For each level, highest first, it starts a warden, has it build a cell, and lets the attacks run in it as an action. The first level
that holds everything it promises is taken. Asking the kernel would not be enough: namespaces may be granted and mounts refused.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from typing import Any

from . import ladder, namespaces, packets
from .promises import PROMISES
from .syscalls import NUMBERS, machine

HEAD = struct.Struct(">IIB")
INIT, RUN = 0, 1
WAIT_SECONDS = 20.0
GONE_SECONDS = 1.0
MEMORY = 256
WORK, FILES = 64 << 20, 4096
EGRESS = 3128
DAEMON = "daemon"
SHARED = "/dev/shm"  # noqa: S108 - what others share is the bait
_HERE = os.path.dirname(os.path.abspath(__file__))
_PROGRAM = os.path.join(_HERE, "__main__.py")
_DISKS = ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/xvda", "/dev/dm-0", "/dev/loop0")
_CREATE = 0o1000
_REMOVE = 0


class ProbeRefused(Exception):
    """A level could not be built; the message is the step and the kernel's words."""


class Warden:
    """A warden of the probe's own, spoken to one packet at a time. Raises ProbeRefused when the level cannot be had."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.way, theirs = packets.pair()
        self.way.settimeout(WAIT_SECONDS)
        with theirs:
            words = [sys.executable, "-I", "-S", _PROGRAM, "warden", str(theirs.fileno())]
            self._process = subprocess.Popen(words, env={}, cwd="/", pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603 - the program is ours
        packets.send(self.way, plan)
        self.hear("warden")

    def hear(self, wanted: str) -> tuple[dict[str, Any], list[int]]:
        """The next packet, which must be of that sort. Raises ProbeRefused."""
        try:
            message, passed = packets.receive(self.way)
        except (EOFError, OSError) as error:
            raise ProbeRefused(f"the warden ended: {error}") from error
        if wanted not in message:
            raise ProbeRefused(f"{message.get('refused') or message.get('failed')}: {message.get('reason')}")
        return message, passed

    def close(self) -> None:
        """End it with everything it made."""
        self.way.close()
        self._process.wait()


class Cell:
    """One cell, spoken to one frame at a time. Raises ProbeRefused when it cannot be built."""

    def __init__(self, warden: Warden, number: int, order: dict[str, Any]) -> None:
        self._warden = warden
        self._number = number
        packets.send(warden.way, {"do": "make", "cell": number, "memory": MEMORY, "order": order})
        self.message, passed = warden.hear("made")
        self.door = socket.socket(fileno=passed[0])
        self.door.settimeout(WAIT_SECONDS)
        self.stdout, self.stderr, *self._listeners = passed[1:]

    def ask(self, what: int, value: dict[str, Any]) -> dict[str, Any]:
        """One question. Raises ProbeRefused when it is not answered as a launcher would."""
        body = json.dumps(value).encode()
        try:
            self.door.sendall(HEAD.pack(len(body), 1, what) + body)
            length, _, fault = HEAD.unpack(self._exactly(HEAD.size))
            answer: dict[str, Any] = json.loads(self._exactly(length))
        except (OSError, EOFError) as error:
            raise ProbeRefused(f"the action ended: {error or self._said()}") from error
        if fault or "error" in answer:
            raise ProbeRefused(f"the action failed: {answer.get('error')} {self._said()}")
        return answer

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.door.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _said(self) -> str:
        ready = select.select([self.stderr], [], [], GONE_SECONDS)[0]
        return os.read(self.stderr, packets.LARGEST).decode(errors="replace") if ready else ""

    def end(self) -> bool:
        """End it; whether everything of it is gone within a second, as its output shows."""
        packets.send(self._warden.way, {"do": "end", "cell": self._number})
        self._warden.hear("ended")
        gone = bool(select.select([self.stdout], [], [], GONE_SECONDS)[0]) and not os.read(self.stdout, 1)
        self.door.close()
        for number in (self.stdout, self.stderr, *self._listeners):
            os.close(number)
        return gone


class Bait:
    """Things of the hub and of others that a cell must not reach. `name` is the hub's; what a killed probe of it left goes first."""

    def __init__(self, name: str) -> None:
        prefix = f"{name}-bait-"
        for place in (tempfile.gettempdir(), SHARED):
            _sweep(place, prefix)
        self.folder = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.folder, 0o777)  # noqa: S103 - bait
        self.canary = os.urandom(16).hex()
        self._files = {"secret": (f"{self.folder}/secret", 0o600), "readable": (f"{self.folder}/readable", 0o644)}
        self._files["shared"] = (f"{SHARED}/{prefix}{os.getpid()}", 0o644)
        for path, mode in self._files.values():
            with open(path, "w") as file:
                file.write(self.canary)
            os.chmod(path, mode)
        self._port = socket.create_server(("127.0.0.1", 0))
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(("127.0.0.1", 0))
        self._datagrams.setblocking(False)  # noqa: FBT003 - socket takes it so
        self._abstract = self._unix(f"\0whiskhub-bait-{self.canary}")
        self._path = self._unix(f"{self.folder}/socket")
        os.chmod(f"{self.folder}/socket", 0o777)  # noqa: S103 - bait
        self._libc = ctypes.CDLL(None, use_errno=True)
        key = int.from_bytes(os.urandom(3)) + 1
        self._memory = self._libc.shmget(key, 4096, _CREATE | 0o666)
        self._queue = self._libc.msgget(key, _CREATE | 0o666)
        self._key = key
        self._held = ctypes.create_string_buffer(b"canary", 8)

    @staticmethod
    def _unix(address: str) -> socket.socket:
        way = socket.socket(socket.AF_UNIX)
        way.bind(address)
        way.listen(8)
        return way

    def values(self, *, launchers: str, keeper: int) -> dict[str, Any]:
        """What the attacks are told."""
        with open("/proc/self/comm") as file:
            name = file.read().strip()
        return {
            **{name: path for name, (path, _) in self._files.items()},
            "folder": self.folder,
            "canary": self.canary,
            "port": self._port.getsockname()[1],
            "datagrams": self._datagrams.getsockname()[1],
            "abstract": f"whiskhub-bait-{self.canary}",
            "unix": f"{self.folder}/socket",
            "memory_key": self._key,
            "queue_key": self._key,
            "address": ctypes.addressof(self._held),
            "hub": os.getpid(),
            "keeper": keeper,
            "name": name,
            "disks": [disk for disk in _DISKS if os.path.exists(disk)],
            "launchers": launchers,
            "numbers": NUMBERS[machine()],
        }

    def arrived(self) -> bool:
        """Whether a datagram came."""
        try:
            return bool(self._datagrams.recv(len(self.canary)))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Take it all away."""
        for way in (self._port, self._datagrams, self._abstract, self._path):
            way.close()
        self._libc.shmctl(self._memory, _REMOVE, None)
        self._libc.msgctl(self._queue, _REMOVE, None)
        os.unlink(self._files["shared"][0])
        shutil.rmtree(self.folder, ignore_errors=True)


def _sweep(place: str, prefix: str) -> None:
    for name in os.listdir(place):
        path = os.path.join(place, name)
        with contextlib.suppress(OSError):
            if name.startswith(prefix) and os.lstat(path).st_uid == os.geteuid():
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def attack(plan: dict[str, Any], kind: str, *, quick: bool) -> dict[str, str | None]:
    """Let the attacks run in a cell at `plan["level"]`; what each got away with, None for those that were held. Raises ProbeRefused."""
    names = [name for name, promise in PROMISES.items() if promise.quick or not quick]
    names.sort(key=DAEMON.__eq__)  # last, since where it succeeds the cell does not live on
    warden = Warden({name: plan[name] for name in ("level", "name", "scratch", "temporary", "readable", "launchers")})
    bait = Bait(plan["name"])
    try:
        cell = Cell(warden, 0, _order(plan, kind))
        return _run(cell, bait, plan, kind, names)
    finally:
        bait.close()
        warden.close()


def _order(plan: dict[str, Any], kind: str) -> dict[str, Any]:
    from .build import home  # noqa: PLC0415 - as little as possible is loaded by whoever only wants to know the promises

    order: dict[str, Any] = {
        "work": WORK,
        "files": FILES,
        "environment": {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **home()},
        "listen": [(namespaces.LOOPBACK, EGRESS)],
        "connect": [EGRESS],
    }
    if kind != "python":
        order |= {"command": plan["commands"][kind], "launcher": "node.cjs"}
    return order


def _run(cell: Cell, bait: Bait, plan: dict[str, Any], kind: str, names: list[str]) -> dict[str, str | None]:
    from .build import launchers  # noqa: PLC0415 - as above

    sources = {}
    for ending in ("py", "cjs"):
        with open(os.path.join(_HERE, f"attacks.{ending}")) as file:
            sources[ending] = file.read()
    values = bait.values(launchers=launchers(plan["level"], plan["launchers"]), keeper=cell.message["keeper"])
    call = {"bait": values, "attacks": names}
    if kind != "python":
        call |= {"source": sources["py"], "python": sys.executable}
    cell.ask(INIT, {"code": sources["py" if kind == "python" else "cjs"], "main": "main", "env": {}})
    found: dict[str, str | None] = cell.ask(RUN, {"value": call, "context": {}})
    if DAEMON in names:
        select.select([cell.door], [], [], GONE_SECONDS / 4)
    if not cell.end() and DAEMON in names:
        found[DAEMON] = "is still there"
    if bait.arrived():
        found["datagram"] = "arrived"
    return found


def broken(found: dict[str, str | None], level: int) -> dict[str, str]:
    """The promises of a level that were not kept, and what was done instead."""
    root = ladder.is_root()
    return {name: did for name, did in found.items() if did and PROMISES[name].holds_at(level, root=root)}


def climb(plan: dict[str, Any]) -> dict[str, Any]:
    """The highest level up to `plan["highest"]` that keeps its promises, why each higher one does not, and what this one leaves open."""
    refused: dict[str, str] = {}
    for level in range(plan["highest"], ladder.NONE, -1):
        try:
            found = attack({**plan, "level": level}, "python", quick=True)
        except ProbeRefused as error:
            refused[str(level)] = str(error)
            continue
        unkept = broken(found, level)
        if not unkept:
            return {"level": level, "refused": refused, "open": sorted(name for name, did in found.items() if did)}
        refused[str(level)] = "; ".join(f"an action {PROMISES[name].says} ({did})" for name, did in unkept.items())
    return {"level": ladder.NONE, "refused": refused, "open": sorted(PROMISES)}


def main(words: list[str]) -> None:
    """The program: `probe [SOCKET [SETTLED]]` reads a plan from there, or from standard input, and answers what it found.

    With `attack` in the plan, it is the kind to attack from at exactly `level`, with every attack. What a supervisor settled wins over
    what the plan says.
    """
    if words:
        way = int(words[0])
        for standard in (0, 1):
            os.dup2(way, standard)
        os.close(way)
    plan = {**json.load(sys.stdin), **json.loads(words[1] if words[1:] else "{}")}
    plan["name"] += "-probe"
    with contextlib.suppress(BrokenPipeError):
        if "attack" in plan:
            try:
                found: dict[str, Any] = {"found": attack(plan, plan["attack"], quick=False)}
            except ProbeRefused as error:
                found = {"refused": str(error)}
        else:
            found = climb(plan)
        print(json.dumps(found))  # noqa: T201 - it is what the program is for
