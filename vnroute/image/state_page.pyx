# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The state page: what is true of gateways, carriers, schedules, accounts and persons right now.

One small file that every worker maps. Whoever learns something (the control process, the command
line) writes it there, one writer at a time; workers read it on each call without a lock, and go on
with the last page if all writers are gone. It is independent of the image's generations: entries
are found by keys (:mod:`vnroute.image.keys`). docs/state-page.md has the layout.
"""

import fcntl
import mmap
import os
import struct
import threading
import zlib
from contextlib import contextmanager
from typing import NamedTuple

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from vnroute.image.keys import Kind, page_key

CAPACITY = 65_536
"""Entries of a page; three quarters of them may be in use."""
MAGIC = b"VNSTATE\n"
VERSION = 1

_KINDS = frozenset(Kind)
_HEAD = struct.Struct("<8sIIIIQI")
cdef enum:
    HEAD_BYTES = 128
    ENTRY_BYTES = 64
    KINDS = 16


class PageError(Exception):
    """A file that is no state page, or a damaged one, or a page that is full; the text says."""


class PageItem(NamedTuple):
    """One entry: what ``put`` was given, with the key instead of the name."""

    key: int
    kind: Kind
    value: int
    extra: int
    until: int
    more: int


def _fixed(capacity, identity):
    head = _HEAD.pack(MAGIC, VERSION, capacity, ENTRY_BYTES, KINDS, identity, 0)[:32]
    return head + struct.pack("<I", zlib.crc32(head))


def check_head(data, size, name):
    """Return the capacity of a page from its first bytes and its file's size.

    Raises PageError, with `name` in its text, for what is no state page, damaged, cut, or of
    another version.
    """
    if len(data) < HEAD_BYTES:
        raise PageError(f"{name}: {len(data)} bytes, too short for a state page")
    magic, version, capacity, entry_bytes, kinds, _, crc = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise PageError(f"{name}: begins with {magic!r}, so it is no state page")
    if version != VERSION:
        raise PageError(f"{name}: state page format {version}, this vnroute reads {VERSION}")
    if zlib.crc32(data[:32]) != crc:
        raise PageError(f"{name}: the head's checksum does not match: the page is damaged")
    if (entry_bytes != ENTRY_BYTES or kinds != KINDS or capacity < 2
            or capacity & (capacity - 1)):
        raise PageError(f"{name}: a page of {capacity} entries of {entry_bytes} bytes is none")
    if size != HEAD_BYTES + capacity * ENTRY_BYTES:
        raise PageError(f"{name}: {size} bytes, its head says"
                        f" {HEAD_BYTES + capacity * ENTRY_BYTES}: it was cut or grew")
    return capacity


cdef Said _said(item) except *:
    cdef Said said
    said.value, said.extra, said.until, said.more = item.value, item.extra, item.until, item.more
    return said


def _identity_of(stat):
    return stat.st_dev, stat.st_ino, stat.st_size


@cython.final
cdef class StatePage:
    """A page, mapped; made by :meth:`open`.

    Writing methods hold the page's lock (`.state.page.lock` beside it) and may be called from any
    thread. Where another process has put a new page in the old one's place, they go on with that.
    Raises PageError for a file that is no page, and where a page is full; OSError where it cannot
    be read or written.
    """

    def __cinit__(self):
        self.page.head = &NO_PAGE_HEAD
        self.page.entries = NULL
        self.page.mask = 0
        self._thread_lock = threading.Lock()

    def __init__(self):
        raise TypeError("StatePage.open makes a page")

    def __dealloc__(self):
        if self._lock is not None:
            self._lock.close()

    @classmethod
    def open(cls, path, create=False):
        """Map the page at `path`: to read, or with `create` to write, made if it is not there."""
        cdef StatePage page = cls.__new__(cls)
        page.path = os.fspath(path)
        page.writes = bool(create)
        if create:
            directory, name = os.path.split(page.path)
            os.makedirs(directory or ".", exist_ok=True)
            page._lock = open(os.path.join(directory, f".{name}.lock"), "a")
            with page._writing():
                pass
        else:
            handle = os.open(page.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                page._map(handle)
            finally:
                os.close(handle)
        return page

    @staticmethod
    def renew(path, capacity=CAPACITY, items=()):
        """Put a new page in the place of whatever is at `path`, in one step; it holds `items`."""
        cdef StatePage page
        path = os.fspath(path)
        directory = os.path.dirname(path) or "."
        os.makedirs(directory, exist_ok=True)
        temporary = os.path.join(directory, f".{os.path.basename(path)}.{os.getpid()}.new")
        try:
            with open(temporary, "wb") as file:
                file.write(_fixed(capacity, int.from_bytes(os.urandom(8), "little")))
                file.truncate(HEAD_BYTES + capacity * ENTRY_BYTES)
            if items:
                page = StatePage.__new__(StatePage)
                page.path, page.writes = temporary, True
                handle = os.open(temporary, os.O_RDWR | os.O_CLOEXEC)
                try:
                    page._map(handle)
                finally:
                    os.close(handle)
                for item in items:
                    page._put(item.key, item.kind, _said(item))
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    @property
    def identity(self):
        """(device, inode, size) of the file that is mapped: another one has taken its place if
        `identity_of(path)` differs."""
        return self._identity

    cdef int _map(self, int handle) except -1:
        identity = _identity_of(os.fstat(handle))
        size = identity[2]
        capacity = check_head(os.pread(handle, HEAD_BYTES, 0), size, self.path)
        access = mmap.PROT_READ | (mmap.PROT_WRITE if self.writes else 0)
        mapping = mmap.mmap(handle, size, prot=access)
        self._bytes = mapping
        self._mapping = mapping
        self._identity = identity
        cdef const unsigned char* start = &self._bytes[0]
        self.page.head = <const PageHead*>start
        self.page.entries = <const PageEntry*>(start + HEAD_BYTES)
        self.page.mask = capacity - 1
        # Written through only where the mapping allows it.
        self._head = <PageHead*>start
        self._entries = <PageEntry*>(start + HEAD_BYTES)
        return 0

    @contextmanager
    def _writing(self):
        if not self.writes:
            raise PageError(f"{self.path}: opened to be read only")
        with self._thread_lock:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            try:
                try:
                    there = identity_of(self.path)
                except FileNotFoundError:
                    StatePage.renew(self.path)
                    there = None
                if there is None or there != self._identity:
                    handle = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
                    try:
                        self._map(handle)
                    finally:
                        os.close(handle)
                    self._recount()
                yield
            finally:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _recount(self):
        """Make the counts right: a writer that was killed may have left one too high."""
        cdef uint32_t i, used = 0, live = 0
        cdef uint32_t counts[KINDS]
        memset(counts, 0, sizeof(counts))
        for i in range(self.page.mask + 1):
            if self._entries[i].key == PAGE_FREE:
                continue
            used += 1
            if self._entries[i].key != PAGE_GONE:
                live += 1
                counts[self._entries[i].kind % KINDS] += 1
        self._head.used = used
        self._head.entries = live
        for i in range(<uint32_t>KINDS):
            add_to_count(self._head, i, <int>counts[i] - <int>self._head.counts[i])

    cdef PageEntry* _place(self, uint64_t key, bint to_write) noexcept:
        """Return the entry of a key; NULL, or to write the entry to put it in, if it has none."""
        cdef uint32_t at = <uint32_t>key & self.page.mask, left = self.page.mask + 1
        cdef PageEntry* first = NULL
        while left:
            if self._entries[at].key == key:
                return &self._entries[at]
            if self._entries[at].key == PAGE_GONE and first is NULL:
                first = &self._entries[at]
            elif self._entries[at].key == PAGE_FREE:
                if first is NULL:
                    first = &self._entries[at]
                break
            at = (at + 1) & self.page.mask
            left -= 1
        return first if to_write else NULL

    def put(self, kind, str name not None, value, extra=0, until=0, more=0):
        """Say `value` (32 bits) of a thing, with `extra` (32 bits) and `more` (64), until a Unix
        second (0: for good). What was said of it before is said no more."""
        cdef Said said
        kind = Kind(kind)
        said.value = value
        said.extra = extra
        said.until = until
        said.more = more
        cdef uint64_t key = page_key(kind, name)
        with self._writing():
            self._put(key, kind, said)
            note_change(self._head)

    def _put(self, uint64_t key, uint32_t kind, Said said):
        cdef PageEntry* entry = self._place(key, True)
        if entry is NULL or (
            entry.key == PAGE_FREE and self._head.used >= (self.page.mask + 1) // 4 * 3
        ):
            self._rebuild()
            entry = self._place(key, True)
        if entry.key != key:
            if entry.key == PAGE_FREE:
                self._head.used += 1
            self._head.entries += 1
            # Before it can be found: a count may be too high for a moment, never too low.
            add_to_count(self._head, kind, 1)
        page_say(entry, key, kind, &said)

    def remove(self, kind, str name not None):
        """Say nothing of a thing any more; return whether something was said."""
        with self._writing():
            return self._remove(page_key(Kind(kind), name))

    def _remove(self, uint64_t key):
        cdef PageEntry* entry = self._place(key, False)
        cdef uint32_t at, mask = self.page.mask
        if entry is NULL:
            return False
        set_key(entry, PAGE_GONE)
        add_to_count(self._head, entry.kind % KINDS, -1)
        self._head.entries -= 1
        # No search passes over these: the next entry ends every one.
        at = <uint32_t>(entry - self._entries)
        while self._entries[at].key == PAGE_GONE and (
            self._entries[(at + 1) & mask].key == PAGE_FREE
        ):
            set_key(&self._entries[at], PAGE_FREE)
            self._head.used -= 1
            at = (at - 1) & mask
        note_change(self._head)
        return True

    def _rebuild(self):
        """Put a page without removed entries in this one's place; readers follow within 0.1 s."""
        now = _now()
        kept = [item for item in self.items() if item.until == 0 or item.until > now]
        if len(kept) >= (self.page.mask + 1) // 4 * 3:
            raise PageError(f"{self.path}: full: it holds {len(kept)} entries")
        changes, overlay = self._head.changes, self._head.overlay
        StatePage.renew(self.path, self.page.mask + 1, kept)
        handle = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map(handle)
        finally:
            os.close(handle)
        self._head.changes = changes
        set_overlay(self._head, overlay)

    def replace(self, kinds, entries):
        """Make the entries of some kinds exactly these: [(kind, name, value, extra, until, more)].

        Entries that stay as they are, are not touched; those that go, go first.
        """
        wanted = {}
        for kind, name, value, extra, until, more in entries:
            wanted[page_key(Kind(kind), name)] = PageItem(
                page_key(Kind(kind), name), Kind(kind), value, extra, until, more)
        kinds = {Kind(kind) for kind in kinds}
        with self._writing():
            for item in self.items():
                if item.kind in kinds and item.key not in wanted:
                    self._remove(item.key)
            there = {item.key: item for item in self.items()}
            for item in wanted.values():
                if there.get(item.key) != item:
                    self._put(item.key, item.kind, _said(item))
            note_change(self._head)

    def expire(self, now=None):
        """Remove the entries that hold no more; return how many."""
        now = _now() if now is None else now
        with self._writing():
            gone = [item.key for item in self.items() if item.until and item.until <= now]
            for key in gone:
                self._remove(key)
        return len(gone)

    def set_overlay(self, uint64_t serial):
        """Tell the workers that there is another overlay of numbers."""
        with self._writing():
            set_overlay(self._head, serial)
            note_change(self._head)

    def items(self):
        """Return all entries, those too whose time is over."""
        cdef uint32_t i
        cdef uint64_t key
        cdef Said said
        found = []
        for i in range(self.page.mask + 1 if self.page.entries is not NULL else 0):
            key = self.page.entries[i].key
            if (key > PAGE_GONE and self.page.entries[i].kind in _KINDS
                    and entry_said(&self.page.entries[i], key, &said)):
                found.append(PageItem(key, Kind(self.page.entries[i].kind), said.value,
                                      said.extra, said.until, said.more))
        return found

    def get(self, kind, str name not None, now=None):
        """Return what is said of a thing at a moment (Unix seconds; now, if not given), or None."""
        return self.get_key(kind, page_key(Kind(kind), name), now)

    def get_key(self, kind, uint64_t key, now=None):
        """Return the same by key."""
        cdef Said said
        if not page_said(&self.page, key, <int64_t>(_now() if now is None else now), &said):
            return None
        return PageItem(key, Kind(kind), said.value, said.extra, said.until, said.more)

    @property
    def changes(self):
        """How often anything was written to the page."""
        return self.page.head.changes

    @property
    def overlay(self):
        """The serial of the overlay of numbers, 0 for none."""
        return page_overlay(&self.page)

    def counts(self):
        """Return the number of entries of each kind."""
        return {kind: page_count(&self.page, kind) for kind in Kind}


def identity_of(path):
    """Return (device, inode, size) of a file, as StatePage.identity has it."""
    return _identity_of(os.stat(path))


def _now():
    import time

    return int(time.time())
