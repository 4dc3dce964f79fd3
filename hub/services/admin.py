"""The vocabulary of `wskadmin`: users, keys, limits, in its own words (openwhisk-api §9.7)."""

from __future__ import annotations

import re

import msgspec

from hub.domain.errors import Conflict, Malformed, NotFound
from hub.domain.identity import Identity, NamespaceLimits
from hub.services.identities import KEY_LENGTH, Identities, new_key
from hub.services.sessions import Sessions

SHORTEST_SUBJECT = 5
UUID_LENGTH = 36
_LIMITS = {
    "invocationsPerMinute": "invocations_per_minute",
    "firesPerMinute": "fires_per_minute",
    "concurrentInvocations": "concurrent_invocations",
}
_NUMBER = re.compile(r"\A[0-9]{1,9}\Z")


class Admin:
    """What an operator may do; every answer is the text that is printed."""

    def __init__(self, identities: Identities, sessions: Sessions) -> None:
        self._identities = identities
        self._sessions = sessions

    async def create_user(self, subject: str, *, namespace: str | None = None, auth: str | None = None, revoke: bool = False) -> str:
        """Make a key for a subject in a namespace (default: the subject's own name); `revoke` replaces it."""
        if len(subject) < SHORTEST_SUBJECT:
            raise Malformed(f"Subject name must be at least {SHORTEST_SUBJECT} characters")
        _check_auth(auth)
        space = namespace or subject
        known = await self._identities.listed(subject=subject)
        if any(identity.blocked for identity in known):
            raise Conflict("The subject you want to edit is blocked")
        old = next((identity for identity in known if identity.namespace == space), None)
        if old is not None and not revoke:
            raise Conflict("Namespace already exists")
        if old is not None and auth is None:
            auth = f"{old.uuid}:{new_key()}"
        made = await self._identities.create(subject, space, operator=old.operator if old else False, auth=auth)
        return made.auth_key

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
        uuid, _, _ = auth.partition(":")
        found = await self._identities.by_uuid(uuid)
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

    async def set_limits(self, namespace: str, given: dict[str, str]) -> str:
        """Set the given limits; the others stay."""
        changes: dict[str, int] = {}
        for name, text in given.items():
            if name not in _LIMITS:
                raise Malformed(f"Unknown limit {name}; known are {', '.join(_LIMITS)}", field=name)
            if not _NUMBER.match(text):
                raise Malformed(f"{name} must be a whole number of at least 0, found {text!r}", field=name)
            changes[_LIMITS[name]] = int(text)
        limits = await self._identities.limits(namespace) or NamespaceLimits()
        await self._identities.set_limits(namespace, msgspec.structs.replace(limits, **changes))
        return f'Limits successfully set for "{namespace}"'

    async def get_limits(self, namespace: str) -> str:
        """The limits that were set."""
        limits = await self._identities.limits(namespace)
        rows = [f"{name} = {value}" for name, field in _LIMITS.items() if limits and (value := getattr(limits, field)) is not None]
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


def _check_auth(auth: str | None) -> None:
    if auth is None:
        return
    uuid, colon, key = auth.partition(":")
    if not colon or len(uuid) != UUID_LENGTH:
        raise Malformed("authorization id must be a uuid of 36 characters, followed by a colon and the key")
    if len(key) < KEY_LENGTH:
        raise Malformed(f"authorization key must be at least {KEY_LENGTH} characters long")
    if len(key) > KEY_LENGTH:
        raise Malformed(f"authorization key must be exactly {KEY_LENGTH} characters long")
