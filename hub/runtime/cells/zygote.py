"""A zygote: a Python with the standard modules loaded, of which every cell is a copy (reliability §5.2).

Started by the warden with the number of a socket. It knows nothing of the hub and holds no secrets; what it sees of the files is what a
cell may see. Its copies share memory until they write to it, and the seed of their hashes: therefore it is replaced from time to time.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import types
from typing import Any

from . import build, descriptors, ladder, mounts, namespaces, packets
from .kernel import StepRefused, die_with_parent

LOADED = (
    "base64",
    "collections",
    "datetime",
    "functools",
    "hashlib",
    "hmac",
    "json",
    "math",
    "random",
    "re",
    "socket",
    "time",
    "traceback",
    "urllib.parse",
)
"""What actions import most; more of it makes each cell larger, since forking touches it."""
LAUNCHERS = ("python.py", "actionloop.py", "wasm.py", "compile.py")
"""What a copy becomes; they are compiled before there is anything to fear."""

SHARED = ("frames", "processes")
"""What the launchers have in common; each forgets these modules once it has what it wants of them."""


class Zygote:
    """Forks on request. `plan` is the warden's: the level, what cells may read, the launcher."""

    def __init__(self, warden: socket.socket, plan: dict[str, Any]) -> None:
        self._warden = warden
        self._plan = plan
        self._children: dict[int, tuple[int, int]] = {}
        self._launchers = build.launchers(plan["level"], plan["launchers"])
        self._code: dict[str, types.CodeType] = {}
        for name in LAUNCHERS:
            with open(os.path.join(plan["launchers"], name), "rb") as source:
                self._code[name] = compile(source.read(), os.path.join(self._launchers, name), "exec")

    def prepare(self) -> None:
        """Load, and look away from the machine. Raises StepRefused."""
        for name in LOADED:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        self._load_shared()
        if self._plan["level"] >= ladder.CELL:
            if ladder.is_root():
                namespaces.enter(namespaces.NEW_MOUNTS)
            else:
                namespaces.enter(namespaces.NEW_MOUNTS | namespaces.NEW_USERS, inside=os.geteuid())
            more = {"modules": self._plan.get("modules", {}), "layers": self._plan.get("layers", "")}
            mounts.make_view(self._plan["scratch"], self._plan["readable"], self._plan["launchers"], **more)
        gc.collect()
        gc.freeze()

    def _load_shared(self) -> None:
        """As it will be found in a cell."""
        sys.path.insert(0, self._plan["launchers"])
        for name in SHARED:
            importlib.import_module(name).__file__ = os.path.join(self._launchers, f"{name}.py")
        del sys.path[0]

    def serve(self) -> None:
        """Until the warden closes its end; cells that are left then end with us."""
        waiting = select.poll()
        waiting.register(self._warden, select.POLLIN)
        while True:
            for ready, _ in waiting.poll():
                if ready == self._warden.fileno():
                    waiting.register(self._fork(), select.POLLIN)
                else:
                    waiting.unregister(ready)
                    self._reap(ready)

    def _fork(self) -> int:
        """A new keeper; a descriptor that tells when it ends. Raises EOFError when the warden is gone."""
        order, passed = packets.receive(self._warden)
        pid = os.fork()
        if pid == 0:
            ways = build.Ways(passed[0], passed[1], passed[2], passed[3:], self._warden.fileno())
            build.keep(build.Order(**order), ways, self._launch)
        for number in passed:
            os.close(number)
        ends = os.pidfd_open(pid)
        self._children[ends] = (pid, order["cell"])
        return ends

    def _reap(self, ends: int) -> None:
        os.close(ends)
        pid, cell = self._children.pop(ends)
        os.waitpid(pid, 0)
        packets.send(self._warden, {"cell": cell, "ended": True})

    def _launch(self, order: build.Order, door: int) -> None:
        """In the cell: become the launcher."""
        launcher = os.path.join(self._launchers, order.launcher)
        if order.command is not None:
            # What Python ignores is not for others to ignore.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.set_inheritable(door, True)  # noqa: FBT003 - os takes it so
            program, *words = order.command
            os.execve(program, [program, *words, launcher, str(door)], order.environment)  # noqa: S606 - the kind's own program
        _forget_ourselves()
        _open_streams()
        os.environ.clear()
        os.environ.update(order.environment)
        sys.argv = [launcher, str(door)]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        main.__file__ = launcher
        exec(self._code[order.launcher], main.__dict__)  # noqa: S102 - ours, compiled when the zygote started


def _open_streams() -> None:
    """The streams of the zygote remember what they were opened on, which is another thing by now."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it stays open
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - as above


def _forget_ourselves() -> None:
    """An action does not come upon our modules."""
    package = (__package__ or "").partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def main(words: list[str]) -> None:
    """The program: `zygote SOCKET`."""
    warden = socket.socket(fileno=int(words[0]))
    descriptors.keep_only({warden.fileno()})
    warden.set_inheritable(False)
    try:
        die_with_parent(error=build.BuildRefused)
        plan, _ = packets.receive(warden)
        zygote = Zygote(warden, plan)
        zygote.prepare()
        packets.send(warden, {"zygote": "ready"})
        zygote.serve()
    except StepRefused as error:
        packets.send(warden, {"refused": error.step, "reason": str(error)})
    except OSError as error:
        packets.send(warden, {"refused": "zygote", "reason": str(error)})
    except EOFError:
        pass
