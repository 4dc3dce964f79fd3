"""The project that `hub import` was pointed at: folder, environment, overlay, dependencies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import dotenv
import typer

from hub.domain.project import Project
from hub.domain.release import Finding
from hub.services.transfer.dependencies import NotOnePackage, with_dependency
from hub.wire.folder import Folder
from hub.wire.manifest import MANIFESTS
from hub.wire.overlay import given_on_the_line
from hub.wire.wskdeploy import ProjectReading, read_project

DEPLOYMENTS = ("deployment.yaml", "deployment.yml")
ENVIRONMENT = ".env"
_UNREAD = {
    "project.yml": "project.yml (Nimbella, DigitalOcean Functions) is not read by this version. Write a manifest.yaml.",
    "app.config.yaml": "app.config.yaml (aio) is not read by this version. Give the manifest.yml that it includes.",
}


class Refused(Exception):
    """There is no project that can be carried over; the message says why."""


def is_live(source: str) -> bool:
    """Whether a source is the address of an OpenWhisk, not a folder or a file."""
    if "://" in source:
        return source.startswith(("http://", "https://"))
    return not Path(source).exists() and "/" not in source and not source.endswith((".yaml", ".yml"))


def environment(folder: Path | None, file: Path | None) -> dict[str, str]:
    """The variables: those of the process win over those of the file."""
    path = file or (folder / ENVIRONMENT if folder else None)
    read = dotenv.dotenv_values(path, interpolate=False) if path and path.is_file() else {}
    return {**{name: value or "" for name, value in read.items()}, **os.environ}


def read(source: Path, deployment: Path | None, params: list[str], env_file: Path | None, dependencies: list[str]) -> Project:
    """The project, its dependencies with it. Raises Refused; findings are told as they are met."""
    folder, manifest = _place(source)
    known = environment(folder, env_file)
    deployment = deployment or next((folder / name for name in DEPLOYMENTS if (folder / name).is_file()), None)
    overlay = (deployment.name, deployment.read_bytes()) if deployment else None
    try:
        given = given_on_the_line(params)
    except ValueError as error:
        raise Refused(f"--param needs name=value, found {error}.") from error
    reading = read_project(Folder(folder), known, file=manifest, deployment=overlay, given=given)
    project = _whole(reading)
    for text in dependencies:
        project = _with(project, text, known)
    return project


def _place(source: Path) -> tuple[Path, str]:
    if source.is_file():
        return source.parent, source.name
    if not source.is_dir():
        raise Refused(f"there is no folder or file {source}.")
    if not any((source / name).is_file() for name in MANIFESTS):
        for name, words in _UNREAD.items():
            if (source / name).is_file():
                raise Refused(words)
    return source, ""


def _with(project: Project, text: str, known: Mapping[str, str]) -> Project:
    label, sign, place = text.partition("=")
    if not sign:
        raise Refused(f"--dependency needs label=FOLDER, found {text!r}.")
    folder, manifest = _place(Path(place))
    try:
        return with_dependency(project, label, _whole(read_project(Folder(folder), known, file=manifest)))
    except NotOnePackage as error:
        raise Refused(str(error)) from error


def _whole(reading: ProjectReading) -> Project:
    for finding in reading.findings:
        _tell(finding)
    if reading.errors:
        raise Refused("The project has to be mended first; nothing was changed.")
    if reading.missing:
        names = ", ".join(reading.missing)
        raise Refused(f"These variables are not set: {names}. Nothing was changed. Set them in the environment, or in a file .env.")
    return reading.project


def _tell(finding: Finding) -> None:
    place = finding.file + (f":{finding.line}" if finding.line else "")
    way_out = f"  ({finding.way_out})" if finding.way_out else ""
    typer.echo(f"{place}: {finding.severity} {finding.code}: {finding.message}{way_out}", err=True)
