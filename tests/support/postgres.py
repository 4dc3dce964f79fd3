"""A real PostgreSQL on a free port, in a folder of its own, never as root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.peers import absent
from tests.support.servers import free_port


def programs() -> Path:
    """The folder of `initdb` and `postgres`: the newest on the machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    program = shutil.which("postgres")
    if program is None or not Path(program).with_name("initdb").exists():
        absent("there is no PostgreSQL server")
    return Path(program).parent


def _somebody() -> list[str]:
    """How to become somebody who may run PostgreSQL."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of an empty server, `postgresql://tests@127.0.0.1:PORT/postgres`."""
    place = programs()
    become = _somebody()
    data, port = folder / "data", free_port()
    folder.mkdir(parents=True, exist_ok=True)
    data.mkdir(mode=0o700)
    if become:
        name = become[1].partition("=")[2]
        for path in (folder, data):
            shutil.chown(path, name)
        for parent in folder.parents:
            if parent.stat().st_uid == 0 and parent != Path("/") and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    _run([*become, str(place / "initdb"), "-D", str(data), "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c max_connections=50"
    control = [*become, str(place / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w", "-t", "40"]
    _run([*control, "-o", options, "start"])
    try:
        yield f"postgresql://tests@127.0.0.1:{port}/postgres"
    finally:
        _run([*control, "-m", "immediate", "stop"])
