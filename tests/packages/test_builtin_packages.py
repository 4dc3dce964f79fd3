"""The packages that come with the hub: complete, and their samples run (marketplace §7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from hub.services.checks import Subject, run_checks
from hub.wire.artefact import open_artefact, pack
from hub.wire.manifest import read_package
from tests.support import hubs

ROOT = Path(__file__).parent.parent.parent
FOLDERS = [ROOT / row["path"] for row in yaml.safe_load((ROOT / "catalog.yaml").read_text())["packages"]]
SAMPLES = [(folder.name, file) for folder in FOLDERS for file in sorted(folder.glob("samples/*.json"))]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub with its built-in packages."""
    with hubs.running(tmp_path_factory.mktemp("packages") / "data") as found:
        yield found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_built_in_package_has_no_finding(folder: Path) -> None:
    """Not even a warning; every action is described and sampled."""
    files = open_artefact(pack(folder))
    reading = read_package(files)
    findings = [*reading.findings]
    for manifest in reading.manifests:
        findings += run_checks(Subject(manifest=manifest, files=files, kinds=("nodejs:20", "python:3"), official=True))
        assert {sample.action for sample in manifest.samples} == {action.name for action in manifest.actions}

    assert findings == []
    assert len(reading.manifests) == 1


def test_packing_the_same_folder_gives_the_same_bytes() -> None:
    """Otherwise every start would make a new release."""
    assert pack(FOLDERS[0]) == pack(FOLDERS[0])


@pytest.mark.parametrize(("package", "file"), SAMPLES, ids=lambda value: value if isinstance(value, str) else value.stem)
def test_a_sample_runs(hub: hubs.Hub, package: str, file: Path) -> None:
    """In the real runtime, as installed; the answer is what the sample says."""
    sample = json.loads(file.read_text())
    with hub.http as http:
        path = f"/api/v1/namespaces/whisk.system/actions/{package}/{sample['action']}?blocking=true&result=true"
        answer: httpx.Response = http.post(path, json=sample["input"])
    wanted = sample.get("output")

    assert answer.status_code in {200, 502}
    if wanted is None or "error" in wanted:
        assert answer.status_code == 502
    assert _fits(answer.json(), wanted, partial=sample.get("partial", False))


def _fits(found: Any, wanted: Any, *, partial: bool) -> bool:
    if wanted is None:
        return True
    if partial and isinstance(wanted, dict):
        return isinstance(found, dict) and all(found.get(key) == value for key, value in wanted.items())
    return bool(found == wanted)


def test_every_feed_names_a_provider_that_is_there() -> None:
    """`native: folder/feed` leads to a feed folder."""
    for folder in FOLDERS:
        described = yaml.safe_load((folder / "hub.yaml").read_text())
        for feed in (described.get("feeds") or {}).values():
            place, _, name = feed["native"].partition("/")
            assert name in yaml.safe_load((ROOT / "feeds" / place / "manifest.yaml").read_text())["feeds"]
