"""`$NAME` and `${NAME}` in the texts of a manifest (packages-and-feeds §11.3).

Kinder than wskdeploy in one point: a variable that is not set is told, where wskdeploy would go on with empty text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from hub.domain.parameters import Json

_WHOLE = re.compile(r"\A\$([A-Za-z_]\w*)\Z|\A\$\{([A-Za-z_]\w*)\}\Z", re.ASCII)
_PARTS = re.compile(r"\$\$\{([^{}$]*)\}|\$\{([^{}$]*)\}|\A\$([^{}$]+)\Z")


def whole(value: Json) -> str | None:
    """The variable that a value is nothing but, or None."""
    match = _WHOLE.match(value) if isinstance(value, str) else None
    return (match[1] or match[2]) if match else None


class Variables:
    """The variables of an environment; `missing` are those that were asked for and are not set."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.missing: set[str] = set()

    def get(self, name: str) -> str:
        """The value; empty, and remembered as missing, when it is not set."""
        found = self._values.get(name)
        if found is None:
            self.missing.add(name)
        return found or ""

    def has(self, name: str) -> bool:
        """Whether it is set."""
        return name in self._values

    def read(self, name: str, type_: str) -> Json:
        """The value as JSON of a type; text where it is none."""
        text = self.get(name)
        if type_ == "string":
            return text
        try:
            return msgspec.json.decode(text.encode())
        except msgspec.DecodeError:
            return text

    def fill(self, value: Json) -> Json:
        """A value with the variables in all its texts replaced; keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.fill(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.fill(member) for member in value]
        return value

    def text(self, text: str) -> str:
        """One text; `$${NAME}` is the literal `${NAME}`."""
        return _PARTS.sub(self._part, text) if "$" in text else text

    def _part(self, match: re.Match[str]) -> str:
        literal, inside, alone = match.groups()
        return "${" + literal + "}" if literal is not None else self.get(inside if inside is not None else alone)
