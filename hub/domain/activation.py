"""Activations: the record of one run (openwhisk-api §2.6, §3.3)."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from hub.domain.parameters import EMPTY, Json, Parameters


class Status(IntEnum):
    """The outcome of a run."""

    SUCCESS = 0
    APPLICATION_ERROR = 1
    DEVELOPER_ERROR = 2
    WHISK_ERROR = 3

    @property
    def text(self) -> str:
        """As clients read it."""
        return _TEXTS[self]


_TEXTS = {
    Status.SUCCESS: "success",
    Status.APPLICATION_ERROR: "application error",
    Status.DEVELOPER_ERROR: "action developer error",
    Status.WHISK_ERROR: "whisk internal error",
}


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a run answered. `size` is the length of the serialised result, where one was produced."""

    status: Status
    result: Json = None
    size: int | None = None

    @classmethod
    def error(cls, status: Status, error: Json) -> Response:
        """A response whose result is `{"error": …}`."""
        return cls(status=status, result={"error": error})


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Times are milliseconds since the epoch; triggers have no `end` and no `duration`.

    `path` is the name by which lists filter: `[binding or package/]name` (openwhisk-api §8.1).
    """

    activation_id: str
    namespace: str
    name: str
    path: str
    version: str
    subject: str
    start: int
    response: Response
    end: int | None = None
    duration: int | None = None
    cause: str | None = None
    logs: tuple[str, ...] = ()
    annotations: Parameters = EMPTY

    @property
    def is_trigger(self) -> bool:
        """Whether this is the record of a fire."""
        return self.end is None
