"""Sequences: components one after the other, each with its own record (openwhisk-api §3.5)."""

from __future__ import annotations

from hub.domain.action import LONGEST_SEQUENCE, SequenceExec
from hub.domain.activation import Activation, Response, Status
from hub.domain.errors import NotAllowed, NotFound, RequestError
from hub.domain.names import new_activation_id
from hub.domain.parameters import Json, Parameters
from hub.services.actions import Actions
from hub.services.clock import now_ms
from hub.services.invoker import Call, Invoker
from hub.wire.entities import limits_to_wire

TOO_MANY = "Too many actions in the sequence."
MISSING = "Sequence component does not exist."


class Budget:
    """How many more actions the topmost sequence may run; shared with the nested ones."""

    def __init__(self, left: int = LONGEST_SEQUENCE) -> None:
        self.left = left


class Sequences:
    """Runs sequences through the invoker."""

    def __init__(self, actions: Actions, invoker: Invoker) -> None:
        self._actions = actions
        self._invoker = invoker

    async def run(self, call: Call) -> Activation:
        """Run a topmost sequence and record it."""
        return await self._run(call, Budget())

    async def _run(self, call: Call, budget: Budget) -> Activation:
        start = now_ms()
        steps: list[Activation] = []
        response = await self._steps(call, budget, steps)
        activation = composed(call, start, steps, response)
        self._invoker.record(call, activation)
        return activation

    async def _steps(self, call: Call, budget: Budget, steps: list[Activation]) -> Response:
        exec_ = call.resolved.action.exec
        payload: Json = call.payload
        response = Response.error(Status.WHISK_ERROR, "Sequence failed.")
        for component in exec_.components if isinstance(exec_, SequenceExec) else ():
            if budget.left <= 0:
                return Response.error(Status.APPLICATION_ERROR, TOO_MANY)
            try:
                resolved = await self._actions.resolve(call.caller, component)
            except NotFound:
                return Response.error(Status.APPLICATION_ERROR, MISSING)
            except RequestError as error:
                return Response.error(Status.APPLICATION_ERROR, str(error))
            step = Call(
                activation_id=new_activation_id(),
                caller=call.caller,
                resolved=resolved,
                payload=payload,
                accepted=now_ms(),
                transaction_id=call.transaction_id,
                cause=call.activation_id,
            )
            if isinstance(resolved.action.exec, SequenceExec):
                ended = await self._run(step, budget)
            else:
                budget.left -= 1
                ended = await self._invoker.run(step)
            steps.append(ended)
            response = ended.response
            payload = response.result
            if response.status != Status.SUCCESS:
                break
        return response

    async def check(self, call: Call) -> None:
        """Raise NotAllowed before anything runs when a component may no longer be used (openwhisk-api §3.5)."""
        exec_ = call.resolved.action.exec
        for component in exec_.components if isinstance(exec_, SequenceExec) else ():
            try:
                await self._actions.resolve(call.caller, component)
            except NotAllowed:
                raise
            except RequestError:
                continue


def composed(call: Call, start: int, steps: list[Activation], response: Response, *, conductor: bool = False) -> Activation:
    """The record of a sequence or composition: its logs are the ids of its steps, its duration is theirs together."""
    action = call.resolved.action
    marks: dict[str, Json] = {"topmost": call.cause is None}
    if call.resolved.binding is not None:
        marks["binding"] = str(call.resolved.binding)
    marks["path"] = str(action.name)
    if call.cause is not None:
        marks["causedBy"] = "sequence"
    marks["waitTime"] = max(start - call.accepted, 0)
    if conductor:
        marks["conductor"] = True
    marks["kind"] = "sequence"
    memory = max((_memory(step) for step in steps), default=action.limits.memory)
    marks["limits"] = {**limits_to_wire(action.limits), "memory": memory}
    if call.attempts > 1:
        marks["attempts"] = call.attempts
    return Activation(
        activation_id=call.activation_id,
        namespace=call.caller.namespace,
        name=action.name.name,
        path=call.resolved.filter_path,
        version=action.version,
        subject=call.caller.subject,
        start=start,
        end=now_ms(),
        duration=sum(step.duration or 0 for step in steps),
        cause=call.cause,
        response=response,
        logs=tuple(step.activation_id for step in steps),
        annotations=Parameters.of(marks),
    )


def _memory(step: Activation) -> int:
    limits = step.annotations.get("limits")
    return int(limits.get("memory", 0)) if isinstance(limits, dict) else 0
