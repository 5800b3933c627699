"""Dial strings are read as FreeSWITCH reads them; its own results are the yardstick."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.simulator import dialstring
from vnroute.simulator.cstring import encode
from vnroute.simulator.dialstring import (
    NO_DESTINATION,
    PARSE_ERROR,
    DialString,
    read_dial_string,
    read_expanded,
)
from vnroute.simulator.headers import Headers

DATA = Path(__file__).parent / "data"

PLAN = (
    "{ignore_early_media=true,originate_continue_on_timeout=true,"
    "fail_on_single_reject=^^:USER_BUSY:CALL_REJECTED}"
    "[leg_progress_timeout=5,leg_timeout=20,origination_uuid=u-1]sofia/gateway/gwA/12125550100|"
    "[leg_progress_timeout=5,leg_timeout=20,origination_uuid=u-2]sofia/gateway/gwB/12125550100"
)


def shape(dial: DialString) -> list[list[str]]:
    return [[leg.endpoint for leg in group.legs] for b in dial.branches for group in b.groups]


@cache
def from_freeswitch() -> list[dict[str, object]]:
    lines = (DATA / "dial_strings.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("index", range(len(from_freeswitch())))
def test_reads_what_freeswitch_reads(index: int) -> None:
    case = from_freeswitch()[index]
    text = str(case["text"])
    (branch,) = dialstring._read_branch(encode(text), Headers(), False)
    assert dict(branch.global_variables) == case["global"]
    assert branch.error == case["error"]
    got = [
        {
            "error": group.error,
            "legs": [[leg.kind, leg.destination, dict(leg.local_variables)] for leg in group.legs],
        }
        for group in branch.groups
    ]
    assert got == case["groups"]


def test_the_plans_own_form() -> None:
    dial = read_dial_string(PLAN)
    assert shape(dial) == [["sofia/gateway/gwA/12125550100"], ["sofia/gateway/gwB/12125550100"]]
    assert not dial.enterprise
    first, second = dial.legs
    assert first.parameter("origination_uuid") == "u-1"
    assert second.parameter("origination_uuid") == "u-2"
    assert first.variable("leg_timeout") == "20"
    assert first.variable("fail_on_single_reject") == "^^:USER_BUSY:CALL_REJECTED"


def test_quoted_comma_is_lost_inside_brackets() -> None:
    (leg,) = read_dial_string("[c='m,n']sofia/gateway/g/1").legs
    assert leg.local_variables == {"c": "m"}


def test_a_closing_brace_from_outside_injects_a_leg() -> None:
    dial = read_dial_string("{n=a},sofia/evil/x@y}sofia/gateway/g/1")
    assert "sofia/evil/x@y}sofia/gateway/g/1" in dial.endpoints


def test_enterprise_branches_inherit_only_the_angle_brackets() -> None:
    dial = read_dial_string("<u=1>{a=2}sofia/gateway/a/1|sofia/gateway/b/1:_:sofia/gateway/c/1")
    assert dial.enterprise
    assert [len(branch.groups) for branch in dial.branches] == [2, 1]
    first, _, third = dial.legs
    assert first.variables == {"u": "1", "ignore_early_media": "true", "a": "2"}
    assert third.variables == {"u": "1", "ignore_early_media": "true"}
    assert dial.global_variables == {"u": "1", "ignore_early_media": "true"}


def test_global_variables_win_on_the_channel_and_local_ones_for_the_endpoint() -> None:
    (leg,) = read_dial_string("{x=global,G=1}[x=local,L=2]sofia/gateway/g/1").legs
    assert leg.parameter("x") == "local"
    assert leg.variable("x") == "global"
    assert leg.variables == {"x": "global", "G": "1", "L": "2"}
    assert leg.variable("g") == "1"
    (leg,) = read_dial_string("{x=global,local_var_clobber=true}[x=local]sofia/gateway/g/1").legs
    assert leg.variable("x") == "local"
    assert leg.variables["x"] == "local"


def test_a_variable_mark_in_a_value_is_refused() -> None:
    text = "{a=${mark},b=1}sofia/gateway/g/1"
    (leg,) = read_expanded(text).legs
    assert leg.variables == {"b": "1"}
    assert leg.variable("a") is None
    (leg,) = read_expanded("{origination_nested_vars=true,a=${mark}}sofia/gateway/g/1").legs
    assert leg.variables["a"] == "${mark}"


def test_expansion_comes_before_everything() -> None:
    dial = read_dial_string(
        "{a=${name}}sofia/gateway/g/${api(${n})}",
        variables={"name": "x},sofia/evil/1", "n": "7"},
        apis={"api": lambda argument: f"<{argument}>"},
    )
    assert dial.endpoints[1].startswith("sofia/evil/1}")
    assert dial.api_calls == (("api", "7"),)
    assert dial.endpoints[-1].endswith("/<7>")


def test_errors_are_reported_and_not_raised() -> None:
    assert read_dial_string("{a=b").error == PARSE_ERROR
    assert read_dial_string("{a=b}").error == NO_DESTINATION
    assert read_dial_string("<a=b").error == PARSE_ERROR
    assert read_dial_string("<a=b:_:c").error == PARSE_ERROR
    (group, rest) = (
        read_dial_string("[a=1]sofia/gateway/a/1,[b|sofia/gateway/c/1").branches[0].groups
    )
    assert group.error == PARSE_ERROR
    assert [leg.endpoint for leg in group.legs] == ["sofia/gateway/a/1"]
    assert [leg.endpoint for leg in rest.legs] == ["sofia/gateway/c/1"]


def test_no_more_than_128_alternatives() -> None:
    dial = read_dial_string("|".join(f"sofia/gateway/g/{i}" for i in range(130)))
    assert len(dial.branches[0].groups) == 128
    assert dial.legs[-1].endpoint == "sofia/gateway/g/127|sofia/gateway/g/128|sofia/gateway/g/129"
    branches = read_dial_string(":_:".join(f"sofia/gateway/g/{i}" for i in range(130))).branches
    assert len(branches) == 130  # the last one is an enterprise originate in itself


def test_exports_reach_every_leg() -> None:
    dial = read_dial_string("{a=1}sofia/gateway/g/1", inherited={"a": "0", "e": "2"})
    assert dial.legs[0].variables == {"a": "1", "e": "2"}


NOISE = st.text(alphabet="ab1=,|[]{}<>'\"\\^:;/_$() \x01\x02é%.", max_size=60)
PIECES = st.lists(
    st.sampled_from(
        [
            *"=,|[]{}<>'\\^/$() ",
            "${a}",
            "${cond(",
            ":_:",
            "^^;",
            "[a=b]",
            "{a=b}",
            "sofia/x/1",
            "\\'",
        ]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.one_of(NOISE, PIECES, st.text(max_size=40)))
def test_any_text_is_read_to_an_end(text: str) -> None:
    dial = read_dial_string(text, variables={"a": "${b}${b}", "b": "x${a}"})
    for leg in dial.legs:
        assert isinstance(leg.variables, dict)
        assert isinstance(leg.endpoint, str)


PLAIN_VALUE = st.text(alphabet="abcXYZ019_+.:@/^%#-=", min_size=1, max_size=12)
PLAIN_PAIR = st.tuples(st.text(alphabet="abc_", min_size=1, max_size=6), PLAIN_VALUE)


def written(brackets: str, pairs: list[tuple[str, str]]) -> str:
    return brackets[0] + ",".join(f"{n}={v}" for n, v in pairs) + brackets[1] if pairs else ""


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PLAIN_PAIR, max_size=3),
    st.lists(
        st.lists(st.tuples(st.lists(PLAIN_PAIR, max_size=3), PLAIN_VALUE), min_size=1, max_size=3),
        min_size=1,
        max_size=4,
    ),
    st.one_of(st.just(""), PIECES),
    st.integers(0, 200),
)
def test_the_short_cut_agrees_with_the_long_way(
    pairs: list[tuple[str, str]],
    groups: list[list[tuple[list[tuple[str, str]], str]]],
    noise: str,
    where: int,
) -> None:
    text = written("{}", pairs) + "|".join(
        ",".join(written("[]", local) + f"sofia/gateway/{end}" for local, end in legs)
        for legs in groups
    )
    text = text[:where] + noise + text[where:]
    quick = dialstring._read_plain(text)
    if quick is None:
        return
    (slow,) = dialstring._read_branch(encode(text), Headers(), False)
    assert dict(quick.global_variables) == dict(slow.global_variables)
    assert slow.error is None
    assert [
        [(leg.endpoint, dict(leg.local_variables), leg.variables) for leg in group.legs]
        for group in quick.groups
    ] == [
        [(leg.endpoint, dict(leg.local_variables), leg.variables) for leg in group.legs]
        for group in slow.groups
    ]


def test_the_short_cut_is_taken_for_what_vnroute_writes() -> None:
    assert dialstring._read_plain(PLAN) is not None


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.text(alphabet="abcdefg_", min_size=1, max_size=8),
        st.text(alphabet="abc019 .+@/:-", min_size=1, max_size=10).filter(lambda v: v == v.strip()),
        max_size=4,
    ),
    st.lists(st.lists(st.integers(0, 10**12), min_size=1, max_size=3), min_size=1, max_size=4),
)
def test_round_trip(variables: dict[str, str], groups: list[list[int]]) -> None:
    text = written("{}", list(variables.items())) + "|".join(
        ",".join(f"[n={number}]sofia/gateway/gw/{number}" for number in legs) for legs in groups
    )
    dial = read_dial_string(text)
    assert shape(dial) == [[f"sofia/gateway/gw/{number}" for number in legs] for legs in groups]
    for leg, number in zip(dial.legs, [n for legs in groups for n in legs], strict=True):
        assert leg.local_variables == {"n": str(number)}
        assert leg.global_variables == variables
