"""Schedules in routing files: what is refused, what is warned of, with place and meaning."""

from __future__ import annotations

import pytest

HEAD = """\
accounts:
  - {id: acme, time_zone: Europe/London}
  - {id: other, time_zone: Asia/Tokyo}
plans:
  - id: main
    account: acme
    steps:
      - {when: s, is: open, ring: ["+442079460100"]}
      - {hangup: relay}
schedules:
  - id: s
"""
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261225
END:VEVENT
END:VCALENDAR
"""


def schedule(*fields: str) -> str:
    """A routing file with one schedule; its first field is on line 12."""
    return HEAD + "".join(f"    {line}\n" for line in fields)


OPEN = "open: [{days: mon-fri, hours: 09:00-17:00}]"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (["time_zone: UTC"], "s.yaml:11: schedules[0].open: found no hours, "
         "expected hours in open, or rules or exceptions"),
        ([OPEN, "rules: [{days: sat, state: open}]"],
         "s.yaml:12: schedules[0].open: found open and rules, expected one of them"),
        (["open:", "  - {days: mon, hours: 09:00-17:00}", "  - days: mon-tue",
          "    hours: 16:00-18:00"],
         "s.yaml:14: schedules[0].open[1]: found mon-tue 16:00-18:00, expected hours that do not "
         "overlap those of open[0]"),
        (["rules:", "  - {days: mon, state: open}", "  - {days: mon, state: closed}"],
         "s.yaml:14: schedules[0].rules[1]: found days mon as 'closed', "
         "expected those times once; rules[0] has them as 'open'"),
        (["rules:", "  - {days: mon, state: open}", "  - {state: closed}"],
         "s.yaml:14: schedules[0].rules[1].days: found a rule that names no time, expected "),
        (["rules:", "  - {days: mon}"], "s.yaml:13: schedules[0].rules[0].state: found nothing, "),
        (["rules:", "  - {days: mon, state: 'x,y'}"],
         "s.yaml:13: schedules[0].rules[0].state: found 'x,y', expected 1 to 64 letters"),
        (["rules:", "  - {date: 2026-12-25, hours: 09:00-17:00, state: open}"],
         "s.yaml:13: schedules[0].rules[0].date: found the unknown field 'date', expected one of "),
        (["rules:", "  - days: mon", "    state: open", "    rrule: FREQ=DAILY"],
         "s.yaml:15: schedules[0].rules[0].rrule: found days and rrule in one rule, expected one "),
        (["rules:", "  - days: mon", "    state: open", "    hours: 09:00-09:00"],
         "s.yaml:15: schedules[0].rules[0].hours: found '09:00-09:00', expected hours such as"),
        (["rules:", "  - {dates: 2026-02-30, state: open}"],
         "s.yaml:13: schedules[0].rules[0].dates: found '2026-02-30', expected dates such as"),
        (["rules:", "  - {dates: 2027-01-02..2026-12-24, state: open}"],
         "s.yaml:13: schedules[0].rules[0].dates: found '2027-01-02..2026-12-24', expected a "),
        (["rules:", "  - {yearly: 02-30, state: open}"],
         "s.yaml:13: schedules[0].rules[0].yearly: found '02-30', expected days of the year"),
        (["rules:", "  - {days: sat, dates: 2026-11-27, state: open}"],
         "s.yaml:13: schedules[0].rules[0].dates: found days sat dates 2026-11-27, "
         "which have no day in common, expected days that are all of these"),
        (["rules:", "  - {region: ENG, days: mon, state: open}"],
         "s.yaml:13: schedules[0].rules[0].region: found 'ENG', expected \"holidays\" beside it"),
        (["rules:", "  - {holidays: England, state: open}"],
         "s.yaml:13: schedules[0].rules[0].holidays: found 'England', expected a country by its"),
        (["rules:", "  - {holidays: QQ, state: open}"],
         "s.yaml:13: schedules[0].rules[0].holidays: found 'QQ', expected a country whose"),
        (["rules:", "  - holidays: GB", "    state: open", "    region: EN"],
         "s.yaml:15: schedules[0].rules[0].region: found 'EN', expected a region of GB: "
         "ENG, NIR, SCT, WLS; did you mean ENG?"),
        (["rules:", "  - {rrule: FREQ=DAILY, state: open}"],
         "s.yaml:13: schedules[0].rules[0].start: found nothing, expected when it starts"),
        (["rules:", "  - {rrule: FREQ=DAILY, start: 2026-01-01T09:00, state: open}"],
         "s.yaml:13: schedules[0].rules[0].duration: found nothing, expected how long"),
        (["rules:", "  - {rrule: FREQ=DAILY, start: 2026-01-01T9:00, duration: 8h, state: open}"],
         "s.yaml:13: schedules[0].rules[0].start: found '2026-01-01T9:00', expected a day or time"),
        (["rules:", "  - {rrule: FREQ=DAILY, start: 2026-01-01, duration: 8 h, state: open}"],
         "s.yaml:13: schedules[0].rules[0].duration: found '8 h', expected a duration such as"),
        (["rules:", "  - {rrule: FREQ=DAILY;BYHOUR=9, start: 2026-01-01, state: open}"],
         "s.yaml:13: schedules[0].rules[0].start: found '2026-01-01', expected a time of day"),
        (["rules:", "  - {rrule: FREQ=WEEKLY;BYDAY=2MO, start: 2026-01-01, state: open}"],
         "s.yaml:13: schedules[0].rules[0].rrule: found BYDAY=2MO with FREQ=WEEKLY, expected the"),
        (["rules:", "  - {exdate: 2026-01-01, start: 2026-01-01, state: open}"],
         "s.yaml:13: schedules[0].rules[0].rrule: found nothing beside start, expected a rule"),
        (["rules:", "  - rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "    state: open",
          "    start: 2026-01-01"],
         "s.yaml:13: schedules[0].rules[0].rrule: found 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30' from "
         "2026-01-01, which never comes, expected a rule that fits some day"),
        (["rules:", "  - {calendar: none.ics, state: open}"],
         "s.yaml:13: schedules[0].rules[0].calendar: found "),
        (["time_zone: Europe/Londn", OPEN],
         "s.yaml:12: schedules[0].time_zone: found 'Europe/Londn', expected a zone of the IANA "
         "database, such as Europe/London"),
        (["account: acne", OPEN],
         "s.yaml:12: schedules[0].account: found 'acne', expected an account that is there or "
         "comes along; did you mean acme?"),
        ([OPEN, "otherwise: a b"], "s.yaml:13: schedules[0].otherwise: found 'a b', expected 1 to"),
        (["rules: [{days: mon, state: lunch}]", "otherwise: night"],
         "s.yaml:8: plans[0].steps[0].is: found 'open', expected a state of the schedule 's': "
         "night, lunch"),
    ],
)  # fmt: skip
def test_what_is_refused(desk, fields: list[str], problem: str) -> None:
    problems = desk.refused(("s.yaml", schedule(*fields)))
    assert len(problems) == 1, problems
    assert problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("fields", "warnings"),
    [
        ([OPEN], []),
        (["rules:", "  - {days: mon-fri, hours: 09:00-17:00, state: open}",
          "  - {days: tue, hours: 10:00-11:00, state: lunch}"],
         ["s.yaml:14: schedules[0].rules[1]: found days tue hours 10:00-11:00, which never counts: "
          "all of it is taken by rules[0] before it, expected a place further up, or other times"]),
        (["exceptions: [{dates: 2001-12-25, state: closed}]", OPEN],
         ["s.yaml:12: schedules[0].exceptions[0].dates: found dates 2001-12-25, which does not "
          "come between "]),
        (["exceptions: [{days: mon-fri, hours: 10:00-11:00, state: open}]", OPEN],
         ["s.yaml:12: schedules[0].exceptions[0]: found days mon-fri hours 10:00-11:00, without "
          "which it would be 'open' then as well, expected a rule that makes a difference"]),
        (["open: [{}]"],
         ["s.yaml:11: schedules[0].id: found 's', which is always 'open' for 3 years, "]),
        (["rules:", "  - {rrule: FREQ=DAILY;COUNT=3, start: 2001-01-01, state: open}",
          "  - {days: mon, state: open}"],
         ["s.yaml:13: schedules[0].rules[0].rrule: found rrule FREQ=DAILY;COUNT=3 start 2001-01-01"
          ", which does not come within 3 years, expected a rule that is not over, nor far ahead"]),
        (["rules:", "  - rrule: FREQ=MONTHLY;BYDAY=3MO", "    start: 2026-01-01", "    state: open",
          "    exdate: 2026-02-16, 2026-03-17"],
         ["s.yaml:16: schedules[0].rules[0].exdate: found '2026-03-17', at which the rule does not "
          "come, expected a day or time at which it would"]),
        (["time_zone: America/New_York", "rules:",
          "  - {dates: 2027-03-14, hours: 02:00-03:00, state: open}",
          "  - {days: mon, state: open}"],
         ["s.yaml:14: schedules[0].rules[0].dates: found dates 2027-03-14 hours 02:00-03:00, which "
          "never comes: the clocks skip it, expected hours that the clock shows on those days"]),
    ],
)  # fmt: skip
def test_what_is_warned_of(desk, fields: list[str], warnings: list[str]) -> None:
    report = desk.load(("s.yaml", schedule(*fields)))
    found = [str(warning).replace(f"{desk.folder}/", "") for warning in report.warnings]
    assert len(found) == len(warnings), found
    for warning, expected in zip(found, warnings, strict=True):
        assert warning.startswith(expected)


def test_a_schedule_that_does_not_change_is_not_checked_again(desk) -> None:
    text = schedule("open: [{}]")
    assert len(desk.load(("s.yaml", text)).warnings) == 1
    assert desk.load(("s.yaml", text)).warnings == []


def test_a_stored_plan_keeps_the_states_that_it_asks_for(desk) -> None:
    desk.load(("s.yaml", schedule(OPEN)))
    text = "schedules:\n  - id: s\n    rules: [{days: mon, state: day}]\n"
    assert desk.refused(("t.yaml", text)) == [
        "t.yaml:2: schedules[0].id: found a schedule that is closed, day while step 1 of the "
        "stored plan 'main' asks for 'open', expected 'open' among its states, "
        "or the plan changed along with it"
    ]


def test_every_rule_is_told_of_with_its_line(desk) -> None:
    problems = desk.refused(
        ("s.yaml", schedule("rules:", "  - {days: mo, state: a}", "  - {hours: 9-17, state: a b}"))
    )
    assert [problem.split(": found")[0] for problem in problems] == [
        "s.yaml:13: schedules[0].rules[0].days",
        "s.yaml:14: schedules[0].rules[1].state",
        "s.yaml:14: schedules[0].rules[1].hours",
    ]


def test_a_calendar_file_is_stored_with_its_schedule(desk) -> None:
    (desk.folder / "days").mkdir()
    file = desk.file("days/away.ics", "\ufeff" + CALENDAR.replace("\n", "\r\n"))
    text = schedule("rules:", "  - {calendar: days/away.ics, state: closed}", "otherwise: open")
    assert desk.load(("s.yaml", text)).warnings == []
    (stored,) = desk.store.schedules()
    assert stored.rules[0].calendar == CALENDAR
    # Loading it again without the file is refused; what is stored needs no file.
    (desk.folder / "days/away.ics").unlink()
    problems = desk.refused(("s.yaml", text))
    assert problems == [
        "s.yaml:13: schedules[0].rules[0].calendar: found 'days/away.ics', "
        "no such file or directory, expected an iCalendar file, named from here"
    ]
    desk.file("days/away.ics", CALENDAR.replace("1225", "1226"))
    assert desk.load(("s.yaml", text)).counts["schedules"].changed == 1
    assert file.path.endswith("away.ics")


def test_what_is_wrong_in_a_calendar_file_is_told_there(desk) -> None:
    desk.file("away.ics", CALENDAR.replace("20261225", "20261325"))
    text = schedule("rules:", "  - {calendar: away.ics, state: closed}", "otherwise: open")
    assert desk.refused(("s.yaml", text)) == [
        "away.ics:4: DTSTART: found '20261325', "
        "expected a time such as 20261224, 20261224T090000 or 20261224T090000Z"
    ]


def test_a_calendar_file_is_bounded_and_is_text(desk) -> None:
    text = schedule("rules:", "  - {calendar: away.ics, state: closed}", "otherwise: open")
    desk.file("away.ics", CALENDAR + "X-NOTE:" + "x" * 1024 * 1024)
    assert "of more than 1048576 bytes" in desk.refused(("s.yaml", text))[0]
    desk.file("away.ics", CALENDAR.encode() + b"X-NOTE:\xff\n")
    assert "which is not UTF-8" in desk.refused(("s.yaml", text))[0]
    desk.file("away.ics", "PK\x03\x04")
    assert desk.refused(("s.yaml", text))[0].startswith("away.ics:1: line: found")


def test_a_calendar_that_is_written_out_is_checked_in_its_place(desk) -> None:
    lines = CALENDAR.replace("20261225", "x").splitlines()
    text = schedule(
        "rules:", "  - state: closed", "    calendar: |", *(f"      {line}" for line in lines)
    )
    assert desk.refused(("s.yaml", text.replace("is: open", "is: closed"))) == [
        "s.yaml:14: schedules[0].rules[0].calendar: found 'x' (DTSTART in line 4 of the calendar), "
        "expected a time such as 20261224, 20261224T090000 or 20261224T090000Z"
    ]
