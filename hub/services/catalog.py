"""The catalog: publishing releases and showing them (marketplace §2, §10)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from hub.blobs.base import Blobs
from hub.bus.base import Bus, Message, Subject
from hub.domain.action import CodeExec
from hub.domain.errors import Malformed, NotFound, RequestError
from hub.domain.identity import Identity
from hub.domain.manifest import ManifestAction, PackageManifest
from hub.domain.parameters import Json
from hub.domain.release import Finding, Release, Severity
from hub.services.checks import Subject as CheckSubject
from hub.services.checks import run_checks
from hub.services.clock import now_ms
from hub.services.search import Search, version_key
from hub.storage.base import Store
from hub.wire.artefact import BadArtefact, chosen, digest_of, open_artefact, pack, zipped
from hub.wire.manifest import read_package

SYSTEM = "whisk.system"


class KindList(Protocol):
    """Which kinds run here."""

    def names(self) -> list[str]:
        """Every kind that is listed."""


class PublishRefused(RequestError):
    """The checks found errors; `findings` are all of them."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        errors = [finding for finding in findings if finding.severity == Severity.ERROR]
        super().__init__(f"The package has {len(errors)} error{'s' if len(errors) != 1 else ''}: {errors[0].message}")
        self.findings = findings

    def only(self, code: str) -> bool:
        """Whether all errors are of one check."""
        return all(finding.code == code for finding in self.findings if finding.severity == Severity.ERROR)


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a publish made (or, dry, would make), and what the checks had to say."""

    releases: tuple[Release, ...]
    findings: tuple[Finding, ...]


class Catalog:
    """Listings and their releases."""

    def __init__(self, store: Store, blobs: Blobs, bus: Bus, search: Search, kinds: KindList) -> None:
        self._store = store
        self._blobs = blobs
        self._bus = bus
        self._search = search
        self._kinds = kinds
        self._opened: dict[str, tuple[PackageManifest, Mapping[str, bytes]]] = {}

    @property
    def search(self) -> Search:
        """The index."""
        return self._search

    async def publish(
        self,
        caller: Identity,
        artefact: bytes,
        *,
        namespace: str | None = None,
        name: str | None = None,
        version: str | None = None,
        dry_run: bool = False,
    ) -> Published:
        """Check, store the artefact by its digest, release.

        Raises PublishRefused with every finding, NotFound for a foreign publisher,
        Conflict when the version exists with other bytes.
        """
        space = namespace or caller.namespace
        if space != caller.namespace and not (caller.operator and space == SYSTEM):
            raise NotFound(f"There is no publisher {space} of yours.")
        try:
            files = open_artefact(artefact)
        except BadArtefact as error:
            raise PublishRefused(
                (Finding(code="archive_is_safe", message=str(error), file="", way_out="Pack the folder again."),)
            ) from error
        reading = read_package(files, name=name, version=version)
        findings = list(reading.findings)
        kinds = tuple(self._kinds.names())
        for manifest in reading.manifests:
            findings += run_checks(CheckSubject(manifest=manifest, files=files, kinds=kinds, official=space == SYSTEM))
        told = tuple(dict.fromkeys(findings))
        if any(finding.severity == Severity.ERROR for finding in told):
            raise PublishRefused(told)
        releases = tuple(_release(space, caller, manifest, artefact) for manifest in reading.manifests)
        if not dry_run:
            releases = await self._released(artefact, releases)
        return Published(releases=releases, findings=told)

    async def _released(self, artefact: bytes, releases: tuple[Release, ...]) -> tuple[Release, ...]:
        """The bytes first, then the rows that point to them (reliability §2.10)."""
        await self._blobs.put(artefact)
        stored = [await self._store.add_release(release) for release in releases]
        for release in stored:
            self._bus.publish(Message(subject=Subject.RELEASE, namespace=release.namespace, key=release.name))
        await self._search.refresh()
        return tuple(stored)

    async def publish_builtin(self, system: Identity, folder: Path) -> tuple[Release, ...]:
        """A folder that comes with the hub, through the same door as anybody's; what is released already is not looked at again."""
        artefact = pack(folder)
        known = self._search.of_digest(SYSTEM, digest_of(artefact))
        return known or (await self.publish(system, artefact, namespace=SYSTEM)).releases

    async def releases(self, namespace: str, name: str) -> list[Release]:
        """All releases of a listing, newest version first. Raises NotFound."""
        found = await self._store.list_releases(namespace, name)
        if not found:
            raise NotFound(f"There is no package {namespace}/{name} in this catalog.")
        return sorted(found, key=lambda release: version_key(release.version), reverse=True)

    async def release(self, namespace: str, name: str, version: str | None = None) -> Release:
        """One release; without a version the default one. Raises NotFound."""
        if version is None:
            return self._search.listing(f"{namespace}/{name}") or (await self.releases(namespace, name))[0]
        found = await self._store.get_release(namespace, name, version)
        if found is None:
            raise NotFound(f"There is no {namespace}/{name} {version} in this catalog.")
        return found

    async def parse_reference(self, text: str) -> Release:
        """The release behind `ns/name`, `ns/name@version`, or a name that only one publisher has."""
        place, _, version = text.strip().removeprefix("/").partition("@")
        namespace, slash, name = place.partition("/")
        if not slash:
            hits = [full for full in self._search.names() if full.partition("/")[2] == place]
            if len(hits) != 1:
                raise NotFound(
                    f"There is no package {place}; write publisher/name." if not hits else f"{place} could be {', '.join(hits)}."
                )
            namespace, _, name = hits[0].partition("/")
        if not namespace or not name:
            raise Malformed(f"{text!r} is no package; write publisher/name or publisher/name@version.", field="package")
        return await self.release(namespace, name, version or None)

    async def opened(self, release: Release) -> tuple[PackageManifest, Mapping[str, bytes]]:
        """The manifest and the files of a release."""
        key = f"{release.digest}/{release.name}"
        if key not in self._opened:
            files = open_artefact(await self._blobs.get(release.digest))
            reading = read_package(files, name=release.name if _left_open(files) else None, version=release.version)
            manifest = next(manifest for manifest in reading.manifests if manifest.name == release.name)
            if len(self._opened) >= 64:  # noqa: PLR2004 - a few packages are looked at again and again
                self._opened.clear()
            self._opened[key] = (manifest, files)
        return self._opened[key]

    async def artefact(self, digest: str) -> bytes:
        """The bytes of a released artefact. Raises NotFound."""
        try:
            return await self._blobs.get(digest)
        except KeyError as error:
            raise NotFound(f"There is no artefact {digest}.") from error


def _left_open(files: Mapping[str, bytes]) -> bool:
    """Whether the manifest's package takes its name from the publish command."""
    reading = read_package(files)
    return any(finding.code == "name_left_open" for finding in reading.findings)


def _release(namespace: str, caller: Identity, manifest: PackageManifest, artefact: bytes) -> Release:
    return Release(
        namespace=namespace,
        name=manifest.name,
        version=manifest.version,
        digest=digest_of(artefact),
        size=len(artefact),
        released=now_ms(),
        publisher=caller.subject,
        serial=0,
        document=_document(manifest),
        readme=manifest.readme,
    )


def _document(manifest: PackageManifest) -> dict[str, Json]:
    """The manifest as the catalog shows it: no code, no values of inputs."""
    bare = msgspec.structs.replace(
        manifest,
        readme="",
        actions=tuple(msgspec.structs.replace(action, code="") for action in manifest.actions),
    )
    shown: dict[str, Json] = msgspec.to_builtins(bare)
    return shown


def action_exec(action: ManifestAction, files: Mapping[str, bytes]) -> CodeExec:
    """The code of an action as it is stored: text, or base64 of a zip. The kind is still as it was written."""
    if action.code:
        return CodeExec(kind=action.kind, code=action.code, main=action.main)
    function = action.function.removeprefix("./").rstrip("/")
    if function in files:
        data = files[function]
        if function.endswith((".zip", ".jar", ".wasm")):
            return CodeExec(kind=action.kind, code=base64.b64encode(data).decode(), binary=True, main=action.main)
        return CodeExec(kind=action.kind, code=data.decode(errors="replace"), main=action.main)
    archive = zipped(chosen(files, function, action.include, action.exclude))
    return CodeExec(kind=action.kind, code=base64.b64encode(archive).decode(), binary=True, main=action.main)
