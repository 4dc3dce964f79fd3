"""The levels of isolation (reliability §5.1), as data: what each is made of.

What each holds against is the list of attacks in `attacks`, tried at every start by `probe`.
"""

from __future__ import annotations

import os
from typing import NamedTuple

NONE, LIMITS, FENCE, CELL, CELL_WITH_GROUP = range(5)
HIGHEST = CELL_WITH_GROUP
SLOTS = 10_000
"""How many users a hub that was started as root has for its cells."""
_PREFERRED_SLOTS = 1_900_000_000
"""Far above the users of people, systemd and containers."""
_SLOTS_IN_A_CONTAINER = 40_000


class Level(NamedTuple):
    """One rung: its number, its name, what it is made of and what it leaves open."""

    number: int
    name: str
    content: str
    leaves_open: str


LEVELS = (
    Level(NONE, "none", "a plain process of the hub's user", "everything that the hub's user may do"),
    Level(
        LIMITS,
        "limits",
        "limits on processes, descriptors and files, no new privileges, a clean start; a user of its own when started as root",
        "files, processes and networks that its user may use; the disk; shared memory",
    ),
    Level(FENCE, "fence", "limits, Landlock, a filter on system calls, a watch on memory", "the disk, names of processes, shared memory"),
    Level(
        CELL,
        "cell",
        "namespaces of every kind, a read-only root, sized folders, no capabilities, the fence",
        "precise memory and processor",
    ),
    Level(
        CELL_WITH_GROUP,
        "cell with group",
        "a cell in a control group; a user of its own when started as root",
        "the kernel, which all share",
    ),
)


def first_slot() -> int:
    """The first of `SLOTS` users that exist here; in a container only few do. Raises LookupError when there are not enough."""
    with open("/proc/self/uid_map") as file:
        ranges = [(int(inside), int(count)) for inside, _, count in (line.split() for line in file)]
    for first in (_PREFERRED_SLOTS, _SLOTS_IN_A_CONTAINER):
        if any(inside <= first and first + SLOTS <= inside + count for inside, count in ranges):
            return first
    raise LookupError(f"there are no {SLOTS} users for cells: the highest of the machine are not mapped here")


def is_root() -> bool:
    """Whether cells get users of their own."""
    return os.geteuid() == 0
