"""Names of entities and where they live (openwhisk-api §2.1)."""

from __future__ import annotations

import re
import secrets
import time
from typing import Self

import msgspec

from hub.domain.errors import Malformed

LONGEST = 256
DEFAULT_PACKAGE = "_"
OWN_NAMESPACE = "_"
_SEGMENT = re.compile(r"\A(?:[A-Za-z0-9_]|[A-Za-z0-9_][A-Za-z0-9_@ .&-]{0,254}[A-Za-z0-9_@.&-])\Z")
_ACTIVATION = re.compile(r"\A[0-9a-f]{32}\Z")
_MINIMUM_SEGMENTS = 2
_PACKAGED_SEGMENTS = 3
_NOT_QUALIFIED = (
    "The request content was malformed:\nrequirement failed: The fully qualified name of the entity must contain at least the "
    "namespace and the name of the entity."
)


def check_entity_name(text: str) -> str:
    """Return `text`; raise Malformed with upstream's words when it is no entity name."""
    if len(text) > LONGEST:
        message = f"Name segement longer than allowed: {len(text)} > {LONGEST}."
        raise Malformed(message)
    if not _SEGMENT.match(text):
        message = "The name of the entity contains illegal characters."
        raise Malformed(message)
    return text


def check_namespace(text: str) -> str:
    """Return `text`; raise Malformed with upstream's words when it is no namespace."""
    if len(text) > LONGEST:
        message = f"Namespace longer than allowed: {len(text)} > {LONGEST}."
        raise Malformed(message)
    if not _SEGMENT.match(text):
        message = "The namespace contains illegal characters."
        raise Malformed(message)
    return text


class FullName(msgspec.Struct, frozen=True, order=True):
    """`namespace[/package]/name`. `package` is None in the default package."""

    namespace: str
    name: str
    package: str | None = None

    @classmethod
    def parse(cls, text: str, *, own: str) -> Self:
        """Read `ns/name`, `ns/pkg/name`, with or without a leading slash; `_` is `own`.

        Raises Malformed when the text is not fully qualified or a segment is no name.
        """
        segments = text.removeprefix("/").split("/")
        if not _MINIMUM_SEGMENTS <= len(segments) <= _PACKAGED_SEGMENTS:
            raise Malformed(_NOT_QUALIFIED)
        namespace = own if segments[0] == OWN_NAMESPACE else check_namespace(segments[0])
        package = check_entity_name(segments[1]) if len(segments) == _PACKAGED_SEGMENTS else None
        return cls(namespace, check_entity_name(segments[-1]), package)

    @classmethod
    def of_path(cls, namespace: str, path: str) -> Self:
        """Read the `path` form of a stored entity: `name` or `package/name`."""
        package, _, name = path.rpartition("/")
        return cls(namespace, name, package or None)

    @property
    def path(self) -> str:
        """`name` or `package/name`: the key inside the namespace."""
        return f"{self.package}/{self.name}" if self.package else self.name

    @property
    def space(self) -> str:
        """`namespace` or `namespace/package`: what clients see as the entity's `namespace`."""
        return f"{self.namespace}/{self.package}" if self.package else self.namespace

    def __str__(self) -> str:
        return f"{self.namespace}/{self.path}"


class _Randomness:
    """Random bytes of the system, fetched by the page: one call of the system for many ids."""

    PAGE = 4096

    def __init__(self) -> None:
        self._page = ""
        self._place = 0

    def take(self) -> str:
        """32 hex digits that nobody else gets."""
        if self._place >= len(self._page):
            self._page, self._place = secrets.token_hex(self.PAGE), 0
        self._place += 32
        return self._page[self._place - 32 : self._place]


_randomness = _Randomness()


class _Succession:
    """Numbers the ids that one process makes within a millisecond, so that a later one is the greater one."""

    MOST = 0xFFFF

    def __init__(self) -> None:
        self._now = 0
        self._count = 0

    def next(self) -> str:
        """16 hex digits: the time (ms), then the number."""
        now = time.time_ns() // 1_000_000
        self._count = min(self._count + 1, self.MOST) if now == self._now else 0
        self._now = now
        return f"{now:012x}{self._count:04x}"


_succession = _Succession()


def new_activation_id() -> str:
    """A fresh id: 32 lower-case hex digits, the first twelve of them the time (ms), four a number within it, the others random.

    Ids that grow with time land side by side in an index, which makes the record of a run several times cheaper, and lists by time keep
    the order in which runs of the same millisecond began.
    """
    return _succession.next() + _randomness.take()[:16]


def activation_ids_before(milliseconds: int) -> str:
    """What every id made before that time (ms) is smaller than."""
    return f"{max(milliseconds, 0):012x}{'0' * 20}"


def new_transaction_id() -> str:
    """A fresh id of a request: 32 letters and digits."""
    return _randomness.take()


def check_activation_id(text: str) -> str:
    """Return `text`; raise Malformed when it is no activation id."""
    if len(text) != 32:  # noqa: PLR2004 - the length is the rule itself
        message = f"Activation id length is {len(text)} but must be 32."
        raise Malformed(message)
    if not _ACTIVATION.match(text):
        message = "The activation id is not valid."
        raise Malformed(message)
    return text
