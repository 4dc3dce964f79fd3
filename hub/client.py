"""Typed clients as the command line uses them: of the hub's own API, and of the API of any OpenWhisk."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from hub.wire.events import Event, read

LONGEST = 120.0
FIRST_REFUSAL = 400
PAGE = 200
PATIENCE = 60.0
TRIES = 6
ALL_RECORDS = "/api/v1/namespaces/_/activations"
SILENCE = 40.0
"""A stream says something every 15 s; after so long (s) without a word it was cut."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
TEMPORARY = {429, 502, 503, 504}
_OK, _MISSING, _CONFLICT, _THROTTLED = 200, 404, 409, 429
_CONCURRENT = "Concurrent modification"


class Refusal(Exception):
    """The hub said no; `problem` is its problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("error") or f"the hub answered {status}"))
        self.status = status
        self.problem = problem


class Unreachable(Exception):
    """No hub answers at the address."""


def read_wskprops(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a properties file; empty when there is none."""
    try:
        lines = path.expanduser().read_text().splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, sign, value in (line.partition("=") for line in lines) if sign}


class _Client:
    """The connection to one API host. `auth` is `uuid:key`; without `verify` any certificate will do."""

    def __init__(self, api_host: str, auth: str = "", *, verify: bool = True) -> None:
        base = api_host if "://" in api_host else f"https://{api_host}"
        uuid, _, key = auth.partition(":")
        self._base = base.rstrip("/")
        self._auth = auth
        self._http = httpx.Client(base_url=self._base, auth=(uuid, key) if auth else None, timeout=LONGEST, trust_env=False, verify=verify)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()


class HubClient(_Client):
    """Talks to one hub."""

    def _call(self, method: str, path: str, *, root: str = "/catalog/v1", **more: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, f"{root}{path}", **more)
        except httpx.HTTPError as error:
            raise Unreachable(
                f"No hub answers at {self._base}: {error}. Start one with `make run` or `hub serve`, or name another with --apihost."
            ) from error
        try:
            told = answer.json()
        except ValueError as error:
            raise Unreachable(f"What answers at {self._base} is no hub.") from error
        if answer.status_code >= FIRST_REFUSAL:
            raise Refusal(answer.status_code, told if isinstance(told, dict) else {})
        found: dict[str, Any] = told
        return found

    def search(self, text: str, limit: int = 20) -> list[dict[str, Any]]:
        """Packages that fit; all of them for empty text."""
        params: dict[str, str | int] = {"q": text, "limit": limit} if text else {"limit": limit}
        rows: list[dict[str, Any]] = self._call("GET", "/packages", params=params)["packages"]
        return rows

    def package(self, namespace: str, name: str, version: str | None = None) -> dict[str, Any]:
        """One package, or one release of it."""
        place = f"/packages/{quote(namespace, safe='')}/{quote(name, safe='')}"
        if version:
            found: dict[str, Any] = self._call("GET", f"{place}/versions/{quote(version, safe='')}")["version"]
        else:
            found = self._call("GET", place)["package"]
        return found

    def publish(self, artefact: bytes, **query: str) -> dict[str, Any]:
        """Publish an artefact."""
        return self._call("POST", "/packages", params=query, content=artefact, headers={"content-type": "application/zip"})

    def install(self, body: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        """Plan, or plan and apply."""
        return self._call("POST", "/installs", params={"dry_run": str(dry_run).lower()}, json=body)

    def installs(self) -> list[dict[str, Any]]:
        """What is installed."""
        rows: list[dict[str, Any]] = self._call("GET", "/installs")["installs"]
        return rows

    def uninstall(self, name: str) -> list[dict[str, Any]]:
        """The receipt."""
        rows: list[dict[str, Any]] = self._call("DELETE", f"/installs/{quote(name, safe='')}")["receipt"]
        return rows

    def builds(self) -> list[dict[str, Any]]:
        """Builds of what actions depend on, the latest first."""
        rows: list[dict[str, Any]] = self._call("GET", "/builds", root="/hub/v1")["builds"]
        return rows

    def build(self, number: str) -> dict[str, Any]:
        """One, with the end of its log."""
        found: dict[str, Any] = self._call("GET", f"/builds/{quote(number, safe='')}", root="/hub/v1")["build"]
        return found

    def connections(self) -> list[dict[str, Any]]:
        """What is kept, without secrets."""
        rows: list[dict[str, Any]] = self._call("GET", "/connections")["connections"]
        return rows

    def add_connection(self, body: dict[str, Any]) -> dict[str, Any]:
        """Test and keep."""
        found: dict[str, Any] = self._call("POST", "/connections", json=body)["connection"]
        return found

    def check_connection(self, name: str) -> dict[str, Any]:
        """Ask the service again."""
        found: dict[str, Any] = self._call("POST", f"/connections/{quote(name, safe='')}/check")["connection"]
        return found

    def remove_connection(self, name: str, *, force: bool) -> dict[str, Any]:
        """Forget it."""
        return self._call("DELETE", f"/connections/{quote(name, safe='')}", params={"force": str(force).lower()})


class LogClient(_Client):
    """Reads logs of one namespace, those that are written now as well. Calls raise Unreachable, or Refusal with what was said."""

    def records(self, *, name: str | None, since: int | None, limit: int) -> list[dict[str, Any]]:
        """The newest records with their logs, oldest first; `since` in ms."""
        params: dict[str, str | int] = {"docs": "true", "limit": limit}
        if name:
            params["name"] = name
        if since is not None:
            params["since"] = since
        answer = self._told(self._http.build_request("GET", ALL_RECORDS, params=params))
        return list(reversed(answer.json()))

    def lines(self, activation_id: str) -> list[str]:
        """The log of one record."""
        found: list[str] = self._told(self._http.build_request("GET", f"{ALL_RECORDS}/{activation_id}/logs")).json()["logs"]
        return found

    def follow_activation(self, activation_id: str, on_cut: Callable[[], None]) -> Iterator[Event]:
        """Its lines (`line`) until it ends (`end`)."""
        return self._follow(f"{ALL_RECORDS}/{activation_id}/logs", {"follow": "true"}, on_cut)

    def follow(self, action: str | None, on_cut: Callable[[], None]) -> Iterator[Event]:
        """What all actions print from now on, or one of them: `line` and `ended`, without end; after the first, `open`, none is missed."""
        return self._follow("/hub/v1/namespaces/_/logs", {"action": action} if action else {}, on_cut)

    def _told(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        try:
            answer = self._http.send(request, stream=stream)
            if answer.status_code >= FIRST_REFUSAL:
                answer.read()
        except httpx.HTTPError as error:
            raise Unreachable(f"No hub answers at {self._base}: {error or type(error).__name__}.") from error
        if answer.status_code >= FIRST_REFUSAL:
            raise Refusal(answer.status_code, _problem(answer))
        return answer

    def _follow(self, path: str, params: dict[str, str], on_cut: Callable[[], None]) -> Iterator[Event]:
        """After a cut it goes on where it was, `on_cut` having been called. Raises Unreachable when there is no stream to begin with."""
        mark, pause, begun = "", SHORTEST_PAUSE, False
        while True:
            headers = {"accept": "text/event-stream", **({"last-event-id": mark} if mark else {})}
            request = self._http.build_request("GET", path, params=params, headers=headers, timeout=httpx.Timeout(LONGEST, read=SILENCE))
            try:
                answer = self._told(request, stream=True)
                with contextlib.closing(answer):
                    if not begun:
                        begun = True
                        yield Event("open", b"{}")
                    for event in read(answer.iter_text()):
                        mark, pause = event.mark or mark, SHORTEST_PAUSE
                        yield event
                        if event.kind == "end":
                            return
            except (Unreachable, httpx.HTTPError):
                if not begun:
                    raise
            except Refusal as refusal:
                if not begun or refusal.status not in TEMPORARY:
                    raise
            on_cut()
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


class WhiskClient(_Client):
    """Talks to one namespace of an OpenWhisk, ours or any other, at `/api/v1` (openwhisk-api §1.3).

    Paths are `name` or `package/name`. Every call raises Unreachable, or Refusal with what was said. What is throttled or was changed by
    somebody else at the same time is tried again.
    """

    def __init__(self, api_host: str, auth: str, namespace: str = "_", *, verify: bool = True) -> None:
        super().__init__(api_host, auth, verify=verify)
        self.namespace = namespace

    @property
    def address(self) -> str:
        """Where it is."""
        return self._base

    def namespaces(self) -> list[str]:
        """Those of the key."""
        return [str(name) for name in self._ask("GET", "/api/v1/namespaces")]

    def runtimes(self) -> dict[str, list[dict[str, Any]]]:
        """The kinds that run there, by family (openwhisk-api §1.2); empty when it does not tell."""
        try:
            told = self._ask("GET", "/", headers={"accept": "application/json"})
        except Refusal:
            return {}
        found = told.get("runtimes") if isinstance(told, dict) else None
        return found if isinstance(found, dict) else {}

    def listed(self, collection: str) -> Iterator[dict[str, Any]]:
        """Every row of a collection, page by page."""
        skip = 0
        while True:
            rows = self._ask("GET", self._place(collection), params={"limit": PAGE, "skip": skip})
            yield from rows
            if len(rows) < PAGE:
                return
            skip += PAGE

    def find(self, collection: str, path: str, *, namespace: str | None = None, code: bool = True) -> dict[str, Any] | None:
        """One entity, or None where there is none."""
        params = {} if code or collection != "actions" else {"code": "false"}
        try:
            found: dict[str, Any] = self._ask("GET", self._place(collection, path, namespace), params=params)
        except Refusal as refusal:
            if refusal.status == _MISSING:
                return None
            raise
        return found

    def put(self, collection: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make or replace."""
        made: dict[str, Any] = self._ask("PUT", self._place(collection, path), params={"overwrite": "true"}, json=body)
        return made

    def delete(self, collection: str, path: str) -> None:
        """Remove."""
        self._ask("DELETE", self._place(collection, path))

    def switch(self, rule: str, *, active: bool) -> None:
        """Turn a rule on or off."""
        self._ask("POST", self._place("rules", rule), json={"status": "active" if active else "inactive"})

    def lifecycle(self, event: str, trigger: str, feed: tuple[str, str], settings: dict[str, Any]) -> dict[str, Any]:
        """A life-cycle call of a feed, `feed` being its namespace and path; the result (openwhisk-api §6.1)."""
        protocol = {"lifecycleEvent": event, "triggerName": f"/{self.namespace}/{trigger}", "authKey": self._auth}
        namespace, path = feed
        told = self._ask(
            "POST", self._place("actions", path, namespace), params={"blocking": "true", "result": "false"}, json={**settings, **protocol}
        )
        response = told.get("response")
        if response is None:
            raise Refusal(202, {"error": f"the feed has not answered yet; its activation is {told.get('activationId')}"})
        result = response.get("result")
        return result if isinstance(result, dict) else {}

    def apis(self) -> list[dict[str, Any]] | None:
        """What getApi knows: each with its `apidoc` (openwhisk-api §16.1); None where there is no gateway."""
        try:
            told = self._ask("GET", "/api/v1/web/whisk.system/apimgmt/getApi.http", params=self._gateway)
        except Refusal as refusal:
            if refusal.status == _MISSING:
                return None
            raise
        rows = told.get("apis") if isinstance(told, dict) else None
        return [row["value"] for row in rows or []]

    def create_api(self, apidoc: dict[str, Any], response: str = "json") -> None:
        """One operation, or with a `swagger` in it a whole API."""
        params = {**self._gateway, "responsetype": response}
        self._ask("POST", "/api/v1/web/whisk.system/apimgmt/createApi.http", params=params, json={"apidoc": apidoc})

    @property
    def auth(self) -> str:
        """`uuid:key`, as a backend of the gateway needs it."""
        return self._auth

    @property
    def _gateway(self) -> dict[str, str]:
        return {"accesstoken": "DUMMY TOKEN", "spaceguid": self._auth.partition(":")[0]}

    def _place(self, collection: str, path: str = "", namespace: str | None = None) -> str:
        base = f"/api/v1/namespaces/{quote(namespace or self.namespace, safe='')}/{collection}"
        return "/".join([base, *(quote(part, safe="") for part in path.split("/") if part)])

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        for _ in range(TRIES):
            answer = self._answer(method, path, **more)
            if answer.status_code < FIRST_REFUSAL:
                return _read(answer)
            refusal = _refusal(answer)
            concurrent = answer.status_code == _CONFLICT and _CONCURRENT in str(refusal)
            if answer.status_code != _THROTTLED and not concurrent:
                break
            wait = answer.headers.get("retry-after", "")
            time.sleep(min(float(wait) if wait.isdecimal() else 1.0, PATIENCE))
        raise refusal

    def _answer(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise Unreachable(f"No OpenWhisk answers at {self._base}: {error or type(error).__name__}.") from error


def _problem(answer: httpx.Response) -> dict[str, Any]:
    told = _read(answer)
    return told if isinstance(told, dict) else {}


def _read(answer: httpx.Response) -> Any:
    """JSON; switching a rule answers plain text (openwhisk-api §4.4)."""
    try:
        return answer.json()
    except ValueError:
        return {}


def _refusal(answer: httpx.Response) -> Refusal:
    """What was said: an error document, or the record of a failed activation."""
    told = _read(answer)
    told = told if isinstance(told, dict) else {}
    response = told.get("response")
    result = response.get("result") if isinstance(response, dict) else None
    error = result.get("error") if isinstance(result, dict) else told.get("error")
    words = error if isinstance(error, str) else json.dumps(error) if error else ""
    return Refusal(answer.status_code, {"error": words})
