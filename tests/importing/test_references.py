"""What entries say of each other: within a load, and together with what is stored."""

from collections.abc import Callable

from vnroute.model import RoutingDataError

Replaced = Callable[[str, str], str]


def test_a_load_and_the_same_again(desk, base) -> None:
    report = desk.load(("base.yaml", base))
    assert (report.applied, report.change_counter) == (True, 1)
    assert (report.total.added, report.total.touched) == (9, True)
    assert report.warnings == []
    again = desk.load(("base.yaml", base))
    assert (again.change_counter, again.total.touched, again.total.unchanged) == (1, False, 9)


def test_a_dry_run_counts_and_keeps_nothing(desk, base) -> None:
    before = desk.state()
    report = desk.load(("base.yaml", base), dry_run=True)
    assert (report.applied, report.total.added, report.change_counter) == (False, 9, 0)
    assert desk.state() == before


def test_dangling_references(desk, replaced) -> None:
    text = replaced("account: acme\n    steps", "account: acne\n    steps")
    assert desk.refused(("r.yaml", text)) == [
        "r.yaml:10: plans[0].account: found 'acne', "
        "expected an account that is there or comes along; did you mean acme?",
        "r.yaml:19: numbers[0].plan: found 'acme-main', a plan of the account 'acne', "
        "expected a plan of the number's account 'acme'",
        "r.yaml:21: blocks[0].plan: found 'acme-main', a plan of the account 'acne', "
        "expected a plan of the number's account 'acme'",
    ]
    assert desk.refused(("r.yaml", replaced("when: office-hours", "when: night"))) == [
        "r.yaml:12: plans[0].steps[0].when: found 'night', "
        "expected a schedule that is there or comes along"
    ]
    assert desk.refused(("r.yaml", replaced("carrier: alpha", "carrier: beta"))) == [
        "r.yaml:26: rates[0].carrier: found 'beta', "
        "expected a carrier that is there or comes along; did you mean alpha?".replace(
            "; did you mean alpha?", ""
        )
    ]
    assert desk.refused(("r.yaml", replaced("plan: acme-main, campaign", "plan: x, campaign"))) == [
        "r.yaml:19: numbers[0].plan: found 'x', expected a plan that is there or comes along"
    ]


def test_nothing_is_said_of_who_refers_to_a_refused_entry(desk, replaced) -> None:
    problems = desk.refused(("r.yaml", replaced("hangup: USER_BUSY", "hangup: BUSY")))
    assert len(problems) == 1
    assert problems[0].startswith("r.yaml:14: plans[0].steps[2].hangup: found 'BUSY'")


def test_a_plan_of_another_account(furnished) -> None:
    text = 'numbers:\n  - number: "+18005550000"\n    account: acme\n    plan: other-main\n'
    assert furnished.refused(("n.yaml", text)) == [
        "n.yaml:4: numbers[0].plan: found 'other-main', a plan of the account 'other', "
        "expected a plan of the number's account 'acme'"
    ]


def test_duplicate_ids_in_a_file_and_across_files(desk) -> None:
    assert desk.refused(("a.yaml", "accounts:\n  - id: a\n  - id: b\n  - id: a\n")) == [
        "a.yaml:4: accounts[2].id: found 'a' again, expected each account once; "
        "it is first on line 2"
    ]
    problems = desk.refused(("a.yaml", "accounts: [{id: a}]"), ("b.yaml", "accounts: [{id: a}]"))
    assert problems == [
        "b.yaml:1: accounts[0].id: found 'a' again, expected each account once; "
        "it is first on a.yaml, line 1"
    ]


def test_duplicate_gateways_over_carriers(furnished) -> None:
    text = "carriers:\n  - id: beta\n    gateways:\n      - {id: alpha-1, gateway: x}\n"
    assert furnished.refused(("c.yaml", text)) == [
        "c.yaml:4: carriers[0].gateways[0].id: found 'alpha-1', "
        "a gateway of the carrier 'alpha' already, expected each gateway id once over all carriers"
    ]
    text = "carriers: [{id: c, gateways: [{id: g, gateway: x}, {id: g, gateway: y}]}]"
    assert "carriers[0].gateways[1].id: found 'g'" in furnished.refused(("c.yaml", text))[0]


def test_duplicate_numbers_in_every_kind_of_file(furnished) -> None:
    yaml = """\
numbers:
  - {number: "+18005550001", account: acme, plan: acme-main}
  - {number: "+1 (800) 555-0001", account: acme, plan: acme-main}
  - {number: "+18005550002", account: acme, plan: acme-main}
"""
    csv = "number,account,plan\n+18005550002,acme,acme-main\n"
    assert furnished.refused(("n.yaml", yaml), ("n.csv", csv)) == [
        "n.yaml:3: numbers[1].number: found the same number again, "
        "expected each number once; it is first on line 2",
        "n.csv:2: number: found the same number again, "
        "expected each number once; it is first on n.yaml, line 4",
    ]


def test_duplicate_and_overlapping_blocks(furnished) -> None:
    text = """\
blocks:
  - {block: "+1800555xxxx", account: acme, plan: acme-main}
  - {block: "+18005550000-+18005559999", account: acme, plan: acme-main}
  - {block: "+18005559000-+18005560999", account: acme, plan: acme-main}
  - {prefix: "+1800555", account: acme, plan: acme-main}
  - {block: "+18885559000-+18885560999", account: acme, plan: acme-main}
  - {block: "+180055512xx", account: acme, plan: acme-main}
"""
    apart = "expected blocks that are apart, or one within the other"
    assert furnished.refused(("b.yaml", text)) == [
        "b.yaml:3: blocks[1].block: found '+18005550000-+18005559999' again, "
        "expected each block once; it is first on line 2",
        "b.yaml:4: blocks[2].block: found '+18005559000-+18005560999', which covers a part of "
        f"'+1800555xxxx' (+18005559000 to +18005559999), {apart}",
        "b.yaml:5: blocks[3].prefix: found '+1800555', which covers the same numbers as "
        f"'+1800555xxxx' (+18005550000 to +18005559999), {apart}",
        "b.yaml:5: blocks[3].prefix: found '+1800555', which covers a part of "
        f"'+18005559000-+18005560999' (+18005559000 to +18005559999), {apart}",
        "b.yaml:6: blocks[4].block: found '+18885559000-+18885560999', which covers a part of "
        f"'+1888555xxxx' (+18885559000 to +18885559999), {apart}",
    ]


def test_nested_blocks_and_numbers_in_blocks_are_fine(furnished) -> None:
    text = """\
blocks:
  - {prefix: "+1", account: other, plan: other-main}
  - {block: "+188855512xx", account: other, plan: other-main}
  - {block: "+1888555xxxx", account: other, plan: other-main}
numbers:
  - {number: "+18885551299", account: acme, plan: acme-main}
"""
    report = furnished.load(("b.yaml", text))
    assert (report.counts["blocks"].added, report.counts["blocks"].changed) == (2, 1)
    find = furnished.store.find_number
    assert [find(n).account for n in (18885551299, 18885551298, 18885550000, 12125550000)] == [
        "acme",
        "other",
        "other",
        "other",
    ]


def test_targets_that_the_account_does_not_allow(desk, replaced) -> None:
    assert desk.refused(("r.yaml", replaced("+19175550123", "+4930123456"))) == [
        "r.yaml:13: plans[0].steps[1].ring[0]: found '+4930123456', "
        "expected a target that the account 'acme' allows: +1, +44"
    ]


def test_premium_and_personal_targets(desk, replaced) -> None:
    for number in ("+19005550123", "+15005550123", "+447012345678"):
        assert desk.refused(("r.yaml", replaced("+19175550123", number))) == [
            f"r.yaml:13: plans[0].steps[1].ring[0]: found '{number}', "
            "a premium-rate or personal number, "
            "expected an ordinary number, or allow_premium for the account 'acme'"
        ]
    text = replaced("+19175550123", "+19005550123").replace(
        "id: acme,", "id: acme, allow_premium: true,"
    )
    assert desk.load(("r.yaml", text)).applied


def test_an_account_may_not_forbid_what_stored_plans_ring(furnished, base) -> None:
    text = "accounts:\n  - id: acme\n    allow:\n      - +44\n"
    assert furnished.refused(("a.yaml", text)) == [
        "a.yaml:4: accounts[0].allow: found +44 while the stored plan 'acme-main' rings "
        "+12125550100, expected prefixes that cover +12125550100, "
        "or the plan changed along with it",
        "a.yaml:4: accounts[0].allow: found +44 while the stored plan 'acme-main' rings "
        "+19175550123, expected prefixes that cover +19175550123, "
        "or the plan changed along with it",
    ]
    premium = base.replace("id: acme,", "id: acme, allow_premium: true,")
    furnished.load(("p.yaml", premium.replace("+19175550123", "+19005550123")))
    assert furnished.refused(("a.yaml", "accounts:\n  - id: acme\n")) == [
        "a.yaml:2: accounts[0].allow_premium: found false while the stored plan 'acme-main' rings "
        "+19005550123, a premium-rate or personal number, "
        "expected true, or the plan changed along with it"
    ]


def test_a_plan_in_use_may_not_change_its_account(furnished) -> None:
    text = "plans:\n  - id: acme-main\n    account: other\n    steps: [{hangup: relay}]\n"
    assert furnished.refused(("p.yaml", text)) == [
        "p.yaml:3: plans[0].account: found 'other' while numbers of the account 'acme' have the "
        "plan, expected 'acme', or those numbers given another plan along with it"
    ]
    moved = """\
numbers: [{number: "+18005551234", account: other, plan: acme-main}]
blocks: [{block: "+1888555xxxx", account: other, plan: acme-main}]
"""
    assert furnished.load(("p.yaml", text), ("n.yaml", moved)).applied


LOOP = """\
plans:
  - id: acme-main
    account: acme
    steps:
      - {ring: ["+18885550001"]}
      - {hangup: relay}
"""


def test_a_loop_is_refused_and_spelled(furnished) -> None:
    assert furnished.refused(("l.yaml", LOOP)) == [
        "l.yaml:5: plans[0].steps[0].ring[0]: found a forwarding loop: "
        "+18885550001 -> plan acme-main -> +18885550001, "
        "expected forwarding that comes to an end"
    ]


def test_a_loop_that_a_number_list_closes(furnished) -> None:
    csv = "number,account,plan\n+18005559999,acme,acme-main\n+12125550100,acme,acme-main\n"
    assert furnished.refused(("n.csv", csv), only="numbers") == [
        "n.csv:3: plan: found a forwarding loop: +12125550100 -> plan acme-main -> +12125550100, "
        "expected forwarding that comes to an end"
    ]


def test_a_loop_that_a_block_closes(furnished) -> None:
    text = 'blocks:\n  - {block: "+121255501xx", account: acme, plan: acme-main}\n'
    assert furnished.refused(("b.yaml", text)) == [
        "b.yaml:2: blocks[0].plan: found a forwarding loop: "
        "+12125550100 -> plan acme-main -> +12125550100, expected forwarding that comes to an end"
    ]


def chain(count: int) -> str:
    plans = "".join(
        f"  - id: p{i}\n    account: a\n"
        f"    steps: [{{ring: [+180055500{i + 1:02}]}}, {{hangup: relay}}]\n"
        for i in range(count)
    )
    numbers = "".join(
        f'  - {{number: "+180055500{i:02}", account: a, plan: p{i}}}\n' for i in range(count)
    )
    return f"accounts: [{{id: a}}]\nplans:\n{plans}numbers:\n{numbers}"


def test_chains_of_five_hops_are_the_longest(desk) -> None:
    problems = desk.refused(("c.yaml", chain(7)))
    assert len(problems) == 1
    assert problems[0].startswith(
        "c.yaml:5: plans[0].steps[0].ring[0]: found a chain of 6 forwards: plan p0 -> +18005550001"
    )
    assert problems[0].endswith("expected 5 at most")
    assert desk.load(("c.yaml", chain(7)), max_hops=6).applied
    assert desk.load(("c.yaml", chain(6)), replace=True).applied


def test_warnings_do_not_refuse(desk, base) -> None:
    text = base.split("rates:")[0].replace("+12125550100", "+4412345678901")
    report = desk.load(("w.yaml", text))
    assert [str(w).rpartition("/")[2] for w in report.warnings] == [
        "w.yaml:12: plans[0].steps[0].ring[0]: found '+4412345678901', "
        "expected 7, 9 or 10 digits after +44",
        "w.yaml:23: carriers[0].id: found 'alpha', a carrier without rates, expected a rate deck: "
        "without one it takes every destination, after all carriers that have a rate for it",
    ]


def test_replace_leaves_only_what_comes(furnished) -> None:
    text = "accounts: [{id: new}]\nplans: [{id: p, account: new, steps: [{hangup: relay}]}]\n"
    csv = "number,account,plan\n+18005550000,new,p\n"
    report = furnished.load(("n.yaml", text), ("n.csv", csv), replace=True)
    assert (report.total.added, report.total.removed) == (3, 9)
    counts = furnished.store.counts()
    assert (counts.accounts, counts.plans, counts.numbers, counts.blocks) == (1, 1, 1, 0)
    assert (counts.carriers, counts.rates, counts.schedules) == (0, 0, 0)
    assert [a.account for a in furnished.store.assignments()] == ["new"]


def test_replace_does_not_see_what_it_removes(furnished) -> None:
    text = 'numbers:\n  - {number: "+18005550000", account: acme, plan: acme-main}\n'
    assert furnished.refused(("n.yaml", text), replace=True) == [
        "n.yaml:2: numbers[0].account: found 'acme', "
        "expected an account that is there or comes along",
        "n.yaml:2: numbers[0].plan: found 'acme-main', "
        "expected a plan that is there or comes along",
    ]


def test_only_fifty_problems_are_kept_and_the_rest_counted(desk, tmp_path) -> None:
    text = "accounts:\n" + "  - id: a b\n" * 120
    try:
        desk.load(("a.yaml", text))
    except RoutingDataError as error:
        assert (len(error.problems), error.more) == (50, 70)
    else:
        raise AssertionError


def test_targets_that_are_plans(desk, replaced) -> None:
    text = replaced('ring: ["+19175550123"]', 'ring: ["plan:acme-mian"]')
    assert desk.refused(("r.yaml", text)) == [
        "r.yaml:13: plans[0].steps[1].ring[0]: found 'plan:acme-mian', "
        "expected a plan that is there or comes along; did you mean acme-main?"
    ]
    text = replaced('ring: ["+19175550123"]', 'ring: ["plan:acme-main"]')
    assert desk.refused(("r.yaml", text)) == [
        "r.yaml:13: plans[0].steps[1].ring[0]: found a forwarding loop: "
        "plan acme-main -> plan acme-main, expected forwarding that comes to an end"
    ]


def test_a_number_of_ours_does_not_ring_beside_others(desk, replaced) -> None:
    text = replaced(
        'ring: ["+19175550123"]', 'ring: ["+19175550123", "+18005551234"], how: together'
    )
    assert (
        "r.yaml:13: plans[0].steps[1].ring[1]: found '+18005551234', "
        "expected a target that is no number of ours, or how: in-order"
    ) in desk.refused(("r.yaml", text))


def test_a_choice_names_carriers_that_are_there(desk) -> None:
    text = (
        "accounts: [{id: acme, choice: {deny: [nobody]}}]\n"
        "carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}]\n"
    )
    (problem,) = desk.refused(("r.yaml", text))
    assert "accounts[0].choice.deny: found 'nobody', expected a carrier" in problem
    assert desk.load(("r.yaml", text.replace("nobody", "alpha"))).total.added == 2
