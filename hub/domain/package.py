"""Packages and bindings (openwhisk-api §5)."""

from __future__ import annotations

import msgspec

from hub.domain.entity import Entity
from hub.domain.parameters import EMPTY, Parameters


class Binding(msgspec.Struct, frozen=True):
    """The package that a binding stands for."""

    namespace: str
    name: str


class Package(Entity, frozen=True, kw_only=True):
    """A package, or a binding when `binding` is set."""

    parameters: Parameters = EMPTY
    binding: Binding | None = None
