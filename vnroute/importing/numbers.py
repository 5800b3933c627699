"""Number lists: CSV with the columns number, account, plan, and those of OPTIONAL as you like."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast, get_args

from vnroute.importing.catalogue import Catalogue
from vnroute.importing.csv_rows import CsvRows
from vnroute.importing.findings import Findings, shown
from vnroute.importing.inputs import Opened
from vnroute.importing.origins import Origins
from vnroute.model import FieldError
from vnroute.model.e164 import parse_number
from vnroute.model.ids import check_id
from vnroute.model.number import NumberState, check_service
from vnroute.model.numbering import expected_length
from vnroute.store.base import Transaction

__all__ = ["COLUMNS", "OPTIONAL", "read_number", "read_numbers"]

COLUMNS = ("number", "account", "plan")
OPTIONAL = ("campaign", "state", "from", "until", "ported_to", "screen")
_BATCH = 50_000
_MOST_ASSIGNMENTS = 100_000
"""Remembered at a time; a list with a campaign for each number must not fill the memory."""

# The commonest writing of a number, and nothing that parse_number() would refuse.
_PLAIN = re.compile(r"\+(?:1[0-9]{10}|[2-9][0-9]{6,14})", re.ASCII).fullmatch


def read_number(text: str) -> int:
    """Return a number as :func:`vnroute.model.e164.parse_number` does, only sooner."""
    return int(text) if _PLAIN(text) else parse_number(text)


def read_numbers(
    file: Opened,
    catalogue: Catalogue,
    writing: Transaction,
    origins: Origins,
    problems: Findings,
    warnings: Findings,
    progress: Callable[[int, float | None], None],
) -> None:
    """Stage the numbers of a list. Memory does not grow with the rows.

    Whatever is wrong is added to ``problems``; raises :class:`RoutingDataError` where the file
    cannot be read on. ``progress`` takes the rows so far and the part of the file, 0 to 1.
    """
    rows = CsvRows(file, COLUMNS, OPTIONAL)
    name, base, width = file.name, origins.add_csv(file.name), len(rows.columns)
    number_at = rows.positions["number"]
    # All but the number says where it leads. Millions of rows share a few thousand of those.
    assignments: dict[tuple[str, ...], int] = {}
    lengths: set[tuple[str, int]] = set()
    staged: list[tuple[int, int, int]] = []
    count = 0
    for row in rows:
        count += 1
        if len(row) != width:
            problems.add(name, rows.line, *rows.wrong_width(row))
            continue
        text = row.pop(number_at)
        key = tuple(row)
        assignment = assignments.get(key)
        if assignment is None:
            assignment = _assign(key, rows, catalogue, writing, problems)
            if assignment is not None:
                if len(assignments) >= _MOST_ASSIGNMENTS:
                    assignments.clear()
                assignments[key] = assignment
        if _PLAIN(text):
            number = int(text)
        else:
            try:
                number = parse_number(text)
            except FieldError as error:
                problems.add_error(name, rows.line, "number", error)
                continue
            text = f"+{number}"
        if (text[:4], len(text)) not in lengths:
            expected = expected_length(text[1:])
            if expected is None:
                lengths.add((text[:4], len(text)))
            else:
                warnings.add(name, rows.line, "number", shown(text), expected)
        if assignment is None:
            continue
        staged.append((number, assignment, base + rows.line))
        if len(staged) >= _BATCH:
            origins.add_repeats(writing.stage_numbers(staged), "number", "number", problems)
            staged = []
            progress(count, file.fraction())
    origins.add_repeats(writing.stage_numbers(staged), "number", "number", problems)
    progress(count, file.fraction())
    rows.release()


def _assign(
    key: tuple[str, ...],
    rows: CsvRows,
    catalogue: Catalogue,
    writing: Transaction,
    problems: Findings,
) -> int | None:
    """Check the fields beside the number; return their assignment, None after a problem."""
    names = [name for name in rows.columns if name != "number"]
    fields = dict(zip(names, key, strict=True))
    wrong: list[tuple[str, str, str]] = []
    for name in ("account", "plan", "campaign", "screen"):
        value = fields.get(name, "")
        if value or name in ("account", "plan"):
            try:
                check_id(value, name)
            except FieldError as error:
                wrong.append((name, shown(value), error.expected))
    state = cast(NumberState, fields.get("state", "") or "active")
    since, until, ported_to = (fields.get(name, "") for name in ("from", "until", "ported_to"))
    if state not in get_args(NumberState):
        *others, last = get_args(NumberState)
        wrong.append(("state", shown(state), f"{', '.join(others)} or {last}"))
    else:
        try:
            check_service(state, since, until, ported_to)
        except FieldError as error:
            wrong.append((error.field, error.found, error.expected))
    if not wrong:
        wrong = catalogue.check_assignment(
            fields["account"], fields["plan"], fields.get("screen", "")
        )
    for problem in wrong:
        problems.add(rows.file.name, rows.line, *problem)
    known = fields["plan"] in catalogue.plans and fields["account"] in catalogue.accounts
    if wrong or not known:
        return None
    return writing.assignment(
        fields["account"],
        fields["plan"],
        fields.get("campaign", ""),
        state,
        since,
        until,
        ported_to,
        fields.get("screen", ""),
    )
