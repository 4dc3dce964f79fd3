"""The supervisor: what stays root when the hub gives it up, to start another warden should one end (design §9 "Cells").

The hub starts it first, with an empty environment and one socket, while it is root itself. From then on it starts two programs, the
warden and the probe, and ends what it started; nothing else can be asked of it. What could turn one of them against the machine, such
as where folders and groups are made, was said before the hub became somebody else, and is not taken from it any more. One thread, no
secrets; it ends with the hub.

From the hub: `start` with the socket of the program, or `end` with its process. To the hub: `pid` with a descriptor that tells when it
ended, or `refused`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any

from . import descriptors, packets

PROGRAMS = ("warden", "probe")
_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")


class Supervisor:
    """Starts on request. `settled` is what every plan says, whoever sends it."""

    def __init__(self, hub: socket.socket, settled: dict[str, Any]) -> None:
        self._hub = hub
        self._settled = settled
        self._started: dict[int, int] = {}

    def serve(self) -> None:
        """Until the hub closes its end. Raises EOFError then."""
        while True:
            message, passed = packets.receive(self._hub)
            if "end" in message:
                self._end(int(message["end"]))
                continue
            self._forget()
            try:
                pid = self._start(str(message.get("start")), *passed)
            except (OSError, TypeError, ValueError) as error:
                packets.send(self._hub, {"refused": str(error)})
            else:
                packets.send(self._hub, {"pid": pid}, [self._started[pid]])
            finally:
                for number in passed:
                    os.close(number)

    def _start(self, name: str, way: int) -> int:
        if name not in PROGRAMS:
            raise ValueError(f"{name!r} is none of {', '.join(PROGRAMS)}")
        os.set_inheritable(way, True)  # noqa: FBT003 - os takes it so
        words = [sys.executable, "-I", "-S", _PROGRAM, name, str(way), json.dumps(self._settled)]
        nothing = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)
        # What we ignore is not for others to ignore.
        pid = os.posix_spawn(sys.executable, words, {}, file_actions=[nothing], setsid=True, setsigdef=[signal.SIGCHLD])
        self._started[pid] = os.pidfd_open(pid)
        return pid

    def _end(self, pid: int) -> None:
        """Only what was started here; the descriptor never means another process, as a number may."""
        if pid in self._started:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._started[pid], signal.SIGKILL)

    def _forget(self) -> None:
        """What has ended by now."""
        for pid, ends in tuple(self._started.items()):
            if select.select([ends], [], [], 0)[0]:
                os.close(self._started.pop(pid))


def main(words: list[str]) -> None:
    """The program: `supervisor SOCKET SETTLED`, the latter as JSON."""
    hub = socket.socket(fileno=int(words[0]))
    descriptors.keep_only({hub.fileno()})
    hub.set_inheritable(False)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what has ended
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        Supervisor(hub, json.loads(words[1])).serve()
