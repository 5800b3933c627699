# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""A table of destination prefixes by itself: longest match, one value a prefix."""

cimport cython
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_GET_LENGTH
from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.number_line cimport INDEX_FIRST, INDEX_ROWS, LOW_DIVISOR, NO_PREFIX, fill_up, longest_match
from vnroute.image.records cimport vn_prefetch


cdef enum:
    BATCH = 16


cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(object list, Py_ssize_t at)
    bint PyUnicode_CheckExact(object text)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    const unsigned char* PyUnicode_1BYTE_DATA(object text)


@cython.final
cdef class PrefixTable:
    """Longest-match lookup over the two sections that hold prefixes in a route image.

    `index` is 900,001 uint32, `spans` uint64, both as vnroute.compiler.prefixes makes
    them; the buffers are kept, not copied. Raises ValueError for buffers of another shape.
    """

    cdef const unsigned char[::1] _index_buffer
    cdef const unsigned char[::1] _spans_buffer
    cdef const uint32_t* _index
    cdef const uint64_t* _spans

    def __cinit__(self, const unsigned char[::1] index, const unsigned char[::1] spans):
        cdef Py_ssize_t row
        cdef uint32_t count, last = 0
        if index.shape[0] != INDEX_ROWS * sizeof(uint32_t):
            raise ValueError(f"index of {index.shape[0]} bytes, expected {INDEX_ROWS * 4}")
        if spans.shape[0] == 0 or spans.shape[0] % sizeof(uint64_t):
            raise ValueError(f"spans of {spans.shape[0]} bytes, expected a multiple of 8 above 0")
        self._index_buffer = index
        self._spans_buffer = spans
        self._index = <const uint32_t*>&index[0]
        self._spans = <const uint64_t*>&spans[0]
        count = <uint32_t>(spans.shape[0] // sizeof(uint64_t))
        for row in range(INDEX_ROWS):
            if self._index[row] < last or self._index[row] > count:
                raise ValueError(f"index row {row} points outside the spans")
            last = self._index[row]

    def lookup(self, str digits not None):
        """Return the value of the longest prefix of `digits` (no plus), or -1 for none.

        Anything but 1 to 15 digits, the first not 0, finds nothing.
        """
        cdef uint64_t filled
        cdef uint32_t value
        cdef Py_ssize_t size = PyUnicode_GET_LENGTH(digits)
        if not PyUnicode_IS_COMPACT_ASCII(digits):
            return -1
        filled = fill_up(PyUnicode_1BYTE_DATA(digits), size)
        if filled == 0:
            return -1
        value = longest_match(self._index, self._spans, filled, size)
        return -1 if value == NO_PREFIX else <long>value

    def lookup_many(self, list numbers not None):
        """Return `[lookup(n) for n in numbers]`, in one call.

        Sixteen numbers go side by side, so that their waits for memory overlap: each is a row of
        the index and a row of spans that no cache is likely to hold.
        """
        cdef Py_ssize_t at, i, batch, total = PyList_GET_SIZE(numbers)
        cdef uint64_t filled[BATCH]
        cdef Py_ssize_t sizes[BATCH]
        cdef uint32_t value, head
        cdef PyObject* text
        cdef list values = [-1] * total
        for at in range(0, total, BATCH):
            batch = min(BATCH, total - at)
            for i in range(batch):
                text = PyList_GET_ITEM(numbers, at + i)
                if not PyUnicode_CheckExact(<object>text):
                    raise TypeError(f"numbers are str, not {type(<object>text).__name__}")
                sizes[i] = PyUnicode_GET_LENGTH(<object>text)
                filled[i] = 0
                if PyUnicode_IS_COMPACT_ASCII(<object>text):
                    filled[i] = fill_up(PyUnicode_1BYTE_DATA(<object>text), sizes[i])
                if filled[i]:
                    vn_prefetch(&self._index[filled[i] / LOW_DIVISOR - INDEX_FIRST])
            for i in range(batch):
                if filled[i]:
                    head = <uint32_t>(filled[i] / LOW_DIVISOR) - INDEX_FIRST
                    vn_prefetch(&self._spans[self._index[head]])
                    vn_prefetch(&self._spans[(self._index[head] + self._index[head + 1]) >> 1])
            for i in range(batch):
                if filled[i]:
                    value = longest_match(self._index, self._spans, filled[i], sizes[i])
                    if value != NO_PREFIX:
                        values[at + i] = value
        return values

    @property
    def nbytes(self):
        """Bytes of index and spans."""
        return self._index_buffer.shape[0] + self._spans_buffer.shape[0]
