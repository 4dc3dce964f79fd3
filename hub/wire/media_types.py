"""Media types as upstream's web actions see them: text or bytes, JSON or not, taken by an `Accept` header or not (openwhisk-api §7)."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = rf'\s*;\s*({_WORD})\s*=\s*({_WORD}|"(?:[^"\\]|\\.)*")'
_TYPE = re.compile(rf"\s*({_WORD})/({_WORD})((?:{_PARAMETER})*)\s*;?\s*")
_PARAMETERS = re.compile(_PARAMETER)
_RANGES = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_BINARY_FAMILIES = frozenset({"audio", "font", "image", "message", "multipart", "video"})
_TEXT_TYPES = frozenset(
    f"application/{subtype}" for subtype in ("base64", "javascript", "json", "x-latex", "x-vrml", "x-www-form-urlencoded", "xml", "xml-dtd")
)
_BINARY_TYPES = frozenset(f"application/{subtype}" for subtype in ("gzip", "octet-stream", "pdf", "x-gzip", "x-tar", "zip"))
_ALWAYS_UTF8 = frozenset({"application/x-www-form-urlencoded", "text/event-stream"})
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class MediaType(msgspec.Struct, frozen=True, kw_only=True):
    """A type with its parameters, less the charset. `essence` is `main/sub` in lower case; `charset` is None where none was named."""

    essence: str
    parameters: tuple[tuple[str, str], ...] = ()
    charset: str | None = None

    @property
    def is_json(self) -> bool:
        """JSON itself, or one of its family."""
        return self.essence == JSON or self.essence.endswith("+json")

    @property
    def is_text(self) -> bool:
        """Whether a body of this type is text.

        The tables are those of upstream's HTTP library: of the types it does not know, those that name a charset are text.
        """
        main = self.essence.partition("/")[0]
        if main == "text" or self.essence in _TEXT_TYPES:
            return True
        if main in _BINARY_FAMILIES or self.essence in _BINARY_TYPES:
            return False
        return self.essence.endswith(("+json", "+xml")) or self.charset is not None

    @property
    def shown(self) -> str:
        """The header of a body of ours: text is UTF-8 and says so, unless the type can be nothing else."""
        text = "".join([self.essence, *(f"; {name}={value}" for name, value in self.parameters)])
        if not self.is_text or self.is_json or self.essence in _ALWAYS_UTF8:
            return text
        return f"{text}; charset=UTF-8"


@lru_cache(maxsize=512)
def _known(text: str) -> MediaType | None:
    found = _TYPE.fullmatch(text)
    if found is None:
        return None
    parameters = [(name.lower(), value) for name, value in _PARAMETERS.findall(found[3])]
    return MediaType(
        essence=f"{found[1]}/{found[2]}".lower(),
        parameters=tuple((name, value) for name, value in parameters if name != "charset"),
        charset=next((value for name, value in parameters if name == "charset"), None),
    )


_LONGEST = 1024


def media_type_of(text: str) -> MediaType | None:
    """The type that a `Content-Type` header names, or None when it names none."""
    return _known(text) if len(text) <= _LONGEST else None


def accepted(accept: str, media_type: MediaType) -> bool:
    """Whether an `Accept` header takes the type. The range nearest to it decides; ranges that cannot be read are passed over."""
    main = media_type.essence.partition("/")[0]
    nearness = {"*/*": 1, f"{main}/*": 2, media_type.essence: 3}
    nearest, quality, ranges = 0, 0.0, 0
    for part in _RANGES.findall(accept):
        wanted = media_type_of(part)
        if wanted is None:
            continue
        ranges += 1
        near = nearness.get(wanted.essence, 0)
        if near > nearest:
            nearest, quality = near, _quality(wanted)
    return ranges == 0 or quality > 0


def _quality(wanted: MediaType) -> float:
    """The `q` of a range; 1 where it has none that can be read."""
    try:
        return float(dict(wanted.parameters).get("q", "1"))
    except ValueError:
        return 1.0
