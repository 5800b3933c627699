"""Where a deck's header is, and what its columns hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vnroute.decks.columns import guess
from vnroute.decks.fields import Decimals, decimal_mark
from vnroute.decks.tables import MAX_COLUMNS, Table
from vnroute.importing.inputs import refused
from vnroute.model import FieldError

__all__ = ["Mapped", "find_header"]

_HEADER_ROWS = 60
_SAMPLE_ROWS = 400


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where the header is (line 0: none), its columns, and which field each of some is."""

    line: int
    header: list[str]
    columns: dict[str, int]
    decimals: Decimals


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
