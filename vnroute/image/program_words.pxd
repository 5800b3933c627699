# cython: language_level=3
"""How many words the steps of a plan's program have (docs/route-image.md, Programs)."""

from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.records cimport (
    OP_CAMPAIGN,
    OP_FROM,
    OP_HERE,
    OP_LANGUAGE,
    OP_PICK,
    OP_TOGETHER,
)

cdef extern from *:
    """
    /* By op; those of variable length count on from here. */
    static const uint32_t vn_op_words[] = {1, 4, 2, 5, 3, 2, 4, 4, 7, 3, 3, 3, 4, 6};
    """
    const uint32_t* OP_WORDS "vn_op_words"


cdef inline uint64_t words_as(uint32_t op, const uint32_t* step) noexcept nogil:
    """Return how many words the step at hand has, whose op is known already; the first four of one
    of variable length are read. Where the op is a constant, so is what comes of it."""
    if op == OP_TOGETHER:
        return 2 + <uint64_t>step[1]
    if op == OP_PICK:
        return 4 + 2 * <uint64_t>step[3]
    if op == OP_FROM:
        return 4 + 3 * <uint64_t>step[3]
    if op == OP_CAMPAIGN:
        return 3 + 2 * <uint64_t>step[2]
    if op == OP_LANGUAGE:
        return 4 + 2 * <uint64_t>step[3]
    if op == OP_HERE:
        return 6 + 2 * <uint64_t>step[1]
    return OP_WORDS[op]


cdef inline uint64_t words_of(const uint32_t* step) noexcept nogil:
    """Return how many words the step at hand has."""
    return words_as(step[0] & 0xFF, step)
