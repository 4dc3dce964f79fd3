"""The page of isolation says what the code promises."""

from __future__ import annotations

from tests.support import isolation_table


def test_the_tables_are_written_from_the_code() -> None:
    """After a change of the promises: `python -m tests.support.isolation_table`."""
    text = isolation_table.PAGE.read_text()

    assert text == isolation_table.page(text)
