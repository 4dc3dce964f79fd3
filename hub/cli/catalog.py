"""`hub search`, `hub show`, `hub publish`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hub.cli.session import ApiHost, Auth, Props, client
from hub.client import Refusal
from hub.wire.artefact import BadArtefact, pack

console = Console()


def search(
    text: Annotated[str, typer.Argument(help="Words to look for; none lists everything.")] = "",
    limit: Annotated[int, typer.Option(help="How many at the most.")] = 20,
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Find packages."""
    with client(apihost, auth, props) as hub:
        rows = hub.search(text, limit)
    if not rows:
        typer.echo(f"Nothing fits {text!r}.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("package", "version", "description"):
        table.add_column(heading, no_wrap=heading != "description")
    for row in rows:
        table.add_row(f"{row['namespace']}/{row['name']}", row["version"], row["description"])
    console.print(table)


def show(
    package: Annotated[str, typer.Argument(help="publisher/name, or publisher/name@version.")],
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Show one package: what is in it, and what it needs."""
    place, _, version = package.removeprefix("/").partition("@")
    namespace, slash, name = place.partition("/")
    if not slash:
        typer.echo(f"hub: {package!r} is no package; write publisher/name.", err=True)
        raise typer.Exit(2)
    with client(apihost, auth, props) as hub:
        found = hub.package(namespace, name, version or None)
    _shown(found)


def _shown(found: dict[str, Any]) -> None:
    manifest = found["manifest"]
    typer.echo(f"{found['namespace']}/{found['name']} {found['version']}  ({found['status']}, {manifest.get('license') or 'no license'})")
    typer.echo(f"  {manifest.get('description', '')}")
    typer.echo(f"  sha256 {found['digest']}")
    for kind in ("actions", "feeds", "sequences", "triggers", "rules"):
        for row in manifest.get(kind, ()):
            typer.echo(f"  {kind.removesuffix('s'):8} {row['name']}  {row.get('description', '')}".rstrip())
            for given in row.get("inputs", ()) if kind in {"actions", "feeds"} else ():
                typer.echo(f"           {'*' if given.get('required') else ' '} {given['name']}  {given.get('description', '')}".rstrip())
    for row in manifest.get("connections", ()):
        fields = ", ".join(field["name"] for field in row["fields"])
        typer.echo(f"  connection {row['name']} ({row['type']}): {fields}")
    typer.echo(f"\n  hub install {found['namespace']}/{found['name']} --as NAME")


def publish(
    folder: Annotated[Path, typer.Argument(help="Folder with a manifest.yaml.", exists=True, file_okay=False)],
    namespace: Annotated[str, typer.Option(help="Publisher; your namespace unless given.")] = "",
    name: Annotated[str, typer.Option(help="Name, where the manifest leaves it open.")] = "",
    version: Annotated[str, typer.Option(help="Version, where the manifest has none.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check.")] = False,
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Check a package folder and release it."""
    try:
        artefact = pack(folder)
    except (BadArtefact, OSError) as error:
        typer.echo(f"hub: {error}", err=True)
        raise typer.Exit(1) from None
    query = {key: value for key, value in {"namespace": namespace, "name": name, "version": version}.items() if value}
    with client(apihost, auth, props) as hub:
        try:
            made = hub.publish(artefact, dry_run=str(dry_run).lower(), **query)
        except Refusal as error:
            _findings(error.problem.get("findings", ()))
            raise
    _findings(made["findings"])
    for row in made["releases"]:
        word = "would be released" if dry_run else "released"
        typer.echo(f"{row['namespace']}/{row['name']} {row['version']} {word}  sha256 {row['digest']}")


def _findings(rows: Any) -> None:
    for row in rows:
        place = row["file"] + (f":{row['line']}" if row.get("line") else "")
        way_out = f"  ({row['way_out']})" if row.get("way_out") else ""
        typer.echo(f"{place}: {row['severity']} {row['code']}: {row['message']}{way_out}", err=True)
