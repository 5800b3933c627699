"""Calls as CSV and JSON Lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any

import msgspec

from vnroute.calls.money import margin, money

__all__ = ["CSV_COLUMNS", "exported", "json_lines", "write_csv", "write_rows"]

CSV_COLUMNS = (
    "uuid", "started", "answered", "ended", "switch", "number", "account", "plan", "campaign",
    "outcome", "refused", "cause", "q850", "sip", "caller", "caller_name", "country", "area",
    "pdd_ms", "duration_ms", "talk_ms", "cost", "cost_currency", "receive_cost",
    "receive_currency", "price", "price_currency", "margin", "generation", "hops", "routed",
    "clock_off", "carrier", "gateway", "attempts", "legs",
)  # fmt: skip
"""Columns of the CSV. ``legs`` is each leg's gateway:code:cause, in order; code 0 is not told."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FIGURE = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
"""A number, of a phone or an amount: no formula, though it begins as one does."""


def _moment(microseconds: int) -> str:
    if not microseconds:
        return ""
    made = datetime.fromtimestamp(microseconds / 1e6, UTC)
    return made.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exported(call: dict[str, Any]) -> dict[str, Any]:
    """Return a stored call for reading: times as ISO 8601 in UTC, money as exact decimal text."""
    made = {name: value for name, value in call.items() if name != "day"}
    for name in ("started", "answered", "ended", "received"):
        made[name] = _moment(call[name])
    for name in ("cost", "receive_cost", "price"):
        made[name] = money(call[name])
    made["margin"] = money(margin(call))
    made["legs"] = [leg | {"cost": money(leg["cost"])} for leg in call["legs"]]
    return made


def json_lines(calls: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield a line of JSON a call, its legs in it."""
    for call in calls:
        yield msgspec.json.encode(exported(call)) + b"\n"


def write_csv(calls: Iterable[dict[str, Any]], file: IO[str]) -> int:
    """Write calls as CSV (RFC 4180), a row a call; return how many.

    What a spreadsheet would take for a formula gets a ``'`` in front, in every column.
    """
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    count = 0
    for call in calls:
        made = exported(call)
        legs = made["legs"]
        won = next((leg for leg in legs if leg["outcome"] == "answered"), None)
        made["carrier"] = won["carrier"] if won else ""
        made["gateway"] = won["gateway"] if won else ""
        made["attempts"] = len(legs)
        made["legs"] = " ".join(f"{leg['gateway']}:{leg['sip']}:{leg['cause']}" for leg in legs)
        writer.writerow([_cell(made[name]) for name in CSV_COLUMNS])
        count += 1
    return count


def _cell(value: Any) -> Any:
    """Return what stands in a cell: never what a spreadsheet would reckon with."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA) and not _FIGURE.fullmatch(value):
        return "'" + value
    return value


def write_rows(columns: Iterable[str], rows: Iterable[dict[str, Any]], file: IO[str]) -> None:
    """Write a report's rows as CSV."""
    names = list(columns)
    writer = csv.writer(file)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
