"""Managing APIs as `wsk api`, the SDKs and wskdeploy do it (openwhisk-api §16.1, §16.2, §16.3)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.compat.api_steps import MANAGEMENT, cases_of, create, document, endpoint, listed, parameter, refused, remove, swagger_put
from tests.compat.steps import tenant
from tests.support import hubs

NO_KEY = "A valid auth key is required."
numbers = itertools.count()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("apis") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def http(hub: hubs.Hub) -> Iterator[httpx.Client]:
    """The owner of the APIs."""
    with hub.http as found:
        yield found


@pytest.fixture
def base() -> str:
    """A base path that nobody uses."""
    return f"/base{next(numbers)}"


# Creating by endpoint


def test_an_endpoint_makes_an_api(hub: hubs.Hub, http: httpx.Client, base: str) -> None:
    """The whole answer, as wsk reads it."""
    made = create(
        http, endpoint(base, "/books/{id}", apiName="Books", pathParameters=[parameter("id")], action={"secureKey": 12345}), "http"
    )
    url = f"{hub.address}/api/v1/web/guest/lib/getBooks.http"
    invoke = {"invoke": {"target-url": f"{url}$(request.path)", "verb": "keep"}}
    secure = {"set-variable": {"actions": [{"set": "message.headers.X-Require-Whisk-Auth", "value": 12345}]}}

    assert made.pop("gwApiUrl").startswith(f"{hub.address}/api/")
    assert made == {
        "namespace": "Not Used",
        "gwApiActivated": True,
        "tenantId": "Not Used",
        "apidoc": {
            "swagger": "2.0",
            "info": {"title": "Books", "version": "1.0.0"},
            "basePath": base,
            "paths": {
                "/books/{id}": {
                    "get": {
                        "operationId": "getBooksId",
                        "parameters": [parameter("id")],
                        "x-openwhisk": {"url": url, "namespace": "guest", "package": "lib", "action": "getBooks"},
                        "responses": {"default": {"description": "Default response"}},
                    }
                }
            },
            "x-ibm-configuration": {
                "cors": {"enabled": True},
                "assembly": {"execute": [{"operation-switch": {"case": [{"operations": ["getBooksId"], "execute": [invoke, secure]}]}}]},
            },
        },
    }


def test_an_action_outside_packages_is_in_the_default_package(http: httpx.Client, base: str) -> None:
    """In addresses only; `x-openwhisk` says nothing of a package."""
    made = create(http, endpoint(base, name="hello"))["apidoc"]["paths"]["/books"]["get"]["x-openwhisk"]

    assert made["package"] == ""
    assert made["url"].endswith("/api/v1/web/guest/default/hello.json")


def test_without_a_name_the_base_path_is_the_title(http: httpx.Client, base: str) -> None:
    """As it is for `wsk api create` without `--apiname`."""
    assert create(http, endpoint(base))["apidoc"]["info"]["title"] == base


@pytest.mark.parametrize(
    ("verb", "path", "expected"),
    [
        ("GET", "/", "get"),
        ("GET", "/books", "getBooks"),
        ("POST", "/books/{id}/pages/{page}", "postBooksIdPagesPage"),
        ("PUT", "/a.b~c!d", "putABCD"),
        ("DELETE", "/my-path/with_under", "deleteMy-pathWith_under"),
        ("PATCH", "/camelCase", "patchCamelcase"),
        ("HEAD", "/x1/2y", "headX12y"),
        ("OPTIONS", "/o", "optionsO"),
    ],
)
def test_operations_have_ids_in_camel_case(http: httpx.Client, base: str, verb: str, path: str, expected: str) -> None:
    """Verb and path, without what is no letter, digit, `-` or `_`."""
    declared = [parameter(name) for name in ("id", "page")]
    made = create(http, endpoint(base, path, verb, pathParameters=declared), "http")

    assert made["apidoc"]["paths"][path][verb.lower()]["operationId"] == expected


def test_two_paths_never_share_an_operation_id(http: httpx.Client, base: str) -> None:
    """`/a.b` and `/a/b` would, and the second would take the first one's action."""
    create(http, endpoint(base, "/a.b", name="first"))
    made = create(http, endpoint(base, "/a/b", name="second"))["apidoc"]
    cases = cases_of(made)

    assert made["paths"]["/a.b"]["get"]["operationId"] == "getAB"
    assert made["paths"]["/a/b"]["get"]["operationId"] != "getAB"
    assert ["first" in case["execute"][0]["invoke"]["target-url"] for case in cases] == [True, False]


@pytest.mark.parametrize("response_type", ["json", "http", "html", "text", "svg"])
def test_the_response_type_is_the_extension(http: httpx.Client, base: str, response_type: str) -> None:
    """Of both addresses; only `http` hands the path on."""
    made = create(http, endpoint(base), response_type)["apidoc"]
    step = cases_of(made)[0]["execute"][0]

    assert made["paths"]["/books"]["get"]["x-openwhisk"]["url"].endswith(f"/lib/getBooks.{response_type}")
    assert step["invoke"]["target-url"].endswith(f".{response_type}" + ("$(request.path)" if response_type == "http" else ""))


def test_the_response_type_is_json_unless_said(http: httpx.Client, base: str) -> None:
    """As upstream."""
    answer = http.post(f"{MANAGEMENT}/createApi.http", json=endpoint(base))

    assert answer.json()["apidoc"]["paths"]["/books"]["get"]["x-openwhisk"]["url"].endswith(".json")


def test_names_of_actions_are_taken_from_the_action(hub: hubs.Hub, http: httpx.Client, base: str) -> None:
    """Not from `backendUrl`: wskdeploy writes two schemes into it."""
    wrong = f"https://{hub.address}/api/v1/web/_/wrong/name.http"
    made = create(http, endpoint(base, action={"backendUrl": wrong, "namespace": "guest"}))["apidoc"]["paths"]["/books"]["get"]

    assert made["x-openwhisk"]["url"] == f"{hub.address}/api/v1/web/guest/lib/getBooks.json"


def test_an_action_of_another_namespace_keeps_it(http: httpx.Client, base: str) -> None:
    """Only `_` stands for the caller's."""
    made = create(http, endpoint(base, action={"namespace": "other"}))["apidoc"]["paths"]["/books"]["get"]["x-openwhisk"]
    full = create(http, endpoint(base, name="/third/lib/getBooks"))["apidoc"]["paths"]["/books"]["get"]["x-openwhisk"]

    assert (made["namespace"], made["package"], made["action"]) == ("other", "lib", "getBooks")
    assert (full["namespace"], full["package"], full["action"]) == ("third", "lib", "getBooks")


def test_endpoints_of_one_base_path_are_one_api(http: httpx.Client, base: str) -> None:
    """Paths and verbs are added to what is there; the name stays."""
    create(http, endpoint(base, "/books", "GET", apiName="Books"))
    create(http, endpoint(base, "/books", "POST", apiName="Other"))
    made = create(http, endpoint(base, "/members"))

    assert {path: sorted(item) for path, item in made["apidoc"]["paths"].items()} == {"/books": ["get", "post"], "/members": ["get"]}
    assert made["apidoc"]["info"]["title"] == "Books"
    assert listed(http, basepath=base) == [made]


def test_an_endpoint_that_is_created_again_is_replaced(http: httpx.Client, base: str) -> None:
    """Its key goes with it."""
    create(http, endpoint(base, name="old", action={"secureKey": "k"}))
    made = create(http, endpoint(base, name="new"))["apidoc"]
    cases = cases_of(made)

    assert made["paths"]["/books"]["get"]["x-openwhisk"]["action"] == "new"
    assert [len(case["execute"]) for case in cases] == [1]


def test_a_parameter_that_a_path_names_twice_is_declared_once(http: httpx.Client, base: str) -> None:
    """As ApiGwCliTests ask."""
    body = endpoint(base, "/{name}/{name}", pathParameters=[parameter("name"), parameter("name")])

    assert create(http, body, "http")["apidoc"]["paths"]["/{name}/{name}"]["get"]["parameters"] == [parameter("name")]


def test_apidoc_may_be_text(http: httpx.Client, base: str) -> None:
    """JSON in JSON, in the body or in the query."""
    text = json.dumps(endpoint(base)["apidoc"])
    create(http, {"apidoc": text})
    answer = http.post(f"{MANAGEMENT}/createApi", params={"apidoc": text})

    assert answer.status_code == 200
    assert answer.json()["apidoc"]["basePath"] == base


def test_simultaneous_creations_all_survive(http: httpx.Client, base: str) -> None:
    """Twelve clients add a path each to one API."""
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: create(http, endpoint(base, f"/p{number}")), range(12)))
    apidoc = listed(http, basepath=base)[0]["apidoc"]

    assert sorted(apidoc["paths"]) == sorted(f"/p{number}" for number in range(12))
    assert len(cases_of(apidoc)) == 12


# Creating by document


def test_a_document_is_kept_as_it_was_sent(http: httpx.Client, base: str) -> None:
    """With rate limits, security definitions and whatever else it holds."""
    given = document(base)
    made = create(http, swagger_put(json.dumps(given)))

    assert made["apidoc"] == given
    assert listed(http, basepath=base)[0]["apidoc"] == given


def test_a_document_replaces_the_api_at_its_base_path(http: httpx.Client, base: str) -> None:
    """As an object as well as text."""
    create(http, endpoint(base))
    create(http, swagger_put(document(base)))

    assert [sorted(row["apidoc"]["paths"]) for row in listed(http, basepath=base)] == [["/hello"]]


def test_an_endpoint_is_added_to_a_document(http: httpx.Client, base: str) -> None:
    """What it held before stays."""
    create(http, swagger_put(document(base)))
    made = create(http, endpoint(base))["apidoc"]

    assert sorted(made["paths"]) == ["/books", "/hello"]
    assert made["x-ibm-rate-limit"] == document(base)["x-ibm-rate-limit"]
    cases = cases_of(made)
    assert [case["operations"] for case in cases] == [["getHello"], ["getBooks"]]


def test_a_document_needs_no_gateway_configuration(http: httpx.Client, base: str) -> None:
    """And an endpoint can be added to such a one, too."""
    given = document(base)
    del given["x-ibm-configuration"]
    assert create(http, swagger_put(given))["apidoc"] == given

    assert "assembly" in create(http, endpoint(base))["apidoc"]["x-ibm-configuration"]


# Listing


def test_a_namespace_without_apis_lists_none(hub: hubs.Hub) -> None:
    """200 and an empty list, also for one that is asked for."""
    with tenant(hub, "empty") as http:
        assert listed(http) == []
        assert listed(http, basepath="/nothing") == []
        assert listed(http, basepath="a name") == []
        assert listed(http, basepath="/a\0b") == []


def test_apis_are_found_by_base_path_or_name(http: httpx.Client, base: str) -> None:
    """What begins with `/` is a base path."""
    made = create(http, endpoint(base, apiName=f"Name of {base}"))

    assert listed(http, basepath=base) == [made]
    assert listed(http, basepath=f"Name of {base}") == [made]
    assert listed(http, basepath=base.strip("/")) == []


def test_lists_are_paged(hub: hubs.Hub) -> None:
    """By base path; `limit` 0 asks for all."""
    with tenant(hub, "paged") as http:
        for number in range(4):
            create(http, endpoint(f"/p{number}"))

        def found(**query: Any) -> list[str]:
            return [row["apidoc"]["basePath"] for row in listed(http, **query)]

        assert found() == found(limit=0, skip=0) == ["/p0", "/p1", "/p2", "/p3"]
        assert found(limit=2, skip=1) == ["/p1", "/p2"]
        assert found(limit=30, skip=3) == ["/p3"]
        for query in ({"limit": "x"}, {"skip": "-1"}):
            name, value = next(iter(query.items()))
            assert refused(http.get(f"{MANAGEMENT}/getApi", params=query)) == f"The value '{value}' of {name} is not a number of APIs."


def test_apis_of_others_are_not_seen(hub: hubs.Hub, http: httpx.Client, base: str) -> None:
    """Two namespaces may have one base path, at different addresses."""
    made = create(http, endpoint(base))
    with tenant(hub, "neighbour") as other:
        assert listed(other) == []
        theirs = create(other, endpoint(base))
        assert theirs["gwApiUrl"] != made["gwApiUrl"]
        assert remove(other, basepath=base).status_code == 200

    assert listed(http, basepath=base) == [made]


def test_the_address_of_a_namespace_stays(http: httpx.Client, base: str) -> None:
    """All its APIs share it, before and after they were deleted."""
    address = create(http, endpoint(base))["gwApiUrl"]
    root = create(http, endpoint("/"))["gwApiUrl"]
    remove(http, basepath=base).raise_for_status()

    assert create(http, endpoint(base))["gwApiUrl"] == address == root.rstrip("/") + base


# Deleting


def test_deleting_an_api(http: httpx.Client, base: str) -> None:
    """By base path or name; the answer is an empty object."""
    for which in (base, f"Name of {base}"):
        create(http, endpoint(base, apiName=f"Name of {base}"))
        gone = remove(http, basepath=which)
        assert (gone.status_code, gone.json()) == (200, {})
        assert listed(http, basepath=base) == []


def test_deleting_a_path(http: httpx.Client, base: str) -> None:
    """With all its verbs and what is done for them."""
    for path, verb in (("/books", "GET"), ("/books", "POST"), ("/members", "GET")):
        create(http, endpoint(base, path, verb))
    assert remove(http, basepath=base, relpath="/books").json() == {}
    left = listed(http, basepath=base)[0]["apidoc"]

    assert {path: list(item) for path, item in left["paths"].items()} == {"/members": ["get"]}
    cases = cases_of(left)
    assert [case["operations"] for case in cases] == [["getMembers"]]


def test_deleting_a_verb(http: httpx.Client, base: str) -> None:
    """The last one of a path takes the path with it, the last path the API."""
    for path, verb in (("/books", "GET"), ("/books", "POST"), ("/members", "GET")):
        create(http, endpoint(base, path, verb))
    remove(http, basepath=base, relpath="/books", operation="GET").raise_for_status()
    assert {path: list(item) for path, item in listed(http, basepath=base)[0]["apidoc"]["paths"].items()} == {
        "/books": ["post"],
        "/members": ["get"],
    }
    remove(http, basepath=base, relpath="/books", operation="post").raise_for_status()
    assert list(listed(http, basepath=base)[0]["apidoc"]["paths"]) == ["/members"]
    remove(http, basepath=base, relpath="/members", operation="get").raise_for_status()
    assert listed(http, basepath=base) == []


def test_a_path_without_verbs_left_goes_with_its_parameters(http: httpx.Client, base: str) -> None:
    """Parameters alone serve nobody."""
    create(http, swagger_put(document(base)))
    remove(http, basepath=base, relpath="/hello", operation="get").raise_for_status()

    assert listed(http, basepath=base) == []


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "basepath is required."),
        ({"basepath": "{base}", "operation": "get"}, "When specifying an operation, the path is required."),
        ({"basepath": "{base}x"}, "API deletion failure: API '{base}x' does not exist."),
        ({"basepath": "{base}", "relpath": "/p"}, "API deletion failure: path '/p' does not exist in the API"),
        (
            {"basepath": "{base}", "relpath": "/p", "operation": "GET"},
            "API deletion failure: path '/p' with operation 'get' does not exist in the API",
        ),
        (
            {"basepath": "{base}", "relpath": "/books", "operation": "put"},
            "API deletion failure: path '/books' with operation 'put' does not exist in the API",
        ),
        (
            {"basepath": "{base}", "relpath": "/books", "operation": "parameters"},
            "API deletion failure: path '/books' with operation 'parameters' does not exist in the API",
        ),
    ],
)
def test_what_is_not_there_cannot_be_deleted(http: httpx.Client, base: str, query: dict[str, str], text: str) -> None:
    """With upstream's words, and everything stays."""
    made = create(http, endpoint(base))
    answer = remove(http, **{name: value.format(base=base) for name, value in query.items()})

    assert refused(answer) == text.format(base=base)
    assert listed(http, basepath=base) == [made]


# Who may, and how it is called


@pytest.mark.parametrize("call", ["getApi", "createApi", "deleteApi"])
@pytest.mark.parametrize("extension", ["", ".http", ".json"])
def test_strangers_are_told_that_a_key_is_required(hub: hubs.Hub, call: str, extension: str) -> None:
    """With none, or with one that is not valid; by every spelling of the address."""
    method = {"getApi": "GET", "createApi": "POST", "deleteApi": "DELETE"}[call]
    for headers in ({}, {"authorization": "Basic bm9ib2R5OmtleQ=="}, {"authorization": "nonsense"}):
        answer = httpx.request(method, f"{hub.address}{MANAGEMENT}/{call}{extension}", headers=headers, trust_env=False)
        assert refused(answer) == NO_KEY


def test_a_body_that_is_no_json_is_no_failure_of_an_action(http: httpx.Client) -> None:
    """400 with a code, as for any web action."""
    answer = http.post(f"{MANAGEMENT}/createApi.http", content=b"{", headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The request content was malformed:")


def test_a_body_beyond_the_payload_limit_is_refused(http: httpx.Client) -> None:
    """413."""
    assert http.post(f"{MANAGEMENT}/createApi.http", json={"apidoc": "x" * 1_048_577}).status_code == 413


def test_an_api_outlives_a_restart_and_its_key_is_sealed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The record never holds the key in clear, nor does the log."""
    data = tmp_path_factory.mktemp("kept") / "data"
    canary = "canary-zebra-7f3a91"
    with hubs.running(data) as hub, hub.http as http:
        made = create(http, endpoint("/kept", action={"secureKey": canary, "authkey": canary}))
        hub.stop()
        log = hub.log.read_bytes()
    with hubs.running(data) as hub, hub.http as http:
        kept = listed(http)[0]

    assert kept["apidoc"] == made["apidoc"]
    assert kept["gwApiUrl"].partition("/api/")[2] == made["gwApiUrl"].partition("/api/")[2]
    assert canary in json.dumps(kept)
    assert json.dumps(kept).count(canary) == 1
    assert canary.encode() not in log + b"".join(file.read_bytes() for file in data.rglob("*.db*"))
