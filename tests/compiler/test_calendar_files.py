"""iCalendar texts that are broken, odd or hostile: what is told, and in which line."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.compiler.calendar_files import CalendarError, read_calendar

EVENT = ["UID:1", "DTSTART;TZID=Europe/Paris:20261201T090000", "DTEND:20261201T100000Z"]


def calendar(*lines: str) -> str:
    """A calendar with one event, whose first line is the third."""
    return "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""])


def with_line(name: str, line: str) -> str:
    """The event with another line for one of its properties, in its place."""
    return calendar(*(line if one.startswith(name) else one for one in EVENT))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: file: found nothing, expected a whole VCALENDAR"),
        ("hello", "line 1: line: found 'hello', expected NAME:value"),
        ("BEGIN:VEVENT", "line 1: line: found 'BEGIN:VEVENT', expected BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR", "line 1: file: found the file's end within VCALENDAR, expected"),
        ("BEGIN:VCALENDAR\nEND:VEVENT", "line 2: END: found 'END:VEVENT', expected the END of"),
        (calendar("UID:1"), "line 2: VEVENT: found no DTSTART, expected when the event starts"),
        (calendar("DTSTART:20261301"), "line 3: DTSTART: found '20261301', expected a time"),
        (calendar("DTSTART:20261201T250000"), "line 3: DTSTART: found '20261201T250000'"),
        (with_line("DTSTART", "DTSTART;TZID=Mars/Base:20261201T090000"),
         "line 4: TZID: found 'Mars/Base', expected a zone of the IANA database"),
        (with_line("DTEND", "DTEND:20261201T070000Z"), "line 5: DTEND: found '20261201T070000Z'"),
        (with_line("DTEND", "DURATION:8h"), "line 5: DURATION: found '8h', expected a duration"),
        (calendar(*EVENT, "RRULE:FREQ=SECONDLY"), "line 6: RRULE: found FREQ=SECONDLY, expected"),
        (calendar(*EVENT, "RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY"),
         "line 7: RRULE: found a second rule"),
        (calendar(*EVENT, "EXDATE:soon"), "line 6: EXDATE: found 'soon'"),
        (calendar(*EVENT, "RDATE;VALUE=PERIOD:20261202T090000Z/x"), "line 6: RDATE: found 'x'"),
        (calendar(*EVENT, "RECURRENCE-ID;RANGE=THISANDFUTURE:20261201T090000Z"),
         "line 6: RECURRENCE-ID: found a RANGE"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(CalendarError) as caught:
        read_calendar(text)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Paris", "Europe/Paris"),
        ('"Europe/Paris"', "Europe/Paris"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("/freeassociation.sourceforge.net/America/Argentina/Buenos_Aires",
         "America/Argentina/Buenos_Aires"),
    ],
)  # fmt: skip
def test_names_of_zones(name: str, zone: str) -> None:
    (event,) = read_calendar(with_line("DTSTART", f"DTSTART;TZID={name}:20261201T010000"))
    assert event.zone == zone


def test_too_many_events_are_refused_soon() -> None:
    events = "BEGIN:VEVENT\nDTSTART:20261201\nEND:VEVENT\n" * 10_001
    start = time.monotonic()
    with pytest.raises(CalendarError, match="10000 at most"):
        read_calendar(f"BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")
    assert time.monotonic() - start < 5


PIECES = st.lists(
    st.sampled_from(
        ["BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "DTSTART:20261201",
         "DTSTART;TZID=UTC:20261201T090000", "DTEND:20261202", "DURATION:P1D", "UID:1", " folded",
         "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20261201", "RDATE:20270101", "STATUS:CANCELLED",
         "RECURRENCE-ID:20261201", "x", ":", ";:", 'A;B="c:d":e', "\ufeff", ""]
    ),
    max_size=20,
)  # fmt: skip


@given(PIECES.map("\n".join) | st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_calendar(text)
    except CalendarError as error:
        assert error.line >= 1
