"""Which calls somebody asks for: days, account, campaign and number as people write them."""

from __future__ import annotations

import time

from vnroute.calls.base import CallFilter
from vnroute.calls.days import parse_day, parse_month
from vnroute.model.e164 import parse_number
from vnroute.model.problem import FieldError

__all__ = ["asked"]

_LAST = 99991231


def asked(
    first: str = "",
    last: str = "",
    month: str = "",
    account: str = "",
    campaign: str = "",
    number: str = "",
    *,
    all_days: bool = False,
) -> CallFilter:
    """Return which calls are meant; where no day is given those of this month (UTC), or all.

    Raises :class:`FieldError` for what is no day, month or number.
    """
    if month:
        if first or last:
            raise FieldError("month", f"{month!r} with from or to", "a month alone")
        days = parse_month(month, "month")
    elif first or last:
        days = (parse_day(first, "from") if first else 0, parse_day(last, "to") if last else _LAST)
        if days[0] > days[1]:
            raise FieldError("from", repr(first), f"a day not after {last}")
    elif all_days:
        days = (0, _LAST)
    else:
        days = parse_month(time.strftime("%Y-%m", time.gmtime()), "month")
    digits = f"+{parse_number(number, 'number')}" if number else ""
    return CallFilter(days[0], days[1], account, campaign, digits)
