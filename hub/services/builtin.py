"""What a hub has from its first start: the operator, the namespace `guest`, and the built-in packages in `whisk.system` (design §8)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import yaml

from hub.domain.identity import Identity
from hub.services.catalog import PublishRefused
from hub.services.directory import Services
from hub.telemetry.log import get_logger

log = get_logger(__name__)

SYSTEM = "whisk.system"
GUEST = "guest"


async def first_start(services: Services, catalog: Path) -> None:
    """Make what is missing. Every start runs it; a hub that has everything changes nothing."""
    system = await _identity(services, SYSTEM)
    await _identity(services, GUEST)
    more = services.settings.packages_dir
    for listing in [catalog, *([more / "catalog.yaml"] if more else [])]:
        await install_builtin(services, system, listing)


async def _identity(services: Services, namespace: str) -> Identity:
    known = await services.identities.listed(namespace=namespace)
    return known[0] if known else await services.identities.create(namespace, namespace, operator=True)


async def install_builtin(services: Services, system: Identity, listing: Path) -> None:
    """Publish what `catalog.yaml` lists through the same door as anybody's, and install it for everybody."""
    for row in yaml.safe_load(await asyncio.to_thread(listing.read_text))["packages"]:
        try:
            releases = await services.catalog.publish_builtin(system, listing.parent / row["path"])
        except PublishRefused as refused:
            if not refused.only("kind_runs_here"):
                raise
            log.warning("A built-in package is left out, since its kinds do not run here", package=row["path"])
            continue
        for release in releases:
            await services.installs.install_builtin(system, release)
