"""The rows of a deck's file, by a mapping of its columns, into rows of the model.

Rows are read some thousands at a time, a column at a time: cells that were read before are looked
up, and only a row in which something was not goes through the readers of fields. So a million rows
cost little more than the few thousand different prices, dates and names that they have.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import compress
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple

from vnroute.decks.columns import rate_class
from vnroute.decks.fields import (
    BLOCKED_WORDS,
    DateOrder,
    Dates,
    Decimals,
    read_change,
    read_increments,
    read_prefixes,
    read_price,
)
from vnroute.decks.header import Mapped, find_header
from vnroute.decks.sorting import SortedRows
from vnroute.decks.tables import Table
from vnroute.importing.findings import Findings, hint, shown
from vnroute.importing.inputs import refused
from vnroute.model import FieldError, Problem
from vnroute.model.deck import NO_END, check_currency, check_time_class
from vnroute.model.text import check_text

__all__ = ["DeckFile", "ReadingOptions", "put_aside", "read_deck"]

_MOST_REMEMBERED = 200_000
_ABSENT = -1
"""In place of a price: a class of callers that a destination does not have."""
_PLAIN_PREFIX = re.compile(r"[1-9][0-9]{0,14}", re.ASCII).fullmatch
_DIGITS = re.compile(r"[0-9]+", re.ASCII).fullmatch
_YES = frozenset(("yes", "y", "true", "1", "blocked", "block", "barred", "closed", "inactive",
                  "disabled", "suspended", "unavailable", "not available"))  # fmt: skip
_NO = frozenset(("", "no", "n", "false", "0", "active", "open", "enabled", "ok", "available",
                 "unblocked", "new", "current"))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How a file is read where it does not say so itself."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    date_order: DateOrder = ""
    date_format: str = ""
    zone: tzinfo = UTC
    decimals: Decimals = ""
    effective: int = 0
    """Unix seconds for rows without a date."""
    origin: str = ""
    """The origin group of all rows that name none."""
    increments: tuple[int, int] = (1, 1)
    currency: str = ""
    origins: frozenset[str] | None = None
    """What a rate's origin may be; None for anything."""


@dataclass(slots=True)
class DeckFile:
    """What a file held: sound rows sorted, and what was wrong."""

    mapped: Mapped
    rows: SortedRows
    problems: Findings
    count: int = 0
    """Rows read, good and bad."""
    bad: int = 0
    currency: str = ""
    earliest: int = 0
    """The least effective date that the file names; 0 if none."""


def put_aside(table: Table, deck: DeckFile, bad_file: Path, wrong: Mapping[int, Problem]) -> None:
    """Write rows aside, behind those that were, that turned out wrong beside others.

    The file is read again for them: what was kept of its rows are not their cells.
    """
    header = deck.mapped.header
    there = bool(deck.bad)
    with _aside(bad_file, header, "a" if there else "w") as aside:
        for line, row in table.rows():
            problem = wrong.get(line)
            if problem is not None:
                error = FieldError(problem.field, problem.found, problem.expected)
                _write_aside(aside, header, line, row, error)


def _aside(bad_file: Path, header: list[str], mode: str = "w") -> IO[str]:
    """Open the file of bad rows; one that is begun gets its header."""
    aside = bad_file.open(mode, encoding="utf-8", newline="", errors="replace")
    if mode == "w":
        csv.writer(aside).writerow([*header, "line", "field", "found", "expected"])
    return aside


def _write_aside(
    aside: IO[str], header: list[str], line: int, row: list[str], error: FieldError
) -> None:
    cells = row[: len(header)]
    cells += [""] * (len(header) - len(cells))
    csv.writer(aside).writerow([*cells, line, error.field, error.found, error.expected])


class _Again(Exception):
    """The file is to be read again, with the order of dates that it has shown."""


def read_deck(
    table: Table,
    options: ReadingOptions,
    *,
    now: int,
    bad_file: Path | None = None,
    progress: Callable[[int, float | None], None] = lambda rows, part: None,
) -> DeckFile:
    """Read a deck's file whole. ``bad_file`` is where bad rows are written aside, with the reason.

    Memory does not grow with the rows. Dates that may be two days make it read twice, once the
    file has shown which it is. Raises :class:`RoutingDataError` where it cannot be read on.
    """
    mapped = find_header(table, options.mapping, options.decimals)
    order = options.date_order
    while True:
        dates = Dates(order, options.date_format, options.zone)
        reader = _Reader(table, mapped, options, dates, now, bad_file)
        try:
            return reader.read(progress)
        except _Again:
            order = dates.learnt
        except BaseException:
            reader.file.rows.close()
            raise


class _RateColumn(NamedTuple):
    """A column of prices, and for which callers and times they are."""

    at: int
    label: str
    origin: str
    time: str
    terms: dict[int, int]
    """By the number of a row's terms, that of the same for this column's callers and times."""


class _Columns(NamedTuple):
    """Rows, column by column, as they are put aside."""

    prefixes: list[str]
    lines: list[int]
    terms: list[int]
    prices: list[int]
    names: list[int]


class _Reader:
    """One pass over a file."""

    def __init__(
        self, table: Table, mapped: Mapped, options: ReadingOptions, dates: Dates, now: int,
        bad_file: Path | None,
    ) -> None:  # fmt: skip
        self.table = table
        self.mapped = mapped
        self.options = options
        self.dates = dates
        self.default = options.effective or now
        self.file = DeckFile(mapped, SortedRows(), Findings(), currency=options.currency)
        self.bad_file = bad_file
        self._aside: IO[str] | None = None
        columns = mapped.columns
        self.rates = [
            _RateColumn(at, name, *rate_class(name), {}) for name, at in columns.items()
            if name == "rate" or name.startswith(("rate.", "rate@"))
        ]  # fmt: skip
        self.term_fields = [
            name for name in ("fee", "increments", "first", "next", "effective", "end", "currency",
                              "change", "blocked", "origin", "time") if name in columns
        ]  # fmt: skip
        for rate in self.rates:
            if rate.origin:
                try:
                    self._origin(rate.origin)
                except FieldError as error:
                    raise refused(
                        table.name, mapped.line, rate.label, error.found, error.expected
                    ) from None
        self.width = max(columns.values()) + 1
        self.prefix_at = columns.get("prefix", -1)
        self.country_at = columns.get("country_code", -1)
        self.area_at = columns.get("area_code", -1)
        self.name_at = columns.get("destination", -1)
        places = [columns[name] for name in self.term_fields]
        self._terms_of: Callable[[list[str]], Any] = (
            itemgetter(*places) if places else lambda row: ""
        )
        # What was read before, by the text of the cells.
        self._terms: dict[Any, int] = {}
        self._changing: dict[Any, int] = {}
        """Terms with a type of change that counts, which makes a price mean something else."""
        self._prices: dict[str, int] = {"": _ABSENT} if len(self.rates) > 1 else {}
        self._names: dict[str, int] = {"": self.file.rows.names.add("")}
        self._no_price = self.file.rows.prices.add(("0", False))
        self._singly = _Columns([], [], [], [], [])

    def read(self, progress: Callable[[int, float | None], None]) -> DeckFile:
        """Read all rows."""
        file, header_line, shown = self.file, self.mapped.line, 0
        try:
            for lines, rows in self.table.blocks():
                if lines[0] <= header_line:
                    rows = [
                        row for line, row in zip(lines, rows, strict=True) if line > header_line
                    ]
                    lines = lines[len(lines) - len(rows) :]
                self._block(lines, rows)
                if file.count - shown >= 20_000:
                    shown = file.count
                    progress(shown, self.table.fraction())
        finally:
            if self._aside is not None:
                self._aside.close()
        progress(file.count, 1.0)
        if self.dates.undecided:
            if self.dates.learnt:
                file.rows.close()
                raise _Again
            name, text = self.dates.undecided[0]
            expected = "a date that is one day; say --dates dmy or --dates mdy"
            found = f"{text!r}, which may be two"
            file.problems.add(self.table.name, self._undecided_line, name, found, expected)
        return file

    def _block(self, lines: Sequence[int], rows: list[list[str]]) -> None:
        """Read some rows."""
        if min(map(len, rows), default=0) < self.width:
            lines, rows = self._padded(lines, rows)
            if not rows:
                return
        self.file.count += len(rows)
        prefixes = self._plain_prefixes(rows)
        terms: list[Any] = list(map(self._terms.get, map(self._terms_of, rows)))
        names: list[Any] = [0] * len(rows)
        if self.name_at >= 0:
            cells = [row[self.name_at] for row in rows]
            names = _looked_up(self._names, cells, self._name)
        prices = [
            _looked_up(self._prices, [row[rate.at] for row in rows], self._plain_price)
            for rate in self.rates
        ]
        known = [bool(prefix) for prefix in prefixes]
        read = [terms, names, *prices]
        if (
            not all(known)
            or any(None in column for column in read)
            or all(_ABSENT in column for column in prices)
        ):
            known = [
                sound and None not in cells and any(price != _ABSENT for price in cells[2:])
                for sound, cells in zip(known, zip(*read, strict=True), strict=True)
            ]
            for line, row, sound in zip(lines, rows, known, strict=True):
                if not sound:
                    self._row(line, row)
            self.file.rows.add(*self._singly)
            for part in self._singly:
                part.clear()
        for rate, column in zip(self.rates, prices, strict=True):
            there = known
            if _ABSENT in column:
                there = [
                    sound and price != _ABSENT for sound, price in zip(known, column, strict=True)
                ]
            self.file.rows.add(
                list(compress(prefixes, there)),
                list(compress(lines, there)),
                self._terms_for(rate, compress(terms, there)),
                list(compress(column, there)),
                list(compress(names, there)),
            )

    def _padded(
        self, lines: Sequence[int], rows: list[list[str]]
    ) -> tuple[list[int], list[list[str]]]:
        """Return rows without those of blanks, each as wide as the columns that count."""
        found, places = [], []
        for line, row in zip(lines, rows, strict=True):
            if len(row) < self.width:
                if not any(map(str.strip, row)):
                    continue
                row = row + [""] * (self.width - len(row))
            found.append(row)
            places.append(line)
        return places, found

    def _plain_prefixes(self, rows: list[list[str]]) -> list[str]:
        """Return each row's prefix as digits, empty where it takes a closer look."""
        if self.prefix_at >= 0:
            cells = [row[self.prefix_at] for row in rows]
            if all(map(_PLAIN_PREFIX, cells)):
                return cells
            cells = [cell.strip().removeprefix("+") for cell in cells]
            return [cell if _PLAIN_PREFIX(cell) else "" for cell in cells]
        if self.country_at < 0:
            return [""] * len(rows)
        return [
            row[self.country_at] + row[self.area_at]
            if _PLAIN_PREFIX(row[self.country_at])
            and _DIGITS(row[self.area_at])
            and len(row[self.country_at]) + len(row[self.area_at]) <= 15
            else ""
            for row in rows
        ]

    def _name(self, text: str) -> int:
        return self.file.rows.names.add(check_text(" ".join(text.split())[:200], "destination"))

    def _plain_price(self, text: str) -> int:
        """Keep a price that says nothing of a currency but what is known of it."""
        if text.strip().lower() in BLOCKED_WORDS:
            return self.file.rows.prices.add(("0", True))
        rate, currency = read_price(text, self.mapped.decimals)
        if currency and currency != self.file.currency:
            raise FieldError("rate", repr(text), "a row that is looked at by itself")
        return self.file.rows.prices.add((rate, False))

    def _row(self, line: int, row: list[str]) -> None:
        """Read a row by itself: something in it is new, wrong or of another form."""
        try:
            key = self._terms_of(row)
            base = self._terms.get(key, self._changing.get(key))
            if base is None:
                base = self._read_terms(key, row, line)
            change = self.file.rows.terms.get(base)[7]
            name = row[self.name_at] if self.name_at >= 0 else ""
            name_number = self._names.get(name)
            if name_number is None:
                name_number = self._names[name] = self._name(name)
            if self.prefix_at >= 0:
                prefixes = read_prefixes(row[self.prefix_at].strip())
            else:
                country = row[self.country_at] if self.country_at >= 0 else ""
                prefixes = read_prefixes(row[self.area_at].strip(), country)
            found: list[tuple[int, int]] = []
            for rate in self.rates:
                if len(self.rates) > 1 and not row[rate.at].strip():
                    continue  # a class that this destination does not have
                price = self._price(row[rate.at], rate.label, change)
                found.append((self._terms_for(rate, (base,))[0], price))
            if not found:
                raise FieldError("rate", "nothing", "a price a minute, or why there is none")
        except FieldError as error:
            self._bad(line, row, error)
            return
        singly = self._singly
        for term, price in found:
            singly.prefixes.extend(prefixes)
            for column, value in (
                (singly.lines, line), (singly.terms, term), (singly.prices, price),
                (singly.names, name_number),
            ):  # fmt: skip
                column.extend([value] * len(prefixes))

    def _price(self, text: str, label: str, change: str) -> int:
        plain = text.strip().lower()
        if change == "delete" and (not plain or plain in BLOCKED_WORDS):
            return self._no_price
        known = self._prices.get(text)
        if known is not None:
            return known
        if plain in BLOCKED_WORDS:
            price = "0", True
        else:
            rate, currency = read_price(text, self.mapped.decimals, label)
            self._currency(currency, text, label)
            price = rate, False
        number = self._prices[text] = self.file.rows.prices.add(price)
        return number

    def _terms_for(self, rate: _RateColumn, numbers: Iterable[int]) -> list[int]:
        """Return the numbers of rows' terms in a column of prices."""
        if not rate.origin and not rate.time:
            return list(numbers)
        known = rate.terms
        wanted = list(numbers)
        for number in set(wanted) - known.keys():
            origin, time, *rest = self.file.rows.terms.get(number)
            term = origin or rate.origin, time or rate.time, *rest
            known[number] = self.file.rows.terms.add(term)
        return [known[number] for number in wanted]

    def _currency(self, currency: str, text: str, label: str) -> None:
        if not currency:
            return
        check_currency(currency, label)
        if self.file.currency and self.file.currency != currency:
            expected = f"one currency in a deck; this one is in {self.file.currency}"
            raise FieldError(label, repr(text), expected)
        self.file.currency = currency

    def _read_terms(self, key: Any, row: list[str], line: int) -> int:
        """Read all of a row but prefix, destination and rate; rows share a few thousand of it."""
        cells = {name: row[self.mapped.columns[name]].strip() for name in self.term_fields}
        before = len(self.dates.undecided)
        effective, end = self.default, NO_END
        if cells.get("effective"):
            effective = self.dates.read(cells["effective"], "effective")
            if effective and (not self.file.earliest or effective < self.file.earliest):
                self.file.earliest = effective
        if cells.get("end"):
            end = self.dates.read(cells["end"], "end")
        if len(self.dates.undecided) > before == 0:
            self._undecided_line = line
        elif end <= effective and not self.dates.undecided:
            raise FieldError("end", repr(cells["end"]), "an end after the row is in force")
        fee = "0"
        if cells.get("fee") and cells["fee"] != "-":
            fee, currency = read_price(cells["fee"], self.mapped.decimals, "fee")
            self._currency(currency, cells["fee"], "fee")
        first, following = self.options.increments
        if cells.get("increments"):
            first, following = read_increments(cells["increments"])
        elif cells.get("first") or cells.get("next"):
            first, _ = read_increments(cells.get("first") or cells["next"], "first")
            following, _ = read_increments(cells.get("next") or cells["first"], "next")
        self._currency(cells.get("currency", "").upper(), cells.get("currency", ""), "currency")
        change, blocked = "", False
        if "change" in cells:
            try:
                change, blocked = read_change(cells["change"])
            except FieldError:
                # A column of remarks says what it likes; one that was named by hand does not.
                if "change" in self.options.mapping:
                    raise
        status = cells.get("blocked", "").lower()
        if status in _YES:
            blocked = True
        elif status not in _NO:
            change, blocked = read_change(status, "blocked")
        origin = self._origin(cells["origin"]) if cells.get("origin") else self.options.origin
        time = check_time_class(cells.get("time", "")) if "time" in self.options.mapping else ""
        term = origin, time, effective, end, fee, first, following, change, blocked
        number = self.file.rows.terms.add(term)
        if len(self._terms) + len(self._changing) >= _MOST_REMEMBERED:
            for known in (self._terms, self._changing, *(rate.terms for rate in self.rates)):
                known.clear()
        (self._changing if change else self._terms)[key] = number
        return number

    def _origin(self, text: str) -> str:
        """Return a group of callers as an id: blanks and marks become dashes."""
        known = self.options.origins
        if known is not None and text in known:
            return text
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", text.strip()).strip("-._").lower()[:64]
        if not name or (known is not None and name not in known):
            expected = "a list of callers that is loaded, or interstate, intrastate, indeterminate"
            raise FieldError("origin", shown(text), expected + hint(name, known or ()))
        return name

    _undecided_line = 0

    def _bad(self, line: int, row: list[str], error: FieldError) -> None:
        self.file.bad += 1
        self.file.problems.add_error(self.table.name, line, error.field, error)
        if self.bad_file is None:
            return
        if self._aside is None:
            self._aside = _aside(self.bad_file, self.mapped.header)
        _write_aside(self._aside, self.mapped.header, line, row, error)


def _looked_up(known: dict[str, int], cells: list[str], read: Callable[[str], int]) -> list[Any]:
    """Return the number of each cell, None for one that is to be looked at with its row."""
    found = list(map(known.get, cells))
    if None in found:
        if len(known) >= _MOST_REMEMBERED:
            nothing = known.get("")
            known.clear()
            if nothing is not None:
                known[""] = nothing
        for text in dict.fromkeys(compress(cells, (number is None for number in found))):
            try:
                known[text] = read(text)
            except FieldError:
                continue  # told with its line, by the row's own reading
        found = list(map(known.get, cells))
    return found
