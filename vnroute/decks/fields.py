"""What is written in a rate deck's cells: prefixes, prices, dates, increments, changes.

Each reader raises :class:`FieldError` for what it cannot read for certain: a price or a date that
may mean two things is refused rather than guessed.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from vnroute.model import FieldError, parse_rate
from vnroute.model.deck import MAX_INCREMENT

__all__ = [
    "BLOCKED_WORDS",
    "MAX_RANGE",
    "DateOrder",
    "Dates",
    "Decimals",
    "read_change",
    "read_increments",
    "read_prefixes",
    "read_price",
]

MAX_RANGE = 10_000
"""Prefixes in one cell."""

_PLAIN = re.compile(r"[1-9][0-9]{0,14}", re.ASCII).fullmatch
_DIGITS = re.compile(r"[0-9]+", re.ASCII).fullmatch
_GROUP = re.compile(r"([0-9][0-9 .]*)?\(([^()]*)\)", re.ASCII)
_LIST = re.compile(r"[,;/|&\n]")
_PREFIXES = 'prefixes such as "4420", "4420, 4421-4425" or "44 (20, 21)"'


def _digits(text: str, whole: str) -> str:
    """Return the digits of one code; blanks after a country's code of up to three digits go."""
    parts = text.replace("\u00a0", " ").split()
    if len(parts) > 1 and len(parts[0].lstrip("+")) > 3:
        raise FieldError("prefix", repr(whole), _PREFIXES)
    plain = "".join(parts).removeprefix("+")
    if not _DIGITS(plain):
        raise FieldError("prefix", repr(whole), _PREFIXES)
    return plain


def _expanded(text: str, whole: str) -> list[str]:
    """Return the codes of a list with ranges, without what stands before them."""
    found: list[str] = []
    for item in _LIST.split(text):
        if not item.strip():
            continue
        first_text, dash, last_text = item.replace("\u2013", "-").partition("-")
        first = _digits(first_text, whole)
        if not dash:
            found.append(first)
            continue
        last = _digits(last_text, whole)
        if len(last) < len(first):  # 4421-25 is 4421 to 4425
            last = first[: len(first) - len(last)] + last
        count = int(last) - int(first) + 1
        if len(last) != len(first) or count < 1:
            expected = "a range from a lower to a higher code of equal length"
            raise FieldError("prefix", repr(whole), expected)
        if count > MAX_RANGE:
            raise FieldError("prefix", f"{count:,} prefixes in one range", f"{MAX_RANGE:,} at most")
        found += [str(code).zfill(len(first)) for code in range(int(first), int(last) + 1)]
    return found


def read_prefixes(text: str, country: str = "") -> list[str]:
    """Return the prefixes that a cell names, after a country's code if that is given.

    Lists and ranges, with the common digits before brackets; ``+``, ``00`` and ``011`` before a
    whole prefix go, since no E.164 number begins with 0.
    """
    if not country and _PLAIN(text):
        return [text]
    stem = _digits(country, country) if country.strip() else ""
    rest = text.strip()
    if stem and rest in ("", "-", "*"):
        codes = [""]
    else:
        codes = []
        position = 0
        for match in _GROUP.finditer(rest):
            codes += _expanded(rest[position : match.start()], text)
            before = _digits(match[1], text) if match[1] else ""
            codes += [before + code for code in _expanded(match[2], text)]
            position = match.end()
        codes += _expanded(rest[position:], text)
    prefixes = []
    for code in codes:
        prefix = stem + code
        if prefix.startswith("0"):
            prefix = prefix.removeprefix("011" if prefix.startswith("011") else "00")
        if not _PLAIN(prefix):
            raise FieldError("prefix", repr(text), _PREFIXES)
        prefixes.append(prefix)
    if not prefixes:
        raise FieldError("prefix", repr(text) if text else "nothing", _PREFIXES)
    if len(prefixes) > MAX_RANGE:
        raise FieldError("prefix", f"{len(prefixes):,} prefixes", f"{MAX_RANGE:,} at most")
    return list(dict.fromkeys(prefixes))


BLOCKED_WORDS = frozenset(
    ("blocked", "block", "barred", "closed", "na", "n/a", "n.a.", "n.a", "-", "--", "not available",
     "not offered", "not supported", "no route", "unavailable", "x")
)  # fmt: skip
"""In place of a price: the carrier does not take the destination."""

Decimals = Literal["", ".", ","]
"""The decimal mark of a file; empty where it has not shown yet."""

_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "US$": "USD", "¥": "JPY"}
_PRICE = re.compile(
    r"(?P<before>US\$|[$€£¥]|[A-Za-z]{3})?\s*(?P<number>[0-9][0-9.,'\s\u00a0]*|[.,][0-9]+)"
    r"\s*(?P<after>US\$|[$€£¥¢]|[A-Za-z]{3}|ct|c|cents?)?(?:\s*/\s*min(?:ute)?)?",
    re.ASCII,
)
_THOUSANDS = {
    ".": re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", re.ASCII),
    ",": re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]*)?", re.ASCII),
}


def decimal_mark(text: str) -> Decimals:
    """Return the decimal mark that a price shows beyond doubt, empty where it shows none.

    The last of two marks is it; a lone one is, unless exactly three digits follow one to three that
    are not a lone 0 (1,234 and 1.234 may be thousands).
    """
    marks = [mark for mark in text if mark in ".,"]
    if not marks:
        return ""
    last: Decimals = "," if marks[-1] == "," else "."
    if len(set(marks)) == 2:
        return last
    if len(marks) > 1:
        return "." if last == "," else ","
    whole, _, part = text.partition(last)
    digits = re.sub(r"[^0-9]", "", whole)
    after = re.match(r"[0-9]*", part)
    if after is not None and len(after[0]) == 3 and 1 <= len(digits) <= 3 and digits != "0":
        return ""
    return last


def read_price(text: str, decimals: Decimals = ".", field: str = "rate") -> tuple[str, str]:
    """Return a price as exact decimal text, and its currency if it names one.

    ``decimals`` is the file's decimal mark; where it has not shown, a price that may mean two
    things is refused. Cents (¢) become hundredths. At most eight decimals, as in the model.
    """
    expected = 'a price a minute such as "0.0045", at most 8 decimals'
    match = _PRICE.fullmatch(text.strip())
    if match is None:
        raise FieldError(field, repr(text) if text.strip() else "nothing", expected)
    number = re.sub(r"['\s\u00a0]", "", match["number"])
    mark = decimals or decimal_mark(number)
    if not mark and ("," in number or "." in number):
        expected = "a price that can be read in one way; give the decimal mark (--decimal)"
        raise FieldError(field, f"{text!r}, which may be thousands", expected)
    other = "," if mark == "." else "."
    if mark and other in number:
        if not _THOUSANDS[mark].fullmatch(number):
            raise FieldError(field, repr(text), f'a price with "{mark}" before its decimals')
        number = number.replace(other, "")
    number = number.replace(",", ".")
    if number.count(".") > 1:
        raise FieldError(field, repr(text), expected)
    if number.startswith("."):
        number = "0" + number
    number = number.removesuffix(".")
    currency = ""
    for word in (match["before"], match["after"]):
        if not word:
            continue
        if word in ("¢", "c", "ct", "cent", "cents"):
            number = f"{Decimal(number).scaleb(-2):f}"
        else:
            currency = _SYMBOLS.get(word, word.upper())
    whole, point, part = number.partition(".")
    whole = whole.lstrip("0") or "0"
    number = whole + point + part
    if len(part) > 8:
        # Of a spreadsheet's binary fraction nothing is lost; of a written price, digits.
        rounded = Decimal(number).quantize(Decimal("0.00000001"), ROUND_HALF_EVEN)
        if abs(rounded - Decimal(number)) > Decimal("1e-12"):
            raise FieldError(field, repr(text), expected)
        number = f"{rounded:f}"
    parse_rate(number, field)
    return number, currency


_INCREMENTS = re.compile(r"([0-9]{1,4})\s*(?:s|sec)?(?:\s*[/+:\-|, ]\s*([0-9]{1,4})\s*(?:s|sec)?)?")


def read_increments(text: str, field: str = "increments") -> tuple[int, int]:
    """Return the billing increments in seconds: "60/6", "1+1"; "60" is 60/60."""
    match = _INCREMENTS.fullmatch(text.strip())
    if match is None:
        raise FieldError(field, repr(text), 'increments in seconds such as "60/6"')
    first, following = int(match[1]), int(match[2] or match[1])
    if first == 0 and following:
        first = following  # 0/60: no minimum, so the first increment is as the next
    if not (1 <= first <= MAX_INCREMENT and 1 <= following <= MAX_INCREMENT):
        raise FieldError(field, repr(text), f"increments of 1 to {MAX_INCREMENT} seconds")
    return first, following


DateOrder = Literal["", "dmy", "mdy"]
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(.*))?")
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:[T ]+(.*))?")
_NAMED = re.compile(r"(\d{1,2})[-/. ]+([A-Za-z]{3,9})\.?[-/., ]+(\d{4}|\d{2})(?:[T ]+(.*))?")
_NAMED_US = re.compile(
    r"([A-Za-z]{3,9})\.?[-/. ]+(\d{1,2})(?:st|nd|rd|th)?[-/., ]+(\d{4})(?: (.*))?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SERIAL = re.compile(r"([2-7]\d{4})(\.\d+)?")
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
    for name in (names,)
}
_CLOCK = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp][Mm])?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_DATE = 'a date such as "2026-12-01", "1 Dec 2026" or "01.12.2026"'


class Dates:
    """Reads the dates of one file; whether day or month comes first is settled by all its rows.

    ``order`` is what was given, or learnt from dates such as 25/12/2026. One like 03/04/2026
    that is read before anything has settled the order goes to ``undecided``: then the file is to
    be read again with ``learnt``.
    """

    def __init__(self, order: DateOrder = "", form: str = "", zone: tzinfo = UTC) -> None:
        self.order: DateOrder = order
        self.learnt: DateOrder = ""
        self.form = form
        self.zone = zone
        self.undecided: list[tuple[str, str]] = []
        """(field, text) of the dates that may be two days."""

    def read(self, text: str, field: str) -> int:
        """Return a date as Unix seconds: its own time and zone, else midnight in the file's."""
        text = text.strip()
        if self.form:
            try:
                return self._moment(datetime.strptime(text, self.form))
            except ValueError:
                raise FieldError(field, repr(text), f"a date of the form {self.form}") from None
        try:
            return self._read(text, field)
        except (ValueError, OverflowError) as error:
            if isinstance(error, FieldError):
                raise
            raise FieldError(field, repr(text), _DATE) from None

    def _read(self, text: str, field: str) -> int:
        if match := _ISO.fullmatch(text):
            return self._at(int(match[1]), int(match[2]), int(match[3]), match[4])
        if match := _NUMERIC.fullmatch(text):
            return self._numeric(match, text, field)
        if match := _NAMED.fullmatch(text):
            return self._at(_year(match[3]), _month(match[2]), int(match[1]), match[4])
        if match := _NAMED_US.fullmatch(text):
            return self._at(_year(match[3]), _month(match[1]), int(match[2]), match[4])
        if match := _COMPACT.fullmatch(text):
            return self._at(int(match[1]), int(match[2]), int(match[3]), None)
        if match := _SERIAL.fullmatch(text):
            # Days since 1899-12-30 (ECMA-376 part 1, 18.17.4.1, the 1900 date system).
            day = datetime(1899, 12, 30) + timedelta(days=float(text))
            return self._moment(day.replace(microsecond=0))
        raise FieldError(field, repr(text), _DATE)

    def _numeric(self, match: re.Match[str], text: str, field: str) -> int:
        one, two, year, clock = int(match[1]), int(match[3]), _year(match[4]), match[5]
        if match[2] == ".":
            return self._at(year, two, one, clock)  # written so nowhere but day first
        if one > 12 or two > 12:
            shown: DateOrder = "dmy" if one > 12 else "mdy"
            other = self.order or self.learnt
            if other and other != shown:
                expected = f"dates in one order; others are {'-'.join(other)}"
                raise FieldError(field, repr(text), expected)
            self.learnt = shown
        order = self.order or self.learnt
        if not order:
            if one == two:
                order = "dmy"
            else:
                if len(self.undecided) < 1000:
                    self.undecided.append((field, text))
                return 0
        day, month = (one, two) if order == "dmy" else (two, one)
        return self._at(year, month, day, clock)

    def _at(self, year: int, month: int, day: int, clock: str | None) -> int:
        base = date(year, month, day)
        if not clock or not clock.strip():
            return self._moment(datetime(base.year, base.month, base.day))
        match = _CLOCK.fullmatch(clock.strip())
        if match is None:
            raise ValueError(clock)
        hour = int(match[1])
        if match[4]:
            if not 1 <= hour <= 12:
                raise ValueError(clock)
            hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
        at = datetime(year, month, day, hour, int(match[2]), int(match[3] or 0))
        zone = match[5]
        if not zone:
            return self._moment(at)
        if zone[0] in "+-":
            ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            at -= ahead if zone[0] == "+" else -ahead
        return timegm(at.timetuple())

    def _moment(self, at: datetime) -> int:
        if at.tzinfo is None:
            at = at.replace(tzinfo=self.zone)
        if not 1970 <= at.year <= 2200:
            raise ValueError(at)
        return int(at.timestamp())


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _month(text: str) -> int:
    number = _MONTHS.get(text[:3].lower())
    if number is None:
        raise ValueError(text)
    return number


Change = Literal["", "delete", "same"]


def read_change(text: str, field: str = "change") -> tuple[Change, bool]:
    """Return what a row's type of change says: delete, same or (empty) put; and whether blocked."""
    word = re.sub(r"[^a-z]+", " ", text.lower()).strip()
    if not word:
        return "", False
    if re.search(
        r"\b(delet\w*|remov\w*|withdraw\w*|discontinu\w*|terminat\w*|gone|end(ed)?)\b", word
    ):
        return "delete", False
    if re.search(r"\b(block\w*|clos\w*|barred|suspend\w*)\b", word) and "unblock" not in word:
        return "", True
    if re.search(
        r"\b(new|add\w*|increas\w*|decreas\w*|chang\w*|updat\w*|unblock\w*|open\w*|activ\w*|current"
        r"|same|no change|unchanged|not changed|up|down|modif\w*|initial|insert\w*|yes|ok|available"
        r"|i|d|n|s|u)\b",
        word,
    ):
        return "", False
    raise FieldError(field, repr(text), "new, increase, decrease, unchanged, delete or blocked")
