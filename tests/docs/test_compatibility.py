"""The page of what works is what the compat suite shows."""

from __future__ import annotations

from tests.support import compat_table


def test_the_page_is_written_from_the_suite() -> None:
    """After a change of the suite: `python -m tests.support.compat_table`."""
    assert compat_table.PAGE.read_text() == compat_table.page()


def test_every_section_of_the_contract_has_tests() -> None:
    """From the HTTP surface to the API gateway."""
    shown = " ".join(area.section for area in compat_table.areas())
    assert not [number for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16) if f"§{number}" not in shown]


def test_every_test_says_what_it_shows() -> None:
    """In its first line, which becomes a row."""
    assert not [f"{area.file}: {row.name}" for area in compat_table.areas() for row in area.features if not row.sentence]
