# cython: language_level=3
"""Destination prefixes on a number line, and the longest match on it.

A number of n digits stands at (its digits filled up with zeros to 15) * 16 + n; a prefix holds
from there to where the next prefix of its length would stand, at n = 0. So a number shorter than a
prefix stands before it, though both fill up alike, and 1200 is not found under 12000.

A span is one uint64: the low part of its start (nine digits and the length, 34 bits) above its
value (30 bits). Spans are sorted and disjoint; the first six digits pick a run of them.
"""

from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    static const uint64_t vn_powers[16] = {1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL,
        1000000ULL, 10000000ULL, 100000000ULL, 1000000000ULL, 10000000000ULL, 100000000000ULL,
        1000000000000ULL, 10000000000000ULL, 100000000000000ULL, 1000000000000000ULL};
    #define VN_VALUE_BITS 30
    #define VN_NO_PREFIX ((1u << VN_VALUE_BITS) - 1)
    """
    const uint64_t* POWERS "vn_powers"
    enum:
        VALUE_BITS "VN_VALUE_BITS"
    const uint32_t NO_PREFIX "VN_NO_PREFIX"

cdef enum:
    LINE_DIGITS = 15          # E.164's longest number
    LOW_DIVISOR = 1000000000  # the last nine digits are searched within a run
    INDEX_FIRST = 100000      # the first six digits of the least number
    INDEX_ROWS = 900001       # a row for each first six digits, and one past the end


cdef inline uint64_t fill_up(const unsigned char* digits, Py_ssize_t size) noexcept nogil:
    """Return 1 to 15 digits filled up with zeros to 15; 0 for what is no number."""
    cdef uint64_t number = 0
    cdef Py_ssize_t i
    cdef unsigned int digit
    if size < 1 or size > LINE_DIGITS or digits[0] == 48:
        return 0
    for i in range(size):
        digit = <unsigned int>digits[i] - 48
        if digit > 9:
            return 0
        number = number * 10 + digit
    return number * POWERS[LINE_DIGITS - size]


cdef inline uint64_t low_part(uint64_t filled, Py_ssize_t size) noexcept nogil:
    """Return the low part of a place on the line: nine digits and the length."""
    return (filled % LOW_DIVISOR) * 16 + <uint64_t>size


cdef inline uint32_t longest_match(
    const uint32_t* index, const uint64_t* spans, uint64_t filled, Py_ssize_t size
) noexcept nogil:
    """Return the value of the span that holds a number (as `fill_up` gives it), or NO_PREFIX.

    `index[h]` is the first span of head h or later, so the span wanted is the last of its run that
    is not above ours, or else the one before the run.
    """
    cdef uint32_t head = <uint32_t>(filled / LOW_DIVISOR) - INDEX_FIRST
    cdef uint64_t wanted = (low_part(filled, size) << VALUE_BITS) | NO_PREFIX
    cdef uint32_t first = index[head]
    cdef uint32_t count = index[head + 1] - first
    cdef uint32_t half
    # Halving without a branch on the comparison: a mispredicted one costs as much as a cache line.
    while count > 4:
        half = count >> 1
        first = first + half if spans[first + half - 1] <= wanted else first
        count -= half
    while count and spans[first] <= wanted:
        first += 1
        count -= 1
    return NO_PREFIX if first == 0 else <uint32_t>(spans[first - 1] & NO_PREFIX)
