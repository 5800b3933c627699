from __future__ import annotations

from typing import Any

import pytest

from tests.loadtest.seen import ANSWERS, RINGS, SILENT, call, decision, leg, refuses
from vnroute.eventsocket.stats import WorkerStats
from vnroute.loadtest.checks import DECISIONS, Mismatch, Moments, account, judge, judge_all
from vnroute.loadtest.ladder import ladder
from vnroute.loadtest.observed import Evidence, SeenCall, Stray
from vnroute.loadtest.profile import Expect

THREE = decision("gwA", "gwB", "gwC")
QUIET = Moments()


def told(seen: SeenCall, wanted: Any = THREE, moments: Moments = QUIET) -> str | None:
    return judge(seen, wanted, moments, slack=0.5)


def test_answered_by_the_first_carrier() -> None:
    assert told(call(200, leg(0, "gwA", "NONE", ANSWERS))) is None


def test_failover_goes_on_after_a_carriers_refusal_and_stops_at_a_persons() -> None:
    temporary = leg(0, "gwA", "NORMAL_TEMPORARY_FAILURE", refuses(503))
    assert told(call(200, temporary, leg(1, "gwB", "NONE", ANSWERS))) is None
    busy = leg(0, "gwA", "USER_BUSY", refuses(486))
    assert told(call(486, busy)) is None
    again = told(call(200, busy, leg(1, "gwB", "NONE", ANSWERS)))
    assert again == "leg 2 (gwB to 12125550100): tried, expected not to be"


def test_a_carrier_out_of_turn_is_found() -> None:
    swapped = leg(0, "gwB", "NONE", ANSWERS)
    assert told(call(200, swapped)) == "leg 1 (gwA to 12125550100): found gwB to 12125550100"


def test_a_hunt_that_stops_too_soon_is_found() -> None:
    temporary = leg(0, "gwA", "NORMAL_TEMPORARY_FAILURE", refuses(503))
    assert told(call(503, temporary)) == (
        "stopped after 1 legs, expected leg 2 (gwB to 12125550100) next"
    )


def test_a_wrong_final_code_is_found() -> None:
    busy = leg(0, "gwA", "USER_BUSY", refuses(486))
    assert told(call(480, busy)) == "SIP 480, expected 486 after USER_BUSY"


def test_a_cause_that_the_carrier_did_not_give_is_found() -> None:
    wrong = leg(0, "gwA", "USER_BUSY", refuses(404))
    assert told(call(486, wrong)) == (
        "leg 1 (gwA to 12125550100): USER_BUSY, expected UNALLOCATED_NUMBER"
    )


def test_a_silent_carrier_costs_its_seconds_and_no_more() -> None:
    silent = leg(0, "gwA", "PROGRESS_TIMEOUT", SILENT)
    answered = leg(1, "gwB", "NONE", ANSWERS, 1.5)
    assert told(call(200, silent, answered, waited=1.6)) is None
    late = told(call(200, silent, answered, waited=9.0))
    assert late is not None and late.startswith("final answer after 9.00 s, expected 1.00")
    early = told(call(200, silent, answered, waited=0.3))
    assert early is not None and early.startswith("final answer after 0.30 s")


def test_a_phone_that_rings_for_ever_ends_its_target_and_the_next_is_rung() -> None:
    rings = leg(0, "gwA", "ALLOTTED_TIMEOUT", RINGS)
    two = decision("gwA", "gwB", "gwA", targets=[0, 0, 1])
    answered = leg(2, "gwA", "NONE", ANSWERS, 6.5)
    assert told(call(200, rings, answered, waited=6.7), two) is None
    assert told(call(480, rings, waited=6.5)) is None


@pytest.mark.parametrize(
    ("causes", "code"),
    [
        (["NORMAL_TEMPORARY_FAILURE", "USER_BUSY"], 486),
        (["NORMAL_TEMPORARY_FAILURE", "UNALLOCATED_NUMBER", "CALL_REJECTED"], 603),
        (["UNALLOCATED_NUMBER", "NORMAL_TEMPORARY_FAILURE", "NORMAL_TEMPORARY_FAILURE"], 404),
        (["NORMAL_TEMPORARY_FAILURE"] * 3, 503),
    ],
)
def test_the_cause_that_matters_is_relayed(causes: list[str], code: int) -> None:
    status = {"NORMAL_TEMPORARY_FAILURE": 503, "USER_BUSY": 486, "UNALLOCATED_NUMBER": 404,
              "CALL_REJECTED": 603}  # fmt: skip
    legs = [leg(n, f"gw{'ABC'[n]}", c, refuses(status[c])) for n, c in enumerate(causes)]
    assert told(call(code, *legs)) is None
    assert told(call(500, *legs)) is not None


def test_an_invite_that_no_carrier_saw_is_found_unless_its_port_was_closed() -> None:
    unseen = leg(0, "", "NORMAL_TEMPORARY_FAILURE", ANSWERS)
    unseen.invited_at = unseen.script = None
    seen = call(200, unseen, leg(1, "gwB", "NONE", ANSWERS))
    why = told(seen)
    assert why is not None and "its carrier saw no INVITE" in why
    assert told(seen, moments=Moments(closed=(("gwA", 990.0, 1010.0),))) is None


def test_who_cancels_gets_487_and_nothing_after_it() -> None:
    rings = leg(0, "gwA", "ORIGINATOR_CANCEL", RINGS)
    assert told(call(487, rings, waited=1.0, cancelled_at=1001.0)) is None
    assert told(call(503, rings, waited=1.0, cancelled_at=1001.0)) is not None
    assert told(call(487, rings, waited=1.0)) is not None  # cancelled by nobody


def test_no_plan_is_right_only_while_no_node_listens() -> None:
    lost = call(503, generation=None)
    lost.generation = None
    evidence = Evidence([lost])

    def run(moments: Moments) -> tuple[int, int, int]:
        wrong, outside, in_kill = judge_all(evidence, lambda _: [THREE], moments, [], slack=0.5)
        return len(wrong), outside, in_kill

    assert run(QUIET) == (0, 1, 0)
    assert run(Moments(without_node=((999.0, 1001.0),))) == (0, 0, 0)
    assert run(Moments(killed=((999.0, 1001.0),))) == (0, 0, 1)
    lost.code = 480
    assert run(Moments(without_node=((999.0, 1001.0),)))[0] == 1


def test_a_deliberately_wrong_expectation_fails() -> None:
    seen = call(200, leg(0, "gwA", "NONE", ANSWERS))
    expect = Expect(to="direct", gateways=("gwB",))
    numbers = frozenset({"+18005551234"})
    wrong, _, _ = judge_all(
        Evidence([seen]), lambda _: [THREE], QUIET, [(numbers, expect)], slack=0.5
    )
    assert [mismatch.why for mismatch in wrong] == [
        "the profile's expect: gateways gwA, expected gwB"
    ]


def test_the_ladder_shows_invite_plan_legs_codes_and_times() -> None:
    temporary = leg(0, "gwA", "NORMAL_TEMPORARY_FAILURE", refuses(503))
    text = ladder(Mismatch(call(503, temporary, waited=0.25), THREE, "stopped too soon"))
    for part in ("WRONG: stopped too soon", "INVITE 1", "plan, 3 legs", "0.250s", "gwB",
                 "NORMAL_TEMPORARY", "the caller got SIP 503 after 0.25 s"):  # fmt: skip
        assert part in text


def page(**counts: int) -> WorkerStats:
    return WorkerStats(0, {**dict.fromkeys(DECISIONS, 0), **counts}, ())


def failed(evidence: Evidence, pages: list[WorkerStats], moments: Moments = QUIET) -> list[str]:
    return [check.name for check in account(evidence, pages, moments, 0) if not check.held]


def test_accounting_finds_what_is_missing_or_twice() -> None:
    good = call(200, leg(0, "gwA", "NONE", ANSWERS))
    assert failed(Evidence([good]), [page(routed=1)]) == []
    twice = call(200, leg(0, "gwA", "NONE", ANSWERS), records=2)
    assert failed(Evidence([twice]), [page(routed=1)]) == ["each call has one call record"]
    unanswered = call(None, finals=0)
    assert "each call had one final answer" in failed(Evidence([unanswered]), [page(routed=1)])
    stray = Evidence([good], strays=[Stray("an INVITE", "gwA")])
    assert failed(stray, [page(routed=1)]) == [
        "each record and each INVITE at a carrier belongs to one call"
    ]


def test_vnroutes_counters_must_agree_but_for_a_worker_that_was_killed() -> None:
    calls = [call(200, leg(0, "gwA", "NONE", ANSWERS)) for _ in range(3)]
    name = "vnroute's counters and the calls agree"
    assert failed(Evidence(calls), [page(routed=4)]) == [name]
    assert failed(Evidence(calls), [page(routed=2)]) == [name]
    killed = Moments(killed=((1000.2, 1001.0),))
    assert failed(Evidence(calls), [page(routed=2)], killed) == []
    refused = call(404, refused="unknown_number")
    pages = [page(routed=3, unknown_number=1)]
    assert failed(Evidence([*calls, refused]), pages) == []
    assert failed(Evidence([*calls, refused]), [page(routed=4)]) == [name]


def test_channels_left_in_the_switch_fail_the_run() -> None:
    checks = account(Evidence([]), [], QUIET, 3)
    assert [check.notes for check in checks if not check.held] == [["3 channels"]]
