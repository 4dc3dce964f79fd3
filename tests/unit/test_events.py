"""Server-sent events: what is written is what is read, however it is cut on the way."""

from __future__ import annotations

from hypothesis import given, strategies

from hub.wire.events import Event, read, text_of

LINES = strategies.text(strategies.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40)


@given(strategies.lists(strategies.tuples(LINES, strategies.integers(0, 99))), strategies.integers(1, 50))
def test_events_survive_the_way(said: list[tuple[str, int]], size: int) -> None:
    """Characters that end lines elsewhere do not here."""
    events = [Event("line", text.encode() or b"{}", str(mark)) for text, mark in said]
    text = "".join(text_of(event).decode() for event in events)

    assert list(read(text[place : place + size] for place in range(0, len(text), size))) == events


def test_what_is_not_an_event_is_passed_over() -> None:
    """Comments, fields without data, other ends of lines, and an event that was cut off; a mark stays until there is another."""
    text = ": hello\r\n\r\nretry: 1000\n\nid: 7\nevent: line\r\ndata: 1\ndata:2\n\ndata: 3\n\nid: 8\ndata: 4\n"

    assert list(read([text])) == [Event("line", b"1\n2", "7"), Event("message", b"3", "7")]
