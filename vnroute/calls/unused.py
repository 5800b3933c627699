"""Our numbers, and blocks of numbers, that nobody has called for a while."""

from __future__ import annotations

import time
from typing import Any

from vnroute.calls.base import CallStore
from vnroute.calls.days import day_before
from vnroute.calls.reports import Report
from vnroute.store import Store

__all__ = ["unused"]

_COLUMNS = ("number", "account", "campaign", "last_day", "calls")


def unused(store: CallStore, routing: Store, days: int) -> Report:
    """Return numbers and blocks without a call since so many days, those never called first.

    A call counts for the number, where that is ours by itself, else for the smallest block around
    it. Raises :class:`vnroute.store.StoreError`.
    """
    before = day_before(days, time.time())
    called = {
        int(number[1:]): (day, calls)
        for number, day, calls in store.last_used()
        if number[1:].isdigit()
    }
    of = {row.id: row for row in routing.assignments()}
    rows: list[dict[str, Any]] = []

    def note(name: str, assignment: int, day: int, calls: int) -> None:
        if day < before:
            last = f"{day // 10_000}-{day // 100 % 100:02}-{day % 100:02}" if day else ""
            owner = of[assignment]
            values = (name, owner.account, owner.campaign, last, calls)
            rows.append(dict(zip(_COLUMNS, values, strict=True)))

    for batch in routing.iter_numbers():
        for number, assignment in batch:
            note(f"+{number}", assignment, *called.pop(number, (0, 0)))
    blocks: dict[tuple[str, int], tuple[int, int]] = {}
    # Spans are apart or one inside the other, so those around a number are a stack.
    around: list[tuple[int, tuple[str, int]]] = []
    left = iter(sorted(called.items()))
    here = next(left, None)
    for span in [*routing.iter_blocks(), None]:
        while here is not None and (span is None or here[0] < span.first):
            while around and around[-1][0] < here[0]:
                around.pop()
            if around:
                key = around[-1][1]
                day, calls = blocks[key]
                blocks[key] = (max(day, here[1][0]), calls + here[1][1])
            here = next(left, None)
        if span is not None:
            while around and around[-1][0] < span.first:
                around.pop()
            key = (span.notation, span.assignment)
            blocks.setdefault(key, (0, 0))
            around.append((span.last, key))
    for (notation, assignment), (day, calls) in blocks.items():
        note(notation, assignment, day, calls)
    rows.sort(key=lambda row: (row["last_day"], row["number"]))
    return Report("numbers", _COLUMNS, rows)
