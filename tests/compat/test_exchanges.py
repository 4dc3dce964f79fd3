"""423 exchanges of plain clients, `wsk` and `wskdeploy` with a real OpenWhisk, sent again (openwhisk-api §1 to §11)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
import pytest

from tests.support import exchanges, hubs, wsk_shown

RECORDED = exchanges.load()
SHOWN = {exchange.id: exchange for exchange in RECORDED if exchange.shown is not None}


@dataclass
class Replayed:
    """What came of sending all of them in their order to one hub."""

    replay: exchanges.Replay
    differences: dict[str, list[str]]

    def answers(self, exchange: str) -> list[httpx.Response]:
        """All answers to the command that an exchange belongs to."""
        command = re.sub(r" \(\d+\)$", "", exchange)
        return [answer for name, answer in self.replay.answers.items() if re.sub(r" \(\d+\)$", "", name) == command]


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    with hubs.running(tmp_path_factory.mktemp("exchanges") / "data") as hub, hub.http as http:
        replay = exchanges.Replay(http, hub.auth)
        return Replayed(replay, {exchange.id: replay.compare(exchange) for exchange in RECORDED})


@pytest.mark.timeout(150)
@pytest.mark.parametrize("exchange", [exchange.id for exchange in RECORDED])
def test_the_answer_is_openwhisk_s(replayed: Replayed, exchange: str) -> None:
    """Status, headers and each member of the body that a client sees, but for what is listed in `differences.yaml` with its reason."""
    meant = exchanges.intended()
    assert not [told for told in replayed.differences[exchange] if not any(row.covers(exchange, told) for row in meant)]


@pytest.mark.parametrize("exchange", list(SHOWN))
def test_wsk_has_what_it_shows(replayed: Replayed, exchange: str) -> None:
    """Documents, rows of lists, states, refusals and exit status on the screen of `wsk` follow from the hub's answers as well."""
    shown = SHOWN[exchange]
    answers = replayed.answers(exchange)

    assert not list(wsk_shown.missing(replayed.replay, shown.shown or "", answers))
    assert shown.exit in {wsk_shown.exit_status(answer) for answer in answers}


def test_every_listed_difference_is_there(replayed: Replayed) -> None:
    """A row that nothing needs any more is taken out."""
    idle = [
        row.reason
        for row in exchanges.intended()
        if not any(row.covers(exchange, told) for exchange, found in replayed.differences.items() for told in found)
    ]
    assert not idle
