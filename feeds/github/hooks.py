"""The hooks API of GitHub and of hosts compatible with it (packages-and-feeds §13.3)."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from hub.feedkit import Settings, SettingsRefused, SourceRefused, SourceUnavailable

DEFAULT_BASE = "https://api.github.com"
VERSION = "2022-11-28"
AGENT = "whiskhub"
CREATED, NO_CONTENT, OK, NOT_FOUND = 201, 204, 200, 404
FIRST_REFUSAL = 400


def repository_of(settings: Settings) -> str:
    """`owner/repo`; the owner is the user unless the repository names one."""
    repository = str(settings["repository"]).strip().strip("/")
    return repository if "/" in repository else f"{settings['username']}/{repository}"


def events_of(settings: Settings) -> list[str]:
    """The events asked for, trimmed and in order."""
    given = settings["events"]
    names = given if isinstance(given, list) else str(given).split(",")
    return list(dict.fromkeys(str(name).strip() for name in names if str(name).strip()))


class Hooks:
    """Calls with one token."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        base = str(settings.get("baseUrl") or DEFAULT_BASE).rstrip("/")
        self._address = f"{base}/repos/{repository_of(settings)}/hooks"
        self._repository = repository_of(settings)
        self._base = base
        self._headers = {
            "accept": "application/vnd.github+json",
            "x-github-api-version": VERSION,
            "authorization": f"Bearer {settings['accessToken']}",
            "user-agent": AGENT,
        }
        self._http = http

    async def create(self, callback: str, secret: str, events: list[str]) -> dict[str, Any]:
        """Register a hook; the service's description of it."""
        body = {"name": "web", "active": True, "events": events, "config": _config(callback, secret)}
        return await self._call("POST", "", body)

    async def read(self, hook_id: int) -> dict[str, Any]:
        """The hook, with the service's last answer from us."""
        return await self._call("GET", f"/{hook_id}")

    async def change(self, hook_id: int, callback: str, secret: str, events: list[str]) -> dict[str, Any]:
        """Other events. The secret goes along: a change without it would remove it."""
        return await self._call("PATCH", f"/{hook_id}", {"active": True, "events": events, "config": _config(callback, secret)})

    async def remove(self, hook_id: int) -> None:
        """Delete the hook; one that is gone already is fine."""
        try:
            await self._call("DELETE", f"/{hook_id}")
        except SourceRefused as error:
            if error.status != NOT_FOUND:
                raise

    async def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        content = msgspec.json.encode(body) if body is not None else None
        headers = {**self._headers, "content-type": "application/json"} if content else self._headers
        try:
            answer = await self._http.request(method, self._address + path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise SourceUnavailable(f"{self._base} cannot be reached: {error or type(error).__name__}") from error
        if answer.status_code >= FIRST_REFUSAL:
            raise self._refusal(answer)
        if answer.status_code == NO_CONTENT or not answer.content:
            return {}
        try:
            told = msgspec.json.decode(answer.content)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SourceUnavailable(f"{self._base} did not answer as GitHub does") from error
        return told if isinstance(told, dict) else {}

    def _refusal(self, answer: httpx.Response) -> SourceRefused | SourceUnavailable:
        status = answer.status_code
        said = _said(answer.content)
        if status == 401:  # noqa: PLR2004 - Unauthorized
            return SourceRefused(f"{self._base} does not accept the access token: {said}", status=status)
        if status in {408, 409, 429} or status >= 500 or "rate limit" in said.lower():  # noqa: PLR2004 - the server's trouble
            wait = answer.headers.get("retry-after", "")
            return SourceUnavailable(
                f"{self._base} cannot answer now: {status} {said}", retry_after=float(wait) if wait.isdecimal() else None
            )
        if status == 403:  # noqa: PLR2004 - Forbidden
            wanted = answer.headers.get("x-accepted-github-permissions") or "repository hooks: write"
            return SourceRefused(f"The access token may not change hooks of {self._repository} (it needs {wanted}): {said}", status=status)
        if status == NOT_FOUND:
            return SourceRefused(
                f"{self._base} knows no repository {self._repository}, or the access token may not see its hooks (it needs the right to "
                "administer repository hooks).",
                status=status,
            )
        return SourceRefused(f"{self._base} refused the hook: {said}", status=status)


def _config(callback: str, secret: str) -> dict[str, str]:
    return {"url": callback, "content_type": "json", "secret": secret, "insecure_ssl": "0"}


def _said(body: bytes) -> str:
    """The service's own words, errors included."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    if not isinstance(told, dict):
        return ""
    errors = told.get("errors")
    details = [str(row.get("message") or row.get("code") or "") if isinstance(row, dict) else str(row) for row in errors or ()]
    return "; ".join(filter(None, [str(told.get("message") or ""), *details]))[:300]


def refused(error: SourceRefused | SourceUnavailable) -> SettingsRefused:
    """A refusal while a life-cycle call runs is the answer to that call."""
    status = error.status if isinstance(error, SourceRefused) else 503
    return SettingsRefused(str(error), status=status)
