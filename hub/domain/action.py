"""Actions: code with a kind, limits and parameters (openwhisk-api §2.4)."""

from __future__ import annotations

import base64
import string

import msgspec

from hub.domain.entity import Entity
from hub.domain.errors import Malformed, TooLarge
from hub.domain.names import FullName
from hub.domain.parameters import EMPTY, Parameters

LARGEST_EXEC = 50_331_648
LONGEST_SEQUENCE = 50
_BASE64 = (string.ascii_letters + string.digits + "+/").encode()


class CodeExec(msgspec.Struct, frozen=True, kw_only=True, tag="code", tag_field="form"):
    """Code for a runtime kind. `code` is text or base64; `digest` names the blob when the code is kept outside.

    `image` is the container image of a `blackbox`, which may come without code.
    """

    kind: str
    code: str
    binary: bool = False
    main: str | None = None
    digest: str | None = None
    image: str | None = None

    def data(self) -> bytes:
        """The code as bytes: decoded when binary."""
        return base64.b64decode(self.code) if self.binary else self.code.encode()

    def size(self) -> int:
        """Bytes as the limit counts them."""
        return len(self.code.encode()) + len((self.main or "").encode()) + len(self.image or "")


class SequenceExec(msgspec.Struct, frozen=True, kw_only=True, tag="sequence", tag_field="form"):
    """Components called one after the other."""

    components: tuple[FullName, ...]
    kind: str = "sequence"

    def size(self) -> int:
        """Bytes as the limit counts them."""
        return sum(len(str(component)) for component in self.components)


class NativeExec(msgspec.Struct, frozen=True, kw_only=True, tag="native", tag_field="form"):
    """A feed action carried out by the hub itself (openwhisk-api §6.4). `provider` is `folder/feed`, e.g. `alarms/interval`."""

    provider: str
    kind: str = "native"

    def size(self) -> int:
        """Bytes as the limit counts them."""
        return len(self.provider)


Exec = CodeExec | SequenceExec | NativeExec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`timeout` in ms, `memory` and `logs` in MB, `concurrency` in activations per process, `instances` in processes (None: any number)."""

    timeout: int = 60_000
    memory: int = 256
    logs: int = 10
    concurrency: int = 1
    instances: int | None = None


class LimitRange(msgspec.Struct, frozen=True, kw_only=True):
    """What a namespace may ask for; inclusive. `instances` is the most of them: what the namespace may have in flight."""

    timeout: tuple[int, int] = (100, 300_000)
    memory: tuple[int, int] = (128, 512)
    logs: tuple[int, int] = (0, 10)
    concurrency: tuple[int, int] = (1, 1)
    instances: int = 30

    def check(self, limits: Limits) -> None:
        """Raise Malformed with upstream's text for the first limit out of range."""
        for value, (low, high), what, unit in (
            (limits.timeout, self.timeout, "duration", " milliseconds"),
            (limits.memory, self.memory, "memory size", " MB"),
            (limits.logs, self.logs, "log size", " MB"),
            (limits.concurrency, self.concurrency, "concurrency", ""),
        ):
            if value < low:
                message = f"requirement failed: {what} {value}{unit} below allowed threshold of {low}{unit}"
                raise Malformed(message)
            if value > high:
                message = f"requirement failed: {what} {value}{unit} exceeds allowed threshold of {high}{unit}"
                raise Malformed(message)
        self._check_instances(limits.instances)

    def _check_instances(self, instances: int | None) -> None:
        if instances is not None and instances < 1:
            raise Malformed(f"requirement failed: instance concurrency {instances} below allowed threshold of 1")
        if instances is not None and instances > self.instances:
            raise Malformed(f"Max action instance concurrency must not exceed your namespace concurrency of {self.instances}.")


class Action(Entity, frozen=True, kw_only=True):
    """An action as stored: its own parameters only."""

    exec: Exec
    parameters: Parameters = EMPTY
    limits: Limits = Limits()

    @property
    def key_wanted(self) -> bool:
        """Whether `__OW_API_KEY` is given: `provide-api-key` truthy, or absent (openwhisk-api §2.3)."""
        return not self.annotations.has("provide-api-key") or self.annotations.truthy("provide-api-key")


def looks_binary(code: str) -> bool:
    """Upstream's test: trimmed, not empty, and entirely base64 (openwhisk-api §2.4)."""
    text = code.strip()
    if not text or len(text) % 4 or not text.isascii():
        return False
    return not text.encode().removesuffix(b"=").removesuffix(b"=").translate(None, _BASE64)


def check_size(what: str, size: int, allowed: int) -> None:
    """Raise TooLarge with upstream's text."""
    if size > allowed:
        message = f"{what} larger than allowed: {size} > {allowed} bytes."
        raise TooLarge(message)
