"""CouchDB as the feed sees it: where a database is, what its answers mean, what a row of `_changes` becomes (pure)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from hub.feedkit import FeedError, Json, Occurrence, Settings, SettingsRefused, SourceRefused, SourceUnavailable

LOCKED = "temporarily locked"
LOCKED_FOR = 300.0
BUSY = (408, 409, 429)
SERVER_ERROR = 500


def base_url(settings: Settings) -> str:
    """`protocol://host[:port]` from `url`, or from host, protocol and port. Never with user info."""
    if settings.get("url"):
        parts = urlsplit(str(settings["url"]))
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingsRefused("cloudant trigger feed: the url parameter must look like https://host or http://host:port")
        place = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return f"{parts.scheme}://{place}" + (f":{parts.port}" if parts.port else "") + parts.path.rstrip("/")
    protocol = str(settings.get("protocol") or "https")
    if protocol not in {"http", "https"}:
        raise SettingsRefused("cloudant trigger feed: the protocol parameter must be http or https")
    port = settings.get("port")
    return f"{protocol}://{settings['host']}" + (f":{port}" if port else "")


def credentials(settings: Settings) -> tuple[str, str] | None:
    """Username and password, also from the user info of `url`; None when there are none."""
    parts = urlsplit(str(settings.get("url") or ""))
    username = settings.get("username") or unquote(parts.username or "")
    password = settings.get("password") or unquote(parts.password or "")
    return (str(username), str(password)) if username and password else None


def database_url(settings: Settings) -> str:
    """The address of the database."""
    return f"{base_url(settings)}/{quote(str(settings['dbname']), safe='')}"


def check(settings: Settings) -> None:
    """Raise SettingsRefused with upstream's texts, in upstream's order (packages-and-feeds §5.2)."""
    if not settings.get("dbname"):
        raise SettingsRefused("cloudant trigger feed: missing dbname parameter")
    if not settings.get("host") and not settings.get("url"):
        raise SettingsRefused("cloudant trigger feed: missing host parameter")
    if settings.get("iamApiKey"):
        raise SettingsRefused("cloudant trigger feed: iamApiKey is not supported by this version; give username and password")
    if credentials(settings) is None and settings.get("auth") != "none":
        raise SettingsRefused(
            "cloudant trigger feed: Must specify parameter/s of iamApiKey or username/password (or auth: none for a database that is open)"
        )
    filter_params(settings)


def filter_params(settings: Settings) -> dict[str, str]:
    """`filter` and what it is given, as query parameters."""
    params = settings.get("query_params")
    if isinstance(params, str):
        try:
            params = msgspec.json.decode(params.encode())
        except msgspec.MsgspecError as error:
            raise SettingsRefused("The query_params parameter is not a valid JSON Object") from error
    if params is not None and not isinstance(params, dict):
        raise SettingsRefused("The query_params parameter is not a valid JSON Object")
    if not settings.get("filter"):
        if params:
            raise SettingsRefused("The query_params parameter is only allowed if the filter parameter is defined")
        return {}
    given = {str(key): value if isinstance(value, str) else msgspec.json.encode(value).decode() for key, value in (params or {}).items()}
    return {"filter": str(settings["filter"]), **given}


def failure(status: int, body: bytes, dbname: str) -> FeedError:
    """What a refusal of the database means (packages-and-feeds §13.1)."""
    reason = _reason(body)
    words = f"error connecting to database {dbname}: {status} {reason}".rstrip()
    if status in BUSY or status >= SERVER_ERROR:
        return SourceUnavailable(words)
    if status == 403 and LOCKED in reason:  # noqa: PLR2004 - Forbidden
        return SourceUnavailable(words, retry_after=LOCKED_FOR)
    return SourceRefused(words, status=status)


def _reason(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return str(told.get("reason") or told.get("error") or "")[:200] if isinstance(told, dict) else ""


def occurrence(row: dict[str, Any], dbname: str) -> Occurrence:
    """One change: named for ever by document and revision, because sequences may repeat (reliability §2.9)."""
    revisions = ",".join(str(change.get("rev")) for change in row.get("changes") or ())
    payload: dict[str, Json] = {**row, "dbname": dbname}
    return Occurrence(key=f"{row.get('id')}|{revisions}", payload=payload)
