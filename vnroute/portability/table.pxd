# cython: language_level=3
from libc.stdint cimport uint32_t, uint64_t

from vnroute.portability.block cimport PortedRow


cdef class PortabilityTable:
    cdef readonly object path
    cdef readonly object header
    cdef readonly uint64_t generation
    cdef object _file
    cdef object _mapping
    cdef const unsigned char[::1] _bytes
    cdef const uint64_t* words
    cdef const uint64_t* firsts
    cdef const uint32_t* places
    cdef const uint64_t* routing
    cdef uint64_t* upper
    cdef uint64_t upper_count
    cdef uint64_t block_count
    cdef uint32_t routing_count

    cdef uint64_t find(self, uint64_t number) noexcept nogil
    cdef bint _sound(self) noexcept nogil
    cdef uint32_t read_block(self, uint64_t block, PortedRow* rows) noexcept nogil
