"""Descriptors: a cell starts with its own and no other."""

from __future__ import annotations

import os

FIRST_OF_OURS = 3
_PAST_THE_LAST = 1 << 20


def keep_only(kept: set[int]) -> None:
    """Close every descriptor above 2 but those."""
    first = FIRST_OF_OURS
    for number in (*sorted(number for number in kept if number >= FIRST_OF_OURS), _PAST_THE_LAST):
        os.closerange(first, number)
        first = number + 1


def become_standard(stdout: int, stderr: int) -> None:
    """Nothing to read; what is printed goes to these two, which are closed under their old numbers."""
    nothing = os.open("/dev/null", os.O_RDONLY)
    for ours, standard in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(ours, standard)
        os.close(ours)
