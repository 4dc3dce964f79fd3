"""The kill test at full size (`make fault`), and shortened where it runs with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import test_kills


@pytest.mark.fault
@pytest.mark.timeout(900)
def test_two_hundred_kills_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the fifty of every run, four times as many (reliability P1)."""
    monkeypatch.setattr(test_kills, "KILLS", 200)
    test_kills.test_a_kill_between_accept_and_run_loses_nothing(tmp_path)
