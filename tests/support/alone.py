"""Runs a program where an attack that succeeds hurts nobody: in mount and network namespaces of its own, as root or as an ordinary user.

Started as `python -m tests.support.alone root|user PROGRAM …`; the program gets what is on standard input.
"""

from __future__ import annotations

import os
import sys

from hub.runtime.cells import mounts, namespaces

NOBODY = 65_534


def main(who: str, *command: str) -> None:
    """Leave the machine's namespaces, become that user, become the program."""
    own_users = 0 if os.geteuid() == 0 else namespaces.NEW_USERS
    namespaces.enter(namespaces.NEW_MOUNTS | namespaces.NEW_NETWORK | own_users, inside=os.geteuid())
    mounts.keep_private()
    namespaces.raise_loopback()
    if who == "user" and os.geteuid() == 0:
        namespaces.become(NOBODY)
    os.chdir("/")
    os.execve(command[0], command, {})  # noqa: S606 - the program is the test's


main(*sys.argv[1:])
