"""Media types: reading them, text or bytes, and what an `Accept` header takes."""

from __future__ import annotations

import pytest

from hub.wire.media_types import MediaType, accepted, media_type_of


@pytest.mark.parametrize(
    ("text", "essence", "parameters", "charset"),
    [
        ("text/html", "text/html", (), None),
        (" Text/HTML ; Charset=UTF-8 ", "text/html", (), "UTF-8"),
        ("text/html;", "text/html", (), None),
        ('multipart/mixed; boundary="a;b\\"c"; x=y', "multipart/mixed", (("boundary", '"a;b\\"c"'), ("x", "y")), None),
        ("application/vnd.a.b+json;v=1", "application/vnd.a.b+json", (("v", "1"),), None),
        ("*/*;q=0.1", "*/*", (("q", "0.1"),), None),
    ],
)
def test_a_type_is_read_with_its_parameters(text: str, essence: str, parameters: tuple[tuple[str, str], ...], charset: str | None) -> None:
    """In lower case; the charset is apart."""
    assert media_type_of(text) == MediaType(essence=essence, parameters=parameters, charset=charset)


@pytest.mark.parametrize(
    "text", ["", "text", "text/", "/html", "a/b/c", "text/html; x", "text/html x=y", "te xt/html", "text/html\r\na: b", "ü/a"]
)
def test_what_is_no_type_is_none(text: str) -> None:
    """So is what is longer than a type can be."""
    assert media_type_of(text) is None
    assert media_type_of("text/html; a=" + "x" * 1024) is None


@pytest.mark.parametrize(
    ("text", "is_text", "is_json", "shown"),
    [
        ("text/plain", True, False, "text/plain; charset=UTF-8"),
        ("text/x-unheard-of; charset=ascii", True, False, "text/x-unheard-of; charset=UTF-8"),
        ("text/event-stream", True, False, "text/event-stream"),
        ("application/json; charset=utf-8", True, True, "application/json"),
        ("application/hal+json", True, True, "application/hal+json"),
        ("application/rss+xml", True, False, "application/rss+xml; charset=UTF-8"),
        ("application/x-unheard-of", False, False, "application/x-unheard-of"),
        ("application/x-unheard-of; charset=utf-8", True, False, "application/x-unheard-of; charset=UTF-8"),
        ("application/octet-stream; charset=utf-8", False, False, "application/octet-stream"),
        ("image/svg+xml; charset=utf-8", False, False, "image/svg+xml"),
        ("multipart/form-data; boundary=x", False, False, "multipart/form-data; boundary=x"),
        ("message/rfc822", False, False, "message/rfc822"),
        ("font/woff2", False, False, "font/woff2"),
    ],
)
def test_a_type_is_text_or_bytes(text: str, is_text: bool, is_json: bool, shown: str) -> None:  # noqa: FBT001 - rows of a table
    """And text of ours is UTF-8, said where it could be something else."""
    found = media_type_of(text)
    assert found is not None
    assert (found.is_text, found.is_json, found.shown) == (is_text, is_json, shown)


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("text/html", True),
        ("text/html;level=1", True),
        ("*/*", True),
        ("text/*", True),
        ("image/*, text/*;q=0.01", True),
        ("*/*;q=0, text/html", True),
        ("", True),
        ("?, !", True),
        ('text/html;q="x"', True),
        ("text/plain", False),
        ("image/*", False),
        ("text/html;q=0", False),
        ("text/html;q=0.0, */*", False),
        ("text/*;q=0, */*", False),
        ("?, text/plain", False),
    ],
)
def test_the_nearest_range_decides(accept: str, taken: bool) -> None:  # noqa: FBT001 - rows of a table
    """Of those that can be read; without any everything is taken."""
    assert accepted(accept, MediaType(essence="text/html")) == taken


def test_reading_long_headers_takes_no_time() -> None:
    """Whatever is in them."""
    for text in ('"' * 20_000, "text/html;" + " " * 20_000, "a/b," * 20_000, "a/b;" + "x=y;" * 20_000, 'a/b;x="' + "\\" * 20_000):
        media_type_of(text)
        assert accepted(text, MediaType(essence="a/b"))
