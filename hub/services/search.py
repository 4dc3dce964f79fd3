"""Search over the catalog: an embedded index that follows the change serial (design §2.11, marketplace §1)."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec

from hub.bus.base import Bus, Message, Subject
from hub.domain.release import Release, ReleaseStatus
from hub.storage.base import Store
from hub.telemetry.log import get_logger

log = get_logger(__name__)

WEIGHTS = {"name": 10.0, "entities": 6.0, "keywords": 5.0, "description": 3.0, "readme": 1.0}
EXACT = 100.0
FEW = 5
PAGE = 500
HEAP = 15_000_000
_WORD = re.compile(r"\w+", re.UNICODE)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One hit."""

    namespace: str
    name: str
    version: str
    description: str
    score: float


class Search:
    """Holds one document for each listing: its default version (newest that is not yanked and no pre-release)."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self._serial = 0
        self._index: Any = None
        self._schema: Any = None
        self._listings: dict[str, dict[str, Release]] = {}
        self._lock = asyncio.Lock()
        self._bell = asyncio.Event()
        self._end = bus.subscribe(Subject.RELEASE, self._ring)

    def _ring(self, _message: Message) -> None:
        self._bell.set()

    async def open(self) -> None:
        """Make the index and read the whole catalog into it."""
        await asyncio.to_thread(self._make)
        await self.refresh()

    async def run(self) -> None:
        """Follow changes until cancelled."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            await self.refresh()

    def close(self) -> None:
        """Stop following."""
        self._end()

    def _make(self) -> None:
        import tantivy  # noqa: PLC0415 - loaded when a catalog starts, not when a module is read

        builder = tantivy.SchemaBuilder()
        builder.add_text_field("key", stored=True, tokenizer_name="raw")
        builder.add_text_field("exact", tokenizer_name="raw")
        for name in WEIGHTS:
            builder.add_text_field(name)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)

    async def refresh(self) -> None:
        """Take in every change since the last; what is published is searchable when this returns."""
        async with self._lock:
            changed: set[str] = set()
            while releases := await self._store.releases_since(self._serial, PAGE):
                for release in releases:
                    self._listings.setdefault(release.full_name, {})[release.version] = release
                    changed.add(release.full_name)
                self._serial = releases[-1].serial
            if changed:
                await asyncio.to_thread(self._write, changed)

    def _write(self, changed: set[str]) -> None:
        import tantivy  # noqa: PLC0415 - see _make

        writer = self._index.writer(HEAP, 1)
        for full_name in changed:
            writer.delete_documents("key", full_name)
            release = default_release(list(self._listings[full_name].values()))
            if release is not None:
                writer.add_document(tantivy.Document(**_fields(release)))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def of_digest(self, namespace: str, digest: str) -> tuple[Release, ...]:
        """The releases of a publisher that were made of one artefact."""
        rows = (row for versions in self._listings.values() for row in versions.values())
        return tuple(row for row in rows if row.namespace == namespace and row.digest == digest)

    def listing(self, full_name: str) -> Release | None:
        """The default release of a listing."""
        return default_release(list(self._listings.get(full_name, {}).values()))

    def names(self) -> list[str]:
        """Every listing with a default release, by name."""
        return sorted(name for name in self._listings if self.listing(name) is not None)

    async def find(self, text: str, limit: int) -> list[Found]:
        """The best hits first: an exact name, then by where the words stand; a word that is nearly right helps when hits are few."""
        words = [word.lower() for word in _WORD.findall(text)]
        if not words:
            return []
        return await asyncio.to_thread(self._find, text.strip().lower(), words, limit)

    def _find(self, text: str, words: list[str], limit: int) -> list[Found]:
        searcher = self._index.searcher()
        hits = self._hits(searcher, self._query(text, words, fuzzy=False), limit)
        if len(hits) < FEW:
            known = {hit.namespace + "/" + hit.name for hit in hits}
            more = self._hits(searcher, self._query(text, words, fuzzy=True), limit)
            hits += [hit for hit in more if hit.namespace + "/" + hit.name not in known]
        return hits[:limit]

    def _query(self, text: str, words: list[str], *, fuzzy: bool) -> Any:
        from tantivy import Occur, Query  # noqa: PLC0415 - see _make

        must = []
        for place, word in enumerate(words):
            anywhere = []
            for field, weight in WEIGHTS.items():
                anywhere.append((Occur.Should, Query.boost_query(Query.term_query(self._schema, field, word), weight)))
                if place == len(words) - 1 and field != "readme":
                    prefix = Query.regex_query(self._schema, field, re.escape(word) + ".*")
                    anywhere.append((Occur.Should, Query.boost_query(prefix, weight / 2)))
                if fuzzy and field in {"name", "entities", "keywords"} and len(word) > 2:  # noqa: PLR2004 - shorter words match everything
                    distance = 1 if len(word) < 6 else 2  # noqa: PLR2004 - two mistakes only in longer words
                    near = Query.fuzzy_term_query(self._schema, field, word, distance=distance)
                    anywhere.append((Occur.Should, Query.boost_query(near, weight / 4)))
            must.append((Occur.Must, Query.boolean_query(anywhere)))
        exact = Query.boost_query(Query.term_query(self._schema, "exact", text), EXACT)
        return Query.boolean_query([(Occur.Should, Query.boolean_query(must)), (Occur.Should, exact)])

    def _hits(self, searcher: Any, query: Any, limit: int) -> list[Found]:
        found: list[Found] = []
        for score, address in searcher.search(query, limit).hits:
            release = self.listing(searcher.doc(address)["key"][0])
            if release is not None:
                described = str(release.document.get("description") or "")
                found.append(
                    Found(namespace=release.namespace, name=release.name, version=release.version, description=described, score=score)
                )
        return sorted(found, key=lambda hit: (-round(hit.score, 3), hit.name))


def _fields(release: Release) -> dict[str, Any]:
    document = release.document
    entities = [row["name"] for kind in ("actions", "feeds", "sequences") for row in document.get(kind, ())]
    return {
        "key": release.full_name,
        "exact": [release.name, release.full_name],
        "name": [release.name, release.name.replace("-", " ")],
        "entities": [*entities, " ".join(entities).replace("-", " ")],
        "keywords": [*document.get("keywords", ()), str(document.get("category") or "")],
        "description": [
            str(document.get("description") or ""),
            *(str(row.get("description") or "") for row in document.get("actions", ())),
        ],
        "readme": release.readme,
    }


def version_key(version: str) -> tuple[Any, ...]:
    """The order of semantic versions; a pre-release comes before its release."""
    core, _, pre = version.partition("-")
    numbers = tuple(int(part) for part in core.split("."))
    parts = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in pre.split("."))
    return (*numbers, not pre, parts)


def default_release(releases: list[Release]) -> Release | None:
    """Newest, released, no pre-release (marketplace §0)."""
    usable = [release for release in releases if release.status == ReleaseStatus.RELEASED and "-" not in release.version]
    return max(usable, key=lambda release: version_key(release.version), default=None)
