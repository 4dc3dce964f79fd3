"""Created APIs, served: routes, what the action is told, what comes back (openwhisk-api §16.4)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.api_steps import cases_of, create, document, endpoint, listed, parameter, remove, swagger_put
from tests.compat.steps import API, MISSING, parameters, put, put_action, record, tenant
from tests.support import hubs

TELL = "def main(args): return {'body': args}"
ANSWER = "def main(args): return args.get('answer', {})"
NOT_FOUND = {"status": 404, "message": "Error: Not found."}
NO_VERB = {"status": 404, "message": "Error: Whoops. Verb not supported."}
WEB = parameters(**{"web-export": True})
numbers = itertools.count()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("gateway") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner of actions that tell what they got, and that answer as they are told."""
    with hub.http as found:
        put(found, "packages/lib")
        for name in ("tell", "lib/tell", "other", "my tell"):
            put_action(found, name, TELL if name != "other" else TELL.replace("args}", "{'other': True}}"), "python:3", annotations=WEB)
        put_action(found, "answer", ANSWER, "python:3", annotations=WEB)
        yield found


@pytest.fixture(scope="module")
def caller() -> Iterator[httpx.Client]:
    """Anybody, without a key."""
    with httpx.Client(timeout=70, trust_env=False) as found:
        yield found


@pytest.fixture
def base() -> str:
    """A base path that nobody uses."""
    return f"/base{next(numbers)}"


def serve(http: httpx.Client, *rows: dict[str, Any], response_type: str = "http") -> str:
    """Create endpoints; the address of the API."""
    made = [create(http, row, response_type)["gwApiUrl"] for row in rows]
    return str(made[-1])


def told(answer: httpx.Response) -> dict[str, Any]:
    """What the action was told."""
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def lost(answer: httpx.Response) -> Any:
    """The gateway's own 404."""
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    return answer.json()


# What the action is told


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_every_verb_reaches_the_action(http: httpx.Client, caller: httpx.Client, base: str, verb: str) -> None:
    """As `__ow_method`, in lower case."""
    url = serve(http, endpoint(base, verb=verb, name="tell"))

    assert told(caller.request(verb, f"{url}/books"))["__ow_method"] == verb.lower()


def test_head_runs_the_action_and_sends_no_body(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Where the API has it; a GET alone is none."""
    url = serve(http, endpoint(base, verb="GET", name="tell"))
    assert caller.head(f"{url}/books").status_code == 404
    serve(http, endpoint(base, verb="HEAD", name="tell"))
    answer = caller.head(f"{url}/books")

    assert (answer.status_code, answer.content) == (200, b"")
    assert record(http, answer.headers["x-openwhisk-activation-id"])["name"] == "tell"


def test_query_and_body_are_arguments(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """As for any web action; credentials are not needed."""
    url = serve(http, endpoint(base, verb="POST", name="lib/tell"))
    args = told(caller.post(f"{url}/books?a=1&b=x%20y", json={"b": {"deep": [1]}, "c": None}))

    assert (args["a"], args["b"], args["c"]) == ("1", {"deep": [1]}, None)
    assert "__ow_user" not in args


def test_headers_are_handed_on(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """With the address that was called."""
    url = serve(http, endpoint(base, name="tell"))
    given = told(caller.get(f"{url}/books?q=%C3%A9", headers={"X-Mine": "yes", "X-Forwarded-Url": "http://lie/"}))["__ow_headers"]

    assert given["x-mine"] == "yes"
    assert given["x-forwarded-url"] == f"{url}/books?q=%C3%A9"


@pytest.mark.parametrize(
    ("path", "sent", "seen"),
    [
        ("/books", "/books", "/books"),
        ("/books", "/books/", "/books/"),
        ("/", "/", "/"),
        ("/", "", ""),
        ("/books/{id}", "/books/a%20b", "/books/a%20b"),
        ("/books/{id}", "/books/%C3%A9", "/books/%C3%A9"),
        ("/books/{id}", "/./books/../books/5", "/books/5"),
        ("/sp%20ace", "/sp%20ace", "/sp%20ace"),
    ],
)
def test_the_action_gets_the_path_with_its_base(
    http: httpx.Client, caller: httpx.Client, base: str, path: str, sent: str, seen: str
) -> None:
    """As it was sent, with the response type `http`."""
    url = serve(http, endpoint(base, path, name="tell", pathParameters=[parameter("id")]))
    target = httpx.URL(url).copy_with(raw_path=(httpx.URL(url).path + sent).encode())

    assert told(caller.get(target))["__ow_path"] == base + seen


def test_other_response_types_get_no_path(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """As their address says."""
    url = serve(http, endpoint(base, name="tell"), response_type="json")

    assert told(caller.get(f"{url}/books"))["body"]["__ow_path"] == ""


def test_credentials_of_the_caller_count(http: httpx.Client, hub: hubs.Hub, caller: httpx.Client, base: str) -> None:
    """Valid ones say who calls; others are none."""
    url = serve(http, endpoint(base, name="tell"))
    with tenant(hub, f"visitor{base[1:]}") as visitor:
        assert told(visitor.get(f"{url}/books"))["__ow_user"] == f"visitor{base[1:]}"

    assert "__ow_user" not in told(caller.get(f"{url}/books", auth=("nobody", "key")))


@pytest.mark.parametrize("key", [12345, "a long secret"])
def test_an_action_with_a_key_is_reached_through_its_api(http: httpx.Client, caller: httpx.Client, base: str, key: Any) -> None:
    """And by no other way; what the caller sends in its place does not count."""
    guard = parameters(**{"web-export": True, "require-whisk-auth": key})
    name = f"guarded{base[1:]}"
    put_action(http, name, TELL, "python:3", annotations=guard)
    url = serve(http, endpoint(base, name=name, action={"secureKey": key}), endpoint(base, "/open", name=name))

    assert told(caller.get(f"{url}/books", headers={"x-require-whisk-auth": "wrong"}))["__ow_path"] == f"{base}/books"
    assert caller.get(f"{url}/open").status_code == 401
    assert http.get(f"/api/v1/web/guest/default/{name}").status_code == 401


# Which operation


def test_a_parameter_is_one_segment(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Not none, and not two."""
    url = serve(http, endpoint(base, "/books/{id}/pages/{page}", name="tell", pathParameters=[parameter("id"), parameter("page")]))

    assert told(caller.get(f"{url}/books/1/pages/2"))["__ow_path"] == f"{base}/books/1/pages/2"
    for path in ("/books//pages/2", "/books/1/2/pages/3", "/books/1/pages", "/books/1/pages/2/3", "/books/1/sheets/2"):
        assert lost(caller.get(url + path)) == NOT_FOUND


def test_words_win_over_parameters(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Whatever came first, and also where both hold parameters."""
    declared = [parameter("a"), parameter("b")]
    rows = [
        endpoint(base, path, name=name, pathParameters=declared)
        for path, name in (("/{a}", "tell"), ("/new", "other"), ("/{a}/{b}", "tell"), ("/new/{b}", "other"))
    ]
    url = serve(http, *rows)

    assert told(caller.get(f"{url}/new")) == {"other": True}
    assert told(caller.get(f"{url}/old"))["__ow_path"] == f"{base}/old"
    assert told(caller.get(f"{url}/new/1")) == {"other": True}
    assert told(caller.get(f"{url}/old/1"))["__ow_path"] == f"{base}/old/1"


def test_the_longest_base_path_is_asked_first(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Where it has no such path, the shorter one is."""
    url = serve(
        http, endpoint(f"{base}/deep", "/a", name="other"), endpoint(base, "/deep/a", name="tell"), endpoint(base, "/deep/b", name="tell")
    )

    assert told(caller.get(f"{url}/deep/a")) == {"other": True}
    assert told(caller.get(f"{url}/deep/b"))["__ow_path"] == f"{base}/deep/b"


def test_an_api_at_the_root(http: httpx.Client, caller: httpx.Client) -> None:
    """`wsk api create /hello get tell` has the base path `/`."""
    url = serve(http, endpoint("/", "/hello", name="tell"))

    assert told(caller.get(f"{url.rstrip('/')}/hello"))["__ow_path"] == "/hello"
    assert lost(caller.get(f"{url.rstrip('/')}/hello/more")) == NOT_FOUND


def test_what_no_api_has_is_not_found(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """In the gateway's own words."""
    url = serve(http, endpoint(base, name="tell"))
    nobody = url.replace(url.split("/")[4], "0" * 32)

    assert lost(caller.get(f"{url}/nothing")) == NOT_FOUND
    assert lost(caller.get(f"{nobody}/books")) == NOT_FOUND
    assert lost(caller.get(f"{url}x/books")) == NOT_FOUND
    assert lost(caller.post(f"{url}/books")) == NO_VERB
    assert lost(caller.request("PROPFIND", f"{url}/books")) == NO_VERB


def test_namespaces_are_apart(http: httpx.Client, hub: hubs.Hub, caller: httpx.Client, base: str) -> None:
    """A base path of one is nothing at the other's address."""
    mine = serve(http, endpoint(base, name="tell"))
    with tenant(hub, f"apart{base[1:]}") as other:
        theirs = serve(other, endpoint(f"{base}x", name="tell"))

    assert lost(caller.get(theirs.removesuffix("x") + "/books")) == NOT_FOUND
    assert told(caller.get(f"{mine}/books"))["__ow_path"] == f"{base}/books"


def test_an_action_may_have_any_name(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Spaces included."""
    url = serve(http, endpoint(base, name="my tell"))

    assert told(caller.get(f"{url}/books"))["__ow_path"] == f"{base}/books"


def test_an_action_of_another_namespace(http: httpx.Client, hub: hubs.Hub, caller: httpx.Client, base: str) -> None:
    """Runs and is recorded there."""
    with tenant(hub, f"lender{base[1:]}") as lender:
        put_action(lender, "lent", TELL, "python:3", annotations=WEB)
        url = serve(http, endpoint(base, name="lent", action={"namespace": f"lender{base[1:]}"}))
        answer = caller.get(f"{url}/books")
        assert told(answer)["__ow_path"] == f"{base}/books"
        assert record(lender, answer.headers["x-openwhisk-activation-id"])["name"] == "lent"


def test_changes_are_served_at_once(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Another action, another path, nothing any more."""
    url = serve(http, endpoint(base, name="tell"))
    assert "__ow_path" in told(caller.get(f"{url}/books"))
    serve(http, endpoint(base, name="other"), endpoint(base, "/more", name="tell"))
    assert told(caller.get(f"{url}/books")) == {"other": True}
    assert "__ow_path" in told(caller.get(f"{url}/more"))
    remove(http, basepath=base, relpath="/more").raise_for_status()
    assert lost(caller.get(f"{url}/more")) == NOT_FOUND
    remove(http, basepath=base).raise_for_status()
    assert lost(caller.get(f"{url}/books")) == NOT_FOUND


def test_an_api_outlives_its_action(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """It answers as the web action does: 404 until there is one again that is exported."""
    name = f"mortal{base[1:]}"
    url = serve(http, endpoint(base, name=name))
    for marks in (parameters(**{"web-export": False}), WEB):
        answer = caller.get(f"{url}/books")
        assert (answer.status_code, answer.json()["error"]) == (404, MISSING)
        assert answer.headers["access-control-allow-methods"] == "GET"
        put_action(http, name, TELL, "python:3", annotations=marks)
    assert told(caller.get(f"{url}/books"))["__ow_path"] == f"{base}/books"
    http.delete(f"{API}/actions/{name}").raise_for_status()

    assert caller.get(f"{url}/books").status_code == 404
    assert len(listed(http, basepath=base)) == 1


def test_addresses_outlive_a_restart(tmp_path_factory: pytest.TempPathFactory, caller: httpx.Client) -> None:
    """Also those of APIs that were made before."""
    data = tmp_path_factory.mktemp("again") / "data"
    with hubs.running(data) as hub, hub.http as http:
        put_action(http, "tell", TELL, "python:3", annotations=WEB)
        path = serve(http, endpoint("/club", name="tell")).removeprefix(hub.address)
        hub.stop()
    with hubs.running(data) as hub:
        assert told(caller.get(f"{hub.address}{path}/books"))["__ow_path"] == "/club/books"


# Documents


def test_a_document_is_served(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Whatever host its addresses name, the actions are this hub's."""
    url = serve(http, swagger_put(document(base, action="tell")))

    assert told(caller.get(f"{url}/hello"))["body"]["__ow_method"] == "get"


def changed(base: str, **operation: Any) -> dict[str, Any]:
    """A document that names its action another way."""
    given = document(base, action="tell", extension="http")
    given["paths"]["/hello"]["get"].update(operation)
    return given


def test_an_operation_needs_no_gateway_configuration(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """`x-openwhisk` names the action; nothing is said about other origins."""
    given = changed(base)
    del given["x-ibm-configuration"]
    url = serve(http, swagger_put(given))
    answer = caller.get(f"{url}/hello")

    assert told(answer)["__ow_path"] == f"{base}/hello"
    assert answer.headers["access-control-allow-methods"].startswith("OPTIONS, GET")


def test_an_operation_needs_no_x_openwhisk(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Its `target-url` says what is called; what stands after the action goes before the path."""
    given = changed(base)
    del given["paths"]["/hello"]["get"]["x-openwhisk"]
    cases_of(given)[0]["execute"][0]["invoke"]["target-url"] = "https://h/api/v1/web/_/lib/tell.http/v2$(request.path)"
    url = serve(http, swagger_put(given))

    assert told(caller.get(f"{url}/hello"))["__ow_path"] == f"/v2{base}/hello"


def test_an_address_without_extension_is_http(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """As for any web action."""
    given = changed(base)
    cases_of(given)[0]["execute"][0]["invoke"]["target-url"] = "https://https://h/api/v1/web/_/default/tell"
    url = serve(http, swagger_put(given))

    assert told(caller.get(f"{url}/hello"))["__ow_path"] == ""


def test_one_step_may_hold_for_all_operations(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Beside the switch, or without one; with headers and a verb of its own."""
    given = changed(base)
    invoke = {"invoke": {"target-url": "https://h/api/v1/web/guest/default/tell.http", "verb": "POST"}}
    setting = [
        {"set": "message.headers.X-One", "value": "1"},
        {"set": "message.headers.X-Two", "value": 2.5},
        {"set": "message.headers.bad name", "value": "x"},
        {"set": "message.body", "value": "x"},
        {"set": "message.headers.X-Deep", "value": {}},
        "nonsense",
    ]
    given["x-gateway-configuration"] = {"assembly": {"execute": [invoke, {"set-variable": {"actions": setting}}]}}
    args = told(caller.get(f"{serve(http, swagger_put(given))}/hello", headers={"x-one": "mine"}))

    assert args["__ow_method"] == "post"
    assert (args["__ow_headers"]["x-one"], args["__ow_headers"]["x-two"]) == ("1", "2.5")
    assert not {"x-deep", "bad name"} & set(args["__ow_headers"])


@pytest.mark.parametrize(
    "operation",
    [
        {"x-openwhisk": {}},
        {"x-openwhisk": {"namespace": "guest", "action": "a/b/c"}},
        {"x-openwhisk": {"namespace": "guest", "action": 5, "url": "https://elsewhere/get"}},
        {"x-openwhisk": "text", "operationId": ["list"]},
    ],
)
def test_an_operation_that_names_no_web_action(http: httpx.Client, caller: httpx.Client, base: str, operation: dict[str, Any]) -> None:
    """Is kept and listed, but not served: the hub calls nobody else."""
    given = changed(base, **operation)
    cases_of(given)[0]["execute"] = [{"invoke": {"target-url": "https://elsewhere/get"}}, 5]
    url = serve(http, swagger_put(given))

    assert listed(http, basepath=base)[0]["apidoc"] == given
    assert lost(caller.get(f"{url}/hello")) == {"status": 404, "message": "Error: The operation names no web action of this hub."}


# What comes back


def answering(http: httpx.Client, base: str, answer: Any, response_type: str = "http") -> str:
    """An API whose action answers so."""
    name = f"answering{base[1:]}"
    put_action(http, name, ANSWER, "python:3", annotations=WEB, parameters=parameters(answer=answer))
    return serve(http, endpoint(base, name=name), response_type=response_type) + "/books"


def test_status_headers_and_body_are_the_actions(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Cookies included; the id of the run and of the request are there once."""
    url = answering(http, base, {"statusCode": 418, "headers": {"X-Pot": "tea", "Set-Cookie": ["a=1", "b=2"]}, "body": "short"})
    answer = caller.get(url)

    assert (answer.status_code, answer.text, answer.headers["x-pot"]) == (418, "short", "tea")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert len(answer.headers["x-openwhisk-activation-id"]) == 32


@pytest.mark.parametrize(
    ("response_type", "answer", "media_type", "body"),
    [
        ("json", {"a": 1}, "application/json", '{\n  "a": 1\n}'),
        ("html", {"html": "<p>x</p>"}, "text/html", "<p>x</p>"),
        ("text", {"text": "plain"}, "text/plain", "plain"),
        ("svg", {"svg": "<svg/>"}, "image/svg+xml", "<svg/>"),
        ("http", {"headers": {"content-type": "text/css"}, "body": "p {}"}, "text/css", "p {}"),
    ],
)
def test_the_response_type_says_what_is_sent(
    http: httpx.Client, caller: httpx.Client, base: str, response_type: str, answer: Any, media_type: str, body: str
) -> None:
    """As the web action does with that extension."""
    found = caller.get(answering(http, base, answer, response_type))

    assert (found.status_code, found.text) == (200, body)
    assert found.headers["content-type"].startswith(media_type)


def test_a_redirect_is_passed_on(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """302 without a body."""
    answer = caller.get(answering(http, base, {"statusCode": 302, "headers": {"location": "https://example.org/"}}))

    assert (answer.status_code, answer.headers["location"]) == (302, "https://example.org/")


def test_a_failing_action_answers_as_over_the_web(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """An application error with its status."""
    answer = caller.get(answering(http, base, {"error": {"statusCode": 422, "body": "no"}}))

    assert (answer.status_code, answer.text) == (422, "no")


def test_a_body_beyond_the_limit_is_refused(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """413, with what browsers need to see it."""
    url = serve(http, endpoint(base, verb="POST", name="tell"))
    answer = caller.post(f"{url}/books", content=b"x" * 1_048_577)

    assert answer.status_code == 413
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_throttled_namespace_says_when_to_come_back(http: httpx.Client, hub: hubs.Hub, caller: httpx.Client, base: str) -> None:
    """429 with `Retry-After`; calls are charged to the namespace of the action."""
    name = f"slow{base[1:]}"
    with tenant(hub, name) as slow:
        put_action(slow, "tell", TELL, "python:3", annotations=WEB)
        url = serve(slow, endpoint(base, name="tell"))
        assert hub.command("admin", "limits", "set", name, "--invocationsPerMinute", "1").returncode == 0
        assert caller.get(f"{url}/books").status_code == 200
        answer = caller.get(f"{url}/books")

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["access-control-allow-origin"] == "*"


# Other origins


def test_preflights_are_answered_by_the_gateway(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Every origin, the verbs of the path, the headers that were asked for; nothing is run."""
    url = serve(http, endpoint(base, name="tell"), endpoint(base, verb="DELETE", name="tell"), endpoint(base, "/other", "PUT", name="tell"))
    answer = caller.options(f"{url}/books", headers={"access-control-request-headers": "X-A, X-B", "origin": "https://page"})
    shared = {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}

    assert (answer.status_code, answer.content) == (200, b"")
    assert shared == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, DELETE",
        "access-control-allow-headers": "X-A, X-B",
    }
    assert "x-openwhisk-activation-id" not in answer.headers
    assert lost(caller.options(f"{url}/nothing")) == NOT_FOUND


def test_answers_carry_what_preflights_said(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Each header once, on refusals too."""
    url = serve(http, endpoint(base, name="tell"))
    for answer in (caller.get(f"{url}/books"), caller.post(f"{url}/books")):
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert answer.headers.get_list("access-control-allow-methods") == ["GET"]
        assert "access-control-allow-headers" not in answer.headers


def with_cors(base: str, cors: Any) -> dict[str, Any]:
    """A document with these settings, or (None) without any."""
    given = changed(base)
    given["paths"]["/hello"]["options"] = {**given["paths"]["/hello"]["get"], "operationId": "optionsHello"}
    cases_of(given)[0]["operations"].append("optionsHello")
    if cors is None:
        del given["x-ibm-configuration"]["cors"]
    else:
        given["x-ibm-configuration"]["cors"] = cors
    return swagger_put(given)


def test_an_api_that_is_not_shared_says_nothing_to_browsers(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """With `enabled` false; OPTIONS is a verb like any other."""
    url = serve(http, with_cors(base, {"enabled": False}))
    for answer in (caller.get(f"{url}/hello"), caller.options(f"{url}/hello"), caller.post(f"{url}/hello")):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert caller.options(f"{url}/hello").status_code == 200
    assert lost(caller.post(f"{url}/hello")) == NO_VERB


@pytest.mark.parametrize("cors", [None, {}, {"enabled": "yes"}, "text"])
def test_an_api_that_does_not_say_leaves_it_to_the_action(http: httpx.Client, caller: httpx.Client, base: str, cors: Any) -> None:
    """A web action is shared unless it says otherwise."""
    answer = caller.get(f"{serve(http, with_cors(base, cors))}/hello")

    assert answer.headers["access-control-allow-methods"] == "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"


def test_an_action_that_names_an_origin_has_the_last_word(http: httpx.Client, caller: httpx.Client, base: str) -> None:
    """Its header is the only one."""
    url = answering(
        http, base, {"headers": {"Access-Control-Allow-Origin": "https://page", "Access-Control-Expose-Headers": "X-A"}, "body": "x"}
    )
    answer = caller.get(url)

    assert answer.headers.get_list("access-control-allow-origin") == ["https://page"]
    assert answer.headers["access-control-expose-headers"] == "X-A"


def test_management_is_open_to_other_origins_as_web_actions_are(http: httpx.Client) -> None:
    """OPTIONS is answered without a key; the headers that were asked for are allowed."""
    asked = {"access-control-request-headers": "X-A"}
    for answer in (
        http.options("/api/v1/web/whisk.system/apimgmt/getApi.http", headers=asked),
        http.get("/api/v1/web/whisk.system/apimgmt/getApi.http", headers=asked),
    ):
        assert answer.status_code == 200
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert answer.headers["access-control-allow-methods"] == "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"
        assert answer.headers["access-control-allow-headers"] == "X-A"
