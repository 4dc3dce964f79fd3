"""All services of one hub by name: what the doors (api, web, admin) are handed by `hub.app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hub.blobs.base import Blobs
from hub.bus.base import Bus
from hub.domain.parameters import Json
from hub.services.actions import Actions, KindTable
from hub.services.activations import Activations
from hub.services.admin import Admin
from hub.services.apis import Apis
from hub.services.builds import Builds
from hub.services.catalog import Catalog
from hub.services.connections import Connections
from hub.services.dispatcher import Dispatcher
from hub.services.entities import Entities
from hub.services.feeds import FeedService
from hub.services.gateway import Gateway
from hub.services.health import Health
from hub.services.identities import Identities
from hub.services.installs import Installs
from hub.services.invoke import Invoke
from hub.services.packages import Packages
from hub.services.recorder import Recorder
from hub.services.retention import Retention
from hub.services.rules import Rules
from hub.services.sessions import Sessions
from hub.services.tails import Tails
from hub.services.throttles import Throttles
from hub.services.triggers import Triggers
from hub.services.web_actions import WebActions
from hub.settings import Settings
from hub.storage.base import Store


class Kinds(KindTable, Protocol):
    """Which kinds run here, as `GET /` shows them."""

    def manifest(self) -> dict[str, list[dict[str, Json]]]:
        """The `runtimes` member of the info document (openwhisk-api §1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One hub. `missing_modules` are the families of kinds whose actions go without what others may import (`hub modules`)."""

    settings: Settings
    missing_modules: list[str]
    store: Store
    blobs: Blobs
    bus: Bus
    kinds: Kinds
    entities: Entities
    identities: Identities
    sessions: Sessions
    throttles: Throttles
    actions: Actions
    packages: Packages
    triggers: Triggers
    rules: Rules
    apis: Apis
    activations: Activations
    tails: Tails
    builds: Builds
    invoke: Invoke
    web_actions: WebActions
    gateway: Gateway
    dispatcher: Dispatcher
    recorder: Recorder
    feeds: FeedService
    catalog: Catalog
    connections: Connections
    installs: Installs
    retention: Retention
    health: Health
    admin: Admin
    pool: Any
