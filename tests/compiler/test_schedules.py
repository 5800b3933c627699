"""Schedules in an image, held to the wall clock read minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.images import compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.image import RouteImage
from vnroute.model import OpenHours, Schedule

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NOW = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())


def reads_open(schedule: Schedule, moment: int) -> bool:
    """Read the schedule off the wall: an independent, slow and plain reading."""
    wall = datetime.fromtimestamp(moment, ZoneInfo(schedule.time_zone))
    for hours in schedule.open:
        for part in hours.hours.split(","):
            first, last = (
                int(text.split(":")[0]) * 60 + int(text.split(":")[1])
                for text in part.strip().split("-")
            )
            for back in (0, 1):
                began = wall - timedelta(days=back)
                if DAYS[began.weekday()] not in hours.days and hours.days != "daily":
                    continue
                minute = wall.hour * 60 + wall.minute + back * 1440
                end = last if last > first else last + 1440
                if first <= minute < end:
                    return True
    return False


def image_of(schedules: list[Schedule], directory: Path, now: int = NOW) -> RouteImage:
    return compiled(MemoryRouting(schedule_list=schedules), directory, now=now)


# Half hours, half-hour summer time (Lord Howe), both hemispheres, changes at midnight (Santiago,
# Beirut), none at all, Ramadan (Casablanca), and a day beyond either side of UTC.
@pytest.mark.parametrize(
    "zone",
    ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu",
     "America/Santiago", "Africa/Casablanca", "Pacific/Kiritimati", "Asia/Beirut", "UTC"],
)  # fmt: skip
def test_every_minute_of_fourteen_months(zone: str, tmp_path: Path) -> None:
    schedule = Schedule(
        id="s",
        time_zone=zone,
        open=(
            OpenHours(days="mon,tue,wed,thu,fri", hours="09:00-12:30, 13:30-17:00"),
            OpenHours(days="sat,sun", hours="22:00-03:30"),
            OpenHours(days="sun", hours="00:15-02:45") if zone == "UTC" else
            OpenHours(days="wed", hours="23:59-00:01"),
        ),
    ) if zone != "UTC" else Schedule(
        id="s", time_zone=zone, open=(OpenHours(days="sun,mon", hours="00:00-24:00"),)
    )  # fmt: skip
    image = image_of([schedule], tmp_path)
    offset_changes = set()
    start = NOW - 300 * 86400
    zone_info = ZoneInfo(zone)
    for hour in range(start, start + 425 * 86400, 3600):
        here = datetime.fromtimestamp(hour, zone_info).utcoffset()
        if here != datetime.fromtimestamp(hour + 3600, zone_info).utcoffset():
            offset_changes.update(range(hour - 36 * 3600, hour + 36 * 3600, 60))
    # Every minute around a change of the clocks, every seventh elsewhere.
    for moment in sorted(offset_changes | set(range(start, start + 425 * 86400, 420))):
        _, state, within = image.schedule(0, moment)
        assert within
        assert bool(state) == reads_open(schedule, moment), moment


def test_an_hour_skipped_is_never_seen_and_one_repeated_is_seen_twice(tmp_path: Path) -> None:
    schedule = Schedule(
        id="s", time_zone="Europe/London", open=(OpenHours(days="sun", hours="01:00-02:00"),)
    )
    image = image_of([schedule], tmp_path)
    spring = int(datetime(2026, 3, 29, 0, 0, tzinfo=UTC).timestamp())
    autumn = int(datetime(2026, 10, 25, 0, 0, tzinfo=UTC).timestamp())
    for begin, minutes in ((spring, 0), (autumn, 120)):
        day = range(begin, begin + 86400, 60)
        assert sum(image.schedule(0, moment)[1] for moment in day) == minutes


def test_past_the_horizon_the_last_week_goes_on_and_says_so(tmp_path: Path) -> None:
    schedule = Schedule(
        id="s", time_zone="UTC", open=(OpenHours(days="mon,tue,wed,thu,fri", hours="09:00-17:00"),)
    )
    image = image_of([schedule], tmp_path)
    for years in (-30, 5, 40):
        start = NOW + years * 365 * 86400
        for moment in range(start, start + 9 * 86400, 1800):
            _, state, within = image.schedule(0, moment)
            assert not within
            assert bool(state) == reads_open(schedule, moment)


def test_schedules_that_say_the_same_share_their_transitions(tmp_path: Path) -> None:
    hours = (OpenHours(days="mon-fri", hours="09:00-17:00"),)
    one = [Schedule(id="a", time_zone="Europe/Paris", open=hours)]
    two = [*one, Schedule(id="b", time_zone="Europe/Paris", open=hours)]
    first = image_of(one, tmp_path).counts()["transitions"]
    assert image_of(two, tmp_path).counts()["transitions"] == first


@st.composite
def weekly_hours(draw: st.DrawFn) -> tuple[OpenHours, ...]:
    """A few spans, one to a day at most, so that none overlap."""
    found = []
    for day in draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)):
        first = draw(st.integers(0, 22 * 60))
        last = draw(st.integers(first + 1, 1440))
        found.append(
            OpenHours(
                days=day,
                hours=f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}",
            )
        )
    return tuple(found)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    hours=weekly_hours(),
    zone=st.sampled_from(
        ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Asia/Tehran"]
    ),
    moments=st.lists(
        st.integers(NOW - 360 * 86400, NOW + 3 * 365 * 86400), min_size=20, max_size=200
    ),
)
def test_any_week_in_any_zone(
    hours: tuple[OpenHours, ...], zone: str, moments: list[int], tmp_path: Path
) -> None:
    schedule = Schedule(id="s", time_zone=zone, open=hours)
    image = image_of([schedule], tmp_path)
    for moment in moments:
        assert bool(image.schedule(0, moment)[1]) == reads_open(schedule, moment)
