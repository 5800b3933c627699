# cython: language_level=3
from libc.stdint cimport uint32_t, uint64_t

from vnroute.portability.block cimport PortedRow


# Where the merge stands in one sorted stretch.
ctypedef struct Head:
    PortedRow* at
    PortedRow* end
    Py_ssize_t run


cdef class RoutingNumbers:
    cdef uint64_t* values
    cdef readonly uint32_t count
    cdef uint64_t _room
    cdef uint32_t* _table
    cdef uint64_t _slots

    cdef uint32_t place(self, uint64_t number) except? 0xFFFFFFFE
    cdef int _grow(self) except -1


cdef class RowSorter:
    cdef object _spill
    cdef list _runs
    cdef PortedRow* _rows
    cdef Py_ssize_t _room
    cdef Py_ssize_t _count

    cdef int add(self, uint64_t number, uint32_t routing, uint32_t line) except -1
    cdef int _flush(self) except -1
    cdef int _sort(self) except -1


cdef class SortedRows:
    cdef list _readers
    cdef list _buffers
    cdef Head* _heads
    cdef Py_ssize_t _count

    cdef int _fill(self, Head* head) except -1
    cdef bint _before(self, Head* one, Head* other) noexcept
    cdef void _sink(self, Py_ssize_t place) noexcept
    cdef bint take(self, PortedRow* row) except? -1


cdef class RowReader:
    cdef RowSorter _sorter
    cdef RoutingNumbers _numbers
    cdef object _problem
    cdef bint _removes
    cdef readonly uint32_t line
    cdef readonly uint64_t rows

    cdef int _number(
        self, const unsigned char** text, const unsigned char* end, uint64_t* number) noexcept
