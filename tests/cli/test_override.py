"""`vnroute override` from a shell: with a server that runs, after it, and without one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventsocket.test_serve import Home

ROUTES = """\
accounts: [{id: acme, time_zone: Asia/Kolkata}]
schedules: [{id: office, account: acme, open: [{days: daily}]}]
plans:
  - id: main
    account: acme
    steps: [{when: office, ring: ["+12125550100"]}, {ring: ["+19175550123"]}, {hangup: USER_BUSY}]
numbers: [{number: "+18005551234", account: acme, plan: main}]
carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}]
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    try:
        made.load(ROUTES)
        yield made
    finally:
        made.close()


def legs(home: Home) -> int:
    return home.call()["vn_legs"].count(",") + 1


def refused(found: subprocess.CompletedProcess[str]) -> str:
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    return found.stderr


def test_an_override_is_live_at_once_and_survives_a_restart(home: Home) -> None:
    server = home.serve()
    assert legs(home) == 2
    told = json.loads(
        home.run("override", "set", "schedule", "office", "closed", "--until", "2h",
                 "--reason", "burst pipe", "--json").stdout
    )  # fmt: skip
    assert told["override"]["until"].endswith("+05:30")
    assert told["instead_of"] is None
    # The first look of a worker at a page that was not there takes a tenth of a second.
    home.until(lambda: legs(home) == 1)
    assert {legs(home) for _ in range(20)} == {1}
    home.run("override", "clear", "schedule", "office")
    assert {legs(home) for _ in range(20)} == {2}
    home.run("override", "set", "number", "+1 800 555 1234", "--to", "+13105550100")
    assert {home.call()["vn_diverted"] for _ in range(20)} == {"true"}
    server.terminate()
    assert server.wait(20) == 0
    (home.path / "state" / "state.page").unlink()
    home.serve()
    assert home.call()["vn_diverted"] == "true"
    assert home.run("status").returncode == 0, "an override makes no image stale"


def test_what_is_set_is_told_everywhere_without_a_server(home: Home) -> None:
    assert home.run("override", "list").stdout == "nothing is set by hand\n"
    said = home.run(
        "override", "set", "schedule", "office", "closed", "--until", "2036-11-23T14:00"
    )
    assert said.stdout == "schedule office is closed until Sun 23 Nov 2036 14:00 IST\n"
    again = home.run("override", "set", "schedule", "office", "open").stdout
    assert "for good\ninstead of: schedule office is closed until" in again
    home.run("override", "set", "schedule", "office", "closed", "--until", "2036-11-23T14:00",
             "--reason", "burst pipe")  # fmt: skip
    listed = home.run("override", "list").stdout
    assert "closed until Sun 23 Nov 2036 14:00 IST (burst pipe; set by " in listed
    route = home.run("route", "+18005551234").stdout
    assert "schedule office is closed" in route
    assert "set by hand (override), and until Sun 23 Nov 14:00 IST" in route
    found = json.loads(home.run("route", "+18005551234", "--json").stdout)
    assert found["schedules"][0]["override"] is True
    assert "set by hand now: closed" in home.run("schedule", "show", "office").stdout
    assert "set by hand now: closed" in home.run("schedule", "next", "office").stdout
    shown = json.loads(home.run("schedule", "show", "office", "--json").stdout)
    assert shown["override"]["reason"] == "burst pipe"
    home.run("override", "set", "plan", "main", "--to", "+13105550100", "--until", "3d")
    assert "calls of plan main go to +13105550100 until" in home.run("route", "+18005551234").stdout
    overrides = json.loads(home.run("override", "list", "--json").stdout)["overrides"]
    assert [(each["kind"], each["to"]) for each in overrides] == [
        ("plan", "+13105550100"), ("schedule", None)
    ]  # fmt: skip
    assert home.run("override", "clear", "plan", "main").stdout.startswith("no longer set: calls")
    assert home.run("override", "clear", "plan", "main", check=False).returncode == 1


def test_bad_input_is_told_with_place_and_meaning(home: Home) -> None:
    def run(*words: str) -> str:
        return refused(home.run("override", "set", *words, check=False))

    assert "did you mean office" in run("schedule", "offise", "closed")
    assert "one of its states: closed, open" in run("schedule", "office", "lunch")
    assert "--until: found '2020-01-01T00:00', which is over" in run(
        "schedule", "office", "closed", "--until", "2020-01-01T00:00"
    )
    assert "found 'x', expected" in run("number", "x", "--to", "+13105550100")
    assert "a forwarding loop" in run("plan", "main", "--to", "+18005551234")
    assert "premium" in run("account", "acme", "--to", "+19005550100")
    assert home.run("override", "list").stdout == "nothing is set by hand\n"


def test_a_page_that_is_none_is_made_anew_and_said(home: Home) -> None:
    home.run("override", "set", "schedule", "office", "closed")
    page = home.path / "state" / "state.page"
    page.write_bytes(b"x" * 500)
    assert "shown as if nothing were set" in home.run("route", "+18005551234").stderr
    found = home.run("override", "set", "plan", "main", "--to", "+13105550100")
    assert "a new one is made" in found.stderr
    assert json.loads(home.run("route", "+18005551234", "--json").stdout)["overrides"]
    home.run("override", "clear", "plan", "main")
    assert "set by hand (override)" in home.run("route", "+18005551234").stdout
