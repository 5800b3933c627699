# cython: language_level=3
from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.overlay_slots cimport OverlaySlot
from vnroute.image.records cimport AssignmentRecord
from vnroute.matcher.image cimport RouteImage


cdef class Overlay:
    cdef readonly object path
    cdef readonly object header
    cdef readonly RouteImage image
    cdef object _mapping
    cdef const unsigned char[::1] _bytes
    cdef const OverlaySlot* slots
    cdef uint32_t mask
    cdef const AssignmentRecord* records
    cdef uint32_t record_count
    cdef const char* text
