"""Schedules of every notation, held to an independent reading of the wall, minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.wall_clock import WallClock
from vnroute.compiler.schedule_view import stays
from vnroute.compiler.schedules import horizon, transitions
from vnroute.model import FieldError, OpenHours, Rule, Schedule

DAY = 86400
NOW = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())

RICH = Schedule(
    id="rich",
    exceptions=(
        Rule(dates="2026-12-24..2027-01-02", state="closed"),
        Rule(dates="2026-10-25, 2027-03-28, 2026-11-01", hours="00:30-02:45", state="special"),
    ),
    rules=(
        Rule(holidays="GB", region="ENG", state="holiday"),
        Rule(yearly="12-20..01-06, 02-29", hours="08:00-12:00, 23:00-01:30", state="winter"),
        Rule(
            rrule="FREQ=MONTHLY;BYDAY=3MO,-1SU",
            start="2025-01-19T01:00",
            duration="26h",
            exdate="2026-02-16",
            state="training",
        ),
        Rule(days="mon-fri", hours="12:00-13:00", state="lunch"),
        Rule(days="fri-mon", hours="22:15-06:45", state="late"),
        Rule(days="mon-fri", hours="09:00-17:00", state="open"),
    ),
    otherwise="night",
)


def settled(schedule: Schedule, zone: str, now: int, years: int = 3) -> list[tuple[int, str]]:
    rows = transitions(schedule, zone, *horizon(now, years))
    return [(row >> 8, schedule.states[row & 0xFF]) for row in rows]


def state_of(rows: list[tuple[int, str]], moment: int) -> str:
    return next(state for second, state in reversed(rows) if second <= moment)


# Half hours, half-hour summer time, a midnight that is skipped, Ramadan, the date line, none.
@pytest.mark.parametrize(
    ("zone", "years"),
    [("Europe/London", 4), ("America/New_York", 2), ("Australia/Lord_Howe", 2),
     ("Australia/Sydney", 2), ("America/Santiago", 2), ("Africa/Casablanca", 2),
     ("Asia/Kathmandu", 1), ("Pacific/Kiritimati", 1), ("Asia/Beirut", 2)],
)  # fmt: skip
def test_every_minute_of_years(zone: str, years: int) -> None:
    start, end = horizon(NOW, 3)
    last = datetime.fromtimestamp(end, ZoneInfo(zone)).date() + timedelta(days=2)
    stop = min(end, start + years * 366 * DAY)
    expected = WallClock(RICH, zone, last).changes(start, stop)
    found = [row for row in settled(RICH, zone, NOW) if row[0] < stop]
    assert found == expected


# Clocks that changed for good: Samoa lost a day, Moscow and Sao Paulo gave summer time up.
@pytest.mark.parametrize(
    ("zone", "now"),
    [("Pacific/Apia", date(2011, 12, 1)), ("Europe/Moscow", date(2014, 6, 1)),
     ("America/Sao_Paulo", date(2019, 1, 1)), ("Asia/Pyongyang", date(2018, 3, 1))],
)  # fmt: skip
def test_every_minute_where_a_zone_changed_its_rules(zone: str, now: date) -> None:
    moment = int(datetime(now.year, now.month, now.day, tzinfo=UTC).timestamp())
    reading = WallClock(RICH, zone, now + timedelta(days=800))
    middle = moment - 200 * DAY
    expected = reading.changes(middle, middle + 400 * DAY)
    rows = settled(RICH, zone, moment, 1)
    found = [row for row in rows if middle < row[0] < middle + 400 * DAY]
    assert [(middle, state_of(rows, middle)), *found] == expected


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def hours(draw: st.DrawFn) -> str:
    spans = []
    for _ in range(draw(st.integers(1, 2))):
        first, last = draw(st.integers(0, 1439)), draw(st.integers(0, 1440))
        if first == last:
            last = 1440
        spans.append(f"{clock(first)}-{clock(last)}")
    return ", ".join(spans)


DAYS = st.lists(
    st.sampled_from(["mon", "tue", "sat", "mon-fri", "fri-mon", "sun-tue", "wed-thu", "daily"]),
    min_size=1, max_size=3,
).map(", ".join)  # fmt: skip
DATES = st.lists(
    st.tuples(st.dates(date(2025, 11, 1), date(2030, 1, 1)), st.integers(0, 40)).map(
        lambda span: f"{span[0]}..{span[0] + timedelta(days=span[1])}" if span[1] else f"{span[0]}"
    ),
    min_size=1,
    max_size=3,
).map(", ".join)
MONTH_DAYS = st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(lambda day: f"{day:%m-%d}")
YEARLY = st.lists(
    st.one_of(MONTH_DAYS, st.tuples(MONTH_DAYS, MONTH_DAYS).map("..".join)), min_size=1, max_size=3
).map(", ".join)
WEEKDAYS = st.lists(
    st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=4, unique=True
).map(",".join)
NTH = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 4, 5, -1, -2]), st.sampled_from(["MO", "WE", "FR", "SU"])),
    min_size=1, max_size=3, unique=True,
).map(lambda parts: ",".join(f"{n}{day}" for n, day in parts))  # fmt: skip


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    values = st.integers(low, high) | st.integers(-high, -low)
    return st.lists(values, min_size=1, max_size=4, unique=True).map(
        lambda found: ",".join(map(str, found))
    )


@st.composite
def recurrences(draw: st.DrawFn) -> str:
    """Rules that RFC 5545 allows, of every part that is known here."""
    kind = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = {"FREQ": kind, "INTERVAL": str(draw(st.integers(1, 4)))}
    choices: dict[str, st.SearchStrategy[str]] = {
        "BYMONTH": st.lists(st.integers(1, 12), min_size=1, max_size=6, unique=True).map(
            lambda found: ",".join(map(str, found))
        )
    }
    if kind != "WEEKLY":
        choices["BYMONTHDAY"] = numbers(1, 31)
    choices["BYDAY"] = NTH | WEEKDAYS if kind in ("MONTHLY", "YEARLY") else WEEKDAYS
    if kind == "YEARLY":
        choices["BYYEARDAY"] = numbers(1, 366)
        choices["BYWEEKNO"] = numbers(1, 53)
    for name in draw(st.lists(st.sampled_from(sorted(choices)), max_size=2, unique=True)):
        parts[name] = draw(choices[name])
    if "BYWEEKNO" in parts and any(c in "123456789" for c in parts.get("BYDAY", "")):
        parts["BYDAY"] = draw(WEEKDAYS)
    if draw(st.booleans()):
        parts["BYHOUR"] = ",".join(
            map(str, draw(st.sets(st.integers(0, 23), min_size=1, max_size=3)))
        )
    if len(parts) > 2 and draw(st.booleans()):
        parts["BYSETPOS"] = draw(numbers(1, 4))
    end = draw(st.sampled_from(["", "COUNT", "UNTIL"]))
    if end == "COUNT":
        parts["COUNT"] = str(draw(st.integers(1, 200)))
    elif end == "UNTIL":
        until = draw(st.datetimes(datetime(2025, 1, 1), datetime(2031, 1, 1)))
        parts["UNTIL"] = f"{until:%Y%m%dT%H%M%S}"
    if kind != "YEARLY" and draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(["MO", "SU"]))
    return ";".join(f"{name}={value}" for name, value in parts.items())


STATES = st.sampled_from(["open", "closed", "lunch", "holiday"])


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    state = draw(STATES)
    if draw(st.integers(0, 3)) == 0:
        start = draw(st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)))
        minutes = draw(st.sampled_from([1, 30, 480, 1440, 4000]))
        return Rule(
            state=state, rrule=draw(recurrences()), start=f"{start:%Y-%m-%dT%H:%M}",
            duration=f"{minutes}m",
        )  # fmt: skip
    parts = {"days": DAYS, "dates": DATES, "yearly": YEARLY, "hours": hours(),
             "holidays": st.sampled_from(["GB", "US", "JP"])}  # fmt: skip
    names = draw(st.lists(st.sampled_from(sorted(parts)), min_size=1, max_size=3, unique=True))
    return Rule(state=state, **{name: draw(parts[name]) for name in names})


ZONES = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Asia/Tehran",
     "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago", "Pacific/Apia", "UTC"]
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(
    parts=st.lists(rules(), min_size=1, max_size=6, unique_by=lambda rule: rule.when),
    split=st.integers(0, 6),
    zone=ZONES,
    moments=st.lists(
        st.integers(NOW - 366 * DAY, NOW + 3 * 366 * DAY - 1), min_size=40, max_size=80
    ),
)
def test_any_schedule_in_any_zone(
    parts: list[Rule], split: int, zone: str, moments: list[int]
) -> None:
    schedule = Schedule(
        id="s", exceptions=tuple(parts[:split]), rules=tuple(parts[split:]), otherwise="night"
    )
    start, end = horizon(NOW, 3)
    reading = WallClock(schedule, zone, date.fromtimestamp(end) + timedelta(days=4))
    rows = transitions(schedule, zone, start, end)
    seconds = [row >> 8 for row in rows]
    assert seconds == sorted(set(seconds))
    assert (seconds[0], seconds[-1] < end) == (start, True)
    found = [(row >> 8, schedule.states[row & 0xFF]) for row in rows]
    # Around changes as well as anywhere, some of those of the first and the last days included.
    edges = [s + d for s in (*seconds[:6], *seconds[-6:], *seconds[:: len(seconds) // 40 + 1])
             for d in (-60, 0, 60)]  # fmt: skip
    changes = dict(found)
    assert all(a != b for a, b in zip(changes.values(), list(changes.values())[1:], strict=False))
    for moment in (*moments, *edges):
        if start <= moment < end:
            assert state_of(found, moment) == reading.state(moment), moment
    # What people are shown is the same.
    shown = stays(schedule, zone, moments[0], moments[0] + 30 * DAY)
    assert (shown[0].start, shown[-1].end) == (moments[0], moments[0] + 30 * DAY)
    for stay in shown:
        assert reading.state(stay.start) == reading.state(stay.end - 1) == stay.state


def test_the_short_form_is_rules_that_say_open() -> None:
    short = Schedule(id="s", open=(OpenHours(days="mon-fri", hours="09:00-17:00"),))
    long = Schedule(id="s", rules=(Rule(days="mon-fri", hours="09:00-17:00", state="open"),))
    assert settled(short, "Europe/London", NOW) == settled(long, "Europe/London", NOW)
    assert short.states == long.states == ("closed", "open")


def test_holidays_that_are_not_known_cannot_be_settled() -> None:
    schedule = Schedule(id="s", rules=(Rule(holidays="QQ", state="holiday"),))
    with pytest.raises(FieldError, match="'QQ'"):
        settled(schedule, "UTC", NOW)


def test_what_began_before_the_horizon_goes_on_within_it() -> None:
    start, _ = horizon(NOW, 3)
    before = datetime.fromtimestamp(start, UTC) - timedelta(days=20)
    begin = f"{before:%Y-%m-%dT%H:%M}"
    rule = Rule(rrule="FREQ=DAILY;COUNT=1", start=begin, duration="30d", state="works")
    found = settled(Schedule(id="s", rules=(rule,)), "UTC", NOW)
    assert found == [(start, "works"), (start + 10 * DAY, "closed")]
    text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:{before:%Y%m%dT%H%M%S}Z\nDURATION:P30D\n"
    for more in ("", "RRULE:FREQ=DAILY;COUNT=1\n"):
        calendar = Rule(calendar=f"{text}{more}END:VEVENT\nEND:VCALENDAR\n", state="works")
        assert settled(Schedule(id="s", rules=(calendar,)), "UTC", NOW) == found
