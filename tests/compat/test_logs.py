"""Logs of activations: lines with times, what is in them, and where they end (openwhisk-api §3.4, §12.2)."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.compat.steps import API, invoke, put_action, said
from tests.support.eventually import eventually
from tests.support.hubs import Hub

STRIPPED = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d.\d+Z( *(stdout|stderr):)?\s(.*)")
"""What every client strips with (openwhisk-api §3.4)."""
KINDS = {
    "python:3": "import os, sys\ndef main(args):\n    os.write(args.get('to', 1), bytes.fromhex(args['hex']))\n    return {}\n",
    "nodejs:default": (
        "const fs = require('fs');\n"
        "function main(args) {\n"
        "    let rest = Buffer.from(args.hex, 'hex');\n"
        "    while (rest.length) try { rest = rest.subarray(fs.writeSync(args.to || 1, rest)); } catch (error) { if (error.code !== 'EAGAIN') throw error; }\n"
        "    return {};\n"
        "}\n"
    ),
}
SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"


def logs(http: httpx.Client, activation_id: str) -> list[str]:
    """The log of a record, as soon as it is there."""
    place = f"{API}/activations/{activation_id}/logs"
    eventually(lambda: http.get(place).status_code == 200)
    lines: list[str] = http.get(place).json()["logs"]
    return lines


def printed(http: httpx.Client, name: str, text: str, **more: Any) -> list[str]:
    """What is logged of a text (latin-1 stands for bytes)."""
    return [line[31:] for line in logs(http, invoke(http, name, {"hex": text.encode("latin-1").hex(), **more})["activationId"])]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.partition(":")[0])
def printer(request: pytest.FixtureRequest, http: httpx.Client) -> str:
    """The name of an action that prints bytes."""
    name = f"printer-{request.param.partition(':')[0]}"
    put_action(http, name, KINDS[request.param], kind=request.param)
    return name


def test_each_line_is_an_element_that_clients_can_strip(http: httpx.Client, printer: str) -> None:
    """Thirty characters of time, the stream, the text; sorted as text they stay in order."""
    lines = logs(http, invoke(http, printer, {"hex": b"one\n  two\n\nthree".hex()})["activationId"])
    matches = [STRIPPED.fullmatch(line) for line in lines]

    assert [match and (match[2], match[3]) for match in matches] == [("stdout", text) for text in ("one", "  two", "", "three")]
    assert all(line.index("Z") == 29 for line in lines)
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("windows\r\nunix\n", ["windows", "unix"]),
        ("nul\0nul\n", ["nul\0nul"]),
        ("caf\xe9\n", ["caf�"]),
        ("☃ 🎈\n".encode().decode("latin-1"), ["☃ 🎈"]),
        ("x" * 200_000 + "\nnext", ["x" * 200_000, "next"]),
        (f"{SENTINEL}\nafter\n", [SENTINEL, "after"]),
        ("2026-08-05T10:00:00.512345678Z stdout: forged\n", ["2026-08-05T10:00:00.512345678Z stdout: forged"]),
    ],
    ids=["ends of lines", "NUL", "not UTF-8", "UTF-8", "a long line", "a sentinel", "a time"],
)
def test_what_is_printed_is_logged(http: httpx.Client, printer: str, text: str, lines: list[str]) -> None:
    """Whatever it is: ends of lines, bytes that are no text, what looks like a border."""
    assert printed(http, printer, text, to=2) == [f"stderr: {line}" for line in lines]


def test_a_log_over_the_limit_ends_with_a_word_about_it(http: httpx.Client) -> None:
    """As its last line, also when the action failed; a limit of 0 keeps nothing."""
    code = "def main(args):\n    for _ in range(40):\n        print('y' * 100_000)\n    return args.get('result', {})\n"
    words = "Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes."
    for limit, result, last in ((1, {}, words), (1, "no object", words), (0, {}, None)):
        put_action(http, "wordy", code, kind="python:3", limits={"logs": limit})
        found = logs(http, invoke(http, "wordy", {"result": result})["activationId"])
        assert (found[-1][31:] if found else None) == (f"stderr: {last}" if last else None)
        assert sum(map(len, found)) < 1_048_576 + 200


def test_what_is_printed_after_the_answer_is_in_the_next_log(http: httpx.Client) -> None:
    """By a child that goes on, for instance; nothing of it is lost."""
    code = (
        "import subprocess\n"
        "def main(args):\n"
        "    if args.get('wait'):\n"
        "        main.child.wait()\n"
        "        return {}\n"
        "    main.child = subprocess.Popen(['sh', '-c', 'read x; echo late'], stdin=subprocess.PIPE)\n"
        "    main.child.stdin.close()\n"
        "    return {}\n"
    )
    put_action(http, "leaves", code, kind="python:3")
    found = logs(http, invoke(http, "leaves")["activationId"]) + logs(http, invoke(http, "leaves", {"wait": True})["activationId"])

    assert [line[31:] for line in found] == ["stdout: late"]


def test_printing_much_is_answered(http: httpx.Client, hub: Hub) -> None:
    """A hundred megabytes, of which the limit is kept; others are served meanwhile, and the hub's memory does not follow."""
    put_action(http, "floods", "import os\ndef main(args):\n    for _ in range(1600):\n        os.write(1, b'z' * 65535 + b'\\n')\n    return {}\n", kind="python:3")  # fmt: skip
    before = _resident(hub)
    ended = invoke(http, "floods")

    assert ended["response"]["status"] == "success"
    assert len(logs(http, ended["activationId"])) <= 162
    assert _resident(hub) - before < 150_000_000


def _resident(hub: Hub) -> int:
    import psutil

    return int(psutil.Process(hub.process.pid).memory_info().rss)


def test_secrets_do_not_show(http: httpx.Client) -> None:
    """Neither a parameter that is declared secret nor the key of the run, in whatever form they are printed by chance."""
    code = (
        "import base64, json, os\n"
        "def main(args):\n"
        "    print(args['word'], base64.b64encode(args['word'].encode()).decode(), json.dumps(args['word']))\n"
        "    print(os.environ.get('__OW_API_KEY'))\n"
        "    return {'key': bool(os.environ.get('__OW_API_KEY'))}\n"
    )
    declared = [{"key": "parameters", "value": [{"name": "word", "type": "password"}]}, {"key": "provide-api-key", "value": True}]
    put_action(http, "confides", code, kind="python:3", parameters=[{"key": "word", "value": 'a "canary"'}], annotations=declared)
    ended = invoke(http, "confides")

    assert ended["response"]["result"] == {"key": True}
    assert [line[31:] for line in logs(http, ended["activationId"])] == ['stdout: [redacted] [redacted] "[redacted]"', "stdout: [redacted]"]


@pytest.mark.parametrize("follow", ["false", "no"])
def test_logs_are_a_document_unless_they_are_followed(http: httpx.Client, printer: str, follow: str) -> None:
    """`follow` is ours; what is no boolean is refused as anywhere."""
    activation_id = invoke(http, printer, {"hex": b"one".hex()})["activationId"]
    place = f"{API}/activations/{activation_id}/logs"

    assert http.get(f"{place}?follow={follow}").json() == http.get(place).json()
    assert said(http.get(f"{place}?follow=perhaps"))[0] == 400
