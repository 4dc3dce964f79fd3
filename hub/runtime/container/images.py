"""Which kinds run in which images, as the manifest says (openwhisk-api §10.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from hub.domain.action import CodeExec
from hub.domain.errors import Malformed
from hub.runtime.container.engine import EngineRefused
from hub.wire.json import cut

BLACKBOX = "blackbox"
_OURS = Path(__file__).with_name("images.yaml")


class ImageName(msgspec.Struct, frozen=True, kw_only=True):
    """An image in the parts of the manifest."""

    name: str
    prefix: str = ""
    tag: str = ""
    registry: str = ""

    @property
    def reference(self) -> str:
        """As engines read it."""
        path = "/".join(filter(None, (self.registry.rstrip("/"), self.prefix, self.name)))
        return f"{path}:{self.tag}" if self.tag else path


class Runtime(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One kind of the manifest. Members of upstream's that mean nothing here are passed over, such as `stemCells`."""

    kind: str
    image: ImageName
    default: bool = False
    deprecated: bool = False
    require_main: bool = False
    sentinelled_logs: bool = True
    writable: bool = False
    concurrent: bool = False
    user: str = ""

    @property
    def name(self) -> str:
        """The kind as it is stored."""
        return self.kind


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    runtimes: dict[str, list[Runtime]]
    blackboxes: list[ImageName] = []


class Images:
    """The table of kinds: see `hub.services.directory.Kinds`. Images of `blackbox` actions are whatever their developers name."""

    runs_images = True

    def __init__(self, document: _Document) -> None:
        self._families = document.runtimes
        self._kinds = {row.kind: row for rows in document.runtimes.values() for row in rows}

    @classmethod
    def read(cls, manifest: Path | None = None) -> Images:
        """The manifest in that file, or our own. Raises EngineRefused when it cannot be read."""
        try:
            document = msgspec.convert(yaml.safe_load((manifest or _OURS).read_text()), _Document)
        except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
            raise _refused(str(manifest), str(error).splitlines()[0]) from error
        for family, rows in document.runtimes.items():
            if not rows or (len(rows) > 1 and sum(row.default for row in rows) != 1):
                raise _refused(str(manifest), f"the family {family} needs exactly one kind with default: true")
        return cls(document)

    def names(self) -> list[str]:
        """Every kind that is listed."""
        return [row.kind for row in self._kinds.values() if not row.deprecated]

    def resolve(self, kind: str) -> Runtime:
        """The kind to store for a kind that was sent: `family:default` becomes the real one. Raises Malformed with the valid kinds."""
        family, _, version = kind.partition(":")
        if version == "default" and family in self._families:
            rows = self._families[family]
            return next((row for row in rows if row.default), rows[0])
        if kind not in self._kinds:
            valid = ", ".join(f"'{name}'" for name in (*self._kinds, "sequence", BLACKBOX))
            words = f"The specified runtime '{cut(kind)}' is not supported by this platform. Valid values are: {valid}."
            raise Malformed(f"The request content was malformed:\n{words}", field="exec.kind")
        return self._kinds[kind]

    def runs(self, kind: str) -> bool:
        """Whether a stored kind can be run here now."""
        row = self._kinds.get(kind)
        return kind == BLACKBOX or (row is not None and not row.deprecated)

    def runs_on(self, kind: str) -> str | None:
        """Each kind has its own image."""
        del kind
        return None

    def needs_main(self, kind: str) -> bool:
        """Whether actions of that kind must name their `main`."""
        row = self._kinds.get(kind)
        return row is not None and row.require_main

    def of(self, exec_: CodeExec) -> Runtime:
        """What to run code in. Raises Malformed for a kind that is not in the manifest any more."""
        if exec_.image is not None:
            return Runtime(kind=BLACKBOX, image=ImageName(name=exec_.image), writable=True, concurrent=True)
        return self.resolve(exec_.kind)

    def manifest(self) -> dict[str, list[dict[str, Any]]]:
        """The `runtimes` of `GET /` (openwhisk-api §1.2)."""
        return {
            family: [
                {
                    "kind": row.kind,
                    "image": row.image.reference,
                    "deprecated": row.deprecated,
                    "default": row.default or len(rows) == 1,
                    "attached": True,
                    "requireMain": row.require_main,
                }
                for row in rows
            ]
            for family, rows in self._families.items()
        }


def _refused(found: str, why: str) -> EngineRefused:
    return EngineRefused(
        f"HUB_RUNTIME__MANIFEST cannot be used: found {found}, which is no manifest of runtimes ({why}). "
        "Name a file in the format of OpenWhisk's runtimes.json, or leave the setting out."
    )
