"""Number lists: CSV with the columns number, account, plan, and those of OPTIONAL as you like."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast, get_args

import msgspec

from vnroute.importing.catalogue import Catalogue
from vnroute.importing.csv_rows import CsvRows
from vnroute.importing.findings import MAX_KEPT, Findings, shown
from vnroute.importing.inputs import Opened
from vnroute.importing.origins import Origins
from vnroute.model import FieldError
from vnroute.model.e164 import parse_number
from vnroute.model.ids import check_id
from vnroute.model.number import NumberState, check_service
from vnroute.model.numbering import expected_length
from vnroute.store.base import Staging, Transaction

__all__ = ["COLUMNS", "OPTIONAL", "Terms", "read_number", "read_numbers", "settle_numbers"]

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


class Terms:
    """What the numbers of some lists are staged under: all that is said of a number but itself."""

    def __init__(self) -> None:
        self.count = 0
        self.loose: list[tuple[int, int]] = []
        """(term, origin) of the first rows whose number is none, so that all of a row is told."""


def read_numbers(
    file: Opened,
    staging: Staging,
    terms: Terms,
    origins: Origins,
    problems: Findings,
    warnings: Findings,
    progress: Callable[[int, float | None], None],
) -> None:
    """Stage the numbers of a list, under ``terms``. Memory does not grow with the rows.

    Whatever is wrong is added to ``problems``, but for names of what is not there
    (:func:`settle_numbers`); raises :class:`RoutingDataError` where the file cannot be read on.
    ``progress`` takes the rows so far and the part of the file, 0 to 1.
    """
    rows = CsvRows(file, COLUMNS, OPTIONAL)
    name, base, width = file.name, origins.add_csv(file.name), len(rows.columns)
    number_at = rows.positions["number"]
    # All but the number says where it leads. Millions of rows share a few thousand of those.
    known: dict[tuple[str, ...], int] = {}
    documents: list[tuple[int, str]] = []
    lengths: set[tuple[str, int]] = set()
    staged: list[tuple[int, int, int]] = []
    count = 0

    def stage() -> None:
        staging.stage_terms(documents)
        documents.clear()
        origins.add_repeats(staging.stage_numbers(staged), "number", "number", problems)
        staged.clear()
        progress(count, file.fraction())

    for row in rows:
        count += 1
        if len(row) != width:
            problems.add(name, rows.line, *rows.wrong_width(row))
            continue
        text = row.pop(number_at)
        key = tuple(row)
        term = known.get(key)
        if term is None:
            fields = _fields(key, rows, problems)
            if fields is not None:
                if len(known) >= _MOST_ASSIGNMENTS:
                    known.clear()
                terms.count += 1
                term = known[key] = terms.count
                documents.append((term, msgspec.json.encode(fields).decode()))
        if _PLAIN(text):
            number = int(text)
        else:
            try:
                number = parse_number(text)
            except FieldError as error:
                problems.add_error(name, rows.line, "number", error)
                if term is not None and len(terms.loose) < MAX_KEPT:
                    terms.loose.append((term, base + rows.line))
                continue
            text = f"+{number}"
        if (text[:4], len(text)) not in lengths:
            expected = expected_length(text[1:])
            if expected is None:
                lengths.add((text[:4], len(text)))
            else:
                warnings.add(name, rows.line, "number", shown(text), expected)
        if term is None:
            continue
        staged.append((number, -term, base + rows.line))
        if len(staged) >= _BATCH:
            stage()
    stage()
    rows.release()


def _fields(key: tuple[str, ...], rows: CsvRows, problems: Findings) -> dict[str, str] | None:
    """Return the fields beside a number by name, None after a problem with how they are written."""
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
    for problem in wrong:
        problems.add(rows.file.name, rows.line, *problem)
    return None if wrong else fields


def settle_numbers(
    terms: Terms, catalogue: Catalogue, writing: Transaction, origins: Origins, problems: Findings
) -> None:
    """Check where the staged numbers lead, each term once, and put them under their assignments."""
    loose: dict[int, list[int]] = {}
    for term, origin in terms.loose:
        loose.setdefault(term, []).append(origin)
    settled: list[tuple[int, int]] = []
    unsettled = False
    for term, document in writing.iter_terms():
        fields = msgspec.json.decode(document, type=dict[str, str])
        wrong = _wrong(fields, catalogue)
        for origin in loose.get(term, ()):
            _tell(wrong, origin, origins, problems)
        # What is refused itself is told already.
        if wrong or not (
            fields["plan"] in catalogue.plans and fields["account"] in catalogue.accounts
        ):
            unsettled = True
            continue
        settled.append((term, _assignment(fields, writing)))
        if len(settled) >= _BATCH:
            writing.settle_terms(settled)
            settled = []
    writing.settle_terms(settled)
    if unsettled:
        known: dict[str, list[tuple[str, str, str]]] = {}
        for origin, document in writing.iter_unsettled():
            if document not in known:
                if len(known) >= _MOST_ASSIGNMENTS:
                    known.clear()
                known[document] = _wrong(msgspec.json.decode(document), catalogue)
            _tell(known[document], origin, origins, problems)
        writing.drop_unsettled()


def _wrong(fields: dict[str, str], catalogue: Catalogue) -> list[tuple[str, str, str]]:
    return catalogue.check_assignment(fields["account"], fields["plan"], fields.get("screen", ""))


def _tell(
    wrong: list[tuple[str, str, str]], origin: int, origins: Origins, problems: Findings
) -> None:
    file, line, _ = origins.place(origin, "")
    for problem in wrong:
        problems.add(file, line, *problem)


def _assignment(fields: dict[str, str], writing: Transaction) -> int:
    return writing.assignment(
        fields["account"],
        fields["plan"],
        fields.get("campaign", ""),
        cast(NumberState, fields.get("state", "") or "active"),
        fields.get("from", ""),
        fields.get("until", ""),
        fields.get("ported_to", ""),
        fields.get("screen", ""),
    )
