"""Warm calls beside a bare echo on the same server: ten alternations in one run, medians of their ratios."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from tests.bench.figures import Figures
from tests.bench.load import Result, authorization, measure, request
from tests.support.hubs import Hub

ROUNDS = 10
WARMING = 600
PYTHON = "def main(args):\n    return args\n"
NODE = "function main(args) { return args; }"
BODY = b'{"name":"bench","n":1}'
NAMES = {"py": "warm Python", "js": "warm Node.js", "web": "web action"}


@contextmanager
def echo() -> Iterator[str]:
    """The address of a running yardstick."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.echo"], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip() if process.stdout else ''}"
    finally:
        process.kill()
        process.wait()


def prepare(hub: Hub) -> dict[str, bytes]:
    """Put the actions; the requests that call them."""
    with hub.http as http:
        for name, kind, code in (("py", "python:3", PYTHON), ("js", "nodejs:default", NODE)):
            http.put(f"/api/v1/namespaces/_/actions/{name}?overwrite=true", json={"exec": {"kind": kind, "code": code}}).raise_for_status()
        web = {
            "exec": {"kind": "python:3", "code": 'def main(args):\n    return {"body": {"n": 1}}\n'},
            "annotations": [{"key": "web-export", "value": True}],
        }
        http.put("/api/v1/namespaces/_/actions/web?overwrite=true", json=web).raise_for_status()
        namespace = http.get("/api/v1/namespaces").json()[0]
    key = authorization(hub.auth)
    calls = {
        name: request(hub.address, f"/api/v1/namespaces/_/actions/{name}?blocking=true&result=true", BODY, key) for name in ("py", "js")
    }
    return {**calls, "web": request(hub.address, f"/api/v1/web/{namespace}/default/web.json", method="GET")}


def measured(hub: Hub) -> Figures:
    """Ratios at 16 clients, added times at one and at 16."""
    figures: Figures = {}
    requests = prepare(hub)
    with echo() as address:
        plain = request(address, "/echo", BODY)
        for clients, count in ((16, 2000), (1, 400)):
            rounds: list[dict[str, Result]] = []
            for _ in range(ROUNDS):
                row = {"echo": measure(address, plain, clients=clients, count=count * 2)}
                for name, payload in requests.items():
                    # The others made room for themselves meanwhile: what is measured is warm again before.
                    measure(hub.address, payload, clients=clients, count=WARMING)
                    row[name] = measure(hub.address, payload, clients=clients, count=count)
                rounds.append(row)
            figures |= _said(rounds, clients)
    return figures


def _said(rounds: list[dict[str, Result]], clients: int) -> Figures:
    many = f"{clients} client{'s' if clients > 1 else ''}"
    figures = {f"echo, {many}, a second": median(row["echo"].rate for row in rounds)}
    for name, words in NAMES.items():
        figures[f"{words}, {many}, a second"] = median(row[name].rate for row in rounds)
        figures[f"{words} over the echo, {many}"] = median(row[name].rate / row["echo"].rate for row in rounds)
        call = f"added by a {words}{'' if name == 'web' else ' call'}, {many}"
        figures[f"{call}, p50, ms"] = median(row[name].p50 - row["echo"].p50 for row in rounds)
        figures[f"{call}, p99, ms"] = median(row[name].p99 - row["echo"].p99 for row in rounds)
    return figures
