"""Adobe's aio plugin, unchanged: actions, by the deploy service or with the runtime's own key (openwhisk-api §2.4, §9.1, §11.3)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

import pytest

from tests.compat.steps import ECHO, marks_of
from tests.support import aio_cli, hubs
from tests.support.aio_cli import Aio

GREET = "function main(args) { return { greeting: `${process.env.GREETING || 'Hello'} ${args.name}` }; }"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub."""
    with hubs.running(tmp_path_factory.mktemp("aio-actions") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def aio(hub: hubs.Hub) -> Iterator[Aio]:
    """The plugin, in a folder with some code."""
    with aio_cli.aio(hub, hub.data.parent / "work") as found:
        found.write("echo.js", ECHO)
        found.write("greet.js", GREET)
        found.write("reverse.py", "def main(args):\n    return {'text': args['text'][::-1]}\n")
        found.write("params.json", json.dumps({"a": 1, "b": {"c": [2]}}))
        found.shows("runtime action create echo echo.js")
        yield found


def zipped(name: str, text: str) -> bytes:
    """A zip of one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, text)
    return packed.getvalue()


def test_an_action_is_created_invoked_and_deleted(aio: Aio) -> None:
    """Nothing is shown by create and delete; invoke shows what was asked for."""
    assert aio.shows("runtime action create greet greet.js") == ""
    assert set(aio.answers("runtime action invoke greet -p name Ada")) == {"activationId"}
    assert aio.answers("runtime action invoke greet -p name Ada --blocking")["response"]["result"] == {"greeting": "Hello Ada"}
    assert aio.answers("runtime action invoke greet -p name Ada --result") == {"greeting": "Hello Ada"}
    assert aio.answers("runtime action delete greet --json")["name"] == "greet"
    assert (
        aio.refuses("runtime action get greet")
        == "Error: failed to retrieve the action: the requested resource does not exist. (404 Not Found)"
    )


def test_a_single_command_works_by_the_command_line(hub: hubs.Hub, aio: Aio) -> None:
    """In a process of its own, with status and output of its own."""
    ran = aio_cli.alone(hub, aio.folder, "runtime", "action", "invoke", "echo", "-r", "-p", "a", "1")
    twice = aio_cli.alone(hub, aio.folder, "runtime", "action", "create", "echo", "echo.js")

    assert (ran.status, json.loads(ran.stdout), ran.stderr) == (0, {"a": "1"}, "")
    assert twice.status == 2
    assert "resource already exists (409 Conflict)" in twice.stderr


def test_what_changes_something_is_sent_to_the_deploy_service(hub: hubs.Hub, aio: Aio) -> None:
    """With the token; with `--use-runtime-auth` or USE_RUNTIME_AUTH it goes to the API host with the key."""
    away = "http://127.0.0.1:1"

    assert "connect econnrefused" in aio.refuses("runtime action update echo echo.js", AIO_DEPLOY_SERVICE_URL=away)
    assert aio.shows("runtime action update echo echo.js --use-runtime-auth", AIO_DEPLOY_SERVICE_URL=away) == ""
    assert aio.shows("runtime action update echo echo.js", AIO_DEPLOY_SERVICE_URL=away, USE_RUNTIME_AUTH="true") == ""
    assert aio.shows("runtime action get echo", AIO_DEPLOY_SERVICE_URL=away)
    assert "(401 Unauthorized)" in aio.refuses("runtime action update echo echo.js", AIO_IMS_CONTEXTS_CLI_ACCESS__TOKEN_TOKEN="none")


def test_an_action_is_created_with_everything_the_command_takes(aio: Aio) -> None:
    """Parameters, variables of the environment, limits, kind, annotations."""
    made = aio.answers(
        "runtime action create full greet.js --json --kind nodejs:20 --main main -p name Ada -p deep '{\"x\": [1]}' -e GREETING Moin "
        "-t 2000 -m 128 -l 1 -c 1 -a description greets -a final true"
    )

    assert made["exec"] == {"kind": "nodejs:20", "code": GREET, "binary": False, "main": "main"}
    assert made["limits"] == {"timeout": 2000, "memory": 128, "logs": 1, "concurrency": 1}
    assert made["parameters"] == [
        {"key": "name", "value": "Ada"},
        {"key": "deep", "value": {"x": [1]}},
        {"key": "GREETING", "value": "Moin", "init": True},
    ]
    assert {"description": "greets", "final": True}.items() <= marks_of(made).items()
    assert aio.answers("runtime action invoke full --result") == {"greeting": "Moin Ada"}


def test_parameters_and_variables_come_from_files(aio: Aio) -> None:
    """`--param-file`, `--env-file`, `--annotation-file`, and `--param-file` of invoke."""
    aio.write("env.json", json.dumps({"GREETING": "Salut"}))
    made = aio.answers(
        "runtime action create files greet.js --json --param-file params.json --env-file env.json --annotation-file params.json"
    )

    assert {row["key"]: row["value"] for row in made["parameters"]} == {"a": 1, "b": {"c": [2]}, "GREETING": "Salut"}
    assert {"a": 1, "b": {"c": [2]}}.items() <= marks_of(made).items()
    assert aio.answers("runtime action invoke files --result -p name Ada") == {"greeting": "Salut Ada"}
    assert aio.answers("runtime action invoke echo --result --param-file params.json -p a 9") == {"a": "9", "b": {"c": [2]}}


def test_the_kind_comes_from_the_name_of_the_file(aio: Aio) -> None:
    """Python as well; a zip needs to be told its kind."""
    aio.write("code.zip", zipped("index.js", "exports.main = () => ({ zip: true });"))
    aio.shows("runtime action create reverse reverse.py")
    aio.shows("runtime action create zip code.zip --kind nodejs:20")

    assert aio.answers("runtime action invoke reverse --result -p text abc") == {"text": "cba"}
    assert aio.answers("runtime action invoke zip --result") == {"zip": True}
    assert "requires specifying the action kind explicitly" in aio.refuses("runtime action create zip2 code.zip")


def test_a_sequence_is_created_and_run(aio: Aio) -> None:
    """Of bare names."""
    aio.write("inc.js", "function main({ n }) { return { n: Number(n) + 1 }; }")
    aio.shows("runtime action create inc inc.js")
    made = aio.answers("runtime action create twice --sequence inc,inc --json")

    assert made["exec"] == {"kind": "sequence", "components": ["/guest/inc", "/guest/inc"]}
    assert aio.answers("runtime action invoke twice --result -p n 1") == {"n": 3}


def test_an_update_keeps_what_it_does_not_name(aio: Aio) -> None:
    """Code and limits; the version grows; `--copy` takes all of another action."""
    aio.shows("runtime action create kept greet.js -t 2000")
    made = aio.answers("runtime action update kept -p name Ada --json")
    copied = aio.answers("runtime action create copied --copy kept --json")

    assert (made["version"], made["exec"]["code"], made["limits"]["timeout"]) == ("0.0.2", GREET, 2000)
    assert (copied["exec"]["code"], copied["parameters"]) == (GREET, [{"key": "name", "value": "Ada"}])
    assert aio.answers("runtime action invoke copied --result") == {"greeting": "Hello Ada"}


@pytest.mark.parametrize(
    ("flags", "annotations", "access"),
    [
        ("--web true", {"web-export": True, "final": True}, "web"),
        ("--web raw", {"web-export": True, "raw-http": True, "final": True}, "web"),
        ("--web no", {"web-export": False}, "private"),
        ("--web yes --web-secure true", {"web-export": True, "final": True, "require-whisk-auth": True}, "web 🔐"),
        ("--web yes --web-secure word", {"web-export": True, "final": True, "require-whisk-auth": "word"}, "web 🔐"),
        ("--web yes --web-secure false", {"web-export": True, "final": True, "require-whisk-auth": False}, "web"),
    ],
)
def test_an_action_is_exported_to_the_web(aio: Aio, flags: str, annotations: dict[str, object], access: str) -> None:
    """The annotations, and what the list makes of them."""
    made = aio.answers(f"runtime action update web echo.js {flags} --json")
    row = next(row for row in aio.table("runtime action list") if row.endswith(" web"))

    assert annotations.items() <= marks_of(made).items()
    assert f" {access} nodejs:20 " in row


def test_the_address_of_an_action_is_shown(hub: hubs.Hub, aio: Aio) -> None:
    """Of a web action, of one in a package, of any other."""
    aio.shows("runtime package create addresses")
    aio.shows("runtime action update addresses/web echo.js --web true")
    aio.shows("runtime action update on-the-web echo.js --web true")

    assert aio.shows("runtime action get echo --url") == f"{hub.address}/api/v1/namespaces/guest/actions/echo\n"
    assert aio.shows("runtime action get on-the-web --url") == f"{hub.address}/api/v1/web/guest/default/on-the-web\n"
    assert aio.shows("runtime action get addresses/web --url") == f"{hub.address}/api/v1/web/guest/addresses/web\n"


def test_an_action_is_shown_with_and_without_its_code(aio: Aio) -> None:
    """The code on the console, or saved; a zip byte for byte."""
    code = zipped("index.js", "exports.main = () => ({});")
    aio.write("saved.zip", code)
    aio.shows("runtime action create binary saved.zip --kind nodejs:20")
    name, _, shown = aio.shows("runtime action get echo").partition("\n")

    assert name == "echo"
    assert json.loads(shown)["exec"] == {"kind": "nodejs:20", "binary": False}
    assert aio.shows("runtime action get echo --code") == ECHO + "\n"
    assert aio.shows("runtime action get echo --save-as out.js") == aio.shows("runtime action get binary --save") == ""
    assert (aio.folder / "out.js").read_text() == ECHO
    assert (aio.folder / "binary.zip").read_bytes() == code
    assert aio.refuses("runtime action get binary --code") == "Error: Cannot display code because it is not plaintext."


def test_actions_are_listed(aio: Aio) -> None:
    """Those in packages as well; of one package; sorted, counted, paged, as JSON."""
    aio.shows("runtime package create listed")
    for name in ("listed/b", "listed/a"):
        aio.shows(f"runtime action create {name} echo.js")

    assert [row.split()[-1] for row in aio.table("runtime action list listed")] == ["listed/a", "listed/b"]
    assert [row.split()[-1] for row in aio.table("runtime action list listed --name-sort")] == ["listed/a", "listed/b"]
    assert [row["name"] for row in aio.answers("runtime action list --json --limit 1 --skip 1")] == ["b"]
    total = len(aio.answers("runtime action list --json"))
    assert aio.shows("runtime action list --count") == f"You have {total} actions in this namespace.\n"
    assert aio.table("runtime action list /whisk.system/utils")[0].split()[-1].startswith("whisk.system/utils/")


def test_a_failing_action_shows_its_error(aio: Aio) -> None:
    """The result with `--result`, the record with `--blocking`; the command itself succeeds. The client sends it three times."""
    aio.write("fails.js", "function main(args) { return { error: 'no luck' }; }")
    aio.shows("runtime action create fails fails.js")

    assert aio.answers("runtime action invoke fails --result") == {"error": "no luck"}
    assert aio.answers("runtime action invoke fails --blocking")["response"]["status"] == "application error"
    assert aio.answers("runtime activation list fails --count --json") == {"activations": 6}


def test_a_command_that_cannot_be_is_refused(aio: Aio) -> None:
    """By the command itself, before anything is sent, or by the hub."""
    assert (
        aio.refuses("runtime action create x")
        == "Error: failed to create the action: Must provide a code artifact, container image, or a sequence"
    )
    assert aio.refuses("runtime action create x none.js") == "Error: failed to create the action: Provide a valid path for ACTION"
    assert "may not overlap" in aio.refuses("runtime action create x echo.js -p a 1 -e a 1")
    assert "(400 Bad Request)" in aio.refuses("runtime action create x echo.js --kind cobol:85")
    assert "(404 Not Found)" in aio.refuses("runtime action invoke none --result")
    assert "(403 Forbidden)" in aio.refuses("runtime action delete /whisk.system/utils/echo")
