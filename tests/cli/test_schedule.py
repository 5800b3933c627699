"""`vnroute schedule` and `vnroute route --when-changes` from a shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.eventsocket.test_serve import Home

ROUTES = """\
accounts:
  - {id: acme, time_zone: Europe/London}
  - {id: zeta, time_zone: Asia/Tokyo}
schedules:
  - id: office
    account: acme
    exceptions: [{dates: 2026-11-25, state: closed}]
    rules:
      - {days: mon-fri, hours: "12:00-13:00", state: lunch}
      - {days: mon-fri, hours: "09:00-17:00", state: open}
    otherwise: night
  - {id: asked-by-two, open: [{days: mon-fri, hours: "09:00-17:00"}]}
  - {id: asked-by-one, open: [{days: mon-fri, hours: "09:00-17:00"}]}
  - {id: unasked, open: [{days: mon-fri, hours: "09:00-17:00"}]}
  - {id: once, time_zone: UTC, open: [{days: daily}], otherwise: open}
plans:
  - id: main
    account: acme
    steps:
      - {when: office, ring: ["+442079460100"]}
      - {when: asked-by-two, ring: ["+442079460101"]}
      - {hangup: NO_ANSWER}
  - id: other
    account: zeta
    steps:
      - {when: asked-by-two, ring: ["+81355550100"]}
      - {when: asked-by-one, ring: ["+81355550100"]}
      - {hangup: NO_ANSWER}
numbers:
  - {number: "+442079460123", account: acme, plan: main}
carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("schedule") / "home")
    made.load(ROUTES)
    return made


def test_a_week_is_drawn(home: Home) -> None:
    shown = home.run("schedule", "show", "office", "--week", "2026-W48").stdout.splitlines()
    assert shown[0] == "schedule office, Europe/London, week 2026-W48: 23 Nov to 29 Nov 2026"
    assert shown[1].split() == ["closed", "exceptions[0]:", "dates", "2026-11-25"]
    days = {line[:10]: line[11:] for line in shown if line[:3] in ("Mon", "Wed", "Sun")}
    bar, _, words = days["Mon 23 Nov"].partition("  ")
    assert words == "00:00 night, 09:00 open, 12:00 lunch, 13:00 open, 17:00 night"
    assert len(bar) == 48
    night, open_, lunch = bar[0], bar[18], bar[24]
    assert bar == night * 18 + open_ * 6 + lunch * 2 + open_ * 8 + night * 14
    assert len({night, open_, lunch}) == 3
    assert days["Wed 25 Nov"].endswith("  00:00 closed")
    assert days["Sun 29 Nov"].partition("  ")[0] == night * 48


def test_a_week_in_which_the_clocks_change(home: Home) -> None:
    shown = home.run("schedule", "show", "office", "--week", "2026-W13").stdout
    sunday = next(line for line in shown.splitlines() if line.startswith("Sun 29 Mar"))
    assert sunday.endswith("00:00 night (a day of 23 hours)")
    assert sunday[13:15] == "  "


def test_a_week_as_json(home: Home) -> None:
    told = json.loads(home.run("schedule", "show", "office", "--week", "2026W48", "--json").stdout)
    assert (told["id"], told["time_zone"], told["week"]) == ("office", "Europe/London", "2026-W48")
    assert told["states"] == ["night", "closed", "lunch", "open"]
    assert told["stays"][1] == {
        "from": "2026-11-23T09:00:00+00:00", "to": "2026-11-23T12:00:00+00:00",
        "state": "open", "rule": "rules[1]",
    }  # fmt: skip
    assert told["stays"][0]["from"] == "2026-11-23T00:00:00+00:00"
    assert told["stays"][-1]["to"] == "2026-11-30T00:00:00+00:00"


def test_the_next_changes(home: Home) -> None:
    words = ("schedule", "next", "office", "--at", "2026-11-24T16:00Z", "--count", "3")
    assert home.run(*words).stdout.splitlines() == [
        "Tue 24 Nov 2026 16:00 GMT  open    rules[1]: days mon-fri hours 09:00-17:00",
        "Tue 24 Nov 2026 17:00 GMT  night   otherwise",
        "Wed 25 Nov 2026 00:00 GMT  closed  exceptions[0]: dates 2026-11-25",
        "Thu 26 Nov 2026 00:00 GMT  night   otherwise",
    ]
    told = json.loads(home.run(*words, "--json").stdout)
    assert (told["state"], told["rule"]) == ("open", "rules[1]")
    assert [change["at"] for change in told["changes"]] == [
        "2026-11-24T17:00:00+00:00", "2026-11-25T00:00:00+00:00", "2026-11-26T00:00:00+00:00",
    ]  # fmt: skip


def test_a_schedule_that_never_changes_says_so(home: Home) -> None:
    shown = home.run("schedule", "next", "once").stdout
    assert shown.endswith("no further change in 20 years\n")


def test_a_schedule_takes_its_zone_from_who_asks(home: Home) -> None:
    shown = home.run("schedule", "show", "asked-by-one").stdout
    assert shown.startswith("schedule asked-by-one, Asia/Tokyo, week ")
    for name, why in (("asked-by-two", "plans in Asia/Tokyo, Europe/London ask it"),
                      ("unasked", "no plan asks it")):  # fmt: skip
        found = home.run("schedule", "show", name, check=False)
        assert found.returncode == 2
        assert why in found.stderr
        assert "--zone" in found.stderr
        assert home.run("schedule", "show", name, "--zone", "America/Denver").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "offise"), "no schedule 'offise' is loaded; did you mean office?"),
        (("show", "office", "--week", "2026-48"), "--week: found '2026-48', expected a week"),
        (("show", "office", "--week", "2026-W54"), "--week: found '2026-W54', expected a week"),
        (("show", "office", "--zone", "Mars"), "--zone: found 'Mars', expected a zone"),
        (("next", "office", "--at", "soon"), "--at: found 'soon', expected a time in ISO 8601"),
        (("next", "office", "--count", "0"), "--count"),
        (("next",), "ID"),
    ],
)
def test_a_wrong_question_exits_with_2(home: Home, words: tuple[str, ...], said: str) -> None:
    found = home.run("schedule", *words, check=False)
    assert found.returncode == 2
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_without_a_store_it_is_said(tmp_path: Path) -> None:
    found = Home(tmp_path / "home").run("schedule", "show", "office", check=False)
    assert found.returncode == 2
    assert found.stderr


def test_when_the_answer_changes(home: Home) -> None:
    words = ("route", "+442079460123", "--at", "2026-11-24T16:00+00:00", "--when-changes",
             "--days", "2")  # fmt: skip
    told = json.loads(home.run(*words, "--json").stdout)
    assert told["days"] == 2
    rung = [
        (answer["at"], [t["to"] for step in answer["steps"] for t in step["targets"]])
        for answer in told["answers"]
    ]
    both = ["+442079460100", "+442079460101"]
    assert rung == [
        ("2026-11-24T16:00:00+00:00", both),
        ("2026-11-24T17:00:00+00:00", []),
        ("2026-11-25T09:00:00+00:00", both[1:]),
        ("2026-11-25T17:00:00+00:00", []),
        ("2026-11-26T09:00:00+00:00", both),
        ("2026-11-26T12:00:00+00:00", both[1:]),
        ("2026-11-26T13:00:00+00:00", both),
    ]
    said = home.run(*words).stdout
    assert said.endswith("6 changes of the answer in 2 days\n")
    assert "schedule office is open: it is Tue 24 Nov 16:00 GMT there" in said
    unknown = home.run("route", "+19995550000", "--when-changes", check=False)
    assert unknown.returncode == 1
