"""The commands of `hub`, put together."""

from __future__ import annotations

from importlib.metadata import version as installed_version

import typer

from hub.cli import admin, builds, catalog, connections, installs, logs, modules, serve, transfer

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
app.command("builds")(builds.show_builds)
app.command()(modules.modules)
app.command("logs")(logs.show_logs)
app.command("export")(transfer.export_namespace)
app.command("import")(transfer.import_namespace)


@app.command()
def version() -> None:
    """Tell the version."""
    typer.echo(installed_version("whiskhub"))


app.command()(serve.serve)
