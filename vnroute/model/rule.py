"""Rules of a schedule: at which times it is in which state."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.recurrence import Recurrence, parse_rrule
from vnroute.model.text import check_text
from vnroute.model.times import (
    MINUTES_A_DAY,
    parse_dates,
    parse_days,
    parse_duration,
    parse_hours,
    parse_local,
    parse_yearly,
)

__all__ = ["MAX_CALENDAR", "Rule"]

MAX_CALENDAR = 1024 * 1024
"""Characters of an iCalendar file."""

_BY_DAY = ("days", "dates", "yearly", "holidays", "region", "hours")
_RECURRING = ("rrule", "start", "duration", "exdate")
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_CALENDAR = "BEGIN:VCALENDAR"


class Rule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """One rule: the times it names, and the state that the schedule is in then.

    It names times in one of three ways. By day: a day must be among all of ``days``, ``dates``,
    ``yearly`` and ``holidays`` (of a country, or of its ``region``) that are given, and the time in
    ``hours`` of that day. By recurrence: ``rrule`` from ``start`` on, each time for ``duration``,
    except those of ``exdate``. Or by ``calendar``: the events of an iCalendar file, which is named
    or written out; what is stored is always written out.
    """

    state: str
    days: str = ""
    dates: str = ""
    yearly: str = ""
    holidays: str = ""
    region: str = ""
    hours: str = ""
    rrule: str = ""
    start: str = ""
    duration: str = ""
    exdate: str = ""
    calendar: str = ""

    def __post_init__(self) -> None:
        check_id(self.state, "state")
        by_day = [name for name in _BY_DAY if getattr(self, name)]
        recurring = [name for name in _RECURRING if getattr(self, name)]
        ways = [names[0] for names in (by_day, recurring) if names] + ["calendar"] * bool(
            self.calendar
        )
        if not ways:
            expected = "one of days, hours, dates, yearly, holidays, rrule, calendar"
            raise FieldError("days", "a rule that names no time", expected)
        if len(ways) > 1:
            expected = "one of them; each in a rule of its own"
            raise FieldError(ways[1], f"{ways[0]} and {ways[1]} in one rule", expected)
        if by_day:
            self._check_days()
        elif recurring:
            self._check_recurrence()
        elif len(self.calendar) > MAX_CALENDAR:
            found = f"{len(self.calendar)} characters of iCalendar"
            raise FieldError("calendar", found, f"{MAX_CALENDAR} at most")

    def _check_days(self) -> None:
        if self.days:
            parse_days(self.days)
        if self.dates:
            parse_dates(self.dates)
        if self.yearly:
            parse_yearly(self.yearly)
        if self.hours:
            parse_hours(self.hours)
        if self.holidays and not _COUNTRY.fullmatch(self.holidays):
            expected = "a country by its two letters (ISO 3166), such as GB"
            raise FieldError("holidays", repr(self.holidays), expected)
        if self.region and not self.holidays:
            raise FieldError("region", repr(self.region), '"holidays" beside it, naming a country')
        check_text(self.region, "region")

    def _check_recurrence(self) -> None:
        if not self.rrule:
            given = next(name for name in _RECURRING if getattr(self, name))
            raise FieldError("rrule", f"nothing beside {given}", "a rule of RFC 5545")
        rule = parse_rrule(self.rrule)
        if not self.start:
            raise FieldError("start", "nothing", 'when it starts, such as "2026-01-19T09:00"')
        _, whole_day = parse_local(self.start, "start")
        if whole_day and (rule.hours or rule.minutes):
            raise FieldError("start", repr(self.start), "a time of day beside BYHOUR and BYMINUTE")
        if self.duration:
            parse_duration(self.duration)
        elif not whole_day:
            raise FieldError("duration", "nothing", 'how long each time lasts, such as "8h"')
        self.excluded()

    @property
    def when(self) -> tuple[str, ...]:
        """All that the rule says of times, and nothing of the state."""
        return msgspec.structs.astuple(self)[1:]

    @property
    def words(self) -> str:
        """The times as they were written, for people."""
        if self.calendar:
            return "calendar" if self.has_events else f"calendar {self.calendar}"
        named = (f"{name} {getattr(self, name)}" for name in (*_BY_DAY, *_RECURRING)
                 if getattr(self, name))  # fmt: skip
        return " ".join(named)

    @property
    def has_events(self) -> bool:
        """Whether ``calendar`` is the iCalendar text itself, and not yet the name of a file."""
        return self.calendar.lstrip("\ufeff \t\r\n")[: len(_CALENDAR)].upper() == _CALENDAR

    def recurrence(self) -> tuple[Recurrence, datetime, int]:
        """Return a recurring rule, its start on the wall, and how many minutes each time lasts."""
        start, _ = parse_local(self.start, "start")
        duration = parse_duration(self.duration) if self.duration else MINUTES_A_DAY
        return parse_rrule(self.rrule), start, duration

    def excluded(self) -> tuple[tuple[datetime, bool], ...]:
        """Return what ``exdate`` takes out: starts on the wall, and whether each is a whole day."""
        if not self.exdate:
            return ()
        return tuple(parse_local(part, "exdate") for part in self.exdate.split(","))
