# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Settles nested destination prefixes into disjoint spans of the number line.

A prefix holds the numbers that begin with it; of nested ones the longest counts. Walking the
prefixes in dialling order with a stack of those still open gives one span for each place where the
answer changes. So longest match becomes one search for the last span not above a number.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.number_line cimport (
    INDEX_FIRST,
    INDEX_ROWS,
    LINE_DIGITS,
    LOW_DIVISOR,
    NO_PREFIX,
    POWERS,
    VALUE_BITS,
    fill_up,
)

MAX_VALUE = NO_PREFIX - 1


@cython.final
cdef class PrefixSpans:
    """Builds the PREFIX_INDEX and PREFIXES sections from prefixes in dialling order."""

    cdef uint64_t* _places
    cdef uint32_t* _values
    cdef Py_ssize_t _count
    cdef Py_ssize_t _room
    cdef uint64_t _open_end[LINE_DIGITS + 1]
    cdef uint32_t _open_value[LINE_DIGITS + 1]
    cdef int _depth
    cdef uint64_t _last_place
    cdef readonly Py_ssize_t prefixes

    def __cinit__(self):
        self._room = 1024
        self._places = <uint64_t*>PyMem_Malloc(self._room * sizeof(uint64_t))
        self._values = <uint32_t*>PyMem_Malloc(self._room * sizeof(uint32_t))
        if self._places is NULL or self._values is NULL:
            raise MemoryError
        self._put(POWERS[LINE_DIGITS - 1] * 16, NO_PREFIX)

    def __dealloc__(self):
        PyMem_Free(self._places)
        PyMem_Free(self._values)

    cdef int _put(self, uint64_t place, uint32_t value) except -1:
        cdef void* grown
        if self._count and self._places[self._count - 1] == place:
            self._count -= 1           # a span of no length: the new one replaces it
        if self._count and self._values[self._count - 1] == value:
            return 0                   # nothing changes here
        if self._count == self._room:
            self._room *= 2
            grown = PyMem_Realloc(self._places, self._room * sizeof(uint64_t))
            if grown is NULL:
                raise MemoryError
            self._places = <uint64_t*>grown
            grown = PyMem_Realloc(self._values, self._room * sizeof(uint32_t))
            if grown is NULL:
                raise MemoryError
            self._values = <uint32_t*>grown
        self._places[self._count] = place
        self._values[self._count] = value
        self._count += 1
        return 0

    cdef int _close_before(self, uint64_t place) except -1:
        """End every open prefix that stops at or before `place`."""
        cdef uint64_t end
        while self._depth > 0 and self._open_end[self._depth - 1] <= place:
            self._depth -= 1
            end = self._open_end[self._depth]
            if self._depth > 0:
                self._put(end, self._open_value[self._depth - 1])
            else:
                self._put(end, NO_PREFIX)
        return 0

    def add(self, str digits not None, uint32_t value):
        """Add a prefix (1 to 15 digits, no plus) with its value, MAX_VALUE at most.

        Prefixes come in the order of `sorted()` on their digits, each once; anything else raises
        ValueError.
        """
        cdef bytes text = digits.encode("ascii", "replace")
        cdef Py_ssize_t size = len(text)
        cdef uint64_t filled = fill_up(text, size)
        cdef uint64_t place = filled * 16 + size
        if filled == 0 or value >= NO_PREFIX:
            raise ValueError(f"no prefix: {digits!r} -> {value}")
        if place <= self._last_place:
            raise ValueError(f"prefix {digits!r} is out of order")
        self._last_place = place
        self._close_before(place)
        self._put(place, value)
        self._open_end[self._depth] = (filled + POWERS[LINE_DIGITS - size]) * 16
        self._open_value[self._depth] = value
        self._depth += 1
        self.prefixes += 1

    def finish(self):
        """Return the sections' bytes, (index, spans); the builder is spent by it."""
        cdef uint64_t stop = POWERS[LINE_DIGITS] * 16
        cdef Py_ssize_t i
        cdef uint64_t filled
        cdef uint32_t head, row = 0
        self._close_before(stop)
        if self._places[self._count - 1] >= stop:
            self._count -= 1
        if self._count > 0xFFFFFFFE:
            raise OverflowError("more spans than an image can hold")
        index_bytes = bytearray(INDEX_ROWS * sizeof(uint32_t))
        spans_bytes = bytearray(self._count * sizeof(uint64_t))
        cdef unsigned char[::1] index_view = index_bytes
        cdef unsigned char[::1] spans_view = spans_bytes
        cdef uint32_t* index = <uint32_t*>&index_view[0]
        cdef uint64_t* spans = <uint64_t*>&spans_view[0]
        for i in range(self._count):
            filled = self._places[i] / 16
            head = <uint32_t>(filled / LOW_DIVISOR) - INDEX_FIRST
            while row <= head:
                index[row] = <uint32_t>i
                row += 1
            spans[i] = (
                ((filled % LOW_DIVISOR) * 16 + self._places[i] % 16) << VALUE_BITS
            ) | self._values[i]
        while row < INDEX_ROWS:
            index[row] = <uint32_t>self._count
            row += 1
        return index_bytes, spans_bytes
