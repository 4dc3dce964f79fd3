"""Bounds of a connection: addresses, headers, bodies and time, before anything is looked at (openwhisk-api §1.5, §1.8)."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.compat.steps import API, put, put_action, put_rule, said
from tests.support import hubs
from tests.support.hubs import Hub

BAD_SYNTAX = "The request contains bad syntax or cannot be fulfilled."


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with a trigger that starts an action."""
    with hubs.running(tmp_path_factory.mktemp("bounds") / "data") as found:
        with found.http as http:
            put_action(http, "act")
            put(http, "triggers/bell")
            put_rule(http, "ring", "bell", "act")
        yield found


def sent(hub: Hub, data: bytes, *, then_close: bool = False) -> tuple[int, str]:
    """Status and error text of the answer to bytes as they are; (0, "") when the connection just ends."""
    place = urlsplit(hub.address)
    with socket.create_connection((place.hostname, place.port), timeout=30) as wire:
        with contextlib.suppress(OSError):
            wire.sendall(data)
        if then_close:
            wire.shutdown(socket.SHUT_WR)
        found = b""
        with contextlib.suppress(OSError):
            while part := wire.recv(65_536):
                found += part
    head, _, body = found.partition(b"\r\n\r\n")
    if not head:
        return 0, ""
    told = json.loads(body)
    assert f"x-request-id: {told['code']}".encode() in head
    return int(head.split(b" ")[1]), told["error"]


def request(hub: Hub, line: str, *headers: str, body: bytes = b"") -> bytes:
    """The bytes of a request with the key of the hub; the connection is to end with it."""
    key = base64.b64encode(hub.auth.encode()).decode()
    return "\r\n".join([line, "host: hub", f"authorization: Basic {key}", "connection: close", *headers, "", ""]).encode() + body


def events(hub: Hub) -> int:
    """How often the trigger was fired."""
    with hub.http as http:
        count: int = http.get(f"{API}/activations?name=bell&count=true").json()["activations"]
        return count


@pytest.mark.parametrize(
    "line",
    [
        "FOO / HTTP/1.1",
        "GET / HTTP/9.9",
        "GET\t/ HTTP/1.1",
        "GET / HTTP/1.1\r\nbad header: 1",
        "GET / HTTP/1.1\r\nx: 1\x00",
        "nothing at all",
    ],
)
def test_what_is_no_request_is_told_so(hub: Hub, line: str) -> None:
    """400 in the form of every refusal, and the end of the connection."""
    assert sent(hub, request(hub, line)) == (400, BAD_SYNTAX)


def test_an_address_may_have_eight_kilobytes(hub: Hub) -> None:
    """More is 414, however much more."""
    fits = request(hub, f"GET {API}/actions/{'n' * (8192 - len(API) - 9)} HTTP/1.1")
    for more in (1, 100_000):
        longer = request(hub, f"GET {API}/actions/{'n' * (8192 - len(API) - 9 + more)} HTTP/1.1")
        assert sent(hub, longer) == (414, "The address of the request is longer than 8192 bytes.")
    assert sent(hub, fits)[0] == 400


def test_headers_may_have_thirty_two_kilobytes(hub: Hub) -> None:
    """Together; more is 431, be it many, be it one that never ends."""
    for headers in (["x: " + "v" * 33_000], [f"x-{number}: v" for number in range(6000)], ["x: " + "v" * 2_000_000]):
        assert sent(hub, request(hub, "GET / HTTP/1.1", *headers)) == (431, "The headers of the request are larger than 32768 bytes.")
    assert sent(hub, request(hub, "GET /api/v1/nothing HTTP/1.1", "x: " + "v" * 32_000))[0] == 404


def test_a_header_cannot_bring_another_one(hub: Hub) -> None:
    """The id of a request is taken over only when it is plain text."""
    with hub.http as http:
        for forged in (b"sid_1", b"a" * 129, b"a\tb", b"\xc3\xa4"):
            answer = http.get(f"{API}/actions/none", headers=[(b"x-request-id", forged)])
            assert said(answer)[0] == 404
            assert answer.headers["x-request-id"].encode("latin-1") != forged


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["content-length: 100"], b""),
        (["content-length: 100"], b"{}"),
        (["transfer-encoding: chunked"], b"2\r\n{}\r\n"),
        (["transfer-encoding: chunked"], b""),
    ],
)
def test_half_a_request_is_none(hub: Hub, headers: list[str], body: bytes) -> None:
    """A fire whose body ends early does not fire, even where what came is JSON."""
    before = events(hub)
    sent(hub, request(hub, f"POST {API}/triggers/bell HTTP/1.1", "content-type: application/json", *headers, body=body), then_close=True)

    with hub.http as http:
        assert http.post(f"{API}/triggers/bell", json={}).status_code == 202
    assert events(hub) == before + 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["content-length: 1", "content-length: 2"], b"{}"),
        (["content-length: -1"], b"{}"),
        (["content-length: 2", "transfer-encoding: chunked"], b"2\r\n{}\r\n0\r\n\r\n"),
        (["transfer-encoding: chunked"], b"zz\r\n{}\r\n0\r\n\r\n"),
        (["transfer-encoding: chunked"], b"ffffffffffffffffff\r\n{}"),
    ],
)
def test_a_body_that_contradicts_itself_is_no_request(hub: Hub, headers: list[str], body: bytes) -> None:
    """400, and nothing is fired."""
    before = events(hub)
    line = f"POST {API}/triggers/bell HTTP/1.1"
    assert sent(hub, request(hub, line, "content-type: application/json", *headers, body=body)) == (400, BAD_SYNTAX)
    assert events(hub) == before


def test_a_body_is_refused_by_what_it_says_or_by_what_it_is(hub: Hub) -> None:
    """A declared length is believed at once; without one the bytes are counted."""
    line, kind = f"PUT {API}/triggers/new HTTP/1.1", "content-type: application/json"
    assert sent(hub, request(hub, line, kind, "content-length: 52428801")) == (
        413,
        "Request larger than allowed: 52428801 > 52428800 bytes.",
    )
    fire = f"POST {API}/triggers/bell HTTP/1.1"
    chunks = b"".join(b"40000\r\n" + b" " * 0x40000 + b"\r\n" for _ in range(5)) + b"0\r\n\r\n"
    status, text = sent(hub, request(hub, fire, kind, "transfer-encoding: chunked", body=chunks))
    assert (status, text[:28]) == (413, "Request larger than allowed:")


def test_what_follows_a_body_is_not_a_header(hub: Hub) -> None:
    """A key in a trailer opens nothing."""
    key = base64.b64encode(hub.auth.encode()).decode()
    head = f"GET {API}/actions HTTP/1.1\r\nhost: hub\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    assert sent(hub, head.encode() + f"0\r\nauthorization: Basic {key}\r\n\r\n".encode())[0] == 401


@pytest.mark.timeout(60)
def test_who_does_not_finish_a_head_is_not_waited_for(hub: Hub) -> None:
    """408 after ten to fifteen seconds; a connection that says nothing ends so, too."""
    place = urlsplit(hub.address)
    with (
        socket.create_connection((place.hostname, place.port), timeout=20) as slow,
        socket.create_connection((place.hostname, place.port), timeout=20) as silent,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\nhost: ")
        assert slow.recv(12) == b"HTTP/1.1 408"
        assert silent.recv(12) == b"HTTP/1.1 408"


def test_paths_lead_nowhere_else(hub: Hub) -> None:
    """Dots that are encoded, slashes, NUL and bytes that are no text are no route."""
    with hub.http as http:
        for path in ("%2e%2e/x", "a%2Fb", "%00", "%ff", "..%2f..", "%2e", "a%5c..%5cb/../%2e%2e"):
            request_ = http.build_request("GET", "/")
            request_.url = request_.url.copy_with(raw_path=f"{API}/actions/{path}".encode())
            assert http.send(request_).status_code in (400, 404), path
