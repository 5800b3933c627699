"""Recurrence rules: held to dateutil, and to a plain reading of every day."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler.test_schedule_reading import recurrences
from tests.support.wall_clock import recurring
from vnroute.compiler.calendar_recurrence import occurrences
from vnroute.model import FieldError
from vnroute.model.recurrence import parse_rrule

FIRST, LAST = datetime(2025, 11, 20), datetime(2029, 12, 1)


def written_out(text: str, start: datetime, zone: str = "UTC") -> list[datetime]:
    return list(occurrences(parse_rrule(text), start, zone, FIRST, LAST))


@settings(max_examples=300, deadline=None)
@given(text=recurrences(), start=st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)))
def test_any_rule_is_what_dateutil_and_a_plain_reading_say(text: str, start: datetime) -> None:
    start = start.replace(second=0, microsecond=0)
    found = written_out(text, start)
    # A year more, so that what BYSETPOS picks from at the end is all there.
    beyond = (LAST + timedelta(days=400)).date()
    assert found == [m for m in recurring(text, start, "UTC", beyond) if FIRST <= m < LAST]
    if "FREQ=WEEKLY" in text and "BYSETPOS" in text:
        # dateutil leaves out of the first week what comes before the start, unlike for a month
        # (where RFC 5545 has an example: BYDAY=TU,WE,TH;BYSETPOS=3 from the fourth on).
        return
    # It goes on to the year 9999 for a rule that fits no day any more: let it stop at the last.
    theirs = []
    if found:
        for moment in rrulestr(text, dtstart=start):
            if moment > found[-1]:
                break
            theirs.append(moment)
            if moment == found[-1]:
                break
    assert found == [moment for moment in theirs if moment >= FIRST]


@pytest.mark.parametrize(
    ("text", "start", "days"),
    [
        # RFC 5545, 3.8.5.3, moved by as many years as make weekdays fall alike, or read anew.
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=1;BYDAY=SU;BYHOUR=8,9;BYMINUTE=30", "2027-01-01",
         ["2027-01-03", "2027-01-03", "2027-01-10"]),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2025-12-01",
         ["2026-02-13", "2026-03-13", "2026-11-13", "2027-08-13"]),
        ("FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "2026-11-01",
         ["2026-11-07", "2026-12-12", "2027-01-09"]),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "2024-11-05",
         ["2028-11-07"]),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "2026-09-04",
         ["2026-10-07", "2026-11-05", "2026-12-03"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "2026-09-29",
         ["2026-09-29", "2026-10-29", "2026-11-27"]),
        ("FREQ=YEARLY;BYDAY=20MO", "2026-01-01", ["2026-05-18", "2027-05-17"]),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2027-01-15",
         ["2027-01-15", "2027-01-30", "2027-02-15", "2027-03-15", "2027-03-30"]),
        ("FREQ=YEARLY", "2024-02-29", ["2028-02-29"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR", "2026-01-01", ["2027-01-01"]),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", "2024-01-01",
         ["2025-12-29", "2027-01-04", "2028-01-03", "2029-01-01"]),
    ],
)  # fmt: skip
def test_rules_of_the_standard(text: str, start: str, days: list[str]) -> None:
    found = [str(m.date()) for m in written_out(text, datetime.fromisoformat(start))]
    assert found[: len(days)] == days


def test_an_end_in_utc_is_read_in_the_zone() -> None:
    text = "FREQ=DAILY;UNTIL=20270102T080000Z"
    start = datetime(2027, 1, 1, 9)
    assert len(written_out(text, start, "Europe/Paris")) == 2
    assert len(written_out(text, start, "America/New_York")) == 1


@pytest.mark.parametrize(
    "text",
    ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31",
     "FREQ=MONTHLY;BYDAY=5SU;BYSETPOS=9", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=9"],
)  # fmt: skip
def test_a_rule_that_fits_no_day_ends_at_once(text: str) -> None:
    start = time.monotonic()
    assert written_out(text, datetime(1970, 1, 1)) == []
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "''"),
        ("RRULE:FREQ=DAILY", "'RRULE:FREQ'"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ again"),
        ("FREQ=", "'FREQ='"),
        ("INTERVAL=2", "no FREQ"),
        ("FREQ=HOURLY", "FREQ=HOURLY"),
        ("FREQ=DAILY;BYSECOND=1", "'BYSECOND'"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL=20270230"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY=2MO with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY=6MO"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY=XX"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY=0MO"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO with FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY with FREQ=MONTHLY"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY=1MO with BYWEEKNO"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS alone"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH=13"),
        ("FREQ=DAILY;WKST=XX", "WKST=XX"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,20,40", "72 times"),
    ],
)
def test_rules_that_are_refused(text: str, found: str) -> None:
    with pytest.raises(FieldError) as caught:
        parse_rrule(text)
    assert found in caught.value.found
    assert caught.value.expected


@given(st.text(alphabet="FREQ=DAILYWEKMONTH;,0123456789-+BYSPTUZ", max_size=60))
def test_any_text_is_a_rule_or_a_field_error(text: str) -> None:
    try:
        parse_rrule(text)
    except FieldError:
        return


def test_the_calendars_end_is_no_error() -> None:
    rule = parse_rrule("FREQ=YEARLY;INTERVAL=1000")
    far = datetime(9999, 12, 30)
    assert list(occurrences(rule, datetime(2000, 1, 1), "UTC", far, far + timedelta(days=1))) == []
