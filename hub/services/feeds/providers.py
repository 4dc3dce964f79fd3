"""Feed folders, found by listing; a provider is loaded by path when it is first needed. The hub never imports a feed by name."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from hub.feedkit import Provider, SettingsRefused


class Providers:
    """All feeds of some folders. A feed's name is `folder/feed`."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._folders = {folder.name: folder for place in places for folder in sorted(place.iterdir()) if (folder / "provider.py").exists()}
        self._loaded: dict[str, dict[str, Provider]] = {}

    def folders(self) -> dict[str, Path]:
        """Every feed folder by name."""
        return dict(self._folders)

    def get(self, feed: str) -> Provider:
        """The provider of `folder/feed`. Raises SettingsRefused for one that is not here."""
        folder, _, name = feed.partition("/")
        if folder not in self._folders:
            raise SettingsRefused(f"This hub has no feed {feed}.", status=404)
        if folder not in self._loaded:
            self._loaded[folder] = _load(self._folders[folder])
        provider = self._loaded[folder].get(name)
        if provider is None:
            raise SettingsRefused(f"This hub has no feed {feed}.", status=404)
        return provider

    def manifest(self, folder: str) -> dict[str, Any]:
        """What the folder says of itself."""
        found: dict[str, Any] = yaml.safe_load((self._folders[folder] / "manifest.yaml").read_text())
        return found


def _load(folder: Path) -> dict[str, Provider]:
    """Load `provider.py` as part of a package of its own, so that it can import its neighbours."""
    package = f"hub_feed_{folder.name}"
    spec = importlib.util.spec_from_file_location(package, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        message = f"the feed folder {folder.name} cannot be loaded"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    spec.loader.exec_module(module)
    provider = importlib.import_module(f"{package}.provider")
    found: dict[str, Provider] = provider.PROVIDERS
    return found
