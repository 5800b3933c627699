# cython: language_level=3
from libc.stdint cimport uint64_t

from vnroute.matcher.buffer cimport Buffer
from vnroute.matcher.decide cimport Matcher, Telling

cdef enum:
    DELAY_BUCKETS = 24


cdef class OutboundServer:
    cdef public Matcher matcher
    cdef readonly object allowed
    cdef object _log
    cdef object _scratch
    cdef object _scratch_view
    cdef unsigned char* scratch
    cdef size_t max_bytes
    cdef double max_seconds
    cdef Py_ssize_t max_connections
    cdef bint check_peers
    cdef public object dipper # asks for routing numbers that calls wait for; None: nothing is asked
    cdef public object keeper # keeps what known phones say, for which their calls wait; None: they are strangers
    cdef Connection oldest
    cdef Connection newest
    cdef readonly Py_ssize_t live
    cdef readonly Py_ssize_t most_live
    cdef readonly uint64_t accepted
    cdef readonly uint64_t answered
    cdef readonly uint64_t refused_peers
    cdef readonly uint64_t refused_full
    cdef readonly uint64_t too_long
    cdef readonly uint64_t too_slow
    cdef readonly uint64_t hung_up_early
    cdef readonly uint64_t errors
    cdef readonly uint64_t rejected_replies
    cdef list looped          # CHANNEL_DATA of calls that were forwarded too often, not yet told
    cdef uint64_t more_looped
    cdef uint64_t delays[DELAY_BUCKETS]

    cdef void link(self, Connection connection)
    cdef void unlink(self, Connection connection)


cdef class Connection:
    cdef OutboundServer server
    cdef object transport
    cdef Connection older
    cdef Connection newer
    cdef Buffer pending
    cdef size_t received
    cdef double began
    cdef int state
    cdef bytes block          # CHANNEL_DATA of a call that waits
    cdef Telling telling

    cdef _answer(self, const unsigned char* data, size_t size)
    cdef _reply(self, const unsigned char* data, size_t size, bint may_wait)
