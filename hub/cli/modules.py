"""`hub modules`: what actions may import without shipping it."""

from __future__ import annotations

import typer


def modules() -> None:
    """Install what every action may import: requests, httpx, … for Python, openwhisk and needle for Node.js."""
    from hub.runtime import module_installs  # noqa: PLC0415 - the other commands start without it
    from hub.runtime import modules as known  # noqa: PLC0415 - as above
    from hub.runtime.kinds import Kinds  # noqa: PLC0415 - as above
    from hub.settings import load_settings  # noqa: PLC0415 - as above

    kinds = Kinds.discover(load_settings().runtime.node or None)
    failed = False
    for family, folder in known.folders().items():
        try:
            done = module_installs.install(family, kinds)
        except module_installs.NotInstalled as error:
            failed = True
            typer.echo(f"hub: the modules for {family} are not installed: {error}", err=True)
        else:
            typer.echo(f"{'installed' if done else 'there already'}: {folder}")
    if failed:
        raise typer.Exit(1)
