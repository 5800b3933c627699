# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Different callers, and calls up at a time, counted from columns of calls: exact, without the GIL.

Columns are those of :class:`vnroute.calls.packed.PackedCalls`: machine words, one a call.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

import secrets

LEFT_OUT = 0xFFFFFFFF

cdef enum:
    DIGIT_BITS = 11
    DIGITS = 1 << DIGIT_BITS

cdef uint32_t NOWHERE = 0xFFFFFFFF
cdef uint64_t TWICE = <uint64_t>1 << 63


cdef int _room(void** place, Py_ssize_t count, Py_ssize_t size) except -1:
    cdef void* made = realloc(place[0], count * size if count else size)
    if made == NULL:
        raise MemoryError()
    place[0] = made
    return 0


cdef int _fits(const uint32_t[::1] column, Py_ssize_t groups) except -1:
    """Refuse a column that names what there is not: the database may be damaged."""
    cdef Py_ssize_t i
    cdef uint32_t most = 0
    for i in range(column.shape[0]):
        most = max(most, column[i])
    if column.shape[0] and most >= groups:
        raise ValueError("a packed column names a key that it has not")
    return 0


cdef uint32_t* _starts(const uint32_t* group, Py_ssize_t count, Py_ssize_t groups) except NULL:
    """Return where each group begins, were all sorted by group; one more for the end."""
    if count >= NOWHERE:
        raise OverflowError("more than four thousand million calls")
    cdef uint32_t* starts = <uint32_t*>calloc(groups + 2, sizeof(uint32_t))
    cdef Py_ssize_t i
    if starts == NULL:
        raise MemoryError()
    for i in range(count):
        if group[i] >= groups:
            free(starts)
            raise ValueError("a group beyond those that were told")
        starts[group[i] + 2] += 1
    for i in range(2, groups + 2):
        starts[i] += starts[i - 1]
    return starts  # starts[1:] moves on as each is put at its place; starts[:groups + 1] remains


cdef class Callers:
    """Counts, by group, how many different callers there were, and how many called again."""

    cdef uint32_t* _group
    cdef uint64_t* _caller
    cdef Py_ssize_t _count, _space

    def __dealloc__(self):
        free(self._group)
        free(self._caller)

    def add(
        self, const uint32_t[::1] keys, const uint64_t[::1] callers, const uint32_t[::1] groups
    ):
        """Add calls: ``groups`` has the group of each key, or LEFT_OUT. A caller of 0 is none."""
        cdef Py_ssize_t count = keys.shape[0], at = self._count, i
        cdef uint32_t group
        if callers.shape[0] != count:
            raise ValueError("columns of one length")
        _fits(keys, groups.shape[0])
        if self._count + count > self._space:
            self._space = max(2 * self._space, self._count + count)
            _room(<void**>&self._group, self._space, sizeof(uint32_t))
            _room(<void**>&self._caller, self._space, sizeof(uint64_t))
        with nogil:
            for i in range(count):
                group = groups[keys[i]]
                if group != NOWHERE and callers[i]:
                    self._group[at] = group
                    self._caller[at] = callers[i] & ~TWICE
                    at += 1
        self._count = at

    def counts(self, Py_ssize_t groups):
        """Return (different, called again) of each group."""
        # Callers are strangers' choice: with a seed nobody can choose them to meet in one place.
        cdef uint64_t seed = secrets.randbits(64)
        cdef uint32_t* starts = _starts(self._group, self._count, groups)
        cdef uint64_t* sorted_ = <uint64_t*>malloc((self._count + 1) * sizeof(uint64_t))
        cdef uint64_t* table = NULL
        cdef Py_ssize_t i, largest = 0, room = 2
        cdef uint32_t different, again
        found = []
        try:
            if sorted_ == NULL:
                raise MemoryError()
            with nogil:
                for i in range(self._count):
                    sorted_[starts[self._group[i] + 1]] = self._caller[i]
                    starts[self._group[i] + 1] += 1
            for i in range(groups):
                largest = max(largest, <Py_ssize_t>(starts[i + 1] - starts[i]))
            while room < 2 * largest:
                room *= 2
            table = <uint64_t*>malloc(room * sizeof(uint64_t))
            if table == NULL:
                raise MemoryError()
            for i in range(groups):
                with nogil:
                    different = again = 0
                    _distinct(
                        sorted_ + starts[i], starts[i + 1] - starts[i], table, seed,
                        &different, &again,
                    )
                found.append((different, again))
        finally:
            free(starts)
            free(sorted_)
            free(table)
        return found


cdef void _distinct(
    const uint64_t* callers, Py_ssize_t count, uint64_t* table, uint64_t seed,
    uint32_t* different, uint32_t* again,
) noexcept nogil:
    """Count by a table of open addressing, at most half full; the top bit: called again."""
    cdef uint64_t room = 2, mixed
    cdef Py_ssize_t i
    while room < <uint64_t>(2 * count):
        room *= 2
    memset(table, 0, room * sizeof(uint64_t))
    for i in range(count):
        # The finishing steps of SplitMix64 (Steele, Lea and Flood 2014).
        mixed = callers[i] ^ seed
        mixed = (mixed ^ (mixed >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
        mixed = (mixed ^ (mixed >> 27)) * <uint64_t>0x94D049BB133111EB
        mixed = (mixed ^ (mixed >> 31)) & (room - 1)
        while table[mixed] and table[mixed] & ~TWICE != callers[i]:
            mixed = (mixed + 1) & (room - 1)
        if not table[mixed]:
            table[mixed] = callers[i]
            different[0] += 1
        elif not table[mixed] & TWICE:
            table[mixed] |= TWICE
            again[0] += 1


cdef class Spans:
    """Counts how many were up at a time, from when each began and ended (microseconds).

    The end is exclusive: one that ends as another begins is not up with it. Only what lies from
    ``start`` to before ``end`` counts.
    """

    cdef uint32_t* _group
    cdef int64_t* _began
    cdef int64_t* _ended
    cdef Py_ssize_t _count, _space
    cdef int64_t _start, _end

    def __cinit__(self, int64_t start, int64_t end):
        self._start, self._end = start, end

    def __dealloc__(self):
        free(self._group)
        free(self._began)
        free(self._ended)

    def add(
        self, const uint32_t[::1] keys, const uint32_t[::1] wanted,
        const uint32_t[::1] owners, const uint32_t[::1] groups,
        const int64_t[::1] began, const int64_t[::1] ended,
    ):
        """Add spans: those whose key is ``wanted`` (not LEFT_OUT), in the group of their owner."""
        cdef Py_ssize_t count = keys.shape[0], at = self._count, i
        cdef int64_t first, last
        if not owners.shape[0] == began.shape[0] == ended.shape[0] == count:
            raise ValueError("columns of one length")
        _fits(keys, wanted.shape[0])
        _fits(owners, groups.shape[0])
        if self._count + count > self._space:
            self._space = max(2 * self._space, self._count + count)
            _room(<void**>&self._group, self._space, sizeof(uint32_t))
            _room(<void**>&self._began, self._space, sizeof(int64_t))
            _room(<void**>&self._ended, self._space, sizeof(int64_t))
        with nogil:
            for i in range(count):
                first, last = max(began[i], self._start), min(ended[i], self._end)
                if first < last and wanted[keys[i]] != NOWHERE and groups[owners[i]] != NOWHERE:
                    self._group[at] = groups[owners[i]]
                    self._began[at] = first
                    self._ended[at] = last
                    at += 1
        self._count = at

    def peaks(self, Py_ssize_t groups, int64_t bucket):
        """Return of each group {bucket's begin: (peak, moment it was first reached, mean)}.

        Buckets are ``bucket`` long, counted from the epoch; those with nothing up are left out.
        """
        if bucket <= 0 or self._start < 0:
            raise ValueError("a bucket of some length, and moments from the epoch on")
        cdef uint32_t* starts = _starts(self._group, self._count, groups)
        cdef Py_ssize_t size = (self._count + 1) * sizeof(int64_t), i, at
        cdef uint64_t* began = <uint64_t*>malloc(size)
        cdef uint64_t* ended = <uint64_t*>malloc(size)
        cdef uint64_t* spare = <uint64_t*>malloc(size)
        found = []
        try:
            if began == NULL or ended == NULL or spare == NULL:
                raise MemoryError()
            with nogil:
                for i in range(self._count):
                    at = starts[self._group[i] + 1]
                    starts[self._group[i] + 1] += 1
                    began[at] = self._began[i]
                    ended[at] = self._ended[i]
            for i in range(groups):
                at = starts[i]
                with nogil:
                    _sort(began + at, starts[i + 1] - at, spare)
                    _sort(ended + at, starts[i + 1] - at, spare)
                found.append(_sweep(began + at, ended + at, starts[i + 1] - at, bucket))
        finally:
            free(starts)
            free(began)
            free(ended)
            free(spare)
        return found


cdef void _sort(uint64_t* values, Py_ssize_t count, uint64_t* spare) noexcept nogil:
    """Sort by digits of eleven bits, the lowest first; digits that all share cost nothing."""
    cdef uint32_t places[DIGITS]
    cdef uint64_t* source = values
    cdef uint64_t* target = spare
    cdef uint64_t* other
    cdef uint64_t varying = 0, value
    cdef Py_ssize_t i, j
    cdef uint32_t total, here
    cdef int shift = 0
    if count < 48:
        for i in range(1, count):
            value, j = values[i], i
            while j and values[j - 1] > value:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value
        return
    for i in range(1, count):
        varying |= values[i] ^ values[0]
    while shift < 64:
        if (varying >> shift) & (DIGITS - 1):
            memset(places, 0, sizeof(places))
            for i in range(count):
                places[(source[i] >> shift) & (DIGITS - 1)] += 1
            total = 0
            for i in range(DIGITS):
                here = places[i]
                places[i] = total
                total += here
            for i in range(count):
                j = (source[i] >> shift) & (DIGITS - 1)
                target[places[j]] = source[i]
                places[j] += 1
            other, source, target = target, target, source
        shift += DIGIT_BITS
    if source != values:
        memcpy(values, source, count * sizeof(uint64_t))


cdef dict _sweep(const uint64_t* began, const uint64_t* ended, Py_ssize_t count, int64_t bucket):
    """Return the peaks of sorted beginnings and ends."""
    cdef Py_ssize_t starting = 0, ending = 0
    cdef int64_t up = 0, last = 0, moment, until, place = -1, peak = 0, when = 0, area = 0
    cdef dict found = {}
    while ending < count:
        moment = ended[ending]
        if starting < count and <int64_t>began[starting] < moment:
            moment = began[starting]
        while up and last < moment:
            # Up unchanged from last to moment, over as many buckets as that takes.
            if last // bucket * bucket != place:
                if place >= 0:
                    found[place] = (peak, when, area / <double>bucket)
                place, peak, area = last // bucket * bucket, 0, 0
            until = min(moment, place + bucket)
            if up > peak:
                peak, when = up, last
            area += up * (until - last)
            last = until
        last = moment
        # At one moment ends come before beginnings.
        while ending < count and <int64_t>ended[ending] == moment:
            ending += 1
            up -= 1
        while starting < count and <int64_t>began[starting] == moment:
            starting += 1
            up += 1
    if place >= 0:
        found[place] = (peak, when, area / <double>bucket)
    return found
