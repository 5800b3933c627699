# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Builds the table of exact numbers: a bucketed cuckoo table, five numbers to a cache line.

Every number has two buckets by two hashes (R. Pagh and F. F. Rodler, Cuckoo hashing, 2004; buckets
after M. Dietzfelbinger and C. Weidling, 2007). One that finds both full puts another out, which
moves to its other bucket. With five slots a bucket the table fills beyond nine tenths before that
fails, so a number costs 14 bytes.
"""

cimport cython
from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.records cimport (
    BUCKET_SLOTS,
    NumberBucket,
    first_bucket,
    mix,
    second_bucket,
)

# How full the table is made, in hundredths: above about 97 insertion begins to fail.
cdef enum:
    FILL = 92
    MAX_MOVES = 2000


@cython.final
cdef class NumberTable:
    """Holds up to `numbers` numbers with a uint32 assignment each."""

    cdef object _data
    cdef NumberBucket* _buckets
    cdef unsigned char[::1] _view
    cdef uint64_t _count
    cdef uint64_t _noise
    cdef readonly uint64_t seed
    cdef readonly Py_ssize_t rows

    def __cinit__(self, Py_ssize_t numbers, uint64_t seed=1):
        self._count = max(2, numbers * 100 // (FILL * BUCKET_SLOTS) + 1)
        self._data = bytearray(self._count * sizeof(NumberBucket))
        self._view = self._data
        self._buckets = <NumberBucket*>&self._view[0]
        self.seed = seed
        self._noise = seed

    cdef inline bint _place(self, uint64_t at, uint64_t key, uint32_t assignment) noexcept nogil:
        cdef NumberBucket* bucket = &self._buckets[at]
        cdef int slot
        for slot in range(BUCKET_SLOTS):
            if bucket.key[slot] == 0:
                bucket.key[slot] = key
                bucket.assignment[slot] = assignment
                return True
        return False

    cdef bint _insert(self, uint64_t key, uint32_t assignment) noexcept nogil:
        cdef uint64_t first, second, at
        cdef int move, slot
        cdef uint64_t other_key
        cdef uint32_t other_assignment
        at = first_bucket(key, self.seed, self._count)
        if self._place(at, key, assignment):
            return True
        at = second_bucket(key, self.seed, self._count)
        for move in range(MAX_MOVES):
            if self._place(at, key, assignment):
                return True
            self._noise = mix(self._noise + key)
            slot = <int>(self._noise % BUCKET_SLOTS)
            other_key = self._buckets[at].key[slot]
            other_assignment = self._buckets[at].assignment[slot]
            self._buckets[at].key[slot] = key
            self._buckets[at].assignment[slot] = assignment
            key, assignment = other_key, other_assignment
            first = first_bucket(key, self.seed, self._count)
            second = second_bucket(key, self.seed, self._count)
            at = second if at == first else first
        return False

    def add(self, list numbers not None):
        """Add (number, assignment) pairs, each number once and above 0.

        Returns False where the table is full for its seed: begin anew with another.
        """
        cdef uint64_t key
        cdef uint32_t assignment
        for number, value in numbers:
            key, assignment = number, value
            if key == 0:
                raise ValueError("0 is no number")
            if not self._insert(key, assignment):
                return False
            self.rows += 1
        return True

    @property
    def data(self):
        """The section's bytes."""
        return self._data
