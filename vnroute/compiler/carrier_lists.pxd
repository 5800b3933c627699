# cython: language_level=3
"""The carriers of a place on the number line, for the walk over all rates."""

from libc.stdint cimport uint32_t, uint64_t

cdef struct Held:
    uint64_t price
    uint32_t carrier
    uint32_t price_row


cdef class WordLists:
    cdef uint32_t* _words
    cdef uint64_t _room
    cdef uint64_t _size
    cdef uint64_t* _slots      # hash's upper half << 32 | place + 1; 0: free
    cdef uint64_t _slot_count
    cdef uint64_t _lists

    cdef uint64_t _hash(self, const uint32_t* words, uint32_t count) noexcept nogil
    cdef uint32_t put(self, const uint32_t* words, uint32_t count) except? 0xFFFFFFFF
    cdef int _reserve(self, uint32_t count) except -1
    cdef int _rehash(self) except -1


cdef class CarrierLists:
    cdef WordLists _lists
    cdef Held* _order
    cdef uint32_t _count
    cdef Held* _held
    cdef unsigned char* _is_held
    cdef readonly uint32_t carriers
    cdef list _allowed
    cdef list _ranks

    cdef uint32_t _place(self, uint64_t price, uint32_t carrier) noexcept nogil
    cpdef tuple put(self, uint32_t carrier, uint64_t price, uint32_t price_row)
    cpdef tuple take_out(self, uint32_t carrier)
    cpdef restore(self, uint32_t carrier, tuple before)
    cpdef tuple held(self, uint32_t carrier)
    cpdef bytes order(self)
    cpdef list_for(self, Py_ssize_t choice)
    cdef object _ranked(self, const unsigned char* allowed, list ranks)
