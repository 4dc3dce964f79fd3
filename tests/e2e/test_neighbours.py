"""Two hubs on one machine: neither touches the other's processes, groups and folders, and each clears away what it left itself."""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.runtime.cells import ladder
from hub.runtime.cells.probe import SHARED
from tests.e2e.steps import invoke, put_action
from tests.support import hubs, owned
from tests.support.eventually import eventually
from tests.support.hubs import Hub
from tests.support.processes import alive, family, words

ECHO = "def main(args):\n    return args\n"


def name(data: Path) -> str:
    """What the groups and folders of a hub are named by."""
    return "whiskhub-" + hashlib.sha256(str(data).encode()).hexdigest()[:12]


def groups(data: Path) -> set[str]:
    """Its control groups."""
    return {folder for folder, _, _ in os.walk("/sys/fs/cgroup") if name(data) in folder}


def folders(data: Path) -> set[str]:
    """Its folders in places that are everybody's."""
    places = (Path(tempfile.gettempdir()), Path(SHARED))
    return {entry.name for place in places for entry in place.iterdir() if entry.name.startswith(name(data))}


@pytest.fixture
def place() -> Iterator[Path]:
    """Two data folders below it; as root the first one is another user's."""
    if ladder.is_root():
        with owned.folder() as data:
            (data.parent / "other").mkdir(mode=0o700)
            yield data.parent
    else:
        with tempfile.TemporaryDirectory(prefix="whiskhub-test-") as found:
            yield Path(found)


def end_all_at_once(hub: Hub) -> None:
    """Hub and warden, so that neither clears away what the other left."""
    below = family(hub.process.pid)
    hub.process.send_signal(signal.SIGSTOP)
    for one in below:
        if "warden" in words(one.pid) or "supervisor" in words(one.pid):
            one.kill()
    hub.kill()
    eventually(lambda: not alive(below), what="the end of everything")


def test_neighbours_are_left_alone_and_what_is_left_is_swept(place: Path) -> None:
    """The one has groups, the other folders; all of one hub is killed while the other works, then it is started again, and the reverse."""
    levels = {"data": "4", "other": "2"}
    running = {which: hubs.start(place / which, run=owned.program(), RUNTIME__LEVEL=level) for which, level in levels.items()}
    try:
        for hub in running.values():
            put_action(hub, "echo", ECHO)
            assert invoke(hub, "echo", n=1) == {"n": 1}
        for which, level in levels.items():
            killed, neighbour = running[which], next(hub for hub in running.values() if hub is not running[which])
            untouched = family(neighbour.process.pid)
            kept = groups(neighbour.data) | folders(neighbour.data)
            end_all_at_once(killed)
            left = groups(killed.data) | folders(killed.data)
            assert left or not ladder.is_root()

            running[which] = hubs.start(place / which, run=owned.program(), RUNTIME__LEVEL=level)
            assert invoke(running[which], "echo", n=2) == {"n": 2}
            assert alive(untouched) == untouched
            assert kept <= groups(neighbour.data) | folders(neighbour.data)
            assert invoke(neighbour, "echo", n=3) == {"n": 3}
            assert not [rest for rest in folders(killed.data) if rest in left]
        for which, hub in running.items():
            assert hub.stop() == 0
            assert groups(place / which) | folders(place / which) == set()
    finally:
        for hub in running.values():
            if hub.process.poll() is None:
                hub.kill()
