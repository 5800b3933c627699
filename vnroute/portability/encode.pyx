# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Rows in the order of their numbers become blocks; a table and its changes become one stream."""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

from vnroute.image.layout import ImageError

from vnroute.portability.block cimport BLOCK_ROWS, NOT_PORTED, PortedRow, vn_width
from vnroute.portability.rows cimport RoutingNumbers, SortedRows
from vnroute.portability.table cimport PortabilityTable

cdef enum:
    # All rows of 50 + 32 bits, 128 numbers listed, and the high parts: never more.
    BLOCK_WORDS = 1 + 24 + (384 * (50 + 32) + 128 * 32) // 64 + 3
    MAX_LISTED = 128
    OUT_WORDS = 1 << 17
    CUT_ROWS = 32

cdef uint64_t FAR = 8


@cython.final
cdef class BlockWriter:
    """Encodes rows, which come ascending by number, each once; `write` takes the blocks' bytes.

    A block ends at 384 rows, or before where the next number is far away from those in it: one
    low part of many bits would cost every row of it.
    """

    def __cinit__(self, write):
        self._write = write
        self._out = <uint64_t*>malloc(OUT_WORDS * sizeof(uint64_t))
        self._room = 1 << 12
        self._firsts = <uint64_t*>malloc(self._room * sizeof(uint64_t))
        self._places = <uint32_t*>malloc(self._room * sizeof(uint32_t))
        if self._out is NULL or self._firsts is NULL or self._places is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self._out)
        free(self._firsts)
        free(self._places)

    cdef int add(self, uint64_t number, uint32_t routing) except -1:
        cdef uint64_t span
        if self._count == BLOCK_ROWS:
            self._end_block()
        elif self._count >= CUT_ROWS:
            span = self._numbers[self._count - 1] - self._numbers[0]
            if number - self._numbers[self._count - 1] > FAR * (span + self._count):
                self._end_block()
        self._numbers[self._count] = number
        self._routing[self._count] = routing
        self._count = self._count + 1
        self.rows = self.rows + 1
        return 0

    cdef int _bits(self, uint64_t* words, uint64_t at, uint64_t value, int width) noexcept:
        words[at >> 6] |= value << (at & 63)
        if (at & 63) + width > 64:
            words[(at >> 6) + 1] |= value >> (64 - (at & 63))
        return 0

    cdef int _end_block(self) except -1:
        cdef uint64_t* words
        cdef uint64_t first = self._numbers[0], last, best, cost, at, place
        cdef uint32_t listed[MAX_LISTED]
        cdef unsigned char index[BLOCK_ROWS]
        cdef uint32_t count = self._count, distinct = 0, high_words, i, j, most = 0
        cdef int low, tried, list_bits, row_bits
        cdef bint lists
        if self._used + BLOCK_WORDS > OUT_WORDS:
            self._flush()
        words = self._out + self._used
        memset(words, 0, BLOCK_WORDS * sizeof(uint64_t))
        last = self._numbers[count - 1] - first
        low = 0
        best = 0
        for tried in range(51):
            if (last >> tried) > 3 * BLOCK_ROWS:
                continue
            cost = <uint64_t>count * tried + count + (last >> tried)
            if best == 0 or cost < best:
                best = cost
                low = tried
        high_words = <uint32_t>(((last >> low) + count + 63) // 64)
        for i in range(count):
            if self._routing[i] > most:
                most = self._routing[i]
            if distinct > MAX_LISTED:
                continue           # a list of so many would not pay
            for j in range(distinct):
                if listed[j] == self._routing[i]:
                    break
            else:
                j = distinct
                distinct += 1
                if j < MAX_LISTED:
                    listed[j] = self._routing[i]
            index[i] = <unsigned char>j
        list_bits = vn_width(most)
        row_bits = vn_width(distinct - 1)
        lists = distinct <= MAX_LISTED and distinct * list_bits + count * row_bits < count * list_bits
        if not lists:
            distinct, row_bits, list_bits = 0, list_bits, 0
        words[0] = (
            <uint64_t>count | <uint64_t>high_words << 9 | <uint64_t>distinct << 24
            | <uint64_t>low << 33 | <uint64_t>list_bits << 39 | <uint64_t>row_bits << 45)
        for i in range(count):
            at = ((self._numbers[i] - first) >> low) + i
            words[1 + (at >> 6)] |= <uint64_t>1 << (at & 63)
        place = 64 * <uint64_t>(1 + high_words)
        for i in range(count):
            self._bits(
                words, place, (self._numbers[i] - first) & ((<uint64_t>1 << low) - 1), low)
            place += low
        for i in range(distinct):
            self._bits(words, place, listed[i], list_bits)
            place += list_bits
        for i in range(count):
            self._bits(words, place, index[i] if lists else self._routing[i], row_bits)
            place += row_bits
        self._note(first)
        self._used = self._used + <Py_ssize_t>((place + 63) // 64)
        self.words = self.words + (place + 63) // 64
        self._count = 0
        return 0

    cdef int _note(self, uint64_t first) except -1:
        cdef void* grown
        if self.words >= NOT_PORTED:
            raise OverflowError("more rows than a portability table can hold")
        if self.blocks + 1 >= self._room:
            grown = realloc(self._firsts, 2 * self._room * sizeof(uint64_t))
            if grown is NULL:
                raise MemoryError
            self._firsts = <uint64_t*>grown
            grown = realloc(self._places, 2 * self._room * sizeof(uint32_t))
            if grown is NULL:
                raise MemoryError
            self._places = <uint32_t*>grown
            self._room *= 2
        self._firsts[self.blocks] = first
        self._places[self.blocks] = <uint32_t>self.words
        self.blocks = self.blocks + 1
        return 0

    cdef int _flush(self) except -1:
        self._write(PyBytes_FromStringAndSize(<char*>self._out, self._used * sizeof(uint64_t)))
        self._used = 0
        return 0

    def finish(self):
        """Write what is left; return (first numbers, places) of the blocks as bytes."""
        if self._count:
            self._end_block()
        self._places[self.blocks] = <uint32_t>self.words
        self._out[self._used] = 0
        self._used = self._used + 1
        self._flush()
        return (
            (<char*>self._firsts)[: self.blocks * sizeof(uint64_t)],
            (<char*>self._places)[: (self.blocks + 1) * sizeof(uint32_t)],
        )


def write_rows(
    SortedRows rows not None, RoutingNumbers numbers not None, BlockWriter writer not None,
    PortabilityTable before, again, progress,
):
    """Write sorted rows, merged over a table that was there before (or None).

    A row without a routing number takes its number out. `again` is called with (number, line,
    line of the first) for a number that comes twice; the first stands. `progress` is called now
    and then with the rows so far. Returns (added, changed, unchanged, removed, removals of numbers
    that were not there).
    """
    cdef PortedRow held[BLOCK_ROWS]
    cdef PortedRow row, next_row
    cdef uint64_t block = 0, blocks = before.block_count if before is not None else 0
    cdef uint64_t added = 0, changed = 0, unchanged = 0, removed = 0, absent = 0, told = 0
    cdef uint64_t routing
    cdef uint32_t held_count = 0, held_at = 0, i
    cdef bint more = rows.take(&row)
    while True:
        while more:
            # Rows of one number stand side by side.
            if not rows.take(&next_row):
                next_row.number = 0
                break
            if next_row.number != row.number:
                break
            again(row.number, next_row.line, row.line)
        while True:
            if held_at == held_count:
                if block == blocks:
                    break
                held_count = before.read_block(block, held)
                for i in range(held_count):
                    if held[i].routing >= before.routing_count:
                        raise ImageError(f"{before.path}: a routing number that is not there")
                held_at = 0
                block += 1
            if more and held[held_at].number >= row.number:
                break
            writer.add(held[held_at].number, numbers.place(before.routing[held[held_at].routing]))
            held_at += 1
            unchanged += 1
        if not more:
            break
        routing = 0
        if held_at < held_count and held[held_at].number == row.number:
            routing = before.routing[held[held_at].routing]
            held_at += 1
        if row.routing == NOT_PORTED:
            removed += routing != 0
            absent += routing == 0
        else:
            writer.add(row.number, row.routing)
            if routing == 0:
                added += 1
            elif numbers.values[row.routing] == routing:
                unchanged += 1
            else:
                changed += 1
        row = next_row
        more = row.number != 0
        if writer.rows - told > 1000000:
            told = writer.rows
            progress(told)
    return added, changed, unchanged, removed, absent
