"""How many calls were up at a time: exact, from when each began and ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vnroute.calls.base import CallFilter, CallStore
from vnroute.calls.days import first_moment, written_day
from vnroute.calls.reports import Report, ReportError

__all__ = ["concurrency", "peaks"]

_HOUR = 3600 * 1_000_000
_BY = ("day", "hour")
_OF = ("account", "carrier")


def peaks(
    spans: Iterable[tuple[int, int]], start: int, end: int, bucket: int
) -> dict[int, tuple[int, int, float]]:
    """Return (peak, moment it was first reached, mean) of each bucket in which any call was up.

    ``spans`` are (began, ended) in microseconds, the end exclusive: one that ends as another begins
    is not up with it. Buckets are ``bucket`` microseconds long, counted from the epoch; only what
    lies from ``start`` to before ``end`` counts.
    """
    steps: list[tuple[int, int]] = []
    for began, ended in spans:
        began, ended = max(began, start), min(ended, end)
        if began < ended:
            steps += ((began, 1), (ended, -1))
    # At one moment ends come before beginnings.
    steps.sort()
    found: dict[int, tuple[int, int, float]] = {}
    up, last = 0, 0
    for moment, step in [*steps, (end, 0)]:
        while up and last < moment:
            # Up unchanged from last to moment, over as many buckets as that takes.
            place = last // bucket * bucket
            until = min(moment, place + bucket)
            peak, when, area = found.get(place, (0, 0, 0.0))
            if up > peak:
                peak, when = up, last
            found[place] = (peak, when, area + up * (until - last))
            last = until
        last = moment
        up += step
    return {
        place: (peak, when, area / bucket) for place, (peak, when, area) in sorted(found.items())
    }


def concurrency(
    store: CallStore, which: CallFilter, by: str = "hour", of: str = "", name: str = ""
) -> Report:
    """Return the most calls at a time and their mean, by day or hour (UTC).

    ``of`` is ``account`` or ``carrier``, each with rows of its own, or empty for all together;
    ``name`` narrows it to one. Of a carrier counts the time that was talked on its legs. Read from
    the calls themselves, about two seconds a million. Raises :class:`ReportError`.
    """
    if by not in _BY or of not in ("", *_OF):
        raise ReportError(
            f"concurrent calls by {by!r} of {of!r}: there are by {' or '.join(_BY)}, "
            f"of {' or '.join(_OF)}"
        )
    start = first_moment(which.first_day) if which.first_day else 0
    end = first_moment(which.last_day) + 24 * _HOUR if which.last_day else 1 << 62
    groups: dict[str, list[tuple[int, int]]] = {}
    for owner, began, ended in store.spans(which, of):
        if not name or owner == name:
            groups.setdefault(owner, []).append((began, ended))
    rows: list[dict[str, Any]] = []
    for owner, spans in sorted(groups.items()):
        size = _HOUR if by == "hour" else 24 * _HOUR
        bounds = min(end, max(ended for _, ended in spans))
        for place, (peak, when, mean) in peaks(spans, start, bounds, size).items():
            row: dict[str, Any] = {of: owner} if of else {}
            row["day"] = written_day(place)
            if by == "hour":
                row["hour"] = place // _HOUR % 24
            second = when // 1_000_000 % 86400
            clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            rows.append(row | {"peak": peak, "at": clock, "mean": round(mean, 3)})
    columns = (*((of,) if of else ()), "day", *(("hour",) if by == "hour" else ()),
               "peak", "at", "mean")  # fmt: skip
    return Report("concurrency", columns, rows)
