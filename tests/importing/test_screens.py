"""Screens and lists of callers as they are loaded."""

from __future__ import annotations

import pytest

from vnroute.importing.lists import load_list
from vnroute.model import RoutingDataError
from vnroute.model.screen import caller_key

SCREENS = """\
lists:
  - {id: nuisance, callers: ["+1900*", anonymous, no-valid-number, "+442079460123"]}
  - {id: friends}
screens:
  - id: door
    rules:
      - {allow: friends}
      - {block: nuisance, treat: "play:no.wav"}
      - {rate: 5/60, treat: USER_BUSY}
"""
NUMBER = 'numbers:\n  - {number: "+18005550001", account: acme, plan: acme-main, screen: door}\n'


def test_screens_load_and_numbers_name_them(furnished) -> None:
    assert furnished.load(("r.yaml", SCREENS + NUMBER)).total.added == 4
    assert furnished.store.find_number(18005550001).screen == "door"
    csv = "number,account,plan,screen\n+18005550002,acme,acme-main,door\n"
    assert furnished.load(("n.csv", csv), only="numbers").total.added == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lists:\n  - {id: a, callers: [\"1900\"]}\n", "2: lists[0].callers[0]: found '1900'"),
        ("lists:\n  - {id: a, callers: [\"+0*\"]}\n", "2: lists[0].callers[0]: found '+0"),
        ("screens:\n  - {id: a, rules: []}\n", "2: screens[0].rules: found 0 rules, expected 1"),
        ("screens:\n  - {id: a, rules: [{block: no}]}\n", "2: screens[0].rules[0].block: found"),
        (
            "screens:\n  - {id: a, rules: [{rate: 0/60}]}\n",
            "2: screens[0].rules[0].rate: found '0/60', expected calls and seconds",
        ),
        (
            "screens:\n  - {id: a, rules: [{rate: 5/60, treat: \"plan:acme-main\"}]}\n",
            "2: screens[0].rules[0].treat: found 'plan:acme-main', expected a hangup cause",
        ),
        (
            "screens:\n  - {id: a, rules: [{limits: {}}]}\n",
            "2: screens[0].rules[0].limits.calls: found no limit, expected calls, cps or both",
        ),
        (
            "screens:\n  - {id: a, rules: [{limits: {calls: -1}}]}\n",
            "2: screens[0].rules[0].limits.calls: found -1, expected 0 (no bound) to 1000000",
        ),
        (
            "screens:\n  - {id: a, rules: [{limits: {calls: 2}, rate: 5/60}]}\n",
            "2: screens[0].rules[0].rate: found rate and limits, expected one of allow, block",
        ),
        (
            "screens:\n  - {id: a, rules: [{limits: {calls: 2}}, {limits: {cps: 2}}]}\n",
            "2: screens[0].rules[1].limits: found limits again, expected one rule of limits",
        ),
        (
            "screens:\n  - {id: a, rules: [{limits: {calls: 2}, treat: 503}]}\n",
            "2: screens[0].rules[0].treat: found",
        ),
        (
            "screens:\n  - {id: a, rules: [{limits: {calls: 2}, treat: BUSY}]}\n",
            "2: screens[0].rules[0].treat: found 'BUSY'",
        ),
        (
            "screens:\n  - {id: a, rules: [{limits: {calls: 2}, treat: \"plan:no\"}]}\n",
            "2: screens[0].rules[0].treat: found 'no', expected a plan",
        ),
        (
            "accounts:\n  - {id: other, screen: nope}\n",
            "2: accounts[0].screen: found 'nope', expected a screen that is there",
        ),
        (
            NUMBER.replace("screen: door", "screen: nope"),
            "2: numbers[0].screen: found 'nope', expected a screen that is there or comes along",
        ),
    ],
)  # fmt: skip
def test_each_mistake(furnished, text: str, problem: str) -> None:
    (told,) = furnished.refused(("r.yaml", text))
    assert told.startswith(f"r.yaml:{problem}")


def test_a_list_is_imported_added_to_and_replaced(furnished) -> None:
    furnished.load(("r.yaml", SCREENS))
    first = furnished.file("a.csv", "caller,note\n+34911234567,spam\n+3490*,\nanonymous,\n")
    assert load_list(furnished.store, "nuisance", [first]).total.added == 3
    assert load_list(furnished.store, "nuisance", [first]).total.unchanged == 3
    second = furnished.file("b.csv", "caller\n+34911234567\n+34911234568\n")
    report = load_list(furnished.store, "nuisance", [second], replace=True)
    assert (report.total.added, report.total.unchanged, report.total.removed) == (1, 1, 2)
    assert list(furnished.store.iter_callers()) == [
        (caller_key("+34911234567"), "nuisance"),
        (caller_key("+34911234568"), "nuisance"),
    ]
    load_list(furnished.store, "friends", [second], dry_run=True)
    assert len(list(furnished.store.iter_callers())) == 2


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("nope", "caller\n+34911234567\n", "LIST: list: found 'nope', expected a list"),
        ("friends", "number\n+34911234567\n", "l.csv:1: header: found"),
        ("friends", "caller\n+34911234567\n34911234567\n", "l.csv:3: caller: found '34911234567'"),
        ("friends", "caller\n+34911234567,x\n", "l.csv:2: row: found 2 fields"),
    ],
)  # fmt: skip
def test_each_mistake_in_a_list(furnished, name: str, text: str, problem: str) -> None:
    furnished.load(("r.yaml", SCREENS))
    with pytest.raises(RoutingDataError) as caught:
        load_list(furnished.store, name, [furnished.file("l.csv", text)])
    told = [str(one).replace(f"{furnished.folder}/", "") for one in caught.value.problems]
    assert told[0].startswith(problem)
    assert list(furnished.store.iter_callers()) == []
