"""Projects of wskdeploy: what they mean, and what is wrong with them (packages-and-feeds §11.1-§11.8)."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import pytest

from hub.domain.names import FullName
from hub.domain.package import Binding
from hub.domain.parameters import Parameters
from hub.domain.project import ApiRoute, ProjectAction, own
from hub.services.transfer.dependencies import NotOnePackage, with_dependency
from hub.wire.wskdeploy import ProjectReading, read_project

SMOKE = """project:
  name: news-room
  inputs: {PKG: news}
  packages:
    $PKG:
      version: 1.0
      license: Apache-2.0
      public: true
      annotations: {description: "Headlines to chat"}
      inputs:
        region: {type: string, default: eu, required: true, description: Where we run}
      dependencies:
        roomSlack: {location: /whisk.system/slack, inputs: {url: $SLACK_URL, channel: "${ROOM}-news"}}
        textlib: {location: github.com/example/textlib/packages/core, version: v2.1.0}
      actions:
        fetch: {function: src/fetch.py, runtime: "python:3", inputs: {limit: integer, tags: {type: json, value: '["a"]'}}}
        page:
          function: site/
          runtime: nodejs:default
          include: [["site/*.js"], ["shared/lib", "lib"]]
          exclude: ["**/*.test.js"]
          web: raw
          annotations: {require-whisk-auth: true}
          limits: {timeout: 30000, memorySize: 256, logSize: 1}
        tiny: {code: "function main(a){return a}", runtime: "nodejs:default"}
      sequences:
        publish: {actions: "fetch, textlib/shorten, roomSlack/post", web: no}
      triggers:
        hourly: {feed: /whisk.system/alarms/alarm, inputs: {cron: "0 * * * *", trigger_payload: {edition: world}}}
        manual:
      rules:
        on-hour: {trigger: hourly, action: publish}
      apis:
        news-api: {news: {"{id}": {page: {method: GET, response: http}}}}
"""
FILES = {
    "src/fetch.py": b"def main(args):\n    return {}\n",
    "site/index.js": b"exports.main = a => a",
    "site/index.test.js": b"nothing",
    "shared/lib/text.js": b"exports.x = 1",
}
ROOM = {"SLACK_URL": "https://chat.example", "ROOM": "red"}


def read(text: str, environment: dict[str, str] | None = None, files: dict[str, bytes] | None = None, **more: Any) -> ProjectReading:
    return read_project({"manifest.yaml": text.encode(), **(files or {})}, environment or {}, **more)


def members(code: str) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(code))) as archive:
        return archive.namelist()


def codes(reading: ProjectReading) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.line) for finding in reading.findings]


def inputs(body: str, environment: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """The parameters of an action with these inputs."""
    reading = read(f'packages: {{default: {{actions: {{a: {{code: x, runtime: "python:3", inputs: {body}}}}}}}}}', environment, **more)
    assert not reading.errors, reading.findings
    return reading.project.actions[0].parameters.values()


def test_a_project_that_touches_most_of_the_grammar_is_read() -> None:
    """Names and values from the environment, code from files and folders, entities with what they refer to."""
    reading = read(SMOKE, ROOM, FILES)
    project = reading.project
    actions = {action.path: action for action in project.actions}
    news, bound = project.packages
    hourly, manual = project.triggers

    assert reading.findings == ()
    assert reading.missing == ()
    assert (news.path, news.publish, news.version, news.parameters.values()) == ("news", True, "1.0.0", {"region": "eu"})
    assert (bound.path, bound.binding) == ("roomSlack", Binding("whisk.system", "slack"))
    assert bound.parameters.values() == {"channel": "red-news", "url": "https://chat.example"}
    assert actions["news/fetch"].parameters.values() == {"limit": 0, "tags": ["a"]}
    assert actions["news/fetch"].code == FILES["src/fetch.py"].decode()
    assert members(actions["news/page"].code) == ["index.js", "lib/text.js"]
    assert actions["news/page"].limits == {"timeout": 30000, "logs": 1}
    assert actions["news/page"].annotations.values() == {"final": True, "raw-http": True, "require-whisk-auth": True, "web-export": True}
    assert actions["news/publish"].components == (own("fetch", "news"), own("shorten", "textlib"), own("post", "roomSlack"))
    assert (hourly.feed, hourly.settings) == (
        FullName("whisk.system", "alarm", "alarms"),
        {"cron": "0 * * * *", "trigger_payload": {"edition": "world"}},
    )
    assert (manual.feed, manual.parameters) == (None, Parameters())
    assert (project.rules[0].trigger, project.rules[0].action) == (own("hourly"), own("publish", "news"))
    assert (project.apis[0].base_path, project.apis[0].routes) == ("/news", (ApiRoute("/{id}", "get", own("page", "news")),))
    assert [(left.what, left.name) for left in project.left] == [("dependency", "textlib")]


def test_a_variable_that_is_not_set_is_told() -> None:
    """All of them, wherever they stand; one that has a default is not missed."""
    text = "packages:\n  $NAME:\n    inputs: {a: $A, b: 'x${B}', c: {value: $C, default: see}}\n    triggers: {$T: {feed: '${F}/x'}}\n"

    assert read(text, {"NAME": "n", "T": "t"}).missing == ("A", "B", "F")
    assert read(text, {"NAME": "n", "T": "t", "A": "1", "B": "2", "F": "f"}).project.packages[0].parameters.values() == {
        "a": "1",
        "b": "x2",
        "c": "see",
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("string", ""),
        ("integer", 0),
        ("float", 0.0),
        ("boolean", False),
        ("json", {}),
        ("{type: int64}", 0),
        ("{type: string, value: string}", "string"),
        ("{value: 7}", 7),
        ("{default: 8}", 8),
        ("{type: json, value: '{\"a\": [1]}'}", {"a": [1]}),
        ("{a: 1}", {"a": 1}),
        ("{type: json, value: {type: x, value: y}}", {"type": "x", "value": "y"}),
        ("yes", "yes"),
        ("'1'", "1"),
        ("$SET", "set"),
        ("'${SET}/${SET}'", "set/set"),
        ("'$${SET}'", "${SET}"),
        ("{deep: [$SET, {x: '${SET}!'}]}", {"deep": ["set", {"x": "set!"}]}),
        ("{type: integer, value: $NUMBER}", 7),
        ("{type: json, value: $OBJECT}", {"a": 1}),
    ],
)
def test_an_input_means_what_wskdeploy_takes_it_for(written: str, meant: Any) -> None:
    """Types and zeros, values and defaults, maps that are declarations and maps that are values, variables."""
    found = inputs(f"{{x: {written}}}", {"SET": "set", "NUMBER": "7", "OBJECT": '{"a": 1}'})["x"]

    assert (found, type(found)) == (meant, type(meant))


def test_the_command_line_wins_over_the_deployment_file_and_that_over_the_manifest() -> None:
    """What is laid over a value is not asked of the environment."""
    layer = b"packages: {default: {actions: {a: {inputs: {x: 2, y: $Y}, annotations: {by: file}}}}}"
    text = 'packages: {default: {actions: {a: {code: x, runtime: "python:3", inputs: {x: $NOT_SET, y: 1, z: $NOR_THIS}}}}}'
    reading = read(text, {"Y": "two"}, deployment=("deployment.yaml", layer), given={"z": 3, "unknown": 4})
    action = reading.project.actions[0]

    assert reading.missing == ()
    assert action.parameters.values() == {"x": 2, "y": "two", "z": 3}
    assert action.annotations.values() == {"by": "file"}


def test_a_deployment_file_that_does_not_fit_is_told() -> None:
    """Unknown entities are warnings, another project is an error."""
    text = "project: {name: one, packages: {a: {}}}"
    layer = b"project:\n  name: two\n  packages:\n    a: {actions: {gone: {inputs: {x: 1}}}}\n    b: {inputs: {x: 1}}\n"
    reading = read(text, deployment=("deployment.yaml", layer))

    assert [(finding.severity, finding.file) for finding in reading.findings if finding.code == "overlay"] == [
        ("warning", "deployment.yaml"),
        ("warning", "deployment.yaml"),
        ("error", "deployment.yaml"),
    ]


@pytest.mark.parametrize(
    ("word", "marks"),
    [("yes", (True, False, True)), ("true", (True, False, True)), ("raw", (True, True, True)), ("no", (False, False, False))],
)
def test_web_stands_for_three_annotations(word: str, marks: tuple[bool, ...]) -> None:
    """On actions and on sequences."""
    text = (
        f'packages: {{p: {{actions: {{a: {{code: x, runtime: "python:3", web: {word}}}}}, sequences: {{s: {{actions: a, web: {word}}}}}}}}}'
    )

    for action in read(text).project.actions:
        assert tuple(action.annotations.get(key) for key in ("web-export", "raw-http", "final")) == marks


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("a.js", "nodejs"),
        ("a.py", "python"),
        ("a.swift", "swift"),
        ("a.php", "php"),
        ("a.jar", "java"),
        ("a.rb", "ruby"),
        ("a.rs", "rust"),
        ("a.go", "go"),
        ("a.cs", "dotnet"),
    ],
)
def test_the_file_tells_the_kind(file: str, kind: str) -> None:
    """Unless the manifest does."""
    reading = read(f"packages: {{p: {{actions: {{a: {{function: {file}}}}}}}}}", files={file: b"PK"})

    assert reading.project.actions[0].kind == f"{kind}:default"


def test_containers_are_read() -> None:
    """Whether they run is the target's affair."""
    picture, native = read(
        "packages: {p: {actions: {a: {docker: me/it}, b: {native: true, function: x.zip}}}}", files={"x.zip": b"PK"}
    ).project.actions

    assert (picture.kind, picture.image, picture.code) == ("blackbox", "me/it", "")
    assert (native.kind, native.image, native.code) == ("blackbox", "openwhisk/dockerskeleton", "UEs=")


def test_names_in_sequences_and_rules() -> None:
    """Bare ones are of the package; in `default`, and behind a slash, of the namespace."""
    text = """packages:
  p:
    sequences: {s: {actions: "a, /b, q/c, /_/d, /whisk.system/utils/echo"}}
    rules: {r: {trigger: t, action: s}, foreign: {trigger: /_/t, action: /whisk.system/utils/echo}}
  Default:
    sequences: {s: {actions: "a, q/c"}}
    triggers: {t: {}}
"""
    project = read(text).project
    sequences = {action.path: action.components for action in project.actions}
    rules = {rule.path: (rule.trigger, rule.action) for rule in project.rules}

    assert sequences["p/s"] == (own("a", "p"), own("b"), own("c", "q"), own("d"), FullName("whisk.system", "echo", "utils"))
    assert sequences["s"] == (own("a"), own("c", "q"))
    assert rules == {"r": (own("t"), own("s", "p")), "foreign": (own("t"), FullName("whisk.system", "echo", "utils"))}


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("packages:\n  a:\n    actions:\n      x: {function: gone.py}\n", "no_file", 4),
        ("packages:\n  a:\n    actions:\n      x: {function: ../up.py}\n", "outside", 4),
        ("packages:\n  a:\n    actions:\n      x: {function: x.zip}\n", "no_kind", 4),
        ("packages:\n  a:\n    actions:\n      x: {function: bytes.js}\n", "encoding", 4),
        (
            "packages:\n  a:\n    actions:\n      x: {code: y, runtime: k}\n    sequences:\n      x: {actions: x}\n",
            "sequence_and_action",
            6,
        ),
        ("packages:\n  a:\n    triggers:\n      t: {inputs: {x: 1}}\n  b:\n    triggers:\n      t:\n", "conflict", 7),
        ("packages:\n  a:\n    inputs: {x: {type: string, required: true}}\n", "required_input", 2),
        ("packages:\n  a:\n    inputs:\n      x: {type: integer, value: $WORD}\n", "input_type", 4),
        ("packages:\n  a:\n    dependencies:\n      d: {location: elsewhere}\n", "dependency", 4),
        ("packages:\n  a:\n    rules:\n      r: {trigger: t, action: a/b/c/d}\n", "name", 4),
        ("packages:\n  a:\n    triggers:\n      'bad!': {}\n", "name", 4),
        ("packages:\n  a:\n    apis:\n      n: {b: {p: {x: {verb: GET}}}}\n", "unknown_key", 4),
        ("project:\n  config: gone.json\n  packages: {a: {}}\n", "config", 2),
    ],
)
def test_what_is_wrong_has_its_line(text: str, code: str, line: int) -> None:
    """And stops the import."""
    reading = read(text, {"WORD": "many"}, files={"bytes.js": b"\xff\xfe", "x.zip": b"PK"})

    assert (code, line) in codes(reading)
    assert reading.errors


def test_the_same_trigger_may_stand_in_several_packages() -> None:
    """When it is the same: wskdeploy's own export writes it so."""
    reading = read("packages: {a: {triggers: {t: {inputs: {x: 1}}}}, b: {triggers: {t: {inputs: {x: 1}}}}}")

    assert not reading.errors
    assert [trigger.path for trigger in reading.project.triggers] == ["t"]


def test_a_swagger_document_is_an_api() -> None:
    """It is deployed as it is."""
    document = b'{"swagger": "2.0", "basePath": "/v1", "info": {"title": "Books"}, "paths": {}}'
    (api,) = read("project: {config: api.json, packages: {a: {}}}", files={"api.json": document}).project.apis

    assert (api.base_path, api.name) == ("/v1", "Books")
    assert api.document is not None


def test_a_dependency_in_a_folder_comes_along() -> None:
    """Under another label there is a binding, too; it has to be one package."""
    project = read("packages: {a: {dependencies: {lib: {location: github.com/example/core}}}}").project
    core = read('packages: {core: {actions: {x: {code: y, runtime: "python:3"}}}}').project
    merged = with_dependency(project, "lib", core)

    assert merged.left == ()
    assert [(package.path, package.binding) for package in merged.packages] == [("a", None), ("core", None), ("lib", Binding("_", "core"))]
    assert [action.path for action in merged.actions] == ["core/x"]
    with pytest.raises(NotOnePackage):
        with_dependency(project, "lib", project.__class__())


def test_saying_that_no_key_is_wanted_is_saying_nothing() -> None:
    """That is what a new action gets."""
    text = 'packages: {default: {actions: {a: {code: x, runtime: "python:3", annotations: {provide-api-key: false}}}}}'

    assert read(text).project.actions == (ProjectAction(name=own("a"), kind="python:3", code="x"),)
