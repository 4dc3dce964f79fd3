"""Exchanges with a real OpenWhisk, sent again: each request in its order, each answer compared member by member.

A file of `tests/compat/exchanges` holds rows `{id, request, response}`, for `wsk` also what it `shown` and its `exit` status. What differs
from one run to the next (ids, times, texts of a stack) is compared by its form; ids that an answer brought are put into later requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.eventually import eventually

FOLDER = Path(__file__).parent.parent / "compat" / "exchanges"
KEY = "Basic …"
PAIR = "UUID:KEY"
_ID = re.compile(r"\A[0-9a-f]{32}\Z")
_IDS_IN_PATH = re.compile(r"(?<=/)[0-9a-f]{32}(?=/|\?|$)")
_LOG = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z +(stdout|stderr): ?(.*)\Z", re.DOTALL)
_TIMES = {"updated", "start", "end", "duration", "waitTime", "initTime"}
_HEADERS = {
    "content-type",
    "allow",
    "www-authenticate",
    "access-control-allow-origin",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "x-openwhisk-activation-id",
    "location",
    "set-cookie",
    "x-one",
}
"""What clients look at."""


@dataclass
class Exchange:
    """One request and what OpenWhisk answered."""

    id: str
    request: dict[str, Any]
    response: dict[str, Any]
    shown: str | None = None
    exit: int | None = None


@dataclass
class Replay:
    """Sends exchanges to a hub and remembers the ids that took the place of the recorded ones."""

    http: httpx.Client
    auth: str
    ids: dict[str, str] = field(default_factory=dict)
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    def send(self, exchange: Exchange) -> httpx.Response:
        """The hub's answer to the request of an exchange."""
        request = exchange.request
        headers = dict(request.get("headers", {}))
        uuid, _, key = self.auth.partition(":")
        credentials = httpx.BasicAuth(uuid, key) if headers.get("authorization") == KEY else None
        if credentials is not None:
            del headers["authorization"]
        path = _IDS_IN_PATH.sub(lambda found: self.ids.get(found[0], found[0]), request["path"])
        built = httpx.Request(request["method"], str(self.http.base_url).rstrip("/") + path, headers=headers, content=self._body(request))
        answer = self.answers[exchange.id] = self.http.send(built, auth=credentials)
        return answer

    def _body(self, request: dict[str, Any]) -> bytes | None:
        if "json" in request:
            return json.dumps(request["json"]).replace(PAIR, self.auth).encode()
        if "filled" in request:
            return json.dumps({name: "x" * length for name, length in request["filled"].items()}).encode()
        return request["text"].encode() if "text" in request else None

    def compare(self, exchange: Exchange) -> list[str]:
        """Send it; every difference as `where: recorded → answered`. A list that is behind the times is asked for again."""
        if exchange.request["method"] != "GET" or "/activations" not in exchange.request["path"]:
            return list(self._differences(exchange, self.send(exchange)))
        found: list[str] = []

        def agrees() -> bool:
            found[:] = self._differences(exchange, self.send(exchange))
            return not found

        try:
            eventually(agrees, seconds=1)
        except AssertionError:
            return found
        return []

    def _differences(self, exchange: Exchange, answer: httpx.Response) -> Iterator[str]:
        recorded = exchange.response
        if recorded["status"] != answer.status_code:
            yield _told("status", recorded["status"], answer.status_code)
        for name in sorted(_HEADERS):
            before, now = recorded.get("headers", {}).get(name), ", ".join(answer.headers.get_list(name)) or None
            if name == "x-openwhisk-activation-id" and before and now:
                self.ids[before] = now
            elif name == "set-cookie" and before is not None and before in answer.headers.get_list(name):
                continue  # of several the recording kept the last
            elif before != now:
                yield _told(f"header {name}", before, now)
        yield from self._bodies(recorded, answer)

    def _bodies(self, recorded: dict[str, Any], answer: httpx.Response) -> Iterator[str]:
        if "json" not in recorded:
            text = recorded.get("text", "")
            if isinstance(text, dict):
                if bytes.fromhex(text["hex"]) != answer.content:
                    yield _told("body", text["hex"], answer.content.hex())
            elif not self._texts(text, answer.text):
                yield _told("body", text, answer.text)
            return
        try:
            body = answer.json()
        except ValueError:
            yield _told("body", recorded["json"], answer.text)
            return
        if recorded.get("more") and isinstance(body, list):
            body = body[: len(recorded["json"])]
        pretty = answer.request.url.path.startswith("/api/v1/web/")
        if pretty and "\n" not in answer.text.strip() and len(body):
            yield _told("body", "pretty-printed", answer.text)
        if isinstance(body, dict) and "code" in body and body["code"] != answer.headers["x-request-id"]:
            yield _told("code", "the request's id", body["code"])
        yield from self.values("body", recorded["json"], body)

    def values(self, where: str, recorded: Any, now: Any) -> Iterator[str]:
        """Differences between two JSON values, by their place."""
        if isinstance(recorded, dict) and isinstance(now, dict):
            for name in [*recorded, *(name for name in now if name not in recorded)]:
                if name == "initTime" and (name in now) != (name in recorded):
                    continue  # whether a process was warm is nobody's promise
                if name not in now or name not in recorded:
                    yield _told(f"{where}.{name}", recorded.get(name, "nothing"), now.get(name, "nothing"))
                elif not self._alike(name, recorded[name], now[name]):
                    yield from self.values(f"{where}.{name}", recorded[name], now[name])
        elif isinstance(recorded, list) and isinstance(now, list):
            yield from self._lists(where, recorded, now)
        elif isinstance(recorded, str) and isinstance(now, str):
            if not self._texts(recorded, now):
                yield _told(where, recorded, now)
        elif type(recorded) is not type(now) or recorded != now:
            yield _told(where, recorded, now)

    def _lists(self, where: str, recorded: list[Any], now: list[Any]) -> Iterator[str]:
        if all(isinstance(row, dict) and set(row) == {"key", "value"} for row in (*recorded, *now)):
            yield from self.values(where, {row["key"]: row["value"] for row in recorded}, {row["key"]: row["value"] for row in now})
            return
        if len(recorded) != len(now):
            yield _told(where, recorded, now)
            return
        for number, (before, after) in enumerate(zip(recorded, now, strict=True)):
            yield from self.values(f"{where}[{number}]", before, after)

    def _alike(self, name: str, recorded: Any, now: Any) -> bool:
        """Whether a member that is another in each run has the form it should have."""
        if name in _TIMES:
            return isinstance(now, int) and not isinstance(now, bool) and now >= 0 and isinstance(recorded, int)
        return name == "code" and isinstance(now, str)

    def _texts(self, recorded: str, now: str) -> bool:
        if recorded == now or self.ids.get(recorded) == now or (recorded == KEY and now.startswith("Basic ")):
            return True
        if _ID.match(recorded) and _ID.match(now) and recorded not in self.ids:
            self.ids[recorded] = now
            return True
        before, after = _LOG.match(recorded), _LOG.match(now)
        if before and after:
            return before.groups() == after.groups()
        if recorded.startswith('{"') and now.startswith('{"'):
            return not list(self.values("", json.loads(recorded), json.loads(now)))
        return _address_free(recorded) == _address_free(now)


def _address_free(text: str) -> str:
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)


def _told(where: str, recorded: Any, now: Any) -> str:
    return f"{where}: {_short(recorded)} → {_short(now)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value) if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"


def load() -> list[Exchange]:
    """Every exchange, in the order in which they were recorded."""
    return [Exchange(**row) for file in sorted(FOLDER.glob("*.json")) for row in json.loads(file.read_text())]


@dataclass(frozen=True)
class Difference:
    """A kind of difference that is meant: which exchanges and places, as patterns, and why."""

    exchanges: tuple[str, ...]
    where: tuple[str, ...]
    reason: str

    def covers(self, exchange: str, told: str) -> bool:
        """Whether this is one of them."""
        place = told.partition(": ")[0]
        return any(fnmatchcase(exchange, pattern) for pattern in self.exchanges) and any(
            fnmatchcase(place, pattern) for pattern in self.where
        )


def intended() -> list[Difference]:
    """Where the hub means to differ."""
    rows = yaml.safe_load((FOLDER / "differences.yaml").read_text())
    return [Difference(tuple(row["exchanges"]), tuple(row["where"]), row["reason"]) for row in rows]
