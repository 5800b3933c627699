"""The console's screens of lists, screens, persons, policies, blocks and overrides: what they
change, what they refuse, and to whom they show what.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browser import DESKTOP, PHONE, chromium, serious, watched
from tests.web.filled_home import EVIL, fill
from tests.web.support import Home

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
STALE = "dialog >> text=Somebody else changed it meanwhile"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def filled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("routing") / "home")
    try:
        fill(made, calls=5)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def session(browser: Browser, filled: Home) -> Any:
    """What a browser keeps of the owner's log-in; one for all tests."""
    with watched(browser) as (made, _):
        made.goto(f"http://127.0.0.1:{filled.control_port}/#key={filled.key}")
        made.wait_for_selector("#menu a", state="attached")
        return made.context.storage_state()


@pytest.fixture
def page(browser: Browser, session: Any) -> Iterator[Page]:
    with watched(browser, viewport=DESKTOP, storage_state=session) as (made, wrong):
        yield made
        assert wrong == []


def enter(page: Page, home: Home, address: str) -> None:
    page.goto(f"http://127.0.0.1:{home.control_port}/")
    page.wait_for_selector("#menu a", state="attached")
    page.evaluate("address => { location.hash = address }", address)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_caller_is_looked_up_put_on_and_taken_off(page: Page, filled: Home) -> None:
    enter(page, filled, "/lists")
    page.get_by_role("link", name="nuisance").click()
    looked = page.get_by_label("Caller", exact=True)
    looked.fill("+1 900 555 0100")
    press(page, "Look")
    page.wait_for_selector("text=by +1900* (of its own)")
    looked.fill("nobody")
    press(page, "Look")
    page.wait_for_selector(".wrong >> text=found 'nobody'")
    entries = page.get_by_label("Entries, one a line").first
    entries.fill("+33142685300\nx")
    press(page, "Put on")
    page.wait_for_selector(".wrong >> text=add[1]: found 'x'")
    assert entries.get_attribute("aria-invalid") == "true" and serious(page) == []
    entries.fill("+33142685300, +33142685301")
    page.get_by_role("button", name="Check", exact=True).first.click()
    page.wait_for_selector("text=It would be: 2 put on")
    assert filled.get("/api/v1/lists/nuisance/callers?caller=%2B33142685300")[1]["items"] == []
    press(page, "Put on")
    page.wait_for_selector("text=2 put on, 0 taken off, 0 on it already")
    looked.fill("+33142685301")
    press(page, "Look")
    page.wait_for_selector("text=is on nuisance, by +33142685301")
    entries.fill("+33142685301")
    press(page, "Take off")
    page.wait_for_selector("text=0 put on, 1 taken off")
    press(page, "Look")
    page.wait_for_selector("text=+33142685301 is not on nuisance")
    press(page, "Take off +44870*")
    press(page, "Take it off")
    page.wait_for_selector("button[aria-label='Take off +44870*']", state="detached")
    assert filled.get("/api/v1/lists/nuisance/callers?caller=%2B44870*")[1]["items"] == []


def test_a_list_is_read_page_by_page(page: Page, filled: Home) -> None:
    """However long it is, a page of it is asked for, and no more."""
    filled.post_json("/api/v1/edits", {"put": {"lists": [{"id": "long"}]}})
    add = [f"+1{n}" for n in range(6465550000, 6465560000)]
    assert filled.post_json("/api/v1/lists/long/callers", {"add": add})[0] == 200
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    enter(page, filled, "/lists/long")
    page.wait_for_selector("text=25, more follow")
    press(page, "Next")
    page.wait_for_selector("text=50, more follow")
    assert page.get_by_role("row").count() <= 27
    callers = [url for url in asked if "/callers" in url]
    assert len(callers) == 2 and all("limit=25" in url for url in callers)
    enter(page, filled, "/lists/long?caller=%2B16465559999")
    page.wait_for_selector("text=+16465559999 is on long, by +16465559999")


def test_a_file_is_tried_then_imported(page: Page, filled: Home, tmp_path: Path) -> None:
    file = tmp_path / "callers.csv"
    file.write_text("caller,note\n+33142685400,rude\n+33142685*,\n")
    enter(page, filled, "/lists/family")
    page.wait_for_selector("text=Nobody was put on it yet")
    press(page, "Import")
    page.wait_for_selector("text=Choose a file")
    page.get_by_label("File (CSV with a column caller").set_input_files(file)
    press(page, "Try it")
    page.wait_for_selector("text=Tried; nothing was kept")
    assert filled.get("/api/v1/lists/family/callers")[1]["items"] == []
    press(page, "Import")
    page.wait_for_selector("text=Imported; it is being compiled")
    page.wait_for_selector("td >> text=+33142685*")
    file.write_text("caller\n+33142685400\n<b>\n")
    page.get_by_label("File (CSV with a column caller").set_input_files(file)
    press(page, "Try it")
    page.wait_for_selector("text=nothing of it was applied")
    assert page.locator("td", has_text="<b>").count() == 1 and serious(page) == []


def test_a_list_is_made_and_removed(page: Page, filled: Home) -> None:
    enter(page, filled, "/lists/+new")
    page.get_by_label("List", exact=True).fill("press")
    page.get_by_label("Entries, one a line").fill("+442079460000\n+4*")
    press(page, "Check")
    page.wait_for_selector("text=All of it is right")
    page.get_by_label("Entries, one a line").fill("+442079460000\n4x")
    press(page, "Save")
    page.wait_for_selector(".wrong >> text=[1]: found '4x'")
    page.get_by_label("Entries, one a line").fill("+442079460000\n+4*")
    press(page, "Save")
    page.wait_for_selector("h1 >> text=press")
    page.wait_for_selector("text=Is somebody on it?")
    assert filled.get("/api/v1/lists/press")[1]["callers"] == ["+442079460000", "+4*"]
    press(page, "Remove")
    page.locator("dialog").get_by_role("button", name="Remove", exact=True).click()
    page.wait_for_selector("h1 >> text=Lists")
    assert filled.get("/api/v1/lists/press")[0] == 404
    # What a screen asks stays, and says why.
    enter(page, filled, "/lists/nuisance")
    press(page, "Remove")
    page.locator("dialog").get_by_role("button", name="Remove", exact=True).click()
    page.wait_for_selector("[role=alert] >> text=house")
    assert filled.get("/api/v1/lists/nuisance")[0] == 200


def test_a_screen_is_written_checked_and_told_in_words(page: Page, filled: Home) -> None:
    enter(page, filled, "/screens/+new")
    page.get_by_label("Screen", exact=True).fill("desk")
    rule = page.locator(".step", has_text="Rule 1")
    rule.get_by_label("List").fill("nobody")
    press(page, "Check")
    page.wait_for_selector(".step >> text=a list that is there")
    assert rule.get_by_label("List").get_attribute("aria-invalid") == "true"
    rule.get_by_label("List").fill("nuisance")
    rule.get_by_label("What they get").fill("play:messages/no.wav CALL_REJECTED")
    press(page, "Add a rule")
    second = page.locator(".step", has_text="Rule 2")
    second.get_by_label("This rule is to").select_option("rate")
    second.get_by_label("Calls/seconds").fill("5")
    press(page, "Add a rule")
    third = page.locator(".step", has_text="Rule 3")
    third.get_by_label("This rule is to").select_option("limits")
    press(page, "Check")
    page.wait_for_selector(".step >> text=found '5'")
    assert serious(page) == []
    second.get_by_label("Calls/seconds").fill("5/60")
    press(page, "Check")
    page.wait_for_selector("[aria-invalid=true]")
    assert third.get_by_label("Calls at a time").get_attribute("aria-invalid") == "true"
    third.get_by_label("Calls at a time").fill("30")
    press(page, "Save")
    page.wait_for_selector("text=Saved, and live")
    assert filled.get("/api/v1/screens/desk")[1]["rules"][2]["limits"] == {"calls": 30, "cps": 0}
    enter(page, filled, "/screens/desk")
    page.wait_for_selector("text=and are hung up: CALL_REJECTED")
    page.wait_for_selector("text=Calls of one caller beyond 5 in 60 s are hung up")
    page.wait_for_selector("text=calls beyond 30 at a time are hung up: NORMAL_CIRCUIT_CONGESTION")
    theirs = {"id": "desk", "rules": [{"allow": "family"}]}
    page.get_by_role("link", name="Edit").click()
    page.wait_for_selector("text=Rule 3")
    assert filled.put_json("/api/v1/screens/desk", theirs)[0] == 200
    press(page, "Save")
    page.wait_for_selector(STALE)
    press(page, "Go back")
    assert filled.get("/api/v1/screens/desk")[1]["rules"][0]["allow"] == "family"


def test_a_policy_beside_what_is_built_in(page: Page, filled: Home) -> None:
    enter(page, filled, "/policies/strict")
    page.wait_for_selector("text=Hunting")

    def row(key: str) -> list[str]:
        cells = page.get_by_role("row").filter(has=page.get_by_text(key, exact=True)).first
        return [text.split("\n")[0] for text in cells.get_by_role("cell").all_inner_texts()]

    assert row("404") == ["404", "the next carrier", "one carrier more"]
    assert row("480") == ["480", "as built in", "one carrier more"]
    # Its own row for a cause undoes the built-in ones for codes of that cause.
    assert row("403") == ["403", "the next carrier", "the next carrier"]
    assert row("503") == ["503", "no other carrier", "the next carrier"]
    assert row("NO_ANSWER") == ["NO_ANSWER", "as built in", "no other carrier"]
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("404 · UNALLOCATED_NUMBER").select_option("")
    page.get_by_label("Another SIP code or cause").fill("999")
    press(page, "Add to hunting")
    page.get_by_label("999").select_option("stop")
    page.get_by_label("Gateways tried for one target").fill("40")
    press(page, "Check")
    page.wait_for_selector("text=a SIP code from 400 to 699")
    assert page.get_by_label("999").get_attribute("aria-invalid") == "true"
    assert serious(page) == []
    page.get_by_label("999").select_option("")
    press(page, "Check")
    page.wait_for_selector("text=1 to 32")
    page.get_by_label("Gateways tried for one target").fill("4")
    page.get_by_label("Another cause").fill("no_answer")
    press(page, "Add to advancing")
    page.locator("section", has_text="Advancing").get_by_label("NO_ANSWER").select_option("stop")
    press(page, "Save")
    page.wait_for_selector("text=Saved, and live")
    policy = filled.get("/api/v1/policies/strict")[1]
    assert policy["hunt"] == {"503": "stop", "CALL_REJECTED": "next"}
    assert policy["advance"] == {"USER_BUSY": "stop", "NO_ANSWER": "stop"}
    assert policy["max_attempts"] == 4
    assert filled.put_json("/api/v1/policies/strict", {**policy, "max_attempts": 5})[0] == 200
    press(page, "Save")
    page.wait_for_selector(STALE)
    press(page, "Save mine over it")
    filled.until(lambda: filled.get("/api/v1/policies/strict")[1]["max_attempts"] == 4)


def test_a_block_is_made_moved_and_removed(page: Page, filled: Home) -> None:
    enter(page, filled, "/blocks/+new")
    for label, text in (("Numbers", "+1800557xx"), ("Account", "acme"), ("Plan", "globex-main")):
        page.get_by_label(label, exact=True).fill(text)
    press(page, "Check")
    page.wait_for_selector(".wrong >> text=found '+1800557xx'")
    assert page.get_by_label("Numbers").get_attribute("aria-invalid") == "true"
    page.get_by_label("Numbers").fill("+1800557xxxx")
    press(page, "Save")
    page.wait_for_selector(".wrong >> text=found")
    assert page.get_by_label("Plan", exact=True).get_attribute("aria-invalid") == "true"
    assert serious(page) == []
    page.get_by_label("Plan", exact=True).fill("acme-sales")
    press(page, "Save")
    page.wait_for_selector("text=Saved, and live")
    assert filled.call("18005571234")["vn_plan"] == "acme-sales"
    enter(page, filled, "/blocks?account=acme")
    page.get_by_role("link", name="+1800557xxxx").click()
    # How many numbers it has, and a plan to narrow it by, stand on the list as well.
    page.get_by_role("button", name="Save", exact=True).wait_for()
    page.wait_for_selector("text=10,000 numbers")
    key = "/api/v1/blocks/+1800557xxxx"
    theirs = {**filled.get(key)[1], "campaign": "radio-ny"}
    assert filled.put_json(key, theirs)[0] == 200
    page.get_by_label("Plan", exact=True).fill("acme-main")
    press(page, "Save")
    page.wait_for_selector(STALE)
    press(page, "Save mine over it")
    page.wait_for_selector("text=Saved, and live")
    press(page, "Remove")
    page.locator("dialog").get_by_role("button", name="Remove", exact=True).click()
    page.wait_for_selector("h1 >> text=Blocks")
    assert filled.get(key)[0] == 404


def test_overrides_are_set_and_ended(page: Page, filled: Home) -> None:
    enter(page, filled, "/overrides")
    page.get_by_label("What", exact=True).select_option("number")
    assert page.get_by_label("State").is_hidden()
    page.get_by_label("Number", exact=True).fill("+18005551235")
    page.get_by_label("Where calls go").fill("+882123456789")
    press(page, "Set it")
    page.wait_for_selector(".wrong >> text=found")
    assert serious(page) == []
    page.get_by_label("Where calls go").fill("plan:acme-main")
    page.get_by_label("Until").fill("2h")
    press(page, "Set it")
    page.wait_for_selector("text=It is in force with the next call")
    assert filled.call("18005551235")["vn_diverted"] == "true"
    press(page, "End number +18005551235")
    press(page, "End it")
    page.wait_for_selector("text=number +18005551235 is as before")
    assert "vn_diverted" not in filled.call("18005551235")
    press(page, "Lift block globex:+4470")
    press(page, "Lift it")
    page.wait_for_selector("text=block globex:+4470 is as before")
    kinds = {each["kind"] for each in filled.get("/api/v1/overrides")[1]["items"]}
    assert "block" not in kinds
    body = {"until": "1d", "reason": "dear"}
    assert filled.put_json("/api/v1/overrides/block/globex:+4470", body)[0] == 200


def rings(home: Home, number: str) -> str:
    """Return the number that a call rings now; empty for none: its plan may not be live yet."""
    bridges = [told for name, told in home.applications(number) if name == "bridge"]
    first = next((told for told in bridges if "vn_go" not in told), "")
    return "+" + first.rpartition("/")[2].removeprefix("+") if first else ""


def test_a_person_is_made_said_to_be_elsewhere_and_back(page: Page, filled: Home) -> None:
    enter(page, filled, "/persons/+new")
    for label, text in (("Person", "ida"), ("Account", "acme"), ("Name", "Ida"),
                        ("While nothing is said, at", "desk")):  # fmt: skip
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Known phones").fill("+19175550111\n0175")
    first = page.locator(".step", has_text="Place 1")
    first.get_by_label("Rings").fill("+12125550111")
    press(page, "Check")
    page.wait_for_selector(".wrong >> text=[1]: found '0175'")
    assert page.get_by_label("Known phones").get_attribute("aria-invalid") == "true"
    page.get_by_label("Known phones").fill("+19175550111")
    press(page, "Add a place")
    second = page.locator(".step", has_text="Place 2")
    second.get_by_label("Called").fill("desk")
    second.get_by_label("Rings").fill("917")
    press(page, "Check")
    second.get_by_text("found 'desk' twice").wait_for()
    assert second.get_by_label("Called").get_attribute("aria-invalid") == "true"
    second.get_by_label("Called").fill("at home")
    press(page, "Check")
    second.get_by_text("found 'at home'").wait_for()
    second.get_by_label("Called").fill("home")
    press(page, "Check")
    second.get_by_text("found '917'").wait_for()
    assert second.get_by_label("Rings").get_attribute("aria-invalid") == "true"
    second.get_by_label("Rings").fill("+19175550112")
    second.get_by_label("Seconds").fill("9")
    second.get_by_label("It sees").fill("nobody")
    press(page, "Check")
    second.get_by_text("found 'nobody'").wait_for()
    assert second.get_by_label("It sees").get_attribute("aria-invalid") == "true"
    assert serious(page) == [] and filled.get("/api/v1/persons/ida")[0] == 404
    second.get_by_label("It sees").fill("")
    press(page, "Save")
    page.wait_for_selector("text=Saved, and live")
    plan = {
        "id": "ida",
        "account": "acme",
        "steps": [{"ring": ["person:ida"]}, {"hangup": "relay"}],
    }
    number = {"number": "+18005551250", "account": "acme", "plan": "ida"}
    edits = {"put": {"plans": [plan], "numbers": [number]}}
    assert filled.post_json("/api/v1/edits?wait=20", edits)[0] == 200
    filled.until(lambda: rings(filled, "18005551250") == "+12125550111")
    enter(page, filled, "/persons?like=ida")
    page.wait_for_selector("td >> text=routing data")
    page.get_by_role("link", name="ida").click()
    page.wait_for_selector("text=Ida is at desk (+12125550111), as the routing data says.")
    page.get_by_role("link", name="its numbers: ida").wait_for()
    page.get_by_label("Is at").select_option("home")
    page.get_by_label("Until").fill("soon")
    press(page, "Set it")
    page.wait_for_selector(".wrong >> text=found 'soon'")
    assert page.get_by_label("Until").get_attribute("aria-invalid") == "true"
    page.get_by_label("Until").fill("2h")
    page.get_by_label("Why").fill("snow")
    press(page, "Set it")
    page.wait_for_selector("text=ida is at home with the next call")
    assert rings(filled, "18005551250") == "+19175550112"
    page.wait_for_selector("text=said by owner")
    page.wait_for_selector("text=: snow.")
    assert serious(page) == []
    press(page, "Clear")
    press(page, "Clear it")
    page.wait_for_selector("text=ida is where the routing data says")
    assert rings(filled, "18005551250") == "+12125550111"


def test_two_who_save_the_same_person_see_both_and_who_is_rung_stays(
    page: Page, filled: Home
) -> None:
    key = "/api/v1/persons/eva"
    enter(page, filled, "/persons/eva/edit")
    page.wait_for_selector("text=Place 3")
    theirs = {**filled.get(key)[1], "name": "Eva A."}
    assert filled.put_json(key, theirs)[0] == 200
    page.get_by_label("Known phones").fill("+19175550188")
    press(page, "Save")
    page.wait_for_selector(STALE)
    press(page, "Go back")
    assert filled.get(key)[1]["name"] == "Eva A."
    press(page, "Save")
    press(page, "Save mine over it")
    page.wait_for_selector("text=Saved, and live")
    stored = filled.get(key)[1]
    assert (stored["name"], stored["phones"]) == ("Eva Alvarez", ["+19175550188"])
    # What was not touched is as it was.
    assert stored["places"] == theirs["places"]
    press(page, "Remove")
    page.locator("dialog").get_by_role("button", name="Remove", exact=True).click()
    page.wait_for_selector("[role=alert] >> text=eva")
    assert filled.get(key)[0] == 200


@pytest.mark.parametrize("kind", ["lists", "screens", "persons", "policies", "blocks", "overrides"])
def test_script_and_sql_in_every_text_field(page: Page, filled: Home, kind: str) -> None:
    kinds = ("lists", "screens", "persons", "policies", "blocks", "overrides")
    paths = [f"/api/v1/{each}" for each in kinds]
    before = [filled.get(path) for path in paths]
    enter(page, filled, "/overrides" if kind == "overrides" else f"/{kind}/+new")
    page.wait_for_selector("main button.main")
    for evil in (EVIL, "'; DROP TABLE lists; --", "\u202e${system(id)}"):
        for field in page.locator("main input:not([type]), main input[type=text], "
                                  "main textarea").all():  # fmt: skip
            if field.is_visible() and field.is_editable():
                field.fill(evil)
        page.locator("main button.main").first.click()
        page.wait_for_timeout(300)
        page.wait_for_selector("main button.main[disabled]", state="detached")
        assert page.title() != "owned" and page.locator("main img").count() == 0
    assert [filled.get(path) for path in paths] == before


EDITING = ("Save", "Edit", "Remove", "Put on", "Import", "Take off", "Lift", "End", "Set it",
           "Clear", "New list", "New screen", "New person", "New policy", "New block")  # fmt: skip


def logged_in(page: Page, home: Home, user: str, role: str, account: str) -> None:
    body = {"id": user, "role": role, "account": account, "password": PASSWORD}
    assert home.post_json("/api/v1/users", body)[0] == 201
    page.goto(f"http://127.0.0.1:{home.control_port}/")
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Log in")
    page.wait_for_selector("#menu a", state="attached")


def test_who_only_looks_sees_all_of_it_without_buttons(browser: Browser, filled: Home) -> None:
    with watched(browser, viewport=PHONE) as (page, wrong):
        logged_in(page, filled, "looker", "viewer", "")
        for address, there in (
            ("/lists", "text=nuisance"),
            ("/lists/nuisance", "text=Is somebody on it?"),
            ("/lists/nuisance", "td >> text=+16465550000"),
            ("/screens", "text=what names it"),
            ("/screens/quiet", "text=messages/no.wav"),
            ("/policies/strict", "text=no other carrier"),
            ("/blocks", "text=+1800556xxxx"),
            ("/blocks/%2B1800556xxxx", "dd >> text=quiet"),
            ("/persons", "td >> text=Tom Keller"),
            ("/persons/eva", "text=Plans that lead here"),
            ("/overrides", "text=are blocked"),
        ):
            page.evaluate("address => { location.hash = address }", address)
            page.wait_for_selector(f"main >> {there}")
            for word in EDITING:
                assert page.locator("main").get_by_text(word, exact=True).count() == 0, address
            assert page.locator("main input:enabled:not([type=search])").count() <= 1, address
            assert serious(page) == [], address
        for address in ("/screens/quiet/edit", "/policies/+new", "/persons/eva/edit"):
            page.evaluate("address => { location.hash = address }", address)
            page.wait_for_selector("text=Not with your role")
        assert wrong == []


def test_an_account_sees_its_own_overrides_and_lifts_no_block(
    browser: Browser, filled: Home
) -> None:
    with watched(browser, viewport=DESKTOP) as (page, _):
        logged_in(page, filled, "theirs", "operator", "globex")
        menu = page.locator("#menu").inner_text()
        assert "Overrides" in menu
        for word in ("Lists", "Screens", "Policies", "Blocks"):
            assert word not in menu.split("\n"), word
        page.evaluate("location.hash = '/overrides'")
        page.wait_for_selector("main >> text=+34911234599")
        page.wait_for_selector("main >> text=are blocked")
        shown = page.locator("main").inner_text()
        assert "weekend-desk" not in shown
        assert page.get_by_role("button", name="Lift block").count() == 0
        assert page.locator("option[value=block]").count() == 0
        press(page, "End number +34911000001")
        press(page, "End it")
        page.wait_for_selector("text=number +34911000001 is as before")
        page.evaluate("location.hash = '/persons'")
        page.get_by_role("link", name="tom", exact=True).click()
        page.wait_for_selector("text=as schedule weekend-desk says")
        page.wait_for_selector("dd >> text=no: no phone may say")
        assert filled.put_json("/api/v1/overrides/person/tom", {"state": "open"})[0] == 200
        page.evaluate("location.hash = '/persons'")
        page.wait_for_selector("td >> text=it is cleared")
        assert page.locator("main").get_by_text("eva").count() == 0
        page.evaluate("location.hash = '/persons/eva'")
        page.wait_for_selector("text=There is nothing of that name")
        page.evaluate("location.hash = '/persons/+new'")
        assert page.get_by_label("Account", exact=True).input_value() == "globex"
        for hidden in ("/lists", "/blocks", "/policies/strict", "/screens"):
            page.evaluate("address => { location.hash = address }", hidden)
            page.wait_for_selector("text=Not with your role")
        assert serious(page) == []
