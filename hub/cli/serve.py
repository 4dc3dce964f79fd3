"""`hub serve`, by itself: it starts without what the other commands need."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.settings import SettingsRefused, load_settings

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)


@app.callback()
def alone() -> None:
    """A group of one command, so that it is called by its name."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder.")] = None,
    roles: Annotated[str | None, typer.Option(help="Parts of the hub that run here.")] = None,
) -> None:
    """Run a hub."""
    import uvloop  # noqa: PLC0415 - only the server needs it

    from hub.app import serve as run  # noqa: PLC0415 - as above
    from hub.storage.base import SchemaTooNew  # noqa: PLC0415
    from hub.storage.sealing import KeyLost  # noqa: PLC0415

    try:
        settings = load_settings(host=host, port=port, data=data, roles=roles)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings))
    except (SettingsRefused, SchemaTooNew, KeyLost) as error:
        typer.echo(f"hub: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
