"""Web actions: who may call, what is run on behalf of whom, and what goes back (openwhisk-api §7)."""

from __future__ import annotations

import asyncio
import hmac
from datetime import timedelta

from hub.domain.action import check_size
from hub.domain.activation import Activation, Status
from hub.domain.errors import Conflict, Malformed, NotAllowed, NotFound, RequestError
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.domain.parameters import Json
from hub.domain.web import WebRequest, WebResponse
from hub.services.actions import OPEN, Actions, Resolved
from hub.services.identities import Identities
from hub.services.invoke import Invocation, Invoke, Pending
from hub.services.throttles import Throttles
from hub.wire.json import encode
from hub.wire.media_types import accepted
from hub.wire.web_arguments import arguments, raw_arguments
from hub.wire.web_cors import Headers, cors_headers, under
from hub.wire.web_projection import Projection, project
from hub.wire.web_refusal import refused

SECRET = "x-require-whisk-auth"  # noqa: S105 - the name of a header
FAILED = "There was an error processing your request."
NOT_READY = "Response not yet ready."
LARGE = 65_536
NO_ACCESS = "Authentication is possible but has failed or not yet been provided."
_STATUS: dict[type[RequestError], int] = {Malformed: 400, NotAllowed: 403, NotFound: 404}


class WebActions:
    """Calls actions for whoever has their address. `wait` is how long; `payload` is the most bytes unless the namespace may send more."""

    def __init__(
        self, identities: Identities, actions: Actions, throttles: Throttles, invoke: Invoke, *, wait: timedelta, payload: int
    ) -> None:
        self._identities = identities
        self._actions = actions
        self._throttles = throttles
        self._invoke = invoke
        self._wait = wait
        self._payload = payload

    async def largest_body(self, namespace: str) -> int:
        """Bytes that a call of an action of this namespace may bring."""
        owner = await self._identities.of_namespace(namespace)
        return self._largest(owner)

    def _largest(self, owner: Identity | None) -> int:
        return (owner.limits.max_payload_size if owner else None) or self._payload

    async def call(self, request: WebRequest) -> WebResponse:
        """Run the action and answer as it says.

        Raises NotFound for what is not exported, whatever the reason, TooLarge and Throttled by the limits of the namespace in the address.
        """
        owner = await self._identities.of_namespace(request.name.namespace)
        check_size("Request", len(request.body), self._largest(owner))
        if owner is None:
            raise NotFound
        resolved = await self._exported(owner, request.name)
        self._throttles.admit_invocation(owner)
        ours = () if resolved.answers_options else cors_headers(request.headers)
        if request.method == "OPTIONS":
            if not resolved.answers_options:
                return WebResponse(status=200, headers=ours)
        elif not _let_in(resolved.web_secret, request):
            return refused(401, NO_ACCESS, request.transaction_id, ours)
        return await self._run(owner, resolved, request, ours)

    async def _exported(self, owner: Identity, name: FullName) -> Resolved:
        """The action, with the rights of the namespace in the address; why there is none is nobody's business."""
        try:
            resolved = self._actions.peek(owner, name) or await self._actions.resolve(owner, name)
        except (Conflict, NotAllowed) as error:
            raise NotFound from error
        if not resolved.exported:
            raise NotFound
        return resolved

    async def _run(self, owner: Identity, resolved: Resolved, request: WebRequest, ours: Headers) -> WebResponse:
        try:
            given = raw_arguments(request) if resolved.raw else arguments(request, resolved.locked)
            invocation = Invocation(caller=owner, name=request.name, payload=given, transaction_id=request.transaction_id, wait=self._wait)
            ended = await self._invoke.start(invocation, resolved)
        except (Malformed, NotAllowed) as error:
            return refused(_STATUS[type(error)], str(error), request.transaction_id, ours)
        if isinstance(ended, Pending):
            return refused(202, NOT_READY, request.transaction_id, ours, ended.activation_id)
        return await _answer(ended, request, ours)


def _let_in(secret: Json, request: WebRequest) -> bool:
    """What `require-whisk-auth` asks for: any valid key, or the header with the very text (openwhisk-api §7.2)."""
    if secret is OPEN or secret is False:
        return True
    if secret is True:
        return request.caller is not None
    if not isinstance(secret, str | int | float):
        return False
    wanted = secret if isinstance(secret, str) else encode(secret).decode()
    given = next((value for name, value in request.headers if name == SECRET), None)
    return given is not None and hmac.compare_digest(given.encode(), wanted.encode())


async def _answer(ended: Activation, request: WebRequest, ours: Headers) -> WebResponse:
    """What the run said; of an application error the value of `error` speaks (openwhisk-api §7.5)."""
    activation_id = ended.activation_id
    if ended.response.status not in {Status.SUCCESS, Status.APPLICATION_ERROR}:
        return refused(400, FAILED, request.transaction_id, ours, activation_id)
    result = ended.response.result
    said = result if ended.response.status is Status.SUCCESS else result["error"]
    try:
        # Laying out a large one takes tens of milliseconds, for which nobody else shall wait.
        large = (ended.response.size or 0) > LARGE
        shown = await asyncio.to_thread(project, request.extension, said) if large else project(request.extension, said)
    except (Malformed, NotFound) as error:
        return refused(_STATUS[type(error)], str(error), request.transaction_id, ours, activation_id)
    return _sent(shown, request, ours, activation_id)


def _sent(shown: Projection, request: WebRequest, ours: Headers, activation_id: str) -> WebResponse:
    headers = under(ours, shown.headers) if shown.headers else ours
    if shown.media_type is None:
        return WebResponse(status=shown.status, headers=headers, activation_id=activation_id)
    wanted = ",".join(value for name, value in request.headers if name == "accept")
    # Only what went well is worth refusing: an error is told in whatever form it has.
    if wanted not in {"", "*/*"} and 200 <= shown.status < 300 and not accepted(wanted, shown.media_type):  # noqa: PLR2004 - statuses
        text = f"Resource representation is only available with these types:\n{shown.media_type.shown}"
        return refused(406, text, request.transaction_id, ours, activation_id)
    headers = (*headers, ("content-type", shown.media_type.shown))
    return WebResponse(status=shown.status, headers=headers, body=shown.body, activation_id=activation_id)
