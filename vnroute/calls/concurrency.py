"""How many calls were up at a time: exact, from when each began and ended."""

from __future__ import annotations

from array import array
from typing import Any

from vnroute.calls.base import CallFilter, CallStore
from vnroute.calls.counting import LEFT_OUT, Spans
from vnroute.calls.days import first_moment, written_day
from vnroute.calls.packed import PackedCalls
from vnroute.calls.reports import Report, ReportError

__all__ = ["concurrency"]

_HOUR = 3600 * 1_000_000
_BY = ("day", "hour")
_OF = ("account", "carrier")


def concurrency(
    store: CallStore, which: CallFilter, by: str = "hour", of: str = "", name: str = ""
) -> Report:
    """Return the most calls at a time and their mean, by day or hour (UTC).

    ``of`` is ``account`` or ``carrier``, each with rows of its own, or empty for all together;
    ``name`` narrows it to one. Of a carrier counts the time that was talked on its legs. Raises
    :class:`ReportError`.
    """
    if by not in _BY or of not in ("", *_OF):
        raise ReportError(
            f"concurrent calls by {by!r} of {of!r}: there are by {' or '.join(_BY)}, "
            f"of {' or '.join(_OF)}"
        )
    start = first_moment(which.first_day) if which.first_day else 0
    end = first_moment(which.last_day) + 24 * _HOUR if which.last_day else 1 << 62
    size = _HOUR if by == "hour" else 24 * _HOUR
    spans, places = Spans(start, end), dict[str, int]()
    for part in store.packed(which, over=True):
        _add(spans, places, part, which, of, name)
    found = spans.peaks(len(places), size)
    rows: list[dict[str, Any]] = []
    for owner, place in sorted(places.items()):
        for moment, (peak, when, mean) in found[place].items():
            row: dict[str, Any] = {of: owner} if of else {}
            row["day"] = written_day(moment)
            if by == "hour":
                row["hour"] = moment // _HOUR % 24
            second = when // 1_000_000 % 86400
            clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            rows.append(row | {"peak": peak, "at": clock, "mean": round(mean, 3)})
    columns = (*((of,) if of else ()), "day", *(("hour",) if by == "hour" else ()),
               "peak", "at", "mean")  # fmt: skip
    return Report("concurrency", columns, rows)


def _add(
    spans: Spans, places: dict[str, int], part: PackedCalls, which: CallFilter, of: str, name: str
) -> None:
    """Add what fits of a part; ``places`` has the group of each owner."""

    def group(owner: str) -> int:
        return LEFT_OUT if name and owner != name else places.setdefault(owner, len(places))

    wanted = [0 if which.fits(*key) else LEFT_OUT for key in part.keys]
    if of == "carrier":
        key, owner, owners = part.leg_key, part.leg_carrier, part.carriers
        began, ended = part.leg_began, part.leg_ended
    else:
        key, owner, owners = part.key, part.key, [account if of else "" for account, _ in part.keys]
        began, ended = part.began, part.ended
    spans.add(
        memoryview(key).cast("I"),
        array("I", wanted),
        memoryview(owner).cast("I"),
        array("I", map(group, owners)),
        memoryview(began).cast("q"),
        memoryview(ended).cast("q"),
    )
