"""The pages in a real browser."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.steps import invoke, put_action
from tests.support.hubs import Hub
from tests.support.peers import absent
from tests.support.tls import TLS

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    program = shutil.which("chromium")
    if program is None:
        absent("there is no Chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(params=[360, 1280], ids=["phone", "desktop"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A window of a phone and of a desktop; nothing may fail in its console, nothing may be wider than it."""
    context = browser.new_context(viewport={"width": request.param, "height": 800})
    found = context.new_page()
    said: list[str] = []
    found.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    yield found
    too_wide = found.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    context.close()
    assert not too_wide
    assert not [line for line in said if "401" not in line]


def signed_in(hub: Hub, page: Page) -> None:
    """Through the link that `hub admin link` prints."""
    link = hub.command("admin", "link").stdout.strip()
    page.goto(hub.address + link[link.index("/sign-in/") :])


def shot(page: Page, name: str) -> None:
    """A picture to look at, where one is asked for."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=str(Path(folder) / f"{name}-{width}.png"), full_page=True)


def test_a_package_is_found_and_read(hub: Hub, page: Page) -> None:
    """Search, then the page of the package."""
    page.goto(hub.address)
    page.get_by_role("searchbox").fill("cron")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=re.compile("alarms")).first.wait_for()
    shot(page, "search")
    page.get_by_role("link", name=re.compile("alarms")).first.click()

    assert page.get_by_role("heading", level=1).inner_text().startswith("alarms")
    assert page.get_by_text("Pattern of 5 fields").is_visible()
    assert "hub install whisk.system/alarms" in page.content()
    shot(page, "package")


def test_an_empty_result_helps_on(hub: Hub, page: Page) -> None:
    """With a way back."""
    page.goto(f"{hub.address}/search?q=zzzzzzzz")

    assert page.get_by_text("Nothing fits").is_visible()
    assert page.get_by_role("link", name="see everything").is_visible()


def test_activations_need_a_sign_in_and_show_results_and_logs(hub: Hub, page: Page) -> None:
    """The link of the console signs in, once."""
    put_action(hub, "paged", "def main(args):\n    print('<b>logged</b>')\n    return {'seen': '<script>'}\n")
    invoke(hub, "paged")
    page.goto(f"{hub.address}/activations")
    assert page.get_by_role("heading", name="Sign in").is_visible()
    shot(page, "sign-in")
    signed_in(hub, page)
    page.get_by_role("textbox").fill("paged")
    page.get_by_role("button", name="Filter").click()
    shot(page, "activations")
    page.get_by_role("table").get_by_role("link").first.click()

    assert page.get_by_text("stdout: <b>logged</b>").is_visible()
    assert page.get_by_text('"<script>"').is_visible()
    shot(page, "activation")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{hub.address}/activations")
    assert page.get_by_role("heading", name="Sign in").is_visible()


def test_documentation_is_served(hub: Hub, page: Page) -> None:
    """With links between its pages."""
    page.goto(f"{hub.address}/docs")
    page.get_by_role("complementary").get_by_role("link", name="settings").click()

    assert page.get_by_text("HUB_BASE_URL").is_visible()
    shot(page, "docs")


def test_a_link_works_once(hub: Hub) -> None:
    """Whoever comes second is told how to get another."""
    link = hub.command("admin", "link").stdout.strip()
    address = hub.address + link[link.index("/sign-in/") :]
    first, second = httpx.get(address, trust_env=False, verify=TLS), httpx.get(address, trust_env=False, verify=TLS)

    assert first.status_code == 303
    assert "httponly" in first.headers["set-cookie"].lower()
    assert second.status_code == 403
    assert "used already" in second.text


def test_programs_get_the_info_document(hub: Hub) -> None:
    """Only who asks for HTML gets a page; pages forbid scripts."""
    program = httpx.get(hub.address, trust_env=False, verify=TLS)
    person = httpx.get(hub.address, headers={"accept": "text/html"}, trust_env=False, verify=TLS)

    assert program.json()["api_paths"] == ["/api/v1"]
    assert {row["kind"] for row in program.json()["runtimes"]["python"]} >= {"python:3"}
    assert person.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in person.headers["content-security-policy"]
    assert "<script" not in person.text


@pytest.mark.parametrize(
    "path", ["/p/nobody/nothing", "/p/whisk.system/utils/9.9.9", "/docs/nothing", "/activations/zzz", "/docs/..%2f..%2fsettings"]
)
def test_what_is_not_there_is_told_on_a_page(hub: Hub, path: str) -> None:
    """Never a 5xx."""
    assert httpx.get(hub.address + path, headers={"accept": "text/html"}, trust_env=False, verify=TLS).status_code in {401, 404}
