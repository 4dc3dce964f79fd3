"""`hub export` and `hub import`. Keys and secrets come from files, a prompt, standard input or the environment, never from arguments."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from hub.cli import project as projects
from hub.cli.session import ApiHost, Props, told, whose
from hub.client import WhiskClient, read_wskprops
from hub.domain.project import Left, Project, variables
from hub.services.transfer.differing import Runtimes
from hub.services.transfer.making import Maker, Stopped
from hub.services.transfer.plan import Does, Plan, Planner, Step
from hub.services.transfer.secrets import MissingSecrets, secrets_in_code, with_names, with_secrets, without_secrets
from hub.services.transfer.source import Source
from hub.wire.folder import write
from hub.wire.project import ENVIRONMENT, MANIFEST, files_of, writable

console = Console(markup=False, highlight=False)
STDIN = "-"
AuthFile = Annotated[
    str | None, typer.Option("--auth-file", help="File with the key, `uuid:key` or properties with AUTH; - is standard input.")
]
Insecure = Annotated[bool, typer.Option("--insecure", "-i", help="Do not check certificates.")]


def export_namespace(
    folder: Annotated[Path, typer.Argument(help="Where the project is written to.", file_okay=False)],
    namespace: Annotated[str, typer.Option(help="The namespace; that of the key unless given.")] = "_",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Although there are files in the folder.")] = False,
    apihost: ApiHost = None,
    auth_file: AuthFile = None,
    props: Props = None,
    insecure: Insecure = False,
) -> None:
    """Write a whole namespace as a wskdeploy project; secrets by name only."""
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        _refuse(f"{folder} is not empty. Choose another folder, or say --overwrite to replace the files that have the same names.")
    address, key = whose(apihost, _key(auth_file), props)
    with told(), WhiskClient(address, key, namespace, verify=not insecure) as client, _progress() as progress:
        project = writable(without_secrets(Source(client).project(progress)))
    files = files_of(project)
    write(folder, files)
    typer.echo(f"wrote {len(files)} files to {folder}: {_counted(project)}")
    names = [variable.name for variable in variables(project)]
    if names:
        typer.echo(f"secrets, by name only (see {ENVIRONMENT}): {', '.join(names)}")
    _show_left([*project.left, *secrets_in_code(project)])


def import_namespace(
    source: Annotated[str, typer.Argument(help=f"A folder with a {MANIFEST}, a manifest, or the API host of an OpenWhisk.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there and differs.")] = False,
    deployment: Annotated[Path | None, typer.Option(help="Deployment file laid over the manifest.", exists=True, dir_okay=False)] = None,
    param: Annotated[list[str] | None, typer.Option("--param", help="An input: name=value; the value may be JSON. No secrets.")] = None,
    env_file: Annotated[
        Path | None, typer.Option(help="File with variables; the folder's .env unless given.", exists=True, dir_okay=False)
    ] = None,
    dependency: Annotated[list[str] | None, typer.Option("--dependency", help="Where a dependency is: label=FOLDER.")] = None,
    source_key: Annotated[
        str | None, typer.Option("--source-key", help="File with the key of the source; - is standard input. Else it is asked for.")
    ] = None,
    source_namespace: Annotated[str, typer.Option(help="The namespace of the source; that of its key unless given.")] = "_",
    apihost: ApiHost = None,
    auth_file: AuthFile = None,
    props: Props = None,
    insecure: Insecure = False,
) -> None:
    """Carry a project, or a namespace of any OpenWhisk, over into yours: the plan first."""
    address, key = whose(apihost, _key(auth_file), props)
    try:
        if projects.is_live(source):
            project = _live(source, source_key, source_namespace, verify=not insecure)
            project = with_secrets(with_names(project), projects.environment(None, env_file))
        else:
            project = projects.read(Path(source), deployment, param or [], env_file, dependency or [])
    except projects.Refused as refused:
        _refuse(str(refused))
    except MissingSecrets as missing:
        _refuse(f"{missing} Nothing was changed. Set them in the environment, or in a file given with --env-file.")
    with told(), WhiskClient(address, key, verify=not insecure) as client:
        target = Source(client)
        with _progress() as progress:
            runtimes: Runtimes = client.runtimes()
            there = target.apis() if project.apis else None
            plan = Planner(target, runtimes, overwrite=overwrite, progress=progress).plan(project, there)
        _show_plan(plan)
        _stop_at_conflicts(plan)
        waiting = plan.of(Does.CREATE, Does.UPDATE)
        if dry_run or not waiting:
            typer.echo("nothing was changed" if dry_run else "nothing is to be done")
            return
        if not yes and not typer.confirm(f"Make these {len(waiting)} changes in {target.own} at {client.address}?"):
            raise typer.Exit(1)
        _make(Maker(client, target.own), plan)


def _live(source: str, key_file: str | None, namespace: str, *, verify: bool) -> Project:
    key = _key(key_file) or typer.prompt(f"uuid:key of {source}", hide_input=True)
    with told(), WhiskClient(source, key, namespace, verify=verify) as client, _progress() as progress:
        return Source(client).project(progress)


def _key(file: str | None) -> str | None:
    """A key from a file or from standard input; without one, what the environment says."""
    if file is None:
        return os.environ.get("HUB_AUTH")
    path = Path(file).expanduser()
    if file != STDIN and not path.is_file():
        _refuse(f"there is no file {file} with a key.")
    text = sys.stdin.read() if file == STDIN else path.read_text()
    found = text.strip() if file == STDIN else read_wskprops(path).get("AUTH", text.strip())
    if ":" not in found:
        _refuse("a key looks like uuid:key, and this is none.")
    return found


def _make(maker: Maker, plan: Plan) -> None:
    count = len(plan.of(Does.CREATE, Does.UPDATE))
    with _progress() as progress:
        try:
            done = maker.make(plan, lambda step: progress(f"{step.what} {step.name}"))
        except Stopped as stopped:
            _warn(stopped.told.warnings)
            typer.echo(f"hub: {stopped}", err=True)
            _refuse(
                f"{len(stopped.told.done)} of {count} changes are made and stay, {stopped.steps_left} are left. "
                "Mend it and give the same command again: it goes on where it stopped."
            )
    _warn(done.warnings)
    typer.echo(f"made {len(done.done)} changes")


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


def _stop_at_conflicts(plan: Plan) -> None:
    conflicts = plan.of(Does.CONFLICT)
    if conflicts:
        _refuse(f"{len(conflicts)} {'conflict' if len(conflicts) == 1 else 'conflicts'}; nothing was changed.")


def _show_plan(plan: Plan) -> None:
    shown = [step for step in plan.steps if step.does not in {Does.SAME, Does.LEFT}]
    if shown:
        console.print(_table(("does", "what", "name", ""), [_row(step) for step in shown]))
    same = plan.of(Does.SAME)
    if same:
        typer.echo(f"{len(same)} the same already")
    _show_left([Left(step.what, step.name, step.detail) for step in plan.of(Does.LEFT)])


def _row(step: Step) -> tuple[str, ...]:
    return step.does, step.what, step.name, step.detail


def _show_left(left: Sequence[Left]) -> None:
    if left:
        typer.echo(f"not carried over ({len(left)}):")
        console.print(_table(("what", "name", "why"), [(row.what, row.name, row.why) for row in left]))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _counted(project: Project) -> str:
    counts = {
        "package": len(project.packages),
        "action": len(project.actions),
        "trigger": len(project.triggers),
        "rule": len(project.rules),
        "API": len(project.apis),
    }
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items() if count) or "the namespace is empty"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows what is being read or made, on a terminal."""
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True, markup=False), transient=True) as bar:
        task = bar.add_task("")
        yield lambda what: bar.update(task, description=what)


def _refuse(sentence: str) -> NoReturn:
    """Say why not, and end."""
    typer.echo(f"hub: {sentence}", err=True)
    raise typer.Exit(1)
