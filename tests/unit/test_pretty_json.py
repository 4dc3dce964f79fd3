"""JSON as web actions show it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.wire.json import pretty

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({}, "{\n\n}"),
        ([], "[]"),
        ({"a": {}}, '{\n  "a": {\n\n  }\n}'),
        ({"b": [1, "x", None], "a": True}, '{\n  "a": true,\n  "b": [1, "x", null]\n}'),
        ([{"a": 1}, [{"b": 2}]], '[{\n  "a": 1\n}, [{\n  "b": 2\n}]]'),
        ({"a": [{"b": 1}]}, '{\n  "a": [{\n    "b": 1\n  }]\n}'),
        ('ü"\n', '"ü\\"\\n"'),
    ],
)
def test_keys_are_in_order_and_lists_in_one_line(value: Any, shown: str) -> None:
    """Two spaces a level."""
    assert pretty(value) == shown


@given(VALUES)
def test_it_says_the_same(value: Any) -> None:
    """Whatever the value."""
    assert json.loads(pretty(value)) == value
