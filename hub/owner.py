"""Who owns the data folder: a hub that was started as root becomes that user, for good (design §9 "Cells")."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import starlette

from hub.runtime.cells import capabilities
from hub.runtime.installations import python
from hub.runtime.isolation import settled
from hub.runtime.starters import StartRefused, Supervisor
from hub.settings import SettingsRefused

ROOT = 0


class Owner(NamedTuple):
    """A user with its groups. `name` and `home` are what the machine knows it by; a number without a name has its number, and no home."""

    user: int
    group: int
    groups: tuple[int, ...]
    name: str
    home: str


def is_root() -> bool:
    """Whether there is something to give up."""
    return os.geteuid() == ROOT


def to_become(folder: Path) -> Owner | None:
    """The owner of a folder when this process is root and the owner is not; None when it stays what it is."""
    found = folder.stat()
    if not is_root() or found.st_uid == ROOT:
        return None
    try:
        entry = pwd.getpwuid(found.st_uid)
    except KeyError:
        # Whoever gave the folder to a user alone left its group root's.
        group = found.st_gid or found.st_uid
        return Owner(found.st_uid, group, (), str(found.st_uid), "/")
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Owner(found.st_uid, entry.pw_gid, groups, entry.pw_name, entry.pw_dir)


def become(owner: Owner, folder: Path) -> None:
    """Be that user: no root, no capabilities, no program that gives some. To be called with one thread only.

    Raises SettingsRefused when the user cannot reach the folder, what is in it, or the hub itself.
    """
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - names are all that is wanted
        raise RuntimeError("capabilities are a thread's own: there must be one when they are given up")
    os.setgroups(owner.groups)
    os.setresgid(owner.group, owner.group, owner.group)
    os.setresuid(owner.user, owner.user, owner.user)
    capabilities.drop()
    capabilities.gain_none()
    os.environ.update(HOME=owner.home, USER=owner.name, LOGNAME=owner.name)
    _verify(owner)
    _check_reach(owner, folder)


def _verify(owner: Owner) -> None:
    """There is no way back. Raises RuntimeError, since nothing must go on then."""
    held = (os.getresuid(), os.getresgid(), set(os.getgroups()))
    if held != ((owner.user,) * 3, (owner.group,) * 3, set(owner.groups)):
        raise RuntimeError(f"the hub is still {held}")
    ways: list[Callable[[], None]] = [partial(os.setresuid, ROOT, ROOT, ROOT), partial(os.seteuid, ROOT)]
    if ROOT not in (owner.group, *owner.groups):
        ways += [partial(os.setresgid, ROOT, ROOT, ROOT), partial(os.setgroups, [ROOT])]
    for way in ways:
        try:
            way()
        except PermissionError:
            continue
        raise RuntimeError(f"the hub became root again by {way}")


def _check_reach(owner: Owner, folder: Path) -> None:
    found = f"HUB_DATA (--data) cannot be used: {folder} belongs to {owner.name}, whom the hub becomes, "
    for place in (Path(__file__), Path(os.__file__), Path(starlette.__file__)):
        if not os.access(place, os.R_OK):
            unread = f"who cannot read the program at {place.parent}. Install it where everybody can read it, "
            raise SettingsRefused(f"{found}{unread}or give the folder to root: chown -R root {folder}.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise SettingsRefused(f"{found}who cannot reach it. Let everybody through the folders above it, or name another folder.")
    foreign = sorted(entry.name for entry in os.scandir(folder) if entry.stat(follow_symlinks=False).st_uid != owner.user)
    if foreign:
        raise SettingsRefused(f"{found}but not {', '.join(foreign[:3])} in it. Give it all: chown -R {owner.name} {folder}.")


def give_up_root(owner: Owner, folder: Path) -> Supervisor:
    """Become the owner of the data folder, and leave behind what alone can start wardens that are root.

    Raises SettingsRefused as `become` does, or when nothing can be left behind.
    """
    try:
        supervisor = Supervisor(python(), settled(folder))
    except StartRefused as error:
        raise SettingsRefused(f"HUB_DATA (--data) cannot be used as root: {error}. Start the hub as {owner.name}.") from error
    try:
        become(owner, folder)
    except BaseException:
        supervisor.close()
        raise
    return supervisor
