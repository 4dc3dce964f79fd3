"""`hub logs`: what actions print, afterwards or while they do."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from hub.cli.session import ApiHost, Auth, Props, told, whose
from hub.client import LogClient
from hub.wire.events import Event

INTERRUPTED = 130
PIPE_CLOSED = 141
_ID = re.compile(r"\A[0-9a-f]{32}\Z")
_LINE = re.compile(r"\A(\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d\.\d{3})\d*Z) (stdout|stderr): (.*)\Z", re.DOTALL)
_SPAN = re.compile(r"\A(\d{1,6})(s|m|h|d)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_CONTROLS = {code: chr(0x2400 + code) for code in range(32) if chr(code) != "\t"} | {127: "␡", **dict.fromkeys(range(128, 160), "�")}
"""What would steer a terminal is shown instead."""


class Shown(NamedTuple):
    """One line of a log, and whose it is; both names are empty where only one activation is asked for."""

    line: str
    action: str = ""
    activation_id: str = ""


def show_logs(
    target: Annotated[str, typer.Argument(help="An activation id, or an action ([package/]name); none: all actions.")] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what is printed from now on.")] = False,
    since: Annotated[str, typer.Option(help="Begin so long ago: 90s, 15m, 2h, 1d.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many activations at the most, the newest.")] = 10,
    strip: Annotated[bool, typer.Option("-r", "--strip", help="Only what was printed, without time and stream.")] = False,
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Show logs; with -f while they are written."""
    begin = _moment(since)
    address, key = whose(apihost, auth, props)
    paper = Paper(strip=strip)
    try:
        with told(), LogClient(address, key) as hub:
            for shown in _asked(hub, target, follow=follow, since=begin, limit=limit):
                paper.line(shown)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Who read it has seen enough; the interpreter must not try to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from None


def _moment(since: str) -> int | None:
    """The time (ms) that is so long ago."""
    if not since:
        return None
    match = _SPAN.match(since)
    if match is None:
        typer.echo(f"hub: --since takes a number and s, m, h or d, as in 15m; found {since!r}.", err=True)
        raise typer.Exit(2)
    return int((time.time() - int(match[1]) * _SECONDS[match[2]]) * 1000)


def _asked(hub: LogClient, target: str, *, follow: bool, since: int | None, limit: int) -> Iterator[Shown]:
    if _ID.match(target):
        yield from _followed(hub.follow_activation(target, _cut)) if follow else map(Shown, hub.lines(target))
        return
    events = hub.follow(target or None, _cut) if follow else iter(())
    next(events, None)
    known: set[str] = set()
    if since is not None or not follow:
        for record in hub.records(name=target or None, since=since, limit=limit):
            known.add(record["activationId"])
            yield from _recorded(record)
    yield from (shown for shown in _followed(events) if shown.activation_id not in known)


def _recorded(record: dict[str, Any]) -> Iterator[Shown]:
    """The lines of a record; those of a sequence are ids, and their records speak for themselves."""
    marks = {mark["key"]: mark["value"] for mark in record["annotations"]}
    if marks.get("kind") != "sequence":
        action = str(marks.get("path", record["name"])).partition("/")[2] or record["name"]
        for line in record["logs"]:
            yield Shown(line, action, record["activationId"])


def _followed(events: Iterator[Event]) -> Iterator[Shown]:
    for event in events:
        value = event.value()
        if event.kind == "line":
            yield Shown(value["line"], value.get("action", ""), value.get("activation_id", ""))
        elif event.kind == "dropped":
            count = value["dropped"]
            typer.echo(f"hub: {'some' if count is None else count} lines were left out.", err=True)
        elif event.kind in {"end", "ended"} and not value["success"]:
            whose_ = f"{value['action']} " if "action" in value else ""
            typer.echo(f"hub: {whose_}{value.get('activation_id') or value['activationId']} ended: {value['status']}.", err=True)


def _cut() -> None:
    typer.echo("hub: the connection was cut; trying again.", err=True)


class Paper:
    """Where lines go: a terminal gets columns and colours, everything else plain text, at once."""

    def __init__(self, *, strip: bool) -> None:
        self._strip = strip
        self._console = Console(highlight=False, soft_wrap=True) if sys.stdout.isatty() else None

    def line(self, shown: Shown) -> None:
        """Print one line."""
        match = _LINE.match(shown.line)
        if self._console is None:
            print(match[4] if self._strip and match else self._plain(shown), flush=True)
        elif match is None:
            self._console.print(Text(shown.line.translate(_CONTROLS)))
        elif self._strip:
            self._console.print(Text(match[4].translate(_CONTROLS)))
        else:
            colour = "red" if match[3] == "stderr" else "green"
            name = Text(f" {shown.action}", "bold") if shown.action else Text()
            known = Text(f" {shown.activation_id[-6:]}", "dim") if shown.activation_id else Text()
            text = Text(f" {match[4].translate(_CONTROLS)}")
            self._console.print(Text.assemble(Text(match[2], "dim"), name, known, Text(f" {match[3]}", colour), text))

    @staticmethod
    def _plain(shown: Shown) -> str:
        return f"{shown.activation_id} {shown.action} {shown.line}" if shown.activation_id else shown.line
