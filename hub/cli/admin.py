"""`hub admin …`: over the socket of the running hub; without one, on the database itself under its lock (design §8)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from hub.settings import SettingsRefused, load_settings

app = typer.Typer(no_args_is_help=True)
user = typer.Typer(no_args_is_help=True)
limits = typer.Typer(no_args_is_help=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
app.add_typer(user, name="user", help="Subjects and their keys.")
app.add_typer(limits, name="limits", help="Limits of namespaces.")

Data = Annotated[Path | None, typer.Option("--data", envvar="HUB_DATA", help="The hub's data folder.")]
FIRST_REFUSAL = 400


def _ask(data: Path | None, command: str, *, silent: bool = False, **given: Any) -> None:
    """Run a command and print its answer, unless `silent`; exit code 1 when it was refused."""
    try:
        answer = asyncio.run(_answer(data, command, {key: value for key, value in given.items() if value is not None}))
    except SettingsRefused as error:
        typer.echo(f"hub: {error}", err=True)
        raise typer.Exit(2) from None
    if answer.status_code >= FIRST_REFUSAL:
        typer.echo(answer.text, err=True)
        raise typer.Exit(1)
    if not silent:
        typer.echo(answer.text)


async def _answer(data: Path | None, command: str, given: dict[str, Any]) -> httpx.Response:
    from hub.app import admin_transport  # noqa: PLC0415 - the other commands start without it

    settings = load_settings(data=data)
    async with admin_transport(settings) as transport, httpx.AsyncClient(transport=transport, base_url="http://hub", timeout=60) as http:
        return await http.post(f"/{command}", json=given)


@app.command()
def link(data: Data = None) -> None:
    """A fresh one-time link that signs the operator in; good for ten minutes."""
    _ask(data, "link")


@user.command()
def create(
    subject: str,
    auth: Annotated[str | None, typer.Option("-u", "--auth", help="The uuid:key to use instead of a random one.")] = None,
    namespace: Annotated[str | None, typer.Option("-ns", "--namespace", help="The namespace; the subject unless given.")] = None,
    revoke: Annotated[bool, typer.Option("-r", "--revoke", help="Give a new key to one that exists.")] = False,
    force: Annotated[bool, typer.Option("-f", "--force", help="As --revoke; the old key does not even fire triggers any more.")] = False,
    generate: Annotated[bool, typer.Option("-g", "--genonly", help="Print a new key and keep nothing.")] = False,
    silent: Annotated[bool, typer.Option("-s", "--silent", help="Do not print the key.")] = False,
    data: Data = None,
) -> None:
    """Make a subject, or a namespace of it, and print its key."""
    given = {"subject": subject, "auth": auth, "namespace": namespace, "revoke": revoke, "force": force, "generate": generate}
    _ask(data, "user-create", silent=silent, **given)


@user.command()
def get(
    subject: str,
    namespace: Annotated[str | None, typer.Option("-ns", "--namespace")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All namespaces of the subject.")] = False,
    data: Data = None,
) -> None:
    """Print the key of a subject."""
    _ask(data, "user-get", subject=subject, namespace=namespace, all=everything)


@user.command()
def whois(auth: str, data: Data = None) -> None:
    """Tell whose key it is."""
    _ask(data, "user-whois", auth=auth)


@user.command("list")
def list_users(
    namespace: str,
    pick: Annotated[int, typer.Option("-p", "--pick", help="How many at the most.")] = 1,
    everything: Annotated[bool, typer.Option("-a", "--all")] = False,
    keys: Annotated[bool, typer.Option("-k", "--key", help="Keys only.")] = False,
    data: Data = None,
) -> None:
    """List the identities of a namespace."""
    _ask(data, "user-list", namespace=namespace, pick=pick, all=everything, keys=keys)


@user.command()
def delete(subject: str, namespace: Annotated[str | None, typer.Option("-ns", "--namespace")] = None, data: Data = None) -> None:
    """Delete a subject, or one of its namespaces."""
    _ask(data, "user-delete", subject=subject, namespace=namespace)


@user.command()
def block(subjects: list[str], data: Data = None) -> None:
    """Block subjects; in force at once."""
    _ask(data, "user-block", subjects=subjects)


@user.command()
def unblock(subjects: list[str], data: Data = None) -> None:
    """Unblock subjects."""
    _ask(data, "user-unblock", subjects=subjects)


@limits.command("set", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def set_limits(context: typer.Context, namespace: str, data: Data = None) -> None:
    """Set limits of a namespace.

    --invocationsPerMinute N, --firesPerMinute N, --concurrentInvocations N, --allowedKinds KIND..., --storeActivations true|false,
    --minActionMemory and --maxActionMemory N in MB (also Logs; Timeout in ms; Concurrency), --maxParameterSize and --maxPayloadSize SIZE.
    """
    found: dict[str, list[str]] = {}
    name = ""
    for word in context.args:
        if word.startswith("--"):
            name, _, value = word.removeprefix("--").partition("=")
            found[name] = [value] if value else []
        elif name:
            found[name].append(word)
    if not found or not all(found.values()):
        typer.echo("hub: write each limit as --NAME VALUE, for instance --invocationsPerMinute 120; see --help.", err=True)
        raise typer.Exit(2)
    _ask(data, "limits-set", namespace=namespace, limits=found)


@limits.command("get")
def get_limits(namespace: str, data: Data = None) -> None:
    """Show the limits that were set."""
    _ask(data, "limits-get", namespace=namespace)


@limits.command("delete")
def delete_limits(namespace: str, data: Data = None) -> None:
    """Back to the defaults."""
    _ask(data, "limits-delete", namespace=namespace)
