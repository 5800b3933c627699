"""Days, hours and months of a call: UTC, as whole numbers that read like dates."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from vnroute.model.problem import FieldError

__all__ = [
    "day_before",
    "day_of",
    "first_moment",
    "hour_of",
    "month_of",
    "months_within",
    "parse_day",
    "parse_month",
    "whole_month",
    "written_day",
]


@lru_cache(maxsize=4096)
def _day(days: int) -> int:
    made = datetime.fromtimestamp(days * 86400, UTC)
    return made.year * 10_000 + made.month * 100 + made.day


def day_of(moment: int) -> int:
    """Return the UTC day of a moment in Unix microseconds, as 20261122."""
    return _day(moment // 86_400_000_000)


def hour_of(moment: int) -> int:
    """Return the UTC hour of a moment in Unix microseconds, 0 to 23."""
    return moment // 3_600_000_000 % 24


def first_moment(day: int) -> int:
    """Return when a UTC day begins, in Unix microseconds."""
    made = datetime(day // 10_000, day // 100 % 100, day % 100, tzinfo=UTC)
    return int(made.timestamp()) * 1_000_000


def written_day(moment: int) -> str:
    """Return the UTC day of a moment as people write it: 2026-11-22."""
    day = day_of(moment)
    return f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}"


def month_of(day: int) -> int:
    """Return the month of a day: 202611."""
    return day // 100


def day_before(days: int, now: float) -> int:
    """Return the day that is so many days before now."""
    return _day(int(now // 86400) - days)


def parse_day(text: str, field: str) -> int:
    """Return a day written 2026-11-22; raise :class:`FieldError` for what is none."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise ValueError
        made = date.fromisoformat(text)
    except ValueError:
        raise FieldError(field, repr(text), "a day such as 2026-11-22") from None
    return made.year * 10_000 + made.month * 100 + made.day


def parse_month(text: str, field: str) -> tuple[int, int]:
    """Return first and last day of a month written 2026-11; raise :class:`FieldError`."""
    match = re.fullmatch(r"(\d{4})-(\d{2})", text, re.ASCII)
    if not match or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1:
        raise FieldError(field, repr(text), "a month such as 2026-11")
    year, month = int(match[1]), int(match[2])
    first = year * 10_000 + month * 100
    return first + 1, first + calendar.monthrange(year, month)[1]


def whole_month(first: int, last: int) -> int:
    """Return the month that two days are the first and last of, 0 if they are not."""
    if month_of(first) != month_of(last) or first % 100 != 1 or not first:
        return 0
    made = datetime(last // 10_000, last // 100 % 100, last % 100, tzinfo=UTC)
    return month_of(first) if (made + timedelta(days=1)).day == 1 else 0


def months_within(first: int, last: int) -> tuple[int, int] | None:
    """Return the first and last of the months that lie wholly between two days, None for none.

    0 is a side without a bound. A day need not be one of the calendar: the 31st of June will do.
    """
    begin = 1 if not first else month_of(first) if first % 100 <= 1 else _next(month_of(first))
    end = 999_912 if not last else month_of(last)
    if last and last % 100 < calendar.monthrange(end // 100, end % 100)[1]:
        end = end - 1 if end % 100 > 1 else end - 89
    return (begin, end) if begin <= end else None


def _next(month: int) -> int:
    return month + 1 if month % 100 < 12 else month + 89
