"""What can be wrong with a request, in words the caller can act on.

RequestError
├── Malformed          the request cannot be understood
├── Unauthenticated    nobody, or nobody we know
├── NotAllowed         somebody, but not for this
├── NotFound           no such thing
├── Conflict           it exists, or changed meanwhile
├── TooLarge           more bytes than a limit allows
├── UnsupportedType    a content type we do not take
├── Unprocessable      understood, but makes no sense
├── Throttled          too much, too fast
└── Unavailable        not now; try again

`hub.api.errors` maps each family to a status (openwhisk-api §1.7).
"""

from __future__ import annotations


class RequestError(Exception):
    """The caller can mend this; `str(error)` is the sentence shown."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Malformed(RequestError):
    """The request cannot be understood."""


class Unauthenticated(RequestError):
    """No credentials came, or none that we know."""


class NotAllowed(RequestError):
    """The caller is known and has no right to this."""


class NotFound(RequestError):
    """There is no such thing."""

    def __init__(self, message: str = "The requested resource does not exist.", *, field: str | None = None) -> None:
        super().__init__(message, field=field)


class Conflict(RequestError):
    """It exists already, or was changed by somebody else meanwhile."""

    def __init__(self, message: str = "resource already exists", *, field: str | None = None) -> None:
        super().__init__(message, field=field)


class TooLarge(RequestError):
    """More bytes than a limit allows."""


class UnsupportedType(RequestError):
    """A content type that this address does not take."""


class Unprocessable(RequestError):
    """Understood, but it makes no sense together with what is stored."""


class Throttled(RequestError):
    """Too much, too fast; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(RequestError):
    """Not now; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


COLLECTION_CONFLICT = "Resource by this name exists but is not in this collection."
CONCURRENT_MODIFICATION = "Concurrent modification to resource detected."
PARAMETERS_NOT_ALLOWED = "Request defines parameters that are not allowed (e.g., reserved properties)."


def not_authorized(*resources: str) -> NotAllowed:
    """The 403 of openwhisk-api §9.2; several resources are listed sorted."""
    names = ", ".join(sorted(resources))
    return NotAllowed(f"The supplied authentication is not authorized to access '{names}'.")
