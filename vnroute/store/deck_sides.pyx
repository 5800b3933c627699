# cython: language_level=3, boundscheck=False, wraparound=False
"""One deck of several that are read side by side: its rows as rates in force."""

cimport cython
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM

from vnroute.model.deck import RateInForce

cdef extern from "Python.h":
    # What tuple.__new__ takes for a class of its own; the fields are NULL until they are put.
    object PyType_GenericAlloc(PyTypeObject* kind, Py_ssize_t size)


@cython.final
cdef class Side:
    """A deck whose `rows` come sorted; those that were over by `now` are left out.

    A row ends at the latest where the next row of its key begins (vnroute.model.deck.settled).
    """

    cdef object _rows
    cdef object _owner
    cdef object _currency
    cdef long long _now
    cdef object _waiting
    cdef object _held

    def __init__(self, rows, str owner not None, str currency not None, long long now):
        self._rows = iter(rows)
        self._owner = owner
        self._currency = currency
        self._now = now
        self._waiting = next(self._rows, None)
        self._held = self._next()

    def take(self, str cut not None, list window not None):
        """Add the rates with prefixes before `cut` to `window`, all that are left if it is empty."""
        cdef object rate = self._held
        while rate is not None and (not cut or <str>(<tuple>rate)[0] < cut):
            window.append(rate)
            rate = self._next()
        self._held = rate

    cdef object _next(self):
        """Return the next rate that is in force now or later, None if there is none."""
        cdef tuple row, following
        cdef object end
        while self._waiting is not None:
            row = <tuple>self._waiting
            self._waiting = next(self._rows, None)
            end = row[4]
            if self._waiting is not None:
                following = <tuple>self._waiting
                if (
                    following[0] == row[0] and following[1] == row[1] and following[2] == row[2]
                    and following[3] < end
                ):
                    end = following[3]
            if end > self._now and end > row[3]:
                return self._rate(row, end)
        return None

    cdef object _rate(self, tuple row, object end):
        cdef object rate = PyType_GenericAlloc(<PyTypeObject*>RateInForce, 13)
        _put(rate, 0, row[0])
        _put(rate, 1, self._owner)
        _put(rate, 2, row[5])
        _put(rate, 3, row[1])
        _put(rate, 4, row[2])
        _put(rate, 5, row[3])
        _put(rate, 6, end)
        _put(rate, 7, row[6])
        _put(rate, 8, row[7])
        _put(rate, 9, row[8])
        _put(rate, 10, row[9])
        _put(rate, 11, row[10])
        _put(rate, 12, self._currency)
        return rate


cdef inline void _put(object row, Py_ssize_t at, object value):
    # A tuple that is being made takes a reference of its own to what is put into it.
    Py_INCREF(value)
    PyTuple_SET_ITEM(row, at, value)
