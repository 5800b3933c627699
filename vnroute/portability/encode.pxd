# cython: language_level=3
from libc.stdint cimport uint32_t, uint64_t

from vnroute.portability.block cimport BLOCK_ROWS


cdef class BlockWriter:
    cdef object _write
    cdef uint64_t* _out
    cdef Py_ssize_t _used
    cdef uint64_t* _firsts
    cdef uint32_t* _places
    cdef uint64_t _room
    cdef uint64_t _numbers[BLOCK_ROWS]
    cdef uint32_t _routing[BLOCK_ROWS]
    cdef uint32_t _count
    cdef readonly uint64_t rows
    cdef readonly uint64_t blocks
    cdef readonly uint64_t words

    cdef int add(self, uint64_t number, uint32_t routing) except -1
    cdef int _bits(self, uint64_t* words, uint64_t at, uint64_t value, int width) noexcept
    cdef int _end_block(self) except -1
    cdef int _note(self, uint64_t first) except -1
    cdef int _flush(self) except -1
