"""Container engines: what each asks of its API, and what becomes of the answers (openwhisk-api §10.2-10.8, reliability §5.4)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from hub.domain.action import CodeExec, Limits
from hub.domain.activation import Status
from hub.runtime.base import LaunchFailed, Outcome, ProcessSpec, Run, Start
from hub.runtime.container import drivers
from hub.runtime.container.engine import EngineRefused
from hub.runtime.container.images import Images
from hub.runtime.container.runtime import ContainerRuntime
from hub.runtime.isolation import Choice, IsolationRefused
from tests.support import engines

ECHO = "def main(args):\n    print('hello')\n    return args"
ENGINES = ("docker", "pod")
ALL = pytest.mark.parametrize("bench", [*ENGINES, "proxy"], indirect=True)
"""Pods are reached by their own address; through the API server only where a failure looks different."""


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Docker Engine with user namespaces."""
    with engines.docker_api(tmp_path_factory.mktemp("docker"), "name=seccomp,profile=builtin", "name=cgroupns", "name=userns") as found:
        yield found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Kubernetes cluster."""
    with engines.kubernetes_api(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


class Bench:
    """A runtime on one engine, and a look at the engine past it."""

    def __init__(self, url: str, remembered: Path, mark: str = "bench", runtime_class: str = "") -> None:
        self.url = url
        engine = drivers.engine_for(url, runtime_class)
        choice = engines.ANY_LEVEL
        self.runtime = ContainerRuntime(Images.read(), lambda: engine(mark), choice, remembered, api_host=lambda: engines.API)

    async def start(
        self, code: str, limits: Limits | None = None, *, kind: str = "python:3", image: str | None = None, binary: bool = False
    ) -> Any:
        exec_ = CodeExec(kind="blackbox" if image else kind, code=code, image=image, binary=binary)
        process = await self.runtime.launch(ProcessSpec(key=("ns", "pkg/echo", 1, "ns"), exec=exec_, limits=limits or Limits(timeout=5000)))
        failed = await process.init(Start(env={"TOKEN": "t"}))
        return process if failed is None else failed


async def run(process: Any, value: Any = None, seconds: float = 5.0) -> Outcome:
    deadline = int((time.time() + seconds) * 1000)
    found: Outcome = await process.run(
        Run(value=value or {}, context={"namespace": "caller", "deadline": str(deadline)}, deadline=deadline)
    )
    return found


def words(outcome: Outcome) -> list[str]:
    return [line[31:] for line in outcome.logs]


def url_of(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "docker":
        return f"docker:unix://{request.getfixturevalue('docker')}"
    return f"kubernetes:actions?kubeconfig={request.getfixturevalue('cluster')}&reach={kind}"


@pytest.fixture(params=ENGINES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """Each engine; nothing of ours is left on it."""
    found = Bench(url_of(request.param, request), tmp_path / "isolation")
    await found.runtime.open()
    yield found
    await found.runtime.close()
    assert not await _there(found.url, "bench")


async def _there(url: str, mark: str) -> list[Any]:
    """What the engine has of a hub, asked without the hub's client."""
    if url.startswith("docker:"):
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=url.removeprefix("docker:unix://"))) as client:
            filters = json.dumps({"label": [f"whiskhub.hub={mark}"]})
            rows = (await client.get("http://docker/containers/json", params={"all": "1", "filters": filters})).json()
            return [(await client.get(f"http://docker/containers/{row['Id']}/json")).json() for row in rows]
    kubeconfig = yaml.safe_load(await asyncio.to_thread(Path(url.partition("kubeconfig=")[2].partition("&")[0]).read_text))
    server, token = kubeconfig["clusters"][0]["cluster"]["server"], kubeconfig["users"][0]["user"]["token"]
    async with httpx.AsyncClient(verify=False, headers={"authorization": f"Bearer {token}"}) as client:  # noqa: S501 - the server of the test
        found = await client.get(f"{server}/everything", params={"labelSelector": f"whiskhub/hub={mark}"})
        return list(found.json()["items"])


@ALL
async def test_an_action_runs_and_its_log_is_read(bench: Bench) -> None:
    """Each run with its own lines, the second in the same container."""
    process = await bench.start(ECHO)
    first, second = await run(process, {"a": 1}), await run(process, {"b": [None]})

    assert (first.response.result, words(first), first.reusable) == ({"a": 1}, ["stdout: hello"], True)
    assert (second.response.result, words(second)) == ({"b": [None]}, ["stdout: hello"])
    assert len(await _there(bench.url, "bench")) == 1
    await process.stop()
    assert not await _there(bench.url, "bench")


async def test_several_runs_share_a_container_that_takes_them(bench: Bench) -> None:
    """Node.js does, if the action says so; and each hears its own answer."""
    code = "function main(a) { return new Promise(done => setTimeout(() => done({name: a.name}), a.wait)); }"
    process = await bench.start(code, Limits(timeout=5000, concurrency=5), kind="nodejs:20")
    begun = time.monotonic()
    ended = await asyncio.gather(*(run(process, {"name": name, "wait": 300}) for name in "abcde"))

    assert process.places == 5
    assert [outcome.response.result for outcome in ended] == [{"name": name} for name in "abcde"]
    assert time.monotonic() - begun < 1.2


@ALL
async def test_what_an_action_does_wrong_is_told_as_everywhere(bench: Bench) -> None:
    """It ends by itself, takes too much, or too long."""
    ended = await run(await bench.start("import os\ndef main(args):\n    os._exit(3)"))
    assert ended.response.result == {"error": "The action did not produce a valid response and exited unexpectedly."}
    large = await run(await bench.start("import time\ndef main(args):\n    x = 'a' * 400000000\n    time.sleep(5)", Limits(memory=128)))
    assert large.response.result == {"error": "The action exhausted its memory and was aborted."}
    slow = await run(await bench.start("import time\ndef main(args):\n    time.sleep(9)", Limits(timeout=3000)), seconds=0.3)
    assert slow.response.result == {"error": "The action exceeded its time limits of 3000 milliseconds."}
    assert not any(outcome.reusable for outcome in (ended, large, slow))
    assert not await _there(bench.url, "bench")


async def test_an_image_that_cannot_be_had_is_the_developers_error(bench: Bench) -> None:
    """In upstream's words; nothing is left of the attempt."""
    outcome = await bench.start("", image="example/absent:1")

    assert (outcome.response.status, outcome.response.result) == (
        Status.DEVELOPER_ERROR,
        {"error": "Failed to pull container image 'example/absent:1'."},
    )
    assert not outcome.reusable
    assert not await _there(bench.url, "bench")


async def test_a_blackbox_runs_its_executable(bench: Bench) -> None:
    """Handed over as code; its last line is the result, the others are its log. Without code the image's own runs."""
    script = '#!/bin/sh\necho working\necho "{\\"got\\": $1, \\"token\\": \\"$TOKEN\\", \\"who\\": \\"$__OW_NAMESPACE\\"}"'
    for code, binary in ((script, False), (base64.b64encode(script.encode()).decode(), True)):
        outcome = await run(await bench.start(code, image="openwhisk/dockerskeleton", binary=binary), {"x": 1})
        assert outcome.response.result == {"got": {"x": 1}, "token": "t", "who": "caller"}
        assert words(outcome) == ["stdout: working"]
    stub = await run(await bench.start("", image="openwhisk/dockerskeleton"))

    assert (stub.response.status, stub.response.result) == (
        Status.APPLICATION_ERROR,
        {"error": "This is a stub action. Replace it with custom logic."},
    )


async def test_what_a_killed_hub_left_is_ended_by_its_next_start(request: pytest.FixtureRequest, bench: Bench, tmp_path: Path) -> None:
    """And nothing of another hub."""
    left, other = Bench(bench.url, tmp_path / "a", "left"), Bench(bench.url, tmp_path / "b", "other")
    for each in (left, other):
        await each.runtime.open()
        await each.start(ECHO)
    next_start = Bench(bench.url, tmp_path / "c", "left")
    await next_start.runtime.open()

    assert (len(await _there(bench.url, "left")), len(await _there(bench.url, "other"))) == (0, 1)
    for each in (next_start, left, other):
        await each.runtime.close()


@pytest.mark.parametrize("bench", ["docker"], indirect=True)
@pytest.mark.parametrize("every", [False, True])
async def test_a_run_that_a_container_does_not_take_is_run_by_another(bench: Bench, tmp_path: Path, *, every: bool) -> None:
    """By one more: 503 says that it is about to end. What both refuse has failed."""
    taken = "true" if every else f"mkdir {tmp_path}/taken 2>/dev/null"
    process = await bench.start(f"#!/bin/sh\n{taken} && exit 75\necho '{{\"ran\": true}}'", image="openwhisk/dockerskeleton")
    outcome = await run(process)

    assert outcome.response.status is (Status.DEVELOPER_ERROR if every else Status.SUCCESS)
    assert every or outcome.response.result == {"ran": True}
    assert not outcome.reusable
    assert not await _there(bench.url, "bench")


async def test_nobody_can_be_initialised_twice(bench: Bench) -> None:
    """The container says no."""
    process = await bench.start(ECHO)
    outcome = await process.init(Start(env={}))

    assert outcome is not None
    assert outcome.response.result == {"error": "Cannot initialize the action more than once."}


async def test_an_engine_is_reached_by_its_port(tmp_path: Path) -> None:
    """As by its socket file."""
    with engines.docker_api_over_tcp() as port:
        found = Bench(f"docker:tcp://127.0.0.1:{port}", tmp_path / "isolation")
        await found.runtime.open()
        outcome = await run(await found.start(ECHO), {"a": 1})
        await found.runtime.close()

    assert outcome.response.result == {"a": 1}


# What is asked of the engine


@pytest.mark.parametrize("bench", ["docker"], indirect=True)
async def test_a_container_is_given_nothing_of_the_host(bench: Bench) -> None:
    """No capabilities, no more rights, a root that is read only, limits, a network of its own, no folders."""
    await bench.start(ECHO, Limits(memory=192))
    [found] = await _there(bench.url, "bench")
    host = found["HostConfig"]

    assert (host["CapDrop"], host["SecurityOpt"], host["Privileged"], host["ReadonlyRootfs"]) == (
        ["ALL"],
        ["no-new-privileges:true"],
        False,
        True,
    )
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"], host["NanoCpus"]) == (192 << 20, 192 << 20, 256, 1_000_000_000)
    assert sorted(host["Tmpfs"]) == ["/action", "/run", "/tmp"]  # noqa: S108 - in the container
    assert not {"Binds", "Mounts", "VolumesFrom", "Devices", "CapAdd", "PidMode", "UsernsMode"} & set(host)
    assert host["NetworkMode"] == "whiskhub-bench"
    assert host["PortBindings"]["8080/tcp"][0]["HostIp"] == "127.0.0.1"
    assert found["Config"]["Labels"] == {"whiskhub.hub": "bench", "whiskhub.action": "/ns/pkg/echo"}
    assert found["Config"]["Env"] == [f"__OW_API_HOST={engines.API}"]


@pytest.mark.parametrize("bench", ["pod"], indirect=True)
async def test_a_pod_is_given_nothing_of_the_cluster(bench: Bench) -> None:
    """No token, no user of the node, no capabilities, a root that is read only, limits."""
    await bench.start(ECHO, Limits(memory=192))
    [found] = await _there(bench.url, "bench")
    spec, security = found["spec"], found["spec"]["containers"][0]["securityContext"]

    assert (spec["hostUsers"], spec["automountServiceAccountToken"], spec["enableServiceLinks"], spec["restartPolicy"]) == (
        False,
        False,
        False,
        "Never",
    )
    assert security == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "192Mi", "ephemeral-storage": "256Mi"}
    assert all(set(volume) == {"name", "emptyDir"} for volume in spec["volumes"])
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(spec)


async def _pulls(bench: Bench) -> list[str]:
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=bench.url.removeprefix("docker:unix://"))) as client:
        return list((await client.get("http://docker/info")).json()["Pulled"])


@pytest.mark.parametrize("bench", ["docker"], indirect=True)
async def test_an_image_is_pulled_once_unless_it_is_the_newest(bench: Bench) -> None:
    """Several who ask at a time share one pull."""
    before = len(await _pulls(bench))
    await asyncio.gather(*(bench.start("", image="me/dockerskeleton:7") for _ in range(3)))
    await bench.start("", image="me/dockerskeleton:7")
    assert (await _pulls(bench))[before:] == ["me/dockerskeleton:7"]
    for _ in range(2):
        await bench.start("", image="me/dockerskeleton")

    assert (await _pulls(bench))[before + 1 :] == ["me/dockerskeleton:latest"] * 2


@pytest.mark.parametrize("bench", ["docker"], indirect=True)
async def test_the_command_line_of_docker_sees_what_we_see(bench: Bench) -> None:
    """The API of these tests is one that a real client can use."""
    program = shutil.which("docker")
    if program is None:
        pytest.skip("there is no docker command")

    def docker(*line: str) -> str:
        host = bench.url.removeprefix("docker:")
        environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": host, "HOME": "/nonexistent"}
        done = subprocess.run([program, *line], capture_output=True, text=True, env=environment, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    process = await bench.start(ECHO)
    await run(process)
    [name] = (await asyncio.to_thread(docker, "ps", "--filter", "label=whiskhub.hub=bench", "--format", "{{.Names}}")).split()
    printed = await asyncio.to_thread(docker, "logs", name)
    read_only = await asyncio.to_thread(docker, "inspect", "--format", "{{.HostConfig.ReadonlyRootfs}}", name)
    await asyncio.to_thread(docker, "rm", "-f", name)

    assert printed.splitlines() == ["hello", "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"]
    assert read_only.strip() == "true"
    async with asyncio.timeout(10):
        while process.alive:  # noqa: ASYNC110 - the end of a container is what is waited for
            await asyncio.sleep(0.01)


# Levels


@pytest.mark.parametrize(
    ("options", "runtime_class", "level", "why"),
    [
        ((), "", 1, {"2": "the engine filters no system calls (seccomp)"}),
        (("name=seccomp,profile=unconfined",), "", 1, {"2": "the engine filters no system calls (seccomp)"}),
        (("name=seccomp,profile=builtin",), "", 2, {"3": "the engine gives containers no user namespace: run it rootless, or with userns-remap"}),
        (("name=seccomp,profile=builtin", "name=rootless"), "", 4, {}),
        (("name=seccomp,profile=builtin", "name=userns"), "runc", 4, {"5": "runc shares the kernel"}),
        (("name=seccomp,profile=builtin", "name=userns"), "runsc", 5, {}),
    ],
)  # fmt: skip
async def test_the_level_is_what_the_engine_says_of_itself(
    tmp_path: Path, options: tuple[str, ...], runtime_class: str, level: int, why: dict[str, str]
) -> None:
    """Not more than is known, and why it is not higher."""
    with engines.docker_api(tmp_path, *options) as place:
        found = Bench(f"docker:unix://{place}", tmp_path / "isolation", runtime_class=runtime_class)
        await found.runtime.open()
        await found.runtime.close()
    details: Any = found.runtime.details()

    assert (found.runtime.level, details["level"], details["found"]) == (level, level, "told by the engine, not tried")
    assert why.items() <= details["higher"].items()


async def test_the_level_of_a_cluster_is_what_it_keeps_of_a_pod(tmp_path: Path, cluster: Path) -> None:
    """User namespaces that are passed over, a runtime class with a kernel of its own."""
    levels = {}
    for name, runtime_class in (("plain", ""), ("sandboxed", "gvisor")):
        found = Bench(f"kubernetes:actions?kubeconfig={cluster}", tmp_path / name, runtime_class=runtime_class)
        await found.runtime.open()
        await found.runtime.close()
        levels[name] = found.runtime.level
    with engines.kubernetes_api(tmp_path, "--old") as old:
        found = Bench(f"kubernetes:actions?kubeconfig={old}", tmp_path / "old")
        await found.runtime.open()
        await found.runtime.close()

    assert levels == {"plain": 3, "sandboxed": 5}
    details: Any = found.runtime.details()
    assert (found.runtime.level, details["higher"]["3"]) == (2, "the cluster gives pods no user namespace (hostUsers: false)")


async def test_a_lower_level_than_before_is_not_taken_in_silence(docker: Path, tmp_path: Path) -> None:
    """Also where cells had it."""
    (tmp_path / "isolation").write_text("5")
    engine = drivers.engine_for(f"docker:unix://{docker}", "")
    choice = Choice(highest=None, accept=None, loopback=True)
    runtime = ContainerRuntime(Images.read(), lambda: engine("levels"), choice, tmp_path / "isolation", api_host=lambda: engines.API)
    with pytest.raises(
        IsolationRefused, match=r"HUB_RUNTIME__ACCEPT_LEVEL is needed: actions ran at isolation level 5 before, and now only level 4"
    ):
        await runtime.open()
    await runtime.close()


# Refusals


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("docker:unix://FOLDER/nothing.sock", "where no engine can be used"),
        ("docker:tcp://127.0.0.1:1", "where no engine can be used"),
        ("docker:unix://DOCKER?network=absent", "there is no network absent"),
        ("docker:ftp://host", "is no address of an engine"),
        ("docker:tcp://host", "is no address of an engine"),
        ("docker:?color=red", "has no option color"),
        ("kubernetes:", "does not say which namespace"),
        ("kubernetes:a/b", "does not say which namespace"),
        ("kubernetes:actions?kubeconfig=FOLDER/nothing", "cannot be used"),
        ("kubernetes:elsewhere?kubeconfig=CLUSTER", 'cannot use resource "pods"'),
        ("kubernetes:actions", "the hub runs in no pod with a service account"),
    ],
)
async def test_an_engine_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, docker: Path, cluster: Path, url: str, found: str
) -> None:
    """The setting, what was found, what to write instead."""
    url = url.replace("FOLDER", str(tmp_path)).replace("DOCKER", str(docker)).replace("CLUSTER", str(cluster))
    with pytest.raises(EngineRefused) as refusal:
        await Bench(url, tmp_path / "isolation").runtime.open()
    said = str(refusal.value)

    assert said.startswith("HUB_RUNTIME_URL cannot be used: found ")
    assert found in said
    assert " rite " in said.replace("Write ", " rite ").replace("write ", " rite ")


async def test_a_key_that_is_not_known_is_refused(tmp_path: Path, cluster: Path) -> None:
    """Without a word of the key."""
    text = await asyncio.to_thread(cluster.read_text)
    other = tmp_path / "kubeconfig"
    other.write_text(
        text.replace("token: ", "token: wrong").replace("certificate-authority: ", f"certificate-authority: {cluster.parent}/")
    )
    with pytest.raises(EngineRefused, match="Unauthorized") as refusal:
        await Bench(f"kubernetes:actions?kubeconfig={other}", tmp_path / "isolation").runtime.open()

    assert "wrong" not in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "runtime_class"), [("docker", "kata"), ("pod", "kata")]
)  # fmt: skip
async def test_a_runtime_class_that_is_not_there_is_refused(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, runtime_class: str
) -> None:
    """By its own setting."""
    found = Bench(url_of(kind, request), tmp_path / "isolation", runtime_class=runtime_class)
    with pytest.raises(EngineRefused, match=r"HUB_RUNTIME__RUNTIME_CLASS cannot be used: found kata"):
        await found.runtime.open()


async def test_an_engine_that_goes_away_fails_the_run_and_not_the_hub(tmp_path: Path) -> None:
    """What it was running is known to have ended."""
    with engines.docker_api(tmp_path) as place:
        found = Bench(f"docker:unix://{place}", tmp_path / "isolation")
        await found.runtime.open()
        process = await found.start(ECHO)
        assert (await run(process)).reusable
    async with asyncio.timeout(10):
        while process.alive:  # noqa: ASYNC110 - the end of a container is what is waited for
            await asyncio.sleep(0.01)
    with pytest.raises(LaunchFailed, match="did not start"):
        await found.start(ECHO)
    with contextlib.suppress(httpx.HTTPError):
        await found.runtime.close()
