# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Rows of a deck's file as records of 24 bytes: a million of them are sorted in a tenth of a second.

A record has the prefix as a number that sorts as its text does (its digits filled up with zeros to
fifteen, times sixteen, and how many they are), the row's line, and three numbers that say where the
rest of the row is kept.
"""

from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport qsort

from vnroute.model.deck import DeckRate

cdef enum:
    DIGITS = 15
    RECORD = 24

cdef extern from "Python.h":
    # What tuple.__new__ takes for a class of its own; the fields are NULL until they are put.
    object PyType_GenericAlloc(PyTypeObject* kind, Py_ssize_t size)

cdef struct Record:
    uint64_t prefix
    uint32_t line
    uint32_t terms
    uint32_t price
    uint32_t name

cdef uint64_t powers[DIGITS + 1]
cdef int _power
powers[0] = 1
for _power in range(DIGITS):
    powers[_power + 1] = powers[_power] * 10


def pack_records(
    list prefixes not None, lines not None, list terms not None, list prices not None,
    list names not None,
):
    """Return rows, given by column, as records. Raises ValueError for what is no prefix."""
    cdef Py_ssize_t count = len(prefixes), size = 0, i, j
    cdef const char* digits
    cdef uint64_t number
    cdef Record* record
    if not (len(lines) == len(terms) == len(prices) == len(names) == count):
        raise ValueError("columns of one length")
    packed = bytearray(count * RECORD)
    cdef char* place = packed
    for i in range(count):
        digits = PyUnicode_AsUTF8AndSize(prefixes[i], &size)
        if not 1 <= size <= DIGITS or digits[0] == 48:
            raise ValueError(prefixes[i])
        number = 0
        for j in range(size):
            if not 48 <= digits[j] <= 57:
                raise ValueError(prefixes[i])
            number = number * 10 + <uint64_t>(digits[j] - 48)
        record = <Record*>(place + i * RECORD)
        record.prefix = number * powers[DIGITS - size] * 16 + <uint64_t>size
        record.line = lines[i]
        record.terms = terms[i]
        record.price = prices[i]
        record.name = names[i]
    return packed


cdef int compare(const void* one, const void* two) noexcept nogil:
    cdef const Record* a = <const Record*>one
    cdef const Record* b = <const Record*>two
    if a.prefix != b.prefix:
        return -1 if a.prefix < b.prefix else 1
    return (a.line > b.line) - (a.line < b.line)


def sort_records(unsigned char[::1] records not None):
    """Put records in the order of their prefixes, those of one prefix by line."""
    cdef Py_ssize_t size = records.shape[0]
    if size:
        with nogil:
            qsort(&records[0], size // RECORD, RECORD, compare)


def read_records(const unsigned char[::1] records not None, terms, prices, names):
    """Yield (row, line, change) of each record, sorted as rows of a deck are.

    ``terms``, ``prices`` and ``names`` give what is kept under a number: (origin, time, effective,
    end, fee, first, next, change, blocked), (rate, blocked) and the destination's name.
    """
    cdef Py_ssize_t at, count = records.shape[0] // RECORD
    cdef const Record* record
    cdef uint64_t prefix = 0
    cdef object text = None
    cdef list same = []
    for at in range(count):
        record = <const Record*>&records[at * RECORD]
        if record.prefix != prefix:
            if len(same) > 1:
                same.sort(key=_order)
            for one in same:
                yield one
            same = []
            prefix = record.prefix
            text = _digits(prefix)
        same.append(_staged(text, record, terms, prices, names))
    if len(same) > 1:
        same.sort(key=_order)
    for one in same:
        yield one


def _order(staged):
    row, line, _ = staged
    return row[1:4], line


cdef object _digits(uint64_t prefix):
    cdef char text[DIGITS]
    cdef int size = prefix & 15, i
    cdef uint64_t number = (prefix >> 4) // powers[DIGITS - size]
    for i in range(size):
        text[size - 1 - i] = <char>(48 + number % 10)
        number = number // 10
    return PyUnicode_DecodeASCII(text, size, NULL)


cdef tuple _staged(object prefix, const Record* record, terms, prices, names):
    cdef tuple term = terms.get(record.terms)
    cdef tuple price = prices.get(record.price)
    cdef object row = PyType_GenericAlloc(<PyTypeObject*>DeckRate, 11)
    origin, time, effective, end, fee, first, following, change, blocked = term
    _put(row, 0, prefix)
    _put(row, 1, origin)
    _put(row, 2, time)
    _put(row, 3, effective)
    _put(row, 4, end)
    _put(row, 5, price[0])
    _put(row, 6, fee)
    _put(row, 7, first)
    _put(row, 8, following)
    _put(row, 9, blocked or price[1])
    _put(row, 10, names.get(record.name))
    return row, record.line, change


cdef inline void _put(object row, Py_ssize_t at, object value):
    # A tuple that is being made takes a reference of its own to what is put into it.
    Py_INCREF(value)
    PyTuple_SET_ITEM(row, at, value)
