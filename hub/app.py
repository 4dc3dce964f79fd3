"""The one place where parts meet: drivers are chosen by URL, services are wired, and the hub is served (design §2, §8)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from hub.api import (
    actions,
    activations,
    apis,
    builds,
    catalog,
    connections,
    documents,
    hooks,
    info,
    installs,
    log_forwarding,
    logs,
    namespaces,
    operator,
    packages,
    rules,
    triggers,
)
from hub.api.admin import admin_app
from hub.api.auth import SignedIn
from hub.api.edge import Edge
from hub.api.errors import NO_ROUTE, on_failure, on_http_error, on_request_error
from hub.api.protocol import BoundedProtocol
from hub.api.requests import identity
from hub.blobs.base import Blobs
from hub.blobs.disk import DiskBlobs
from hub.bus.base import Subject
from hub.bus.local import LocalBus
from hub.data import DataFolder
from hub.domain.action import LimitRange
from hub.domain.api import tenant_id
from hub.domain.errors import NotFound, RequestError
from hub.owner import become, give_up_root, is_root, to_become
from hub.runtime import modules
from hub.runtime.base import Runtime
from hub.runtime.build_records import BuildRecords
from hub.runtime.builds import LAUNCHER as BUILDER
from hub.runtime.builds import Builds as LayerBuilds
from hub.runtime.cell_spawner import Doors, Factory
from hub.runtime.compilers import Compilers
from hub.runtime.container import drivers
from hub.runtime.container.dependencies import Shipped
from hub.runtime.container.engine import EngineRefused
from hub.runtime.container.images import Images
from hub.runtime.container.runtime import ContainerRuntime
from hub.runtime.dependency_layers import DependencyLayers, trusted
from hub.runtime.isolated import LAYERS, Isolated
from hub.runtime.isolation import Choice, IsolationRefused
from hub.runtime.kinds import Kinds
from hub.runtime.layers import Layers
from hub.runtime.pool import Pool
from hub.runtime.process import ProcessRuntime
from hub.runtime.starters import CHILDREN, Starter, Supervisor
from hub.services.actions import Actions
from hub.services.activations import Activations
from hub.services.admin import Admin
from hub.services.apis import Apis
from hub.services.backlog import Backlog
from hub.services.builds import Builds
from hub.services.builtin import first_start
from hub.services.catalog import Catalog
from hub.services.compositions import Compositions
from hub.services.connections import Connections
from hub.services.directory import Services
from hub.services.dispatcher import Dispatcher
from hub.services.egress import Egresses
from hub.services.entities import Entities
from hub.services.feeds import FeedService
from hub.services.feeds.clock import SystemClock
from hub.services.feeds.providers import Providers
from hub.services.gateway import Gateway
from hub.services.health import Health
from hub.services.identities import Identities
from hub.services.indexes import Indexes
from hub.services.installs import Installs
from hub.services.invoke import Invoke
from hub.services.invoker import Invoker
from hub.services.outbound import Outbound, allowances
from hub.services.packages import Packages
from hub.services.recorder import Recorder
from hub.services.retention import Retention
from hub.services.rules import Rules
from hub.services.search import Search
from hub.services.sequences import Sequences
from hub.services.sessions import Sessions
from hub.services.tails import Tails
from hub.services.throttles import Throttles
from hub.services.trial import Trial
from hub.services.triggers import FeedFiring, Triggers
from hub.services.trust import Trust
from hub.services.web_actions import WebActions
from hub.settings import ROLES, Limits, Settings, SettingsRefused
from hub.storage.base import Store
from hub.storage.sealing import KeyLost, KeySealer, load_or_create_key
from hub.telemetry import metrics
from hub.telemetry.log import configure, get_logger
from hub.web import operator as operator_page
from hub.web import pages, reference

log = get_logger(__name__)

DATABASE_PORT = 5432
BROKER_PORT = 4222
SETTLED_AFTER = 1.0
"""Seconds after the start until its garbage is collected, once; before, the collector would only find that all is still in use."""
GRACE = 20
END_SECONDS = 10.0
"""How long ending processes of actions may take."""
BACKLOG = 2048
KEEP_ALIVE = 75
"""How long (s) a connection may rest between two requests; a client that uses one just when it is closed sees no answer."""


# Drivers


def open_store(settings: Settings, folder: DataFolder) -> Store:
    """The storage driver that `HUB_DATABASE_URL` names."""
    url = settings.database_url or folder.database_url
    sealer = KeySealer(load_or_create_key(folder.key))
    if url.startswith("sqlite:///"):
        from hub.storage.sqlite import SqliteStore  # noqa: PLC0415 - a driver is imported when it is chosen

        return SqliteStore(Path(url.removeprefix("sqlite:///")), sealer, folder.path / "backups")
    if url.startswith(("postgresql://", "postgres://")):
        from hub.storage.postgres import PostgresStore  # noqa: PLC0415 - a driver is imported when it is chosen

        return PostgresStore(url, sealer)
    raise _unknown("HUB_DATABASE_URL", url, "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")


async def open_record(settings: Settings, folder: DataFolder) -> Store:
    """The record, up to date and readable. Raises SchemaTooNew; KeyLost when the sealing key is not the one it was written with."""
    had_key = folder.key.exists()
    # In a thread, since loading a driver takes a third of a second: what else starts goes on meanwhile.
    store = await asyncio.to_thread(open_store, settings, folder)
    await store.open()
    try:
        await store.list_identities()
    except KeyLost:
        await store.close()
        if not had_key:
            folder.key.unlink()
        raise
    return store


def open_blobs(settings: Settings, folder: DataFolder) -> Blobs:
    """The blob driver that `HUB_BLOBS_URL` names."""
    url = settings.blobs_url or f"file:{folder.path / 'blobs'}"
    if not url.startswith("file:"):
        raise _unknown("HUB_BLOBS_URL", url, "file:PATH")
    return DiskBlobs(Path(url.removeprefix("file:")))


def check_choices(settings: Settings) -> None:
    """Raise SettingsRefused for what this program cannot be: unknown drivers, or a part of the roles."""
    if settings.bus_url != "local:":
        raise _unknown("HUB_BUS_URL", settings.bus_url, "local:")
    if settings.runtime_url != "process:" and not settings.runtime_url.startswith(drivers.SCHEMES):
        raise _unknown("HUB_RUNTIME_URL", settings.runtime_url, "process:, docker: or kubernetes:NAMESPACE")
    try:
        allowances(settings.outbound.allow)
    except ValueError as error:
        raise SettingsRefused(str(error)) from error
    roles = {role.strip() for role in settings.roles.split(",") if role.strip()}
    unknown = roles - set(ROLES)
    if unknown:
        message = f"HUB_ROLES (--roles) cannot be used: found {', '.join(sorted(unknown))}; write some of {', '.join(ROLES)}."
        raise SettingsRefused(message)
    if roles != set(ROLES):
        raise SettingsRefused(
            "HUB_ROLES (--roles) names a part of the roles, which needs HUB_DATABASE_URL=postgresql://… and HUB_BUS_URL=nats://…; "
            "this version runs all roles in one process: leave the setting out."
        )


def _unknown(setting: str, found: str, wanted: str) -> SettingsRefused:
    shown = urlsplit(found)
    return SettingsRefused(f"{setting} cannot be used: found {shown.scheme}:…; write {wanted}.")


# Wiring


def wire(settings: Settings, folder: DataFolder, store: Store, api_host: Callable[[], str], execution: Execution) -> Services:
    """Make every service and introduce them to each other. Nothing runs yet."""
    kinds, isolated, runtime, port = execution
    limits = settings.limits
    bus = LocalBus()
    blobs = open_blobs(settings, folder)
    pool = Pool(runtime, settings.runtime.memory, settings.runtime.idle.total_seconds())
    entities = Entities(store, blobs, bus)
    identities = Identities(store, bus, action_ranges(limits), folder.token_secret())
    sessions = Sessions(store, identities)
    acts = Actions(entities, kinds, frozenset(filter(None, map(str.strip, limits.allowed_kinds.split(",")))), runtime.prepare)
    recorder = Recorder(store)
    outbound = Outbound(settings.outbound.allow, identities.of_namespace, own_places(settings, port))
    trial = Trial(runtime)
    links = Connections(store, bus, trial)
    egresses = Egresses(outbound, links.fields_of)
    links.egress_of = egresses.of_check
    providers = Providers([place for place in (builtin_folder("feeds"), settings.feeds_dir) if place])
    invoker = Invoker(entities, pool, recorder, identities, links.resolve)
    invoker.trust = trust = Trust(identities, isolated, settings.runtime.strangers_behind_fence_until)
    invoker.egresses = egresses
    built = wire_builds(settings, folder, execution, entities, Indexes(outbound, egresses, trusted))
    invoker.builds = built
    trial.layers_for = built.layers_for
    acts.settled = partial(built.settled, seconds=settings.builds.wait.total_seconds())
    sequences = Sequences(acts, invoker)
    invoker.run_sequence = sequences.run
    invoker.run_composition = Compositions(acts, invoker).run
    throttles = Throttles(limits.invocations_per_minute, limits.fires_per_minute, limits.concurrent_invocations)
    dispatcher = Dispatcher(store, acts, identities, invoker, recorder, throttles)
    invoke = Invoke(store, acts, invoker, sequences, dispatcher, throttles, identities)
    invoker.backlog = invoke.backlog = dispatcher.backlog = backlog = Backlog(lambda: pool.served, limits.memory)
    metrics.watch_pool(lambda: {**pool.figures(), **backlog.figures()})
    bus.subscribe(Subject.IDENTITY, lambda _message: dispatcher.ask_again())
    triggs = Triggers(store, entities, acts, dispatcher)
    feeds = FeedService(
        store,
        bus,
        FeedFiring(triggs),
        providers,
        outbound,
        SystemClock(),
        base_url=api_host,
        resolve=links.resolve,
        trigger_exists=triggs.exists,
    )
    invoker.feeds = feeds
    triggs.on_removed = feeds.trigger_deleted
    triggs.identity_of = identities.by_uuid
    web = WebActions(identities, acts, throttles, invoke, wait=settings.invoke.blocking_wait, payload=limits.payload)
    tenant_of = partial(tenant_id, folder.tenant_secret())
    search = Search(store, bus)
    shelf = Catalog(store, blobs, bus, search, kinds)
    links.catalog = shelf
    retention = Retention(store, settings.retention, folder.path)
    entities.on_change(lambda name: pool.forget(name.namespace, name.path))
    return Services(
        settings=settings,
        missing_modules=modules.missing(),
        store=store,
        blobs=blobs,
        bus=bus,
        kinds=kinds,
        entities=entities,
        identities=identities,
        sessions=sessions,
        throttles=throttles,
        actions=acts,
        packages=Packages(entities),
        apis=Apis(store, bus, tenant_of, api_host),
        triggers=triggs,
        rules=Rules(entities, acts),
        activations=Activations(store, recorder),
        tails=Tails(store, recorder, bus, runtime.live, invoker.running),
        builds=built,
        invoke=invoke,
        web_actions=web,
        gateway=Gateway(store, bus, tenant_of, web, identities.authenticate),
        dispatcher=dispatcher,
        recorder=recorder,
        feeds=feeds,
        catalog=shelf,
        connections=links,
        installs=Installs(entities, store, shelf, links, feeds, kinds),
        retention=retention,
        health=Health(store, isolated, retention, feeds, pool, trust, kinds, built, modules.missing()),
        admin=Admin(identities, sessions, limits.key_grace),
        pool=pool,
    )


def wire_builds(settings: Settings, folder: DataFolder, execution: Execution, entities: Entities, indexes: Indexes) -> Builds:
    """What makes the layers of actions, and remembers what it made."""
    return Builds(entities, made_by(settings, folder, execution, indexes), BuildRecords(folder.path / "builds"), settings.builds.disk)


def made_by(settings: Settings, folder: DataFolder, execution: Execution, indexes: Indexes) -> DependencyLayers | Shipped:
    """What actions depend on is built where they run in cells; images bring theirs."""
    kinds, isolated, *_ = execution
    if not (isinstance(kinds, Kinds) and isinstance(isolated, Isolated)):
        return Shipped()
    layers = Layers(folder.path / LAYERS)
    layers.open()
    makes = LayerBuilds(isolated, layers, kinds.builder(BUILDER), kinds.interpreter)
    addresses = {"python": settings.builds.python_index, "nodejs": settings.builds.npm_registry}
    return DependencyLayers(kinds, makes, addresses, indexes.reach)


def own_places(settings: Settings, port: int) -> list[tuple[str, int]]:
    """Addresses and ports of the hub, of its database and of its broker, which nobody is let to from here."""
    hosts = {settings.host, "127.0.0.1", "::1"}
    if settings.host in {"0.0.0.0", "::"}:  # noqa: S104 - it is compared
        hosts.add(socket.gethostname())
    places = [(host, port) for host in hosts]
    for url, default in ((urlsplit(settings.database_url), DATABASE_PORT), (urlsplit(settings.bus_url), BROKER_PORT)):
        if url.hostname:
            places.append((url.hostname, url.port or default))
    found: set[tuple[str, int]] = set()
    for host, number in places:
        with contextlib.suppress(OSError):
            found |= {(str(row[4][0]), number) for row in socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)}
    return sorted(found)


def toolchains(settings: Settings, folder: DataFolder) -> Path:
    """Where what compiled programs share is."""
    return settings.runtime.toolchains or folder.path / "toolchains"


class Execution(NamedTuple):
    """What runs actions: the kinds there are, what holds them, and what starts them; and the hub's own port."""

    kinds: Kinds | Images
    isolated: Isolated | ContainerRuntime
    runtime: Runtime
    port: int


def execution_by(settings: Settings, folder: DataFolder, base_url: str, port: int, starter: Starter) -> Execution:
    """The one driver that `HUB_RUNTIME_URL` names runs everything. Raises SettingsRefused."""
    if not settings.runtime_url.startswith(drivers.SCHEMES):
        kinds = Kinds.discover(settings.runtime.node or None, folder.path / "programs.json")
        isolated = isolated_by(settings, folder, kinds, base_url, port, starter)
        compilers = Compilers(isolated, folder.path / "compiled", toolchains(settings, folder), kinds.interpreter)
        return Execution(kinds, isolated, ProcessRuntime(kinds, isolated, compilers), port)
    try:
        images = Images.read(settings.runtime.manifest)
        engine = drivers.engine_for(settings.runtime_url, settings.runtime.runtime_class)
    except EngineRefused as error:
        raise SettingsRefused(str(error)) from error
    remembered = folder.path / "isolation"
    # The mark is made of the sealing key, which is there once the record is open.
    containers = ContainerRuntime(images, lambda: engine(folder.mark()), choice_of(settings), remembered, api_host=lambda: base_url)
    return Execution(images, containers, containers, port)


def choice_of(settings: Settings) -> Choice:
    """What the operator wants of isolation."""
    loopback = settings.host == "localhost" or settings.host.startswith(info.LOOPBACK)
    return Choice(highest=settings.runtime.level, accept=settings.runtime.accept_level, loopback=loopback)


def isolated_by(settings: Settings, folder: DataFolder, kinds: Kinds, base_url: str, port: int, starter: Starter) -> Isolated:
    """What will hold actions, as the operator wants it; which level that is, is being found from here on."""
    choice = choice_of(settings)
    idle = settings.runtime.idle.total_seconds()
    # What answers inside cells is made with the doors; nothing runs before.
    return Isolated(
        kinds,
        folder.path,
        choice,
        Doors(),
        toolchains=toolchains(settings, folder),
        api_host=lambda: base_url,
        port=port,
        idle=idle,
        starter=starter,
    )


def action_ranges(limits: Limits) -> LimitRange:
    """What an action may ask for on this hub."""
    return LimitRange(
        timeout=(100, limits.max_action_timeout),
        memory=(128, limits.max_action_memory),
        logs=(0, limits.max_action_logs),
        concurrency=(1, limits.max_action_concurrency),
        instances=limits.concurrent_invocations,
    )


def builtin_folder(name: str) -> Path:
    """A folder that comes with the hub: beside it in a checkout, inside it in an installed wheel."""
    beside = Path(__file__).parent.parent / name
    return beside if beside.exists() else Path(__file__).parent / "data" / name


# Doors


async def front(request: Request) -> Response:
    """`GET /`: pages for people, the info document for everybody else (design §2.1)."""
    if "text/html" in request.headers.get("accept", ""):
        return await pages.home(request)
    return await info.platform(request)


class UnknownRoute:
    """An unknown path or method under `/api/v1`: 401 for strangers, 404 for callers (openwhisk-api §1.3)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, whatever the method."""
        await identity(Request(scope, receive, send))
        raise NotFound(NO_ROUTE)


def openwhisk_routes() -> list[Route]:
    """The routes of `/api/v1`, less the two calls in `hub.api.hot`; `hub.wire.openwhisk.paths` describes each."""
    found = [*actions.routes, *triggers.routes, *activations.routes, *packages.routes, *rules.routes, *namespaces.routes]
    for route in found:
        if route.methods:
            route.methods.discard("HEAD")  # upstream refuses it: 404 (openwhisk-api §1.3)
    return found


def build_app(services: Services) -> Edge:
    """The ASGI application with every route."""
    v1 = [*openwhisk_routes(), *apis.routes, Route("/{path:path}", UnknownRoute())]
    own: list[BaseRoute] = [
        *hooks.routes,
        *log_forwarding.routes,
        Mount("/catalog/v1", app=_api([*catalog.routes, *installs.routes, *connections.routes])),
        Mount("/hub/v1", app=_api([*builds.routes, *operator.routes, *logs.routes])),
        *info.routes,
        *documents.routes,
        Route("/", front, methods=["GET"]),
        *pages.routes,
        *operator_page.routes,
    ]
    app = Starlette(
        routes=[*info.version_routes, *documents.version_routes, *reference.routes, Mount("/api/v1", app=_api(v1)), *own],
        middleware=[Middleware(SignedIn)],
        exception_handlers={RequestError: on_request_error, HTTPException: on_http_error, Exception: on_failure},
    )
    app.router.redirect_slashes = False
    app.state.services = services
    return Edge(app, services)


def _api(routes: list[Route]) -> Router:
    """The routes of one interface; a slash too many is no route."""
    return Router(routes=routes, redirect_slashes=False)


# Serving


def listen(settings: Settings) -> socket.socket:
    """A listening socket. Raises SettingsRefused when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        door.close()
        why = getattr(error, "strerror", None) or str(error)
        message = (
            f"HUB_HOST and HUB_PORT (--host, --port) cannot be used: {settings.host}:{settings.port} {why.lower()}. "
            "End what listens there, or choose another port; 0 takes a free one."
        )
        raise SettingsRefused(message) from error
    door.set_inheritable(False)
    return door


def certificate(settings: Settings) -> ssl.SSLContext | None:
    """What the hub shows to callers, read while it may; None over plain http. Raises SettingsRefused when it cannot be used."""
    if settings.tls.cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls.cert, settings.tls.key)
    except OSError as error:
        names = f"{settings.tls.cert} and {settings.tls.key}"
        message = (
            f"HUB_TLS__CERT and HUB_TLS__KEY cannot be used: {names}: {error.strerror or error}. Name a certificate and its key, in PEM."
        )
        raise SettingsRefused(message) from error
    return context


class Door(uvicorn.Server):
    """A server whose signals are handled by `serve`, which ends with 0 after draining."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """Leave the signals alone."""
        yield


def _config(app: object, settings: Settings, **more: object) -> uvicorn.Config:
    proxies = settings.trusted_proxies
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        http=BoundedProtocol,
        ws="none",
        backlog=BACKLOG,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=KEEP_ALIVE,
        **more,  # type: ignore[arg-type]
    )


def inside(app: Edge, settings: Settings) -> Factory:
    """What answers actions that call the API: the hub's own server accepts in their cells. No proxy stands in between."""
    config = _config(app.only_api(), settings.model_copy(update={"trusted_proxies": ""}))
    config.load()
    state = uvicorn.Server(config).server_state
    return lambda: config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]


@contextlib.asynccontextmanager
async def running(settings: Settings, folder: DataFolder, store: Store, base_url: str, execution: Execution) -> AsyncIterator[Services]:
    """A hub at work: what it accepted before is taken up again; on leaving, everything is committed and every process ended.

    Raises SettingsRefused when the isolation that was there before, or was asked for, cannot be had.
    """
    services = wire(settings, folder, store, lambda: base_url, execution)
    if services.missing_modules:
        log.warning("Actions go without the modules that others may import; `hub modules` installs them", kinds=services.missing_modules)
    try:
        await services.pool.open()
    except (IsolationRefused, EngineRefused) as error:
        raise SettingsRefused(str(error)) from error
    await services.catalog.search.open()
    recording = asyncio.create_task(services.recorder.run())
    try:
        # Before feeds accept anything new, which would look like something that a former process left behind.
        begun = await services.builds.recover()
        if begun:
            log.info("Took up builds again", builds=begun)
        unfinished = await services.dispatcher.recover()
        if unfinished:
            log.info("Took up accepted work again", dispatches=unfinished)
        async with asyncio.TaskGroup() as group:
            work = [
                group.create_task(part.run())
                for part in (
                    services.dispatcher,
                    services.invoke,
                    services.retention,
                    services.feeds,
                    services.catalog.search,
                    services.builds,
                )
            ]
            try:
                await first_start(services, builtin_folder("catalog.yaml"))
                yield services
            finally:
                for task in work:
                    task.cancel()
    finally:
        # What cannot be ended ends with the hub; it does not keep the record from being closed.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await services.pool.close()
        await services.recorder.close()
        await recording
        services.catalog.search.close()
        await services.bus.close()


def open_many_files() -> None:
    """Each cell takes five descriptors; the usual limit is for programs that hold few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Held(NamedTuple):
    """What a hub has before it is one: its folder, its door, what it shows to callers, and who starts what holds its actions."""

    folder: DataFolder
    door: socket.socket
    tls: ssl.SSLContext | None
    starter: Starter


@contextlib.contextmanager
def held(settings: Settings) -> Iterator[Held]:
    """Take the data folder and the address; afterwards this process is nobody but the folder's owner. Raises SettingsRefused."""
    folder = DataFolder(settings.data)
    folder.make()
    owner = to_become(folder.path)
    if owner is None:
        folder.lock()
    door, tls = listen(settings), certificate(settings)
    supervisor: Supervisor | None = None
    if owner is not None:
        # What only root may have is had; files are touched by nobody but their owner.
        supervisor = give_up_root(owner, folder.path)
        supervisor.watch()
        folder.lock()
    try:
        yield Held(folder, door, tls, supervisor or CHILDREN)
    finally:
        folder.unlock()
        if supervisor is not None:
            supervisor.close()


async def serve(settings: Settings) -> None:
    """Serve until a signal. Raises SettingsRefused before anything is changed when a setting cannot be used."""
    check_choices(settings)
    configure(settings.log.level, settings.log.format, sys.stderr)
    open_many_files()
    with held(settings) as (folder, door, tls, starter):
        port = door.getsockname()[1]
        scheme = "https" if tls else "http"
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        base_url = (settings.base_url or f"{scheme}://{shown}:{port}").rstrip("/")
        execution = execution_by(settings, folder, base_url, port, starter)
        try:
            store = await open_record(settings, folder)
        except BaseException:
            await execution.runtime.close()
            raise
        try:
            async with running(settings, folder, store, base_url, execution) as services:
                await write_wskprops(services, folder, f"{scheme}://{shown}:{port}")
                app = build_app(services)
                if isinstance(execution.isolated, Isolated):
                    execution.isolated.doors.api = inside(app, settings)
                main = Door(_config(app, settings, **({"ssl_context_factory": lambda *_: tls} if tls else {})))
                side = Door(_config(admin_app(services.admin, base_url), settings))
                admin = asyncio.create_task(side.serve(sockets=[desk(folder)]))
                props = asyncio.create_task(keep_wskprops(services, folder, f"{scheme}://{shown}:{port}"))
                for number in (signal.SIGTERM, signal.SIGINT):
                    asyncio.get_running_loop().add_signal_handler(number, _drain, main, services.tails)
                asyncio.get_running_loop().call_later(SETTLED_AFTER, settle_memory)
                announce(services, base_url, folder, await services.admin.link(base_url))
                try:
                    await main.serve(sockets=[door])
                finally:
                    side.should_exit = True
                    props.cancel()
                    await admin
                    folder.socket.unlink(missing_ok=True)
        finally:
            await store.close()


def desk(folder: DataFolder) -> socket.socket:
    """Where `hub admin` speaks to the hub: whoever can open it is the operator."""
    folder.socket.unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        found.bind(str(folder.socket))
    finally:
        os.umask(mask)
    return found


async def write_wskprops(services: Services, folder: DataFolder, address: str) -> None:
    """Where the hub is and the operator's key, for every OpenWhisk client."""
    operator = await services.admin.operator()
    folder.write_wskprops(address, operator.auth_key)


async def keep_wskprops(services: Services, folder: DataFolder, address: str) -> None:
    """Write it again whenever keys change; an operator whose key was replaced need not look for the new one."""
    changed = asyncio.Event()
    services.bus.subscribe(Subject.IDENTITY, lambda _message: changed.set())
    while True:
        await changed.wait()
        changed.clear()
        with contextlib.suppress(RequestError):
            await write_wskprops(services, folder, address)


def settle_memory() -> None:
    """What the start made stays: the collector need not walk it again and again, and looks less often at what requests leave."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _drain(main: uvicorn.Server, tails: Tails) -> None:
    """The first signal lets requests in hand end, all but those that never would; the second does not."""
    main.force_exit = main.should_exit
    main.should_exit = True
    tails.close()


def announce(services: Services, base_url: str, folder: DataFolder, link: str) -> None:
    """What to open and what to type next, on the terminal of whoever started the hub. The link goes nowhere else."""
    kinds = ", ".join(row["kind"] for family in services.kinds.manifest().values() for row in family)
    lines = [
        "",
        f"  whiskhub is ready at {base_url}",
        f"  sign in (one time, 10 minutes): {link}",
        f"  runs: {kinds}",
        "",
        "  next, in another terminal:",
        f"    export WSK_CONFIG_FILE={folder.path / 'wskprops'}",
        "    hub search alarms",
        "    wsk list            # any OpenWhisk client works",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    if is_root():
        log.warning("The hub is root, as its data folder is root's; to have it give that up: chown -R USER DIR", folder=str(folder.path))


@contextlib.asynccontextmanager
async def admin_transport(settings: Settings) -> AsyncIterator[httpx.AsyncBaseTransport]:
    """A way to `hub admin`: the running hub's socket, or the database itself under its lock when no hub runs."""
    configure(settings.log.level, settings.log.format, sys.stderr)
    folder = DataFolder(settings.data)
    folder.make()
    owner = to_become(folder.path)
    if owner is not None:
        become(owner, folder.path)
    try:
        folder.lock()
    except SettingsRefused:
        yield httpx.AsyncHTTPTransport(uds=str(folder.socket))
        return
    store = await open_record(settings, folder)
    try:
        limits = settings.limits
        identities = Identities(store, LocalBus(), action_ranges(limits), folder.token_secret())
        admin = Admin(identities, Sessions(store, identities), limits.key_grace)
        base_url = settings.base_url or f"http://{settings.host}:{settings.port}"
        yield httpx.ASGITransport(app=admin_app(admin, base_url))
    finally:
        await store.close()
        folder.unlock()
