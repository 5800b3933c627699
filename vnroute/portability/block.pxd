# cython: language_level=3
"""A block of ported numbers, as it lies in a table's file (docs/portability.md).

Words of 64 bits: a head, the high parts, then the bits of the low parts, of a list of routing
numbers (unless the block goes without), and of each row's routing number.

The high parts are Elias and Fano's code (P. Elias, Efficient storage and retrieval by content and
address of static files, JACM 21, 1974): row i, whose number is x above the block's first, sets bit
(x >> low bits) + i, so zeros part the values of the high part, and the low bits lie at their width.
"""

from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline int vn_ones(uint64_t word) { return __builtin_popcountll(word); }
    static inline int vn_lowest(uint64_t word) { return __builtin_ctzll(word); }
    static inline int vn_width(uint64_t value) { return value ? 64 - __builtin_clzll(value) : 0; }
    /* Up to 57 bits from anywhere; eight bytes behind the last block are readable. */
    static inline uint64_t vn_bits(const uint64_t* words, uint64_t at, int width) {
        uint64_t word;
        memcpy(&word, (const unsigned char*)words + (at >> 3), 8);
        return (word >> (at & 7)) & ((UINT64_C(1) << width) - 1);
    }
    #define VN_NOT_PORTED UINT32_C(0xFFFFFFFF)
    """
    const uint32_t NOT_PORTED "VN_NOT_PORTED"
    int vn_ones(uint64_t word) noexcept nogil
    int vn_lowest(uint64_t word) noexcept nogil
    int vn_width(uint64_t value) noexcept nogil
    uint64_t vn_bits(const uint64_t* words, uint64_t at, int width) noexcept nogil

cdef enum:
    BLOCK_ROWS = 384
    MAX_BITS = 57
    FIRSTS_STEP = 64         # every 64th first number stands in the upper list as well

# A row to be, with the line of the file that it came in.
ctypedef struct PortedRow:
    uint64_t number
    uint32_t routing
    uint32_t line


ctypedef struct Block:
    const uint64_t* high
    const uint64_t* rest
    uint32_t rows
    uint32_t high_words
    uint32_t listed          # routing numbers in the block's own list, 0 for none
    int low_bits
    int list_bits
    int row_bits


cdef inline void open_block(const uint64_t* words, Block* block) noexcept nogil:
    """Read a block's head, from the lowest bit: rows (9 bits), words of the high parts (15),
    listed (9), low, list and row bits (6 each)."""
    cdef uint64_t head = words[0]
    block.rows = <uint32_t>(head & 0x1FF)
    block.high_words = <uint32_t>((head >> 9) & 0x7FFF)
    block.listed = <uint32_t>((head >> 24) & 0x1FF)
    block.low_bits = <int>((head >> 33) & 0x3F)
    block.list_bits = <int>((head >> 39) & 0x3F)
    block.row_bits = <int>((head >> 45) & 0x3F)
    block.high = words + 1
    block.rest = block.high + block.high_words


cdef inline uint64_t block_bits(const Block* block) noexcept nogil:
    """Return the bits behind the high parts."""
    return (<uint64_t>block.rows * block.low_bits + <uint64_t>block.listed * block.list_bits
            + <uint64_t>block.rows * block.row_bits)


cdef inline uint32_t routing_of(const Block* block, uint32_t row) noexcept nogil:
    """Return the place of a row's routing number in the table's list; it may lie outside it in a
    file that is damaged."""
    cdef uint64_t at = <uint64_t>block.rows * block.low_bits
    cdef uint32_t value
    value = <uint32_t>vn_bits(
        block.rest,
        at + <uint64_t>block.listed * block.list_bits + <uint64_t>row * block.row_bits,
        block.row_bits,
    )
    if block.listed == 0:
        return value
    if value >= block.listed:
        return NOT_PORTED
    return <uint32_t>vn_bits(block.rest, at + <uint64_t>value * block.list_bits, block.list_bits)


cdef inline uint32_t find_in_block(const uint64_t* words, uint64_t above) noexcept nogil:
    """Return the place of the routing number of the row that lies `above` the block's first
    number, or NOT_PORTED."""
    cdef Block block
    cdef uint64_t high, low, word, zeros, left
    cdef uint32_t i, row
    cdef int at, half, found
    open_block(words, &block)
    high = above >> block.low_bits
    low = above & ((<uint64_t>1 << block.low_bits) - 1)
    # The rows of this high part begin behind as many zeros.
    left = high
    i = 0
    while True:
        if i == block.high_words:
            return NOT_PORTED
        zeros = 64 - vn_ones(block.high[i])
        if zeros >= left:
            break
        left -= zeros
        i += 1
    word = ~block.high[i]
    at = 0
    if left:
        # The place behind the left-th zero: by halves, then bit by bit over four.
        half = 32
        while half >= 4:
            found = vn_ones((word >> at) & ((<uint64_t>1 << half) - 1))
            if <uint64_t>found < left:
                left -= found
                at += half
            half >>= 1
        while True:
            if (word >> at) & 1:
                left -= 1
                if left == 0:
                    break
            at += 1
        at += 1
    row = <uint32_t>(i * 64 + at - high)
    while row < block.rows:
        if at == 64:
            at = 0
            i += 1
            if i == block.high_words:
                return NOT_PORTED
        if not (block.high[i] >> at) & 1:
            return NOT_PORTED
        if vn_bits(block.rest, <uint64_t>row * block.low_bits, block.low_bits) == low:
            return routing_of(&block, row)
        row += 1
        at += 1
    return NOT_PORTED
