"""The console in Debian's Chromium: every screen at desktop and phone width, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browser import DESKTOP, PHONE, chromium, serious, watched
from tests.web.filled_home import fill
from tests.web.screenshots import SCREENS
from tests.web.support import Home

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def filled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home for all tests that only look; after ``browser``: not filled in vain."""
    made = Home(tmp_path_factory.mktemp("console") / "home")
    try:
        fill(made, calls=40)
        for name, role, account in (("ana", "viewer", ""), ("eve", "viewer", "acme")):
            body = {"id": name, "role": role, "account": account, "password": PASSWORD}
            assert made.post_json("/api/v1/users", body)[0] == 201
        yield made
    finally:
        made.close()


@pytest.fixture
def page(browser: Browser, filled: Home) -> Iterator[Page]:
    with watched(browser, viewport=DESKTOP) as (made, wrong):
        yield made
        assert wrong == []


def enter(page: Page, home: Home, address: str = "/live") -> None:
    """Open the console as the owner, at an address."""
    page.goto(f"http://127.0.0.1:{home.control_port}/#key={home.key}")
    page.wait_for_selector("#menu a", state="attached")
    go(page, address)


def go(page: Page, address: str) -> None:
    page.evaluate("address => { location.hash = address }", address)


def log_in(page: Page, home: Home, user: str, password: str = PASSWORD) -> None:
    page.goto(f"http://127.0.0.1:{home.control_port}/")
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def too_wide(page: Page) -> list[str]:
    """Return what makes the page itself scroll sideways; tables scroll in boxes of their own."""
    return list(page.evaluate(
        "() => document.documentElement.scrollWidth <= innerWidth ? [] : "
        "[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll') && "
        "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120))"
    ))  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_screen(browser: Browser, filled: Home, size: Any, scheme: str) -> None:
    with watched(browser, viewport=size, color_scheme=scheme) as (page, wrong):
        enter(page, filled)
        for name, (address, there) in SCREENS.items():
            go(page, address)
            page.wait_for_selector(f"main >> {there}")
            assert page.locator("h1").count() == 1, name
            assert serious(page) == [], name
            assert too_wide(page) == [], name
        assert wrong == []
        assert page.title() != "owned" and page.locator("main img").count() == 0


def test_logging_in_and_out(page: Page, filled: Home) -> None:
    log_in(page, filled, "ana", "not the password")
    page.wait_for_selector("text=no such user and password")
    assert serious(page) == []
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_selector("#state >> text=answering")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_selector("text=You are logged out")
    page.reload()
    page.wait_for_selector("h1 >> text=Log in")


def test_an_ended_session_leads_back_to_where_one_was(page: Page, filled: Home) -> None:
    enter(page, filled, "/plans")
    page.wait_for_selector("main >> text=acme-sales")
    page.context.clear_cookies()
    go(page, "/schedules")
    page.wait_for_selector("text=Your session has ended")
    page.locator("summary").click()
    page.get_by_label("Key").fill(filled.key)
    page.get_by_role("button", name="Log in with the key").click()
    page.wait_for_selector("main >> text=office-hours")


def test_the_key_in_the_address_is_forgotten(page: Page, filled: Home) -> None:
    enter(page, filled)
    assert filled.key not in page.evaluate("location.href + JSON.stringify(history.state)")
    page.goto(f"http://127.0.0.1:{filled.control_port}/#key=vnr_wrong")
    page.reload()
    page.wait_for_selector("text=is not known here")


def test_a_viewer_of_an_account_sees_its_own(page: Page, filled: Home) -> None:
    log_in(page, filled, "eve")
    page.wait_for_selector("main >> text=spring-26")
    shown = page.locator("#menu").inner_text()
    assert "Plans" in shown and "Carriers\n" not in shown and "People" not in shown
    go(page, "/plans")
    page.wait_for_selector("main >> text=acme-main")
    assert "globex" not in page.locator("main").inner_text()
    for hidden in ("/people", "/carriers"):
        go(page, hidden)
        page.wait_for_selector("text=Not with your role")
        assert serious(page) == []
    go(page, "/plans/globex-main")
    page.wait_for_selector("text=There is nothing of that name")
    go(page, "/nowhere")
    page.wait_for_selector("text=The console has no screen nowhere")


def test_keys_and_themes(page: Page, filled: Home) -> None:
    enter(page, filled)
    page.wait_for_selector("#state >> text=answering")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_selector("h1 >> text=Plans")
    page.keyboard.press("/")
    page.keyboard.type("sales")
    page.keyboard.press("Enter")
    page.wait_for_selector("main >> text=acme-sales")
    page.wait_for_selector("main >> text=acme-main", state="detached")
    assert "like=sales" in page.url
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("dialog >> text=Route tester" if "route" in SCREENS else "dialog")
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    for theme in ("light", "dark"):
        page.keyboard.press("t")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
    page.reload()
    page.wait_for_selector("main >> text=acme-sales")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_route_tester_shows_each_rule_that_was_tried(page: Page, filled: Home) -> None:
    enter(page, filled, "/route?number=%2B18005551234&at=2026-11-23T15:00")
    page.wait_for_selector("text=rules[0]: holidays US: not now, next Thu 26 Nov 00:00")
    page.wait_for_selector("text=rules[2]: days mon-fri hours 09:00-17:00: open, until")


def test_everything_is_reached_by_tab_alone(page: Page, filled: Home) -> None:
    """In the order of the page, seen where the focus is, and out again at its end."""
    for address, there in (("/plans/acme-main/edit", "text=Step 4"), ("/carriers", "text=alpha-1")):
        enter(page, filled, address)
        page.wait_for_selector(f"main >> {there}")
        wanted = page.evaluate(
            "() => [...document.querySelectorAll('a[href], button, input, select, textarea, "
            'summary, [tabindex="0"]\')].filter(e => !e.disabled && e.checkVisibility())'
            ".map((e, i) => (e.dataset.walk = String(i))).length"
        )
        page.evaluate("() => { document.activeElement?.blur(); getSelection().removeAllRanges(); }")
        page.locator("body").evaluate("e => { e.tabIndex = -1; e.focus(); }")
        seen: list[str] = []
        for _ in range(wanted + 3):
            page.keyboard.press("Tab")
            where = page.evaluate(
                "() => { const e = document.activeElement, s = getComputedStyle(e);"
                "return [e.dataset.walk || '', s.outlineStyle + parseFloat(s.outlineWidth)]; }"
            )
            if where[0]:
                assert where[1] not in ("none0", "none3") or where[0] == "", where
                seen.append(where[0])
        assert set(seen) == {str(n) for n in range(wanted)}, address
        assert seen[: wanted - 1] == [str(n) for n in range(wanted - 1)], "in the page's order"


def test_a_block_of_a_fraud_rule_is_lifted(page: Page, filled: Home) -> None:
    log_in(page, filled, "ana")
    go(page, "/fraud")
    blocks, hits, rules = (page.get_by_role("region", name=name, exact=True)
                           for name in ("Blocks in force", "Hits", "Rules"))  # fmt: skip
    blocks.get_by_text("+4470").wait_for()
    assert "more than 3 calls in 31d" in rules.inner_text()
    assert "blocks for 2h, and hangs up what is up" in rules.inner_text()
    assert "the first call to a country in 30d, after 100 calls" in rules.inner_text()
    assert "4 calls in 31d, 3 calls allowed" in hits.inner_text()
    # Who may only look lifts nothing.
    assert blocks.get_by_role("button").count() == 0
    page.get_by_role("button", name="Log out").click()
    page.wait_for_selector("text=You are logged out")
    page.goto("about:blank")
    enter(page, filled, "/fraud")
    blocks.get_by_role("button", name="Lift globex:+4470").click()
    page.wait_for_selector("text=Calls of globex go to +4470 again.")
    blocks.get_by_text("Nothing is blocked").wait_for()
    page.wait_for_timeout(6000)  # it looks every five seconds: what is shown stays
    assert blocks.is_visible() and hits.is_visible() and rules.is_visible()
    kinds = {each["kind"] for each in filled.get("/api/v1/overrides")[1]["items"]}
    assert "block" not in kinds
    body = {"until": "1d", "reason": "rule dear: 52.10 EUR in an hour"}
    assert filled.put_json("/api/v1/overrides/block/globex:+4470", body)[0] == 200
    assert serious(page) == []


def test_live_figures_come_by_themselves(page: Page, filled: Home) -> None:
    enter(page, filled)
    page.wait_for_selector("main >> text=answered since start")
    before = filled.get("/api/v1/status")[1]["workers"][0]["answered"]
    for _ in range(5):
        filled.call()
    page.wait_for_selector(f"text={before + 5} answered since start")
    assert page.locator(".chart canvas").count() == 1
    page.wait_for_selector("td >> text=<img src=x")
    page.keyboard.press("p")
    filled.call()
    page.wait_for_timeout(1500)
    assert page.get_by_text(f"{before + 5} answered since start").count() == 1
    page.keyboard.press("p")
    page.wait_for_selector(f"text={before + 6} answered since start")


def test_offline_and_back(page: Page, filled: Home) -> None:
    enter(page, filled, "/plans")
    page.wait_for_selector("main >> text=acme-main")
    page.context.set_offline(True)
    page.wait_for_selector("#away >> text=Calls are routed without it")
    assert serious(page) == []
    assert page.get_by_text("acme-main").count(), "what was there is still to be read"
    page.evaluate("location.hash = '/schedules'")
    page.wait_for_selector("main >> text=No answer")
    page.context.set_offline(False)
    page.wait_for_selector("main >> text=office-hours")
    page.wait_for_selector("#state >> text=answering")


def test_an_empty_system_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    try:
        home.path.mkdir(parents=True)
        home.load("accounts: [{id: acme}]\n")
        home.serve()
        with watched(browser, viewport=PHONE) as (page, wrong):
            enter(page, home, "/plans")
            page.wait_for_selector("text=No plans")
            go(page, "/carriers")
            page.wait_for_selector("text=No carriers")
            go(page, "/live")
            page.wait_for_selector("text=No calls yet")
            assert serious(page) == [] and too_wide(page) == [] and wrong == []
    finally:
        home.close()
