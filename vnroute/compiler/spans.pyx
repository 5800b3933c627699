# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Spans of time, and what becomes of them: weekly hours, walls, and layers of states.

Spans are an array of int64, (first second, second after the last) in turn, ascending, apart from
each other. On a wall, a second is counted as if that wall had always shown its present offset.
"""

from array import array

from cpython cimport array
from libc.stdint cimport int64_t

cdef int64_t DAY = 86400
cdef int64_t WEEK = 7 * DAY
# 1970-01-01 was a Thursday, three days into a week that begins on Monday.
cdef int64_t EPOCH_IN_WEEK = 3 * DAY
cdef array.array EMPTY = array("q")


cdef class _Rows:
    """An array that grows."""

    cdef array.array data
    cdef Py_ssize_t size

    def __cinit__(self, Py_ssize_t room):
        self.data = array.clone(EMPTY, max(room, 8), False)
        self.size = 0

    cdef int put(self, int64_t value) except -1:
        if self.size == len(self.data):
            array.resize_smart(self.data, 2 * self.size)
        self.data.data.as_longlongs[self.size] = value
        self.size += 1
        return 0

    cdef int put_span(self, int64_t first, int64_t end) except -1:
        """Add a span that does not begin before the last one does; where they touch, they join."""
        if first >= end:
            return 0
        cdef long long* last = self.data.data.as_longlongs + self.size - 1
        if self.size and first <= last[0]:
            if end > last[0]:
                last[0] = end
            return 0
        self.put(first)
        return self.put(end)

    cdef array.array taken(self):
        array.resize(self.data, self.size)
        return self.data


def joined(pairs not None):
    """Return spans of (first, end) pairs in any order, over each other or not."""
    cdef _Rows rows = _Rows(2 * len(pairs))
    for first, end in sorted(pairs):
        rows.put_span(first, end)
    return rows.taken()


def weekly(array.array week not None, int64_t first, int64_t end):
    """Return the spans of every week on a wall, from `first` to `end` (seconds on the wall).

    `week` holds spans in seconds since Monday 00:00, within the week.
    """
    cdef Py_ssize_t count = len(week), i
    cdef const long long* spans = week.data.as_longlongs
    cdef int64_t monday = first - (first + EPOCH_IN_WEEK) % WEEK
    cdef _Rows rows = _Rows(count * ((end - monday) // WEEK + 2))
    while monday < end:
        for i in range(0, count, 2):
            rows.put_span(max(first, monday + spans[i]), min(end, monday + spans[i + 1]))
        monday += WEEK
    return rows.taken()


def in_utc(array.array wall not None, array.array stretches not None):
    """Return spans on a wall as spans in UTC.

    `stretches` holds (first second in UTC, second after the last, offset from UTC) in turn, of a
    zone. What the clocks skip is not there; what they repeat is there twice.
    """
    cdef Py_ssize_t count = len(wall), i, low, high, middle, j
    cdef const long long* spans = wall.data.as_longlongs
    cdef const long long* parts = stretches.data.as_longlongs
    cdef int64_t since, until, offset
    cdef _Rows rows = _Rows(count + 16)
    for j in range(0, len(stretches), 3):
        since, until, offset = parts[j], parts[j + 1], parts[j + 2]
        # The first span that ends behind the stretch's beginning.
        low, high = 0, count // 2
        while low < high:
            middle = (low + high) // 2
            if spans[2 * middle + 1] <= since + offset:
                low = middle + 1
            else:
                high = middle
        for i in range(2 * low, count, 2):
            if spans[i] - offset >= until:
                break
            rows.put_span(max(since, spans[i] - offset), min(until, spans[i + 1] - offset))
    return rows.taken()


def united(array.array some not None, array.array others not None):
    """Return spans that cover what either covers."""
    cdef Py_ssize_t i = 0, j = 0, m = len(some), n = len(others)
    cdef const long long* a = some.data.as_longlongs
    cdef const long long* b = others.data.as_longlongs
    cdef _Rows rows = _Rows(m + n)
    while i < m or j < n:
        if j == n or (i < m and a[i] <= b[j]):
            rows.put_span(a[i], a[i + 1])
            i += 2
        else:
            rows.put_span(b[j], b[j + 1])
            j += 2
    return rows.taken()


def overlaid(array.array rows not None, array.array spans not None, int64_t state):
    """Return transitions (`second << 8 | state`, ascending) with a state laid over them.

    Spans must lie within what the transitions cover, which is from the first on.
    """
    cdef Py_ssize_t i = 0, j, m = len(rows), n = len(spans)
    cdef const long long* under = rows.data.as_longlongs
    cdef const long long* over = spans.data.as_longlongs
    cdef int64_t below = -1, shown = -1, first, end
    cdef _Rows out = _Rows(m + n + 1)
    for j in range(0, n, 2):
        first, end = over[j], over[j + 1]
        while i < m and under[i] >> 8 < first:
            below = under[i] & 0xFF
            if below != shown:
                out.put(under[i])
                shown = below
            i += 1
        if shown != state:
            out.put(first << 8 | state)
            shown = state
        while i < m and under[i] >> 8 <= end:
            below = under[i] & 0xFF
            i += 1
        # What is below shows again from the end on, unless the next span begins there.
        if below != shown and not (j + 2 < n and over[j + 2] == end):
            out.put(end << 8 | below)
            shown = below
    while i < m:
        below = under[i] & 0xFF
        if below != shown:
            out.put(under[i])
            shown = below
        i += 1
    return out.taken()
