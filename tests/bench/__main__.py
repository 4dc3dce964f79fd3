"""`make bench`: speed and size beside a bare echo of the same run, and beside the figures of the last run."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench.load import Result, measure, request
from tests.support.hubs import Hub, start

LAST = Path(".bench.json")
PYTHON = "def main(args):\n    return args\n"
NODE = "function main(args) { return args; }"
BODY = b'{"name":"bench","n":1}'


def pss(pid: int) -> float:
    """MB of memory of a process tree, shared pages counted once."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return float(sum(process.memory_full_info().pss for process in tree)) / 1e6


def calls(hub: Hub, figures: dict[str, float], echo: str) -> None:
    """Warm blocking calls beside the echo."""
    authorization = "Basic " + base64.b64encode(hub.auth.encode()).decode()
    with hub.http as http:
        for name, kind, code in (("py", "python:3", PYTHON), ("js", "nodejs:default", NODE)):
            http.put(f"/api/v1/namespaces/_/actions/{name}?overwrite=true", json={"exec": {"kind": kind, "code": code}}).raise_for_status()
            begun = time.perf_counter()
            http.post(f"/api/v1/namespaces/_/actions/{name}?blocking=true", json={}).raise_for_status()
            cold = (time.perf_counter() - begun) * 1000
            begun = time.perf_counter()
            http.post(f"/api/v1/namespaces/_/actions/{name}?blocking=true", json={}).raise_for_status()
            figures[f"{name} cold start over warm, ms"] = cold - (time.perf_counter() - begun) * 1000
    for clients, count in ((1, 4000), (16, 12000)):
        plain = measure(echo, request(echo, "/echo", BODY), clients=clients, count=count)
        say(f"echo, {clients} clients", plain, figures)
        for name in ("py", "js"):
            payload = request(hub.address, f"/api/v1/namespaces/_/actions/{name}?blocking=true&result=true", BODY, authorization)
            measure(hub.address, payload, clients=clients, count=500)
            result = measure(hub.address, payload, clients=clients, count=count)
            say(f"blocking {name}, {clients} clients", result, figures)
            figures[f"blocking {name}, {clients} clients, of echo"] = result.rate / plain.rate


def fires(hub: Hub, figures: dict[str, float]) -> None:
    """A burst of durable fires, then how long they take to be executed and recorded."""
    authorization = "Basic " + base64.b64encode(hub.auth.encode()).decode()
    with hub.http as http:
        http.put("/api/v1/namespaces/_/triggers/t?overwrite=true", json={})
        http.put("/api/v1/namespaces/_/rules/r?overwrite=true", json={"trigger": "/_/t", "action": "/_/py"}).raise_for_status()
        before = http.get("/api/v1/namespaces/_/activations?count=true&name=py").json()["activations"]
        payload = request(hub.address, "/api/v1/namespaces/_/triggers/t", BODY, authorization)
        begun = time.perf_counter()
        result = measure(hub.address, payload, clients=64, count=30_000, seconds=60)
        say("fires accepted, 64 clients", result, figures)
        done = 0
        while done < result.count and time.perf_counter() - begun < 120:
            done = http.get("/api/v1/namespaces/_/activations?count=true&name=py").json()["activations"] - before
        figures["fires executed and recorded a second, accepting included"] = done / (time.perf_counter() - begun)
        figures["fires lost"] = result.count - done


def say(what: str, result: Result, figures: dict[str, float]) -> None:
    """Keep the figures of one run."""
    figures[f"{what}, a second"] = result.rate
    figures[f"{what}, p50 ms"] = result.p50
    figures[f"{what}, p99 ms"] = result.p99
    if result.refused:
        figures[f"{what}, refused"] = result.refused


def report(figures: dict[str, float]) -> None:
    """A table beside the last one."""
    last = json.loads(LAST.read_text()) if LAST.exists() else {}
    sys.stdout.write(f"{'':66}{'now':>12}{'last':>12}\n")
    for name, value in figures.items():
        before = f"{last[name]:12.2f}" if name in last else " " * 12
        sys.stdout.write(f"{name:66}{value:12.2f}{before}\n")
    LAST.write_text(json.dumps(figures, indent=1))


def main() -> None:
    """Run everything."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        first = time.perf_counter()
        hub = start(data)
        figures["first start to ready, s"] = time.perf_counter() - first
        hub.stop()
        again = time.perf_counter()
        hub = start(data)
        figures["start to ready, s"] = time.perf_counter() - again
        time.sleep(1)
        figures["idle memory of the tree, MB"] = pss(hub.process.pid)
        yardstick = subprocess.Popen([sys.executable, "-m", "tests.bench.echo"], stdout=subprocess.PIPE, text=True)
        try:
            line = yardstick.stdout.readline().strip() if yardstick.stdout else ""
            calls(hub, figures, f"http://127.0.0.1:{line}")
            fires(hub, figures)
            figures["memory of the tree after the load, MB"] = pss(hub.process.pid)
        finally:
            yardstick.kill()
            yardstick.wait()
            hub.stop()
    report(figures)


if __name__ == "__main__":
    main()
