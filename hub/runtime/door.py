"""The socket to a process of ours: questions go out under a number each, answers come back under the same, in any order.

A frame is a length and a number (4 bytes each, big endian), one byte that says what it is, and JSON.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum

import msgspec

HEAD = struct.Struct(">IIB")
READ_AT_ONCE = 16_384
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


class Door:
    """Our end of the socket, which it closes in the end. `on_end` is called when the process has closed its own, or makes no sense."""

    def __init__(self, ours: socket.socket, on_end: Callable[[], None]) -> None:
        self._socket = ours
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._questions: dict[int, Question] = {}
        self._received = bytearray()
        self._unsent = bytearray()
        self._loop.add_reader(ours.fileno(), self._readable)

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
        """What the process does not take at once follows when it reads again; frames never mix."""
        if self._unsent:
            self._unsent += frame
            return
        try:
            sent = self._socket.send(frame)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            raise Unanswered(Why.ENDED) from error
        if sent < len(frame):
            self._unsent += memoryview(frame)[sent:]
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            with memoryview(self._unsent) as rest:
                sent = self._socket.send(rest)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            # A process that ends while we write to it is told by the answers, which fail at the same moment.
            sent = len(self._unsent)
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._socket.fileno())
            self._on_end()
            return
        received = self._received
        received += data
        while len(received) >= HEAD.size:
            length, number, what = HEAD.unpack_from(received)
            if length > LARGEST_FRAME:
                self._on_end()
                return
            end = HEAD.size + length
            if len(received) < end:
                return
            body = bytes(memoryview(received)[HEAD.size : end])
            del received[:end]
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
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
