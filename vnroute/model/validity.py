"""From when until when an entry of a number holds: ``2026-12-01``, ``2026-12-01T09:00``, with an
offset or on the clock of the account's time zone.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from vnroute.model.problem import FieldError

__all__ = ["ALWAYS", "check_validity", "first_second", "second_after"]

ALWAYS = (-(1 << 62), 1 << 62)
"""First second, and the second after the last, of what has neither."""

_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)
_EXPECTED = 'a day or a moment: "2026-12-01", "2026-12-01T09:00" or "2026-12-01T09:00+01:00"'


def _read(text: str, field: str) -> tuple[date, time | None, str]:
    """Return the day, the time of day and the offset as written; raise FieldError."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise FieldError(field, repr(text), _EXPECTED)
    try:
        day = date.fromisoformat(match[1])
        clock = None if match[2] is None else time.fromisoformat(match[2])
        if match[3]:
            datetime.fromisoformat(f"2000-01-01T00:00{match[3]}")
    except ValueError:
        raise FieldError(field, repr(text), "a day and a time that there are") from None
    if not 1971 <= day.year <= 9998:
        raise FieldError(field, repr(text), "a year from 1971 to 9998")
    return day, clock, match[3] or ""


def _second(day: date, clock: time | None, offset: str, zone: str) -> int:
    wall = datetime.combine(day, clock or time())
    if offset:
        return int(datetime.fromisoformat(f"{wall.isoformat()}{offset}").timestamp())
    return int(wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp())


def first_second(text: str, zone: str) -> int:
    """Return the Unix second at which an entry begins to hold; a day begins at midnight.

    What the clocks skip is read with the offset before the change, of what they repeat the first.
    """
    return _second(*_read(text, "from"), zone) if text else ALWAYS[0]


def second_after(text: str, zone: str) -> int:
    """Return the first Unix second at which it holds no more; a day alone counts to its end."""
    if not text:
        return ALWAYS[1]
    day, clock, offset = _read(text, "until")
    return _second(day + timedelta(days=clock is None), clock, offset, zone)


def check_validity(since: str, until: str) -> None:
    """Raise :class:`FieldError` unless both are notations, or empty, and the end is behind the
    beginning in every time zone (zones are at most 26 hours apart).
    """
    for field, text in (("from", since), ("until", until)):
        if text:
            _read(text, field)
    if not since or not until:
        return
    # Of two on one clock the walls are compared; else the zones may be this far apart.
    mixed = bool(_read(since, "from")[2]) != bool(_read(until, "until")[2])
    slack = 26 * 3600 if mixed else 0
    if second_after(until, "UTC") + slack <= first_second(since, "UTC"):
        raise FieldError("until", repr(until), f"an end behind its beginning, {since!r}")
