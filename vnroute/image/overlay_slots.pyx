# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Fills the hash table of an overlay, and finds numbers in sorted rows of 16 bytes."""

from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.records cimport NO_VALUE

REMOVED = NO_VALUE
"""What a slot has for its assignment where the number was removed."""


def fill_slots(numbers):
    """Return (slots, their bytes) for {number: assignment, or REMOVED}; at most half are used."""
    cdef uint32_t slots = 8
    while slots < 2 * len(numbers):
        slots *= 2
    data = bytearray(slots * sizeof(OverlaySlot))
    cdef unsigned char[::1] view = data
    cdef OverlaySlot* table = <OverlaySlot*>&view[0]
    cdef OverlaySlot* slot
    cdef uint64_t number
    for number, assignment in numbers.items():
        if number == 0:
            raise ValueError("0 is no number")
        slot = <OverlaySlot*>slot_of(table, slots - 1, number)
        slot.number = number
        slot.assignment = assignment
    return slots, data


def find_row(const unsigned char[::1] rows, uint64_t number):
    """Return the 32-bit value of a number in rows of (u64 number, u32 value, u32 spare), ascending
    by number; None where it is not among them."""
    cdef const OverlaySlot* table
    cdef Py_ssize_t first = 0, count = rows.shape[0] // <Py_ssize_t>sizeof(OverlaySlot), half
    cdef Py_ssize_t last = count
    if count == 0:
        return None
    table = <const OverlaySlot*>&rows[0]
    while count:
        half = count >> 1
        if table[first + half].number < number:
            first += half + 1
            count -= half + 1
        else:
            count = half
    if first < last and table[first].number == number:
        return table[first].assignment
    return None
