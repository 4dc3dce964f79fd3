"""The pipes of a process: read in the order in which they had something, without ever holding up who writes (openwhisk-api §3.4)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from hub.runtime.lines import MB
from hub.runtime.logs import Logs


class Pipes:
    """Logs, and the ends that an action writes to."""

    def __init__(self, limit_mb: int) -> None:
        out, self.out = os.pipe()
        err, self.err = os.pipe()
        self.logs = Logs(out, err, limit_mb)

    def texts(self) -> list[str]:
        return [line[31:] for line in self.logs.take()]


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    """Pipes whose log may have one MB."""
    found = Pipes(1)
    yield found
    found.logs.close()
    for pipe in (found.out, found.err):
        os.close(pipe)


@pytest.mark.parametrize("first", ["out", "err"])
def test_the_stream_that_spoke_first_comes_first(pipes: Pipes, first: str) -> None:
    """Whichever it is, also when both are read only at the end; and again after they were read before."""
    second = "err" if first == "out" else "out"
    for _ in range(3):
        os.write(getattr(pipes, first), b"first\n")
        os.write(getattr(pipes, second), b"second\n")
        assert pipes.texts() == [f"std{first}: first", f"std{second}: second"]


def test_each_read_takes_what_came_since_the_last(pipes: Pipes) -> None:
    """In the order in which it came, however often it changes."""
    for number in range(20):
        os.write((pipes.out, pipes.err)[number % 3 == 0], b"%d\n" % number)
        assert pipes.logs.read()

    assert [int(text.partition(": ")[2]) for text in pipes.texts()] == list(range(20))
    assert not pipes.logs.read()


def test_the_end_of_a_stream_leaves_the_other(pipes: Pipes) -> None:
    """It is looked at no more, which a loop that waits for it would not bear."""
    closed = os.dup(pipes.out)
    os.dup2(pipes.err, pipes.out)
    os.close(closed)
    os.write(pipes.err, b"still here\n")
    while pipes.logs.read():
        pass

    assert pipes.texts() == ["stderr: still here"]
    assert not pipes.logs.read()


def test_who_prints_without_end_is_not_held_up(pipes: Pipes) -> None:
    """A hundred times the limit goes through, and costs no more than the limit."""
    block = b"y" * 99 + b"\n"

    def print_much() -> None:
        for _ in range(100 * MB // len(block) // 600):
            os.write(pipes.out, block * 600)

    printing = threading.Thread(target=print_much, daemon=True)
    printing.start()
    while printing.is_alive():
        pipes.logs.read()
    lines = pipes.logs.take()

    assert "Logs were truncated" in lines[-1]
    assert sum(len(line) for line in lines[:-1]) <= MB


def test_what_was_read_can_be_taken_after_the_end() -> None:
    """When the pipes are gone already."""
    found = Pipes(1)
    os.write(found.out, b"last words")
    found.logs.read()
    found.logs.close()
    os.close(found.out)
    os.close(found.err)

    assert found.texts() == ["stdout: last words"]
