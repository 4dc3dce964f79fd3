"""Control groups: how much memory, how many processes and what share of the processor a cell has (reliability §5.4).

Version 2 where it has controllers, else version 1. With version 1 a process with one thread moves itself by the file `tasks`, which takes
60 us; by `cgroup.procs` it waits for every processor, 10 to 20 ms a cell. The cells share one group for the processor there.
"""

from __future__ import annotations

import contextlib
import os

from .kernel import StepRefused

MB = 1 << 20
SYSTEM = "/sys/fs/cgroup"
PROCESSES = 128
"""The keeper and what the limit on processes allows, with room for threads of Node.js."""
LEGACY, UNIFIED = 1, 2
"""The versions."""
_PROCESSES = "cgroup.procs"
_TASKS = {LEGACY: "tasks", UNIFIED: _PROCESSES}


class CgroupsRefused(StepRefused):
    """Groups could not be made or used."""

    step = "cgroups"


class Groups:
    """The groups of one hub, all below one folder in each hierarchy, named `name`. Raises CgroupsRefused."""

    def __init__(self, name: str) -> None:
        self.version, places = _find()
        self._folders = {controller: f"{place}/{name}" for controller, place in places.items()}
        for folder in sorted(set(self._folders.values())):
            _clear(folder)
            _make(folder)
        if self.version == UNIFIED:
            folder = self._folders["memory"]
            _set(os.path.dirname(folder), "cgroup.subtree_control", "+memory +pids +cpu")
            _set(folder, "cgroup.subtree_control", "+memory +pids +cpu")

    def join(self, pid: int) -> None:
        """With version 1: put a zygote, and thereby all its cells, where the cells' share of the processor is counted."""
        if self.version == LEGACY:
            _set(self._folders["cpu"], _PROCESSES, str(pid))

    def make(self, name: str, memory: int) -> Group:
        """A group for one cell; `memory` in MB. Raises CgroupsRefused."""
        if self.version == UNIFIED:
            folders = [f"{self._folders['memory']}/{name}"]
        else:
            folders = [f"{self._folders[controller]}/{name}" for controller in ("memory", "pids")]
        group = Group(self.version, folders)
        for folder in folders:
            _make(folder)
        group.limit(memory)
        if self.version == UNIFIED:
            _set(folders[0], "memory.oom.group", "1")
        _set(folders[-1], "pids.max", str(PROCESSES))
        return group

    def close(self) -> None:
        """Remove the folders, which must be empty by now."""
        for folder in set(self._folders.values()):
            _clear(folder)


class Group:
    """The groups of one cell."""

    def __init__(self, version: int, folders: list[str]) -> None:
        self._version = version
        self._folders = folders

    def limit(self, memory: int) -> None:
        """Most memory, in MB, swap included. Raises CgroupsRefused."""
        most = str(memory * MB)
        if self._version == LEGACY:
            _set(self._folders[0], "memory.limit_in_bytes", most)
            return
        _set(self._folders[0], "memory.max", most)
        if os.path.exists(f"{self._folders[0]}/memory.swap.max"):
            _set(self._folders[0], "memory.swap.max", "0")

    def doors(self) -> list[int]:
        """Descriptors into which a process of one thread writes 0 to be counted here. The caller closes them. Raises CgroupsRefused."""
        found: list[int] = []
        try:
            found.extend(os.open(f"{folder}/{_TASKS[self._version]}", os.O_WRONLY | os.O_CLOEXEC) for folder in self._folders)
        except OSError as error:
            for door in found:
                os.close(door)
            raise CgroupsRefused(f"opening a group: {error.strerror}") from error
        return found

    def watch(self) -> int | None:
        """With version 1: a descriptor that can be read when memory ran out, since the kernel ends one process there and not the group."""
        if self._version != LEGACY:
            return None
        bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            control = os.open(f"{self._folders[0]}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
            try:
                _set(self._folders[0], "cgroup.event_control", f"{bell} {control}")
            finally:
                os.close(control)
        except (OSError, CgroupsRefused) as error:
            os.close(bell)
            raise CgroupsRefused(f"watching a group: {error}") from error
        return bell

    def lower(self, *, yields: bool) -> None:
        """With version 2, where each cell has a group for the processor, whether it runs only when the other groups do not want to."""
        if self._version == UNIFIED:
            # Kernels before 5.15 do not know `idle`, there the least weight comes close; the others refuse a weight beside it.
            for name, value in (("cpu.idle", str(int(yields))), ("cpu.weight", "1" if yields else "100")):
                with contextlib.suppress(CgroupsRefused):
                    _set(self._folders[0], name, value)

    def peak(self) -> int:
        """Most memory it had, in bytes; 0 where the kernel does not keep it."""
        return _number(_read(self.peak_file))

    @property
    def peak_file(self) -> str:
        """Where the kernel keeps it."""
        return f"{self._folders[0]}/{'memory.max_usage_in_bytes' if self._version == LEGACY else 'memory.peak'}"

    def ran_out(self) -> bool:
        """Whether the kernel ended something for its memory."""
        name = "memory.oom_control" if self._version == LEGACY else "memory.events"
        words = _read(f"{self._folders[0]}/{name}").split()
        return any(key == "oom_kill" and _number(value) for key, value in zip(words[::2], words[1::2], strict=False))

    def remove(self) -> bool:
        """Whether the groups are gone, as they are once nothing is left in them."""
        removed = [_remove(folder) for folder in self._folders]
        return all(removed)


def join(doors: list[int]) -> None:
    """Be counted in the groups behind these descriptors. Raises CgroupsRefused."""
    for door in doors:
        try:
            os.write(door, b"0")
        except OSError as error:
            raise CgroupsRefused(f"joining a group: {error.strerror}") from error


def _find() -> tuple[int, dict[str, str]]:
    """The version, and the folder in each hierarchy below which the hub makes its own. Raises CgroupsRefused.

    With version 2 a group that has processes cannot give controllers to groups below it, except the topmost; who is not root needs
    one that was delegated to it.
    """
    own = _own()
    unified = SYSTEM if os.geteuid() == 0 else f"{SYSTEM}{own.get('', '')}".rstrip("/")
    offered = _read(f"{unified}/cgroup.controllers").split()
    if {"memory", "pids"} <= set(offered):
        return UNIFIED, dict.fromkeys(("memory", "pids", "cpu"), unified)
    missing = [name for name in ("memory", "pids", "cpu") if name not in own or not os.path.isdir(f"{SYSTEM}/{name}")]
    if missing:
        raise CgroupsRefused(f"there is no group for {', '.join(missing)}: neither version 2 nor version 1 has the controllers")
    return LEGACY, {name: f"{SYSTEM}/{name}{own[name]}".rstrip("/") for name in ("memory", "pids", "cpu")}


def _own() -> dict[str, str]:
    """Where this process is, by controller; version 2 has the empty name."""
    found: dict[str, str] = {}
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, place = line.split(":", 2)
        for name in controllers.split(","):
            found[name] = place
    return found


def _clear(folder: str) -> None:
    """Remove what a former hub left."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return
    for name in names:
        _remove(f"{folder}/{name}")
    _remove(folder)


def _remove(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _make(folder: str) -> None:
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    except OSError as error:
        raise CgroupsRefused(f"making {folder}: {error.strerror}") from error


def _set(folder: str, name: str, value: str) -> None:
    try:
        file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, value.encode())
        finally:
            os.close(file)
    except OSError as error:
        raise CgroupsRefused(f"setting {name}: {error.strerror}") from error


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isdigit() else 0
