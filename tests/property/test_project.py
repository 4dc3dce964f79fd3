"""A project that is written and read again is the same project, and the same bytes, whatever its namespace holds."""

from __future__ import annotations

import base64
import io
import string
import zipfile
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.domain.names import FullName
from hub.domain.package import Binding
from hub.domain.parameters import Json, Parameter, Parameters
from hub.domain.project import (
    ApiRoute,
    Project,
    ProjectAction,
    ProjectApi,
    ProjectPackage,
    ProjectRule,
    ProjectTrigger,
    Variable,
    ordered,
    own,
    sorted_project,
)
from hub.wire.project import ENVIRONMENT, files_of
from hub.wire.wskdeploy import read_project

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking: a namespace is large, and takes minutes to become small."""
CHARACTERS = st.characters(exclude_categories=["Cs"])
EDGES = string.ascii_letters + string.digits + "_"
names = st.builds(lambda first, rest: (first + rest).rstrip(" "), st.sampled_from(EDGES), st.text(EDGES + "@ .&-", max_size=12)).filter(
    lambda name: name.lower() != "default"
)
words = st.sampled_from(
    [
        "string",
        "integer",
        "map",
        "$HOME",
        "${x}",
        "$${x}",
        "a$b",
        "yes",
        "no",
        "null",
        "~",
        "1.0",
        "0x10",
        "1_000",
        "12:30:45",
        "2020-01-01",
        "",
        " ",
        "- a",
        "a: b",
    ]
)
texts = words | st.text(CHARACTERS, max_size=20)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from(["type", "value", "default", "required"]), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.text(CHARACTERS, min_size=1, max_size=12) | st.sampled_from(["web-export", "final", "raw-http", "description"])
marks = st.dictionaries(
    keys.filter(lambda key: key not in {"exec", "runsOn", "feed", "binding", "provide-api-key"}), values, max_size=4
).map(lambda found: ordered(Parameters.of(found).items))
web = st.sampled_from([{}, *({"web-export": a, "raw-http": b, "final": a} for a in (True, False) for b in (True, False))]).map(
    lambda found: ordered(Parameters.of(found).items)
)
versions = st.none() | st.sampled_from(["0.0.2", "1.0.0", "12.0.1"])


def archive(content: bytes) -> str:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("x", content)
    return base64.b64encode(target.getvalue()).decode()


codes = (
    st.text(CHARACTERS, max_size=40)
    | st.sampled_from(["a\r\nb\n", "RHViZWU=", "UEsDBA==", "x" * 300_000])
    | st.binary(max_size=40).map(archive)
)


@st.composite
def parameters(draw: st.DrawFn, place: str) -> Parameters:
    found: list[Parameter] = []
    for number, key in enumerate(draw(st.lists(keys, max_size=4, unique=True))):
        secret = draw(st.sampled_from(["", "", "", "string", "integer", "json"]))
        value = Variable(f"V_{place}_{number}", secret) if secret else draw(values)
        found.append(Parameter(key=key, value=value, init=draw(st.booleans())))
    return ordered(found)


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """Names are drawn once, since all collections share them."""
    taken = draw(st.lists(names, min_size=9, max_size=9, unique=True))
    inside = draw(st.lists(names, min_size=3, max_size=3, unique=True))
    common: dict[str, Any] = {"annotations": marks, "publish": st.booleans(), "version": versions}
    packages = [
        ProjectPackage(name=own(name), parameters=draw(parameters(f"P{at}")), **{key: draw(how) for key, how in common.items()})
        for at, name in enumerate(taken[:2])
    ]
    provider = draw(st.sampled_from([Binding("whisk.system", "alarms"), Binding("_", taken[0])]))
    bound = ProjectPackage(
        name=own(taken[2]), binding=provider, parameters=draw(parameters("B")), **{key: draw(how) for key, how in common.items()}
    )
    places = [own(taken[3]), *(own(name, package) for package in taken[:2] for name in inside)]
    actions = [
        ProjectAction(
            name=name,
            kind=kind,
            code=draw(codes),
            main=draw(st.none() | st.sampled_from(["run", "a.b", "Main#go"])),
            image="me/image:1" if kind == "blackbox" else None,
            parameters=draw(parameters(f"A{at}")),
            limits=draw(
                st.fixed_dictionaries(
                    {}, optional={"timeout": st.just(100), "memory": st.just(128), "logs": st.just(0), "concurrency": st.just(5)}
                )
            ),
            **{**{key: draw(how) for key, how in common.items()}, "annotations": draw(web | marks)},
        )
        for at, name in enumerate(draw(st.lists(st.sampled_from(places), unique=True)))
        for kind in [draw(st.sampled_from(["python:3", "nodejs:20", "java:8", "go:1.22", "blackbox", "strange"]))]
    ]
    components = st.sampled_from([*places, FullName("whisk.system", "echo", "utils")])
    sequences = [
        ProjectAction(
            name=name, kind="sequence", components=tuple(draw(st.lists(components, min_size=1, max_size=4))), annotations=draw(web)
        )
        for name in (own(taken[4]), own(taken[4], taken[1]))
        if name not in places
    ]
    feed = draw(st.sampled_from([None, FullName("whisk.system", "alarm", "alarms"), own("changes", taken[2]), own(taken[3])]))
    settings_: dict[str, Json] = draw(st.dictionaries(keys, values, max_size=3)) if feed else {}
    trigger = ProjectTrigger(
        name=own(taken[5]),
        feed=feed,
        settings=settings_,
        parameters=draw(parameters("T")),
        **{key: draw(how) for key, how in common.items()},
    )
    rule = ProjectRule(
        name=own(taken[6]),
        trigger=trigger.name,
        action=draw(components),
        active=draw(st.booleans()),
        **{key: draw(how) for key, how in common.items()},
    )
    routes = draw(
        st.lists(
            st.builds(ApiRoute, st.sampled_from(["/", "/a", "/a/{id}"]), st.sampled_from(["get", "put"]), components),
            max_size=3,
            unique=True,
        )
    )
    responses = [ApiRoute(route.path, route.verb, route.action, "http") for route in routes]
    api = ProjectApi(
        base_path=draw(st.sampled_from(["/", "/v1", "/a/b"])),
        name=draw(texts),
        routes=tuple(sorted(set(responses))),
        document=draw(st.none() | st.just({"x": "$y"})),
    )
    return sorted_project([*packages, bound], [*actions, *sequences], [trigger], [rule], [api])


@given(projects())
@settings(suppress_health_check=list(HealthCheck), deadline=None, phases=PHASES, max_examples=60)
def test_a_project_survives_its_folder(project: Project) -> None:
    """Names with blanks and signs, values that look like something else, code of any size, secrets by name."""
    files = files_of(project)
    filled = {"string": "0", "integer": 0, "json": 0}
    read = read_project(files, dict.fromkeys(variables_of(files), "0"))

    assert not read.errors, [finding for finding in read.findings if finding.severity == "error"]
    assert read.missing == ()
    assert read.project == resolved(project, filled)


@given(projects())
@settings(suppress_health_check=list(HealthCheck), deadline=None, phases=PHASES, max_examples=30)
def test_a_project_gives_the_same_bytes_again(project: Project) -> None:
    """Also when it comes from its folder."""
    files = files_of(project)
    plain = resolved(project, {"string": "0", "integer": 0, "json": 0})
    again = files_of(read_project(files_of(plain), {}).project)

    assert files == files_of(project)
    assert again == files_of(plain)


def variables_of(files: dict[str, bytes]) -> list[str]:
    lines = files.get(ENVIRONMENT, b"").decode().splitlines()
    return [line.partition("=")[0] for line in lines if not line.startswith("#")]


def resolved(project: Project, filled: dict[str, Json]) -> Project:
    """The project with a value for every variable."""

    def values_of(items: Parameters) -> Parameters:
        return Parameters(
            tuple(
                Parameter(key=item.key, init=item.init, value=filled[item.value.type] if isinstance(item.value, Variable) else item.value)
                for item in items.items
            )
        )

    from msgspec.structs import replace

    return replace(
        project,
        packages=tuple(replace(found, parameters=values_of(found.parameters)) for found in project.packages),
        actions=tuple(replace(found, parameters=values_of(found.parameters)) for found in project.actions),
        triggers=tuple(replace(found, parameters=values_of(found.parameters)) for found in project.triggers),
    )
