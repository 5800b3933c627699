# cython: language_level=3
"""What a deck becomes when another comes: full or partial, each row from its own time on.

One pass over the stored rows and those that come, both sorted. The notice that came last counts:
a row that comes takes the place of all stored rows of its key that begin at its time or later, and
leaves those before it as they are. A key that a full deck does not name ends when that deck begins.
"""

from cpython.unicode cimport PyUnicode_Compare

from vnroute.model.deck import NO_END, settled

cdef enum:
    # Fields of a row (vnroute.model.deck.DeckRate).
    EFFECTIVE = 3
    END = 4
    FIELDS = 11


cdef inline int compare_keys(object one, object two) except? -2:
    """Return -1, 0 or 1 as one row's prefix, origin and time class sort to another's."""
    cdef int found, at
    for at in range(3):
        if (<tuple>one)[at] is not (<tuple>two)[at]:
            found = PyUnicode_Compare((<tuple>one)[at], (<tuple>two)[at])
            if found:
                return found
    return 0


cdef inline bint same_fields(object one, object two):
    cdef int at
    for at in range(3, FIELDS):
        if (<tuple>one)[at] is not (<tuple>two)[at] and (<tuple>one)[at] != (<tuple>two)[at]:
            return False
    return True


def applied(stored, coming, *, bint full, long long begins, long long now, differences, repeated):
    """Yield the rows there will be, sorted. ``begins`` is from when on a full deck counts.

    ``repeated`` is called with the lines of two rows that come for one key and time and differ;
    the first stands. ``differences`` is filled when all has been read.
    """
    cdef int order
    cdef list group, notices
    cdef long long effective, end
    cdef bint exact = differences.factor == 1
    old, new = iter(stored), iter(coming)
    here, there = next(old, None), next(new, None)
    note = differences.note
    counts = differences.counts
    while here is not None or there is not None:
        order = (
            1 if here is None else -1 if there is None
            else compare_keys(here, (<tuple>there)[0])
        )
        group = []
        if order <= 0:
            key = here
            while here is not None and compare_keys(here, key) == 0:
                group.append(here)
                here = next(old, None)
        if order < 0:
            # Not named: kept by a partial deck, ended by a full one.
            if not full and len(group) == 1:
                effective, end = (<tuple>key)[EFFECTIVE], (<tuple>key)[END]
                if end > max(now, effective):
                    counts["same"] += 1
                    yield key
                continue
            there_now = list(settled(group, now))
            kept = [row for row in there_now if not full or row[EFFECTIVE] < begins]
            if full and there_now and there_now[-1][END] > begins:
                ending = next(row for row in there_now if row[END] > begins)
                note(ending, None, begins)
                if kept and kept[-1][END] > begins:
                    kept[-1] = kept[-1]._replace(end=begins)
            elif kept:
                counts["same"] += 1
            for row in kept:
                if row[END] > max(now, row[EFFECTIVE]):
                    yield row
            continue
        first = there
        row = (<tuple>first)[0]
        there = next(new, None)
        if there is None or compare_keys((<tuple>there)[0], row):
            # By far the commonest: one row, of a key that has one or none.
            effective, end = (<tuple>row)[EFFECTIVE], (<tuple>row)[END]
            if not (<tuple>first)[2]:
                if not group:
                    note(None, row, effective)
                    yield row
                    continue
                if len(group) == 1 and end > max(now, effective):
                    held = group[0]
                    if (
                        (<tuple>held)[EFFECTIVE] == effective
                        and (<tuple>held)[END] > max(now, effective)
                    ):
                        if exact and same_fields(held, row):
                            counts["same"] += 1
                        else:
                            note(held, row, effective)
                        yield row
                        continue
            notices = [first]
        else:
            notices = [first]
            while there is not None and compare_keys((<tuple>there)[0], row) == 0:
                last = notices[-1]
                if there[0][EFFECTIVE] == last[0][EFFECTIVE]:
                    if there[2] != last[2] or not same_fields(there[0], last[0]):
                        repeated(last[1], there[1])
                else:
                    notices.append(there)
                there = next(new, None)
        yield from _noticed(group, notices, now, differences)


def _noticed(list group, list notices, long long now, differences):
    """Return the rows of one key after notices of it, in the order of their times."""
    at = notices[0][0].effective
    kept = [row for row in settled(group, now) if row.effective < at]
    later = [row for row in settled(group, now) if row.effective >= at]
    before = kept[-1] if kept and kept[-1].end > max(at, now) else None
    if before is None and later and later[0].effective <= max(now, at):
        before = later[0]
    for row, _, change in notices:
        if change == "delete":
            if kept and kept[-1].end > row.effective:
                kept[-1] = kept[-1]._replace(end=row.effective)
            continue
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
