"""Signing in to the pages: a one-time link becomes a session (design §9 "Pages"). Only digests of tokens are stored."""

from __future__ import annotations

import hashlib
import secrets

from hub.domain.identity import Identity
from hub.services.clock import now_ms
from hub.services.identities import Identities
from hub.storage.base import Store

LINK_LIFE = 10 * 60 * 1000
SESSION_LIFE = 7 * 24 * 3600 * 1000


class Sessions:
    """Links and sessions."""

    def __init__(self, store: Store, identities: Identities) -> None:
        self._store = store
        self._identities = identities

    async def link_for(self, identity: Identity) -> str:
        """A fresh token for `/sign-in/TOKEN`: works once, for ten minutes."""
        return await self._issue(identity, "link", LINK_LIFE)

    async def sign_in(self, link_token: str) -> str | None:
        """The session token that a link is worth, or None when it was used, is too old, or never was one."""
        identity = await self._taken("link", link_token, once=True)
        return await self._issue(identity, "session", SESSION_LIFE) if identity else None

    async def identity(self, session_token: str) -> Identity | None:
        """Who is signed in, or None."""
        return await self._taken("session", session_token, once=False)

    async def sign_out(self, session_token: str) -> None:
        """End a session."""
        await self._store.delete_session(_digest("session", session_token))

    async def _issue(self, identity: Identity, purpose: str, life: int) -> str:
        token = secrets.token_urlsafe(32)
        await self._store.put_session(_digest(purpose, token), identity.uuid, now_ms() + life)
        return token

    async def _taken(self, purpose: str, token: str, *, once: bool) -> Identity | None:
        uuid = await self._store.take_session(_digest(purpose, token), now_ms(), once=once)
        identity = await self._identities.by_uuid(uuid) if uuid else None
        return None if identity is None or identity.blocked else identity


def _digest(purpose: str, token: str) -> str:
    """A link's token never works as a session's: the purpose is part of what is hashed."""
    return hashlib.sha256(f"{purpose}:{token}".encode()).hexdigest()
