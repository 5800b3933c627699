# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""An overlay of numbers, mapped, and checked against the image that it lies over."""

import mmap
import os
import zlib

cimport cython
from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.layout import ImageError
from vnroute.image.overlay import HEADER_BYTES, SLOT_BYTES, ASSIGNMENT_BYTES, read_overlay_header

from vnroute.image.overlay_slots cimport OverlaySlot
from vnroute.image.records cimport (
    NO_VALUE,
    STATE_PORTED_OUT,
    AssignmentRecord,
    PlanRecord,
)
from vnroute.matcher.image cimport RouteImage


@cython.final
cdef class Overlay:
    """An overlay file, open for as long as the object lives.

    Raises ImageError for a file that is foreign, cut, damaged, of another version or over another
    image than `image`; OSError where it cannot be read.
    """

    def __cinit__(self, path, RouteImage image not None):
        self.path = os.fspath(path)
        self.image = image
        with open(self.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise ImageError(f"{self.path}: an empty file, so no overlay of numbers")
            self._mapping = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
        self._bytes = self._mapping
        with memoryview(self._mapping) as data:
            header = read_overlay_header(bytes(data[:HEADER_BYTES]), size, self.path)
            with data[HEADER_BYTES:] as body:
                if zlib.crc32(body) != header.crc:
                    raise ImageError(
                        f"{self.path}: the checksum does not match: the file is damaged")
        self.header = header
        if (header.generation != image.generation
                or header.compiled_at != image.header.compiled_at
                or header.base_changes != image.header.changes):
            raise ImageError(
                f"{self.path}: lies over generation {header.generation} as compiled at"
                f" {header.compiled_at}, which is not the image {image.path}")
        if header.slots == 0 or header.slots & (header.slots - 1):
            raise ImageError(f"{self.path}: a table of {header.slots} slots is none")
        cdef const unsigned char* start = &self._bytes[0]
        cdef Py_ssize_t at = HEADER_BYTES
        self.slots = <const OverlaySlot*>(start + at)
        self.mask = header.slots - 1
        at += <Py_ssize_t>header.slots * <Py_ssize_t>SLOT_BYTES
        self.records = <const AssignmentRecord*>(start + at)
        self.record_count = header.assignments
        at += <Py_ssize_t>header.assignments * <Py_ssize_t>ASSIGNMENT_BYTES
        # An empty text begins at the file's end; its address is taken, never read.
        self.text = <const char*>start + at
        self._check()

    def _check(self):
        """Check every reference, so that the hot path need not."""
        cdef uint32_t i, used = 0, text_bytes = self.header.text_bytes
        cdef const AssignmentRecord* record
        cdef const PlanRecord* plan
        for i in range(self.mask + 1):
            if self.slots[i].number == 0:
                continue
            used += 1
            if (self.slots[i].assignment != NO_VALUE
                    and self.slots[i].assignment >= self.record_count):
                raise ImageError(f"{self.path}: a number has an assignment that is not there")
        # A search ends at a free slot.
        if used != self.header.numbers or used > self.mask:
            raise ImageError(f"{self.path}: {used} numbers, its header says {self.header.numbers}")
        if <uint64_t>self.image.assignment_count + self.record_count >= NO_VALUE:
            raise ImageError(f"{self.path}: more assignments than can be told apart")
        for i in range(self.record_count):
            record = &self.records[i]
            if (record.account >= self.image.account_count
                    or record.plan >= self.image.plan_count
                    or record.state > STATE_PORTED_OUT):
                raise ImageError(f"{self.path}: assignment {i} is of no account or plan")
            if record.screen != NO_VALUE and record.screen not in self.image.screen_starts:
                raise ImageError(f"{self.path}: assignment {i} has a screen that is none")
            plan = &self.image.plans[record.plan]
            if (record.program != plan.program or record.words != plan.words
                    or record.channel.offset != plan.channel.offset
                    or record.channel.size != plan.channel.size):
                raise ImageError(f"{self.path}: assignment {i} has another program than its plan")
            if (<uint64_t>record.campaign.offset + record.campaign.size > text_bytes
                    or <uint64_t>record.head.offset + record.head.size > text_bytes):
                raise ImageError(f"{self.path}: assignment {i} lies outside the text")

    @property
    def serial(self):
        """The change counter of the store that it goes up to."""
        return self.header.serial

    def __len__(self):
        return self.header.numbers
