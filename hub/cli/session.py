"""What the commands share: which hub, whose key, and how a refusal is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hub.client import HubClient, Refusal, Unreachable, read_wskprops

ApiHost = Annotated[
    str | None, typer.Option("--apihost", envvar="HUB_APIHOST", help="Address of the hub; else what the properties file says.")
]
Auth = Annotated[str | None, typer.Option("--auth", envvar="HUB_AUTH", help="uuid:key; better kept in the properties file.")]
Props = Annotated[Path | None, typer.Option("--props", envvar="WSK_CONFIG_FILE", help="Properties file with APIHOST and AUTH.")]
PLACES = (Path("~/.whiskhub/wskprops"), Path("~/.wskprops"))


def whose(api_host: str | None, auth: str | None, props: Path | None) -> tuple[str, str]:
    """Address and key; what is not given comes from the properties file."""
    places = (props,) if props else PLACES
    found = next((values for place in places if (values := read_wskprops(place))), {})
    address = api_host or found.get("APIHOST")
    if not address:
        typer.echo("hub: which hub? Give --apihost, or set WSK_CONFIG_FILE to the wskprops file in the hub's data folder.", err=True)
        raise typer.Exit(2)
    return address, auth or found.get("AUTH", "")


@contextlib.contextmanager
def client(api_host: str | None, auth: str | None, props: Path | None) -> Iterator[HubClient]:
    """A client; refusals end the command with their sentence and exit code 1."""
    address, key = whose(api_host, auth, props)
    with told(), HubClient(address, key) as hub:
        yield hub


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Refusals end the command with their sentence and exit code 1."""
    try:
        yield
    except Refusal as error:
        typer.echo(f"hub: {error}", err=True)
        raise typer.Exit(1) from None
    except Unreachable as error:
        typer.echo(f"hub: {error}", err=True)
        raise typer.Exit(1) from None
