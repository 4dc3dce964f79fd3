"""YAML that every reader reads alike: text is quoted unless it can be nothing else, keys stay in their order, no line is folded."""

from __future__ import annotations

import math
import re

import yaml

from hub.domain.parameters import Json

_PLAIN = re.compile(r"\A[A-Za-z/][A-Za-z0-9_/.@-]*(?: [A-Za-z0-9_/.@-]+)*\Z")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}


class _Dumper(yaml.SafeDumper):
    """PyYAML's, with our text, and lists set in below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML calls it so
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Json) -> bool:  # noqa: ARG002 - as above
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.match(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def dump(value: Json) -> str:
    """A document."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf, default_flow_style=False)
