"""iCalendar files (RFC 5545) as a source of times: the events of a calendar.

Every VEVENT counts, whether it shows as busy or free (calendars of holidays show them as free),
except those that are cancelled. An event without a zone, or of whole days, is read in the zone of
the schedule; one in UTC or in a zone of its own, in that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from vnroute.compiler.calendar_recurrence import occurrences
from vnroute.compiler.windows_zones import WINDOWS_ZONES
from vnroute.model import FieldError
from vnroute.model.problem import Problem
from vnroute.model.recurrence import Recurrence, parse_rrule
from vnroute.model.zone import check_zone

__all__ = ["MAX_EVENTS", "CalendarError", "Event", "read_calendar"]

MAX_EVENTS = 10_000
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?", re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII
)
_DAY = timedelta(days=1)


class CalendarError(Exception):
    """An iCalendar file that cannot be read: line, property, what was found, what is expected."""

    def __init__(self, line: int, name: str, found: str, expected: str) -> None:
        super().__init__(f"line {line}: {name}: found {found}, expected {expected}")
        self.line, self.name, self.found, self.expected = line, name, found, expected

    def problem(self, file: str) -> Problem:
        """Return it as a problem of a file."""
        return Problem(file, self.line, self.name, self.found, self.expected)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A time as written: on the wall of ``zone`` (empty: the schedule's), or a whole day."""

    moment: datetime
    zone: str
    whole_day: bool


@dataclass(slots=True)
class Event:
    """One event: its start on the wall of ``zone`` (empty: the schedule's), and how long it lasts.

    ``extra`` are further starts (RDATE); ``dropped`` are starts that do not count (EXDATE, and
    those that another event with the same UID replaces).
    """

    line: int
    zone: str
    start: datetime
    whole_day: bool
    length: timedelta
    rule: Recurrence | None = None
    extra: list[tuple[datetime, timedelta]] = field(default_factory=list)
    dropped: set[datetime] = field(default_factory=set)
    dropped_days: set[int] = field(default_factory=set)

    def times(
        self, zone: str, first: datetime, last: datetime
    ) -> Iterator[tuple[datetime, datetime]]:
        """Yield (start, end) on the wall of its own zone, of those that may touch a span.

        ``zone`` is the schedule's, ``first`` and ``last`` are on the wall; nothing is sorted.
        """
        # An event's own start counts, whatever its rule says (RFC 5545, 3.8.5.3).
        starts = [self.start]
        if self.rule is not None:
            since = first - self.length - _DAY
            starts += occurrences(self.rule, self.start, self.zone or zone, since, last + _DAY)
        for start in starts:
            if start not in self.dropped and start.toordinal() not in self.dropped_days:
                yield start, start + self.length
        for start, length in self.extra:
            if start not in self.dropped:
                yield start, start + length


@dataclass(slots=True)
class _Line:
    number: int
    name: str
    parameters: dict[str, str]
    value: str


@lru_cache(maxsize=256)
def read_calendar(text: str) -> tuple[Event, ...]:
    """Return the events of an iCalendar text. Raises :class:`CalendarError` for what is none."""
    events: list[Event] = []
    masters: dict[str, Event] = {}
    replaced: list[tuple[str, _Stamp]] = []
    for lines in _components(text):
        named = {line.name: line for line in lines}
        uid = named["UID"].value if "UID" in named else ""
        if "RECURRENCE-ID" in named:
            line = named["RECURRENCE-ID"]
            if line.parameters.get("RANGE"):
                raise CalendarError(line.number, "RECURRENCE-ID", "a RANGE",
                                    "one event that is replaced")  # fmt: skip
            replaced.append((uid, _stamp(line)))
        if "STATUS" in named and named["STATUS"].value.upper() == "CANCELLED":
            continue
        event = _event(lines, named)
        events.append(event)
        if "RECURRENCE-ID" not in named:
            masters[uid] = event
        if len(events) > MAX_EVENTS:
            raise CalendarError(event.line, "VEVENT", "one more event", f"{MAX_EVENTS} at most")
    for uid, stamp in replaced:
        if uid in masters:
            _drop(masters[uid], stamp)
    return tuple(events)


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number, line), with lines that go on put together (RFC 5545, 3.1)."""
    number, held = 1, ""
    for place, line in enumerate(re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")), 1):
        if line[:1] in (" ", "\t") and held:
            held += line[1:]
            continue
        if held.strip():
            yield number, held
        number, held = place, line
    if held.strip():
        yield number, held


def _parsed(number: int, text: str) -> _Line:
    """Take a line apart: NAME;PARAMETER=value;PARAMETER="value":value."""
    quoted, colon = False, -1
    cuts = []
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            cuts.append(place)
        elif character == ":" and not quoted:
            colon = place
            break
    if colon < 0:
        raise CalendarError(number, "line", repr(text[:60]), "NAME:value")
    pieces = [text[a:b] for a, b in zip([0, *(c + 1 for c in cuts)], [*cuts, colon], strict=True)]
    parameters = {}
    for piece in pieces[1:]:
        name, _, value = piece.partition("=")
        parameters[name.upper()] = value.strip('"')
    return _Line(number, pieces[0].upper(), parameters, text[colon + 1 :].strip())


def _components(text: str) -> Iterator[list[_Line]]:
    """Yield the lines of each VEVENT, without those of what is within it (alarms)."""
    inside: list[str] = []
    lines: list[_Line] = []
    seen = False
    number = 1
    for number, raw in _unfolded(text):
        line = _parsed(number, raw)
        kind = line.value.upper()
        # Several calendars may follow each other in one file (RFC 5545, 3.4).
        if not inside and (line.name, kind) != ("BEGIN", "VCALENDAR"):
            raise CalendarError(number, "line", repr(raw[:60]), "BEGIN:VCALENDAR")
        seen = True
        if line.name == "BEGIN":
            inside.append(kind)
            if kind == "VEVENT":
                lines = [line]
        elif line.name == "END":
            if not inside or inside.pop() != kind:
                raise CalendarError(number, "END", repr(raw[:60]), "the END of what was begun last")
            if kind == "VEVENT":
                yield lines
        elif inside[-1] == "VEVENT":
            lines.append(line)
    if inside or not seen:
        found = f"the file's end within {inside[-1]}" if inside else "nothing"
        raise CalendarError(number, "file", found, "a whole VCALENDAR")


def _event(lines: list[_Line], named: dict[str, _Line]) -> Event:
    begin = lines[0]
    if "DTSTART" not in named:
        raise CalendarError(begin.number, "VEVENT", "no DTSTART", "when the event starts")
    start = _stamp(named["DTSTART"])
    event = Event(begin.number, start.zone, start.moment, start.whole_day, timedelta(0))
    event.length = _length(start, named)
    for line in lines[1:]:
        if line.name == "RRULE":
            if event.rule is not None:
                raise CalendarError(line.number, "RRULE", "a second rule", "one of an event")
            event.rule = _rule(line)
        elif line.name == "EXDATE":
            for part in line.value.split(","):
                _drop(event, _stamp(line, part))
        elif line.name == "RDATE":
            event.extra += [_extra(event, line, part) for part in line.value.split(",")]
    return event


def _rule(line: _Line) -> Recurrence:
    try:
        return parse_rrule(line.value)
    except FieldError as error:
        raise CalendarError(line.number, "RRULE", error.found, error.expected) from None


def _length(start: _Stamp, named: dict[str, _Line]) -> timedelta:
    """Return how long an event lasts on its wall; a day without a time lasts one day."""
    if "DTEND" in named:
        line = named["DTEND"]
        length = _in_zone(_stamp(line), start.zone) - start.moment
        if length < timedelta(0):
            raise CalendarError(line.number, "DTEND", repr(line.value), "a time behind DTSTART")
        return length
    if "DURATION" in named:
        line = named["DURATION"]
        return _duration(line, line.value)
    return _DAY if start.whole_day else timedelta(0)


def _duration(line: _Line, text: str) -> timedelta:
    match = _DURATION.fullmatch(text.upper())
    if match is None or not any(match.groups()) or sum(map(len, filter(None, match.groups()))) > 12:
        raise CalendarError(line.number, line.name, repr(text), "a duration such as PT8H or P1D")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _extra(event: Event, line: _Line, text: str) -> tuple[datetime, timedelta]:
    first, slash, last = text.partition("/")
    start = _in_zone(_stamp(line, first), event.zone)
    if not slash:
        return start, event.length
    if last.upper().startswith(("P", "+P")):
        return start, _duration(line, last)
    return start, _in_zone(_stamp(line, last), event.zone) - start


def _drop(event: Event, stamp: _Stamp) -> None:
    if stamp.whole_day and not event.whole_day:
        event.dropped_days.add(stamp.moment.toordinal())
    else:
        event.dropped.add(_in_zone(stamp, event.zone))


def _stamp(line: _Line, text: str | None = None) -> _Stamp:
    text = line.value if text is None else text.strip()
    match = _STAMP.fullmatch(text.upper())
    try:
        if match is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second)
        if not 1900 < moment.year < 3000:
            raise ValueError
    except ValueError:
        expected = "a time such as 20261224, 20261224T090000 or 20261224T090000Z"
        raise CalendarError(line.number, line.name, repr(text[:60]), expected) from None
    if match[4] is None:
        return _Stamp(moment, "", True)
    if match[7]:
        return _Stamp(moment, "UTC", False)
    zone = line.parameters.get("TZID", "")
    return _Stamp(moment, _zone(line, zone) if zone else "", False)


def _zone(line: _Line, name: str) -> str:
    """Return the IANA zone of a TZID.

    The name alone is read: as IANA's, as Windows', or as IANA's behind a prefix of the program that
    wrote it (/citadel.org/20190914_1/Europe/London). What a VTIMEZONE says of it besides is not.
    """
    known = WINDOWS_ZONES.get(name, name)
    parts = known.strip("/").split("/")
    for start in range(len(parts)):
        try:
            return check_zone("/".join(parts[start:]))
        except FieldError:
            continue
    raise CalendarError(line.number, "TZID", repr(name[:60]), "a zone of the IANA database")


def _in_zone(stamp: _Stamp, zone: str) -> datetime:
    """Return a time as the wall of another zone shows it."""
    if stamp.zone == zone or not stamp.zone or not zone:
        return stamp.moment
    there = stamp.moment.replace(tzinfo=UTC if stamp.zone == "UTC" else ZoneInfo(stamp.zone))
    return there.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
