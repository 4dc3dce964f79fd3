"""Who calls: keys, subjects, and short-lived keys for running actions (openwhisk-api §9.1, design §9 "Secrets")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import string
import time
import uuid

from hub.bus.base import Bus, Message, Subject
from hub.domain.action import LimitRange
from hub.domain.errors import Unauthenticated
from hub.domain.identity import Identity, NamespaceLimits
from hub.storage.base import Store

NOT_SUPPLIED = "The resource requires authentication, which was not supplied with the request"
INVALID = "The supplied authentication is invalid"
KEY_LENGTH = 64
REMEMBERED = 10_000
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
        bus.subscribe(Subject.IDENTITY, self._forget)

    def _forget(self, _message: Message) -> None:
        self._by_uuid.clear()
        self._by_header.clear()

    async def authenticate(self, header: str | None) -> Identity:
        """The caller behind an `Authorization: Basic` header. Raises Unauthenticated."""
        if header is None:
            raise Unauthenticated(NOT_SUPPLIED)
        known = self._by_header.get(header)
        if known is not None:
            return known
        user, password = _basic(header)
        caller = await self.by_uuid(user)
        if caller is None or caller.blocked or not self._matches(caller, password):
            raise Unauthenticated(INVALID)
        if hmac.compare_digest(password.encode(), caller.key.encode()):
            if len(self._by_header) >= REMEMBERED:
                self._by_header.clear()
            self._by_header[header] = caller
        return caller

    def _matches(self, caller: Identity, password: str) -> bool:
        if hmac.compare_digest(password.encode(), caller.key.encode()):
            return True
        deadline = _deadline_of(password)
        return deadline >= time.time() and hmac.compare_digest(password.encode(), self._token(caller, deadline).encode())

    async def by_uuid(self, key_uuid: str) -> Identity | None:
        """The identity of a key's uuid, with its limits, or None."""
        found = self._by_uuid.get(key_uuid)
        if found is None:
            found = await self._store.get_identity(key_uuid)
            if found is None:
                return None
            if len(self._by_uuid) >= REMEMBERED:
                self._by_uuid.clear()
            self._by_uuid[key_uuid] = found
        return found

    def key_for(self, caller: Identity, deadline: int) -> str:
        """A key of the form `uuid:64 characters` with the caller's rights until the deadline (ms), rounded up to a second."""
        return f"{caller.uuid}:{self._token(caller, deadline // 1000 + 1)}"

    def _token(self, caller: Identity, deadline: int) -> str:
        """16 hex digits of the deadline (s), then 48 of a keyed digest over key and deadline: revoking the key revokes it."""
        stamp = f"{deadline:016x}"
        text = f"{caller.uuid}|{caller.key}|{stamp}".encode()
        return stamp + hmac.new(self._token_secret, text, hashlib.sha256).hexdigest()[:48]

    # What `hub admin` and the first start do

    async def create(self, subject: str, namespace: str, *, operator: bool = False, auth: str | None = None) -> Identity:
        """A new identity with a random key, or with the given `uuid:key`."""
        key_uuid, _, key = (auth or f"{uuid.uuid4()}:{new_key()}").partition(":")
        limits = await self._store.get_limits(namespace) or NamespaceLimits()
        identity = Identity(
            subject=subject, namespace=namespace, uuid=key_uuid, key=key, operator=operator, actions=self._ranges, limits=limits
        )
        await self._store.put_identity(identity)
        self._announce(namespace, key_uuid)
        return identity

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


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Unauthenticated(NOT_SUPPLIED)
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated(NOT_SUPPLIED) from error
    user, colon, password = text.partition(":")
    if not colon:
        raise Unauthenticated(NOT_SUPPLIED)
    return user, password


def _deadline_of(password: str) -> int:
    if len(password) != KEY_LENGTH:
        return 0
    try:
        return int(password[:16], 16)
    except ValueError:
        return 0
