"""The vocabulary of `wskadmin`: users, keys, limits, in its own words (openwhisk-api §9.7)."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import msgspec

from hub.domain.errors import Conflict, Malformed, NotFound
from hub.domain.identity import Identity, NamespaceLimits
from hub.domain.names import check_namespace
from hub.services.identities import KEY_LENGTH, Identities, new_key
from hub.services.outbound import allowances
from hub.services.sessions import Sessions

SHORTEST_SUBJECT = 5
UUID_LENGTH = 36
_NUMBERS = (
    "invocationsPerMinute",
    "firesPerMinute",
    "concurrentInvocations",
    *(f"{end}Action{what}" for what in ("Memory", "Logs", "Timeout", "Concurrency") for end in ("min", "max")),
)
_SIZES = ("maxParameterSize", "maxPayloadSize")
LIMIT_NAMES = (*_NUMBERS, *_SIZES, "allowedKinds", "storeActivations", "outboundAllow")
_NUMBER = re.compile(r"\A[0-9]{1,9}\Z")
_SIZE = re.compile(r"\A([0-9]{1,9}) ?(B|KB|MB)?\Z", re.IGNORECASE)
_UNITS = {"B": 1, "KB": 1024, "MB": 1_048_576}


class Admin:
    """What an operator may do; every answer is the text that is printed."""

    def __init__(self, identities: Identities, sessions: Sessions, key_grace: timedelta) -> None:
        self._identities = identities
        self._sessions = sessions
        self._key_grace = key_grace

    async def create_user(
        self,
        subject: str,
        *,
        namespace: str | None = None,
        auth: str | None = None,
        revoke: bool = False,
        force: bool = False,
        generate: bool = False,
    ) -> str:
        """Make a key for a subject in a namespace (default: the subject's own name) and return it.

        `revoke` replaces the one there is: at once, but triggers can be fired with it for a while; not with `force`.
        `generate` makes a key and keeps nothing.
        """
        if generate:
            return f"{uuid.uuid4()}:{new_key()}"
        if len(subject) < SHORTEST_SUBJECT:
            raise Malformed(f"Subject name must be at least {SHORTEST_SUBJECT} characters")
        _check_auth(auth)
        space = namespace or subject
        known = await self._identities.listed(subject=subject)
        if any(identity.blocked for identity in known):
            raise Conflict("The subject you want to edit is blocked")
        old = next((identity for identity in known if identity.namespace == space), None)
        if old is None:
            return (await self._identities.create(subject, check_namespace(space), auth=auth)).auth_key
        if not (revoke or force):
            raise Conflict("Namespace already exists")
        grace = timedelta() if force else self._key_grace
        return (await self._identities.rotate(old, auth or f"{old.uuid}:{new_key()}", grace)).auth_key

    async def get_user(self, subject: str, *, namespace: str | None = None, everything: bool = False) -> str:
        """The key of one namespace, or all of them."""
        known = await self._identities.listed(subject=subject)
        if everything:
            return "\n".join(f"{identity.namespace}\t{identity.auth_key}" for identity in known)
        space = namespace or subject
        for identity in known:
            if identity.namespace == space:
                return identity.auth_key
        raise NotFound(f'namespace "{space}" not found for "{subject}"')

    async def whois(self, auth: str) -> str:
        """Whose key it is."""
        key_uuid, _, _ = auth.partition(":")
        found = await self._identities.by_uuid(key_uuid)
        if found is None:
            raise NotFound("Subject id is not recognized")
        return f"subject: {found.subject}\nnamespace: {found.namespace}"

    async def list_users(self, namespace: str, *, pick: int = 1, everything: bool = False, keys_only: bool = False) -> str:
        """Identities of a namespace."""
        known = await self._identities.listed(namespace=namespace)
        if not known:
            raise NotFound(f'no identities found for namespace "{namespace}"')
        shown = known if everything else known[:pick]
        return "\n".join(identity.auth_key if keys_only else f"{identity.auth_key}\t{identity.subject}" for identity in shown)

    async def delete_user(self, subject: str, *, namespace: str | None = None) -> str:
        """Remove a subject, or its identity in one namespace."""
        gone = await self._identities.remove(subject, namespace)
        if namespace is not None:
            if not gone:
                raise NotFound(f'Namespace "{namespace}" does not exist for "{subject}"')
            return "Namespace deleted"
        if not gone:
            raise NotFound(f'Subject "{subject}" does not exist')
        return "Subject deleted"

    async def block_users(self, subjects: list[str], *, blocked: bool) -> str:
        """Block or unblock; in force at once."""
        rows: list[str] = []
        word = "blocked" if blocked else "unblocked"
        for subject in filter(None, subjects):
            found = await self._identities.block(subject, blocked=blocked)
            rows.append(f'"{subject}" {word} successfully' if found else f'"{subject}" does not exist')
        return "\n".join(rows)

    async def set_limits(self, namespace: str, given: dict[str, list[str]]) -> str:
        """Set the given limits; the others stay."""
        changes = {_field(name): _limit(name, words) for name, words in given.items()}
        limits = await self._identities.limits(namespace) or NamespaceLimits()
        await self._identities.set_limits(namespace, msgspec.structs.replace(limits, **changes))
        return f'Limits successfully set for "{namespace}"'

    async def get_limits(self, namespace: str) -> str:
        """The limits that were set."""
        limits = await self._identities.limits(namespace)
        rows = [f"{name} = {_shown(value)}" for name in LIMIT_NAMES if limits and (value := getattr(limits, _field(name))) is not None]
        return "\n".join(rows) or "No limits found, default system limits apply"

    async def delete_limits(self, namespace: str) -> str:
        """Back to the defaults."""
        if await self._identities.limits(namespace) is None:
            raise NotFound("Limits not found")
        await self._identities.set_limits(namespace, None)
        return "Limits deleted"

    async def operator(self) -> Identity:
        """The operator of this hub: who owns the namespace of the first start."""
        for identity in await self._identities.listed():
            if identity.operator and not identity.blocked and identity.namespace != "whisk.system":
                return identity
        raise NotFound("This hub has no operator; make one with `hub admin user create`.")

    async def link(self, base_url: str) -> str:
        """A fresh one-time address that signs the operator in, good for ten minutes."""
        token = await self._sessions.link_for(await self.operator())
        return f"{base_url}/sign-in/{token}"


def _field(name: str) -> str:
    """`maxActionMemory` as `max_action_memory`. Raises Malformed for an unknown limit."""
    if name not in LIMIT_NAMES:
        raise Malformed(f"Unknown limit {name}; known are {', '.join(LIMIT_NAMES)}", field=name)
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def _places(text: str) -> str:
    try:
        allowances(text)
    except ValueError as error:
        raise Malformed(str(error).replace("HUB_OUTBOUND__ALLOW", "outboundAllow"), field="outboundAllow") from error
    return text


def _limit(name: str, words: list[str]) -> int | bool | str | tuple[str, ...]:
    """The value of a limit. Raises Malformed."""
    if name == "allowedKinds":
        return tuple(words)
    if name == "outboundAllow":
        return _places(",".join(words))
    text = " ".join(words)
    if name == "storeActivations":
        if text.lower() not in {"true", "false"}:
            raise Malformed(f"{name} must be true or false, found {text!r}", field=name)
        return text.lower() == "true"
    if name in _SIZES:
        size = _SIZE.match(text)
        if size is None:
            raise Malformed(f"{name} must be a size such as 1048576 or 1 MB, found {text!r}", field=name)
        return int(size[1]) * _UNITS[(size[2] or "B").upper()]
    if not _NUMBER.match(text):
        raise Malformed(f"{name} must be a whole number of at least 0, found {text!r}", field=name)
    return int(text)


def _shown(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _check_auth(auth: str | None) -> None:
    if auth is None:
        return
    key_uuid, colon, key = auth.partition(":")
    if not colon or len(key_uuid) != UUID_LENGTH:
        raise Malformed("authorization id must be a uuid of 36 characters, followed by a colon and the key")
    if len(key) < KEY_LENGTH:
        raise Malformed(f"authorization key must be at least {KEY_LENGTH} characters long")
    if len(key) > KEY_LENGTH:
        raise Malformed(f"authorization key must be exactly {KEY_LENGTH} characters long")
