"""Installing: a plan first, then ordinary entities in one commit; a failure undoes everything (marketplace §3, design §2.8)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Protocol

import msgspec

from hub.domain import places
from hub.domain.action import Action, CodeExec, Limits, NativeExec, SequenceExec, looks_binary
from hub.domain.entity import Entity
from hub.domain.errors import Conflict, Malformed, NotFound, RequestError, Unprocessable
from hub.domain.identity import Identity
from hub.domain.manifest import Input, ManifestAction, PackageManifest
from hub.domain.names import FullName, check_entity_name
from hub.domain.package import Package
from hub.domain.parameters import EMPTY, Json, Parameter, Parameters
from hub.domain.release import Install, Release
from hub.domain.rule import Rule
from hub.domain.trigger import Link, Trigger
from hub.feedkit import FeedError
from hub.services.actions import KindTable
from hub.services.catalog import SYSTEM, Catalog, action_exec
from hub.services.clock import now_ms
from hub.services.connections import Connections, references
from hub.services.entities import Entities, collection_of
from hub.services.outbound import is_inside
from hub.storage.base import EntityWrite, Page, Store
from hub.telemetry.log import get_logger

log = get_logger(__name__)

ANNOTATION = "hub"


class Feeds(Protocol):
    """Carries out life-cycle calls of native feeds."""

    async def lifecycle(self, caller: Identity, feed: str, parameters: dict[str, Json]) -> dict[str, Json]:
        """Raises FeedError."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an install does."""

    does: str
    what: str
    name: str
    detail: str = ""


class FeedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger whose feed is created after the entities; `name` is the feed's action."""

    trigger: FullName
    feed: FullName
    parameters: dict[str, Json]


class InstallPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an install would make."""

    install: Install
    release: Release
    entities: tuple[Entity, ...]
    feeds: tuple[FeedStep, ...]
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an uninstall's receipt: `gone`, or `left: reason`."""

    what: str
    name: str
    state: str


class Installs:
    """The installs of all namespaces."""

    def __init__(
        self, entities: Entities, store: Store, catalog: Catalog, connections: Connections, feeds: Feeds, kinds: KindTable
    ) -> None:
        self._entities = entities
        self._store = store
        self._catalog = catalog
        self._connections = connections
        self._feeds = feeds
        self._kinds = kinds

    async def listed(self, caller: Identity) -> list[Install]:
        """The caller's, by name."""
        return await self._store.list_installs(caller.namespace)

    async def get(self, caller: Identity, name: str) -> Install:
        """One. Raises NotFound."""
        found = await self._store.get_install(caller.namespace, name)
        if found is None:
            raise NotFound(f"Nothing is installed as {name}.", field="name")
        return found

    async def plan(
        self,
        caller: Identity,
        reference: str,
        *,
        name: str | None = None,
        settings: Mapping[str, Json] | None = None,
        connections: Mapping[str, str] | None = None,
    ) -> InstallPlan:
        """What would be made, and everything that stands in the way, in one answer. Raises Malformed, NotFound, Conflict."""
        release = await self._catalog.parse_reference(reference)
        manifest, files = await self._catalog.opened(release)
        as_name = check_entity_name(name or manifest.entity_name)
        bound = await self._bound(caller, manifest, dict(settings or {}), dict(connections or {}))
        plan = self._planned(caller.namespace, release, manifest, files, as_name, bound, dict(connections or {}))
        taken = [str(entity.name) for entity in plan.entities if await self._entities.find(entity.name) is not None]
        if taken:
            raise Conflict(
                f"{', '.join(taken)} {'exists' if len(taken) == 1 else 'exist'} already; install under another name.", field="as"
            )
        return await self._with_egress(caller, plan, manifest, dict(connections or {}))

    async def _with_egress(self, caller: Identity, plan: InstallPlan, manifest: PackageManifest, chosen: dict[str, str]) -> InstallPlan:
        """The plan with the places that its code may go to, which whoever installs it agrees to."""
        if not any(isinstance(entity, Action) and isinstance(entity.exec, CodeExec) for entity in plan.entities):
            return plan
        if plan.release.namespace == SYSTEM:
            step = Step(does="allow", what="egress", name="any public address", detail="its parameters say where to")
            return msgspec.structs.replace(plan, steps=(*plan.steps, step))
        bound = {declared: (await self._connections.get(caller, name)).fields for declared, name in chosen.items()}
        steps: list[Step] = []
        warnings: list[str] = []
        for text in manifest.egress:
            place = places.filled(text, bound)
            steps.append(Step(does="allow", what="egress", name=place or text, detail="" if place else "once a connection says where"))
            host, _ = places.split(place) or ("", 0)
            if host and is_inside(host):
                warnings.append(f"{place} is an inside address, which is reached only when the operator allows it (/docs/egress)")
        return msgspec.structs.replace(plan, steps=(*plan.steps, *steps), warnings=(*plan.warnings, *warnings))

    async def _bound(
        self, caller: Identity, manifest: PackageManifest, settings: dict[str, Json], chosen: dict[str, str]
    ) -> dict[str, Json]:
        """The package's parameters: settings and references to connections. Every problem is in the one error."""
        problems: list[str] = []
        known = {given.name for given in manifest.inputs}
        problems += [f"{name} is no setting of {manifest.name}" for name in settings if name not in known]
        bound: dict[str, Json] = {}
        for declared, connection_name in chosen.items():
            type_ = manifest.connection(declared)
            if type_ is None:
                problems.append(f"{manifest.name} declares no connection {declared!r}")
                continue
            connection = await self._connections.get(caller, connection_name)
            if connection.type.name != declared or connection.package.partition("/")[2] != manifest.name:
                problems.append(f"the connection {connection_name} is one of {connection.package}, not of {manifest.name}")
                continue
            bound |= {
                key: value for key, value in references(connection.type, connection_name).items() if value["field"] in connection.fields
            }
        missing = [
            given.name for given in manifest.inputs if given.required and given.value is None and given.name not in {**settings, **bound}
        ]
        problems += [f"the setting {name} is required" for name in missing]
        if problems:
            raise Malformed(f"The install cannot be planned: {'; '.join(problems)}.", field="settings")
        return {**settings, **bound}

    # What an install makes

    def _planned(
        self,
        namespace: str,
        release: Release,
        manifest: PackageManifest,
        files: Mapping[str, bytes],
        as_name: str,
        bound: dict[str, Json],
        connections: dict[str, str],
        *,
        public: bool = False,
    ) -> InstallPlan:
        install_id = secrets.token_hex(8)
        mark: dict[str, Json] = {
            "install": install_id,
            "package": release.full_name,
            "version": release.version,
            "digest": release.digest,
            "egress": list(manifest.egress),
        }
        build = _Builder(namespace, as_name, mark, manifest, self._kinds)
        entities: list[Entity] = [build.package(bound, public=public)]
        entities += [build.native(feed.name, feed.native, feed.description, feed.inputs) for feed in manifest.feeds]
        entities += [build.action(action, action_exec(action, files)) for action in manifest.actions]
        entities += [build.sequence(sequence.name, sequence.actions, sequence.annotations) for sequence in manifest.sequences]
        triggers, rules, feeds = build.wiring()
        entities += [*triggers, *rules]
        install = Install(
            install_id=install_id,
            namespace=namespace,
            package=release.full_name,
            name=as_name,
            version=release.version,
            digest=release.digest,
            installed=now_ms(),
            entities=tuple(f"{collection_of(entity)}:{entity.name.path}" for entity in entities),
            connections=connections,
        )
        steps = [
            Step(does="make", what=str(collection_of(entity)).removesuffix("s"), name=str(entity.name), detail=_detail(entity))
            for entity in entities
        ]
        steps += [Step(does="start", what="feed", name=str(feed.trigger), detail=f"with {feed.feed}") for feed in feeds]
        warnings = tuple(
            f"{manifest.name} works with a connection {type_.name!r}; none was chosen"
            for type_ in manifest.connections
            if type_.required and type_.name not in connections and not public
        )
        return InstallPlan(install=install, release=release, entities=tuple(entities), feeds=feeds, steps=tuple(steps), warnings=warnings)

    async def apply(self, caller: Identity, plan: InstallPlan) -> Install:
        """Make everything, or nothing: what was made before a failure is taken back, and the error says so."""
        await self._store.put_install(plan.install)
        started: list[FeedStep] = []
        made = False
        try:
            await self._entities.write(*(EntityWrite(name=entity.name, expected=0, entity=entity) for entity in plan.entities))
            made = True
            for feed in plan.feeds:
                await self._start(caller, feed)
                started.append(feed)
        except (RequestError, FeedError) as error:
            await self._take_back(caller, plan, started, made=made)
            raise Unprocessable(f"Nothing was installed: {error}") from error
        except BaseException:
            await self._take_back(caller, plan, started, made=made)
            raise
        return plan.install

    async def _start(self, caller: Identity, feed: FeedStep) -> None:
        await self._lifecycle(caller, feed, "CREATE")

    async def _lifecycle(self, caller: Identity, feed: FeedStep, event: str) -> None:
        action = await self._entities.get(feed.feed, Action)
        if not isinstance(action.exec, NativeExec):
            raise Unprocessable(f"{feed.feed} is no feed of the hub; its trigger must be made by hand.")
        package = await self._entities.get(FullName(feed.feed.namespace, feed.feed.package or ""), Package)
        bound = {**package.parameters.values(), **action.parameters.values()}
        resolved = {**bound, **feed.parameters, "lifecycleEvent": event, "triggerName": f"/{feed.trigger}"}
        await self._feeds.lifecycle(caller, action.exec.provider, resolved)

    async def _take_back(self, caller: Identity, plan: InstallPlan, started: list[FeedStep], *, made: bool) -> None:
        for feed in reversed(started):
            try:
                await self._lifecycle(caller, feed, "DELETE")
            except (RequestError, FeedError) as error:
                log.warning("A feed of a failed install could not be undone", trigger=str(feed.trigger), reason=str(error))
        if made:
            await self._entities.write(*(EntityWrite(name=entity.name, expected=1, entity=None) for entity in reversed(plan.entities)))
        await self._store.delete_install(plan.install.namespace, plan.install.name)

    async def uninstall(self, caller: Identity, name: str) -> list[Gone]:
        """Take everything away that the install made; the receipt says what is gone and what is left, and why."""
        install = await self.get(caller, name)
        receipt: list[Gone] = []
        names = [(row.partition(":")[0], FullName.of_path(install.namespace, row.partition(":")[2])) for row in install.entities]
        for collection, full in names:
            if collection == "triggers":
                receipt += await self._stop_feed(caller, full)
        package = FullName(install.namespace, install.name)
        added = await self._entities.listed(install.namespace, Action, package=package.name, page=Page(limit=10_000))
        writes: list[EntityWrite] = []
        own = {full for _, full in names}
        kept = [action.name for action in added if action.name not in own]
        for collection, full in reversed(names):
            entity = await self._entities.find(full)
            what = collection.removesuffix("s")
            if entity is None:
                receipt.append(Gone(what=what, name=str(full), state="gone"))
            elif str(collection_of(entity)) != collection:
                receipt.append(Gone(what=what, name=str(full), state=f"left: it is one of the {collection_of(entity)} now"))
            elif full == package and kept:
                words = ", ".join(str(action) for action in kept)
                receipt.append(Gone(what=what, name=str(full), state=f"left: it holds {words}, which the install did not make"))
            else:
                writes.append(EntityWrite(name=full, expected=entity.revision, entity=None))
                writes += await self._unlinked(entity, own)
                receipt.append(Gone(what=what, name=str(full), state="gone"))
        await self._entities.write(*writes)
        await self._store.delete_install(install.namespace, install.name)
        return receipt

    async def _unlinked(self, entity: Entity, own: set[FullName]) -> list[EntityWrite]:
        """A rule on a trigger that stays leaves no link behind."""
        if not isinstance(entity, Rule) or entity.trigger in own:
            return []
        trigger = await self._entities.find(entity.trigger)
        if not isinstance(trigger, Trigger) or str(entity.name) not in (trigger.rules or {}):
            return []
        rules = {name: link for name, link in (trigger.rules or {}).items() if name != str(entity.name)}
        return [EntityWrite(name=trigger.name, expected=trigger.revision, entity=msgspec.structs.replace(trigger, rules=rules))]

    async def _stop_feed(self, caller: Identity, trigger: FullName) -> list[Gone]:
        sub = await self._store.get_subscription(trigger.namespace, trigger.name)
        if sub is None:
            return []
        try:
            await self._feeds.lifecycle(caller, sub.feed, {"lifecycleEvent": "DELETE", "triggerName": f"/{trigger}"})
        except (FeedError, RequestError) as error:
            await self._store.delete_subscription(trigger.namespace, trigger.name)
            return [Gone(what="feed", name=str(trigger), state=f"left: {error}")]
        return [Gone(what="feed", name=str(trigger), state="gone")]

    async def install_builtin(self, system: Identity, release: Release) -> None:
        """A package that comes with the hub, for everybody; replaced in one commit when it changed."""
        old = await self._store.get_install(system.namespace, release.name)
        if old is not None and old.digest == release.digest:
            return
        manifest, files = await self._catalog.opened(release)
        plan = self._planned(system.namespace, release, manifest, files, manifest.entity_name, {}, {}, public=True)
        writes: list[EntityWrite] = []
        for entity in plan.entities:
            known = await self._entities.find(entity.name)
            writes.append(EntityWrite(name=entity.name, expected=known.revision if known else 0, entity=entity))
        for row in old.entities if old else ():
            full = FullName.of_path(system.namespace, row.partition(":")[2])
            known = await self._entities.find(full)
            if known is not None and full not in {entity.name for entity in plan.entities}:
                writes.append(EntityWrite(name=full, expected=known.revision, entity=None))
        await self._entities.write(*writes)
        install = msgspec.structs.replace(plan.install, install_id=old.install_id) if old else plan.install
        await self._store.put_install(install)


class _Builder:
    """Makes the entities of one install."""

    def __init__(self, namespace: str, as_name: str, mark: dict[str, Json], manifest: PackageManifest, kinds: KindTable) -> None:
        self._space = namespace
        self._as = as_name
        self._mark = mark
        self._manifest = manifest
        self._kinds = kinds
        self._now = now_ms()

    def _name(self, name: str) -> FullName:
        return FullName(self._space, check_entity_name(name), self._as)

    def _annotations(self, given: Mapping[str, Json], inputs: tuple[Input, ...] = (), description: str = "") -> Parameters:
        rows = dict(given)
        if description:
            rows.setdefault("description", description)
        if inputs and "parameters" not in rows:
            rows["parameters"] = [_described(row) for row in inputs]
        return Parameters.of({**rows, ANNOTATION: self._mark})

    def package(self, bound: dict[str, Json], *, public: bool) -> Package:
        defaults = _values(self._manifest.inputs)
        annotations = self._annotations(self._manifest.annotations, self._manifest.inputs, self._manifest.description)
        return Package(
            name=FullName(self._space, self._as),
            version=_plain(self._manifest.version),
            publish=public,
            updated=self._now,
            annotations=annotations,
            parameters=_secreted({**defaults, **bound}, self._manifest.inputs),
        )

    def action(self, action: ManifestAction, exec_: CodeExec) -> Action:
        kind = self._kinds.resolve(exec_.kind).name
        code = msgspec.structs.replace(exec_, kind=kind, binary=exec_.binary or looks_binary(exec_.code))
        annotations = self._annotations(action.annotations, action.inputs, action.description)
        if not annotations.has("provide-api-key"):
            annotations = annotations.with_value("provide-api-key", value=False)
        for sample in self._manifest.samples:
            if sample.action == action.name:
                annotations = annotations.with_value("sampleInput", sample.input)
                if sample.output is not None:
                    annotations = annotations.with_value("sampleOutput", sample.output)
                break
        return Action(
            name=self._name(action.name),
            version=_plain(self._manifest.version),
            updated=self._now,
            annotations=annotations.with_value("exec", kind),
            exec=code,
            parameters=_secreted(_values(action.inputs), action.inputs),
            limits=msgspec.structs.replace(Limits(), **action.limits),
        )

    def native(self, name: str, provider: str, description: str, inputs: tuple[Input, ...]) -> Action:
        annotations = self._annotations({"feed": True, "provide-api-key": False}, inputs, description)
        return Action(
            name=self._name(name),
            version=_plain(self._manifest.version),
            updated=self._now,
            annotations=annotations.with_value("exec", "native"),
            exec=NativeExec(provider=provider),
            limits=Limits(timeout=90_000),
        )

    def sequence(self, name: str, parts: tuple[str, ...], annotations: Mapping[str, Json]) -> Action:
        components = tuple(self._reference(part) for part in parts)
        marked = self._annotations(annotations).with_value("provide-api-key", value=False).with_value("exec", "sequence")
        return Action(
            name=self._name(name),
            version=_plain(self._manifest.version),
            updated=self._now,
            annotations=marked,
            exec=SequenceExec(components=components),
            parameters=Parameters.of({"_actions": [f"/{component}" for component in components]}),
        )

    def _reference(self, text: str) -> FullName:
        """A bare name is this package's; the package's own name before a slash means the name it is installed under."""
        if "/" not in text:
            return self._name(text)
        first, _, rest = text.partition("/")
        if first in {self._manifest.entity_name, self._manifest.name} and rest:
            return self._name(rest)
        return FullName.parse(text if text.startswith("/") else f"_/{text}", own=self._space)

    def wiring(self) -> tuple[list[Trigger], list[Rule], tuple[FeedStep, ...]]:
        triggers: dict[str, Trigger] = {}
        feeds: list[FeedStep] = []
        for trigger in self._manifest.triggers:
            full = FullName(self._space, check_entity_name(trigger.name))
            annotations = self._annotations(trigger.annotations)
            parameters = EMPTY
            if trigger.feed:
                action = self._reference(trigger.feed)
                annotations = annotations.with_value("feed", f"/{action}")
                feeds.append(FeedStep(trigger=full, feed=action, parameters=_values(trigger.inputs)))
            else:
                parameters = Parameters.of(_values(trigger.inputs))
            triggers[trigger.name] = Trigger(name=full, updated=self._now, annotations=annotations, parameters=parameters, rules=None)
        rules: list[Rule] = []
        for rule in self._manifest.rules:
            trigger_name = rule.trigger.rpartition("/")[2]
            full = FullName(self._space, check_entity_name(rule.name))
            action = self._reference(rule.action)
            known = triggers.get(trigger_name)
            if known is None:
                raise Unprocessable(f"The rule {rule.name} needs the trigger {rule.trigger}, which the package does not make.")
            rules.append(
                Rule(name=full, updated=self._now, annotations=self._annotations(rule.annotations), trigger=known.name, action=action)
            )
            triggers[trigger_name] = msgspec.structs.replace(known, rules={**(known.rules or {}), str(full): Link(action=action)})
        return list(triggers.values()), rules, tuple(feeds)


def _plain(version: str) -> str:
    """An entity's version has no pre-release part."""
    return version.partition("-")[0]


def _values(inputs: tuple[Input, ...]) -> dict[str, Json]:
    """The inputs that carry a value; variables of the publisher's environment carry none."""
    return {
        given.name: given.value
        for given in inputs
        if given.value is not None and not (isinstance(given.value, str) and given.value.startswith("$"))
    }


def _secreted(values: Mapping[str, Json], inputs: tuple[Input, ...]) -> Parameters:
    secret = {given.name for given in inputs if given.secret}
    return Parameters(
        tuple(
            Parameter(key=key, value=value, secret=key in secret and not (isinstance(value, dict) and "$connection" in value))
            for key, value in values.items()
        )
    )


def _described(given: Input) -> dict[str, Json]:
    row: dict[str, Json] = {"name": given.name, "description": given.description, "required": given.required}
    row["type"] = "password" if given.secret else given.type
    return row


def _detail(entity: Entity) -> str:
    if isinstance(entity, Action):
        return entity.exec.kind
    if isinstance(entity, Rule):
        return f"{entity.trigger} → {entity.action}"
    return ""
