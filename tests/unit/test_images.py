"""Manifests of container images, and the log of a container (openwhisk-api §10.1, §10.4)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hub.domain.action import CodeExec
from hub.domain.errors import Malformed
from hub.runtime.container.engine import EngineRefused
from hub.runtime.container.images import Images
from hub.runtime.container.output import Output

IMAGE = {"prefix": "openwhisk", "name": "action", "tag": "1"}
END = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"
BOTH = {"stdout": 1, "stderr": 1}


def test_a_default_is_resolved_and_anything_else_is_refused_with_the_list() -> None:
    """In upstream's words."""
    images = Images.read()

    assert (images.resolve("nodejs:default").name, images.resolve("go:default").name) == ("nodejs:20", "go:1.20")
    for kind in ("nodejs:16", "cobol:default", "blackbox", ""):
        with pytest.raises(Malformed, match=rf"The specified runtime '{kind}' is not supported by this platform.*'sequence', 'blackbox'\."):
            images.resolve(kind)


def test_code_runs_in_the_image_of_its_kind_or_in_its_own() -> None:
    """A registry and a tag are part of the name."""
    images = Images.read()

    assert images.of(CodeExec(kind="java:8", code="x")).image.reference == "openwhisk/java8action:nightly"
    assert images.of(CodeExec(kind="blackbox", code="", image="host:5000/a/b@sha256:1")).image.reference == "host:5000/a/b@sha256:1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "this is no YAML"),
        ("[]", "Expected `object`"),
        (json.dumps({"runtimes": {"a": [{"kind": "a:1"}]}}), "missing required field `image`"),
        (json.dumps({"runtimes": {"a": []}}), "exactly one kind with default: true"),
        (
            json.dumps({"runtimes": {"a": [{"kind": "a:1", "image": IMAGE}, {"kind": "a:2", "image": IMAGE}]}}),
            "exactly one kind with default",
        ),
    ],
)
def test_a_manifest_that_is_none_is_refused_by_its_setting(tmp_path: Path, text: str, why: str) -> None:
    """With what is wrong in it."""
    file = tmp_path / "runtimes.json"
    file.write_text(text)
    with pytest.raises(EngineRefused, match=r"HUB_RUNTIME__MANIFEST cannot be used: found .*runtimes.json") as refusal:
        Images.read(file)

    assert why in str(refusal.value) or why == "this is no YAML"


# The log of a container


def taken(output: Output, **more: Any) -> list[str]:
    return [line[31:] for line in output.take(**more)]


async def test_a_run_has_what_came_before_its_border() -> None:
    """However it was cut into pieces; a line that was not ended is one."""
    output = Output(BOTH, 1)
    output.begin("a")
    for piece in (b"on", b"e\ntwo", END[:10]):
        output.add("stdout", piece)
    answered = asyncio.create_task(output.answered())
    await asyncio.sleep(0)
    assert not answered.done()
    output.add("stdout", END[10:])
    output.add("stderr", END)

    assert await answered
    assert taken(output) == ["stdout: one", "stdout: two"]
    assert not output.forged


async def test_a_border_too_many_was_a_line_of_the_action() -> None:
    """Told at once, or when the real one comes."""
    output = Output(BOTH, 1)
    output.begin("a")
    for stream in ("stdout", "stderr"):
        output.add(stream, END)
    assert await output.answered()
    output.add("stdout", b"late\n" + END)

    assert output.forged


async def test_a_border_that_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the next run wait for it."""
    monkeypatch.setattr("hub.runtime.container.output.PATIENCE", 0.05)
    output = Output({"stdout": 2}, 1)
    output.begin("a")
    output.add("stdout", b"line\n" + END)
    assert not await output.answered()
    output.begin("a")
    output.add("stdout", END + END)

    assert await output.answered()


async def test_the_end_of_a_container_is_the_end_of_its_log() -> None:
    """Whoever waits for a border hears it."""
    output = Output(BOTH, 1)
    output.begin("a")
    waiting = asyncio.create_task(output.answered())
    await asyncio.sleep(0)
    output.add("stderr", b"last words")
    output.finish()

    assert await waiting
    assert taken(output) == ["stderr: last words"]


async def test_a_line_without_end_is_cut_at_the_limit() -> None:
    """It takes no more memory than that, and the border after it is one."""
    output = Output(BOTH, 1)
    output.begin("a")
    for _ in range(40):
        output.add("stdout", b"x" * 100_000)
        assert sum(len(stream.partial) for stream in output._streams) < 1_200_000
    assert output._streams[0].partial == b"x" * (len(END) - 1)
    output.add("stdout", END)
    output.add("stderr", END)

    assert await output.answered()
    lines = taken(output)
    assert lines[-1] == "stderr: Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes."
    assert sum(map(len, lines)) < 1_048_800
