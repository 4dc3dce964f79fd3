"""A typed client of the hub's own API, as the command line uses it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

LONGEST = 120.0
FIRST_REFUSAL = 400


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


class HubClient:
    """Talks to one hub. `auth` is `uuid:key`."""

    def __init__(self, api_host: str, auth: str = "") -> None:
        base = api_host if "://" in api_host else f"https://{api_host}"
        uuid, _, key = auth.partition(":")
        self._base = base.rstrip("/")
        self._http = httpx.Client(base_url=self._base, auth=(uuid, key) if auth else None, timeout=LONGEST, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, f"/catalog/v1{path}", **more)
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
