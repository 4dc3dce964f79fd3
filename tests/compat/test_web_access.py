"""Web actions: OPTIONS, what browsers are told, and who is let in (openwhisk-api §7.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.steps import WEB, WEB_CORS, answering, cors_of, put_web, said, stranger_to, tenant
from tests.support import hubs

NO_ACCESS = "Authentication is possible but has failed or not yet been provided."
SECRET = "X-Require-Whisk-Auth"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("access") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner, with actions of each kind of protection."""
    with hub.http as found:
        put_web(found, "open")
        put_web(found, "own", answering("{ headers: { 'Access-Control-Allow-Origin': 'https://a.example', 'access-control-max-age': 9 } }"))
        put_web(found, "broken", "function main() { throw new Error('no'); }")
        options = "function main(a) { return { statusCode: 200, headers: { 'Access-Control-Allow-Methods': 'OPTIONS, GET' }, body: a.__ow_method }; }"
        put_web(found, "custom", options, {"web-custom-options": True})
        put_web(
            found,
            "custom-locked",
            options,
            {"web-custom-options": True, "require-whisk-auth": True, "final": True},
            parameters=[{"key": "k", "value": 1}],
        )
        put_web(found, "custom-text", options, {"web-custom-options": "true"})
        for number, secret in enumerate(SECRETS):
            put_web(found, f"secret-{number}", marks={"require-whisk-auth": secret})
        yield found


@pytest.fixture
def stranger(hub: hubs.Hub, http: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody without a key."""
    with stranger_to(hub) as found:
        yield found


SECRETS: list[Any] = [True, False, "letmein", 4711, 1.5, "true", "", None, {"a": 1}, ["letmein"]]
CASES = [
    # the annotation, the header, whether a stranger gets in, whether somebody with a key does
    (True, None, False, True),
    (True, "true", False, True),
    (False, None, True, True),
    ("letmein", None, False, False),
    ("letmein", "letmein", True, True),
    ("letmein", "Letmein", False, False),
    ("letmein", "letmein2", False, False),
    ("letmein", "", False, False),
    (4711, "4711", True, True),
    (4711, "4712", False, False),
    (4711, None, False, False),
    (1.5, "1.5", True, True),
    ("true", "true", True, True),
    ("true", None, False, False),
    ("", None, False, False),
    (None, None, False, False),
    ({"a": 1}, '{"a":1}', False, False),
    (["letmein"], "letmein", False, False),
]


@pytest.mark.parametrize(("secret", "given", "anybody", "callers"), CASES)
def test_require_whisk_auth_says_who_is_let_in(
    http: httpx.Client, stranger: httpx.Client, *, secret: Any, given: str | None, anybody: bool, callers: bool
) -> None:
    """`true`: whoever has a key of any namespace; text or number: whoever sends it; anything else: nobody."""
    number = next(place for place, item in enumerate(SECRETS) if item is secret or (type(item) is type(secret) and item == secret))
    headers = {} if given is None else {SECRET: given}
    for client, let_in in ((stranger, anybody), (http, callers)):
        answer = client.get(f"{WEB}/guest/default/secret-{number}", headers=headers)
        assert cors_of(answer) == WEB_CORS
        if let_in:
            assert answer.status_code == 200
        else:
            assert said(answer) == (401, NO_ACCESS)
            assert "x-openwhisk-activation-id" not in answer.headers
            assert "www-authenticate" not in answer.headers


def test_any_valid_key_will_do(hub: hubs.Hub, http: httpx.Client) -> None:
    """Not only the owner's; the action hears which namespace called. A key that is not valid is none."""
    with tenant(hub, "visitor") as visitor:
        assert visitor.get(f"{WEB}/guest/default/secret-0").json()["__ow_user"] == "visitor"
        assert visitor.get(f"{WEB}/guest/default/open").json()["__ow_user"] == "visitor"
        hub.command("admin", "user", "block", "visitor")
        assert said(visitor.get(f"{WEB}/guest/default/secret-0")) == (401, NO_ACCESS)
        assert "__ow_user" not in visitor.get(f"{WEB}/guest/default/open").json()


@pytest.mark.parametrize("authorization", ["Basic", "Basic !", "Basic YQ==", "Bearer x", "Digest a", "", "Basic MjNiYzQ2YjE6eA=="])
def test_odd_credentials_are_no_credentials(stranger: httpx.Client, authorization: str) -> None:
    """They are the action's to read, and no reason to refuse."""
    answer = stranger.get(f"{WEB}/guest/default/open", headers={"authorization": authorization})
    assert answer.json()["__ow_headers"]["authorization"] == authorization
    assert "__ow_user" not in answer.json()
    assert stranger.get(f"{WEB}/guest/default/secret-0", headers={"authorization": authorization}).status_code == 401


@pytest.mark.parametrize("name", ["open", "secret-0", "secret-2", "broken", "custom-text"])
def test_options_is_answered_without_the_action(http: httpx.Client, stranger: httpx.Client, name: str) -> None:
    """To everybody, with an empty body; the browser may send the headers it asked for."""
    for client in (http, stranger):
        plain = client.options(f"{WEB}/guest/default/{name}.json/a?b=c")
        assert (plain.status_code, plain.content) == (200, b"")
        assert cors_of(plain) == WEB_CORS
        assert "x-openwhisk-activation-id" not in plain.headers
        assert plain.headers["x-request-id"]
        asked = client.options(
            f"{WEB}/guest/default/{name}", headers={"Origin": "https://a.example", "Access-Control-Request-Headers": "x-a, x-b"}
        )
        assert cors_of(asked) == WEB_CORS | {"headers": ["x-a, x-b"]}


def test_an_action_may_answer_options_itself(http: httpx.Client, stranger: httpx.Client) -> None:
    """Then nothing is added for browsers, and OPTIONS needs no key; other methods still do."""
    for client in (http, stranger):
        for name in ("custom", "custom-locked"):
            answer = client.options(f"{WEB}/guest/default/{name}", headers={"Access-Control-Request-Headers": "x-a"})
            assert (answer.status_code, answer.text) == (200, "options")
            assert cors_of(answer) == {"methods": ["OPTIONS, GET"]}
    assert cors_of(stranger.get(f"{WEB}/guest/default/custom")) == {"methods": ["OPTIONS, GET"]}
    assert http.get(f"{WEB}/guest/default/custom-locked").text == "get"
    for refused, status in (
        (stranger.get(f"{WEB}/guest/default/custom-locked"), 401),
        (http.get(f"{WEB}/guest/default/custom-locked?k=2"), 400),
        (http.get(f"{WEB}/guest/default/custom.html", headers={"accept": "image/png"}), 406),
        (http.get(f"{WEB}/guest/default/custom.svg/x"), 200),
    ):
        assert refused.status_code == status
        assert cors_of(refused) == {}


def test_what_the_action_tells_browsers_replaces_ours(stranger: httpx.Client) -> None:
    """A browser refuses two origins; the rest of ours stays."""
    assert cors_of(stranger.get(f"{WEB}/guest/default/own")) == {
        "origin": ["https://a.example"],
        "methods": WEB_CORS["methods"],
        "headers": WEB_CORS["headers"],
    }


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("open.html", {}, 400),
        ("open.http?__ow_user=x", {}, 400),
        ("open.text", {"accept": "application/json"}, 406),
        ("broken", {}, 400),
        ("missing", {}, 404),
        ("secret-0", {}, 401),
    ],
)
def test_browsers_may_read_errors(stranger: httpx.Client, path: str, sent: dict[str, str], status: int) -> None:
    """Every one, so that a page can show what was wrong."""
    answer = stranger.get(f"{WEB}/guest/default/{path}", headers=sent | {"Access-Control-Request-Headers": "x-a"})
    assert said(answer)[0] == status
    assert cors_of(answer) == WEB_CORS | {"headers": ["x-a"]}
    malformed = stranger.post(f"{WEB}/guest/default/open", content=b"{", headers={"content-type": "application/json"})
    assert cors_of(malformed) == WEB_CORS


def test_the_rest_of_the_api_keeps_its_own_words(http: httpx.Client, stranger: httpx.Client) -> None:
    """OPTIONS outside of web actions is answered as ever; what is no route below `/web` tells browsers what web actions do."""
    answer = stranger.options("/api/v1/namespaces/_/actions")
    assert (answer.status_code, answer.text) == (200, "OK")
    assert cors_of(answer)["methods"] == ["GET, DELETE, POST, PUT, HEAD"]
    assert cors_of(stranger.get(f"{WEB}/guest")) == WEB_CORS
    assert stranger.options(f"{WEB}/guest/default").status_code == 200
