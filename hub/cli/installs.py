"""`hub install`, `hub uninstall`, `hub installs`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from hub.cli.session import ApiHost, Auth, Props, client


def install(
    package: Annotated[str, typer.Argument(help="publisher/name, or publisher/name@version.")],
    as_name: Annotated[str, typer.Option("--as", help="Name of the package in your namespace.")] = "",
    connection: Annotated[list[str] | None, typer.Option(help="A connection of yours: NAME, or DECLARED=NAME.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="A setting: key=value; the value may be JSON.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Install a package: the plan first, then everything or nothing."""
    body: dict[str, Any] = {"package": package, "settings": dict(_setting(text) for text in settings or [])}
    if as_name:
        body["as"] = as_name
    with client(apihost, auth, props) as hub:
        chosen: dict[str, str] = {}
        for text in connection or []:
            declared, sign, name = text.partition("=")
            if not sign:
                declared = next((row["connection"] for row in hub.connections() if row["name"] == text), text)
                name = text
            chosen[declared] = name
        body["connections"] = chosen
        told = hub.install(body, dry_run=dry_run)
    for step in told["plan"]:
        detail = f"  ({step['detail']})" if step["detail"] else ""
        typer.echo(f"{'would ' if dry_run else ''}{step['does']} {step['what']} {step['name']}{detail}")
    for warning in told["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    if not dry_run:
        made = told["install"]
        typer.echo(f"installed {made['package']} {made['version']} as {made['name']}")


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        typer.echo(f"hub: --set needs key=value, found {text!r}.", err=True)
        raise typer.Exit(2)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def uninstall(
    name: Annotated[str, typer.Argument(help="The name it was installed as.")],
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Take an install away; the receipt says what is gone and what is left."""
    with client(apihost, auth, props) as hub:
        receipt = hub.uninstall(name)
    for row in receipt:
        typer.echo(f"{row['what']} {row['name']}: {row['state']}")
    left = sum(row["state"] != "gone" for row in receipt)
    typer.echo("nothing is left" if not left else f"{left} left")


def list_installs(apihost: ApiHost = None, auth: Auth = None, props: Props = None) -> None:
    """List what is installed in your namespace."""
    with client(apihost, auth, props) as hub:
        rows = hub.installs()
    for row in rows:
        typer.echo(f"{row['name']}  {row['package']} {row['version']}")
    if not rows:
        typer.echo("Nothing is installed. Find something with `hub search`.")
