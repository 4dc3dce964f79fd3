"""Named steps on APIs, as `wsk api` takes them."""

from __future__ import annotations

from typing import Any

import httpx

MANAGEMENT = "/api/v1/web/whisk.system/apimgmt"


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


def document(base: str, *, action: str = "hello", extension: str = "json", **more: Any) -> dict[str, Any]:
    """A document of somebody, with members that the hub does not know."""
    url = f"https://h/api/v1/web/guest/default/{action}.{extension}"
    operation = {
        "operationId": "getHello",
        "x-openwhisk": {"namespace": "guest", "package": "default", "action": action, "url": url},
        "responses": {"200": {"description": "A greeting", "schema": {"type": "object"}}},
    }
    case = {"operations": ["getHello"], "execute": [{"invoke": {"target-url": url, "verb": "keep"}}]}
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
            "assembly": {"execute": [{"operation-switch": {"case": [case]}}]},
        },
        **more,
    }


def swagger_put(given: Any) -> dict[str, Any]:
    """The body that wsk sends for `api create -c FILE`."""
    return {"apidoc": {"namespace": "_", "swagger": given}}


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


def cases_of(apidoc: dict[str, Any]) -> list[Any]:
    """What the gateway does for each operation."""
    found: list[Any] = apidoc["x-ibm-configuration"]["assembly"]["execute"][0]["operation-switch"]["case"]
    return found
