"""SIPp's logs and FreeSWITCH's records, put together into calls."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.loadtest.seen import ANSWERS, SILENT, refuses
from vnroute.loadtest.traces import gather
from vnroute.loadtest.traffic import PlannedCall

STAMP = "2026-11-22\t18:00:00.0\t"
FIRST, SECOND = "00aa-1", "01bb-2"


def callers(*lines: str) -> Any:
    planned = PlannedCall("group", 1, 0.0, "+18005551234", "+34911234567", "", 0.3, 60.0)
    return SimpleNamespace(calls=[planned], lines=lambda: [line.split("|") for line in lines])


def carrier(gateway: str, script: Any, *lines: str) -> Any:
    split = [line.split("|") for line in lines]
    return SimpleNamespace(gateway=gateway, all_lines=lambda: [([script], split)])


CALL = (
    f"SENT|{STAMP}100.0|group-1-77@127.0.0.1|18005551234|34911234567",
    f"RINGING|{STAMP}100.2|group-1-77@127.0.0.1|180",
    f"FINAL|{STAMP}100.5|group-1-77@127.0.0.1|200",
    f"HUNGUP|{STAMP}101.5|group-1-77@127.0.0.1|caller",
)
RECORD = {
    "variables": {
        "sip_call_id": "group-1-77%40127.0.0.1",
        "vn_generation": "7",
        "vn_legs": "alpha-1%2Cbeta-1",
        "originate_causes": f"ARRAY%3A%3A{FIRST}%3BNORMAL_TEMPORARY_FAILURE%7C%3A{SECOND}%3BNONE",
        "answer_uepoch": "100500000",
        "end_uepoch": "101500000",
        "hangup_cause": "NORMAL_CLEARING",
    }
}
ALPHA = carrier(
    "gwA", refuses(503),
    f"INVITE|{STAMP}100.05|{FIRST}|12125550100|0|From|||",
    f"REFUSED|{STAMP}100.06|{FIRST}|",
)  # fmt: skip
BETA = carrier("gwB", ANSWERS, f"INVITE|{STAMP}100.1|{SECOND}|12125550100|0|From|||")


def test_a_call_is_put_together_from_all_sides() -> None:
    evidence = gather([callers(*CALL)], [ALPHA, BETA], [RECORD])
    (call,) = evidence.calls
    assert (call.code, call.records, call.generation, call.labels) == (200, 1, 7, 2)
    assert round(call.waited or 0, 3) == 0.5
    assert round(call.pdd or 0, 3) == 0.2
    assert round(call.through or 0, 3) == 0.05
    assert call.billed == 1.0
    assert [(leg.place, leg.gateway, leg.cause) for leg in call.legs] == [
        (0, "gwA", "NORMAL_TEMPORARY_FAILURE"),
        (1, "gwB", "NONE"),
    ]
    assert call.legs[1].script is ANSWERS
    assert evidence.strays == []
    assert (evidence.records, evidence.invites) == (1, 2)


def lives(gateway: str, *of: tuple[Any, list[str]]) -> Any:
    found = [([script], [line.split("|") for line in lines]) for script, lines in of]
    return SimpleNamespace(gateway=gateway, all_lines=lambda: found)


def test_an_invite_repeated_to_a_carriers_next_life_is_the_same_invite() -> None:
    first = [f"INVITE|{STAMP}100.05|{FIRST}|12125550100|0|From|||"]
    again = [
        f"INVITE|{STAMP}103.05|{FIRST}|12125550100|0|From|||",
        f"CANCEL|{STAMP}103.06|{FIRST}|",
    ]
    alpha = lives("gwA", (SILENT, first), (ANSWERS, again))
    evidence = gather([callers(*CALL)], [alpha, BETA], [RECORD])
    leg = evidence.calls[0].legs[0]
    assert evidence.strays == []
    assert (round(leg.invited_at or 0, 2), leg.script, leg.cancelled) == (100.05, SILENT, False)


def test_an_invite_that_comes_twice_otherwise_is_a_stray() -> None:
    first = [f"INVITE|{STAMP}100.05|{FIRST}|12125550100|0|From|||"]
    late = [f"INVITE|{STAMP}140.0|{FIRST}|12125550100|0|From|||"]
    refused = [*first, f"REFUSED|{STAMP}100.06|{FIRST}|"]
    soon = [f"INVITE|{STAMP}101.0|{FIRST}|12125550100|0|From|||"]
    for alpha in (
        lives("gwA", (SILENT, first + soon)),
        lives("gwA", (SILENT, first), (ANSWERS, late)),
        lives("gwA", (refuses(503), refused), (ANSWERS, soon)),
    ):
        evidence = gather([callers(*CALL)], [alpha, BETA], [RECORD])
        assert [stray.what for stray in evidence.strays] == ["a leg with two INVITEs"]


def test_what_belongs_to_no_call_is_a_stray() -> None:
    other = {"variables": {"sip_call_id": "group-2-77%40127.0.0.1"}}
    unknown = carrier("gwC", ANSWERS, f"INVITE|{STAMP}100.1|99cc|12125550100|0|From|||")
    evidence = gather([callers(*CALL)], [ALPHA, BETA, unknown], [RECORD, other])
    assert [stray.what for stray in evidence.strays] == [
        "a call record of no call",
        "an INVITE that no call record lists",
    ]


def test_an_answer_that_crosses_the_cancel_is_the_final_answer() -> None:
    lines = (CALL[0], f"CANCEL|{STAMP}100.4|group-1-77@127.0.0.1|INVITE")
    (call,) = gather([callers(*lines)], [], []).calls
    assert (call.code, call.finals, call.records) == (200, 1, 0)
    lines = (CALL[0], f"CANCEL|{STAMP}100.4|group-1-77@127.0.0.1|",
             f"FINAL|{STAMP}100.41|group-1-77@127.0.0.1|487")  # fmt: skip
    (call,) = gather([callers(*lines)], [], []).calls
    assert (call.code, call.finals) == (487, 1)
