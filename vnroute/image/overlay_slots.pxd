# cython: language_level=3
"""The hash table of an overlay: a number's slot, found by linear probing."""

from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.records cimport mix

# `number` is 0 where the slot is free, `assignment` NO_VALUE where the number was removed.
ctypedef struct OverlaySlot:
    uint64_t number
    uint32_t assignment
    uint32_t spare

cdef inline const OverlaySlot* slot_of(
    const OverlaySlot* slots, uint32_t mask, uint64_t number
) noexcept nogil:
    """Return a number's slot, or the free one that ends its search. One slot at least is free."""
    cdef uint32_t at = <uint32_t>mix(number) & mask
    while slots[at].number != number and slots[at].number != 0:
        at = (at + 1) & mask
    return &slots[at]
