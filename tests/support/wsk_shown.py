"""What `wsk` showed for an answer: the facts on the screen that come from the server, looked up in the answers of a hub.

`wsk` itself is brought by its users; how it turns answers into lines is openwhisk-api §11.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx

from tests.support.exchanges import Replay

_TABLE_ROW = re.compile(r"^/(?P<path>\S+)\s+(?P<visible>private|shared)(?: +(?P<last>\S+))?$", re.MULTILINE)
_RECORD_ROW = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?P<id>[0-9a-f]{32}) (?P<kind>\S+)\s.*\s(?P<status>success|application error|developer error|internal error)\s",
    re.MULTILINE,
)
_REFUSAL = re.compile(r"^error: .*?: (?P<text>[^:]*(?:\(e\.g\.[^)]*\))?[^:]*) \(code ", re.MULTILINE)
_WITH_ID = re.compile(r"with id ?(?P<id>[0-9a-f]{32})?$", re.MULTILINE)
_ZERO: tuple[Any, ...] = (0, False, "", None, {}, [])
_STATES = ("success", "application error", "developer error", "internal error")


def exit_status(answer: httpx.Response) -> int:
    """How `wsk` ends: 0, or what is left of the status in one byte."""
    return 0 if answer.status_code < 400 else (answer.status_code - 256) % 256


def missing(replay: Replay, shown: str, answers: list[httpx.Response]) -> Iterator[str]:
    """Facts that were shown and that these answers of one command do not hold."""
    bodies = [answer.json() for answer in answers if answer.headers.get("content-type") == "application/json" and answer.content]
    for document in _documents(shown):
        if not any(_holds(replay, document, candidate) for body in bodies for candidate in (body, *_inside(body))):
            yield f"document {json.dumps(document)[:200]}"
    rows = [row for body in bodies if isinstance(body, list) for row in body if isinstance(row, dict)]
    singles = [body for body in bodies if isinstance(body, dict)]
    for found in _TABLE_ROW.finditer(shown):
        if not any(_is_row(found, row) for row in (*rows, *singles)):
            yield f"row {found[0]}"
    for found in _RECORD_ROW.finditer(shown):
        if not any(_is_record(replay, found, row) for row in rows):
            yield f"record {found[0]}"
    for found in _REFUSAL.finditer(shown):
        if not any(found["text"] in str(body.get("error", "")) for body in singles):
            yield f"refusal {found['text']}"
    for found in _WITH_ID.finditer(shown):
        if found["id"] and not any(body.get("activationId") == replay.ids.get(found["id"]) for body in singles):
            yield f"id {found['id']}"


def _documents(shown: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    place = 0
    while (begun := re.compile(r"^[{\[]", re.MULTILINE).search(shown, place)) is not None:
        try:
            value, place = decoder.raw_decode(shown, begun.start())
        except ValueError:
            return
        yield value


def _inside(body: Any) -> Iterator[Any]:
    """What `--result` and `--full` take out of a body."""
    if isinstance(body, list):
        yield from body
    elif isinstance(body, dict):
        yield from (part for part in (body.get("result"), (body.get("response") or {}).get("result")) if part is not None)


def _holds(replay: Replay, document: Any, body: Any) -> bool:
    """Whether every member that was shown is there."""
    return not any(replay.values("", *_common(document, body)))


def _common(document: Any, body: Any) -> tuple[Any, Any]:
    """Both without what only one of them has by nature: `wsk` leaves members out, and fills in others with zero values."""
    if isinstance(document, list) and isinstance(body, list):
        # What a run took is an annotation of ours, see the differences.
        body = [item for item in body if not (isinstance(item, dict) and item.get("key") == "hub")]
    if isinstance(document, list) and isinstance(body, list) and len(document) == len(body):
        pairs = [_common(before, after) for before, after in zip(document, body, strict=True)]
        return [before for before, _ in pairs], [after for _, after in pairs]
    if not (isinstance(document, dict) and isinstance(body, dict)):
        return document, body
    names = [name for name, value in document.items() if name in body or value not in _ZERO]
    parts = {name: _common(document[name], body[name]) if name in body else (document[name], None) for name in names}
    return {name: pair[0] for name, pair in parts.items()}, {name: pair[1] for name, pair in parts.items() if name in body}


def _is_row(found: re.Match[str], row: dict[str, Any]) -> bool:
    marks = {item["key"]: item["value"] for item in row.get("annotations", [])}
    last = found["last"]
    return (
        f"{row.get('namespace')}/{row.get('name')}" == found["path"]
        and found["visible"] == ("shared" if row.get("publish") and "exec" not in row else "private")  # of actions it never says shared
        and (last is None or last in (marks.get("exec"), row.get("status"), "binding" if row.get("binding") else None))
    )


def _is_record(replay: Replay, found: re.Match[str], row: dict[str, Any]) -> bool:
    marks = {item["key"]: item["value"] for item in row.get("annotations", [])}
    state = _STATES[row.get("statusCode", 0)]
    return row.get("activationId") == replay.ids.get(found["id"]) and (marks.get("kind", "unknown"), state) == (
        found["kind"],
        found["status"],
    )
