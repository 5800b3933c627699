"""`vnroute route`, `compile` and `status` from a shell: fields that programs build on, statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.eventsocket.test_serve import Home

ROUTES = """\
accounts:
  - {id: acme, time_zone: America/New_York, allow: ["+1", "+44"]}
schedules:
  - id: office-hours
    time_zone: America/New_York
    open: [{days: mon-fri, hours: "09:00-17:00"}]
  - id: lunch
    time_zone: Europe/London
    exceptions: [{dates: 2026-12-24, state: closed}]
    rules:
      - {dates: 2020-01-01, state: closed}
      - {days: mon-fri, hours: "12:00-13:00", state: closed}
      - {days: mon-fri, hours: "09:00-17:30", state: open}
      - {days: sat, hours: "23:00-23:30", state: open}
plans:
  - id: acme-main
    account: acme
    steps:
      - {when: office-hours, ring: ["+12125550100"], seconds: 20}
      - {ring: ["+19175550123"], seconds: 25}
      - {hangup: USER_BUSY}
  - id: lunches
    account: acme
    steps:
      - {when: lunch, hangup: USER_BUSY}
      - {hangup: NO_ANSWER}
  - id: shared
    account: acme
    steps:
      - {how: share, ring: [{to: "+12125550101", share: 3}, {to: "+12125550102", share: 1}]}
      - {hangup: NO_ANSWER}
  - id: by-caller
    account: acme
    steps:
      - {from: ["+1512", withheld], ring: ["+12145550100"]}
      - {when: office-hours, is: closed, hangup: USER_BUSY}
      - {hangup: relay}
numbers:
  - {number: "+18005551236", account: acme, plan: by-caller}
  - {number: "+18005551237", account: acme, plan: lunches}
  - {number: "+18005551238", account: acme, plan: shared}
  - {number: "+18005551234", account: acme, plan: acme-main, campaign: spring-26}
  - {number: "+18005551235", account: acme, plan: acme-main, state: suspended}
carriers:
  - id: alpha
    gateways: [{id: alpha-1, gateway: gwA, format: "{e164_digits}"}]
  - id: beta
    gateways: [{id: beta-1, gateway: gwB, format: "00{e164_digits}"}]
rates:
  - {prefix: "+1", carrier: alpha, rate: 0.01}
  - {prefix: "+1212", carrier: beta, rate: 0.0045}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("route") / "home")
    made.load(ROUTES)
    return made


def route(home: Home, *words: str) -> tuple[int, dict[str, Any]]:
    found = home.run("route", *words, "--json", check=False)
    return found.returncode, json.loads(found.stdout)


def test_the_decision_as_json(home: Home) -> None:
    status, told = route(
        home, "+18005551234", "--from", "+34911234567", "--at", "2026-11-23T10:00-05:00"
    )
    assert status == 0
    assert (told["generation"], told["number"]) == (1, "+18005551234")
    assert (told["account"], told["plan"], told["campaign"]) == ("acme", "acme-main", "spring-26")
    assert told["schedule"] == {
        "id": "office-hours", "state": "open", "within_horizon": True,
        "time_zone": "America/New_York", "local_time": "2026-11-23T10:00:00-05:00",
        "until": "2026-11-23T17:00:00-05:00", "override": False,
        "rules": [
            {"place": "open[0]", "times": "days mon-fri hours 09:00-17:00", "state": "open",
             "held": True, "from": "2026-11-23T09:00:00-05:00",
             "until": "2026-11-23T17:00:00-05:00"},
        ],
    }  # fmt: skip
    assert told["refused"] is None
    assert [(step["kind"], step["seconds"]) for step in told["steps"]] == [
        ("ring", 20), ("ring", 25), ("hangup", None),
    ]  # fmt: skip
    first = told["steps"][0]["targets"][0]
    assert first["to"] == "+12125550100"
    assert first["legs"] == [
        {"carrier": "beta", "gateway": "beta-1",
         "dial": "sofia/gateway/gwB/0012125550100", "rate": 0.0045},
        {"carrier": "alpha", "gateway": "alpha-1",
         "dial": "sofia/gateway/gwA/12125550100", "rate": 0.01},
    ]  # fmt: skip
    names = [name for name, _ in told["applications"]]
    assert names == ["multiset", "bridge", "bridge", "bridge", "hangup"]
    assert told["applications"][-1] == ["hangup", "USER_BUSY"]


def test_out_of_hours_only_the_steps_that_apply_are_told(home: Home) -> None:
    status, told = route(home, "18005551234", "--at", "2026-11-22T10:00:00-05:00")
    assert status == 0
    assert told["schedule"]["state"] == "closed"
    assert [step["seconds"] for step in told["steps"]] == [25, None]


@pytest.mark.parametrize(
    ("number", "cause", "sip"),
    [("+18005551235", "INCOMING_CALL_BARRED", 403), ("+19995551234", "UNALLOCATED_NUMBER", 404)],
)
def test_a_refusal_exits_with_1_and_says_why(home: Home, number: str, cause: str, sip: int) -> None:
    status, told = route(home, number)
    assert status == 1
    assert (told["refused"]["cause"], told["refused"]["sip"]) == (cause, sip)
    assert number in told["refused"]["why"]
    assert told["steps"] == []
    in_words = home.run("route", number, check=False)
    assert in_words.returncode == 1
    assert f"{cause}, SIP {sip}" in in_words.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("banana",),
        ("+18005551234", "--at", "yesterday"),
        ("+18005551234", "--from", "x|y"),
        ("+1800555123412341234",),
        (),
    ],
)
def test_a_wrong_question_exits_with_2_and_no_traceback(home: Home, words: tuple[str, ...]) -> None:
    found = home.run("route", *words, check=False)
    assert found.returncode == 2
    assert found.stderr.strip()
    assert "Traceback" not in found.stderr


def test_without_an_image_the_way_to_one_is_told(tmp_path: Path) -> None:
    empty = Home(tmp_path / "home")
    found = empty.run("route", "+18005551234", check=False)
    assert (found.returncode, "run vnroute compile" in found.stderr) == (2, True)
    found = empty.run("compile", check=False)
    assert found.returncode == 2
    assert "load routing data" in found.stderr
    found = empty.run("status", "--json", check=False)
    assert found.returncode == 1
    assert json.loads(found.stdout)["image"] is None


def test_in_words_the_whole_line_is_there(home: Home) -> None:
    told = home.run("route", "+18005551234", "--at", "2026-11-23T10:00-05:00").stdout
    assert "ring +12125550100 for 20 s" in told
    assert "1. beta, beta-1, 0.0045 a minute: sofia/gateway/gwB/0012125550100" in told
    assert "hang up: USER_BUSY, SIP 486" in told


def test_every_rule_that_was_tried_is_told_in_local_times(home: Home) -> None:
    shown = home.run("route", "+18005551237", "--at", "2026-11-26T10:00-05:00").stdout
    assert "schedule lunch is open: it is Thu 26 Nov 15:00 GMT there" in shown
    assert "exceptions[0]: dates 2026-12-24: not now, next Thu 24 Dec 2026 00:00 GMT" in shown
    assert "rules[0]: dates 2020-01-01: not now, nor in the next year" in shown
    assert (
        "rules[1]: days mon-fri hours 12:00-13:00: not now, next Fri 27 Nov 2026 12:00 GMT" in shown
    )
    assert (
        "rules[2]: days mon-fri hours 09:00-17:30, since Thu 26 Nov 2026 09:00 GMT, "
        "until Thu 26 Nov 2026 17:30 GMT: open"
    ) in shown
    # What comes behind the rule that decides is not tried.
    assert "rules[3]" not in shown
    shown = home.run("route", "+18005551237", "--at", "2026-11-28T10:00-05:00").stdout
    assert "no rule holds: otherwise: closed" in shown


def test_a_seed_makes_the_answer_the_same(home: Home) -> None:
    def first(seed: int) -> object:
        _, told = route(home, "+18005551238", "--at", "2026-11-23T10:00-05:00", "--seed", str(seed))
        return told["applications"]

    assert first(7) == first(7)
    assert len({str(first(seed)) for seed in range(8)}) > 1


def test_compile_tells_its_rows(home: Home) -> None:
    told = json.loads(home.run("compile", "--json").stdout)
    assert told["generation"] == 2
    assert (told["rows"]["numbers"], told["rows"]["choices"]) == (5, 2)
    assert Path(told["image"]).stat().st_size == told["bytes"]
    stored = json.loads(home.run("status", "--json", check=False).stdout)
    assert stored["image"]["generation"] == 2
    assert stored["stale"] is False


def test_every_condition_says_whether_it_held(home: Home) -> None:
    words = ("+18005551236", "--from", "+34911234567", "--at", "2026-11-23T20:00-05:00")
    _, told = route(home, *words)
    assert told["conditions"] == [
        {"plan": "by-caller", "step": 1, "asks": "from", "wanted": "+1512, withheld",
         "found": "+34911234567", "held": False},
        {"plan": "by-caller", "step": 2, "asks": "office-hours", "wanted": "closed",
         "found": "closed", "held": True},
    ]  # fmt: skip
    shown = home.run("route", *words, check=False).stdout
    assert "step 1 of by-caller: +34911234567 calls, not +1512, withheld: passed over" in shown
    assert "step 2 of by-caller: office-hours is closed" in shown
    _, told = route(
        home, "+18005551236", "--from", "+15125550100", "--at", "2026-11-23T10:00-05:00"
    )
    assert [one["held"] for one in told["conditions"]] == [True, False]
