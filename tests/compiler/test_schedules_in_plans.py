"""Schedules as plans ask them: working days, following the sun, zones taken from the asker."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.images import acme, compiled
from tests.support.memory import MemoryRouting
from vnroute.importing.findings import Findings
from vnroute.importing.routing_file import read_routing_file
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import explain
from vnroute.matcher.upcoming import upcoming_answers
from vnroute.model import RoutingDataError

CARRIERS = """\
carriers:
  - id: alpha
    gateways: [{id: alpha-1, gateway: gwA}]
"""

# 9 to 5 on working days to the workplace, at the weekend to the mobile, on a public holiday to
# voicemail (here: the number where voicemail answers).
WORKING_DAYS = (
    """\
accounts:
  - {id: acme, time_zone: America/New_York}
schedules:
  - id: work
    account: acme
    rules:
      - {holidays: US, state: holiday}
      - {days: sat-sun, state: weekend}
      - {days: mon-fri, hours: 09:00-17:00, state: work}
plans:
  - id: main
    account: acme
    steps:
      - {when: work, is: work, ring: ["+12125550100"]}
      - {when: work, is: weekend, ring: ["+19175550123"]}
      - {when: work, is: holiday, ring: ["+12125550199"]}
      - {hangup: NO_ANSWER}
numbers:
  - {number: "+18005551234", account: acme, plan: main}
"""
    + CARRIERS
)

# Three sites, each in its own zone with its own hours: whoever is open first in this order takes
# the call, the night desk where none is.
FOLLOW_THE_SUN = (
    """\
accounts:
  - {id: acme}
schedules:
  - id: sydney
    time_zone: Australia/Sydney
    exceptions: [{holidays: AU, region: NSW, state: closed}]
    open: [{days: mon-fri, hours: 08:00-16:00}]
  - id: london
    time_zone: Europe/London
    exceptions: [{holidays: GB, region: ENG, state: closed}]
    open: [{days: mon-fri, hours: 08:30-17:30}]
  - id: new-york
    time_zone: America/New_York
    exceptions: [{holidays: US, state: closed}]
    open: [{days: mon-fri, hours: 09:00-18:00}]
plans:
  - id: main
    account: acme
    steps:
      - {when: sydney, ring: ["+61255501000"]}
      - {when: london, ring: ["+442079460100"]}
      - {when: new-york, ring: ["+12125550100"]}
      - {ring: ["+12125550199"]}
      - {hangup: NO_ANSWER}
numbers:
  - {number: "+18005551234", account: acme, plan: main}
"""
    + CARRIERS
)

# One schedule for whoever asks: read in the zone of the plan's account.
EVERYWHERE = (
    """\
accounts:
  - {id: here, time_zone: America/New_York}
  - {id: there, time_zone: Asia/Tokyo}
  - {id: near, time_zone: America/New_York}
schedules:
  - {id: office, open: [{days: mon-fri, hours: 09:00-17:00}]}
  - {id: unasked, open: [{days: mon-fri, hours: 09:00-17:00}]}
  - {id: owned, account: there, open: [{days: mon-fri, hours: 09:00-17:00}]}
plans:
  - {id: a, account: here, steps: [{when: office, ring: ["+12125550100"]}, {hangup: NO_ANSWER}]}
  - {id: b, account: there, steps: [{when: office, ring: ["+81355550100"]}, {hangup: NO_ANSWER}]}
  - {id: c, account: near, steps: [{when: owned, ring: ["+12125550100"]}, {hangup: NO_ANSWER}]}
  - {id: d, account: near, steps: [{when: office, ring: ["+12125550100"]}, {hangup: NO_ANSWER}]}
numbers:
  - {number: "+18005550001", account: here, plan: a}
  - {number: "+18005550002", account: there, plan: b}
  - {number: "+18005550003", account: near, plan: c}
"""
    + CARRIERS
)


def routing(text: str) -> MemoryRouting:
    problems = Findings()
    content = read_routing_file(text.encode(), "r.yaml", problems).content()
    assert [str(problem) for problem in problems.kept] == []
    return MemoryRouting(
        account_list=list(content.accounts),
        schedule_list=list(content.schedules),
        plan_list=list(content.plans),
        number_list=list(content.numbers),
        carrier_list=list(content.carriers),
    )


@pytest.fixture(scope="module")
def matchers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Matcher]:
    return {
        name: Matcher(compiled(routing(text), tmp_path_factory.mktemp("plans")))
        for name, text in (("work", WORKING_DAYS), ("sun", FOLLOW_THE_SUN), ("all", EVERYWHERE))
    }


def rung(matcher: Matcher, moment: str, number: str = "+18005551234") -> list[str]:
    at = datetime.fromisoformat(moment).timestamp()
    steps = explain(matcher, number, "", at).steps
    return [target.to for step in steps for target in step.targets]


@pytest.mark.parametrize(
    ("moment", "to"),
    [
        ("2026-11-23T10:00-05:00", ["+12125550100"]),
        ("2026-11-23T08:59-05:00", []),
        ("2026-11-23T17:00-05:00", []),
        ("2026-11-28T10:00-05:00", ["+19175550123"]),
        ("2026-11-29T03:00-05:00", ["+19175550123"]),
        ("2026-11-26T10:00-05:00", ["+12125550199"]),
        ("2026-07-03T10:00-04:00", ["+12125550199"]),
        ("2026-03-06T14:00+00:00", ["+12125550100"]),
        ("2026-03-09T13:00+00:00", ["+12125550100"]),
        ("2026-10-30T13:00+00:00", ["+12125550100"]),
        ("2026-11-02T13:00+00:00", []),
        ("2026-11-02T14:00+00:00", ["+12125550100"]),
    ],
)
def test_working_days_weekend_and_holidays(
    matchers: dict[str, Matcher], moment: str, to: list[str]
) -> None:
    assert rung(matchers["work"], moment) == to


SYDNEY, LONDON, NEW_YORK, NIGHT = "+61255501000", "+442079460100", "+12125550100", "+12125550199"


@pytest.mark.parametrize(
    ("moment", "to"),
    [
        ("2026-11-23T01:00+00:00", [SYDNEY, NIGHT]),
        ("2026-11-23T05:00+00:00", [NIGHT]),
        ("2026-11-23T08:30+00:00", [LONDON, NIGHT]),
        ("2026-11-23T14:30+00:00", [LONDON, NEW_YORK, NIGHT]),
        ("2026-11-23T20:00+00:00", [NEW_YORK, NIGHT]),
        ("2026-11-23T21:30+00:00", [SYDNEY, NEW_YORK, NIGHT]),
        ("2026-11-23T23:00+00:00", [SYDNEY, NIGHT]),
        ("2026-11-22T12:00+00:00", [NIGHT]),
        # Sunday evening in New York is Monday morning in Sydney.
        ("2026-11-22T21:00+00:00", [SYDNEY, NIGHT]),
        # In the northern summer Sydney is ten hours ahead, London one.
        ("2026-07-06T07:30+00:00", [LONDON, NIGHT]),
        ("2026-07-06T22:00+00:00", [SYDNEY, NIGHT]),
        ("2026-07-06T21:59+00:00", [NEW_YORK, NIGHT]),
        # The weeks in which only one of them has changed its clocks.
        ("2026-03-16T13:00+00:00", [LONDON, NEW_YORK, NIGHT]),
        ("2026-10-26T13:00+00:00", [LONDON, NEW_YORK, NIGHT]),
        ("2026-11-02T13:00+00:00", [LONDON, NIGHT]),
        # Thanksgiving in New York only, Easter Monday in London and Sydney.
        ("2026-11-26T14:30+00:00", [LONDON, NIGHT]),
        ("2026-04-06T13:30+00:00", [NEW_YORK, NIGHT]),
    ],
)
def test_following_the_sun(matchers: dict[str, Matcher], moment: str, to: list[str]) -> None:
    assert rung(matchers["sun"], moment) == to


def test_a_schedule_without_a_zone_is_read_in_that_of_the_plans_account(
    matchers: dict[str, Matcher],
) -> None:
    matcher = matchers["all"]
    for number, zone in (("+18005550001", "-05:00"), ("+18005550002", "+09:00")):
        assert rung(matcher, f"2026-11-23T09:00{zone}", number)
        assert not rung(matcher, f"2026-11-23T08:59{zone}", number)
        assert rung(matcher, f"2026-11-23T16:59{zone}", number)
        assert not rung(matcher, f"2026-11-23T17:00{zone}", number)
    # One that names an account is read in its zone, whoever asks.
    assert rung(matcher, "2026-11-23T09:00+09:00", "+18005550003")
    assert not rung(matcher, "2026-11-23T10:00-05:00", "+18005550003")
    # A row for each zone that asks, none for one that nobody asks.
    rows = matcher.image.counts()["schedules"]
    about = [matcher.image.schedule_about(row) for row in range(rows)]
    assert about == [
        ("owned", "Asia/Tokyo", ("closed", "open")),
        ("office", "America/New_York", ("closed", "open")),
        ("office", "Asia/Tokyo", ("closed", "open")),
    ]


def test_what_a_schedule_said_is_told_with_its_zone_and_end(matchers: dict[str, Matcher]) -> None:
    at = datetime.fromisoformat("2026-11-25T16:00-05:00").timestamp()
    (told,) = explain(matchers["work"], "+18005551234", "", at).schedules
    assert (told.id, told.time_zone, told.state) == ("work", "America/New_York", "work")
    assert told.until == datetime.fromisoformat("2026-11-25T17:00-05:00").timestamp()
    assert told.within_horizon
    (far,) = explain(matchers["work"], "+18005551234", "", at + 30 * 366 * 86400).schedules
    assert (far.until, far.within_horizon) == (None, False)


def test_when_the_answer_changes(matchers: dict[str, Matcher]) -> None:
    start = datetime.fromisoformat("2026-11-25T12:00-05:00")
    found = [
        (datetime.fromtimestamp(moment, start.tzinfo).isoformat(timespec="minutes"),
         [target.to for step in answer.steps for target in step.targets])
        for moment, answer in upcoming_answers(
            matchers["work"], "+18005551234", "", start.timestamp(), start.timestamp() + 4 * 86400)
    ]  # fmt: skip
    assert found == [
        ("2026-11-25T12:00-05:00", ["+12125550100"]),
        ("2026-11-25T17:00-05:00", []),
        ("2026-11-26T00:00-05:00", ["+12125550199"]),
        ("2026-11-27T00:00-05:00", []),
        ("2026-11-27T09:00-05:00", ["+12125550100"]),
        ("2026-11-27T17:00-05:00", []),
        ("2026-11-28T00:00-05:00", ["+19175550123"]),
    ]
    # Every moment between is as the one before it says.
    sun = matchers["sun"]
    answers = list(upcoming_answers(sun, "+18005551234", "", start.timestamp(),
                                    start.timestamp() + 7 * 86400))  # fmt: skip
    for (moment, answer), (end, _) in pairwise(answers):
        for between in range(int(moment), int(end), 1800):
            assert explain(sun, "+18005551234", "", between).steps == answer.steps
    assert len(list(upcoming_answers(sun, "+19995550000", "", 0.0, 1e9))) == 1


def test_holidays_that_the_library_knows_no_more_refuse_the_compilation(tmp_path: Path) -> None:
    data = routing(WORKING_DAYS.replace("holidays: US", "holidays: QQ"))
    with pytest.raises(RoutingDataError, match=r"schedules\[work\].*'QQ'"):
        compiled(data, tmp_path)


def test_a_row_for_each_schedule_that_names_its_zone(tmp_path: Path) -> None:
    image = compiled(acme(), tmp_path)
    assert image.schedule_about(0) == ("office-hours", "America/New_York", ("closed", "open"))
    with pytest.raises(IndexError):
        image.schedule_about(1)
    start, end = image.header.horizon_start, image.header.horizon_end
    changes = image.schedule_changes(0, start, end)
    assert changes == sorted(changes)
    assert {state for _, state in changes} == {0, 1}
    assert image.schedule_changes(0, changes[5][0], changes[7][0]) == changes[6:7]
