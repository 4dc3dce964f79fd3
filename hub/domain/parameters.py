"""Parameters and annotations: ordered lists of keys and JSON values (openwhisk-api §2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeAlias

import msgspec

Json: TypeAlias = Any

LARGEST = 1_048_576


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One key with its JSON value. `init` ones go to the environment; `secret` ones are write-only."""

    key: str
    value: Json = None
    init: bool = False
    secret: bool = False


class Parameters(msgspec.Struct, frozen=True):
    """An ordered set of parameters; of two with the same key the last wins."""

    items: tuple[Parameter, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Json] | Iterable[Parameter]) -> Self:
        """Make a list from a mapping, or from parameters whose keys may repeat."""
        if isinstance(values, Mapping):
            return cls(tuple(Parameter(key=key, value=value) for key, value in values.items()))
        return cls(tuple({item.key: item for item in values}.values()))

    def __bool__(self) -> bool:
        return bool(self.items)

    def get(self, key: str, default: Json = None) -> Json:
        """The value of `key`, or `default`."""
        return next((item.value for item in self.items if item.key == key), default)

    def has(self, key: str) -> bool:
        """Whether `key` is present, whatever its value."""
        return any(item.key == key for item in self.items)

    def truthy(self, key: str) -> bool:
        """`isTruthy` of openwhisk-api §2.3: true, non-zero, non-empty text, any array or object."""
        value = self.get(key)
        return isinstance(value, list | dict) or bool(value)

    def values(self) -> dict[str, Json]:
        """All keys with their values."""
        return {item.key: item.value for item in self.items}

    def init_keys(self) -> frozenset[str]:
        """Keys that go to the environment at `/init`."""
        return frozenset(item.key for item in self.items if item.init)

    def defined_keys(self) -> frozenset[str]:
        """Keys with a value other than null: what `final` locks."""
        return frozenset(item.key for item in self.items if item.value is not None)

    def merged(self, other: Parameters) -> Parameters:
        """Ours under theirs: same key, theirs wins and keeps our place."""
        return Parameters.of((*self.items, *other.items))

    def without(self, *keys: str) -> Parameters:
        """The same list less the named keys."""
        return Parameters(tuple(item for item in self.items if item.key not in keys))

    def with_value(self, key: str, value: Json) -> Parameters:
        """The same list with `key` set to `value`."""
        return self.merged(Parameters((Parameter(key=key, value=value),)))

    def size(self) -> int:
        """Bytes as the limit counts them: UTF-8 of each key and of its value as compact JSON."""
        return sum(len(item.key.encode()) + len(msgspec.json.encode(item.value)) for item in self.items)


EMPTY = Parameters()


def effective(*layers: Parameters) -> Parameters:
    """Later wins: package, then binding, then action, then the call itself (openwhisk-api §3.2)."""
    result = EMPTY
    for layer in layers:
        result = result.merged(layer)
    return result
