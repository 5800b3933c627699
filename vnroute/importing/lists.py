"""Lists of callers from CSV, by the million."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from vnroute.importing.csv_rows import CsvRows
from vnroute.importing.findings import Findings
from vnroute.importing.inputs import Input, opened, reading, refused
from vnroute.importing.loading import Report
from vnroute.model import FieldError, RoutingDataError
from vnroute.model.screen import caller_key
from vnroute.store.base import Reading, Staging, Store

__all__ = ["load_list"]

_BATCH = 50_000


def load_list(
    store: Store,
    name: str,
    inputs: Sequence[Input],
    *,
    replace: bool = False,
    dry_run: bool = False,
    progress: Callable[[str, int, float | None], None] = lambda file, rows, part: None,
) -> Report:
    """Put callers from CSV files (column ``caller``) on a list; memory does not grow with them.

    ``replace`` removes those imported before. Raises :class:`RoutingDataError` with all that is
    wrong, and nothing is applied.
    """
    problems = Findings()
    with ExitStack() as stack:
        _check_list(store, name)
        # Before the transaction, so that nobody waits while the files are read.
        staging = stack.enter_context(store.staging())
        staging.stage_callers(())
        for source in inputs:
            file = stack.enter_context(opened(source))
            try:
                with reading(file.name):
                    rows = CsvRows(file, ("caller",), ("note",))
                    _stage(rows, staging, problems, progress)
            except RoutingDataError as error:
                for p in error.problems:
                    problems.add(p.file, p.line, p.field, p.found, p.expected)
        if len(problems):
            raise RoutingDataError(problems.kept, problems.more)
        writing = stack.enter_context(store.transaction(f"import list {name}"))
        _check_list(writing, name)
        tally = writing.apply_callers(name, replace)
        if dry_run:
            writing.discard()
    return Report(not dry_run, store.change_counter(), {"callers": tally}, [], 0)


def _check_list(view: Reading, name: str) -> None:
    known = {one.id for one in view.lists()}
    if name not in known:
        expected = "a list that is there" + (f": {', '.join(sorted(known)[:9])}" * bool(known))
        raise refused("LIST", 0, "list", repr(name), expected)


def _stage(
    rows: CsvRows,
    staging: Staging,
    problems: Findings,
    progress: Callable[[str, int, float | None], None],
) -> None:
    at, width, name = rows.positions["caller"], len(rows.columns), rows.file.name
    staged: list[int] = []
    count = 0
    for row in rows:
        count += 1
        if len(row) != width:
            problems.add(name, rows.line, *rows.wrong_width(row))
            continue
        try:
            staged.append(caller_key(row[at]))
        except FieldError as error:
            problems.add_error(name, rows.line, "caller", error)
        if len(staged) >= _BATCH:
            staging.stage_callers(staged)
            staged = []
            progress(name, count, rows.file.fraction())
    staging.stage_callers(staged)
    progress(name, count, rows.file.fraction())
    rows.release()
