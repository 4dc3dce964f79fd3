"""423 exchanges of plain clients, `wsk` and `wskdeploy` with a real OpenWhisk, sent again (openwhisk-api §1–§11)."""

from __future__ import annotations

import pytest

from tests.support import exchanges, hubs

RECORDED = exchanges.load()


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """All of them in their order against one hub; for each its differences."""
    with hubs.running(tmp_path_factory.mktemp("exchanges") / "data") as hub, hub.http as http:
        replay = exchanges.Replay(http, hub.auth)
        return {exchange.id: replay.compare(exchange) for exchange in RECORDED}


@pytest.mark.timeout(150)
@pytest.mark.parametrize("exchange", [exchange.id for exchange in RECORDED])
def test_the_answer_is_openwhisk_s(replayed: dict[str, list[str]], exchange: str) -> None:
    """Status, headers and each member of the body that a client sees, but for what is listed in `differences.yaml` with its reason."""
    meant = exchanges.intended()
    assert not [told for told in replayed[exchange] if not any(row.covers(exchange, told) for row in meant)]


def test_every_listed_difference_is_there(replayed: dict[str, list[str]]) -> None:
    """A row that nothing needs any more is taken out."""
    idle = [
        row.reason
        for row in exchanges.intended()
        if not any(row.covers(exchange, told) for exchange, found in replayed.items() for told in found)
    ]
    assert not idle
