"""Carrying out runs: a code action in a warm or fresh process, a sequence step by step, a feed action by the hub itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Protocol

import msgspec

from hub.domain.action import Action, CodeExec, NativeExec, SequenceExec
from hub.domain.activation import Activation, Response, Status
from hub.domain.build import BuildFailed
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.domain.parameters import Json, Parameter, Parameters
from hub.feedkit import FeedError
from hub.runtime.base import ActionProcess, LaunchFailed, Outcome, ProcessSpec, Run, Start
from hub.runtime.egress import Egress
from hub.services.actions import Resolved
from hub.services.backlog import Backlog
from hub.services.clock import now_ms
from hub.services.entities import Entities
from hub.services.recorder import Recorder
from hub.storage.base import Ending
from hub.telemetry import metrics
from hub.telemetry.log import get_logger
from hub.telemetry.redact import is_remembered
from hub.wire.entities import limits_to_wire
from hub.wire.json import encode

log = get_logger(__name__)

WHISK_FAILURE = "Failed to provision resources to run the action."


class Call(msgspec.Struct, kw_only=True):
    """One run about to happen. `payload` is what the caller sent; `accepted` (ms) is when it was taken in.

    `durable` says that a dispatch of this id is in the record and goes away with the ending; `queued` that it waits for a process now.
    """

    activation_id: str
    caller: Identity
    resolved: Resolved
    payload: Json
    accepted: int
    transaction_id: str
    cause: str | None = None
    durable: bool = False
    queued: bool = False
    attempts: int = 0


class Pool(Protocol):
    """Keeps action processes warm (`hub.runtime.pool`)."""

    def try_acquire(self, spec: ProcessSpec) -> ActionProcess | None:
        """A warm process at once, or None."""

    async def warm(self, spec: ProcessSpec) -> tuple[ActionProcess | None, bool]:
        """A process that is there, waited for as long as that is better than starting another; whether that was in vain."""

    async def acquire(self, spec: ProcessSpec, *, patient: bool = True) -> ActionProcess:
        """A process, when there is room for one. Raises LaunchFailed."""

    def ready(self, process: ActionProcess) -> None:
        """A fresh one is initialised: it may serve others as well."""

    def release(self, process: ActionProcess, outcome: Outcome | None) -> None:
        """Give it back; one that must not serve again is ended."""


class NativeFeeds(Protocol):
    """Carries out feed actions."""

    async def lifecycle(self, caller: Identity, provider: str, parameters: dict[str, Json]) -> dict[str, Json]:
        """One life-cycle call. Raises FeedError."""


class Trust(Protocol):
    """Knows whose code may run here (`hub.services.trust`)."""

    async def refusal(self, action: Action) -> str | None:
        """Why this action may not, in a sentence."""


class Egresses(Protocol):
    """Knows how far an action may go (`hub.services.egress`)."""

    async def of(self, caller: Identity, resolved: Resolved) -> Egress:
        """Its way out, for calls of that caller."""


class Builds(Protocol):
    """Knows what actions depend on (`hub.services.builds`)."""

    async def layers_of(self, action: Action) -> tuple[str, ...]:
        """The folders that its processes read; waits for a build. Raises BuildFailed."""


Runner = Callable[["Call"], Awaitable[Activation]]


class Keys(Protocol):
    """Makes the keys that actions get (`__OW_API_KEY`)."""

    def key_for(self, caller: Identity, deadline: int) -> str:
        """`uuid:secret` with the caller's rights until the deadline (ms)."""


class Invoker:
    """Runs one call to its end and hands the record to the recorder."""

    def __init__(
        self,
        entities: Entities,
        pool: Pool,
        recorder: Recorder,
        keys: Keys,
        resolve_connections: Callable[[str, dict[str, Json]], Awaitable[dict[str, Json]]],
    ) -> None:
        self._entities = entities
        self._pool = pool
        self._recorder = recorder
        self._keys = keys
        self._resolve_connections = resolve_connections
        self.feeds: NativeFeeds | None = None
        self.trust: Trust | None = None
        self.egresses: Egresses | None = None
        self.backlog: Backlog | None = None
        self.builds: Builds | None = None
        self.run_sequence: Runner | None = None
        self.run_composition: Runner | None = None
        self.running: dict[str, Call] = {}
        """Calls under way, by activation id."""

    async def run(self, call: Call) -> Activation:
        """Run and record; never raises for what an action does."""
        if call.durable:
            self._recorder.started(call.activation_id)
        if isinstance(call.resolved.action.exec, SequenceExec):
            return await self._composed(call, self.run_sequence)
        if call.resolved.conducts:
            return await self._composed(call, self.run_composition)
        return await self.run_code(call)

    async def _composed(self, call: Call, run: Runner | None) -> Activation:
        if run is None:
            raise RuntimeError("sequences and compositions are not wired")
        self.running[call.activation_id] = call
        try:
            return await run(call)
        finally:
            del self.running[call.activation_id]

    async def run_code(self, call: Call) -> Activation:
        """Run and record an action that is carried out in one step, be it one of a composition."""
        exec_ = call.resolved.action.exec
        if isinstance(exec_, SequenceExec):
            raise TypeError("a sequence has steps")
        self.running[call.activation_id] = call
        try:
            activation = await (self._native(call, exec_) if isinstance(exec_, NativeExec) else self._code(call, exec_))
            self.record(call, activation)
        finally:
            del self.running[call.activation_id]
        return activation

    def record(self, call: Call, activation: Activation) -> None:
        """Hand the record over to be committed."""
        metrics.activations(activation.response.status.text)
        self._recorder.add(Ending(activation=activation, keep=call.caller.stores_activations, dispatch=call.durable))

    async def _code(self, call: Call, exec_: CodeExec) -> Activation:
        resolved = call.resolved
        action = resolved.action
        values = await self._values(call)
        key = (action.name.namespace, action.name.path, action.revision, call.caller.namespace)
        spec = ProcessSpec(key=key, exec=exec_, limits=action.limits)
        process = self._pool.try_acquire(spec)
        try:
            in_vain = False
            if process is None:
                with self._waits(call):
                    process, in_vain = await self._pool.warm(spec)
            if process is None:
                refused = await self.trust.refusal(action) if self.trust is not None else None
                if refused is not None:
                    return finished(call, now_ms(), now_ms(), Response.error(Status.WHISK_ERROR, refused), waited=True)
                full = await self._launching(call, spec)
                with self._waits(call):
                    process = await self._pool.acquire(full, patient=not in_vain)
        except BuildFailed as error:
            return unbuilt(call, error)
        except LaunchFailed as error:
            log.exception("An action process could not be started", action=str(action.name), reason=str(error))
            response = Response.error(Status.WHISK_ERROR, WHISK_FAILURE)
            return finished(call, now_ms(), now_ms(), response, waited=True)
        outcome: Outcome | None = None
        try:
            start = now_ms()
            outcome = await self._served(call, process, values)
        finally:
            self._pool.release(process, outcome)
        end = start + outcome.run_ms + (outcome.init_ms or 0)
        return finished(call, start, end, outcome.response, outcome=outcome)

    async def _launching(self, call: Call, spec: ProcessSpec) -> ProcessSpec:
        """With what only a fresh process is asked for. Raises BuildFailed."""
        full = await self._entities.with_code(call.resolved.action)
        egress = await self.egresses.of(call.caller, call.resolved) if self.egresses is not None else None
        layers = await self.builds.layers_of(full) if self.builds is not None else ()
        return msgspec.structs.replace(spec, exec=full.exec, egress=egress, layers=layers)

    @contextmanager
    def _waits(self, call: Call) -> Iterator[None]:
        """What was accepted waits in the record; only what somebody waits for is in the backlog."""
        call.queued = True
        counted = nullcontext() if call.durable or self.backlog is None else self.backlog.waiting(call.caller.namespace)
        try:
            with counted:
                yield
        finally:
            call.queued = False

    async def _served(self, call: Call, process: ActionProcess, values: Json) -> Outcome:
        resolved = call.resolved
        init_keys = resolved.init_keys
        deadline = now_ms() + resolved.action.limits.timeout
        context = self._context(call, deadline)
        secrets = _secrets(resolved, values, context) if resolved.secret_keys or resolved.key_wanted else ()
        init_ms: int | None = None
        if not process.initialized:
            metrics.cold_starts()
            begun = now_ms()
            failed = await process.init(Start(env=_environment(context, values, init_keys), secrets=secrets))
            if failed is not None:
                return failed
            self._pool.ready(process)
            init_ms = max(now_ms() - begun, 1)
            context["deadline"] = str(now_ms() + resolved.action.limits.timeout)
        if init_keys and isinstance(values, dict):
            values = {key: value for key, value in values.items() if key not in init_keys}
        outcome = await process.run(Run(value=values, context=context, deadline=int(context["deadline"]), secrets=secrets))
        return msgspec.structs.replace(outcome, init_ms=init_ms) if init_ms is not None else outcome

    async def _values(self, call: Call) -> Json:
        """The merged arguments; a payload that is no object replaces everything (openwhisk-api §3.2)."""
        if not isinstance(call.payload, dict):
            return call.payload
        bound = call.resolved.values
        if call.resolved.refers_to_connections:
            bound = await self._resolve_connections(call.resolved.action.name.namespace, bound)
        return {**bound, **call.payload} if bound else call.payload

    def _context(self, call: Call, deadline: int) -> dict[str, str]:
        action = call.resolved.action
        context = {
            "namespace": call.caller.namespace,
            "action_name": f"/{call.resolved.full_name}",
            "action_version": action.version,
            "activation_id": call.activation_id,
            "transaction_id": call.transaction_id,
            "deadline": str(deadline),
        }
        if call.resolved.key_wanted:
            context["api_key"] = self._keys.key_for(call.caller, deadline)
        return context

    async def _native(self, call: Call, exec_: NativeExec) -> Activation:
        start = now_ms()
        values = await self._values(call)
        if self.feeds is None:
            raise RuntimeError("feeds are not wired")
        try:
            result = await self.feeds.lifecycle(call.caller, exec_.provider, values if isinstance(values, dict) else {})
            response = Response(status=Status.SUCCESS, result=result, size=len(encode(result)))
        except FeedError as error:
            result = {"error": str(error)}
            response = Response(status=Status.APPLICATION_ERROR, result=result, size=len(encode(result)))
        return finished(call, start, now_ms(), response)


def _secrets(resolved: Resolved, values: Json, context: dict[str, str]) -> tuple[str, ...]:
    """What this run is given in confidence: secret parameters, secret fields of connections, its key."""
    given = values if isinstance(values, dict) else {}
    marked = {item.key for item in resolved.parameters.items if item.secret}
    found = [given[key] for key in resolved.secret_keys if key in given and (key in marked or is_remembered(given[key]))]
    texts = [value for value in found if isinstance(value, str)]
    key = context.get("api_key", "")
    return (*texts, key, key.partition(":")[2]) if key else tuple(texts)


def _environment(context: dict[str, str], values: Json, init_keys: frozenset[str]) -> dict[str, str]:
    """What `/init` hands over: init parameters as the call has them, none when its payload is no object, then `__OW_*`."""
    given = values if isinstance(values, dict) else {}
    own = {key: _text(given[key]) for key in init_keys if key in given}
    return {**own, **{f"__OW_{name.upper()}": value for name, value in context.items()}}


def _text(value: Json) -> str:
    """An init parameter as the environment carries it (openwhisk-api §10.3)."""
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode()


def finished(
    call: Call,
    start: int,
    end: int,
    response: Response,
    *,
    outcome: Outcome | None = None,
    waited: bool = True,
) -> Activation:
    """The record of a primitive action."""
    resolved = call.resolved
    action = resolved.action
    marks: dict[str, Json] = {}
    if call.cause is not None:
        marks["causedBy"] = "sequence"
    if resolved.binding is not None:
        marks["binding"] = str(resolved.binding)
    marks["path"] = resolved.full_name
    if waited:
        marks["waitTime"] = max(start - call.accepted, 0)
    marks["kind"] = action.exec.kind
    marks["timeout"] = outcome.timed_out if outcome else False
    marks["limits"] = limits_to_wire(action.limits)
    if outcome is not None and outcome.init_ms is not None:
        marks["initTime"] = outcome.init_ms
    if call.attempts > 1:
        marks["attempts"] = call.attempts
    if outcome is not None and outcome.usage is not None:
        usage = outcome.usage
        marks["hub"] = {"cpu_ms": usage.cpu_ms, "peak_mb": usage.peak_mb, "level": usage.level}
    return Activation(
        activation_id=call.activation_id,
        namespace=call.caller.namespace,
        name=action.name.name,
        path=resolved.filter_path,
        version=action.version,
        subject=call.caller.subject,
        start=start,
        end=end,
        duration=end - start,
        cause=call.cause,
        response=response,
        logs=outcome.logs if outcome else (),
        annotations=Parameters(tuple(Parameter(key=key, value=value) for key, value in marks.items())),
    )


def unbuilt(call: Call, failed: BuildFailed) -> Activation:
    """The record of a call of an action whose dependencies could not be built: an init error with the log of the build."""
    now = now_ms()
    response = Response.error(Status.DEVELOPER_ERROR, f"Initialization has failed due to: its dependencies could not be built. {failed}")
    logs = tuple(getattr(failed, "__notes__", ()))
    return finished(call, now, now, response, outcome=Outcome(response=response, logs=logs, run_ms=0, init_ms=1, reusable=False))


def lost(activation_id: str, caller: Identity, name: FullName, accepted: int, *, message: str, marks: dict[str, Json]) -> Activation:
    """The record of accepted work that could not be run to an end of its own."""
    return Activation(
        activation_id=activation_id,
        namespace=caller.namespace,
        name=name.name,
        path=name.path,
        version="0.0.1",
        subject=caller.subject,
        start=accepted,
        end=max(now_ms(), accepted),
        duration=0,
        response=Response.error(Status.WHISK_ERROR, message),
        annotations=Parameters.of({"path": str(name), "kind": "unknown", "timeout": False, **marks}),
    )
