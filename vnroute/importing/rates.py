"""Rate decks: CSV with the columns prefix, carrier, rate, and destination as you like."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from vnroute.importing.catalogue import Catalogue
from vnroute.importing.csv_rows import CsvRows
from vnroute.importing.findings import MAX_KEPT, Findings, shown
from vnroute.importing.inputs import Opened
from vnroute.importing.origins import Origins
from vnroute.model import FieldError, parse_rate
from vnroute.model.e164 import parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.text import check_text
from vnroute.store.base import Staging, Transaction

__all__ = ["COLUMNS", "OPTIONAL", "check_rates", "read_prefix", "read_rates"]

COLUMNS = ("prefix", "carrier", "rate")
OPTIONAL = ("destination",)
_BATCH = 50_000
_MOST_DESTINATIONS = 100_000

_PLAIN_PREFIX = re.compile(r"[1-9][0-9]{0,14}", re.ASCII).fullmatch
_PLAIN_RATE = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,8})?", re.ASCII).fullmatch


def read_prefix(text: str) -> str:
    """Return a prefix as :func:`vnroute.model.e164.parse_prefix` does, only sooner."""
    return text if _PLAIN_PREFIX(text) else parse_prefix(text)


def read_rate(text: str) -> str:
    """Return a rate's text if :func:`vnroute.model.parse_rate` takes it, without blanks."""
    if not _PLAIN_RATE(text):
        parse_rate(text)
    return text.strip()


def read_rates(
    file: Opened,
    staging: Staging,
    loose: list[tuple[str, int]],
    origins: Origins,
    problems: Findings,
    progress: Callable[[int, float | None], None],
) -> set[str]:
    """Stage the rates of a deck; return the carriers named in it, whether they are there or not.
    ``loose`` takes (carrier, origin) of the first rows that are bad and so not staged.

    Memory does not grow with the rows. Whatever else is wrong is added to ``problems``; raises
    :class:`RoutingDataError` where the file cannot be read on. ``progress`` as for numbers.
    """
    rows = CsvRows(file, COLUMNS, OPTIONAL)
    name, base, width = file.name, origins.add_csv(file.name), len(rows.columns)
    prefix_at, carrier_at, rate_at = (rows.positions[column] for column in COLUMNS)
    destination_at = rows.positions.get("destination", -1)
    carriers: set[str] = set()
    # Texts seen before are sound, and one object serves all rows that have them.
    destinations: dict[str, str] = {"": ""}
    staged: list[tuple[str, str, str, str, int]] = []
    count = 0
    for row in rows:
        count += 1
        if len(row) != width:
            problems.add(name, rows.line, *rows.wrong_width(row))
            continue
        prefix, carrier, rate = row[prefix_at], row[carrier_at], row[rate_at]
        destination = row[destination_at] if destination_at >= 0 else ""
        sound = True
        if carrier not in carriers:
            try:
                carriers.add(check_id(carrier, "carrier"))
            except FieldError as error:
                problems.add(name, rows.line, "carrier", shown(carrier), error.expected)
                sound = False
        if not _PLAIN_PREFIX(prefix):
            try:
                prefix = parse_prefix(prefix)
            except FieldError as error:
                problems.add_error(name, rows.line, "prefix", error)
                sound = False
        if not _PLAIN_RATE(rate):
            try:
                rate = read_rate(rate)
            except FieldError as error:
                problems.add_error(name, rows.line, "rate", error)
                sound = False
        if destination not in destinations:
            try:
                check_text(destination, "destination")
            except FieldError as error:
                problems.add_error(name, rows.line, "destination", error)
                sound = False
            else:
                if len(destinations) < _MOST_DESTINATIONS:
                    destinations[destination] = destination
        if not sound:
            if len(loose) < MAX_KEPT:
                loose.append((carrier, base + rows.line))
            continue
        destination = destinations.get(destination, destination)
        staged.append((prefix, carrier, rate, destination, base + rows.line))
        if len(staged) >= _BATCH:
            origins.add_repeats(staging.stage_rates(staged), "prefix", RATE, problems)
            staged = []
            progress(count, file.fraction())
    origins.add_repeats(staging.stage_rates(staged), "prefix", RATE, problems)
    progress(count, file.fraction())
    rows.release()
    return carriers


def _is_id(text: str) -> bool:
    try:
        return bool(check_id(text))
    except FieldError:
        return False  # told already


def check_rates(
    loose: Sequence[tuple[str, int]],
    catalogue: Catalogue,
    writing: Transaction,
    origins: Origins,
    problems: Findings,
) -> None:
    """Add a problem for each rate of a carrier that is not there, staged or ``loose``."""
    for carrier in {*writing.staged_carriers(), *(carrier for carrier, _ in loose)}:
        expected = catalogue.expected("carriers", carrier) if _is_id(carrier) else None
        if expected is not None:
            bad = [origin for other, origin in loose if other == carrier]
            for origin in (*bad, *writing.origins_of_carrier(carrier)):
                file, line, _ = origins.place(origin, "")
                problems.add(file, line, "carrier", shown(carrier), expected)
            writing.drop_carrier(carrier)


RATE = "prefix of a carrier"
"""What a rate is told apart by, for messages."""
