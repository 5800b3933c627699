# cython: language_level=3
"""A growing run of bytes that a reply is written into; kept from call to call."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen


cdef struct Buffer:
    char* data
    size_t size
    size_t room


cdef inline int reserve(Buffer* buffer, size_t more) except -1 nogil:
    """Make room for `more` bytes behind what is written."""
    cdef size_t room = buffer.room if buffer.room else 4096
    cdef char* grown
    if buffer.size + more <= buffer.room:
        return 0
    while room < buffer.size + more:
        room *= 2
    grown = <char*>realloc(buffer.data, room)
    if grown is NULL:
        with gil:
            raise MemoryError
    buffer.data = grown
    buffer.room = room
    return 0


cdef inline int put(Buffer* buffer, const char* text, size_t size) except -1 nogil:
    """Write `size` bytes."""
    reserve(buffer, size)
    memcpy(buffer.data + buffer.size, text, size)
    buffer.size += size
    return 0


cdef inline int put_text(Buffer* buffer, const char* text) except -1 nogil:
    """Write a C string; for literals, whose length the C compiler knows."""
    return put(buffer, text, strlen(text))


cdef inline int put_number(Buffer* buffer, uint64_t number) except -1 nogil:
    """Write a number in decimal digits."""
    cdef char digits[20]
    cdef int at = 20
    while True:
        at -= 1
        digits[at] = <char>(48 + number % 10)
        number //= 10
        if number == 0:
            break
    return put(buffer, digits + at, 20 - at)


cdef inline void drop(Buffer* buffer) noexcept nogil:
    free(buffer.data)
    buffer.data = NULL
    buffer.size = buffer.room = 0
