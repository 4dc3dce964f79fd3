"""Where a text stops being JSON, as OpenWhisk tells it: the place, what was expected, the line and a mark below (openwhisk-api §1.5)."""

from __future__ import annotations

import json

EXCERPT = 100
LARGEST = 1_000_000
"""Nobody waits for a second reading of more than that."""
_EXPECTED = {
    "Expecting property name enclosed in double quotes": "'\"'",
    "Illegal trailing comma before end of object": "'\"'",
    "Expecting value": "JSON Value",
    "Illegal trailing comma before end of array": "JSON Value",
    "Expecting ':' delimiter": "':'",
    "Extra data": "end-of-input",
    "Unterminated string starting at": "'\"'",
    "Invalid control character at": "'\"'",
}
_DELIMITER = "Expecting ',' delimiter"
_UNTERMINATED = "Unterminated string starting at"


def told(body: bytes, otherwise: str) -> str:
    """What is wrong with a body that is no JSON; `otherwise` where Python's own reader sees nothing wrong with it."""
    if len(body) > LARGEST:
        return otherwise
    text = body.decode(errors="replace")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = len(text) if error.msg == _UNTERMINATED else error.pos
        expected = _closing(text, place) if error.msg == _DELIMITER else _EXPECTED.get(error.msg, "JSON escape sequence")
        return _sentence(text, place, expected)
    except (RecursionError, ValueError):
        return otherwise
    return otherwise


def _sentence(text: str, place: int, expected: str) -> str:
    begun = text.rfind("\n", 0, place) + 1
    line = text[begun:].partition("\n")[0]
    column = place - begun
    number = text.count("\n", 0, place) + 1
    found = f"character '{_printable(text[place])}'" if place < len(text) else "end-of-input"
    cut = max(column - EXCERPT, 0)
    shown = "".join(map(_printable, line[cut : column + EXCERPT]))
    where = f"at input index {place} (line {number}, position {column + 1})"
    return f"Unexpected {found} {where}, expected {expected}:\n{shown}\n{' ' * (column - cut)}^\n"


def _printable(character: str) -> str:
    return character if character.isprintable() else "?"


def _closing(text: str, place: int) -> str:
    """What ends the innermost object or list that is open at a place."""
    open_ones: list[str] = []
    quoted = escaped = False
    for character in text[:place]:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "{[":
            open_ones.append("'}'" if character == "{" else "']'")
        elif character in "}]":
            open_ones.pop()
    return open_ones[-1] if open_ones else "end-of-input"
