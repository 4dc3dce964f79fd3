"""Managing APIs as `wsk api`, the SDKs and wskdeploy do it (openwhisk-api §16.1, §16.2, §16.3)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.compat.steps import tenant
from tests.support import hubs

MANAGEMENT = "/api/v1/web/whisk.system/apimgmt"
NO_KEY = "A valid auth key is required."
HTTP_ONLY = "The action must use a response type of '.http' in order to receive the path parameters."
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


def endpoint(base: str, path: str = "/books", verb: str = "GET", name: str = "lib/getBooks", **more: Any) -> dict[str, Any]:
    """The body that wsk sends for `api create BASE PATH VERB NAME`."""
    action = {
        "name": name,
        "namespace": "_",
        "backendMethod": verb,
        "authkey": "uuid:key",
        "backendUrl": f"https://elsewhere/api/v1/web/_/{name}.http",
        **more.pop("action", {}),
    }
    return {"apidoc": {"namespace": "_", "gatewayBasePath": base, "gatewayPath": path, "gatewayMethod": verb, "action": action, **more}}


def parameter(name: str) -> dict[str, Any]:
    """A parameter as wsk declares it."""
    return {"name": name, "in": "path", "required": True, "type": "string", "description": f"Default description for '{name}'"}


def create(http: httpx.Client, body: Any, response_type: str = "json") -> Any:
    """As `wsk api create`; the answer, which must be 200."""
    query = {"accesstoken": "DUMMY TOKEN", "responsetype": response_type, "spaceguid": "uuid"}
    answer = http.post(f"{MANAGEMENT}/createApi.http", params=query, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(http: httpx.Client, **query: Any) -> list[Any]:
    """As `wsk api list`: the `value` of each row."""
    answer = http.get(f"{MANAGEMENT}/getApi.http", params={"accesstoken": "DUMMY TOKEN", "spaceguid": "uuid", **query})
    assert answer.status_code == 200, answer.text
    rows: list[Any] = answer.json()["apis"]
    assert all((row["id"], row["key"]) == ("Not Used", "Not Used") for row in rows)
    return [row["value"] for row in rows]


def remove(http: httpx.Client, **query: str) -> httpx.Response:
    """As `wsk api delete`; whatever is answered."""
    return http.delete(f"{MANAGEMENT}/deleteApi.http", params={"accesstoken": "DUMMY TOKEN", "spaceguid": "uuid", **query})


def refused(answer: httpx.Response) -> str:
    """The text of an error as a failing action gives it: 502, without `code`."""
    assert answer.status_code == 502, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    text: str = body["error"]
    return text


def refuse(http: httpx.Client, body: Any, response_type: str = "json") -> str:
    """What createApi says against it."""
    return refused(http.post(f"{MANAGEMENT}/createApi.http", params={"responsetype": response_type}, json=body))


def swagger(base: str, **more: Any) -> dict[str, Any]:
    """A document of somebody, with members that the hub does not know."""
    operation = {
        "operationId": "getHello",
        "x-openwhisk": {
            "namespace": "guest",
            "package": "default",
            "action": "hello",
            "url": "https://h/api/v1/web/guest/default/hello.json",
        },
        "responses": {"200": {"description": "A greeting", "schema": {"type": "object"}}},
    }
    invoke = {"target-url": "https://h/api/v1/web/guest/default/hello.json", "verb": "keep"}
    return {
        "swagger": "2.0",
        "info": {"title": f"Title of {base}", "version": "7.1", "x-contact": None},
        "basePath": base,
        "schemes": ["https"],
        "securityDefinitions": {"client_id": {"type": "apiKey", "in": "header", "name": "X-Client"}},
        "x-ibm-rate-limit": [{"unit": "minute", "units": 1, "rate": 100}],
        "paths": {"/hello": {"get": operation, "parameters": []}},
        "x-ibm-configuration": {
            "cors": {"enabled": True},
            "assembly": {"execute": [{"operation-switch": {"case": [{"operations": ["getHello"], "execute": [{"invoke": invoke}]}]}}]},
        },
        **more,
    }


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
    cases = made["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]["case"]

    assert made["paths"]["/a.b"]["get"]["operationId"] == "getAB"
    assert made["paths"]["/a/b"]["get"]["operationId"] != "getAB"
    assert ["first" in case["execute"][0]["invoke"]["target-url"] for case in cases] == [True, False]


@pytest.mark.parametrize("response_type", ["json", "http", "html", "text", "svg"])
def test_the_response_type_is_the_extension(http: httpx.Client, base: str, response_type: str) -> None:
    """Of both addresses; only `http` hands the path on."""
    made = create(http, endpoint(base), response_type)["apidoc"]
    step = made["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]["case"][0]["execute"][0]

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
    cases = made["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]["case"]

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
    document = listed(http, basepath=base)[0]["apidoc"]

    assert sorted(document["paths"]) == sorted(f"/p{number}" for number in range(12))
    assert len(document["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]["case"]) == 12


# Creating by document


def test_a_document_is_kept_as_it_was_sent(http: httpx.Client, base: str) -> None:
    """With rate limits, security definitions and whatever else it holds."""
    document = swagger(base)
    made = create(http, {"apidoc": {"namespace": "_", "swagger": json.dumps(document)}})

    assert made["apidoc"] == document
    assert listed(http, basepath=base)[0]["apidoc"] == document


def test_a_document_replaces_the_api_at_its_base_path(http: httpx.Client, base: str) -> None:
    """As an object as well as text."""
    create(http, endpoint(base))
    create(http, {"apidoc": {"namespace": "_", "swagger": swagger(base)}})

    assert [sorted(row["apidoc"]["paths"]) for row in listed(http, basepath=base)] == [["/hello"]]


def test_an_endpoint_is_added_to_a_document(http: httpx.Client, base: str) -> None:
    """What it held before stays."""
    create(http, {"apidoc": {"namespace": "_", "swagger": swagger(base)}})
    made = create(http, endpoint(base))["apidoc"]

    assert sorted(made["paths"]) == ["/books", "/hello"]
    assert made["x-ibm-rate-limit"] == swagger(base)["x-ibm-rate-limit"]
    cases = made["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]["case"]
    assert [case["operations"] for case in cases] == [["getHello"], ["getBooks"]]


def test_a_document_needs_no_gateway_configuration(http: httpx.Client, base: str) -> None:
    """And an endpoint can be added to such a one, too."""
    document = swagger(base)
    del document["x-ibm-configuration"]
    assert create(http, {"apidoc": {"namespace": "_", "swagger": document}})["apidoc"] == document

    assert "assembly" in create(http, endpoint(base))["apidoc"]["x-ibm-configuration"]


# Refusals


def without(base: str, *path: str) -> dict[str, Any]:
    """An endpoint less one member."""
    body = endpoint(base)
    place = body["apidoc"]
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return body


def document_without(base: str, name: str) -> dict[str, Any]:
    """A document less one member."""
    document = swagger(base)
    del document[name]
    return {"apidoc": {"namespace": "_", "swagger": document}}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (lambda _: {}, "apidoc is required."),
        (lambda _: {"apidoc": "{"}, "apidoc field cannot be parsed. Ensure it is valid JSON."),
        (lambda _: {"apidoc": 5}, "apidoc field is of type number and should be a JSON object or a JSON string."),
        (lambda base: without(base, "namespace"), "apidoc is missing the namespace field"),
        (lambda _: {"apidoc": []}, "apidoc is missing the namespace field"),
        (lambda base: without(base, "gatewayBasePath"), "apidoc is missing the gatewayBasePath field"),
        (lambda base: without(base, "gatewayPath"), "apidoc is missing the gatewayPath field"),
        (lambda base: without(base, "gatewayMethod"), "apidoc is missing the gatewayMethod field"),
        (lambda base: without(base, "action"), "apidoc is missing the action field."),
        (lambda base: without(base, "action", "backendMethod"), "action is missing the backendMethod field."),
        (lambda base: without(base, "action", "backendUrl"), "action is missing the backendUrl field."),
        (lambda base: without(base, "action", "namespace"), "action is missing the namespace field."),
        (lambda base: without(base, "action", "name"), "action is missing the name field."),
        (
            lambda base: endpoint(base, swagger=swagger(base)),
            "swagger and gatewayBasePath are mutually exclusive and cannot be specified together.",
        ),
        (lambda _: {"apidoc": {"namespace": "_", "swagger": "{"}}, "swagger field cannot be parsed. Ensure it is valid JSON."),
        (lambda _: {"apidoc": {"namespace": "_", "swagger": 5}}, "swagger field is number and should be an object or a JSON string."),
        (lambda base: document_without(base, "basePath"), "swagger is missing the basePath field."),
        (lambda base: document_without(base, "paths"), "swagger is missing the paths field."),
        (lambda base: document_without(base, "info"), "swagger is missing the info field."),
        (lambda base: endpoint(base, apiName=["x"]), "apiName must be text."),
    ],
)
def test_arguments_that_cannot_be_read_are_refused(http: httpx.Client, base: str, body: Callable[[str], Any], text: str) -> None:
    """With upstream's words, and nothing is made."""
    assert refuse(http, body(base)) == text
    assert listed(http, basepath=base) == []


NOT_DECLARED = (
    "The parameter 'id' defined in path '/books/{id}' does not match any of the parameters defined for the path in the swagger file."
)
NO_PARAMETERS = "The base path ({}) cannot have parameters. Only the relative path supports path parameters."


@pytest.mark.parametrize(
    ("body", "response_type", "reason"),
    [
        (lambda _: endpoint("/a/{b}"), "http", NO_PARAMETERS.format("/a/{b}")),
        (lambda base: endpoint(base, "/books/{id}", pathParameters=[parameter("id")]), "json", HTTP_ONLY),
        (lambda base: endpoint(base, "/books/{id}"), "http", NOT_DECLARED),
        (lambda base: endpoint(base, "/books/{id}", pathParameters=[parameter("other"), 5]), "http", NOT_DECLARED),
        (endpoint, "xml", "The response type 'xml' is not one of json, http, html, text, svg."),
        (
            lambda base: endpoint(base, verb="FETCH"),
            "json",
            "The operation 'fetch' is not one of get, put, post, delete, patch, head, options.",
        ),
        (lambda base: endpoint(base.strip("/")), "json", "The basePath of the API must be text that begins with '/', found 'base"),
        (lambda base: endpoint(base, "books"), "json", "The path of the API must be text that begins with '/', found 'books'."),
        (lambda base: endpoint(base, name="a/b/c/d"), "json", "'a/b/c/d' is not the name of an action."),
        (lambda base: endpoint(base, name="?"), "json", "'?' is not the name of an action."),
    ],
)
def test_an_endpoint_that_cannot_be_served_is_refused(
    http: httpx.Client, base: str, body: Callable[[str], Any], response_type: str, reason: str
) -> None:
    """With the reason, and nothing is made."""
    before = listed(http)
    assert refuse(http, body(base), response_type).startswith(f"API creation failure: {reason}")
    assert listed(http) == before


def test_an_api_that_grows_too_large_stays_as_it_is(http: httpx.Client, base: str) -> None:
    """At most 1 MB as JSON."""
    made = create(http, endpoint(base, apiName="x" * 900_000))
    text = refuse(http, endpoint(base, "/" + "y" * 200_000))

    assert text.startswith("API creation failure: The document of the API is larger than allowed: ")
    assert listed(http, basepath=base) == [made]
    remove(http, basepath=base).raise_for_status()


def wrong_target(base: str, url: str, extension: str, declared: list[Any], at: str = "operation") -> dict[str, Any]:
    """A document with a path parameter."""
    document = swagger(base)
    item = document["paths"].pop("/hello")
    item["get"]["x-openwhisk"]["url"] = f"https://h/api/v1/web/guest/default/hello.{extension}"
    (item if at == "path" else item["get"])["parameters"] = declared
    document["paths"]["/books/{id}"] = item
    switch = document["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]
    switch["case"][0]["execute"][0]["invoke"]["target-url"] = url
    return {"apidoc": {"namespace": "_", "swagger": document}}


TARGET = "https://h/api/v1/web/guest/default/hello.http$(request.path)"
NO_PATH = "The target-url for operationId 'getHello' must end in '$(request.path)' in order for actions to receive the path parameters."


@pytest.mark.parametrize(
    ("url", "extension", "declared", "reason"),
    [
        (TARGET, "json", ["id"], HTTP_ONLY),
        (TARGET.removesuffix("$(request.path)"), "http", ["id"], NO_PATH),
        (TARGET.replace(".http", ".json"), "http", ["id"], NO_PATH),
        (TARGET, "http", [], NOT_DECLARED),
        (TARGET, "http", ["name"], NOT_DECLARED),
    ],
)
def test_a_document_whose_parameters_lead_nowhere_is_refused(
    http: httpx.Client, base: str, url: str, extension: str, declared: list[str], reason: str
) -> None:
    """With the reason."""
    body = wrong_target(base, url, extension, [parameter(name) for name in declared])

    assert refuse(http, body) == f"API creation failure: {reason}"


@pytest.mark.parametrize("at", ["operation", "path"])
def test_path_parameters_are_declared_by_operation_or_path(http: httpx.Client, base: str, at: str) -> None:
    """As Swagger has it."""
    create(http, wrong_target(base, TARGET, "http", [parameter("id")], at))


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("basePath", 5, "The basePath of the API must be text"),
        ("info", "x", "The info of the API must be an object."),
        ("paths", ["x"], "The paths of the API must be an object."),
        ("paths", {"/x": 5}, "The path '/x' of the API must be an object."),
        ("paths", {"/x": {"get": []}}, "The operation 'get' of path '/x' of the API must be an object."),
        ("paths", {"x": {}}, "The path of the API must be text that begins with '/', found 'x'."),
        ("x-ibm-configuration", [], "The x-ibm-configuration of the API must be an object."),
        ("x-ibm-configuration", {"assembly": 5}, "The assembly of the API must be an object."),
        ("x-ibm-configuration", {"assembly": {"execute": {}}}, "The assembly.execute of the API must be an array."),
        ("x-ibm-configuration", {"assembly": {"execute": [5]}}, "The step of assembly.execute of the API must be an object."),
        ("x-ibm-configuration", {"assembly": {"execute": [{"operation-switch": 5}]}}, "The operation-switch of the API must be an object."),
        (
            "x-gateway-configuration",
            {"assembly": {"execute": [{"operation-switch": {"case": 5}}]}},
            "The operation-switch.case of the API must be an array.",
        ),
    ],
)
def test_a_document_of_another_shape_is_refused(http: httpx.Client, base: str, member: str, value: Any, reason: str) -> None:
    """With the place that is wrong."""
    body = {"apidoc": {"namespace": "_", "swagger": {**swagger(base), member: value}}}

    assert refuse(http, body).startswith(f"API creation failure: {reason}")


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
    cases = left["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]["case"]
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
    create(http, {"apidoc": {"namespace": "_", "swagger": swagger(base)}})
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
