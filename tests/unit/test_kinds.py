"""Kinds are what really runs here (openwhisk-api §2.4, design §9 "Cells")."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hub.domain.errors import Malformed
from hub.runtime.installations import table
from hub.runtime.kinds import Kinds
from hub.wire.code import EXTENSIONS, KINDS

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    """Of this machine."""
    return Kinds.discover()


def test_the_default_is_resolved_to_what_runs(kinds: Kinds) -> None:
    """When it is written."""
    assert kinds.resolve("python:default").name == f"python:{VERSION}"
    assert kinds.resolve("python:3").name == "python:3"


@pytest.mark.parametrize("kind", ["python:3.6", "python:3.7", "python:3.10"])
def test_an_older_kind_of_a_family_is_taken_and_told_what_runs_it(kinds: Kinds, kind: str) -> None:
    """As it was sent; it is not listed."""
    assert kinds.resolve(kind).name == kind
    assert kinds.runs_on(kind) == f"python:{VERSION}"
    assert kind not in kinds.names()


@pytest.mark.parametrize(
    "kind", ["python:2", "python:3.99", "python:4", "python:", "python:x", "python:3.5", "cobol:1", "", "nodejs:999", "python:٣"]
)
def test_what_cannot_run_is_refused_with_the_list(kinds: Kinds, kind: str) -> None:
    """In upstream's words."""
    with pytest.raises(Malformed) as refusal:
        kinds.resolve(kind)

    assert f"The specified runtime '{kind}' is not supported by this platform. Valid values are: " in str(refusal.value)
    assert "'python:3'" in str(refusal.value)
    assert "'sequence', 'blackbox'." in str(refusal.value)


def test_the_manifest_lists_one_default_for_each_family(kinds: Kinds) -> None:
    """With the members that clients read."""
    for rows in kinds.manifest().values():
        assert sum(row["default"] for row in rows) == 1
        assert all(set(row) == {"kind", "image", "deprecated", "default", "attached", "requireMain"} for row in rows)
        assert all(isinstance(row["image"], str) for row in rows)
    assert kinds.runs_on("python:3") is None


def program(folder: Path, name: str, script: str) -> Path:
    """A program of that name that does so."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all programs of a machine that has none yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_what_is_not_there_is_not_offered(machine: Path) -> None:
    """Python and programs that are sent run everywhere."""
    families = {name.partition(":")[0] for name in Kinds.discover(node=str(machine / "node")).names()}

    assert {"python", "native"} <= families
    assert not families & {"go", "java", "rust", "php", "ruby", "perl", "shell"}


def test_a_program_that_is_found_is_asked_for_its_version(machine: Path) -> None:
    """A line of words before it is no matter; one that fails is not there."""
    program(machine, "php", "echo 'PHP 9.1.2 (cli) (built: Jan 1 2030 20:02:04) (NTS)'")
    program(machine, "ruby", "echo 'ruby 4.0.1'; exit 1")
    kinds = Kinds.discover()

    assert kinds.resolve("php:default").name == "php:9.1"
    assert kinds.resolve("php:8.2").runs.version == (9, 1)
    assert kinds.runs_on("php:8.2") == "php:9.1"
    assert not kinds.runs("ruby:default")
    assert not kinds.runs("php:9.2")


def test_what_is_needed_beside_a_program_must_be_there(machine: Path) -> None:
    """Rust compiles, but does not link alone; nor does its name say where it is installed."""
    home = machine.parent / "toolchain"
    (home / "bin").mkdir(parents=True)
    program(machine, "rustc", f"echo {home}")
    program(home / "bin", "rustc", "echo 'rustc 1.99.0 (0a1b2c3d4 2029-04-14)'")
    program(home / "bin", "cargo", "")
    assert not Kinds.discover().runs("rust:default")

    program(machine, "cc", "")
    assert Kinds.discover().resolve("rust:default").runs.tools["program"] == str(home / "bin" / "rustc")


def test_programs_are_asked_once_until_they_change(machine: Path, tmp_path: Path) -> None:
    """What they said is kept."""
    said = tmp_path / "said"
    found = program(machine, "perl", f"echo asked >> {said}; echo 'This is perl 5, version 40, (v5.40.1)'")
    kept = tmp_path / "programs.json"
    assert [Kinds.discover(remembered=kept).resolve("perl:default").name for _ in range(3)] == ["perl:5.40"] * 3
    assert said.read_text() == "asked\n"

    program(machine, "perl", found.read_text().partition("\n")[2].replace("5.40.1", "5.42.0"))
    assert Kinds.discover(remembered=kept).resolve("perl:default").name == "perl:5.42"
    kept.write_text("broken")
    assert Kinds.discover(remembered=kept).resolve("perl:default").name == "perl:5.42"


def test_other_pythons_run_what_is_theirs(machine: Path) -> None:
    """A kind that ours is too old for is run by the first that is not; scripts that choose among several are none."""
    for minor in (90, 91):
        (machine / f"python3.{minor}").symlink_to(sys.executable)
    assert "python:3.90" not in Kinds.discover().names()

    for minor in (28, 29):
        (machine / f"python3.{minor}").symlink_to(Path(sys.executable).resolve())
    program(machine, "python3.27", "exit 127").chmod(0o755)
    kinds = Kinds.discover()
    assert kinds.names().count("python:3.28") == 1
    assert kinds.resolve("python:default").name == f"python:{VERSION}"
    assert kinds.resolve("python:3.29").runs.version == (3, 29)
    assert kinds.runs_on("python:3.27") == "python:3.28"
    assert kinds.runs_on("python:3.7") == f"python:{VERSION}"


def test_every_family_has_an_extension_that_packages_know() -> None:
    """Those of the standard clients are among them; any program has none."""
    assert {kind.partition(":")[0] for kind in KINDS.values()} >= set(table()) - {"native"}
    assert EXTENSIONS.items() <= KINDS.items()
