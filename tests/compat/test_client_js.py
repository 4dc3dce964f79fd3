"""The official `openwhisk` npm client, unchanged, against a running hub."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from tests.support import hubs
from tests.support.eventually import eventually
from tests.support.peers import run_script


def test_the_client_creates_invokes_fires_and_lists(tmp_path: Path) -> None:
    """Every call answers what the client expects, its own rejections included."""
    with hubs.running(tmp_path / "data") as hub:
        said = json.loads(run_script("client.mjs", hub.address, hub.auth))
        with hub.http as http:
            fired = said["fired"]["activationId"]
            record = eventually(lambda: http.get(f"/api/v1/namespaces/_/activations/{fired}").json())

    assert said["created"]["version"] == "0.0.1"
    assert said["updated"]["version"] == "0.0.2"
    assert said["result"] == {"hello": "Ada"}
    assert said["blocking"]["response"]["result"] == {"hello": "bound"}
    assert len(said["later"]["activationId"]) == 32
    assert said["packaged"] == {"a": 1}
    assert {row["name"] for row in said["packages"]} >= {"utils", "alarms"}
    assert said["nothing"]["data"] == []
    assert said["rule"]["status"] == "active"
    assert said["disabled"]["status"] == "inactive"
    assert said["feed"]["response"]["result"]["status"] == "success"
    assert said["read"]["response"]["result"]["config"]["minutes"] == 5
    assert said["unfed"]["response"]["success"]
    assert "client-hello" in {row["name"] for row in said["actions"]}
    assert [row["name"] for row in said["rules"]] == ["client-rule"]
    assert [row["name"] for row in said["triggers"]] == ["client-tick"]
    assert said["namespaces"] == ["guest"]
    assert said["logs"]["logs"][0].endswith("stdout: hi")
    assert (said["missing"]["statusCode"], said["twice"]["statusCode"]) == (404, 409)
    assert "The requested resource does not exist." in said["missing"]["message"]
    assert json.loads(record["logs"][0])["rule"] == "guest/client-rule"


def test_the_client_makes_lists_and_deletes_routes(tmp_path: Path) -> None:
    """By its own addresses, without an extension; what it made is served."""
    with hubs.running(tmp_path / "data") as hub:
        said = json.loads(run_script("routes.mjs", hub.address, hub.auth))
        served = httpx.get(f"{said['created']['gwApiUrl']}/books/5", timeout=70, trust_env=False)

    assert said["created"]["apidoc"]["info"]["title"] == "Sdk"
    assert list(said["created"]["apidoc"]["paths"]) == ["/books/{id}"]
    assert said["second"]["apidoc"]["paths"]["/books"]["post"]["x-openwhisk"]["url"].endswith("/guest/default/routed.json")
    assert said["document"]["apidoc"] == {**said["created"]["apidoc"], "basePath": "/doc"}
    assert [row["value"]["apidoc"]["basePath"] for row in said["listed"]["apis"]] == ["/doc", "/sdk"]
    assert len(said["found"]["apis"]) == 2
    assert said["deleted"] == {}
    assert [list(row["value"]["apidoc"]["paths"]) for row in said["left"]["apis"]] == [["/books/{id}"]]
    assert said["missing"]["statusCode"] == 502
    assert "API deletion failure: API '/nothing' does not exist." in said["missing"]["message"]
    assert (served.status_code, served.text) == (200, "/sdk/books/5")
