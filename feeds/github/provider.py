"""GitHub webhooks: a hook with a secret of its own at an address nobody can guess (packages-and-feeds §6, §13.3)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from hub.feedkit import (
    Context,
    DeliveryRejected,
    HookContext,
    Json,
    Occurrence,
    Plan,
    Settings,
    SettingsRefused,
    SourceRefused,
    SourceUnavailable,
    Subscribed,
)

from . import hooks, signature

REQUIRED = ("username", "repository", "accessToken", "events")
UNSIGNED = "the delivery is not signed with this subscription's secret"
EVERYTHING = "*"
MOST_FIELDS = 10


class Webhook:
    """The feed `webhook`."""

    secrets: tuple[str, ...] = ("accessToken", "secret")

    async def create(self, sub: Subscribed, context: HookContext) -> Plan:
        """See `Provider.create`: make the secret, register the hook, keep its id."""
        settings = {key: value for key, value in sub.settings.items() if key not in {"secret", "hook_id"}}
        _check(settings)
        events = hooks.events_of(settings)
        secret = secrets.token_hex(32)
        api = hooks.Hooks(settings, context.http)
        try:
            made = await api.create(context.callback, secret, events)
            await _complete(api, made, events)
        except (SourceRefused, SourceUnavailable) as error:
            raise hooks.refused(error) from error
        kept = {**settings, "events": ",".join(events), "secret": secret, "hook_id": made["id"]}
        return Plan(settings=kept, answer={"hook_id": made["id"]})

    async def read(self, sub: Subscribed, context: HookContext) -> dict[str, Json]:
        """See `Provider.read`: what the service says of the hook, or why it says nothing."""
        settings = sub.settings
        shown: dict[str, Json] = {name: settings.get(name) for name in ("username", "repository", "events", "hook_id")}
        shown["baseUrl"] = settings.get("baseUrl") or hooks.DEFAULT_BASE
        for name in self.secrets:
            if settings.get(name):
                shown[name] = {"set": True}
        try:
            told = await hooks.Hooks(settings, context.http).read(settings["hook_id"])
        except (SourceRefused, SourceUnavailable) as error:
            return {**shown, "service": {"error": str(error)}}
        return {
            **shown,
            "service": {"active": told.get("active"), "events": told.get("events"), "last_response": told.get("last_response")},
        }

    async def update(self, sub: Subscribed, changes: Settings, context: HookContext) -> Plan:
        """See `Provider.update`: events and token may change; the repository may not."""
        usable: Settings = {name: changes[name] for name in ("events", "accessToken", "username") if name in changes}
        if not usable:
            raise SettingsRefused("no updatable parameters were specified; events, username and accessToken can be updated")
        kept = sub.settings | usable
        _check(kept)
        events = hooks.events_of(kept)
        try:
            changed = await hooks.Hooks(kept, context.http).change(kept["hook_id"], context.callback, kept["secret"], events)
        except (SourceRefused, SourceUnavailable) as error:
            raise hooks.refused(error) from error
        if set(changed.get("events") or events) != set(events):
            raise SettingsRefused(_dropped(events, changed.get("events")))
        return Plan(settings={**kept, "events": ",".join(events)})

    async def delete(self, sub: Subscribed, context: Context) -> None:
        """See `Provider.delete`."""
        hook_id = sub.settings.get("hook_id")
        if hook_id is None:
            return
        await hooks.Hooks(sub.settings, context.http).remove(hook_id)

    async def receive(self, sub: Subscribed, headers: Mapping[str, str], body: bytes) -> tuple[Occurrence, ...]:
        """See `HookFeed.receive`: nothing is read before the signature is right."""
        given = headers.get(signature.HEADER, "")
        if not signature.verify(str(sub.settings.get("secret") or secrets.token_hex(32)), body, given):
            raise DeliveryRejected(UNSIGNED)
        delivery, event = headers.get("x-github-delivery", ""), headers.get("x-github-event", "")
        if not delivery or not event:
            raise DeliveryRejected("the headers X-GitHub-Delivery and X-GitHub-Event are missing", status=400)
        payload = _payload(headers.get("content-type", ""), body)
        if event == "ping":
            return ()
        meta = {"type": event, "delivery": delivery, "source": hooks.repository_of(sub.settings)}
        return (Occurrence(key=delivery, payload={**payload, "__hub": meta}),)


def _check(settings: Settings) -> None:
    missing = [name for name in REQUIRED if not settings.get(name)]
    if missing:
        raise SettingsRefused(f"github webhook feed: missing {' and '.join(missing)} parameter")
    events = hooks.events_of(settings)
    if not events:
        raise SettingsRefused("github webhook feed: missing events parameter")
    base = str(settings.get("baseUrl") or hooks.DEFAULT_BASE)
    if not base.startswith(("https://", "http://")):
        raise SettingsRefused("github webhook feed: the baseUrl parameter must begin with https:// or http://")


async def _complete(api: hooks.Hooks, made: dict[str, Any], events: list[str]) -> None:
    """A service that drops events it does not know would never fire for them: the hook goes again, and the caller is told."""
    if "id" not in made:
        raise SourceUnavailable("the service made a hook but did not say which")
    answered = made.get("events")
    if isinstance(answered, list) and set(answered) != set(events) and EVERYTHING not in answered:
        await api.remove(made["id"])
        raise SourceRefused(_dropped(events, answered), status=422)


def _dropped(events: list[str], answered: Any) -> str:
    unknown = [name for name in events if name not in (answered or [])]
    return f"github webhook feed: the service does not know the event(s) {', '.join(unknown)}"


def _payload(content_type: str, body: bytes) -> dict[str, Json]:
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            body = parse_qs(body.decode(), strict_parsing=True, max_num_fields=MOST_FIELDS)["payload"][0].encode()
        payload = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, KeyError) as error:
        raise DeliveryRejected("the delivery cannot be read: its body is no JSON object", status=400) from error
    if not isinstance(payload, dict):
        raise DeliveryRejected("the delivery cannot be read: its body is no JSON object", status=400)
    return payload


PROVIDERS = {"webhook": Webhook()}
