"""What a deck becomes when another comes: full or partial, each row from its own time on.

One pass over the stored rows and those that come, both sorted. The notice that came last counts:
a row that comes takes the place of all stored rows of its key that begin at its time or later, and
leaves those before it as they are. A key that a full deck does not name ends when that deck begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from vnroute.decks.comparing import Differences
from vnroute.decks.sorting import Staged
from vnroute.model.deck import NO_END, DeckRate, settled

__all__ = ["applied"]

_new = tuple.__new__


def applied(
    stored: Iterable[DeckRate],
    coming: Iterable[Staged],
    *,
    full: bool,
    begins: int,
    now: int,
    differences: Differences,
    repeated: Callable[[int, int], None],
) -> Iterator[DeckRate]:
    """Yield the rows there will be, sorted. ``begins`` is from when on a full deck counts.

    ``repeated`` is called with the lines of two rows that come for one key and time and differ;
    the first stands. ``differences`` is filled when all has been read.
    """
    old, new = iter(stored), iter(coming)
    here, there = next(old, None), next(new, None)
    note = differences.note
    counts = differences.counts
    while here is not None or there is not None:
        if here is None and there is not None:
            key = there[:3]
        elif there is None or (here is not None and here[:3] <= there[:3]):
            assert here is not None
            key = here[:3]
        else:
            key = there[:3]
        group: list[DeckRate] = []
        while here is not None and here[:3] == key:
            group.append(here)
            here = next(old, None)
        if there is None or there[:3] != key:
            # Not named: kept by a partial deck, ended by a full one.
            there_now = list(settled(group, now))
            kept = [row for row in there_now if not full or row.effective < begins]
            if full and there_now and there_now[-1].end > begins:
                ending = next(row for row in there_now if row.end > begins)
                note(ending, None, begins)
                if kept and kept[-1].end > begins:
                    kept[-1] = kept[-1]._replace(end=begins)
            elif kept:
                counts["same"] += 1
            yield from (row for row in kept if row.end > max(now, row.effective))
            continue
        first = there
        there = next(new, None)
        if there is None or there[:3] != key:
            if not group and not first[5]:
                # By far the commonest: one row, of a key that is not there.
                row = _row(first)
                note(None, row, first[3])
                yield row
                continue
            notices = [first]
        else:
            notices = [first]
            while there is not None and there[:3] == key:
                if there[3] == notices[-1][3]:
                    if there[5:] != notices[-1][5:]:
                        repeated(notices[-1][4], there[4])
                else:
                    notices.append(there)
                there = next(new, None)
        yield from _noticed(group, notices, now, differences)


def _row(staged: Staged) -> DeckRate:
    return _new(DeckRate, (*staged[:4], *staged[6:]))


def _noticed(
    group: list[DeckRate], notices: list[Staged], now: int, differences: Differences
) -> list[DeckRate]:
    """Return the rows of one key after notices of it, in the order of their times."""
    kept = [row for row in settled(group, now) if row.effective < notices[0][3]]
    later = [row for row in settled(group, now) if row.effective >= notices[0][3]]
    at = notices[0][3]
    before = kept[-1] if kept and kept[-1].end > max(at, now) else None
    if before is None and later and later[0].effective <= max(now, at):
        before = later[0]
    for notice in notices:
        if notice[5] == "delete":
            if kept and kept[-1].end > notice[3]:
                kept[-1] = kept[-1]._replace(end=notice[3])
            continue
        row = _row(notice)
        last = kept[-1] if kept else None
        if last is not None and last.end >= row.effective and last[5:] == row[5:]:
            if last.end > row.effective:
                kept[-1] = last._replace(end=row.end)
                continue
        elif last is not None and last.end > row.effective:
            kept[-1] = last._replace(end=NO_END if last.end == NO_END else last.end)
        kept.append(row)
    kept = [row for row in kept if row.end > max(now, row.effective)]
    after = next((row for row in settled(kept, max(at, now))), None)
    if before is not None or after is not None:
        differences.note(before, after, at)
    return kept
