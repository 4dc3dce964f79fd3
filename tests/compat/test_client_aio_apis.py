"""Adobe's aio plugin, unchanged: APIs of web actions (openwhisk-api §11.3, §16)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support import aio_cli, hubs
from tests.support.aio_cli import Aio
from tests.support.tls import TLS

TELLS = "function main(args) { return { body: { path: args.__ow_path, verb: args.__ow_method } }; }"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("aio-apis") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def aio(hub: hubs.Hub) -> Iterator[Aio]:
    """The plugin, with a web action."""
    with aio_cli.aio(hub, hub.data.parent / "work") as found:
        found.write("tells.js", TELLS)
        found.shows("runtime action create tells tells.js --web true")
        yield found


def test_an_api_is_created_and_served(aio: Aio) -> None:
    """The command shows the address, which answers without a key."""
    url = aio.shows("runtime api create /club /books get tells --response-type http").strip()
    other = aio.shows("runtime api create /club /books/{id} post tells --response-type http").strip()

    assert url.endswith("/club/books")
    assert httpx.get(url, timeout=70, trust_env=False, verify=TLS).json() == {"path": "/club/books", "verb": "get"}
    assert httpx.post(other.replace("{id}", "7"), timeout=70, trust_env=False, verify=TLS).json() == {
        "path": "/club/books/7",
        "verb": "post",
    }


def test_apis_are_listed_and_shown(aio: Aio) -> None:
    """A row for each operation; one API as its document."""
    url = aio.shows("runtime api create /list /a get tells --apiname Listed").strip()
    aio.shows("runtime api create /list /b put tells")
    rows = [row.split() for row in aio.table("runtime api list /list")]

    assert rows == [["/getA", "get", "Listed", url], ["/putB", "put", "Listed", url.removesuffix("a") + "b"]]
    assert list(aio.answers("runtime api list /list --json")["paths"]) == ["/a", "/b"]
    assert aio.answers("runtime api get /list")["info"]["title"] == "Listed"
    assert aio.answers("runtime api get Listed")["basePath"] == "/list"
    assert len(aio.table("runtime api list --limit 1")) >= 1
    assert aio.table("runtime api list /none") == []


def test_an_api_is_created_from_its_document(aio: Aio) -> None:
    """As `get` shows it; it replaces what was there."""
    aio.shows("runtime api create /doc /a get tells")
    document = aio.answers("runtime api get /doc")
    aio.write("doc.json", json.dumps({**document, "info": {"title": "Changed", "version": "1.0.0"}}))
    url = aio.shows("runtime api create --config-file doc.json").strip()

    assert url.endswith("/doc")
    assert aio.answers("runtime api get /doc")["info"]["title"] == "Changed"


def test_an_api_is_deleted_in_part_or_whole(aio: Aio) -> None:
    """A verb, a path, all of it."""
    for path, verb in (("/a", "get"), ("/a", "post"), ("/b", "get")):
        aio.shows(f"runtime api create /gone {path} {verb} tells")
    aio.shows("runtime api delete /gone /a post")
    assert list(aio.answers("runtime api get /gone")["paths"]["/a"]) == ["get"]
    aio.shows("runtime api delete /gone /a")
    assert list(aio.answers("runtime api get /gone")["paths"]) == ["/b"]
    aio.shows("runtime api delete /gone")

    assert aio.table("runtime api list /gone") == []
    assert aio.refuses("runtime api delete /gone").startswith(
        "Error: failed to delete the api: api deletion failure: api '/gone' does not exist."
    )


def test_an_api_that_cannot_be_is_refused(aio: Aio) -> None:
    """By the command, or by the hub with upstream's text."""
    assert "are required" in aio.refuses("runtime api create /only")
    assert "cannot have parameters" in aio.refuses("runtime api create /a/{b} /c get tells")
    assert "response type of '.http'" in aio.refuses("runtime api create /d /{e} get tells --response-type json")
    assert aio("runtime api create /d /e trace tells").status == 2
