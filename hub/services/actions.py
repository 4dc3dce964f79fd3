"""Actions: put, get, list, remove, and what a call of one means (openwhisk-api §2.4, §3.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Protocol

import msgspec

from hub.domain.action import (
    LARGEST_EXEC,
    LONGEST_SEQUENCE,
    Action,
    CodeExec,
    Exec,
    Limits,
    NativeExec,
    SequenceExec,
    check_size,
    looks_binary,
)
from hub.domain.errors import Conflict, Malformed, NotAllowed, NotFound, not_authorized
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.domain.package import Package
from hub.domain.parameters import EMPTY, LARGEST, Json, Parameters, effective
from hub.services.access import own_entity, own_space, provider_of, readable_package, shown
from hub.services.entities import REMEMBERED, Entities, head_of, keep_secrets
from hub.storage.base import EntityWrite, Page
from hub.wire.entities import UNSET, ActionPut, ExecPut

CONNECTION_MARK = "$connection"
OPEN: Final[Json] = object()
"""The `web_secret` of an action that asks for none."""


class KindChoice(Protocol):
    """What a kind was resolved to."""

    @property
    def name(self) -> str:
        """The kind as it is stored."""


class KindTable(Protocol):
    """Which kinds run here. `runs_images` says whether container images of developers do."""

    @property
    def runs_images(self) -> bool:
        """Whether actions may be a `blackbox`."""

    def resolve(self, kind: str) -> KindChoice:
        """Raises Malformed with the list of valid kinds."""

    def runs(self, kind: str) -> bool:
        """Whether a stored kind can be run here now."""

    def runs_on(self, kind: str) -> str | None:
        """The kind that really runs an older one, or None."""

    def needs_main(self, kind: str) -> bool:
        """Whether its actions must name their `main`."""


@dataclass(kw_only=True)
class Resolved:
    """An action as one caller reaches it.

    `parameters` are the effective ones (package < binding < action); `binding` is `ns/binding` when it was reached through one, and
    `bound` are that binding's own. `outdated` says that its kind does not run here any more.
    """

    def shown_to(self, caller: Identity) -> Parameters:
        """The effective parameters, as far as the caller may see them."""
        return self.parameters if self.action.name.namespace == caller.namespace else shown(self.parameters, self.bound)

    action: Action
    parameters: Parameters
    binding: FullName | None = None
    bound: Parameters = EMPTY
    outdated: bool = False

    # What every call of the action needs, worked out once.

    @cached_property
    def values(self) -> dict[str, Json]:
        """The effective parameters as arguments."""
        return self.parameters.values()

    @cached_property
    def refers_to_connections(self) -> bool:
        """Whether some of them have to be resolved at each call."""
        return any(isinstance(value, dict) and CONNECTION_MARK in value for value in self.values.values())

    @cached_property
    def secret_keys(self) -> frozenset[str]:
        """Which of them hold, or may hold, what the log must not show."""
        items = self.parameters.items
        return frozenset(item.key for item in items if item.secret or (isinstance(item.value, dict) and CONNECTION_MARK in item.value))

    @cached_property
    def init_keys(self) -> frozenset[str]:
        """Which of them go to the environment."""
        return self.parameters.init_keys()

    @cached_property
    def key_wanted(self) -> bool:
        """Whether the action gets a key."""
        return self.action.key_wanted

    @cached_property
    def conducts(self) -> bool:
        """Whether it is the conductor of a composition (openwhisk-api §3.6)."""
        return isinstance(self.action.exec, CodeExec) and self.action.annotations.truthy("conductor")

    @cached_property
    def locked(self) -> frozenset[str]:
        """The keys that no call may set: those with a value, if the action is `final`."""
        return self.parameters.defined_keys() if self.action.annotations.get("final") is True else frozenset()

    # What its calls over the web need (openwhisk-api §7); the action's own annotations count, never those of its package.

    @cached_property
    def exported(self) -> bool:
        """Whether it is a web action."""
        return self.action.annotations.get("web-export") is True

    @cached_property
    def raw(self) -> bool:
        """Whether it takes query and body as they come."""
        return self.action.annotations.get("raw-http") is True

    @cached_property
    def answers_options(self) -> bool:
        """Whether OPTIONS, and what browsers are told, is its own affair."""
        return self.action.annotations.get("web-custom-options") is True

    @cached_property
    def web_secret(self) -> Json:
        """What `require-whisk-auth` says, or OPEN."""
        return self.action.annotations.get("require-whisk-auth", OPEN)

    @cached_property
    def full_name(self) -> str:
        """`ns/[package/]name` of the action itself."""
        return str(self.action.name)

    @cached_property
    def filter_path(self) -> str:
        """The one key under which `name=` finds its records (openwhisk-api §8.1)."""
        if self.binding:
            return f"{self.binding.name}/{self.action.name.name}"
        return self.action.name.path


class Actions:
    """The collection of actions."""

    def __init__(
        self,
        entities: Entities,
        kinds: KindTable,
        allowed_kinds: frozenset[str] = frozenset(),
        prepare: Callable[[CodeExec], None] = lambda _: None,
    ) -> None:
        """`prepare` begins what has to be done once before code can run."""
        self._entities = entities
        self._prepare = prepare
        self._kinds = kinds
        self._allowed_kinds = allowed_kinds
        self._resolved: dict[tuple[str, FullName], Resolved] = {}
        self.settled: Callable[[FullName], Awaitable[None]] = _at_once
        """Waits for what an action that was just written depends on, as long as a PUT may take."""
        entities.on_change(lambda _name: self._resolved.clear())

    # Reading

    def peek(self, caller: Identity, name: FullName) -> Resolved | None:
        """What `resolve` found the last time, without waiting."""
        return self._resolved.get((caller.namespace, name))

    async def resolve(self, caller: Identity, name: FullName) -> Resolved:
        """The action behind a name, through a binding if need be.

        Raises NotFound, NotAllowed, or Conflict when the name is no action's.
        """
        key = (caller.namespace, name)
        found = self._resolved.get(key)
        if found is None:
            seen = self._entities.changes
            found = await self._resolve(caller, name)
            found.outdated = self._outdated(found.action.exec)
            if len(self._resolved) >= REMEMBERED:
                self._resolved.clear()
            if seen == self._entities.changes:
                self._resolved[key] = found
        return found

    async def _resolve(self, caller: Identity, name: FullName) -> Resolved:
        if name.package is None:
            own_entity(caller, name)
            action = await self._entities.get(name, Action)
            return Resolved(action=action, parameters=action.parameters)
        package, provider, bound = await self._packages(caller, name)
        action = await self._entities.get(FullName(provider.name.namespace, name.name, provider.name.name), Action)
        return Resolved(
            action=action,
            parameters=effective(provider.parameters, bound, action.parameters),
            binding=package.name if package.binding else None,
            bound=bound,
        )

    def _outdated(self, exec_: Exec) -> bool:
        return isinstance(exec_, CodeExec) and not self._kinds.runs(exec_.kind)

    async def _packages(self, caller: Identity, name: FullName) -> tuple[Package, Package, Parameters]:
        """The package that was named, the one that holds its actions, and what bindings give; a missing own one is the plain 404 (§5.2)."""
        if name.package is None:
            raise NotFound
        try:
            package = await readable_package(self._entities, caller, FullName(name.namespace, name.package))
            return package, *await provider_of(self._entities, caller, package)
        except NotFound as error:
            raise NotFound from error

    async def admit(self, caller: Identity, name: FullName) -> None:
        """Raise NotAllowed or NotFound for a place that the caller cannot call into; whether the action is there is asked later (§1.4)."""
        if name.package is None:
            own_entity(caller, name)
        else:
            await self._packages(caller, name)

    async def admit_write(self, caller: Identity, name: FullName) -> None:
        """As `admit`, for putting and removing; a binding holds no actions of its own (openwhisk-api §5.2)."""
        own_entity(caller, name)
        await self._check_package(caller, name)

    async def get(self, caller: Identity, name: FullName, *, code: bool) -> Resolved:
        """As `resolve`, with the code in place when it is wanted."""
        found = await self.resolve(caller, name)
        return replace(found, action=await self._entities.with_code(found.action)) if code else found

    async def admit_list(self, caller: Identity, namespace: str, package: str | None) -> None:
        """Raise NotAllowed or NotFound for a namespace or package whose actions the caller cannot list."""
        if package is None:
            own_space(caller, namespace)
        else:
            await self._packages(caller, FullName(namespace, "_", package))

    async def listed(self, caller: Identity, namespace: str, package: str | None, page: Page) -> list[Action]:
        """A page of the namespace's actions, packaged ones included, or of one package (also through a binding)."""
        if package is None:
            own_space(caller, namespace)
            return await self._entities.listed(namespace, Action, page=page)
        _, provider, _ = await self._packages(caller, FullName(namespace, "_", package))
        return await self._entities.listed(provider.name.namespace, Action, package=provider.name.name, page=page)

    async def count(self, caller: Identity, namespace: str, package: str | None) -> int:
        """How many `list` would find."""
        if package is None:
            own_space(caller, namespace)
            return await self._entities.count(namespace, Action)
        _, provider, _ = await self._packages(caller, FullName(namespace, "_", package))
        return await self._entities.count(provider.name.namespace, Action, package=provider.name.name)

    # Writing

    async def put(self, caller: Identity, name: FullName, put: ActionPut, *, overwrite: bool) -> Action:
        """Create or (with `overwrite`) update. Raises as openwhisk-api §1.4 orders it."""
        own_entity(caller, name)
        await self._check_package(caller, name)
        _check_sizes(caller, put)
        old = await self._entities.find_kind(name, Action)
        if old is not None and not overwrite:
            raise Conflict
        if old is not None:
            old = await self._entities.with_code(old)
        action = await self._built(caller, name, put, old)
        await self._entities.write(EntityWrite(name=name, expected=old.revision if old else 0, entity=action))
        if isinstance(action.exec, CodeExec):
            self._prepare(action.exec)
        await self.settled(name)
        return action

    async def remove(self, caller: Identity, name: FullName) -> Action:
        """Delete and return what was deleted, code included."""
        own_entity(caller, name)
        await self._check_package(caller, name)
        action = await self._entities.with_code(await self._entities.get(name, Action))
        await self._entities.write(EntityWrite(name=name, expected=action.revision, entity=None))
        return action

    async def _check_package(self, caller: Identity, name: FullName) -> None:
        if name.package is None:
            return
        package, _, _ = await self._packages(caller, name)
        if package.binding:
            message = "Operation not permitted on package binding."
            raise Malformed(message)

    async def _built(self, caller: Identity, name: FullName, put: ActionPut, old: Action | None) -> Action:
        if old is None and put.exec is None:
            message = "exec undefined"
            raise Malformed(message, field="exec")
        limits = put.limits.over(old.limits if old else Limits())
        caller.actions.check(limits)
        exec_ = await self._exec(caller, name, put.exec) if put.exec else old.exec if old else None
        if exec_ is None or isinstance(exec_, NativeExec):
            raise NotAllowed("A feed of the hub itself cannot be changed; install another version of its package instead.")
        if self._outdated(exec_):
            raise no_longer_supported(exec_.kind)
        annotations = self._annotations(put, old, exec_)
        own = put.parameters if put.parameters is not UNSET else _kept_parameters(put, old)
        parameters = _sequence_parameters(exec_) if isinstance(exec_, SequenceExec) else own
        return Action(
            name=name,
            **head_of(put, old),
            annotations=annotations,
            exec=exec_,
            parameters=keep_secrets(parameters, old.parameters if old else EMPTY, annotations),
            limits=limits,
        )

    def _annotations(self, put: ActionPut, old: Action | None, exec_: Exec) -> Parameters:
        given = put.annotations if put.annotations is not UNSET else EMPTY
        if old is None:
            base = given
            if not base.has("provide-api-key"):
                base = base.without("exec").with_value("provide-api-key", value=False)
            base = base.without("exec")
        else:
            removed = () if put.exec and put.exec.kind == "sequence" else put.removed_annotations
            base = old.annotations.without(*(key for key in removed if key != "exec")).merged(given)
        base = base.with_value("exec", exec_.kind)
        runs_on = self._kinds.runs_on(exec_.kind) if isinstance(exec_, CodeExec) else None
        return base.with_value("runsOn", runs_on) if runs_on else base.without("runsOn")

    async def _exec(self, caller: Identity, name: FullName, exec_: ExecPut) -> Exec:
        if exec_.kind == "sequence":
            return await self._sequence(caller, name, exec_.components or ())
        if exec_.kind == "blackbox":
            return self._blackbox(caller, exec_)
        kind = self._kinds.resolve(exec_.kind).name
        self._check_kind(caller, kind)
        if exec_.main is None and self._kinds.needs_main(kind):
            text = f"'main' must be a string defined in 'exec' for '{kind}' actions"
            raise Malformed(f"The request content was malformed:\n{text}", field="exec.main")
        code = exec_.code or ""
        return CodeExec(kind=kind, code=code, binary=looks_binary(code), main=exec_.main)

    def _blackbox(self, caller: Identity, exec_: ExecPut) -> CodeExec:
        """An image of the developer's; blank code is none (openwhisk-api §2.4)."""
        if not self._kinds.runs_images:
            raise _kind_refused(exec_.kind)
        self._check_kind(caller, exec_.kind)
        code = exec_.code if exec_.code and exec_.code.strip() else ""
        return CodeExec(kind=exec_.kind, code=code, binary=looks_binary(code), main=exec_.main, image=exec_.image)

    def _check_kind(self, caller: Identity, kind: str) -> None:
        """What the namespace and the operator allow together; nothing said, or nothing left, is everything (openwhisk-api §9.2)."""
        allowed = self._allowed_kinds.union(caller.limits.allowed_kinds or ())
        if allowed and kind not in allowed:
            raise _kind_refused(kind)

    async def _sequence(self, caller: Identity, name: FullName, texts: tuple[str, ...]) -> SequenceExec:
        components = tuple(FullName.parse(text, own=caller.namespace) for text in texts)
        if not components:
            raise Malformed("No component specified for the sequence.")
        await self._check_components(caller, components)
        if await self._length(caller, name, components, seen=0) > LONGEST_SEQUENCE:
            raise Malformed("Too many actions in the sequence.")
        return SequenceExec(components=components)

    async def _check_components(self, caller: Identity, components: tuple[FullName, ...]) -> None:
        refused: list[str] = []
        for component in components:
            try:
                if component.package:
                    await readable_package(self._entities, caller, FullName(component.namespace, component.package))
                else:
                    own_entity(caller, component)
            except NotAllowed:
                refused.append(f"{component.namespace}/{component.package or component.name}")
            except NotFound as error:
                raise Malformed("Sequence component does not exist.") from error
        if refused:
            raise not_authorized(*set(refused))

    async def _length(self, caller: Identity, name: FullName, components: tuple[FullName, ...], seen: int) -> int:
        """Atomic actions after inlining nested sequences. Raises Malformed for a missing one and for a cycle."""
        for component in components:
            if seen > LONGEST_SEQUENCE:
                break
            if component == name:
                raise Malformed("Sequence may not refer to itself.")
            try:
                found = await self.resolve(caller, component)
            except NotFound as error:
                raise Malformed("Sequence component does not exist.") from error
            if found.action.name == name:
                raise Malformed("Sequence may not refer to itself.")
            nested = found.action.exec
            seen = await self._length(caller, name, nested.components, seen) if isinstance(nested, SequenceExec) else seen + 1
        return seen


async def _at_once(_name: FullName) -> None:
    return


def no_longer_supported(kind: str) -> Malformed:
    """The 400 for an action whose kind does not run here any more (openwhisk-api §2.4)."""
    return Malformed(f"The '{kind}' runtime is no longer supported. You may read and delete but not update or invoke this action.")


def _kind_refused(kind: str) -> NotAllowed:
    return NotAllowed(f"The supplied authentication is not authorized to access actions of kind '{kind}'.")


def _kept_parameters(put: ActionPut, old: Action | None) -> Parameters:
    """Without parameters in the PUT the old ones stay, unless a sequence becomes code (openwhisk-api §2.4)."""
    if old is None or (put.exec is not None and isinstance(old.exec, SequenceExec)):
        return EMPTY
    return old.parameters


def _sequence_parameters(exec_: SequenceExec) -> Parameters:
    return Parameters.of({"_actions": [f"/{name}" for name in exec_.components]})


def _check_sizes(caller: Identity, put: ActionPut) -> None:
    if put.exec:
        texts = (put.exec.code or "", put.exec.main or "", put.exec.image or "", *(put.exec.components or ()))
        size = sum(len(text.encode()) for text in texts)
        check_size("exec", size, LARGEST_EXEC)
    check_entity_sizes(caller, put.parameters, put.annotations)


def check_entity_sizes(caller: Identity, parameters: Parameters | msgspec.UnsetType, annotations: Parameters | msgspec.UnsetType) -> None:
    """Raise TooLarge with upstream's text when one of them is over 1 MB, or what the namespace may have."""
    largest = min(LARGEST, caller.limits.max_parameter_size or LARGEST)
    for what, value in (("parameters", parameters), ("annotations", annotations)):
        if value is not UNSET:
            check_size(what, value.size(), largest)
