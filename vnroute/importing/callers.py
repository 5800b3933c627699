"""Callers put on a list and taken off it, a few at a time; by the million they come from CSV
(:mod:`vnroute.importing.lists`).
"""

from __future__ import annotations

from typing import Any

from vnroute.importing.findings import Findings, shown
from vnroute.importing.loading import Report
from vnroute.importing.removing import REQUEST
from vnroute.model import FieldError, RoutingDataError
from vnroute.model.screen import caller_key
from vnroute.store.base import Store, Tally

__all__ = ["MOST_CALLERS", "change_callers"]

MOST_CALLERS = 100_000
"""In one change."""


def _keys(entries: Any, field: str, problems: Findings) -> list[int]:
    if not isinstance(entries, list):
        problems.add(REQUEST, 0, field, shown(entries), "a list of callers")
        return []
    if len(entries) > MOST_CALLERS:
        expected = f"{MOST_CALLERS} at most; more are imported from CSV"
        problems.add(REQUEST, 0, field, f"{len(entries)} callers", expected)
        return []
    keys = []
    for place, entry in enumerate(entries):
        try:
            if not isinstance(entry, str):
                raise FieldError("", shown(entry), "a text")
            keys.append(caller_key(entry))
        except FieldError as error:
            problems.add(REQUEST, 0, f"{field}[{place}]", error.found, error.expected)
    return keys


def change_callers(
    store: Store, name: str, add: Any, remove: Any, *, who: str, dry_run: bool = False
) -> Report | None:
    """Put callers on a list and take others off it; None where there is no such list.

    ``add`` and ``remove`` are what somebody sent: lists of entries as a routing file has them.
    Raises :class:`RoutingDataError` with all that is wrong, and nothing is applied.
    """
    problems = Findings()
    coming, going = _keys(add, "add", problems), _keys(remove, "remove", problems)
    both = set(coming) & set(going)
    for place, key in enumerate(going):
        if key in both:
            problems.add(REQUEST, 0, f"remove[{place}]", shown(remove[place]), "added or removed")
    if len(problems):
        raise RoutingDataError(problems.kept, problems.more)
    with store.transaction(f"callers of {name}", who) as writing:
        if writing.entity("lists", name) is None:
            writing.discard()
            return None
        tally = Tally()
        if coming:
            writing.stage_callers(coming)
            tally += writing.apply_callers(name)
        if going:
            tally += writing.remove_callers(name, going)
        if dry_run:
            writing.discard()
    return Report(not dry_run, store.change_counter(), {"callers": tally}, [], 0)
