"""Activations: get, list, result, logs (openwhisk-api §2.6, §8). A record is readable as soon as its run ended."""

from __future__ import annotations

from hub.domain.activation import Activation
from hub.domain.errors import NotFound
from hub.domain.identity import Identity
from hub.domain.names import FullName
from hub.services.access import own_entity, own_space
from hub.services.recorder import Recorder
from hub.storage.base import ActivationFilter, Page, Store


class Activations:
    """The records of one hub."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    async def get(self, caller: Identity, namespace: str, activation_id: str) -> Activation:
        """One record. Raises NotFound while the run goes on, as upstream does."""
        own_entity(caller, FullName(namespace, activation_id))
        found = self._recorder.pending(activation_id) or await self._store.get_activation(namespace, activation_id)
        if found is None or found.namespace != namespace:
            raise NotFound
        return found

    async def listed(self, caller: Identity, namespace: str, where: ActivationFilter, page: Page, *, logs: bool = True) -> list[Activation]:
        """A page of records, newest first, with their logs if these are wanted."""
        own_space(caller, namespace)
        await self._recorder.settled()
        return await self._store.list_activations(namespace, where, page, logs=logs)

    async def count(self, caller: Identity, namespace: str, where: ActivationFilter) -> int:
        """How many there are."""
        own_space(caller, namespace)
        await self._recorder.settled()
        return await self._store.count_activations(namespace, where)
