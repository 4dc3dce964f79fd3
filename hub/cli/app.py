"""The commands of `hub`, put together."""

from __future__ import annotations

import asyncio
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from hub.cli import admin, catalog, connections, installs, transfer
from hub.settings import SettingsRefused, load_settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False, help="whiskhub: events, actions, and packages of them."
)
app.add_typer(admin.app, name="admin", help="Users, keys and limits, in the words of wskadmin.")
app.add_typer(connections.app, name="connection", help="Credentials: tested, sealed, bound.")
app.command()(catalog.search)
app.command()(catalog.show)
app.command()(catalog.publish)
app.command()(installs.install)
app.command()(installs.uninstall)
app.command("installs")(installs.list_installs)
app.command("export")(transfer.export_namespace)
app.command("import")(transfer.import_namespace)


@app.command()
def version() -> None:
    """Tell the version."""
    typer.echo(installed_version("whiskhub"))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder.")] = None,
    roles: Annotated[str | None, typer.Option(help="Parts of the hub that run here.")] = None,
) -> None:
    """Run a hub."""
    import uvloop  # noqa: PLC0415 - only the server needs it

    from hub.app import serve as run  # noqa: PLC0415 - the other commands start without it
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
