"""Schedules read off the wall, minute by minute: slow, plain, and nothing of the compiler's.

A day of the wall is a table of 1,440 minutes; each rule writes its state into the table, the last
rule first. An instant is looked up in the table of the day that its wall clock shows. Notations are
taken apart here once more, so that a mistake in the model's parsers shows as well.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from vnroute.model import Rule, Schedule

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RFC_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY = timedelta(days=1)


def weekdays(text: str) -> set[int]:
    found = set()
    for part in text.replace(" ", "").split(","):
        if part == "daily":
            return set(range(7))
        first, _, last = part.partition("-")
        day = NAMES.index(first)
        found.add(day)
        while last and NAMES[day] != last:
            day = (day + 1) % 7
            found.add(day)
    return found


def minutes(text: str) -> list[tuple[int, int]]:
    found = []
    for part in (text or "00:00-24:00").replace(" ", "").split(","):
        first, last = (int(t[:-3]) * 60 + int(t[-2:]) for t in part.split("-"))
        found.append((first, last if last > first else last + 1440))
    return found


@lru_cache(maxsize=64)
def public_holidays(country: str, region: str) -> frozenset[date]:
    import holidays

    years = range(1970, 2045)
    return frozenset(holidays.country_holidays(country, subdiv=region or None, years=years))


def names_day(rule: Rule, day: date) -> bool:
    """Whether a rule by day names a day."""
    if rule.days and day.weekday() not in weekdays(rule.days):
        return False
    if rule.dates:
        ranges = [part.strip().partition("..") for part in rule.dates.split(",")]
        if not any(a <= day.isoformat() <= (b or a) for a, _, b in ranges):
            return False
    if rule.yearly:
        here = f"{day.month:02}-{day.day:02}"
        ranges = [part.strip().partition("..") for part in rule.yearly.split(",")]
        spans = [(a, b or a) for a, _, b in ranges]
        if not any(a <= here <= b if a <= b else here >= a or here <= b for a, b in spans):
            return False
    return not rule.holidays or day in public_holidays(rule.holidays, rule.region)


def recurring(text: str, start: datetime, zone: str, last: date) -> list[datetime]:
    """Write a recurrence out: every day from the start's year on is held against every part."""
    parts = dict(part.split("=") for part in text.split(";"))
    every = int(parts.get("INTERVAL", 1))
    kind = parts["FREQ"]
    week_start = RFC_NAMES.index(parts.get("WKST", "MO"))

    def numbers(name: str) -> list[int]:
        return [int(piece) for piece in parts.get(name, "").split(",") if piece]

    def period(day: date) -> int:
        if kind == "YEARLY":
            return day.year
        if kind == "MONTHLY":
            return day.year * 12 + day.month
        if kind == "WEEKLY":
            return (day.toordinal() - 1 - week_start) // 7
        return day.toordinal()

    def fits(day: date) -> bool:
        length = monthrange(day.year, day.month)[1]
        new_year, silvester = date(day.year, 1, 1), date(day.year, 12, 31)
        if parts.get("BYMONTH") and day.month not in numbers("BYMONTH"):
            return False
        of_month = numbers("BYMONTHDAY")
        if of_month and not {day.day, day.day - length - 1} & set(of_month):
            return False
        of_year = numbers("BYYEARDAY")
        here = ((day - new_year).days + 1, (day - silvester).days - 1)
        if of_year and not set(here) & set(of_year):
            return False
        weeks = numbers("BYWEEKNO")
        if weeks:
            year, week, _ = day.isocalendar()
            assert week_start == 0, "this reading knows ISO weeks only"
            total = date(year, 12, 28).isocalendar()[1]
            if not {week, week - total - 1} & set(weeks):
                return False
        if parts.get("BYDAY"):
            wanted = parts["BYDAY"].split(",")
            name = RFC_NAMES[day.weekday()]
            if kind == "YEARLY" and not parts.get("BYMONTH"):
                before, after = (day - new_year).days // 7, (silvester - day).days // 7
            else:
                before, after = (day.day - 1) // 7, (length - day.day) // 7
            mine = {name, f"{before + 1}{name}", f"+{before + 1}{name}", f"-{after + 1}{name}"}
            return bool(mine & set(wanted))
        if not (of_month or of_year or weeks):
            if kind == "WEEKLY":
                return day.weekday() == start.weekday()
            if kind == "MONTHLY":
                return day.day == start.day
            if kind == "YEARLY":
                months = numbers("BYMONTH") or [start.month]
                return (day.day == start.day) and day.month in months
        return True

    hours = numbers("BYHOUR") or [start.hour]
    clock = numbers("BYMINUTE") or [start.minute]
    first = period(start.date())
    groups: dict[int, list[datetime]] = {}
    day = date(start.year, 1, 1) - 7 * DAY
    while day <= last:
        if (period(day) - first) % every == 0 and period(day) >= first and fits(day):
            groups.setdefault(period(day), []).extend(
                datetime(day.year, day.month, day.day, h, m) for h in hours for m in clock
            )
        day += DAY
    places = numbers("BYSETPOS")
    found: list[datetime] = []
    for group in groups.values():
        ordered = sorted(set(group))
        picked = [
            moment
            for place, moment in enumerate(ordered, 1)
            if not places or {place, place - len(ordered) - 1} & set(places)
        ]
        found += [moment for moment in picked if moment >= start]
    found.sort()
    if "COUNT" in parts:
        found = found[: int(parts["COUNT"])]
    if "UNTIL" in parts:
        text = parts["UNTIL"]
        if text.endswith("Z"):
            end = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=ZoneInfo("UTC"))
            end = end.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        elif "T" in text:
            end = datetime.strptime(text, "%Y%m%dT%H%M%S")
        else:
            end = datetime.strptime(text, "%Y%m%d") + DAY - timedelta(seconds=1)
        found = [moment for moment in found if moment <= end]
    return found


def length_of(text: str) -> timedelta:
    units = {"w": 7 * 1440, "d": 1440, "h": 60, "m": 1}
    total, digits = 0, ""
    for character in text or "1d":
        if character in units:
            total, digits = total + int(digits) * units[character], ""
        else:
            digits += character
    return timedelta(minutes=total)


@dataclass
class WallClock:
    """A schedule in a zone, up to a last day. Rules by calendar are none of its business."""

    schedule: Schedule
    zone: str
    last: date

    def __post_init__(self) -> None:
        self.here = ZoneInfo(self.zone)
        self.rules = [
            *self.schedule.exceptions,
            *self.schedule.rules,
            *(Rule(state="open", days=o.days, hours=o.hours) for o in self.schedule.open),
        ]
        self.tables: dict[date, list[str]] = {}
        self.starts = {
            place: list(self._starts(rule)) for place, rule in enumerate(self.rules) if rule.rrule
        }

    def _starts(self, rule: Rule) -> Iterator[datetime]:
        form = "%Y-%m-%dT%H:%M" if "T" in rule.start else "%Y-%m-%d"
        start = datetime.strptime(rule.start, form)
        out = {part.strip() for part in rule.exdate.split(",")}
        for moment in recurring(rule.rrule, start, self.zone, self.last + 400 * DAY):
            if not {f"{moment:%Y-%m-%d}", f"{moment:%Y-%m-%dT%H:%M}"} & out:
                yield moment

    def table(self, day: date) -> list[str]:
        """The states of a day's minutes on the wall."""
        known = self.tables.get(day)
        if known is not None:
            return known
        table = [self.schedule.otherwise] * 1440
        for place in reversed(range(len(self.rules))):
            rule = self.rules[place]
            for first, end in self._spans(place, rule, day):
                for minute in range(max(first, 0), min(end, 1440)):
                    table[minute] = rule.state
        self.tables[day] = table
        return table

    def _spans(self, place: int, rule: Rule, day: date) -> Iterator[tuple[int, int]]:
        if rule.rrule:
            midnight = datetime(day.year, day.month, day.day)
            length = length_of(rule.duration)
            for start in self.starts[place]:
                if start < midnight + DAY and start + length > midnight:
                    first = int((start - midnight).total_seconds()) // 60
                    yield first, first + int(length.total_seconds()) // 60
        else:
            for back in (0, 1):
                if names_day(rule, day - back * DAY):
                    for first, end in minutes(rule.hours):
                        yield first - 1440 * back, end - 1440 * back

    def state(self, moment: int) -> str:
        """What the schedule is at a Unix second."""
        wall = datetime.fromtimestamp(moment, self.here)
        return self.table(wall.date())[wall.hour * 60 + wall.minute]

    def changes(self, start: int, end: int) -> list[tuple[int, str]]:
        """(second, state) of each change from one Unix second to another, minute by minute."""
        found: list[tuple[int, str]] = []
        for moment in range(start, end, 60):
            state = self.state(moment)
            if not found or found[-1][1] != state:
                found.append((moment, state))
        return found
