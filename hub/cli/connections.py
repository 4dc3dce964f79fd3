"""`hub connection add|list|check|remove`. Secrets come from a prompt, a file or standard input, never from arguments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.session import ApiHost, Auth, Props, client
from hub.client import HubClient

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    package: Annotated[str, typer.Argument(help="The package that declares the connection: publisher/name.")],
    name: Annotated[str, typer.Option(help="What you call it; the declared name unless given.")] = "",
    declared: Annotated[str, typer.Option("--connection", help="Which, when the package declares several.")] = "",
    from_file: Annotated[Path | None, typer.Option(help="JSON file with the fields.", exists=True, dir_okay=False)] = None,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the fields as JSON from standard input.")] = False,
    accept_untested: Annotated[bool, typer.Option("--accept-untested", help="Store it although the service cannot be asked.")] = False,
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Make a connection: its fields are asked for, tested against the service, then stored sealed."""
    with client(apihost, auth, props) as hub:
        type_ = _declared(hub, package, declared)
        text = from_file.read_text() if from_file else sys.stdin.read() if stdin else None
        fields = _asked(type_) if text is None else _read(text)
        body = {
            "package": package,
            "connection": type_["name"],
            "name": name or type_["name"],
            "fields": fields,
            "accept_untested": accept_untested,
        }
        made = hub.add_connection(body)
    account = f" as {made['account']}" if made["account"] else ""
    typer.echo(f"connection {made['name']}: {made['state']}{account}")


def _declared(hub: HubClient, package: str, declared: str) -> dict[str, Any]:
    namespace, _, name = package.removeprefix("/").partition("@")[0].partition("/")
    rows = hub.package(namespace, name)["manifest"].get("connections", []) if name else []
    for row in rows:
        if not declared or row["name"] == declared:
            found: dict[str, Any] = row
            return found
    typer.echo(f"hub: {package} declares no such connection; it declares {', '.join(row['name'] for row in rows) or 'none'}.", err=True)
    raise typer.Exit(1)


def _read(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        typer.echo("hub: the fields must be a JSON object.", err=True)
        raise typer.Exit(2)
    return fields


def _asked(type_: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field in type_["fields"]:
        words = field["name"] + (f" ({field['description']})" if field.get("description") else "")
        default = None if field.get("required") else ""
        given = typer.prompt(words, default=default, hide_input=bool(field.get("secret")), show_default=False)
        if given:
            fields[field["name"]] = given
    return fields


@app.command("list")
def list_connections(apihost: ApiHost = None, auth: Auth = None, props: Props = None) -> None:
    """List your connections and how they are."""
    with client(apihost, auth, props) as hub:
        rows = hub.connections()
    for row in rows:
        typer.echo(f"{row['name']}  {row['package']}#{row['connection']}  {row['state']}  {row['account']}".rstrip())
    if not rows:
        typer.echo("There are no connections.")


@app.command()
def check(name: str, apihost: ApiHost = None, auth: Auth = None, props: Props = None) -> None:
    """Test a connection now."""
    with client(apihost, auth, props) as hub:
        found = hub.check_connection(name)
    typer.echo(f"connection {found['name']}: {found['state']} {found['account'] or found['message']}".rstrip())
    if found["state"] == "broken":
        raise typer.Exit(1)


@app.command()
def remove(
    name: str,
    force: Annotated[bool, typer.Option("--force", help="Although installs use it.")] = False,
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Forget a connection."""
    with client(apihost, auth, props) as hub:
        told = hub.remove_connection(name, force=force)
    stopped = f"; this stops {', '.join(told['stopped'])}" if told["stopped"] else ""
    typer.echo(f"connection {name} is removed{stopped}")
