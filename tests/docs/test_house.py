"""Rules of the house that no other tool keeps."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HOSTS = re.compile("|".join(["pypi" + r"\.org", "pythonhosted" + r"\.org", "npm" + r"js\.(org|com)", "crates" + r"\.io"]))


def tracked() -> list[Path]:
    """Every file of the project."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        pytest.skip("this is no checkout")
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    """Locks work with whatever index a machine is set up for."""
    assert not [str(file) for file in tracked() if HOSTS.search(file.read_text(errors="replace"))]


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-test.txt", "requirements-node.txt", "hub/runtime/modules/requirements.txt"]
)
def test_a_lock_has_hashes_and_no_addresses(name: str) -> None:
    """Each pinned line is followed by its hashes."""
    text = (ROOT / name).read_text()

    assert "--index-url" not in text
    assert "://" not in text
    for pinned in re.findall(r"^[a-z0-9].*", text, re.MULTILINE | re.IGNORECASE):
        assert "==" in pinned
        assert pinned.endswith("\\")


@pytest.mark.parametrize("folder", ["node", "aio"])
def test_the_lock_of_the_peers_has_no_addresses(folder: str) -> None:
    """Npm resolves them where it is run."""
    lock = json.loads((ROOT / "tests/support" / folder / "package-lock.json").read_text())

    assert not [name for name, row in lock["packages"].items() if "resolved" in row]


def test_every_lint_rule_that_is_off_says_why() -> None:
    """A comment beside each."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    rules = [line for line in lines if re.match(r'    "[A-Z]+[0-9]*",', line)]

    assert rules
    assert not [line for line in rules if "#" not in line]


def test_what_the_hub_imports_is_declared() -> None:
    """Every dependency in the lock's source is one that the hub uses."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    code = "\n".join(file.read_text() for folder in ("hub", "feeds") for file in (ROOT / folder).rglob("*.py"))
    names = {
        "pyyaml": "yaml",
        "markdown-it-py": "markdown_it",
        "prometheus-client": "prometheus_client",
        "pydantic-settings": "pydantic_settings",
        "python-dotenv": "dotenv",
    }
    loaded_by_others = {"aiosqlite", "asyncpg", "httptools", "setuptools", "tzdata", "rich"}
    for line in project["dependencies"]:
        name = re.split(r"[\[<>=]", line)[0]
        if name not in loaded_by_others:
            assert re.search(rf"^\s*(from|import) {names.get(name, name)}\b", code, re.MULTILINE), name
