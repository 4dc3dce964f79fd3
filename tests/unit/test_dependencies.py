"""What an archive says it depends on (openwhisk-api §10.5, §10.6)."""

from __future__ import annotations

import base64
import json

import pytest

from hub.domain.action import CodeExec
from hub.domain.build import BuildFailed
from hub.runtime.dependencies import Dependencies, dependencies_of
from tests.support.indexes import zipped


def found(kind: str, files: dict[str, str]) -> Dependencies | None:
    return dependencies_of(CodeExec(kind=kind, code=base64.b64encode(zipped(files)).decode(), binary=True))


def asked(requirements: str) -> tuple[str, ...]:
    known = found("python:3", {"__main__.py": "", "requirements.txt": requirements})
    return known.names if known is not None else ()


def test_requirements_name_what_is_asked_for() -> None:
    """With versions, extras, markers, hashes, comments and lines that go on."""
    text = "# first\nrequests[socks]>=2 ; python_version > '3'  # why\n\nSix == 1.16 \\\n    --hash=sha256:00\n--pre\nzope.interface"
    assert asked(text) == ("requests", "Six", "zope.interface")


@pytest.mark.parametrize("text", ["", "\n \n", "# nothing\n", "--prefer-binary\n"])
def test_nothing_asked_for_is_nothing_to_build(text: str) -> None:
    """Neither is an empty list."""
    assert found("python:3", {"__main__.py": "", "requirements.txt": text}) is None


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://example.test/simple",
        "-i http://example.test/simple",
        "--extra-index-url=http://example.test/simple",
        "--find-links /tmp",
        "-f /etc",
        "-r /etc/passwd",
        "-c more.txt",
        "-e .",
        "--no-binary :all:",
        "--trusted-host example.test",
        "./local",
        "/etc/thing.whl",
        "../up",
        ".",
        "git+https://example.test/x.git",
        "x @ https://example.test/x.whl",
        "x@https://example.test/x.whl",
        "https://example.test/x.whl",
        "file:///etc/x.whl",
        "six --global-option=x",
        "six --config-settings=x=y",
        "folder/thing",
    ],
)
def test_other_places_and_sources_are_refused(line: str) -> None:
    """The line and its number are named, since a build would fail later and less clearly."""
    with pytest.raises(BuildFailed, match=r"requirements\.txt, line 2: "):
        asked(f"six\n{line}\n")


def test_a_list_that_is_too_large_or_no_text_is_refused() -> None:
    """Rather than read in part."""
    with pytest.raises(BuildFailed, match="larger than"):
        asked("#" * 70_000)
    with pytest.raises(BuildFailed, match="UTF-8"):
        dependencies_of(CodeExec(kind="python:3", code=base64.b64encode(_with_bytes(b"\xff\xfe\x00")).decode(), binary=True))


def _with_bytes(data: bytes) -> bytes:
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("requirements.txt", data)
    return out.getvalue()


def test_what_is_shipped_is_not_built() -> None:
    """A virtual environment, or installed modules."""
    assert found("python:3", {"requirements.txt": "six", "virtualenv/bin/activate_this.py": ""}) is None
    package = json.dumps({"dependencies": {"a": "1"}})
    assert found("nodejs:20", {"package.json": package, "node_modules/a/index.js": ""}) is None


def test_a_package_with_dependencies_is_built_with_its_lock() -> None:
    """Those that only developers need are not."""
    package = json.dumps({"dependencies": {"b": "1"}, "optionalDependencies": {"a": "1"}, "devDependencies": {"c": "1"}})
    known = found("nodejs:20", {"package.json": package, "package-lock.json": "{}", "index.js": ""})

    assert known == Dependencies(family="nodejs", files={"package.json": package, "package-lock.json": "{}"}, names=("a", "b"))
    assert known.locked


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", "{}", '{"dependencies": {}}', '{"dependencies": 1}', '{"devDependencies": {"a": "1"}}', "[" * 50_000]
)
def test_a_package_without_them_is_left_to_the_launcher(text: str) -> None:
    """Who runs it says what is wrong with it."""
    assert found("nodejs:20", {"package.json": text, "index.js": ""}) is None


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("python:3", {"deep/requirements.txt": "six"}),
        ("nodejs:20", {"requirements.txt": "six"}),
        ("python:3", {"package.json": '{"dependencies": {"a": "1"}}'}),
    ],
)
def test_only_the_root_and_the_own_family_count(kind: str, files: dict[str, str]) -> None:
    """Anything else is the action's own affair."""
    assert found(kind, files) is None


def test_source_and_broken_archives_have_none() -> None:
    """Whoever unpacks them says what is wrong."""
    assert dependencies_of(CodeExec(kind="python:3", code="requirements.txt")) is None
    for data in (b"PK\x03\x04 no zip", b"\x1f\x8b no tar", b""):
        assert dependencies_of(CodeExec(kind="python:3", code=base64.b64encode(data).decode(), binary=True)) is None
