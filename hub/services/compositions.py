"""Compositions: a conductor action says which action comes next, until it names none (openwhisk-api §3.6)."""

from __future__ import annotations

import msgspec

from hub.domain.action import LONGEST_SEQUENCE
from hub.domain.activation import Activation, Response, Status
from hub.domain.errors import Malformed, NotAllowed, RequestError
from hub.domain.identity import Identity
from hub.domain.names import FullName, new_activation_id
from hub.domain.parameters import Json
from hub.services.actions import Actions, Resolved
from hub.services.clock import now_ms
from hub.services.invoker import Call, Invoker
from hub.services.sequences import composed

TOO_MANY = "Too many actions in the composition."
_LONGEST_NAME = 3


class Accounting:
    """What a composition has used up; shared with the compositions nested in it."""

    def __init__(self) -> None:
        self.conductors = 0
        self.components = 0


class Compositions:
    """Runs conductors and what they ask for, through the invoker."""

    def __init__(self, actions: Actions, invoker: Invoker) -> None:
        self._actions = actions
        self._invoker = invoker

    async def run(self, call: Call) -> Activation:
        """Run a composition and record it."""
        return await self._run(call, Accounting())

    async def _run(self, call: Call, accounting: Accounting) -> Activation:
        start = now_ms()
        steps: list[Activation] = []
        response = await self._conduct(call, accounting, steps)
        activation = composed(call, start, steps, response, conductor=True)
        self._invoker.record(call, activation)
        return activation

    async def _conduct(self, call: Call, accounting: Accounting, steps: list[Activation]) -> Response:
        payload: Json = call.payload
        state: dict[str, Json] = {}
        while True:
            if accounting.conductors > 2 * LONGEST_SEQUENCE:
                return Response.error(Status.APPLICATION_ERROR, TOO_MANY)
            accounting.conductors += 1
            given = _boxed(payload, "value")
            said = await self._invoker.run_code(_step(call, call.resolved, {**given, **state}))
            steps.append(said)
            result = _boxed(said.response.result, "value")
            following = _boxed(result["params"], "value") if "params" in result else None
            state = _boxed(result["state"], "state") if "state" in result else {}
            if "action" not in result:
                return _ended(said.response, following)
            payload = await self._component(call, result["action"], following or {}, accounting, steps)

    async def _component(self, call: Call, wanted: Json, payload: dict[str, Json], accounting: Accounting, steps: list[Activation]) -> Json:
        """Run what the conductor asked for; what it gets to see next, an error being nothing but a result."""
        name = resolve_name(wanted, call.caller)
        if name is None:
            text = msgspec.json.encode(wanted).decode()
            return {"error": f"Failed to parse action name from json value {text} during composition."}
        if accounting.components >= LONGEST_SEQUENCE:
            return {"error": TOO_MANY}
        try:
            resolved = await self._actions.resolve(call.caller, name)
        except NotAllowed:
            return {"error": f"Failed entitlement check for action with name '{name}' during composition."}
        except RequestError:
            return {"error": f"Failed to resolve action with name '{name}' during composition."}
        step = _step(call, resolved, payload)
        if resolved.conducts:
            ended = await self._run(step, accounting)
        else:
            accounting.components += 1
            ended = await self._invoker.run(step)
        steps.append(ended)
        return ended.response.result


def _step(call: Call, resolved: Resolved, payload: dict[str, Json]) -> Call:
    return Call(
        activation_id=new_activation_id(),
        caller=call.caller,
        resolved=resolved,
        payload=payload,
        accepted=now_ms(),
        transaction_id=call.transaction_id,
        cause=call.activation_id,
    )


def _boxed(value: Json, name: str) -> dict[str, Json]:
    """A dictionary as it is, anything else in one."""
    return value if isinstance(value, dict) else {name: value}


def _ended(last: Response, params: dict[str, Json] | None) -> Response:
    """The last word of the conductor: its `params` if it gave some, else all it said."""
    return Response(status=last.status, result=last.result if params is None else params)


def resolve_name(wanted: Json, caller: Identity) -> FullName | None:
    """The action that a conductor names, or None.

    With a leading slash it is `/ns/[pkg/]name`. Without, one or two segments are in the caller's namespace and three are absolute.
    """
    if not isinstance(wanted, str):
        return None
    segments = wanted.removeprefix("/").split("/")
    if not wanted.startswith("/") and len(segments) < _LONGEST_NAME:
        segments.insert(0, caller.namespace)
    try:
        return FullName.parse("/".join(segments), own=caller.namespace)
    except Malformed:
        return None
