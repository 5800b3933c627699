"""The rows of a deck's file, by a mapping of its columns, into rows of the model."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from vnroute.decks.columns import guess, rate_class
from vnroute.decks.fields import (
    BLOCKED_WORDS,
    DateOrder,
    Dates,
    Decimals,
    decimal_mark,
    read_change,
    read_increments,
    read_prefixes,
    read_price,
)
from vnroute.decks.sorting import RUN, SortedRows, Staged
from vnroute.decks.tables import MAX_COLUMNS, Table
from vnroute.importing.findings import Findings, shown
from vnroute.importing.inputs import refused
from vnroute.model import FieldError
from vnroute.model.deck import NO_END, check_currency, check_time_class
from vnroute.model.text import check_text

__all__ = ["DeckFile", "Mapped", "ReadingOptions", "find_header", "read_deck"]

_HEADER_ROWS = 60
_SAMPLE_ROWS = 400
_MOST_REMEMBERED = 200_000
_PLAIN_PREFIX = re.compile(r"[1-9][0-9]{0,14}", re.ASCII).fullmatch
_YES = frozenset(("yes", "y", "true", "1", "blocked", "block", "barred", "closed", "inactive",
                  "disabled", "suspended", "unavailable", "not available"))  # fmt: skip
_NO = frozenset(("", "no", "n", "false", "0", "active", "open", "enabled", "ok", "available",
                 "unblocked", "new", "current"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where the header is (line 0: none), its columns, and which field each of some is."""

    line: int
    header: list[str]
    columns: dict[str, int]
    decimals: Decimals


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


def find_header(table: Table, given: Mapping[str, str], decimals: Decimals) -> Mapped:
    """Find the header among the first rows, and what its columns are.

    The row with the most names that are known is it, with a prefix and a rate among them; where
    no row has such names, the columns are told by what they hold. Raises RoutingDataError.
    """
    rows: list[tuple[int, list[str]]] = []
    for row in table.rows():
        rows.append(row)
        if len(rows) >= _SAMPLE_ROWS:
            break
    if not rows:
        raise refused(table.name, 0, "file", "nothing", "a header and rows")
    # A column given by name says which row the header is.
    best: tuple[float, int, dict[str, int]] | None = None
    complaint: FieldError | None = None
    for place, (_, cells) in enumerate(rows[:_HEADER_ROWS]):
        if len(cells) > MAX_COLUMNS:
            found = f"more than {MAX_COLUMNS} columns"
            raise refused(table.name, rows[place][0], "row", found, "a rate deck")
        named = sum(any(ch.isalpha() for ch in cell) for cell in cells)
        if named < 2:
            continue
        sample = [row for _, row in rows[place + 1 :]]
        try:
            columns = guess(cells, sample, given)
        except FieldError as error:
            complaint = complaint or error
            continue
        score = len(columns) - place / 1000
        if _complete(columns) and (best is None or score > best[0]):
            best = (score, place, columns)
    if best is not None:
        _, place, columns = best
        line, header = rows[place]
        sample = [row for _, row in rows[place + 1 :]]
    else:
        width = max(len(cells) for _, cells in rows)
        line, header = 0, [str(number) for number in range(1, width + 1)]
        sample = [row for _, row in rows]
        try:
            columns = guess(header, sample, given)
        except FieldError as error:
            columns, complaint = {}, complaint or error
        if complaint and not _complete(columns):
            raise refused(table.name, 0, complaint.field, complaint.found, complaint.expected)
        if not _complete(columns):
            cells = rows[0][1]
            found = f"the columns {', '.join(map(repr, cells[:12]))}"
            expected = "columns for prefix and rate; name them with --map prefix=…,rate=…"
            raise refused(table.name, rows[0][0], "header", found[:200], expected)
    return Mapped(line, header, columns, decimals or _decimals(columns, sample))


def _complete(columns: Mapping[str, int]) -> bool:
    coded = "prefix" in columns or "area_code" in columns
    return coded and any(re.match(r"rate($|[.@])", name) for name in columns)


def _decimals(columns: Mapping[str, int], sample: Sequence[Sequence[str]]) -> Decimals:
    places = [at for name, at in columns.items() if name == "fee" or name.startswith("rate")]
    for row in sample:
        for at in places:
            mark = decimal_mark(row[at]) if at < len(row) else ""
            if mark:
                return mark
    return ""


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
        self._bad_lines: set[int] = set()
        columns = mapped.columns
        self.rates = [
            (at, name, *rate_class(name)) for name, at in columns.items()
            if name == "rate" or name.startswith(("rate.", "rate@"))
        ]  # fmt: skip
        self.term_fields = [
            name for name in ("fee", "increments", "first", "next", "effective", "end", "currency",
                              "change", "blocked", "origin", "time") if name in columns
        ]  # fmt: skip
        self.width = max(columns.values()) + 1

    def read(self, progress: Callable[[int, float | None], None]) -> DeckFile:
        """Read all rows."""
        try:
            self._read(progress)
        finally:
            if self._aside is not None:
                self._aside.close()
        if self.dates.undecided:
            if self.dates.learnt:
                self.file.rows.close()
                raise _Again
            name, text = self.dates.undecided[0]
            line = self._undecided_line
            expected = "a date that is one day; say --dates dmy or --dates mdy"
            self.file.problems.add(
                self.table.name, line, name, f"{text!r}, which may be two", expected
            )
        return self.file

    def _read(self, progress: Callable[[int, float | None], None]) -> None:
        file, columns = self.file, self.mapped.columns
        prefix_at = columns.get("prefix", -1)
        country_at, area_at = columns.get("country_code", -1), columns.get("area_code", -1)
        name_at = columns.get("destination", -1)
        terms_of = self._terms_getter()
        terms: dict[Any, tuple[Any, ...]] = {}
        prices: dict[str, tuple[str, bool]] = {}
        names: dict[str, str] = {"": ""}
        one_rate = self.rates[0] if len(self.rates) == 1 else None
        width, header_line, count = self.width, self.mapped.line, 0
        staged, add = file.rows.rows, file.rows.rows.append
        for line, row in self.table.rows():
            if line <= header_line:
                continue
            if len(row) < width:
                if not any(map(str.strip, row)):
                    continue
                row += [""] * (width - len(row))
            count += 1
            try:
                key = terms_of(row)
                term = terms.get(key)
                if term is None:
                    term = self._terms(row, line)
                    if len(terms) >= _MOST_REMEMBERED:
                        terms.clear()
                    terms[key] = term
                effective, end, fee, first, following, change, closed, origin, time = term
                name = row[name_at] if name_at >= 0 else ""
                known = names.get(name)
                if known is None:
                    known = check_text(" ".join(name.split())[:200], "destination")
                    if len(names) < _MOST_REMEMBERED:
                        names[name] = known
                if one_rate is not None and prefix_at >= 0:
                    prefix = row[prefix_at]
                    text = row[one_rate[0]]
                    price = prices.get(text)
                    if price is None or change:
                        price = self._price(text, one_rate[1], prices, change)
                    rate, blocked = price
                    blocked = blocked or closed
                    origin, time = origin or one_rate[2], time or one_rate[3]
                    plain = _PLAIN_PREFIX(prefix)
                    for one in (prefix,) if plain else read_prefixes(prefix.strip()):
                        add((one, origin, time, effective, line, change, end, rate, fee, first,
                             following, blocked, known))  # fmt: skip
                else:
                    if prefix_at >= 0:
                        prefixes = read_prefixes(row[prefix_at].strip())
                    else:
                        country = row[country_at] if country_at >= 0 else ""
                        prefixes = read_prefixes(row[area_at].strip(), country)
                    new: list[Staged] = []
                    for at, label, for_origin, for_time in self.rates:
                        if len(self.rates) > 1 and not row[at].strip():
                            continue  # a class that this destination does not have
                        rate, blocked = self._price(row[at], label, prices, change)
                        for prefix in prefixes:
                            new.append(
                                (prefix, origin or for_origin, time or for_time, effective, line,
                                 change, end, rate, fee, first, following, blocked or closed, known)
                            )  # fmt: skip
                    if not new:
                        raise FieldError(
                            "rate", "nothing", "a price a minute, or why there is none"
                        )
                    staged += new
            except FieldError as error:
                self._bad(line, row, error)
            if len(staged) >= RUN:
                file.rows.settle()
            if not count % 20_000:
                progress(count, self.table.fraction())
        file.count = count
        progress(count, 1.0)

    def _terms_getter(self) -> Callable[[list[str]], Any]:
        places = [self.mapped.columns[name] for name in self.term_fields]
        return itemgetter(*places) if places else lambda row: ""

    def _price(
        self, text: str, label: str, prices: dict[str, tuple[str, bool]], change: str
    ) -> tuple[str, bool]:
        if change == "delete" and (not text.strip() or text.strip().lower() in BLOCKED_WORDS):
            return "0", False
        known = prices.get(text)
        if known is not None:
            return known
        if text.strip().lower() in BLOCKED_WORDS:
            price = "0", True
        else:
            rate, currency = read_price(text, self.mapped.decimals, label)
            self._currency(currency, text, label)
            price = rate, False
        if len(prices) < _MOST_REMEMBERED:
            prices[text] = price
        return price

    def _currency(self, currency: str, text: str, label: str) -> None:
        if not currency:
            return
        check_currency(currency, label)
        if self.file.currency and self.file.currency != currency:
            expected = f"one currency in a deck; this one is in {self.file.currency}"
            raise FieldError(label, repr(text), expected)
        self.file.currency = currency

    def _terms(self, row: list[str], line: int) -> tuple[Any, ...]:
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
        origin = _origin(cells["origin"]) if cells.get("origin") else self.options.origin
        time = check_time_class(cells.get("time", "")) if "time" in self.options.mapping else ""
        return effective, end, fee, first, following, change, blocked, origin, time

    _undecided_line = 0

    def _bad(self, line: int, row: list[str], error: FieldError) -> None:
        self.file.bad += 1
        self.file.problems.add_error(self.table.name, line, error.field, error)
        if self.bad_file is None:
            return
        if self._aside is None:
            self._aside = self.bad_file.open("w", encoding="utf-8", newline="", errors="replace")
            head = [*self.mapped.header, "line", "field", "found", "expected"]
            csv.writer(self._aside).writerow(head)
        cells = row[: len(self.mapped.header)]
        cells += [""] * (len(self.mapped.header) - len(cells))
        csv.writer(self._aside).writerow([*cells, line, error.field, error.found, error.expected])


def _origin(text: str) -> str:
    """Return a group's name as an id: blanks and marks become dashes."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text.strip()).strip("-._").lower()[:64]
    if not name:
        raise FieldError("origin", shown(text), "the name of a group of origins")
    return name
