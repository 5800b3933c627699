"""What users of other systems complain of, by its number in our list; here it does not happen.

The rows behind 8 to 10 are those of tests/policy_table.py, behind 11 and 14 those of
tests/dialling_table.py: a real FreeSWITCH is held to them as well.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy_table import CASES, DIALLED, NUMBER, SECONDS, Case, lines
from tests.ringing_table import SILENT, answers, refuses
from tests.simulator.test_ringing import behaviour, run
from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import channel_data
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Step
from vnroute.simulator import read_dial_string
from vnroute.simulator.invite import headers, request_user
from vnroute.simulator.switch import Session

OK = answers(0.1)


def outcome(case: Case, directory: Path, **closed: str) -> tuple[Session, list[str]]:
    names = [f"gw{place}" for place in range(len(case.carriers))]
    written = {
        name: behaviour(far)
        for name, far in zip(names, case.carriers, strict=True)
        if not isinstance(far, str)
    }
    session = run(lines(case, names, directory), {"gateways": written}, None, 0.4)
    return session, [attempt.gateway for attempt in session.attempts if attempt.created]


@pytest.mark.parametrize("code", [486, 600, 603, 607])
def test_complaint_8_who_declined_is_not_rung_again(tmp_path: Path, code: int) -> None:
    session, rung = outcome(Case("", (refuses(code), OK), 0, ()), tmp_path)
    assert rung == ["gw0"]
    assert session.final_sip == (486 if code == 600 else code)


@pytest.mark.parametrize(
    ("codes", "rung", "told"),
    [
        ((403, 200), 2, 200),
        ((603, 200), 1, 603),
        ((404, 503, 200), 3, 200),
        ((404, 404, 200), 2, 404),
        ((503, 404), 2, 404),
        ((503, 503), 2, 503),
        ((403, 486), 2, 486),
    ],
)
def test_complaint_9_failover_by_sip_code_and_the_caller_gets_the_right_cause(
    tmp_path: Path, codes: tuple[int, ...], rung: int, told: int
) -> None:
    far = tuple(OK if code == 200 else refuses(code) for code in codes)
    session, tried = outcome(Case("", far, 0, ()), tmp_path)
    assert (len(tried), session.final_sip) == (rung, told)


def test_complaint_10_failover_does_not_wait_the_ring_time(tmp_path: Path) -> None:
    session, rung = outcome(Case("", (SILENT, OK), 0, ()), tmp_path)
    assert rung == ["gw0", "gw1"]
    assert session.now < SECONDS  # the gateway's progress_seconds, 2, and no ring time


def test_complaint_10_a_gateway_that_is_known_to_be_dead_costs_no_time(tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case.name == "gateway unknown")
    session, rung = outcome(case, tmp_path)
    assert rung == ["gw1"]
    assert session.now < 0.5


def _legs(directory: Path, *gateways: Gateway) -> list[tuple[str, dict[str, str]]]:
    """Return (number dialled, headers) of each leg of a call through these gateways."""
    routing = MemoryRouting(
        account_list=[Account(id="a")],
        plan_list=[Plan(id="p", account="a",
                        steps=(Step(ring=(f"+{DIALLED}",)), Step(hangup="relay")))],
        number_list=[Number(number=NUMBER, account="a", plan="p")],
        carrier_list=[Carrier(id="c", gateways=gateways)],
    )  # fmt: skip
    reply = Matcher(compiled(routing, directory)).decide(
        channel_data(NUMBER[1:], caller="+34911234567"), MONDAY_NOON_IN_NEW_YORK
    )
    bridge = reply.decode().partition("application: bridge ")[2].partition("\n")[0]
    (branch,) = read_dial_string(bridge).branches
    return [
        (request_user(leg), headers(leg, "+34911234567", "Ana"))
        for group in branch.groups
        for leg in group.legs
    ]


def test_complaint_11_each_attempt_is_written_from_e164_anew(tmp_path: Path) -> None:
    legs = _legs(
        tmp_path,
        Gateway(id="a", gateway="a", format="9011*{e164_digits}"),
        Gateway(id="b", gateway="b", format="{e164_digits:1}"),
        Gateway(id="c", gateway="c", formats={"+1": "0{national}#"}),
        Gateway(id="d", gateway="d", format="{e164}"),
    )
    assert [dialled for dialled, _ in legs] == [
        f"9011*{DIALLED}", DIALLED[1:], f"0{DIALLED[1:]}#", f"+{DIALLED}",
    ]  # fmt: skip


def test_complaint_14_each_carrier_gets_the_caller_that_it_takes(tmp_path: Path) -> None:
    legs = _legs(
        tmp_path,
        Gateway(id="pass", gateway="a"),
        Gateway(id="own", gateway="b", show="did"),
        Gateway(id="told", gateway="c", diversion="diversion"),
    )
    assert [said["From"].partition("<")[2].partition("@")[0] for _, said in legs] == [
        "sip:+34911234567", f"sip:{NUMBER}", "sip:+34911234567",
    ]  # fmt: skip
    # Diversion names the number that diverts, not the one that is rung.
    told = legs[2][1]["Diversion"]
    assert told.startswith(f"<sip:{NUMBER}@")
    assert DIALLED not in told
