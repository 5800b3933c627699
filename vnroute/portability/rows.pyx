# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Rows on their way into a table: read from CSV, sorted on disk where they are many, merged.

Memory stays bounded whatever the number of rows: two stretches of `ROOM` rows of 16 bytes, and
the routing numbers, each once.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from vnroute.image.number_line cimport POWERS
from vnroute.image.records cimport mix
from vnroute.portability.block cimport NOT_PORTED, PortedRow

cdef enum:
    RADIX_BITS = 10
    RADIX = 1024
    MERGED_ROWS = 32768

ROOM = 1 << 22
"""Rows of a stretch that is sorted in memory: 64 MiB, and as much again to sort in."""

CHUNK = 1 << 20

cdef enum:
    GOOD = 0
    BAD_WIDTH = 1
    BAD_NUMBER = 2
    BAD_ROUTING = 3


@cython.final
cdef class RoutingNumbers:
    """The routing numbers of a table, each once, by their place in the order they came."""

    def __cinit__(self):
        self._slots = 1 << 12
        self._table = <uint32_t*>malloc(self._slots * sizeof(uint32_t))
        self._room = 1 << 11
        self.values = <uint64_t*>malloc(self._room * sizeof(uint64_t))
        if self._table is NULL or self.values is NULL:
            raise MemoryError
        memset(self._table, 0xFF, self._slots * sizeof(uint32_t))

    def __dealloc__(self):
        free(self._table)
        free(self.values)

    def __len__(self):
        return self.count

    cdef uint32_t place(self, uint64_t number) except? 0xFFFFFFFE:
        """Return the place of a routing number, which is added if it is new."""
        cdef uint64_t slot = mix(number) & (self._slots - 1)
        while self._table[slot] != NOT_PORTED:
            if self.values[self._table[slot]] == number:
                return self._table[slot]
            slot = (slot + 1) & (self._slots - 1)
        if self.count == self._room:
            self._grow()
            return self.place(number)
        self.values[self.count] = number
        self._table[slot] = self.count
        self.count = self.count + 1
        return self.count - 1

    cdef int _grow(self) except -1:
        cdef uint64_t slot, i
        cdef void* grown
        if self.count >= 1 << 30:
            raise OverflowError("more routing numbers than a portability table can hold")
        grown = realloc(self.values, 2 * self._room * sizeof(uint64_t))
        if grown is NULL:
            raise MemoryError
        self.values = <uint64_t*>grown
        self._room *= 2
        grown = realloc(self._table, 2 * self._slots * sizeof(uint32_t))
        if grown is NULL:
            raise MemoryError
        self._table = <uint32_t*>grown
        self._slots *= 2
        memset(self._table, 0xFF, self._slots * sizeof(uint32_t))
        for i in range(self.count):
            slot = mix(self.values[i]) & (self._slots - 1)
            while self._table[slot] != NOT_PORTED:
                slot = (slot + 1) & (self._slots - 1)
            self._table[slot] = <uint32_t>i
        return 0

    def data(self):
        """Return the numbers as bytes, a u64 each."""
        return (<char*>self.values)[: self.count * sizeof(uint64_t)]


@cython.final
cdef class RowSorter:
    """Rows in any order, given back by number.

    `spill` is called with the bytes of a sorted stretch once it is full, and keeps them;
    it returns a callable that reads so many bytes of it back, in order, and b"" at its end.
    """

    def __cinit__(self, spill, Py_ssize_t room=ROOM):
        self._spill = spill
        self._room = room
        self._rows = <PortedRow*>malloc(room * sizeof(PortedRow))
        if self._rows is NULL:
            raise MemoryError
        self._runs = []

    def __dealloc__(self):
        free(self._rows)

    cdef int add(self, uint64_t number, uint32_t routing, uint32_t line) except -1:
        if self._count == self._room:
            self._flush()
        self._rows[self._count].number = number
        self._rows[self._count].routing = routing
        self._rows[self._count].line = line
        self._count = self._count + 1
        return 0

    cdef int _flush(self) except -1:
        self._sort()
        self._runs.append(
            self._spill((<char*>self._rows)[: self._count * sizeof(PortedRow)]))
        self._count = 0
        return 0

    cdef int _sort(self) except -1:
        """Sort by number, rows of one number in the order they came: least digits first."""
        cdef Py_ssize_t i, digit
        cdef Py_ssize_t starts[RADIX]
        cdef Py_ssize_t sum, here
        cdef int shift, step
        cdef PortedRow* other
        cdef PortedRow* rows = self._rows
        cdef bint sorted = True
        for i in range(1, self._count):
            if rows[i].number < rows[i - 1].number:
                sorted = False
                break
        if sorted:
            return 0
        other = <PortedRow*>malloc(self._room * sizeof(PortedRow))
        if other is NULL:
            raise MemoryError
        with nogil:
            for step in range(5):
                shift = RADIX_BITS * step
                memset(starts, 0, sizeof(starts))
                for i in range(self._count):
                    starts[(rows[i].number >> shift) & (RADIX - 1)] += 1
                sum = 0
                for digit in range(RADIX):
                    here = starts[digit]
                    starts[digit] = sum
                    sum += here
                for i in range(self._count):
                    digit = (rows[i].number >> shift) & (RADIX - 1)
                    other[starts[digit]] = rows[i]
                    starts[digit] += 1
                rows, other = other, rows
        # Five passes: what is sorted lies where it did not begin.
        free(other)
        self._rows = rows
        return 0

    def merged(self):
        """Return the rows as a :class:`SortedRows`; the sorter is spent by it."""
        if self._runs:
            if self._count:
                self._flush()
            return SortedRows(self._runs)
        self._sort()
        whole = (<char*>self._rows)[: self._count * sizeof(PortedRow)]
        free(self._rows)
        self._rows = NULL
        return SortedRows([_reader_of(whole)])


def _reader_of(bytes whole):
    cdef list left = [whole]

    def read(size):
        if not left:
            return b""
        return left.pop()

    return read


@cython.final
cdef class SortedRows:
    """Rows of several sorted stretches, merged: `take` gives one after the other."""

    def __cinit__(self, list readers not None):
        self._readers = readers
        self._buffers = [b""] * len(readers)
        self._count = 0
        self._heads = <Head*>calloc(max(1, len(readers)), sizeof(Head))
        if self._heads is NULL:
            raise MemoryError
        for run in range(len(readers)):
            self._heads[self._count].run = run
            if self._fill(&self._heads[self._count]):
                self._count = self._count + 1
        for place in range(self._count // 2 - 1, -1, -1):
            self._sink(place)

    def __dealloc__(self):
        free(self._heads)

    cdef int _fill(self, Head* head) except -1:
        """Read more rows of a stretch; 0 at its end."""
        cdef bytes data = self._readers[head.run](MERGED_ROWS * sizeof(PortedRow))
        self._buffers[head.run] = data
        head.at = <PortedRow*>PyBytes_AS_STRING(data)
        head.end = head.at + PyBytes_GET_SIZE(data) // <Py_ssize_t>sizeof(PortedRow)
        return head.at < head.end

    cdef bint _before(self, Head* one, Head* other) noexcept:
        if one.at.number != other.at.number:
            return one.at.number < other.at.number
        return one.run < other.run

    cdef void _sink(self, Py_ssize_t place) noexcept:
        cdef Py_ssize_t child
        cdef Head moved = self._heads[place]
        while True:
            child = 2 * place + 1
            if child >= self._count:
                break
            if (child + 1 < self._count
                    and self._before(&self._heads[child + 1], &self._heads[child])):
                child += 1
            if not self._before(&self._heads[child], &moved):
                break
            self._heads[place] = self._heads[child]
            place = child
        self._heads[place] = moved

    cdef bint take(self, PortedRow* row) except? -1:
        """Give the next row; False where there is none."""
        if self._count == 0:
            return False
        row[0] = self._heads[0].at[0]
        self._heads[0].at += 1
        if self._heads[0].at == self._heads[0].end and not self._fill(&self._heads[0]):
            self._count = self._count - 1
            self._heads[0] = self._heads[self._count]
        self._sink(0)
        return True


@cython.final
cdef class RowReader:
    """Reads lines of `number,routing number` into a sorter.

    Both are E.164, `+` and digits; either may be in quotes; `removes` allows an empty
    routing number, for a number that is ported no more. `problem` is called with (line, field,
    text found) for each line that is no row; the line is then passed over.
    """

    def __cinit__(
        self, RowSorter sorter not None, RoutingNumbers numbers not None, problem,
        uint32_t line=1, bint removes=False,
    ):
        self._sorter = sorter
        self._numbers = numbers
        self._problem = problem
        self.line = line
        self._removes = removes

    cdef int _number(
        self, const unsigned char** text, const unsigned char* end, uint64_t* number
    ) noexcept:
        """Read a field, `+` and digits, up to its comma or the line's end.

        Returns how many digits there are, 0 for an empty field, -1 for what is no number: one that
        begins with 0, is too long, or has +1 and not ten digits after it (ATIS-0300051).
        """
        cdef const unsigned char* at = text[0]
        cdef int digits = 0
        cdef bint quoted = at < end and at[0] == c'"'
        cdef bint plus
        number[0] = 0
        if quoted:
            at += 1
        plus = at < end and at[0] == c'+'
        if plus:
            at += 1
        while at < end and c'0' <= at[0] <= c'9':
            if digits == 15 or (digits == 0 and at[0] == c'0'):
                return -1
            number[0] = number[0] * 10 + (at[0] - c'0')
            digits += 1
            at += 1
        if quoted:
            if at == end or at[0] != c'"':
                return -1
            at += 1
        if plus != (digits > 0) or (digits > 1 and digits != 11
                                    and number[0] // POWERS[digits - 1] == 1):
            return -1
        text[0] = at
        return digits

    def _tell(self, int wrong, bytes text):
        words = text.decode("utf-8", "replace").split(",")
        if wrong == BAD_WIDTH:
            self._problem(self.line, "row", f"{len(words)} field" + "s" * (len(words) != 1))
        elif wrong == BAD_NUMBER:
            self._problem(self.line, "number", words[0])
        else:
            self._problem(self.line, "routing_number", ",".join(words[1:]))

    def feed(self, bytes data not None):
        """Read whole lines; return how many bytes of a cut last line are left over."""
        cdef const unsigned char* start = <const unsigned char*>PyBytes_AS_STRING(data)
        cdef const unsigned char* end = start + PyBytes_GET_SIZE(data)
        cdef const unsigned char* line = start
        cdef const unsigned char* at
        cdef const unsigned char* begin
        cdef const unsigned char* stop
        cdef uint64_t number = 0, routing = 0
        cdef int wrong, digits
        while line < end:
            stop = line
            while stop < end and stop[0] != c'\n':
                stop += 1
            if stop == end:
                return end - line
            self.line = self.line + 1
            at = begin = line
            line = stop + 1
            if stop > at and (stop - 1)[0] == c'\r':
                stop -= 1
            if stop == at:
                continue
            wrong = GOOD
            if self._number(&at, stop, &number) < 7:
                wrong = BAD_NUMBER
            elif at == stop or at[0] != c',':
                wrong = BAD_WIDTH if at == stop else BAD_NUMBER
            else:
                at += 1
                digits = self._number(&at, stop, &routing)
                if digits < 0 or (digits == 0 and not self._removes):
                    wrong = BAD_ROUTING
                elif at != stop:
                    wrong = BAD_WIDTH if at[0] == c',' else BAD_ROUTING
            if wrong:
                self._tell(wrong, (<const char*>begin)[: stop - begin])
                continue
            self.rows = self.rows + 1
            self._sorter.add(
                number, self._numbers.place(routing) if routing else NOT_PORTED, self.line)
        return 0
