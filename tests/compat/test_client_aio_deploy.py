"""Adobe's aio plugin, unchanged: deploying a manifest, taking it away, keeping it in step (openwhisk-api §11.3, packages-and-feeds §12.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.compat.steps import ECHO, marks_of
from tests.support import aio_cli, hubs
from tests.support.aio_cli import Aio
from tests.support.tls import TLS

INTERVAL = "/whisk.system/alarms/interval"
READ = f"runtime action invoke {INTERVAL} --result -p lifecycleEvent READ -p triggerName /_/hourly"
PRICE = "function main(args) { return { body: { tax: args.tax, note: args.note, currency: args.currency } }; }"
SHOP: dict[str, Any] = {
    "inputs": {"currency": "EUR"},
    "actions": {
        "price": {
            "function": "price.js",
            "runtime": "nodejs:20",
            "web": "yes",
            "inputs": {"tax": 7, "note": {"type": "string", "default": "none"}},
            "limits": {"timeout": 2000, "memorySize": 128, "logSize": 1},
            "annotations": {"description": "says a price"},
        },
        "echo": {"function": "echo.js"},
    },
    "sequences": {"both": {"actions": "price, echo"}},
    "triggers": {"hourly": {"feed": INTERVAL, "inputs": {"minutes": 60}}, "plain": {"inputs": {"a": 1}}},
    "rules": {"on-hour": {"trigger": "hourly", "action": "price"}},
    "dependencies": {"tools": {"location": "/whisk.system/utils", "inputs": {"separator": "-"}}},
    "apis": {"Shop": {"shop": {"prices": {"price": {"method": "get", "response": "http"}}}}},
}
MEMBERS = {"shop", "price", "echo", "both", "hourly", "plain", "on-hour", "tools"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("aio-deploy") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def aio(hub: hubs.Hub) -> Iterator[Aio]:
    """The plugin, in the folder of a project."""
    with aio_cli.aio(hub, hub.data.parent / "work") as found:
        found.write("price.js", PRICE)
        found.write("echo.js", ECHO)
        manifest(found, "manifest.yaml", "shop", shop=SHOP)
        yield found


def manifest(aio: Aio, file: str, project: str, **packages: Any) -> None:
    """Write one."""
    aio.write(file, yaml.safe_dump({"project": {"name": project, "packages": packages}}))


def test_a_manifest_is_deployed_and_undeployed(aio: Aio) -> None:
    """Package, actions, sequence, triggers with and without feed, rule, binding, API; then nothing is left."""
    shown = aio.shows("runtime deploy")
    made = aio.answers("runtime package get shop")

    assert "Info: action [shop/price] has been successfully deployed." in shown
    assert shown.endswith("Success: Deployment completed successfully.\n")
    assert {row["name"] for row in made["actions"]} == {"price", "echo", "both"}
    assert aio.answers(READ)["config"]["minutes"] == 60
    assert aio.answers("runtime package get tools")["binding"] == {"namespace": "whisk.system", "name": "utils"}
    assert aio.shows("runtime rule status on-hour") == "active\n"
    assert aio.shows("runtime deploy undeploy").endswith("Success: Undeployment completed successfully.\n")
    left = aio.answers("runtime namespace get --json")
    assert not [row["name"] for rows in left.values() for row in rows if row["name"] in MEMBERS]
    assert aio.table("runtime api list") == []
    assert "error" in aio.answers(READ)


def test_what_was_deployed_runs(aio: Aio) -> None:
    """With inputs of package and action; limits and annotations as the manifest says; the API is served."""
    aio.shows("runtime deploy")
    made = json.loads(aio.shows("runtime action get shop/price").partition("\n")[2])
    (url,) = [row.split()[-1] for row in aio.table("runtime api list")]

    assert made["limits"] == {"timeout": 2000, "memory": 128, "logs": 1, "concurrency": 1}
    assert {"description": "says a price", "web-export": True, "raw-http": False}.items() <= marks_of(made).items()
    assert aio.answers("runtime action invoke shop/price --result")["body"] == {"tax": 7, "note": "none", "currency": "EUR"}
    assert aio.answers("runtime action invoke shop/both --result")["body"]["tax"] == 7
    assert httpx.get(url, timeout=70, trust_env=False, verify=TLS).json() == {"tax": 7, "note": "none", "currency": "EUR"}


def test_a_second_deployment_replaces_the_first(aio: Aio) -> None:
    """Every PUT overwrites; a feed that is there is made anew; parameters of the command go before those of the manifest."""
    aio.shows("runtime deploy")
    before = json.loads(aio.shows("runtime action get shop/price").partition("\n")[2])["version"]
    changed = {**SHOP, "triggers": {**SHOP["triggers"], "hourly": {"feed": INTERVAL, "inputs": {"minutes": 30}}}}
    manifest(aio, "changed.yaml", "shop", shop=changed)
    aio.shows("runtime deploy --manifest changed.yaml --param tax 19")
    after = json.loads(aio.shows("runtime action get shop/price").partition("\n")[2])["version"]

    assert int(after.rpartition(".")[2]) == int(before.rpartition(".")[2]) + 1
    assert aio.answers(READ)["config"]["minutes"] == 30
    assert aio.answers("runtime action invoke shop/price --result")["body"]["tax"] == "19"


def test_a_deployment_file_goes_before_the_manifest(aio: Aio) -> None:
    """Inputs of packages, actions and triggers; it has to name the same project."""
    overlay = {
        "shop": {"inputs": {"currency": "CHF"}, "actions": {"price": {"inputs": {"tax": 8}}}, "triggers": {"plain": {"inputs": {"a": 2}}}}
    }
    manifest(aio, "overlay.yaml", "shop", **overlay)
    manifest(aio, "other.yaml", "other", **overlay)
    aio.shows("runtime deploy --deployment overlay.yaml")

    assert aio.answers("runtime action invoke shop/price --result")["body"] == {"tax": 8, "note": "none", "currency": "CHF"}
    assert aio.answers("runtime trigger get plain")["parameters"] == [{"key": "a", "value": 2}]
    assert "does not match the project name" in aio.refuses("runtime deploy --deployment other.yaml")


def test_a_project_is_kept_in_step_and_undeployed_by_name(aio: Aio) -> None:
    """Its members carry `whisk-managed`, by which they are found."""
    manifest(aio, "synced.yaml", "synced", own={"actions": {"one": {"function": "echo.js"}}, "triggers": {"own-tick": {}}})
    assert aio.shows("runtime deploy sync --manifest synced.yaml").endswith("Success: Deployment completed successfully.\n")
    managed = marks_of(aio.answers("runtime package get own"))["whisk-managed"]

    assert managed.keys() == {"file", "projectDeps", "projectHash", "projectName"}
    assert managed["projectName"] == "synced"
    assert aio.shows("runtime deploy sync --manifest synced.yaml").endswith("Success: Deployment completed successfully.\n")
    assert aio.shows("runtime deploy undeploy --projectname synced").endswith("Success: Undeployment completed successfully.\n")
    for what in ("package get own", "action get own/one", "trigger get own-tick"):
        assert "(404 Not Found)" in aio.refuses(f"runtime {what}")


def test_a_project_is_exported(aio: Aio) -> None:
    """Manifest and code; what was exported can be deployed again."""
    parts = {name: SHOP[name] for name in ("actions", "sequences", "inputs")}
    manifest(aio, "kept.yaml", "kept", kept={**parts, "triggers": {"kept-hourly": SHOP["triggers"]["hourly"]}})
    aio.shows("runtime deploy sync --manifest kept.yaml")
    aio.shows("runtime deploy export --projectname kept --manifest out/manifest.yaml")
    told = yaml.safe_load((aio.folder / "out/manifest.yaml").read_text())["project"]
    exported = told["packages"]["kept"]

    assert told["name"] == "kept"
    assert set(exported["actions"]) == {"price", "echo"}
    assert exported["actions"]["price"]["limits"] == {"timeout": 2000, "memorySize": 128, "logSize": 1}
    assert exported["sequences"] == {"both": {"actions": "price,echo"}}
    assert exported["triggers"]["kept-hourly"]["feed"] == INTERVAL
    assert (aio.folder / "out" / exported["actions"]["price"]["function"]).read_text() == PRICE


def test_a_manifest_is_reported_without_deploying_it(aio: Aio) -> None:
    """What it holds, from the file alone."""
    manifest(
        aio,
        "told.yaml",
        "told",
        told={"actions": {"one": {"function": "echo.js", "inputs": {"a": 1}}}, "triggers": {"t": {"feed": INTERVAL}}},
    )
    shown = aio.shows("runtime deploy report --manifest told.yaml")

    assert all(part in shown for part in ('"name": "told"', '"name": "one"', f'"feed": "{INTERVAL}"'))
    assert "(404 Not Found)" in aio.refuses("runtime package get told")
    assert aio.shows("runtime deploy version").startswith("@adobe/aio-cli-plugin-runtime/")


def test_a_manifest_that_cannot_be_deployed_is_refused(aio: Aio) -> None:
    """By the plugin, which asks the hub for the kinds that it has, or by the hub; a trigger whose feed refuses is taken back."""
    manifest(aio, "kind.yaml", "bad", bad={"actions": {"one": {"function": "echo.js", "runtime": "nodejs:6"}}})
    manifest(aio, "feed.yaml", "bad", bad={"triggers": {"bad-tick": {"feed": INTERVAL, "inputs": {"minutes": "x"}}}})
    manifest(aio, "rule.yaml", "bad", bad={"rules": {"r": {"trigger": "t", "action": "a"}}})
    aio.write("anonymous.yaml", yaml.safe_dump({"packages": {"bad": {}}}))

    assert aio.refuses("runtime deploy --manifest kind.yaml").endswith(": nodejs:20")
    assert aio.refuses("runtime deploy --manifest feed.yaml") == "Error: Failed to deploy: 502 Bad Gateway"
    assert "(404 Not Found)" in aio.refuses("runtime trigger get bad-tick")
    assert "not found in manifest file" in aio.refuses("runtime deploy --manifest rule.yaml")
    assert "The mandatory key [project name] is missing" in aio.refuses("runtime deploy sync --manifest anonymous.yaml")
