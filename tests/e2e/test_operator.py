"""What the operator sees, and what is told to everybody while something is out or is allowed for a time (reliability §5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.compat.steps import invoke, parameters, put_action, tenant
from tests.e2e.test_pages import browser, page, shot, signed_in
from tests.support import hubs, owned
from tests.support.hubs import Hub
from tests.support.tls import TLS

__all__ = ["browser", "page"]
MARK = {"hub": {"install": "i", "package": "carol/tools", "version": "1.0.0", "digest": "d"}}


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub at level 2 whose operator lets strangers' code run until tomorrow."""
    data = tmp_path_factory.mktemp("fenced") / "data"
    found = hubs.start(data, run=owned.program(), RUNTIME__LEVEL="2", RUNTIME__STRANGERS_BEHIND_FENCE_UNTIL=day(1))
    yield found
    found.kill()


def day(offset: int) -> str:
    """A day from today, in UTC."""
    return (datetime.now(UTC).date() + timedelta(days=offset)).isoformat()


def read(hub: Hub, path: str) -> Any:
    """With the operator's key."""
    with hub.http as http:
        return http.get(path).json()


def test_the_operator_sees_how_the_hub_is(hub: Hub, page: Page) -> None:
    """On one page, linked only for the operator, whose data has a route."""
    page.goto(f"{hub.address}/search")
    assert not page.get_by_role("link", name="Operator").is_visible()
    signed_in(hub, page)
    page.get_by_role("link", name="Operator").click()
    shot(page, "operator")
    found = read(hub, "/hub/v1/admin/health")

    level = found["isolation"]
    assert page.get_by_text(f"Level {level['level']},").is_visible()
    assert page.get_by_text(level["leaves_open"]).is_visible()
    for words in ("whiskhub", found["versions"]["kernel"], found["process"]["user"]):
        assert page.get_by_text(words).first.is_visible()
    assert set(found) >= {"ready", "database", "actions", "isolation", "retention", "feeds", "pool", "process", "versions", "notices"}


def test_nobody_else_sees_it(hub: Hub) -> None:
    """Strangers are asked to sign in; for others there is nothing there."""
    with tenant(hub, "carol") as carol:
        assert carol.get("/operator").status_code == carol.get("/hub/v1/admin/health").status_code == 404
    with httpx.Client(base_url=hub.address, trust_env=False, verify=TLS) as stranger:
        assert stranger.get("/operator").status_code == stranger.get("/hub/v1/admin/health").status_code == 401


def test_the_page_says_what_a_low_level_leaves_open(fenced: Hub, page: Page) -> None:
    """Every attack that was not held, and why no higher level was taken; with the banner."""
    signed_in(fenced, page)
    page.goto(f"{fenced.address}/operator")
    shot(page, "operator-fenced")
    found = read(fenced, "/hub/v1/admin/health")["isolation"]

    assert found["level"] == 2
    for words in found["open_attacks"]:
        assert page.get_by_text(words, exact=True).is_visible()
    assert page.get_by_text("Until the end of").is_visible()


def test_strangers_run_behind_a_fence_as_long_as_the_operator_says(fenced: Hub, page: Page) -> None:
    """Every page says so, and `/ready`."""
    with fenced.http as http:
        put_action(http, "installed", annotations=parameters(**MARK))
        assert invoke(http, "installed")["response"]["success"]
    notices = httpx.get(f"{fenced.address}/ready", trust_env=False, verify=TLS).json()["notices"]
    page.goto(f"{fenced.address}/search")

    assert page.get_by_role("status").inner_text() == notices[0]
    assert re.match(rf"Until the end of {day(1)} \(UTC\) packages of other publishers run at isolation level 2", notices[0])


def test_the_day_after_it_is_over_by_itself(tmp_path: Path) -> None:
    """They are refused again, and nothing is told; the code of other tenants runs behind a fence."""
    hub = hubs.start(tmp_path / "data", run=owned.program(), RUNTIME__LEVEL="2", RUNTIME__STRANGERS_BEHIND_FENCE_UNTIL=day(-1))
    try:
        with hub.http as http, tenant(hub, "carol") as carol:
            put_action(http, "installed", annotations=parameters(**MARK))
            put_action(carol, "mine")
            refused, theirs = invoke(http, "installed")["response"], invoke(carol, "mine")["response"]
        notices = httpx.get(f"{hub.address}/ready", trust_env=False, verify=TLS).json()["notices"]
    finally:
        hub.kill()

    assert refused["result"]["error"] == "Packages of other publishers run at isolation level 3 or higher; this hub has level 2."
    assert theirs["success"]
    assert notices == []
