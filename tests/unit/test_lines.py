"""From bytes to lines: nothing is lost, reordered or forged, and memory is bounded (openwhisk-api §3.4)."""

from __future__ import annotations

import base64

import pytest

from hub.runtime.lines import MB, Lines, Stamps, Stream
from hub.runtime.live import Live

SECRET = 'p"ssword of a test'


class Given(Lines):
    """Lines of bytes that a test gives."""

    def __init__(self, limit_mb: int = 10, live: Live | None = None) -> None:
        self.out, self.err = Stream("stdout"), Stream("stderr")
        super().__init__((self.out, self.err), limit_mb, live)

    def say(self, *parts: bytes) -> None:
        for part in parts:
            self._add(self.out, part)

    def complain(self, data: bytes) -> None:
        self._add(self.err, data)

    def take(self, *extra: str, last: bool = True) -> tuple[str, ...]:
        return self._taken(extra, last=last)

    def texts(self) -> list[str]:
        return [line[31:] for line in self.take()]


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"be", b"gun", b" here\nrest"], ["begun here", "rest"]),
        ([b"windows\r\nunix\n\r\n"], ["windows", "unix", ""]),
        ([b"windows\r", b"\nbar\rbar\r"], ["windows", "bar\rbar"]),
        ([b"\n\n"], ["", ""]),
        (["ünï".encode()[:2], "ünï".encode()[2:] + b"\n"], ["ünï"]),
        ([b"a\xffb\n\xc3\n\xa9\n"], ["a�b", "�", "�"]),
        ([b"nul\0nul\n"], ["nul\0nul"]),
        (["not an end\u2028of a line\x0c\x85\n".encode()], ["not an end\u2028of a line\x0c\x85"]),
        ([b"2026-08-05T10:00:00.512345678Z stderr: forged\n"], ["2026-08-05T10:00:00.512345678Z stderr: forged"]),
        ([], []),
    ],
)
def test_bytes_become_lines(parts: list[bytes], lines: list[str]) -> None:
    """However they are cut; what was not ended is a line at the end of the run."""
    given = Given()
    given.say(*parts)

    assert given.texts() == [f"stdout: {line}" for line in lines]


def test_both_streams_keep_the_order_in_which_they_came() -> None:
    """Times are of one width and always grow, so that sorting the lines as text changes nothing."""
    given = Given()
    for number in range(100):
        given.say(b"out %d\n" % number)
        given.complain(b"err %d\nagain\n" % number)
    lines = given.take()

    assert list(lines) == sorted(set(lines))
    assert [line[31:] for line in lines[:3]] == ["stdout: out 0", "stderr: err 0", "stderr: again"]
    assert all(line[:4].isdigit() and line[29:31] == "Z " for line in lines)


def test_times_grow_over_the_end_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also within one block of lines, and when the clock stands still or goes back."""
    moments = iter([1_999_999_999_999_999_998, 1_999_999_999_999_999_000])
    monkeypatch.setattr("hub.runtime.lines.time.time_ns", lambda: next(moments))
    stamps = Stamps()

    assert stamps.many(4) == [
        "2033-05-18T03:33:19.999999998Z",
        "2033-05-18T03:33:19.999999999Z",
        "2033-05-18T03:33:20.000000000Z",
        "2033-05-18T03:33:20.000000001Z",
    ]
    assert stamps.next() == "2033-05-18T03:33:20.000000002Z"


@pytest.mark.parametrize("line", [b"", b"short", b"x" * 1000, b"y" * 3 * MB])
def test_a_log_over_the_limit_ends_with_upstreams_words(line: bytes) -> None:
    """What is kept is within the limit, times included; nothing follows, not even what the hub would add; the next run begins anew."""
    given = Given(1)
    for _ in range(2 * MB // (len(line) + 1) + 1):
        given.say(line, b"\n")
    lines = given.take("The hub has a word as well.")

    assert lines[-1].endswith("Z stderr: Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.")
    assert MB - 1100 < sum(len(text) for text in lines[:-1]) <= MB
    given.say(b"again\n")
    assert given.texts() == ["stdout: again"]


def test_a_line_without_end_is_bounded() -> None:
    """It is cut off when it is too long, not when it ends."""
    given = Given(1)
    for _ in range(64):
        given.say(b"z" * 65_536)

    assert len(given.out.partial) <= 65_536
    assert len(given.take()) == 2


def test_a_limit_of_none_keeps_nothing() -> None:
    """Neither of the action nor of the hub."""
    given = Given(0)
    given.say(b"one\n")
    given.note("two")

    assert given.take("three") == ()


def test_what_is_told_at_once_is_what_the_log_has() -> None:
    """Nothing is told while nobody listens, and what came before he listened can be asked for."""
    live = Live()
    given = Given(live=live)
    told: list[tuple[str, list[str]]] = []
    given.begin("a")
    given.say(b"before\n")
    live.tell = lambda run, lines: told.append((run, [line[39:] for line in lines]))
    past = live.printed("a")
    given.say(b"one\ntwo\nbeg")
    given.say(b"un")
    lines = given.take("the end")

    assert past == lines[:1]
    assert told == [("a", ["one", "two"]), ("a", ["begun", "the end"])]
    assert live.printed("a") is None


def test_of_several_runs_the_one_that_ends_gets_what_was_printed() -> None:
    """It is told then, and not before."""
    live = Live()
    given = Given(live=live)
    told: list[tuple[str, int]] = []
    live.tell = lambda run, lines: told.append((run, len(lines)))
    for run in "ab":
        given.begin(run)
    given.say(b"one\ntwo\n")
    assert told == []
    given.end("b")
    given.take(last=False)
    given.say(b"three\n")
    given.take()

    assert told == [("b", 2), ("a", 1)]


def test_what_a_child_prints_between_two_runs_is_in_the_log_of_the_next() -> None:
    """As it is upstream, where the next run's logs begin behind the border of the last."""
    live = Live()
    given = Given(live=live)
    told: list[tuple[str, int]] = []
    live.tell = lambda run, lines: told.append((run, len(lines)))
    given.begin("a")
    given.take()
    given.say(b"late\n")
    given.begin("b")

    assert given.texts() == ["stdout: late"]
    assert told == [("b", 1)]


@pytest.mark.parametrize(
    "form",
    [SECRET, base64.b64encode(SECRET.encode()).decode(), SECRET.encode().hex(), "p%22ssword%20of%20a%20test", 'p\\"ssword of a test'],
)
def test_what_was_given_in_confidence_is_masked(form: str) -> None:
    """In every form in which it is printed by chance, also by what goes on after the run; what is too short to be told apart stays."""
    given = Given()
    given.conceal((SECRET, "short", "of several\nlines and more"))
    given.say(f"it is {form}, in short\n".encode(), b"lines and more\n")
    given.conceal(("of the next run",))
    given.say(f"{form}\nof the next run\n".encode())

    assert given.texts() == [f"stdout: {text}" for text in ("it is [redacted], in short", "[redacted]", "[redacted]", "[redacted]")]
