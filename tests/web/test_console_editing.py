"""The console where it changes something: a plan, a deck, a user, and a system from nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browser import DESKTOP, chromium, serious, watched
from tests.web.filled_home import EVIL, fill
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


@pytest.fixture(scope="module")
def session(browser: Browser, filled: Home) -> Any:
    """What a browser keeps of the owner's log-in; one for all tests, since no more than twenty a
    minute are taken, and a quick machine runs more tests in one.
    """
    with watched(browser) as (made, _):
        log_in(made, filled)
        return made.context.storage_state()


@pytest.fixture
def page(browser: Browser, session: Any) -> Iterator[Page]:
    with watched(browser, viewport=DESKTOP, storage_state=session) as (made, _):
        yield made


def log_in(page: Page, home: Home) -> None:
    page.goto(f"http://127.0.0.1:{home.control_port}/#key={home.key}")
    page.wait_for_selector("#menu a", state="attached")


def enter(page: Page, home: Home, address: str) -> None:
    page.goto(f"http://127.0.0.1:{home.control_port}/")
    page.wait_for_selector("#menu a", state="attached")
    page.evaluate("address => { location.hash = address }", address)


def put_new(home: Home, path: str, body: Any) -> None:
    """Put a document where none is."""
    status, _, said = home.request(
        "PUT", f"{path}?wait=20", json.dumps(body).encode(), **{"Content-Type": "application/json"}
    )
    assert status in (200, 201), said


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


def test_a_step_for_a_campaign_and_a_language_is_saved_and_told(page: Page, filled: Home) -> None:
    enter(page, filled, "/plans/acme-sales/edit")
    language = page.get_by_label("Callers' language").first
    language.fill("e")
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector("[aria-invalid=true]")
    assert language.get_attribute("aria-invalid") == "true"
    language.fill("es, pt-BR")
    page.get_by_label("To the campaigns").first.fill("radio-ny")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Saved, and live")
    step = filled.get("/api/v1/plans/acme-sales")[1]["steps"][0]
    assert (step["campaign"], step["language"]) == (["radio-ny"], ["es", "pt-BR"])
    enter(page, filled, "/plans/acme-sales")
    page.wait_for_selector("text=for the campaign radio-ny, for callers who understand es, pt-BR")
    assert serious(page) == []
    plan = filled.get("/api/v1/plans/acme-sales")[1]
    for name in ("campaign", "language"):
        del plan["steps"][0][name]
    assert filled.put_json("/api/v1/plans/acme-sales", plan)[0] == 200


def test_a_step_that_hears_a_phone_is_saved_and_told(page: Page, filled: Home) -> None:
    ana = {"id": "ana", "account": "globex", "place": "desk",
           "places": {"desk": "+12125550100", "mobile": "+19175550123"}}  # fmt: skip
    put_new(filled, "/api/v1/persons/ana", ana)
    enter(page, filled, "/plans/+new")
    page.get_by_label("Plan", exact=True).fill("ana-mobile")
    page.get_by_label("Account", exact=True).fill("globex")
    page.get_by_label("Then").first.select_option("here")
    page.get_by_label("Person").fill("ana")
    page.get_by_label("Is at").fill("mobile")
    page.get_by_label("Until").fill("18:00")
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector("text=trust_ani: true for the account")
    account = filled.get("/api/v1/accounts/globex")[1]
    assert filled.put_json("/api/v1/accounts/globex", {**account, "trust_ani": True})[0] == 200
    page.get_by_label("Is at").fill("moon")
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector("text=one of the person's places")
    assert page.get_by_label("Is at").get_attribute("aria-invalid") == "true"
    assert serious(page) == []
    page.get_by_label("Is at").fill("mobile")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Saved, and live")
    step = filled.get("/api/v1/plans/ana-mobile")[1]["steps"][0]
    assert (step["here"]["person"], step["here"]["at"], step["here"]["until"]) == (
        "ana", "mobile", "18:00",
    )  # fmt: skip
    enter(page, filled, "/plans/ana-mobile")
    page.wait_for_selector("text=person ana is at mobile until 18:00 from now on")
    assert serious(page) == []
    enter(page, filled, "/plans/ana-mobile/edit")
    page.get_by_label("Is at").fill("")
    page.get_by_label("Until").fill("")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Saved, and live")
    assert filled.get("/api/v1/plans/ana-mobile")[1]["steps"][0]["here"]["clear"] is True
    number = {"number": "+34911009191", "account": "globex", "plan": "ana-mobile"}
    put_new(filled, "/api/v1/numbers/+34911009191", number)
    enter(page, filled, "/route?number=%2B34911009191&caller=%2B19175550123")
    page.wait_for_selector("text=person ana is where the routing data says again")


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


def test_a_schedule_is_painted_while_it_is_written(page: Page, filled: Home) -> None:
    enter(page, filled, "/schedules/weekend-desk/edit")
    page.wait_for_selector(".week >> text=open")
    page.get_by_role("button", name="Add a rule").click()
    rule = page.locator(".step", has_text="Rule 2")
    rule.get_by_label("It is").fill("night")
    rule.get_by_label("Days").fill("mon-fri")
    rule.get_by_label("Hours").fill("22:00-06:00")
    page.wait_for_selector(".week >> text=night")
    assert "night" not in str(filled.get("/api/v1/schedules/weekend-desk")[1])
    rule.get_by_label("Hours").fill("22:00-26:00")
    page.wait_for_selector("text=Painted again once it is right")
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector(".step >> text=found '22:00-26:00'")
    assert rule.get_by_label("Hours").get_attribute("aria-invalid") == "true"
    assert serious(page) == []
    rule.get_by_label("Hours").fill("22:00-06:00")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Saved, and live")
    states = {
        each["state"] for each in filled.get("/api/v1/schedules/weekend-desk/week")[1]["stays"]
    }
    assert states == {"open", "closed", "night"}


def test_a_carrier_has_gateways_limits_and_causes(page: Page, filled: Home) -> None:
    enter(page, filled, "/carriers/beta")
    after = page.get_by_label("After its failures, one a line")
    after.fill("UNALLOCATED_NUMBER = next\n503 = stop")
    page.get_by_role("button", name="Add a gateway").click()
    made = page.locator(".step", has_text="Gateway 2")
    made.get_by_label("Gateway", exact=True).fill("alpha-1")
    made.get_by_label("In FreeSWITCH").fill("gwB2")
    made.get_by_label("Calls at a time").fill("30")
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector(".step >> text=a gateway of the carrier 'alpha' already")
    assert serious(page) == []
    made.get_by_label("Gateway", exact=True).fill("beta-2")
    made.locator("summary").click()
    made.get_by_label("Dials by prefix, one a line").fill("+44 = 0{national}\n+1 = {e164}")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Saved, and live")
    carrier = filled.get("/api/v1/carriers/beta")[1]
    assert carrier["hunt"] == {"UNALLOCATED_NUMBER": "next", "503": "stop"}
    second = carrier["gateways"][1]
    assert (second["id"], second["limits"]["calls"]) == ("beta-2", 30)
    assert second["formats"] == {"+44": "0{national}", "+1": "{e164}"}
    go = filled.put_json("/api/v1/carriers/beta", {**carrier, "hunt": {}})
    assert go[0] == 200
    after.fill("")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("dialog >> text=Somebody else changed it meanwhile")
    page.get_by_role("button", name="Go back").click()


def test_an_account_and_how_its_carriers_are_chosen(page: Page, filled: Home) -> None:
    enter(page, filled, "/accounts/globex")
    page.get_by_label("Carriers are chosen by").select_option("fixed")
    page.get_by_label("Fixed order").fill("beta, gamma")
    page.get_by_role("button", name="Check").click()
    page.wait_for_selector("text=a carrier that is there")
    page.get_by_label("Fixed order").fill("beta, alpha")
    trusted = page.get_by_label("Its callers' numbers are trusted")
    stored = filled.get("/api/v1/accounts/globex")[1]
    assert trusted.is_checked() is stored.get("trust_ani", False)
    trusted.set_checked(True)  # a plan that hears phones forbids to take it back
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Saved, and live")
    account = filled.get("/api/v1/accounts/globex")[1]
    assert account["trust_ani"] is True
    choice = account["choice"]
    assert (choice["order"], choice["carriers"]) == ("fixed", ["beta", "alpha"])
    page.get_by_label("Name").fill("Globex \u00a9 <b>S.A.</b>")
    page.get_by_role("button", name="Save").click()
    # The page still says that the first save went well.
    filled.until(lambda: "S.A." in filled.get("/api/v1/accounts/globex")[1]["name"])
    page.evaluate("location.hash = '/accounts'")
    page.wait_for_selector("td >> text=<b>S.A.</b>")


@pytest.mark.parametrize(
    "address", ["/plans/+new", "/schedules/+new", "/carriers/+new", "/accounts/+new",
                "/numbers/+new", "/start", "/calls", "/numbers", "/plans", "/route"],
)  # fmt: skip
def test_script_and_sql_in_every_text_field(page: Page, filled: Home, address: str) -> None:
    """Refused with its field, or found nowhere; never run, and the store is as it was."""
    before = filled.get("/api/v1/accounts")
    enter(page, filled, address)
    page.wait_for_selector("main button.main")
    for evil in (EVIL, "'; DROP TABLE numbers; --", "\u0000\u202e${system(id)}"):
        for field in page.locator("main input:not([type]), main input[type=text], "
                                  "main input[type=search], main textarea").all():  # fmt: skip
            if field.is_visible() and field.is_editable():
                field.fill(evil)
        page.locator("main button.main").first.click()
        page.wait_for_timeout(300)
        page.wait_for_selector("main button.main[disabled]", state="detached")
        assert page.title() != "owned" and page.locator("main img").count() == 0
    assert filled.get("/api/v1/accounts") == before
    assert filled.get("/api/v1/numbers?limit=1")[1]["items"]


def test_who_only_looks_cannot_change(browser: Browser, filled: Home) -> None:
    body = {"id": "looker", "role": "viewer", "account": "", "password": "correct horse battery"}
    assert filled.post_json("/api/v1/users", body)[0] == 201
    with watched(browser, viewport=DESKTOP) as (page, wrong):
        page.goto(f"http://127.0.0.1:{filled.control_port}/")
        page.get_by_label("User").fill("looker")
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_selector("#menu a", state="attached")
        for address, there in (
            ("/carriers/alpha", "text=You see it as a viewer"),
            ("/accounts/acme", "text=Acme Inc."),
            ("/schedules/office-hours", "text=Transitions"),
            ("/plans/acme-main", "text=together"),
            ("/numbers/%2B18005551234", "text=acme"),
            ("/carriers", "text=alpha-1"),
        ):
            page.evaluate("address => { location.hash = address }", address)
            page.wait_for_selector(f"main >> {there}")
            for word in ("Save", "Edit", "Remove", "Drain", "New carrier", "New plan"):
                assert page.locator("main").get_by_text(word, exact=True).count() == 0, address
            assert page.locator("main input:enabled:not([type=search])").count() == 0, address
            assert serious(page) == []
        for address in ("/plans/acme-main/edit", "/schedules/+new"):
            page.evaluate("address => { location.hash = address }", address)
            page.wait_for_selector("text=Not with your role")
        assert wrong == []


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


TEMPLATES = {
    "office hours": {"ring": ["+12125550100"], "steps": 3, "schedules": 1},
    "follow me": {"ring": ["+12125550100", "+19175550123"], "steps": 2, "schedules": 0},
    "follow the sun": {"ring": ["+12125550100"], "steps": 5, "schedules": 3},
    "campaign line": {"ring": ["+12125550100", "+19175550123"], "steps": 2, "schedules": 0},
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_from_nothing_to_a_first_routed_call(
    browser: Browser, tmp_path: Path, template: str
) -> None:
    home = Home(tmp_path / "home")
    try:
        home.serve("--empty", wait=False)
        home.until(lambda: home.get("/healthz")[0] == 200 and bool(home.key))
        with watched(browser, viewport=DESKTOP) as (page, _):
            log_in(page, home)
            enter(page, home, "/start")
            page.get_by_label("3. A plan").select_option(template)
            page.get_by_label("Its campaign").fill("spring-26")
            page.get_by_label("4. A number that is called").fill("+1800555")
            page.get_by_role("button", name="Make it, and place a test call").click()
            page.wait_for_selector(".wrong >> text=found")
            assert home.get("/api/v1/plans")[1]["items"] == [], "nothing is half made"
            page.get_by_label("4. A number that is called").fill("+18005551234")
            page.get_by_role("button", name="Make it, and place a test call").click()
            page.wait_for_selector("text=was answered by", timeout=60_000)
            assert serious(page) == []
        made = home.get("/api/v1/plans/main")[1]
        expected = TEMPLATES[template]
        assert (made["steps"][0]["ring"], len(made["steps"])) == (
            expected["ring"], expected["steps"],
        )  # fmt: skip
        assert len(home.get("/api/v1/schedules")[1]["items"]) == expected["schedules"]
        said = home.call()
        assert (said["vn_plan"], said["vn_campaign"]) == ("main", "spring-26")
    finally:
        home.close()
