"""The socket to a process of ours: questions go out under a number each, answers come back under the same, in any order.

A frame is a length and a number (4 bytes each, big endian), one byte that says what it is, and JSON.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum
from typing import cast

import msgspec

HEAD = struct.Struct(">IIB")
LARGEST_FRAME = 64 * 1024 * 1024
_encode = msgspec.json.Encoder().encode


class Why(Enum):
    """Why a question was not answered."""

    ENDED = "the process ended"
    TIME = "it took too long"
    MEMORY = "the process took too much memory"


class Unanswered(Exception):
    """No answer will come."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class Question:
    """One that waits for its answer, at most until `until` in the loop's time."""

    __slots__ = ("answer", "until")

    def __init__(self, answer: asyncio.Future[tuple[int, bytes] | Why], until: float) -> None:
        self.answer = answer
        self.until = until


class Door(asyncio.Protocol):
    """Our end of the socket, which it closes in the end. `on_end` is called when the process has closed its own, or makes no sense.

    The loop's own transport reads and writes: it keeps the interpreter's lock, which costs less than to win it back for each frame.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._questions: dict[int, Question] = {}
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    async def open(self, ours: socket.socket) -> None:
        """Take over a connected socket."""
        await self._loop.create_unix_connection(lambda: self, sock=ours)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process closed its end, or we closed ours."""
        del exc
        if self._transport is not None:
            self._transport = None
            self._on_end()

    @property
    def waiting(self) -> bool:
        """Whether a question is open."""
        return bool(self._questions)

    async def ask(self, what: int, value: object, until: float) -> tuple[int, bytes]:
        """What the answer is, and its bytes. Raises Unanswered."""
        number = self._number = (self._number + 1) & 0xFFFFFFFF
        body = _encode(value)
        answer: asyncio.Future[tuple[int, bytes] | Why] = self._loop.create_future()
        self._questions[number] = Question(answer, until)
        try:
            self._send(HEAD.pack(len(body), number, what) + body)
            told = await answer
        finally:
            del self._questions[number]
        if isinstance(told, Why):
            raise Unanswered(told)
        return told

    def tell(self, what: int, body: bytes) -> None:
        """Bytes that want no answer. Raises Unanswered."""
        self._send(HEAD.pack(len(body), 0, what) + body)

    def _send(self, frame: bytes) -> None:
        if self._transport is None:
            raise Unanswered(Why.ENDED)
        self._transport.write(frame)

    def data_received(self, data: bytes) -> None:
        """One answer as a rule; parts of one, or several, when they are long or many."""
        received = self._received
        if not received and len(data) >= HEAD.size:
            length, number, what = HEAD.unpack_from(data)
            if len(data) == HEAD.size + length:
                self._answered(number, what, data[HEAD.size :])
                return
        received += data
        while len(received) >= HEAD.size:
            length, number, what = HEAD.unpack_from(received)
            if length > LARGEST_FRAME:
                self.close()
                self._on_end()
                return
            end = HEAD.size + length
            if len(received) < end:
                return
            body = bytes(memoryview(received)[HEAD.size : end])
            del received[:end]
            self._answered(number, what, body)

    def _answered(self, number: int, what: int, body: bytes) -> None:
        question = self._questions.get(number)
        if question is not None and not question.answer.done():
            question.answer.set_result((what, body))

    def next_deadline(self) -> float:
        """When the first of the open questions has taken too long, in the loop's time."""
        return min(question.until for question in self._questions.values())

    def lose(self, why: Why) -> None:
        """No answers will come. Of TIME only those are told that took too long; the others hear that the process ended."""
        now = self._loop.time()
        for question in self._questions.values():
            if not question.answer.done():
                question.answer.set_result(Why.ENDED if why is Why.TIME and question.until > now else why)

    def close(self) -> None:
        """Give the socket back; safe to call twice."""
        self.lose(Why.ENDED)
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.abort()
