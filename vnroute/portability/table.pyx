# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""A portability table, mapped and checked: the routing number of a ported number."""

import mmap
import os
import zlib

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from vnroute.image.layout import ImageError
from vnroute.portability.layout import HEADER_BYTES, read_header

from vnroute.image.records cimport vn_prefetch
from vnroute.portability.block cimport (
    BLOCK_ROWS,
    FIRSTS_STEP,
    NOT_PORTED,
    Block,
    PortedRow,
    block_bits,
    find_in_block,
    open_block,
    routing_of,
    vn_bits,
    vn_lowest,
    vn_ones,
)

cdef enum:
    MAX_PREFETCHED = 160      # words of a block


@cython.final
cdef class PortabilityTable:
    """A table's file, open for as long as the object lives.

    Opening reads the whole file once, without the GIL where that is long: its checksum, then
    whatever the lookup relies on, so that nothing is read past its end afterwards. Raises
    ImageError for a file that is foreign, cut, damaged or of another version, OSError where it
    cannot be read.
    """

    def __cinit__(self, path):
        cdef Py_ssize_t place
        cdef uint64_t i
        cdef bint sound
        self.path = os.fspath(path)
        self._file = open(self.path, "rb")
        if os.fstat(self._file.fileno()).st_size == 0:
            raise ImageError(f"{self.path}: an empty file, so no portability table")
        self._mapping = mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ)
        self._bytes = self._mapping
        with memoryview(self._mapping) as data:
            self.header = read_header(data, self.path)
            with data[HEADER_BYTES:] as body:
                if zlib.crc32(body) != self.header.crc:
                    raise ImageError(
                        f"{self.path}: the rows do not match their checksum: the file is damaged")
        self.generation = self.header.generation
        self.block_count = self.header.blocks
        if self.header.routing_numbers >= NOT_PORTED:
            raise ImageError(f"{self.path}: more routing numbers than a table can hold")
        self.routing_count = self.header.routing_numbers
        self.words = <const uint64_t*>(&self._bytes[0] + <Py_ssize_t>HEADER_BYTES)
        place = self.header.firsts
        self.firsts = <const uint64_t*>(&self._bytes[0] + place)
        place = self.header.places
        self.places = <const uint32_t*>(&self._bytes[0] + place)
        # An empty last section begins at the file's end; its address is taken, never read.
        place = self.header.routing
        self.routing = <const uint64_t*>(&self._bytes[0] + place)
        with nogil:
            sound = self._sound()
        if not sound:
            raise ImageError(f"{self.path}: a block that is no block, or out of order")
        self.upper_count = (self.block_count + FIRSTS_STEP - 1) // FIRSTS_STEP
        self.upper = <uint64_t*>malloc((self.upper_count + 1) * sizeof(uint64_t))
        if self.upper is NULL:
            raise MemoryError
        for i in range(self.upper_count):
            self.upper[i] = self.firsts[i * FIRSTS_STEP]

    def __dealloc__(self):
        free(self.upper)

    cdef bint _sound(self) noexcept nogil:
        """Whether every block lies within its place and holds the rows that it says."""
        cdef uint64_t i, size, room, rows = 0
        cdef uint32_t j, ones
        cdef Block block
        cdef uint64_t words
        with gil:
            # Behind the last block, eight bytes more must be readable (vn_bits).
            words = self.header.block_bytes // 8 - 1
        if self.places[0] != 0 or self.places[self.block_count] != words:
            return False
        for i in range(self.block_count):
            if self.places[i + 1] <= self.places[i] or self.places[i + 1] > words:
                return False
            if i and self.firsts[i] <= self.firsts[i - 1]:
                return False
            room = self.places[i + 1] - self.places[i]
            open_block(self.words + self.places[i], &block)
            size = 1 + <uint64_t>block.high_words + (block_bits(&block) + 63) // 64
            if (size > room or block.rows == 0 or block.rows > BLOCK_ROWS
                    or block.listed > BLOCK_ROWS or block.low_bits > 50
                    or block.list_bits > 32 or block.row_bits > 32):
                return False
            ones = 0
            for j in range(block.high_words):
                ones += vn_ones(block.high[j])
            if ones != block.rows:
                return False
            rows += block.rows
        with gil:
            return rows == self.header.rows

    cdef uint64_t find(self, uint64_t number) noexcept nogil:
        """Return the routing number of a number, 0 if it is not ported.

        The upper list leads to a run of 64 first numbers, that to one block: some 20 comparisons in
        a few hundred kilobytes that caches hold, then three or four cache lines of the block.
        """
        cdef const uint64_t* first = self.upper
        cdef const uint64_t* words
        cdef uint64_t count = self.upper_count, half, block
        cdef uint32_t at
        if count == 0 or number < first[0]:
            return 0
        while count > 1:
            half = count >> 1
            first = first + half if first[half] <= number else first
            count -= half
        block = (first - self.upper) * FIRSTS_STEP
        count = min(<uint64_t>FIRSTS_STEP, self.block_count - block)
        first = self.firsts + block
        # What is read is a few hundred bytes side by side: asked for at once, it comes at once.
        for half in range(0, count, 8):
            vn_prefetch(first + half)
        while count > 1:
            half = count >> 1
            first = first + half if first[half] <= number else first
            count -= half
        block = first - self.firsts
        words = self.words + self.places[block]
        for half in range(0, min(<uint64_t>MAX_PREFETCHED, self.places[block + 1] - self.places[block]), 8):
            vn_prefetch(words + half)
        at = find_in_block(words, number - first[0])
        return self.routing[at] if at < self.routing_count else 0

    cdef uint32_t read_block(self, uint64_t number, PortedRow* rows) noexcept nogil:
        """Read the rows of a block, BLOCK_ROWS at most, into `rows`; return how many."""
        cdef Block block
        cdef uint32_t row = 0, i
        cdef uint64_t word, high
        open_block(self.words + self.places[number], &block)
        for i in range(block.high_words):
            word = block.high[i]
            while word:
                high = <uint64_t>i * 64 + vn_lowest(word) - row
                rows[row].number = self.firsts[number] + (
                    (high << block.low_bits)
                    | vn_bits(block.rest, <uint64_t>row * block.low_bits, block.low_bits))
                rows[row].routing = routing_of(&block, row)
                rows[row].line = 0
                row += 1
                word &= word - 1
        return row

    # What follows is for people, tests and benchmarks.

    def __len__(self):
        return self.header.rows

    def routing_number(self, uint64_t number):
        """Return the routing number of a number, None if it is not ported."""
        cdef uint64_t found = self.find(number)
        return found if found else None

    def __iter__(self):
        """Yield (number, routing number), ascending by number."""
        cdef PortedRow rows[BLOCK_ROWS]
        cdef uint64_t block
        cdef uint32_t count, i
        for block in range(self.block_count):
            count = self.read_block(block, rows)
            for i in range(count):
                yield rows[i].number, (
                    self.routing[rows[i].routing] if rows[i].routing < self.routing_count else 0)

    def seconds_of(self, list numbers not None):
        """Return the seconds that looking up all of `numbers` takes, one after the other, without
        Python's share in it; for benchmarks."""
        cdef Py_ssize_t i, count = len(numbers)
        cdef uint64_t sum = 0
        cdef timespec start, end
        cdef uint64_t* wanted = <uint64_t*>PyMem_Malloc(max(1, count) * sizeof(uint64_t))
        if wanted is NULL:
            raise MemoryError
        for i in range(count):
            wanted[i] = numbers[i]
        clock_gettime(CLOCK_MONOTONIC, &start)
        for i in range(count):
            # The next lookup waits for this one's answer, as one call's does.
            sum = self.find(wanted[i] + (sum >> 63))
        clock_gettime(CLOCK_MONOTONIC, &end)
        PyMem_Free(wanted)
        return (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) * 1e-9
