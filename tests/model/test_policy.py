"""Policies: what may be written, and what FreeSWITCH is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.compiler.hunting import (
    GLOBALS,
    GO_ON,
    advance_causes,
    carrier_causes,
    carrier_table,
    ends_loops,
    guard,
    relay,
    stop_causes,
    together_causes,
)
from vnroute.model import CAUSES, FieldError, Policy
from vnroute.model.causes import SIP_CAUSES
from vnroute.model.policy import DEFAULT_POLICY, Hunt
from vnroute.simulator.regex import run_regex

UUIDS = [f"{place:02x}01{place:04d}-0000-8000-8000-00000000000{place}" for place in range(3)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"hunt": {"700": "next"}}, "hunt.700"),
        ({"hunt": {"BUSY": "next"}}, "hunt.BUSY"),
        ({"advance": {"486": "stop"}}, "advance.486"),
        ({"relay": ("USER_BUSY", "X")}, "relay.1"),
        ({"max_attempts": 33}, "max_attempts"),
        ({"progress_seconds": 61}, "progress_seconds"),
        ({"ring_seconds": 601}, "ring_seconds"),
        ({"total_seconds": 601}, "total_seconds"),
    ],
)
def test_what_is_refused(fields: dict[str, object], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        Policy(id="p", **fields)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_the_built_in_lists() -> None:
    person = {"USER_BUSY", "CALL_REJECTED", "UNWANTED", "ALLOTTED_TIMEOUT"}
    loop = {"EXCHANGE_ROUTING_ERROR"}
    once = {"UNALLOCATED_NUMBER", "NO_USER_RESPONSE", "INVALID_NUMBER_FORMAT",
            "INCOMPATIBLE_DESTINATION"}  # fmt: skip
    assert set(stop_causes(DEFAULT_POLICY)) == person | loop | once
    assert set(together_causes(DEFAULT_POLICY)) == person | loop
    assert guard(DEFAULT_POLICY) == "${vn_go}"
    assert advance_causes(DEFAULT_POLICY) == ""
    assert ends_loops(DEFAULT_POLICY)
    assert len(GO_ON) < 130
    assert not any("${" in text for text in GLOBALS.values())
    assert relay(DEFAULT_POLICY)[2].endswith("~${vn_relay})}")


hunts = st.dictionaries(
    st.sampled_from(sorted({str(code) for code in SIP_CAUSES} | set(SIP_CAUSES.values()))),
    st.sampled_from(["next", "stop", "once"]),
    max_size=6,
)
BUILT_IN = {"401": "next", "402": "next", "403": "next", "407": "next", "404": "once",
            "480": "once", "484": "once", "488": "once", "USER_BUSY": "stop",
            "CALL_REJECTED": "stop", "UNWANTED": "stop",
            "EXCHANGE_ROUTING_ERROR": "stop"}  # fmt: skip


def read(text: str, argument: str, cause: str, code: int) -> str:
    """What a guard makes of the bridge that failed, which left a cause and a code."""
    pattern = GLOBALS["vn_next"] if text == "${vn_go}" else text.split("_data}~", 1)[1][:-2]
    return run_regex(
        f"m:~{{o=1}}#ARRAY::{UUIDS[0]};NONE|:{UUIDS[1]};{cause}#{code}#{argument}~{pattern}"
    )


@given(hunt=hunts, own=hunts, other=hunts, code=st.sampled_from(sorted(SIP_CAUSES)),
       again=st.booleans())  # fmt: skip
def test_the_guard_does_what_the_tables_say(
    hunt: dict[str, str], own: dict[str, str], other: dict[str, str], code: int, again: bool
) -> None:
    """The tables of the policy, of the carrier that failed, and of one that has no say in it."""
    policy = Policy(id="own", hunt=hunt)  # type: ignore[arg-type]
    tables: list[dict[str, Hunt]] = [other, own, {}]  # type: ignore[list-item]
    cause = SIP_CAUSES[code]
    wanted = next(
        (row[key] for row in (own, hunt, BUILT_IN) for key in (str(code), cause) if key in row),
        "next",
    )
    if cause not in stop_causes(policy, carrier_causes(tables)):
        assert wanted == "next"
        return
    mark = "{o=1}" if again else ""
    legs = "|".join(
        f"[x=1{f',vn_hunt={carrier_table(table)}' if table else ''},origination_uuid={uuid}]"
        "sofia/gateway/g/1"
        for uuid, table in zip(UUIDS, tables, strict=True)
    )
    found = read(guard(policy, any(tables)), f"{mark}{{leg_timeout=9}}{legs}", cause, code)
    rest = f"{{leg_timeout=9}}{legs.rsplit('|', 1)[1]}"
    if wanted == "stop" or (wanted == "once" and again):
        assert found == ""
    elif wanted == "once":
        assert found == "{o=1}" + rest
    else:
        assert found == mark + rest


def test_carriers_tables_as_they_are_told() -> None:
    assert carrier_table({"603": "next", "NO_ANSWER": "next"}) == (
        "CALL_REJECTED603n:ALLOTTED_TIMEOUTn"
    )
    assert carrier_table({"404": "stop", "UNALLOCATED_NUMBER": "stop"}) == (
        "UNALLOCATED_NUMBER404s:UNALLOCATED_NUMBERs"
    )
    assert carrier_table({"CALL_REJECTED": "next", "603": "stop"}) == (
        "CALL_REJECTED401n:CALL_REJECTED402n:CALL_REJECTED403n:CALL_REJECTED407n:"
        "CALL_REJECTED608n:CALL_REJECTED603s"
    )
    assert carrier_causes([{"603": "next"}, {"503": "once", "NO_ANSWER": "stop"}]) == (
        "ALLOTTED_TIMEOUT", "NORMAL_TEMPORARY_FAILURE",
    )  # fmt: skip


def test_a_guard_says_nothing_of_carriers_where_none_has_a_table() -> None:
    policy = Policy(id="own", hunt={"404": "next"})
    assert "vn_hunt" not in guard(policy, False)
    assert "vn_hunt" in guard(policy, True)
    assert guard(DEFAULT_POLICY, False) == guard(DEFAULT_POLICY, True) == "${vn_go}"


@given(causes=st.lists(st.sampled_from(sorted(CAUSES)), min_size=1, max_size=4))
def test_the_cause_that_matters_is_one_of_those_left(causes: list[str]) -> None:
    listed = "|:".join(f"{UUIDS[0][:8]}{n}{UUIDS[0][9:]};{cause}" for n, cause in enumerate(causes))
    found = run_regex(f"m:~ARRAY::{listed}#503;41~{GLOBALS['vn_relay']}")
    assert found in {*causes, "", "41"}
    if "USER_BUSY" in causes:
        assert found == "USER_BUSY"
