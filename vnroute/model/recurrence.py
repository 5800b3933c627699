"""Recurrence rules: RFC 5545, 3.3.10 (RRULE), as far as a schedule needs them.

Days recur; what recurs several times a day names its hours (BYHOUR, BYMINUTE). So FREQ is DAILY,
WEEKLY, MONTHLY or YEARLY, and there are no seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from vnroute.model.problem import FieldError

__all__ = ["Recurrence", "parse_rrule"]

_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_TIMES_A_DAY = 48
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?", re.ASCII)
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule as read. Weekdays are 0 (Monday) to 6; an empty tuple is a part not given.

    ``weekdays`` holds (n, weekday): the nth of its month or year, counted from its end where n is
    below 0; every one where n is 0. ``until`` is on the wall, or in UTC where ``until_utc`` says
    so, and includes its last second.
    """

    frequency: str
    interval: int = 1
    count: int = 0
    until: datetime | None = None
    until_utc: bool = False
    months: tuple[int, ...] = ()
    week_numbers: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


@lru_cache(maxsize=4096)
def parse_rrule(text: str, field: str = "rrule") -> Recurrence:
    """Return a recurrence rule such as ``FREQ=MONTHLY;BYDAY=3MO``.

    Raises :class:`FieldError` for what RFC 5545 does not allow, or what is not known here.
    """
    parts: dict[str, str] = {}
    for piece in text.strip().upper().split(";"):
        name, equals, value = piece.partition("=")
        if not equals or not value or name in parts:
            again = f"{name} again in " if name in parts else ""
            expected = 'a rule of RFC 5545 such as "FREQ=MONTHLY;BYDAY=3MO", each part once'
            raise FieldError(field, f"{again}{text!r}", expected)
        parts[name] = value
    for name in parts:
        if name not in _PARTS:
            raise FieldError(field, repr(name), f"one of {', '.join(_PARTS)}")
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        expected = "FREQ=DAILY, WEEKLY, MONTHLY or YEARLY (BYHOUR and BYMINUTE name times of a day)"
        raise FieldError(field, f"FREQ={frequency}" if frequency else "no FREQ", expected)
    values: dict[str, object] = {}
    for name, value in parts.items():
        if name != "FREQ":
            attribute, read = _PARTS[name]
            try:
                values[attribute] = read(value)
            except ValueError as error:
                raise FieldError(field, f"{name}={value}", str(error)) from None
    if parts.get("UNTIL", "").endswith("Z"):
        values["until_utc"] = True
    rule = Recurrence(frequency, **values)  # type: ignore[arg-type]
    for problem, expected in _contradictions(rule, parts):
        raise FieldError(field, problem, expected)
    return rule


def _contradictions(rule: Recurrence, parts: dict[str, str]) -> list[tuple[str, str]]:
    """Return (found, expected) of what RFC 5545 forbids together."""
    found = []
    if "COUNT" in parts and "UNTIL" in parts:
        found.append(("COUNT and UNTIL", "at most one of them"))
    if "BYWEEKNO" in parts and rule.frequency != "YEARLY":
        found.append((f"BYWEEKNO with FREQ={rule.frequency}", "it only with FREQ=YEARLY"))
    if "BYYEARDAY" in parts and rule.frequency != "YEARLY":
        found.append((f"BYYEARDAY with FREQ={rule.frequency}", "it only with FREQ=YEARLY"))
    if "BYMONTHDAY" in parts and rule.frequency == "WEEKLY":
        found.append(("BYMONTHDAY with FREQ=WEEKLY", "BYDAY there"))
    if any(place for place, _ in rule.weekdays):
        if rule.frequency not in ("YEARLY", "MONTHLY"):
            found.append((f"BYDAY={parts['BYDAY']} with FREQ={rule.frequency}",
                          "the nth weekday only with FREQ=MONTHLY or YEARLY"))  # fmt: skip
        elif "BYWEEKNO" in parts:
            found.append((f"BYDAY={parts['BYDAY']} with BYWEEKNO", "weekdays without a number"))
        elif rule.frequency == "MONTHLY" and any(abs(place) > 5 for place, _ in rule.weekdays):
            found.append((f"BYDAY={parts['BYDAY']}", "-5 to 5 within a month"))
    if len(rule.hours) * len(rule.minutes) > _TIMES_A_DAY:
        times = len(rule.hours) * len(rule.minutes)
        found.append((f"{times} times a day by BYHOUR and BYMINUTE", f"{_TIMES_A_DAY} at most"))
    others = [name for name in parts if name.startswith("BY") and name != "BYSETPOS"]
    if "BYSETPOS" in parts and not others:
        found.append(("BYSETPOS alone", "another BY part that it picks from"))
    return found


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _numbers(low: int, high: int, signed: bool = False) -> Callable[[str], tuple[int, ...]]:
    allowed = f"-{high} to -{low} or {low} to {high}" if signed else f"{low} to {high}"

    def read(text: str) -> tuple[int, ...]:
        found = set()
        for piece in text.split(","):
            digits = piece[1:] if signed and piece[:1] in ("+", "-") else piece
            plain = digits.isascii() and digits.isdigit() and len(digits) <= 3
            if not (plain and low <= int(digits) <= high):
                raise ValueError(f"whole numbers, each {allowed}")
            found.add(int(piece))
        return tuple(sorted(found))

    return read


def _weekdays(text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for piece in text.split(","):
        match = _BYDAY.fullmatch(piece)
        place = int(match[1] or 0) if match else 0
        if match is None or abs(place) > 53 or (match[1] and not place):
            raise ValueError("weekdays such as MO, 3MO (the third) or -1FR (the last)")
        found.append((place, _WEEKDAYS.index(match[2])))
    return tuple(found)


def _until(text: str) -> datetime:
    match = _UNTIL.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        # A day alone includes all of that day.
        return datetime.strptime(match[1] + (match[2] or "235959"), "%Y%m%d%H%M%S")
    except ValueError:
        raise ValueError("a day or time such as 20271231 or 20271231T220000Z") from None


def _week_start(text: str) -> int:
    if text not in _WEEKDAYS:
        raise ValueError(f"one of {', '.join(_WEEKDAYS)}")
    return _WEEKDAYS.index(text)


_PARTS: dict[str, tuple[str, Callable[[str], object]]] = {
    "FREQ": ("frequency", str),
    "INTERVAL": ("interval", _number(1, 1000)),
    "COUNT": ("count", _number(1, 10_000)),
    "UNTIL": ("until", _until),
    "BYMONTH": ("months", _numbers(1, 12)),
    "BYWEEKNO": ("week_numbers", _numbers(1, 53, signed=True)),
    "BYYEARDAY": ("year_days", _numbers(1, 366, signed=True)),
    "BYMONTHDAY": ("month_days", _numbers(1, 31, signed=True)),
    "BYDAY": ("weekdays", _weekdays),
    "BYHOUR": ("hours", _numbers(0, 23)),
    "BYMINUTE": ("minutes", _numbers(0, 59)),
    "BYSETPOS": ("positions", _numbers(1, 366, signed=True)),
    "WKST": ("week_start", _week_start),
}
