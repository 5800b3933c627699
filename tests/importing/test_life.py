"""Lives of numbers as they are loaded: notations, answers, quarantine."""

from __future__ import annotations

import pytest

ANSWERS = """\
answers:
  - {id: standard, system: true, suspended: "play:off.wav", expired: "play:b-1.wav NUMBER_CHANGED"}
"""


def number(**fields: str) -> str:
    extra = "".join(f", {name}: {value!r}" for name, value in fields.items())
    return f'numbers:\n  - {{number: "+18005550001", account: acme, plan: acme-main{extra}}}\n'


def test_a_life_is_stored_as_written_and_shared(furnished) -> None:
    text = "number,account,plan,state,from,until,ported_to\n"
    text += "+18005550001,acme,acme-main,,2026-12-01,2027-03-31T18:00,\n"
    text += "+18005550002,acme,acme-main,active,2026-12-01,2027-03-31T18:00,\n"
    text += "+18005550003,acme,acme-main,ported-out,,,Beta Tel\n"
    assert furnished.load(("n.csv", text), only="numbers").counts["numbers"].added == 3
    one, two, three = (furnished.store.find_number(18005550001 + place) for place in range(3))
    assert one == two
    assert (one.state, one.since, one.until) == ("active", "2026-12-01", "2027-03-31T18:00")
    assert (three.state, three.ported_to) == ("ported-out", "Beta Tel")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"from": "1.12.2026"}, "numbers[0].from: found '1.12.2026', expected a day or a moment"),
        ({"from": "2026-02-29"}, "numbers[0].from: found '2026-02-29', expected a day and a time"),
        ({"until": "2026-12-01T25:00"}, "numbers[0].until: found '2026-12-01T25:00', expected"),
        ({"until": "2026-12-01T09:00+30:00"}, "numbers[0].until: found '2026-12-01T09:00+30:00'"),
        ({"until": "1969-12-01"}, "numbers[0].until: found '1969-12-01', expected a year from"),
        (
            {"from": "2026-12-02", "until": "2026-12-01"},
            "numbers[0].until: found '2026-12-01', expected an end behind its beginning",
        ),
        (
            {"from": "2026-12-01T09:00", "until": "2026-12-01T09:00"},
            "numbers[0].until: found '2026-12-01T09:00', expected an end behind its beginning",
        ),
        ({"state": "quarantined"}, "numbers[0].until: found nothing, expected the last day of its"),
        ({"ported_to": "Beta"}, "numbers[0].ported_to: found 'Beta', expected \"state: ported-out"),
        ({"state": "lost"}, "numbers[0].state: found 'lost', expected active, suspended, reserved"),
    ],
)
def test_each_mistake_in_a_life(furnished, fields: dict[str, str], problem: str) -> None:
    (told,) = furnished.refused(("r.yaml", number(**fields)))
    assert told.startswith(f"r.yaml:2: {problem}")
    names = ",".join(fields)
    text = f"number,account,plan,{names}\n+18005550001,acme,acme-main,{','.join(fields.values())}\n"
    (told,) = furnished.refused(("n.csv", text), only="numbers")
    assert told.startswith(f"n.csv:2: {problem.removeprefix('numbers[0].')}")


def test_one_day_is_a_life(furnished) -> None:
    day = {"from": "2026-12-01", "until": "2026-12-01"}
    assert furnished.load(("r.yaml", number(**day))).total.added == 1


def test_a_quarantined_number_waits_for_its_end(furnished) -> None:
    held = number(state="quarantined", until="2999-12-31")
    furnished.load(("r.yaml", held))
    text = "number,account,plan\n+18005550001,other,other-main\n"
    (told,) = furnished.refused(("n.csv", text), only="numbers")
    assert told == (
        "n.csv:2: account: found 'other' for +18005550001, which 'acme' had, expected 'acme' until"
        " its quarantine ends on 3000-01-01 at 00:00 (America/New_York)"
    )
    furnished.load(("r.yaml", number()))
    assert furnished.store.find_number(18005550001).state == "active"
    furnished.load(("r.yaml", number(state="quarantined", until="2020-12-31")))
    assert furnished.load(("n.csv", text), only="numbers").total.changed == 1


def test_answers_load_and_are_the_same_a_second_time(furnished) -> None:
    assert furnished.load(("r.yaml", ANSWERS)).total.added == 1
    assert furnished.load(("r.yaml", ANSWERS)).total.unchanged == 1
    (one,) = furnished.store.answers()
    assert one.treatment("expired").cause == "NUMBER_CHANGED"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("suspended: busy", "answers[0].suspended: found 'busy', expected a hangup cause, \"play:"),
        ("suspended: BUSY", "answers[0].suspended: found 'BUSY', expected a hangup cause of"),
        ('suspended: "play:../x"', "answers[0].suspended: found '../x', expected the path of a"),
        ('suspended: "play:a${x}"', "answers[0].suspended: found 'a${x}', expected the path of"),
        ('suspended: "play:a.wav NOPE"', "answers[0].suspended: found 'NOPE', expected a hangup"),
        ('suspended: "voicemail:100"', "answers[0].suspended: found '100', expected a mailbox"),
        ('suspended: "plan:nope"', "answers[0].suspended: found 'plan:nope', expected a plan that"),
        ("gone: USER_BUSY", "answers[0].gone: found the unknown field 'gone', expected one of id"),
    ],
)
def test_each_mistake_in_answers(furnished, text: str, problem: str) -> None:
    (told,) = furnished.refused(("r.yaml", f"answers:\n  - {{id: a, {text}}}\n"))
    assert told.startswith(f"r.yaml:2: {problem}")


def test_answers_are_there_one_for_the_system_and_with_plans_of_the_account(furnished) -> None:
    named = "accounts:\n  - {id: third, answers: nope}\n"
    (told,) = furnished.refused(("r.yaml", named))
    assert "accounts[0].answers: found 'nope', expected a set of answers that is there" in told
    two = ANSWERS + "  - {id: other-system, system: true}\n"
    (told,) = furnished.refused(("r.yaml", two))
    assert "one set for the system at most" in told
    foreign = "accounts:\n  - {id: third, answers: a}\nanswers:\n"
    foreign += '  - {id: a, reserved: "plan:acme-main"}\n'
    (told,) = furnished.refused(("r.yaml", foreign))
    assert told.startswith("r.yaml:2: accounts[0].answers: found 'a', where reserved is plan:acme")
