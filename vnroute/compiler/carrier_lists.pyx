# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The carriers of a place on the number line, kept in the order of their prices while places pass.

Walking millions of prefixes in dialling order, each changes few of what holds around it: a rate is
put in place and, where its prefix ends, what was there before. So the order is kept and not sorted
anew, and a list that was seen before is found by what it holds.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove

from vnroute.image.records cimport mix

CANDIDATES = 32
"""Carriers that a list names at most: the cheapest, or those that a choice puts first."""

cdef enum:
    LIST_ROOM = 2 * 32 + 1


@cython.final
cdef class WordLists:
    """The CHOICES section: lists of words, each kept once."""

    def __cinit__(self):
        self._room = 1 << 12
        self._words = <uint32_t*>malloc(self._room * sizeof(uint32_t))
        self._slot_count = 1 << 12
        self._slots = <uint64_t*>calloc(self._slot_count, sizeof(uint64_t))
        if self._words is NULL or self._slots is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self._words)
        free(self._slots)

    cdef uint64_t _hash(self, const uint32_t* words, uint32_t count) noexcept nogil:
        cdef uint64_t value = count
        cdef uint32_t i
        for i in range(count):
            value = mix(value + <uint64_t>0x9E3779B97F4A7C15 + words[i])
        return value

    cdef uint32_t put(self, const uint32_t* words, uint32_t count) except? 0xFFFFFFFF:
        """Return where these words lie; they are added if they are new."""
        cdef uint64_t hash = self._hash(words, count)
        cdef uint64_t slot = hash & (self._slot_count - 1)
        cdef uint32_t at
        while self._slots[slot]:
            if self._slots[slot] >> 32 == hash >> 32:
                at = <uint32_t>self._slots[slot] - 1
                if at + count <= self._size and memcmp(
                    self._words + at, words, count * sizeof(uint32_t)
                ) == 0:
                    return at
            slot = (slot + 1) & (self._slot_count - 1)
        if self._size + count >= (1 << 30) - 1:
            raise OverflowError("more choices of carriers than an image can hold")
        self._reserve(count)
        at = <uint32_t>self._size
        memcpy(self._words + at, words, count * sizeof(uint32_t))
        self._size = self._size + count
        self._slots[slot] = (hash >> 32) << 32 | (at + 1)
        self._lists = self._lists + 1
        if 4 * self._lists > 3 * self._slot_count:
            self._rehash()
        return at

    cdef int _reserve(self, uint32_t count) except -1:
        cdef void* grown
        cdef uint64_t room = self._room
        while room < self._size + count:
            room *= 2
        if room != self._room:
            grown = realloc(self._words, room * sizeof(uint32_t))
            if grown is NULL:
                raise MemoryError
            self._words = <uint32_t*>grown
            self._room = room
        return 0

    cdef int _rehash(self) except -1:
        """Twice the slots. A slot's lower hash is not kept: it is worked out of the words anew."""
        cdef uint64_t count = 2 * self._slot_count, i, slot, hash
        cdef uint32_t at
        cdef uint64_t* slots = <uint64_t*>calloc(count, sizeof(uint64_t))
        if slots is NULL:
            raise MemoryError
        for i in range(self._slot_count):
            if self._slots[i]:
                at = <uint32_t>self._slots[i] - 1
                hash = self._hash(self._words + at, words_at(self._words + at))
                slot = hash & (count - 1)
                while slots[slot]:
                    slot = (slot + 1) & (count - 1)
                slots[slot] = self._slots[i]
        free(self._slots)
        self._slots = slots
        self._slot_count = count
        return 0

    def add(self, list words not None):
        """Return where a list lies that begins with its head; it is added if it is new."""
        cdef uint32_t count = <uint32_t>len(words)
        cdef uint32_t* copy = <uint32_t*>PyMem_Malloc(count * sizeof(uint32_t))
        cdef uint32_t i
        if copy is NULL:
            raise MemoryError
        try:
            for i in range(count):
                copy[i] = words[i]
            if words_at(copy) != count:
                raise ValueError(f"{count} words under the head {words[0]:#x}")
            return self.put(copy, count)
        finally:
            PyMem_Free(copy)

    def words(self):
        """Return all words as bytes."""
        return (<char*>self._words)[: self._size * sizeof(uint32_t)]

    def __len__(self):
        return self._size


@cython.final
cdef class CarrierLists:
    """What the carriers ask at the place at hand; `lists` takes the lists that are made of it.

    `allowed` has, for each choice, a byte a carrier: 0 leaves it out. `ranks` has None for a choice
    that goes by price, else a rank for each carrier (the lower the earlier; equal ones by price).
    Carriers of equal price stand in the order of their rows.
    """

    def __cinit__(self, uint32_t carriers, WordLists lists not None, list allowed not None,
                  list ranks not None):
        self.carriers = carriers
        self._lists = lists
        self._allowed = [bytes(one) for one in allowed]
        self._ranks = ranks
        self._order = <Held*>calloc(carriers + 1, sizeof(Held))
        self._held = <Held*>calloc(carriers + 1, sizeof(Held))
        self._is_held = <unsigned char*>calloc(carriers + 1, 1)
        if self._order is NULL or self._held is NULL or self._is_held is NULL:
            raise MemoryError
        for one in self._allowed:
            if len(one) != carriers:
                raise ValueError(f"{len(one)} carriers allowed or not, of {carriers}")

    def __dealloc__(self):
        free(self._order)
        free(self._held)
        free(self._is_held)

    cdef uint32_t _place(self, uint64_t price, uint32_t carrier) noexcept nogil:
        """Return the first place in the order that is not before a carrier at a price."""
        cdef uint32_t low = 0, high = self._count, half
        while low < high:
            half = (low + high) >> 1
            if self._order[half].price < price or (
                self._order[half].price == price and self._order[half].carrier < carrier
            ):
                low = half + 1
            else:
                high = half
        return low

    cpdef tuple put(self, uint32_t carrier, uint64_t price, uint32_t price_row):
        """Put a carrier's rate in place; return what was there, for :meth:`restore`."""
        before = self.take_out(carrier)
        cdef uint32_t at = self._place(price, carrier)
        memmove(self._order + at + 1, self._order + at, (self._count - at) * sizeof(Held))
        self._order[at].price = price
        self._order[at].carrier = carrier
        self._order[at].price_row = price_row
        self._held[carrier] = self._order[at]
        self._is_held[carrier] = 1
        self._count = self._count + 1
        return before

    cpdef tuple take_out(self, uint32_t carrier):
        """Leave a carrier out; return what was there, None if it was not."""
        cdef uint32_t at
        if carrier >= self.carriers:
            raise IndexError(carrier)
        if not self._is_held[carrier]:
            return None
        at = self._place(self._held[carrier].price, carrier)
        self._count = self._count - 1
        memmove(self._order + at, self._order + at + 1, (self._count - at) * sizeof(Held))
        self._is_held[carrier] = 0
        return (self._held[carrier].price, self._held[carrier].price_row)

    cpdef restore(self, uint32_t carrier, tuple before):
        """Put back what :meth:`put` or :meth:`take_out` returned."""
        if before is None:
            self.take_out(carrier)
        else:
            self.put(carrier, before[0], before[1])

    cpdef tuple held(self, uint32_t carrier):
        """Return (price, price row) of a carrier, None if it is not there."""
        if carrier >= self.carriers:
            raise IndexError(carrier)
        if not self._is_held[carrier]:
            return None
        return (self._held[carrier].price, self._held[carrier].price_row)

    cpdef bytes order(self):
        """Return what all carriers ask as they are now, equal where all of it is."""
        return (<char*>self._order)[: self._count * sizeof(Held)]

    cpdef list_for(self, Py_ssize_t choice):
        """Return where the list of a choice lies, of the carriers as they are now."""
        cdef const unsigned char* allowed = <bytes>self._allowed[choice]
        cdef uint32_t words[LIST_ROOM]
        cdef uint32_t found = 0, i
        ranks = self._ranks[choice]
        if ranks is not None:
            return self._ranked(allowed, ranks)
        for i in range(self._count):
            if allowed[self._order[i].carrier]:
                words[1 + 2 * found] = self._order[i].carrier
                words[2 + 2 * found] = self._order[i].price_row
                found += 1
                if found == 32:
                    break
        words[0] = found
        return self._lists.put(words, 1 + 2 * found)

    cdef object _ranked(self, const unsigned char* allowed, list ranks):
        cdef list rows = []
        cdef uint32_t i
        for i in range(self._count):
            if allowed[self._order[i].carrier]:
                rows.append((ranks[self._order[i].carrier], i))
        rows.sort()
        words = [min(len(rows), CANDIDATES)]
        for _, i in rows[:CANDIDATES]:
            words += [self._order[i].carrier, self._order[i].price_row]
        return self._lists.add(words)


cdef uint32_t words_at(const uint32_t* words) noexcept nogil:
    """Return how many words the node that begins here has (vnroute.compiler.rates)."""
    cdef uint32_t kind = words[0] >> 24, count = words[0] & 0xFFFFFF
    if kind == 0:
        return 1 + 2 * count
    if kind == 1:
        return 1 + 3 * count
    return 2 + count
