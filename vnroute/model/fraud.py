"""Rules that tell fraud from the records of calls."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from vnroute.model.e164 import parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.text import check_text

__all__ = ["FraudRule", "parse_amount", "parse_span"]

_SPAN = re.compile(r"([1-9]\d{0,4})([mhd])", re.ASCII)
_UNITS = {"m": 60, "h": 3600, "d": 86_400}
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,8})?)(?: ([A-Z]{3}))?", re.ASCII)
_MOST_SPAN = 31 * 86_400
_MEASURES = ("spend", "cost", "minutes", "calls", "first", "share")


def parse_span(text: str, field: str) -> int:
    """Return the seconds of ``30m``, ``1h`` or ``7d``; up to 31 days."""
    found = _SPAN.fullmatch(text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _MOST_SPAN:
        raise FieldError(field, repr(text), 'a span such as "30m", "1h" or "7d", 31d at most')
    return seconds


def parse_amount(text: str, field: str) -> tuple[int, str]:
    """Return an amount of money as whole units of 1e-8, and its currency (empty: the system's)."""
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise FieldError(field, repr(text), 'an amount such as "50" or "50.25 EUR"')
    try:
        return int(Decimal(found[1]).scaleb(8)), found[2] or ""
    except InvalidOperation:
        raise FieldError(field, repr(text), "fewer digits") from None


class FraudRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of an account's calls is too much, and what is done then.

    One of these is asked, for each account by itself, over the calls that ended within ``window``:

    - more than ``spend`` (what the account pays) or ``cost`` (what carriers ask), an amount;
    - more than so many ``minutes`` talked;
    - more than so many ``calls``, or with ``shorter`` answered calls of fewer seconds;
    - ``first``: a call to a country to which the account has made none in ``history``;
    - ``share``: so many hundredths of its calls go to one country, and thrice its share in
      ``history``.

    ``by`` is what is counted by itself: the account, or each country, prefix of ``to`` or number
    that it calls. Only calls to the prefixes ``to`` count, if there are any; ``accounts`` are those
    that are watched, all if none is named. The last two kinds ask nothing before the account has
    made ``least`` calls in ``history``.

    ``then`` what is done: with ``block``, ``hang_up`` ends the calls that are up as well.
    """

    id: str
    accounts: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    by: Literal["account", "country", "range", "number"] = "account"
    window: str = "1h"
    spend: str = ""
    cost: str = ""
    minutes: int = 0
    calls: int = 0
    shorter: int = 0
    first: bool = False
    share: int = 0
    history: str = "30d"
    least: int = 50
    then: Literal["alert", "block"] = "alert"
    hold: str = "1d"
    hang_up: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        check_id(self.id)
        for place, account in enumerate(self.accounts):
            check_id(account, f"accounts[{place}]")
        for place, prefix in enumerate(self.to):
            parse_prefix(prefix, f"to[{place}]")
        given = [name for name in _MEASURES if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise FieldError(
                given[0] if given else "spend", found, f"one of {', '.join(_MEASURES)}"
            )
        for name in ("spend", "cost"):
            if getattr(self, name):
                parse_amount(getattr(self, name), name)
        for name, most in (("minutes", 10**9), ("calls", 10**9), ("share", 100), ("least", 10**9)):
            if not 0 <= getattr(self, name) <= most:
                raise FieldError(name, str(getattr(self, name)), f"0 to {most}")
        if not 0 <= self.shorter <= 3600:
            raise FieldError("shorter", str(self.shorter), "0 to 3600 seconds")
        if self.shorter and not self.calls:
            raise FieldError("shorter", str(self.shorter), "calls beside it")
        if (self.first or self.share) and self.by not in ("account", "country"):
            raise FieldError("by", self.by, "country, which first and share are of")
        if self.by == "range" and not self.to:
            raise FieldError("by", "range", "prefixes in to beside it")
        for name in ("window", "history"):
            parse_span(getattr(self, name), name)
        if parse_span(self.history, "history") % 86_400:
            raise FieldError("history", repr(self.history), 'whole days, such as "30d"')
        if self.hang_up and self.then != "block":
            raise FieldError("hang_up", "true", "then: block beside it")
        if self.hold:
            parse_span(self.hold, "hold")
        check_text(self.reason, "reason")

    @property
    def measure(self) -> str:
        """Which of its kinds it is."""
        return next(name for name in _MEASURES if getattr(self, name))

    @property
    def counts_calls_up(self) -> bool:
        """Whether calls that are up count: where it sums what they use, and not only their end."""
        return self.measure in ("spend", "cost", "minutes", "calls") and not self.shorter

    @property
    def is_unusual(self) -> bool:
        """Whether it asks what the account usually calls."""
        return self.first or bool(self.share)
