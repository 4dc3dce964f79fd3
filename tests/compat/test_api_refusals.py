"""What createApi refuses, with upstream's words (openwhisk-api §16.2)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.compat.api_steps import MANAGEMENT, create, document, endpoint, listed, parameter, refused, remove, swagger_put
from tests.support import hubs

HTTP_ONLY = "The action must use a response type of '.http' in order to receive the path parameters."
numbers = itertools.count()


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The owner of nothing yet."""
    with hubs.running(tmp_path_factory.mktemp("refusals") / "data") as hub, hub.http as found:
        yield found


@pytest.fixture
def base() -> str:
    """A base path that nobody uses."""
    return f"/base{next(numbers)}"


def refuse(http: httpx.Client, body: Any, response_type: str = "json") -> str:
    """What createApi says against it."""
    return refused(http.post(f"{MANAGEMENT}/createApi.http", params={"responsetype": response_type}, json=body))


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
    given = document(base)
    del given[name]
    return swagger_put(given)


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
            lambda base: endpoint(base, swagger=document(base)),
            "swagger and gatewayBasePath are mutually exclusive and cannot be specified together.",
        ),
        (lambda _: {"apidoc": {"namespace": "_", "swagger": "{"}}, "swagger field cannot be parsed. Ensure it is valid JSON."),
        (lambda _: swagger_put(5), "swagger field is number and should be an object or a JSON string."),
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
    given = document(base)
    item = given["paths"].pop("/hello")
    item["get"]["x-openwhisk"]["url"] = f"https://h/api/v1/web/guest/default/hello.{extension}"
    (item if at == "path" else item["get"])["parameters"] = declared
    given["paths"]["/books/{id}"] = item
    switch = given["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]
    switch["case"][0]["execute"][0]["invoke"]["target-url"] = url
    return swagger_put(given)


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
    body = swagger_put({**document(base), member: value})

    assert refuse(http, body).startswith(f"API creation failure: {reason}")
