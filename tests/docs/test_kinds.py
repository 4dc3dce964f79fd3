"""The page of kinds says what the data says."""

from __future__ import annotations

from tests.support import kinds_table


def test_the_table_is_written_from_the_data() -> None:
    """After a change of `kinds.yaml`: `python -m tests.support.kinds_table`."""
    text = kinds_table.PAGE.read_text()

    assert text == kinds_table.page(text)
