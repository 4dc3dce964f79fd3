"""No secret passes the log (reliability §6)."""

from __future__ import annotations

import base64
import io
import json
import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.telemetry.log import configure, get_logger
from hub.telemetry.redact import MASK, redact, redact_text, remember_secret

SECRETS = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=8, max_size=40)
KEY = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:" + "a1B2" * 16


@given(secret=SECRETS)
def test_a_remembered_secret_is_masked_in_every_form(secret: str) -> None:
    """Plain, base64, hex, URL- and JSON-escaped."""
    remember_secret(secret)
    forms = [secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex(), quote(secret, safe=""), json.dumps(secret)[1:-1]]
    text = redact_text(" | ".join(forms))

    assert not [form for form in forms if form in text and form not in MASK]


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY} used",
        "Authorization: Basic dTprdTprdTpr",
        "authorization: Bearer abc.def.ghi-jkl",
        "https://ada:geheim12@example.com/x",
        "GET https://example.com/x?token=geheim12",
        "/sign-in/aaaaaaaaaaaaaaaaaaaaaaaa",
        "/hooks/aaaaaaaaaaaaaaaaaaaaaaaa",
        "hub_0123456789abcdef0123",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """Keys of ours, headers, user info and queries of addresses, opaque paths."""
    shown = redact_text(text)

    assert MASK in shown
    for part in ("a1B2a1B2", "dTprdTpr", "abc.def", "geheim12", "aaaaaaaaaaaa", "0123456789abcdef"):
        assert part not in shown


@pytest.mark.parametrize(
    "name", ["authorization", "password", "accessToken", "api_key", "authKey", "client_secret", "X-Hub-Signature-256", "Cookie"]
)
def test_a_field_with_a_secret_name_is_masked(name: str) -> None:
    """However deep it lies."""
    assert redact({"a": [{name: "x"}]}) == {"a": [{name: MASK}]}


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_has_its_fields_and_no_secret(form: str) -> None:
    """Tracebacks and lines of libraries included."""
    remember_secret("geheim-canary-1")
    stream = io.StringIO()
    configure("info", form, stream)
    try:
        try:
            int("geheim-canary-1")
        except ValueError:
            get_logger("test").exception("It failed", action="ns/a", password="geheim-canary-1")
        logging.getLogger("library").warning("said %s", "geheim-canary-1")
    finally:
        configure("info", "auto")
    said = stream.getvalue()

    assert "It failed" in said
    assert "ns/a" in said
    assert "ValueError" in said
    assert "geheim-canary-1" not in said
