"""The console where it changes something: a plan, a deck, a user, and a system from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.browser import DESKTOP, chromium, serious, watched
from tests.web.filled_home import fill
from tests.web.support import Home

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def filled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("editing") / "home")
    try:
        fill(made, calls=5)
        yield made
    finally:
        made.close()


@pytest.fixture
def page(browser: Browser, filled: Home) -> Iterator[Page]:
    with watched(browser, viewport=DESKTOP) as (made, _):
        yield made


def enter(page: Page, home: Home, address: str) -> None:
    page.goto(f"http://127.0.0.1:{home.control_port}/#key={home.key}")
    page.wait_for_selector("#menu a", state="attached")
    page.evaluate("address => { location.hash = address }", address)


def test_a_plan_is_checked_and_saved(page: Page, filled: Home) -> None:
    enter(page, filled, "/plans/acme-sales/edit")
    targets = page.get_by_label("Targets, one a line").first
    targets.fill("13125550140")
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector("text=expected an E.164 number")
    assert page.get_by_label("Targets, one a line").first.get_attribute("aria-invalid") == "true"
    assert serious(page) == []
    targets.fill("+13125550140\nuser:1001@pbx.example")
    page.get_by_role("button", name="Add a step").click()
    page.get_by_role("button", name="Remove this step").nth(1).click()
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector("text=Nothing was saved")
    assert filled.get("/api/v1/plans/acme-sales")[1]["steps"][0]["ring"] == ["+13125550140"]
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Saved, and live")
    assert len(filled.get("/api/v1/plans/acme-sales")[1]["steps"][0]["ring"]) == 2


def test_two_who_save_the_same_plan_see_both(page: Page, filled: Home) -> None:
    enter(page, filled, "/plans/globex-main/edit")
    page.get_by_label("Seconds each").fill("31")
    theirs = filled.get("/api/v1/plans/globex-main")[1]
    theirs["steps"][0]["seconds"] = 32
    assert filled.put_json("/api/v1/plans/globex-main", theirs)[0] == 200
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("dialog >> text=Somebody else changed it meanwhile")
    assert filled.get("/api/v1/plans/globex-main")[1]["steps"][0]["seconds"] == 32
    page.get_by_role("button", name="Save mine over it").click()
    page.wait_for_selector("text=Saved, and live")
    assert filled.get("/api/v1/plans/globex-main")[1]["steps"][0]["seconds"] == 31


def test_a_deck_is_tried_then_imported(page: Page, filled: Home, tmp_path: Path) -> None:
    deck = tmp_path / "deck.csv"
    deck.write_text("Code,Destination,Price\n1,North America,0.0050\n44,UK,0.02\n")
    enter(page, filled, "/decks/carrier/alpha")
    page.get_by_label("File (CSV or XLSX)").set_input_files(deck)
    page.get_by_label("Take it even if").check()
    page.get_by_role("button", name="Try it").click()
    page.wait_for_selector("text=Tried; nothing was kept")
    assert serious(page) == []
    before = filled.get("/api/v1/decks/carrier/alpha")[1]["deck"]["version"]
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_selector(f"text=Version {before + 1} is in force.")
    deck.write_text("Code,Destination,Price\nx,Nowhere,cheap\n")
    page.get_by_label("File (CSV or XLSX)").set_input_files(deck)
    page.get_by_role("button", name="Try it").click()
    page.wait_for_selector("text=nothing of it was applied")


def test_a_number_is_found_and_moved(page: Page, filled: Home) -> None:
    enter(page, filled, "/numbers")
    page.get_by_label("Begins with").fill("+1800")
    page.get_by_label("Campaign").fill("radio-ny")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="+18005551235").click()
    page.get_by_label("Plan").fill("nothing")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=a plan that is there")
    assert serious(page) == []
    page.get_by_label("Plan").fill("acme-main")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Saved, and live")
    assert filled.call("18005551235")["vn_plan"] == "acme-main"


def test_a_gateway_is_drained_and_restored(page: Page, filled: Home) -> None:
    enter(page, filled, "/carriers")
    page.get_by_role("button", name="Drain alpha-1").click()
    page.get_by_role("button", name="Drain it").click()
    page.wait_for_selector("main >> text=drained")
    states = {g["gateway"]: g["state"] for g in filled.get("/api/v1/gateways")[1]["items"]}
    assert states["alpha-1"] == "drained" and states["beta-1"] == "closed"
    assert serious(page) == []
    page.get_by_role("button", name="Restore alpha-1").click()
    page.wait_for_selector("button[aria-label='Drain alpha-1']")


def test_users_and_keys(page: Page, filled: Home) -> None:
    enter(page, filled, "/people")
    page.locator("summary", has_text="Add a user").click()
    adding = page.locator("details", has_text="Add a user")
    adding.get_by_label("Name").fill("ana")
    adding.get_by_label("Password").fill("short")
    adding.get_by_role("button", name="Add the user").click()
    page.wait_for_selector("text=12 to 256 characters")
    adding.get_by_label("Password").fill("correct horse battery")
    adding.get_by_role("button", name="Add the user").click()
    page.wait_for_selector("button[aria-label='Change ana']")
    page.locator("summary", has_text="Add a key").click()
    page.locator("details", has_text="Add a key").get_by_label("Name").fill("ci")
    page.get_by_role("button", name="Add the key").click()
    page.wait_for_selector("dialog >> text=vnr_")
    assert serious(page) == []


def test_from_nothing_to_a_first_routed_call(browser: Browser, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    try:
        home.serve("--empty", wait=False)
        home.until(lambda: home.get("/healthz")[0] == 200 and bool(home.key))
        with watched(browser, viewport=DESKTOP) as (page, _):
            enter(page, home, "/start")
            page.get_by_label("3. A plan").select_option("follow the sun")
            page.get_by_label("4. A number that is called").fill("+1800555")
            page.get_by_role("button", name="Make it, and place a test call").click()
            page.wait_for_selector(".wrong >> text=found")
            page.get_by_label("4. A number that is called").fill("+18005551234")
            page.get_by_role("button", name="Make it, and place a test call").click()
            page.wait_for_selector("text=was answered by", timeout=60_000)
            assert serious(page) == []
        assert home.call()["vn_plan"] == "main"
    finally:
        home.close()
