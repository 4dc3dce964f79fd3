"""Who calls: keys, subjects, and short-lived keys for running actions (openwhisk-api §9.1, design §9 "Secrets")."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import string
import time
import uuid
from datetime import timedelta

import msgspec

from hub.bus.base import Bus, Message, Subject
from hub.domain.action import LimitRange
from hub.domain.errors import NotAllowed, Unauthenticated
from hub.domain.identity import Identity, KeyScope, NamespaceLimits, trigger_tag
from hub.services.clock import now_ms
from hub.storage.base import Store

NOT_SUPPLIED = "The resource requires authentication, which was not supplied with the request"
INVALID = "The supplied authentication is invalid"
KEY_LENGTH = 64
REMEMBERED = 10_000
NOT_FOR_THIS = "The supplied authentication is not authorized to access this resource."
FEED_MARK = "f"
_ALPHABET = string.ascii_letters + string.digits


def new_key() -> str:
    """64 random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(KEY_LENGTH))


class Identities:
    """Looks callers up; remembers what it saw until a message says otherwise."""

    def __init__(self, store: Store, bus: Bus, ranges: LimitRange, token_secret: bytes) -> None:
        self._store = store
        self._bus = bus
        self._ranges = ranges
        self._token_secret = token_secret
        self._by_header: dict[str, Identity] = {}
        self._by_uuid: dict[str, Identity] = {}
        self._by_namespace: dict[str, Identity | None] = {}
        bus.subscribe(Subject.IDENTITY, self._forget)

    def _forget(self, _message: Message) -> None:
        self._by_uuid.clear()
        self._by_header.clear()
        self._by_namespace = {}

    def peek(self, header: str) -> Identity | None:
        """What `authenticate` found for this header the last time, without waiting; never a restricted key."""
        return self._by_header.get(header)

    async def authenticate(self, header: str | None, *, trigger: str | None = None) -> Identity:
        """The caller behind an `Authorization` header: Basic, or Bearer with the same `uuid:key` (openwhisk-api §9.1).

        `trigger` is the one that will be fired or read, which is all that a restricted key is good for.
        Raises Unauthenticated, or NotAllowed for a restricted key.
        """
        if header is None:
            raise Unauthenticated(NOT_SUPPLIED)
        known = self._by_header.get(header)
        if known is not None:
            return known
        user, password = _credentials(header)
        caller = await self.by_uuid(user)
        if caller is None or caller.blocked:
            raise Unauthenticated(INVALID)
        if hmac.compare_digest(password.encode(), caller.key.encode()):
            if len(self._by_header) >= REMEMBERED:
                self._by_header.clear()
            self._by_header[header] = caller
            return caller
        if self._is_token(caller, password):
            return caller
        scope = self._scope_of(caller, password)
        if scope is None:
            raise Unauthenticated(INVALID)
        if trigger is None or not scope.allows(trigger):
            raise NotAllowed(NOT_FOR_THIS)
        return msgspec.structs.replace(caller, scope=scope)

    def _is_token(self, caller: Identity, password: str) -> bool:
        deadline = _deadline_of(password)
        return deadline >= time.time() and hmac.compare_digest(password.encode(), self._token(caller, deadline).encode())

    def _scope_of(self, caller: Identity, password: str) -> KeyScope | None:
        """What a restricted key is good for; None when it is none of ours."""
        previous = caller.previous_key
        if previous and caller.previous_until > now_ms() and hmac.compare_digest(password.encode(), previous.encode()):
            return KeyScope()
        tag = password[1:16]
        if hmac.compare_digest(password.encode(), self._feed_token(caller, tag).encode()):
            return KeyScope(tag)
        return None

    async def by_uuid(self, key_uuid: str) -> Identity | None:
        """The identity of a key's uuid, with its limits, or None."""
        found = self._by_uuid.get(key_uuid)
        if found is None:
            found = await self._store.get_identity(key_uuid)
            if found is None:
                return None
            if len(self._by_uuid) >= REMEMBERED:
                self._by_uuid.clear()
            found = self._by_uuid[key_uuid] = self._ranged(found)
        return found

    async def of_namespace(self, namespace: str) -> Identity | None:
        """Who owns a namespace: the subject it is named after, else the first; None where there is none that is not blocked."""
        # What is read before a change lands in the dictionary of that time, and is forgotten with it.
        known = self._by_namespace
        if namespace in known:
            return known[namespace]
        rows = [row for row in await self._store.list_identities(namespace=namespace) if not row.blocked]
        owner = min(rows, key=lambda row: (row.subject != namespace, row.subject), default=None)
        if len(known) >= REMEMBERED:
            known.clear()
        known[namespace] = self._ranged(owner) if owner else None
        return known[namespace]

    def _ranged(self, identity: Identity) -> Identity:
        """With what its namespace may ask of actions."""
        return msgspec.structs.replace(identity, actions=identity.limits.narrowed(self._ranges))

    def key_for(self, caller: Identity, deadline: int) -> str:
        """A key of the form `uuid:64 characters` with the caller's rights until the deadline (ms), rounded up to a second."""
        return f"{caller.uuid}:{self._token(caller, deadline // 1000 + 1)}"

    def _token(self, caller: Identity, deadline: int) -> str:
        """16 hex digits of the deadline (s), then 48 of a keyed digest over key and deadline: revoking the key revokes it."""
        stamp = f"{deadline:016x}"
        text = f"{caller.uuid}|{caller.key}|{stamp}".encode()
        return stamp + hmac.new(self._token_secret, text, hashlib.sha256).hexdigest()[:48]

    def feed_key_for(self, caller: Identity, trigger: str) -> str:
        """A key that can only fire and read that trigger; it outlives the caller's own key, as a feed has to (design §9 "Secrets")."""
        return f"{caller.uuid}:{self._feed_token(caller, trigger_tag(trigger))}"

    def _feed_token(self, caller: Identity, tag: str) -> str:
        text = f"{caller.uuid}|feed|{tag}".encode()
        return FEED_MARK + tag + hmac.new(self._token_secret, text, hashlib.sha256).hexdigest()[:48]

    # What `hub admin` and the first start do

    async def create(self, subject: str, namespace: str, *, operator: bool = False, auth: str | None = None) -> Identity:
        """A new identity with a random key, or with the given `uuid:key`."""
        key_uuid, _, key = (auth or f"{uuid.uuid4()}:{new_key()}").partition(":")
        limits = await self._store.get_limits(namespace) or NamespaceLimits()
        identity = self._ranged(Identity(subject=subject, namespace=namespace, uuid=key_uuid, key=key, operator=operator, limits=limits))
        await self._put(identity)
        return identity

    async def rotate(self, old: Identity, auth: str, grace: timedelta) -> Identity:
        """Replace a key at once. Triggers can be fired with the old one for `grace`, unless the uuid changes, too."""
        key_uuid, _, key = auth.partition(":")
        kept = grace > timedelta() and key_uuid == old.uuid
        until = now_ms() + int(grace.total_seconds() * 1000) if kept else 0
        identity = msgspec.structs.replace(old, uuid=key_uuid, key=key, previous_key=old.key if kept else None, previous_until=until)
        await self._put(identity)
        return identity

    async def _put(self, identity: Identity) -> None:
        await self._store.put_identity(identity)
        self._announce(identity.namespace, identity.uuid)

    async def remove(self, subject: str, namespace: str | None = None) -> int:
        """Delete one or all of a subject's identities."""
        gone = await self._store.delete_identity(subject, namespace)
        self._announce(namespace or "", subject)
        return gone

    async def block(self, subject: str, *, blocked: bool) -> int:
        """Block or unblock at once; how many identities were found."""
        found = await self._store.block_subject(subject, blocked=blocked)
        self._announce("", subject)
        return found

    async def set_limits(self, namespace: str, limits: NamespaceLimits | None) -> None:
        """Set or delete a namespace's limits; in force at once."""
        await self._store.put_limits(namespace, limits)
        self._announce(namespace, namespace)

    async def listed(self, *, namespace: str | None = None, subject: str | None = None) -> list[Identity]:
        """Identities of a namespace, of a subject, or all."""
        return await self._store.list_identities(namespace=namespace, subject=subject)

    async def limits(self, namespace: str) -> NamespaceLimits | None:
        """What was set for the namespace."""
        return await self._store.get_limits(namespace)

    def _announce(self, namespace: str, key: str) -> None:
        self._bus.publish(Message(subject=Subject.IDENTITY, namespace=namespace, key=key))


def _credentials(header: str) -> tuple[str, str]:
    """User and password of a Basic header, or of a Bearer one that holds both."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() == "bearer" and ":" in encoded:
        user, _, password = encoded.strip().partition(":")
        return user, password
    if scheme.lower() != "basic":
        raise Unauthenticated(NOT_SUPPLIED)
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError as error:
        raise Unauthenticated(NOT_SUPPLIED) from error
    user, colon, password = text.partition(":")
    if not colon:
        raise Unauthenticated(NOT_SUPPLIED)
    if not text.isprintable():
        raise Unauthenticated(INVALID)
    return user, password


def _deadline_of(password: str) -> int:
    if len(password) != KEY_LENGTH:
        return 0
    try:
        return int(password[:16], 16)
    except ValueError:
        return 0
