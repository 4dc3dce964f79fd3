"""What a package folder says: wskdeploy's `manifest.yaml`, and `hub.yaml` beside it (packages-and-feeds §11, marketplace §0)."""

from __future__ import annotations

import msgspec

from hub.domain.connection import ConnectionType
from hub.domain.parameters import Json
from hub.domain.places import texts


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A declared parameter of a package, an action or a trigger. `value` is what is bound; None when nothing is."""

    name: str
    type: str = "string"
    description: str = ""
    required: bool = False
    secret: bool = False
    value: Json = None
    line: int | None = None


class ManifestAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action: code inline, a file, or a folder to be zipped."""

    name: str
    kind: str = ""
    function: str = ""
    code: str = ""
    main: str | None = None
    description: str = ""
    inputs: tuple[Input, ...] = ()
    annotations: dict[str, Json] = {}
    limits: dict[str, int] = {}
    include: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[str, ...] = ()
    line: int | None = None


class ManifestFeed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed action carried out by the hub; `native` is `folder/feed`."""

    name: str
    native: str
    description: str = ""
    inputs: tuple[Input, ...] = ()
    event: Json = None


class ManifestSequence(msgspec.Struct, frozen=True, kw_only=True):
    """Components as they are written: bare, `package/name` or `/ns/package/name`."""

    name: str
    actions: tuple[str, ...]
    annotations: dict[str, Json] = {}
    line: int | None = None


class ManifestTrigger(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger; with `feed`, the inputs go to the feed."""

    name: str
    feed: str | None = None
    inputs: tuple[Input, ...] = ()
    annotations: dict[str, Json] = {}
    line: int | None = None


class ManifestRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule by the names that the manifest uses."""

    name: str
    trigger: str
    action: str
    annotations: dict[str, Json] = {}
    line: int | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """An example of an action that can be run: `output` may be partial; None is not checked."""

    action: str
    input: Json = None
    output: Json = None
    partial: bool = False
    file: str = ""


class PackageManifest(msgspec.Struct, frozen=True, kw_only=True):
    """One package of a folder. `name` is the listing's, `entity_name` the manifest's spelling."""

    name: str
    entity_name: str
    version: str = ""
    license: str = ""
    description: str = ""
    annotations: dict[str, Json] = {}
    inputs: tuple[Input, ...] = ()
    actions: tuple[ManifestAction, ...] = ()
    feeds: tuple[ManifestFeed, ...] = ()
    sequences: tuple[ManifestSequence, ...] = ()
    triggers: tuple[ManifestTrigger, ...] = ()
    rules: tuple[ManifestRule, ...] = ()
    connections: tuple[ConnectionType, ...] = ()
    category: str = ""
    keywords: tuple[str, ...] = ()
    source: str = ""
    capabilities: dict[str, Json] = {}
    samples: tuple[Sample, ...] = ()
    readme: str = ""
    line: int | None = None

    @property
    def egress(self) -> tuple[str, ...]:
        """The places that its code goes to, as `hub.domain.places` reads them: none when it declared none."""
        return texts(self.capabilities.get("egress"))

    def action(self, name: str) -> ManifestAction | None:
        """The action of that name, or None."""
        return next((action for action in self.actions if action.name == name), None)

    def connection(self, name: str) -> ConnectionType | None:
        """The connection of that name, or None."""
        return next((connection for connection in self.connections if connection.name == name), None)
