"""Actions go out of their cells, as far as they may, with the clients that people use (design §9 "Cells")."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import hubs, outside
from tests.support.outside import Outside

NODE_MODULES = Path(__file__).parent.parent / "support" / "node" / "node_modules"
API = "/api/v1/namespaces/_"
PURE = {
    "urllib": (),
    "httpx": ("httpx", "httpcore", "h11", "anyio", "idna", "certifi", "typing_extensions"),
    "requests": ("requests", "urllib3", "charset_normalizer", "idna", "certifi"),
    "boto3": ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"),
    "websocket": ("websocket",),
}
"""What a client is made of."""
S3_MODELS = ("s3", "sts", "endpoints", "partitions", "sdk-default", "_retry")
PYTHON = {
    "urllib": """
import ssl, urllib.request
def main(a):
    context = ssl.create_default_context(cadata=a["authority"])
    return {name: urllib.request.urlopen(a[name] + "/x?y=1", timeout=5, context=context if name == "secure" else None).read().decode() for name in ("plain", "secure")}
""",
    "httpx": """
import httpx, ssl
def main(a):
    with httpx.Client(verify=ssl.create_default_context(cadata=a["authority"])) as http:
        return {name: http.get(a[name] + "/x?y=1").text for name in ("plain", "secure")}
""",
    "requests": """
import requests
def main(a):
    open("ca.pem", "w").write(a["authority"])
    return {name: requests.get(a[name] + "/x?y=1", verify="ca.pem", timeout=5).text for name in ("plain", "secure")}
""",
}
NODE = {
    "fetch": """
async function main(a) {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  const got = {};
  for (const name of ['plain', 'secure']) got[name] = await (await fetch(a[name] + '/x?y=1')).text();
  return got;
}
""",
    "https": """
const http = require('http'), https = require('https');
const get = (url, options) => new Promise((done, failed) =>
  (url.startsWith('https') ? https : http).get(url, options, (answer) => {
    let text = '';
    answer.on('data', (part) => (text += part)).on('end', () => done(text));
  }).on('error', failed));
async function main(a) {
  return { plain: await get(a.plain + '/x?y=1', {}), secure: await get(a.secure + '/x?y=1', { ca: a.authority }) };
}
""",
    "axios": """
const axios = require('axios'), https = require('https');
exports.main = async (a) => {
  const httpsAgent = new https.Agent({ ca: a.authority, keepAlive: true });
  const got = {};
  for (const name of ['plain', 'secure']) got[name] = JSON.stringify((await axios.get(a[name] + '/x?y=1', { httpsAgent })).data);
  return got;
};
""",
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside.running(tmp_path_factory.mktemp("outside")) as found:
        yield found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, places: Outside) -> Iterator[hubs.Hub]:
    with hubs.running(tmp_path_factory.mktemp("hub") / "data", OUTBOUND__ALLOW=places.allowed) as found:
        yield found


def zipped(files: dict[str, str], modules: tuple[str, ...] = (), packages: tuple[str, ...] = ()) -> str:
    """An archive with modules of this Python, or packages of this Node.js, beside the files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        for module in modules:
            _add_module(archive, module)
        for package in with_dependencies(packages):
            for file in sorted((NODE_MODULES / package).rglob("*")):
                if file.is_file() and not file.is_relative_to(NODE_MODULES / "axios" / "dist" / "browser"):
                    archive.write(file, f"node_modules/{file.relative_to(NODE_MODULES)}")
    return base64.b64encode(packed.getvalue()).decode()


def with_dependencies(packages: tuple[str, ...]) -> list[str]:
    """Packages with all that they need, as they are installed here."""
    found: list[str] = []
    waiting = list(packages)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting += json.loads((NODE_MODULES / name / "package.json").read_text()).get("dependencies", {})
    return found


def _add_module(archive: zipfile.ZipFile, name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec, name
    assert spec.origin, name
    place = Path(spec.origin)
    if place.name != "__init__.py":
        archive.write(place, place.name)
        return
    root = place.parent
    for file in sorted(root.rglob("*")):
        inside = file.relative_to(root)
        described = name == "botocore" and len(inside.parts) > 2 and inside.parts[0] == "data"
        model = described and not inside.parts[1].startswith(S3_MODELS)
        if file.is_file() and "__pycache__" not in inside.parts and not model and file.suffix != ".so":
            archive.write(file, f"{name}/{inside}")


def put(there: hubs.Hub, name: str, kind: str, code: str, *, binary: bool = False, **annotations: object) -> None:
    """Make an action of up to 512 MB that answers within half a minute."""
    body = {
        "exec": {"kind": kind, "code": code, "binary": binary},
        "limits": {"memory": 512, "timeout": 30_000},
        "annotations": [{"key": key, "value": value} for key, value in annotations.items()],
    }
    with there.http as http:
        http.put(f"{API}/actions/{name}?overwrite=true", json=body).raise_for_status()


def call(hub: hubs.Hub, name: str, **arguments: object) -> tuple[dict[str, Any], list[str]]:
    """The result of a run, and its log."""
    with hub.http as http:
        ended = http.post(f"{API}/actions/{name}?blocking=true", json=arguments).json()
        logs = http.get(f"{API}/activations/{ended['activationId']}/logs").json()["logs"]
    return ended["response"]["result"], logs


def reached(result: dict[str, Any], places: Outside) -> None:
    """Both web servers answered, and were told their own name and the whole path."""
    for name in ("plain", "secure"):
        told = json.loads(result[name])
        assert told == {"path": "/x?y=1", "host": getattr(places, name).rpartition("/")[2], "body": ""}


@pytest.mark.parametrize("client", PYTHON)
def test_clients_of_python_go_out(hub: hubs.Hub, places: Outside, client: str) -> None:
    """Plain and TLS."""
    put(hub, client, "python:3", zipped({"__main__.py": PYTHON[client]}, PURE[client]), binary=True)
    result, logs = call(hub, client, plain=places.plain, secure=places.secure, authority=places.authority)

    assert "error" not in result, (result, logs)
    reached(result, places)


@pytest.mark.parametrize("client", NODE)
def test_clients_of_node_go_out(hub: hubs.Hub, places: Outside, client: str) -> None:
    """Plain and TLS, also with agents of their own."""
    if client == "axios":
        put(hub, client, "nodejs:default", zipped({"index.js": NODE[client], "package.json": "{}"}, packages=("axios",)), binary=True)
    else:
        put(hub, client, "nodejs:default", NODE[client])
    result, logs = call(hub, client, plain=places.plain, secure=places.secure, authority=places.authority)

    assert "error" not in result, (result, logs)
    reached(result, places)


def test_boto3_reaches_an_object_store(hub: hubs.Hub, places: Outside) -> None:
    """It puts, and gets back what it put."""
    code = """
import boto3
def main(a):
    s3 = boto3.client("s3", endpoint_url=a["s3"], aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1")
    s3.create_bucket(Bucket="things")
    s3.put_object(Bucket="things", Key="one", Body=b"stored")
    return {"got": s3.get_object(Bucket="things", Key="one")["Body"].read().decode()}
"""
    put(hub, "boto3", "python:3", zipped({"__main__.py": code}, PURE["boto3"]), binary=True)
    result, logs = call(hub, "boto3", s3=places.s3)

    assert result == {"got": "stored"}, logs


def test_the_openwhisk_client_calls_the_hub_from_inside(hub: hubs.Hub) -> None:
    """With the key and the address that the action was given."""
    code = "const openwhisk = require('openwhisk');\nexports.main = async () => ({ names: (await openwhisk().actions.list()).map((row) => row.name) });"
    files = {"index.js": code, "package.json": "{}"}
    put(
        hub,
        "lister",
        "nodejs:default",
        zipped(files, packages=("openwhisk",)),
        binary=True,
        **{"provide-api-key": True},
    )
    result, logs = call(hub, "lister")

    assert "lister" in result.get("names", ()), (result, logs)


def test_mail_and_websockets_go_to_declared_places(hub: hubs.Hub, places: Outside) -> None:
    """Clients that know no proxy reach what is declared by its name."""
    code = """
import smtplib, websocket
def main(a):
    with smtplib.SMTP(a["host"], a["mail"], timeout=5) as mail:
        mail.sendmail("a@example.com", ["b@example.com"], "Subject: hello\\r\\n\\r\\nfrom a cell")
    socket = websocket.create_connection("ws://%s:%d/" % (a["host"], a["echo"]), timeout=5, http_no_proxy=["*"])
    socket.send("there and back")
    return {"echo": socket.recv()}
"""
    declared = [f"{places.host}:{places.mail}", f"{places.host}:{places.echo}"]
    put(hub, "declared", "python:3", zipped({"__main__.py": code}, PURE["websocket"]), binary=True, egress=declared)
    result, logs = call(hub, "declared", host=places.host, mail=places.mail, echo=places.echo)

    assert result == {"echo": "there and back"}, logs
    assert "from a cell" in places.mails[-1]


GET = """
import urllib.request
def main(a):
    try:
        return {"got": urllib.request.urlopen(a["url"], timeout=5).read().decode()}
    except Exception as error:
        return {"refused": error.read().decode() if hasattr(error, "read") else str(error)}
"""


def test_a_denied_place_is_named_in_the_activation(hub: hubs.Hub) -> None:
    """The client and the log hear the same sentence, which says what to do."""
    put(hub, "get", "python:3", GET)
    result, logs = call(hub, "get", url="http://127.0.0.2:9/")
    sentence = "127.0.0.2 is an inside address (127.0.0.2), which packages and feeds may not reach. The operator can allow it: HUB_OUTBOUND__ALLOW=127.0.0.2:9"

    assert result["refused"] == f"127.0.0.2:9 may not be reached: {sentence}\n"
    assert [line.partition(" ")[2] for line in logs] == [f"stderr: egress: 127.0.0.2:9 refused: {sentence}"]


def test_the_hub_itself_and_metadata_are_never_reached(hub: hubs.Hub, places: Outside) -> None:
    """Though everything on this machine is allowed here; the API is there, and nothing else of the hub."""
    port = hub.address.rpartition(":")[2]
    put(hub, "get", "python:3", GET)

    assert "nothing else of it" in call(hub, "get", url=f"http://127.0.0.1:{port}/ready")[0]["refused"]
    assert "the hub's own" in call(hub, "get", url=f"http://{places.host}:{port}/ready")[0]["refused"]
    assert "never reached" in call(hub, "get", url="http://169.254.169.254/")[0]["refused"]
    assert "version" in call(hub, "get", url=f"http://127.0.0.1:{port}/api/v1")[0]["got"]


def test_an_action_holds_to_what_it_declares(hub: hubs.Hub, places: Outside) -> None:
    """Its own annotation narrows it; an installed package may go where it said, and nowhere when it said nothing."""
    declared = places.plain.removeprefix("http://")
    put(hub, "held", "python:3", GET, egress=[declared])
    put(hub, "installed", "python:3", GET, hub={"package": "carol/tools", "egress": []})

    assert "got" in call(hub, "held", url=places.plain)[0]
    assert f"not among the places that were declared: {declared}." in call(hub, "held", url=places.s3)[0]["refused"]
    assert "not among the places that were declared: nothing." in call(hub, "installed", url=places.plain)[0]["refused"]


def test_other_namespaces_reach_inside_what_they_were_allowed(hub: hubs.Hub, places: Outside) -> None:
    """`hub admin limits set NS --outboundAllow` says what; the operator's setting is not theirs."""
    auth = hub.command("admin", "user", "create", "carol").stdout.strip()
    carol = hubs.Hub(hub.process, hub.data, hub.address, auth, hub.log)
    put(carol, "get", "python:3", GET)
    before, _ = call(carol, "get", url=places.plain)
    told = hub.command("admin", "limits", "set", "carol", "--outboundAllow", places.plain.removeprefix("http://"))
    after, _ = call(carol, "get", url=places.plain)

    assert "hub admin limits set carol --outboundAllow" in before["refused"]
    assert told.returncode == 0, told.stderr
    assert "got" in after


PACKAGE = {
    "manifest.yaml": """packages:
  reacher:
    version: 1.0.0
    license: Apache-2.0
    annotations: {description: Gets what it is told}
    inputs: {host: {type: string, description: Where}, port: {type: integer, description: Where}}
    actions:
      get: {function: get.py, runtime: "python:3", annotations: {description: Gets}}
      check: {function: check.py, runtime: "python:3", annotations: {description: Asks the service}}
""",
    "hub.yaml": """capabilities: {egress: ["{connection.service.host}:{connection.service.port}"]}
connections:
  service:
    type: custom
    check: check
    fields:
      type: object
      required: [host, port]
      properties:
        host: {type: string, description: Where}
        port: {type: integer, description: Where}
        other: {type: string, description: What the check goes to instead}
""",
    "get.py": GET,
    "check.py": GET
    + """
def main(a, get=main):
    found = get({"url": a.get("other") or "http://%s:%d/" % (a["host"], a["port"])})
    return {"account": "it"} if "got" in found else {"error": found["refused"]}
""",
}


def test_a_package_goes_where_its_connection_says(hub: hubs.Hub, places: Outside, tmp_path: Path) -> None:
    """And so does the check of the connection, before it is stored; the plan shows the place, and that it is inside."""
    host, _, port = places.plain.removeprefix("http://").partition(":")
    for name, text in PACKAGE.items():
        (tmp_path / name).write_text(text)
    published = hub.command("publish", str(tmp_path))
    add = ("connection", "add", "guest/reacher", "--name", "there", "--stdin")
    elsewhere = hub.command(*add, stdin=json.dumps({"host": host, "port": int(port), "other": places.s3}))
    added = hub.command(*add, stdin=json.dumps({"host": host, "port": int(port)}))
    unbound = hub.command("install", "guest/reacher", "--dry-run")
    planned = hub.command("install", "guest/reacher", "--connection", "there", "--dry-run")
    hub.command("install", "guest/reacher", "--connection", "there")

    assert published.returncode == 0, published.stderr
    assert f"not among the places that were declared: {host}:{port}." in elsewhere.stderr
    assert added.stdout == "connection there: ok as it\n", added.stderr
    assert "would allow egress {connection.service.host}:{connection.service.port}  (once a connection says where)" in unbound.stdout
    assert f"would allow egress {host}:{port}\n" in planned.stdout
    assert f"{host}:{port} is an inside address" in planned.stderr
    assert "got" in call(hub, "reacher/get", url=places.plain)[0]
    assert "not among the places" in call(hub, "reacher/get", url=places.s3)[0]["refused"]


def test_a_websocket_of_node_goes_to_a_declared_place(hub: hubs.Hub, places: Outside) -> None:
    """Its client makes connections of its own, as those of databases do."""
    code = """
const WebSocket = require('ws');
exports.main = (a) => new Promise((done, failed) => {
  const socket = new WebSocket(`ws://${a.host}:${a.echo}/`);
  socket.on('open', () => socket.send('there and back')).on('error', failed);
  socket.on('message', (text) => { socket.close(); done({ echo: String(text) }); });
});
"""
    files = {"index.js": code, "package.json": "{}"}
    put(hub, "ws", "nodejs:default", zipped(files, packages=("ws",)), binary=True, egress=[f"{places.host}:{places.echo}"])
    result, logs = call(hub, "ws", host=places.host, echo=places.echo)

    assert result == {"echo": "there and back"}, logs


def test_a_process_goes_out_as_often_as_it_likes(hub: hubs.Hub, places: Outside) -> None:
    """Connections that were closed count no more."""
    code = (
        "import urllib.request\ndef main(a):\n    return {'got': [urllib.request.urlopen(a['url'], timeout=5).status for _ in range(200)]}"
    )
    put(hub, "often", "python:3", code)
    result, logs = call(hub, "often", url=places.plain)

    assert result == {"got": [200] * 200}, logs
