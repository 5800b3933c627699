"""Screening: lists of callers, held to a plain reading of lists and rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.image.test_damage import resealed
from tests.support.images import MONDAY_NOON_IN_NEW_YORK as NOW
from tests.support.images import compiled
from tests.support.memory import MemoryRouting
from vnroute.image.layout import ImageError, SectionId, read_header
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data, explain
from vnroute.matcher.image import RouteImage
from vnroute.model import (
    Account,
    CallerList,
    Carrier,
    Gateway,
    Number,
    Plan,
    Screen,
    ScreenRule,
    Step,
)
from vnroute.model.limits import Limits
from vnroute.model.screen import caller_key

NUMBER = "+18005551234"
LISTS = (
    CallerList(id="friends", callers=("+442079460123",)),
    CallerList(id="nuisance", callers=("+4420*", "+1900*", "+12125550199", "no-valid-number")),
    CallerList(id="hidden", callers=("anonymous",)),
)


def routing(screens: tuple[Screen, ...], number: str = "", account: str = "", **more: object):
    return MemoryRouting(
        account_list=[Account(id="acme", screen=account)],
        plan_list=[
            Plan(
                id="main", account="acme", steps=(Step(ring=("+12125550100",)),
                                                  Step(hangup="USER_BUSY"))
            ),
            Plan(id="desk", account="acme", steps=(Step(ring=("+12125550101",)),
                                                   Step(hangup="relay"))),
        ],
        number_list=[Number(number=NUMBER, account="acme", plan="main", screen=number)],
        carrier_list=[Carrier(id="alpha", gateways=(Gateway(id="alpha-1", gateway="gwA"),))],
        screen_list=list(screens),
        **{"caller_lists": list(LISTS), **more},
    )  # fmt: skip


def asked(matcher: Matcher, caller: str) -> list[tuple[str, str]]:
    return list(applications_of(matcher.decide(channel_data(NUMBER, caller), NOW)))


@pytest.mark.parametrize(
    ("caller", "blocked"),
    [
        ("+442079460123", False), ("+442079460124", True), ("442079460124", True),
        ("+19005550100", True), ("+1900", True), ("+190", False), ("+12125550199", True),
        ("+121255501990", False), ("+1212555019", False), ("0207946012", True), ("", True),
        ("anonymous", False), ("x", True), ("+34911234567", False),
    ],
)  # fmt: skip
def test_allowing_beats_blocking_and_prefixes_hold(
    caller: str, blocked: bool, tmp_path: Path
) -> None:
    screen = Screen(id="door", rules=(ScreenRule(block="nuisance"), ScreenRule(allow="friends")))
    matcher = Matcher(compiled(routing((screen,), number="door"), tmp_path))
    found = asked(matcher, caller)
    explained = explain(matcher, NUMBER, caller, NOW)
    assert (found[1:] == [("hangup", "CALL_REJECTED")]) is blocked
    assert ("vn_refused=screened" in found[0][1]) is blocked
    assert matcher.counts()["screened"] == 2 * blocked
    assert (explained.refused is not None) is blocked
    if explained.refused:
        assert "nuisance, which the number's screen blocks" in explained.refused.why
        assert [one.matched for one in explained.screens] == [False, True]
    else:
        assert found[1][0] == "bridge"


def test_the_number_s_screen_comes_before_the_account_s_before_the_system_s(
    tmp_path: Path,
) -> None:
    screens = (
        Screen(id="n", rules=(ScreenRule(block="hidden", treat="play:who.wav"),)),
        Screen(id="a", rules=(ScreenRule(allow="friends"),)),
        Screen(
            id="s",
            system=True,
            rules=(ScreenRule(block="nuisance"), ScreenRule(block="hidden", treat="plan:desk")),
        ),
    )
    matcher = Matcher(compiled(routing(screens, number="n", account="a"), tmp_path))
    assert asked(matcher, "+442079460123")[1][0] == "bridge"
    assert asked(matcher, "+442079460124")[1:] == [("hangup", "CALL_REJECTED")]
    assert asked(matcher, "anonymous")[1:] == [("playback", "who.wav"), ("hangup", "CALL_REJECTED")]
    matcher = Matcher(compiled(routing(screens, account="a"), tmp_path, generation=8))
    head, bridge, _ = asked(matcher, "Anonymous")
    assert bridge[1].endswith("12125550101")
    assert "vn_plan=desk" in head[1] and "vn_treated=screened" in head[1]


def test_a_withheld_number_is_anonymous_whatever_stands_behind_it(tmp_path: Path) -> None:
    lists = (CallerList(id="x", callers=("+14155550100",)), LISTS[2])
    path = Path(__file__).parents[1] / "data/captures/anonymous.channel_data"
    for generation, (name, refused) in enumerate((("x", False), ("hidden", True)), 7):
        screens = (Screen(id="s", system=True, rules=(ScreenRule(block=name),)),)
        made = routing(screens, caller_lists=list(lists))
        matcher = Matcher(compiled(made, tmp_path, generation=generation))
        reply = matcher.decide(path.read_bytes(), NOW).decode()
        assert ("vn_refused=screened" in reply) is refused


def test_rates_are_counted_by_the_switch_for_those_who_are_not_allowed(tmp_path: Path) -> None:
    screens = (
        Screen(id="n", rules=(ScreenRule(rate="5/60", treat="USER_BUSY"),
                              ScreenRule(allow="friends"))),
        Screen(id="a", rules=(ScreenRule(rate="50/3600"),)),
        Screen(id="s", system=True, rules=(ScreenRule(rate="9/1"), ScreenRule(block="nuisance"))),
    )  # fmt: skip
    matcher = Matcher(compiled(routing(screens, number="n", account="a"), tmp_path))
    found = asked(matcher, "+34911234567")
    assert found[1:4] == [
        ("limit", "hash vn_rate 18005551234_34911234567 5/60 !USER_BUSY"),
        ("limit", "hash vn_rate acme_34911234567 50/3600 !CALL_REJECTED"),
        ("limit", "hash vn_rate 34911234567 9/1 !CALL_REJECTED"),
    ]
    assert found[4][0] == "bridge"
    assert [name for name, _ in asked(matcher, "+442079460123")] == ["multiset", "bridge", "hangup"]
    assert asked(matcher, "+19005550100")[1:] == [("hangup", "CALL_REJECTED")]
    # Nobody is counted together with others who have no number.
    assert [name for name, _ in asked(matcher, "anonymous")] == ["multiset", "bridge", "hangup"]


LIMITED = (
    Screen(id="n", rules=(ScreenRule(limits=Limits(calls=2, cps=5), treat="plan:desk"),
                          ScreenRule(allow="friends"))),
    Screen(id="a", rules=(ScreenRule(limits=Limits(calls=10)), ScreenRule(block="nuisance"))),
    Screen(id="s", system=True, rules=(ScreenRule(limits=Limits(cps=50), treat="USER_BUSY"),)),
)  # fmt: skip
COUNTED = [
    ("limit", "hash vn_system_cps all 50/1 set:vn_refused=at_capacity,hangup:USER_BUSY inline"),
    ("limit", "hash vn_account acme 10"
     " set:vn_refused=at_capacity,hangup:NORMAL_CIRCUIT_CONGESTION inline"),
    ("limit", "hash vn_number 18005551234 2 set:vn_over=number,transfer:+18005551234 inline"),
    ("limit", "hash vn_number_cps 18005551234 5/1"
     " set:vn_over=number,transfer:+18005551234 inline"),
]  # fmt: skip


def test_limits_are_counted_widest_first_for_all_but_the_blocked(tmp_path: Path) -> None:
    matcher = Matcher(compiled(routing(LIMITED, number="n", account="a"), tmp_path))
    for caller in ("+34911234567", "+442079460123", "anonymous"):
        found = asked(matcher, caller)
        assert found[1:5] == COUNTED and found[5][0] == "bridge"
        assert ";limit_ignore_transfer=true" in found[0][1] and "vn_over" not in found[0][1]
    assert asked(matcher, "+19005550100")[1:] == [("hangup", "CALL_REJECTED")]
    plain = Matcher(compiled(routing(LIMITED[2:]), tmp_path, generation=8))
    assert "limit_ignore_transfer" not in asked(plain, "+34911234567")[0][1]


@pytest.mark.parametrize(
    ("over", "taken"),
    [("number", True), ("account", False), ("system", False), ("number%0a", False), ("", False),
     ("numberx", False), ("%24%7Buuid%7D", False)],
)  # fmt: skip
def test_a_call_beyond_a_limit_is_decided_anew(over: str, taken: bool, tmp_path: Path) -> None:
    matcher = Matcher(compiled(routing(LIMITED, number="n", account="a"), tmp_path))
    block = channel_data(NUMBER, "+34911234567", hops=1).removesuffix(b"\n")
    reply = matcher.decide(block + f"variable_vn_over: {over}\n\n".encode(), NOW)
    head, *found = applications_of(reply)
    # It is said once, by the plan, and was no hop.
    assert found.pop(0) == ("unset", "vn_over")
    assert "vn_over" not in head[1] and ";vn_hops=1;" in head[1]
    if taken:
        release = "${uuid_limit_release(${uuid} hash vn_number 18005551234)}"
        assert found[0] == ("eval", release)
        assert [name for name, _ in found] == ["eval", "bridge", "hangup"]
        assert "vn_treated=at_capacity" in head[1] and found[1][1].endswith("12125550101")
        assert matcher.counts()["at_capacity"] == 1
    else:
        assert found[:4] == COUNTED
        assert matcher.counts()["routed"] == 1


ENTRIES = st.text("0129", min_size=0, max_size=9).map(lambda text: "+4" + text)


def brute(lists: dict[str, set[str]], digits: str) -> set[str]:
    """Every entry of every list, asked in turn."""
    found = set()
    for name, entries in lists.items():
        for entry in entries:
            if entry.endswith("*"):
                if digits.startswith(entry[1:-1]):
                    found.add(name)
            elif entry == f"+{digits}":
                found.add(name)
    return found


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_who_is_on_which_lists_is_what_a_plain_reading_says(
    data: st.DataObject, tmp_path: Path
) -> None:
    lists: dict[str, set[str]] = {}
    for name in "abcd":
        prefixes = data.draw(st.sets(ENTRIES.map(lambda text: f"{text}*"), max_size=5))
        whole = data.draw(st.sets(ENTRIES.filter(lambda text: len(text) > 7), max_size=5))
        lists[name] = prefixes | whole
    half = {name: sorted(entries)[::2] for name, entries in lists.items()}
    made = routing(
        (),
        caller_lists=[CallerList(id=name, callers=tuple(half[name])) for name in lists],
        imported=[
            (caller_key(entry), name) for name in lists for entry in sorted(lists[name])[1::2]
        ],
    )
    image = compiled(made, tmp_path)
    near = [re.sub(r"\D", "", entry) for entries in lists.values() for entry in entries]
    asked = data.draw(st.lists(ENTRIES, max_size=9))
    for digits in {*near, *(text + "0" for text in near), *(text[1:] for text in asked)}:
        if digits and len(digits) <= 15:
            assert set(image.caller_lists(digits)) == brute(lists, digits), digits


def test_a_hundred_thousand_entries_are_one_table(tmp_path: Path) -> None:
    made = routing(
        (Screen(id="s", system=True, rules=(ScreenRule(block="nuisance"),)),),
        imported=[((34900000000 + 7 * i) << 4, "nuisance") for i in range(100_000)],
    )
    image = compiled(made, tmp_path)
    assert image.counts()["callers"] == 100_000 + 6
    assert image.header.sections[SectionId.CALLERS].size / 100_000 < 14.5
    matcher = Matcher(image)
    for caller, blocked in (("+34900000070", True), ("+34900000071", False)):
        assert (len(asked(matcher, caller)) == 2) is blocked


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_stands_in_the_tables_is_refused_or_read_within_them(
    data: st.DataObject, tmp_path: Path
) -> None:
    screens = (
        Screen(id="n", rules=(ScreenRule(rate="5/60"), ScreenRule(allow="friends"))),
        Screen(id="s", system=True, rules=(ScreenRule(block="nuisance"), *LIMITED[0].rules[:1])),
    )
    whole = Path(compiled(routing(screens, number="n"), tmp_path).path).read_bytes()
    section = data.draw(
        st.sampled_from(
            [SectionId.CALLERS, SectionId.LIST_SETS, SectionId.LISTS, SectionId.SCREENS]
        )
    )
    size = read_header(memoryview(whole), "x").sections[section].size
    at = data.draw(st.integers(0, size // 4 - 1)) * 4
    changed = resealed(whole, section, at, data.draw(st.binary(min_size=4, max_size=4)))
    path = tmp_path / "changed"
    path.write_bytes(changed)
    try:
        image = RouteImage(path)
    except ImageError:
        return
    matcher = Matcher(image)
    over = channel_data(NUMBER, "+4420").removesuffix(b"\n") + b"variable_vn_over: system\n\n"
    matcher.decide(over, NOW)
    asked(matcher, data.draw(st.sampled_from(["+442079460123", "+4420", "anonymous", ""])))
