"""Cloudant changes: follows `_changes` of any CouchDB (packages-and-feeds §5.2-5.4, §13.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec

from hub.feedkit import (
    Batch,
    Context,
    FeedError,
    Json,
    Occurrence,
    Plan,
    Settings,
    SettingsRefused,
    SourceRefused,
    SourceUnavailable,
    Subscribed,
)

from . import couchdb

HEARTBEAT_MS = 10_000
LARGEST_BATCH = 500
UPDATABLE = ("filter", "query_params")
_decode = msgspec.json.Decoder().decode


class Changes:
    """The feed `changes`. The cursor is `{"seq", "born"}`: the last sequence, and when the database was made where it says so."""

    secrets: tuple[str, ...] = ("password", "iamApiKey", "url")

    async def create(self, sub: Subscribed, context: Context) -> Plan:
        """See `Provider.create`: reach the database, and fix where to start."""
        settings = sub.settings
        couchdb.check(settings)
        try:
            born = await self._born(settings, context.http)
            seq = settings["since"] if settings.get("since") not in (None, "") else "now"
            if seq == "now":
                seq = await self._newest(settings, context.http)
        except SourceRefused as error:
            raise SettingsRefused(str(error), status=error.status) from error
        except SourceUnavailable as error:
            raise SettingsRefused(str(error), status=503) from error
        return Plan(settings=settings, cursor=_cursor(seq, born))

    async def read(self, sub: Subscribed, context: Context) -> dict[str, Json]:
        """See `Provider.read`; secrets are told as set, never shown."""
        names = ("host", "port", "protocol", "dbname", "username", "since", "filter", "query_params")
        shown = {name: sub.settings.get(name) for name in names}
        secret = {name: {"set": True} for name in self.secrets if sub.settings.get(name)}
        return {**shown, **secret, "cursor": sub.cursor}

    async def update(self, sub: Subscribed, changes: Settings, context: Context) -> Plan:
        """See `Provider.update`: only the filter may change; credentials that were bound anew are taken along."""
        if not any(name in changes for name in UPDATABLE):
            raise SettingsRefused("At least one of filter or query_params parameters must be supplied")
        kept = {**sub.settings, **{name: changes[name] for name in (*UPDATABLE, "username", "password") if name in changes}}
        couchdb.check(kept)
        return Plan(settings=kept)

    async def delete(self, sub: Subscribed, context: Context) -> None:
        """See `Provider.delete`: there is nothing of ours at the database."""

    async def listen(self, sub: Subscribed, context: Context) -> AsyncIterator[Batch]:
        """See `ListeningFeed.listen`."""
        settings = sub.settings
        known = msgspec.json.decode(sub.cursor) if sub.cursor else {"seq": "now", "born": None}
        born = await self._born(settings, context.http)
        if known["born"] and born and known["born"] != born:
            raise SourceRefused(_made_again(settings), status=409)
        seq = known["seq"]
        async for rows, last in _batches(settings, seq, context.http):
            if _went_back(seq, last):
                raise SourceRefused(_made_again(settings), status=409)
            seq = last
            yield Batch(occurrences=rows, cursor=_cursor(seq, born))

    async def _born(self, settings: Settings, http: httpx.AsyncClient) -> str | None:
        """When the database was made. Raises SourceRefused or SourceUnavailable when it does not answer."""
        told = await _get(settings, "", {}, http)
        made = told.get("instance_start_time")
        return made if isinstance(made, str) and made != "0" else None

    async def _newest(self, settings: Settings, http: httpx.AsyncClient) -> Json:
        """Where the feed stands now: no row, only the sequence (packages-and-feeds §13.1)."""
        told = await _get(settings, "/_changes", {"since": "now", "limit": "0"}, http)
        return told.get("last_seq", "now")


def _cursor(seq: Json, born: str | None) -> str:
    return msgspec.json.encode({"seq": seq, "born": born}).decode()


def _made_again(settings: Settings) -> str:
    return (
        f"The database {settings['dbname']} was deleted and made again, so the position in its changes means nothing any more. "
        "Create the feed again, with since: 0 to begin from its first change or since: now to go on from here."
    )


def _went_back(before: Json, after: Json) -> bool:
    """Numbers are PouchDB's and old CouchDB's; anything else is opaque and never compared."""
    return isinstance(before, int) and isinstance(after, int) and after < before


def _auth(settings: Settings) -> httpx.BasicAuth | None:
    known = couchdb.credentials(settings)
    return httpx.BasicAuth(*known) if known else None


async def _get(settings: Settings, path: str, params: dict[str, str], http: httpx.AsyncClient) -> dict[str, Any]:
    address = couchdb.database_url(settings) + path
    try:
        answer = await http.get(
            address, params=params, auth=_auth(settings) or httpx.USE_CLIENT_DEFAULT, headers={"accept": "application/json"}
        )
    except httpx.HTTPError as error:
        raise _unreachable(settings, error) from error
    if answer.status_code != 200:  # noqa: PLR2004 - anything else is a refusal
        raise couchdb.failure(answer.status_code, answer.content, str(settings["dbname"]))
    told = _read(answer.content)
    if not isinstance(told, dict):
        raise SourceUnavailable(f"error connecting to database {settings['dbname']}: the answer is not CouchDB's")
    return told


def _unreachable(settings: Settings, error: Exception) -> FeedError:
    return SourceUnavailable(f"error connecting to database {settings['dbname']}: {error or type(error).__name__}")


def _read(data: bytes) -> Any:
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


async def _batches(settings: Settings, since: Json, http: httpx.AsyncClient) -> AsyncIterator[tuple[tuple[Occurrence, ...], Json]]:
    """Rows that came together, and the sequence after them. Ends when the server says `last_seq`."""
    params = {"feed": "continuous", "heartbeat": str(HEARTBEAT_MS), **couchdb.filter_params(settings)}
    params["since"] = since if isinstance(since, str) else msgspec.json.encode(since).decode()
    request = http.build_request(
        "GET",
        f"{couchdb.database_url(settings)}/_changes",
        params=params,
        headers={"accept": "application/json", "accept-encoding": "identity"},
        timeout=httpx.Timeout(10.0, read=HEARTBEAT_MS / 1000 * 3),
    )
    try:
        response = await http.send(request, stream=True, auth=_auth(settings) or httpx.USE_CLIENT_DEFAULT)
        try:
            if response.status_code != 200:  # noqa: PLR2004 - anything else is a refusal
                raise couchdb.failure(response.status_code, await response.aread(), str(settings["dbname"]))
            async for batch in _rows(response, str(settings["dbname"])):
                yield batch
        finally:
            await response.aclose()
    except httpx.HTTPError as error:
        raise _unreachable(settings, error) from error


async def _rows(response: httpx.Response, dbname: str) -> AsyncIterator[tuple[tuple[Occurrence, ...], Json]]:
    partial = b""
    async for part in response.aiter_raw():
        *lines, partial = (partial + part).split(b"\n")
        rows: list[Occurrence] = []
        last: Json = None
        for line in lines:
            if not line.strip():
                continue
            row = _read(line)
            if not isinstance(row, dict):
                raise SourceUnavailable(f"the changes of {dbname} hold a line that is no change")
            if "last_seq" in row:
                yield tuple(rows), row["last_seq"]
                return
            if row.get("error"):
                raise SourceUnavailable(f"the changes of {dbname} ended: {row.get('reason') or row['error']}")
            rows.append(couchdb.occurrence(row, dbname))
            last = row.get("seq", last)
            if len(rows) >= LARGEST_BATCH:
                yield tuple(rows), last
                rows = []
        if rows:
            yield tuple(rows), last
        await asyncio.sleep(0)


PROVIDERS = {"changes": Changes()}
