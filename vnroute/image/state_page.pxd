# cython: language_level=3
"""The state page as it lies in its file, and how it is read without a lock (docs/state-page.md).

An entry is one cache line. It holds what is said twice: the low bit of `turn` tells which of the
two is in force. A writer (one at a time, under a lock of the file's) fills the other one and then
moves `turn` on, so there is always one whole answer, also where the writer dies halfway: nobody
waits for it. A reader takes what is in force and looks again whether `turn` and `key` are as they
were; if not, it reads anew.

Ordering, in terms of C11: the writer's fence (release) before it fills, its stores of `turn` and
`key` (release); the reader's loads of `key` and `turn` (acquire), its fence (acquire) before it
looks again. What lies between are relaxed loads and stores, so no access races. (The latch of
Linux' seqlock.h; H. Boehm, Can seqlocks get along with programming language memory models?, MSPC
2012.)
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>

    #define VN_PAGE_KINDS 16
    #define VN_PAGE_FREE 0
    #define VN_PAGE_GONE 1

    typedef struct {
        uint32_t value;
        uint32_t extra;
        int64_t until;      /* Unix seconds; 0: for good */
        uint64_t more;
    } vn_page_said;

    typedef struct {
        uint64_t key;       /* VN_PAGE_FREE: never used, VN_PAGE_GONE: removed */
        uint32_t turn;
        uint32_t kind;
        vn_page_said said[2];
    } vn_page_entry;

    typedef struct {
        char magic[8];
        uint32_t version;
        uint32_t capacity;
        uint32_t entry_bytes;
        uint32_t kinds;
        uint64_t identity;
        uint32_t crc;
        uint32_t spare;
        uint32_t used;
        uint32_t entries;
        uint64_t changes;
        uint64_t overlay;
        uint32_t counts[VN_PAGE_KINDS];
    } vn_page_head;

    _Static_assert(sizeof(vn_page_said) == 24, "a page's answer is 24 bytes");
    _Static_assert(sizeof(vn_page_entry) == 64, "a page's entry is 64 bytes");
    _Static_assert(sizeof(vn_page_head) == 128, "a page's head is 128 bytes");

    typedef struct {
        const vn_page_head *head;
        const vn_page_entry *entries;
        uint32_t mask;
    } vn_page;

    static const vn_page_head vn_no_page_head = {"", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}};

    static inline uint32_t vn_page_count(const vn_page *page, unsigned kind) {
        return __atomic_load_n(&page->head->counts[kind], __ATOMIC_RELAXED);
    }

    static inline uint64_t vn_page_overlay(const vn_page *page) {
        return __atomic_load_n(&page->head->overlay, __ATOMIC_ACQUIRE);
    }

    static inline int vn_page_entry_said(const vn_page_entry *entry, uint64_t key,
                                         vn_page_said *out) {
        for (;;) {
            uint64_t there = __atomic_load_n(&entry->key, __ATOMIC_ACQUIRE);
            uint32_t turn;
            const vn_page_said *said;
            if (there != key)
                return 0;
            turn = __atomic_load_n(&entry->turn, __ATOMIC_ACQUIRE);
            said = &entry->said[turn & 1];
            out->value = __atomic_load_n(&said->value, __ATOMIC_RELAXED);
            out->extra = __atomic_load_n(&said->extra, __ATOMIC_RELAXED);
            out->until = __atomic_load_n(&said->until, __ATOMIC_RELAXED);
            out->more = __atomic_load_n(&said->more, __ATOMIC_RELAXED);
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (__atomic_load_n(&entry->turn, __ATOMIC_RELAXED) == turn
                && __atomic_load_n(&entry->key, __ATOMIC_RELAXED) == key)
                return 1;
        }
    }

    static inline int vn_page_find(const vn_page *page, uint64_t key, vn_page_said *out) {
        uint32_t at = (uint32_t)key & page->mask, left = page->mask;
        do {
            const vn_page_entry *entry = &page->entries[at];
            uint64_t there = __atomic_load_n(&entry->key, __ATOMIC_ACQUIRE);
            if (there == VN_PAGE_FREE)
                return 0;
            if (there == key && vn_page_entry_said(entry, key, out))
                return 1;
            at = (at + 1) & page->mask;
        } while (left--);
        return 0;
    }

    static inline void vn_page_say(vn_page_entry *entry, uint64_t key, uint32_t kind,
                                   const vn_page_said *in) {
        uint32_t turn = entry->turn + 1;    /* the one writer reads what it alone writes */
        vn_page_said *said = &entry->said[turn & 1];
        __atomic_thread_fence(__ATOMIC_RELEASE);
        __atomic_store_n(&said->value, in->value, __ATOMIC_RELAXED);
        __atomic_store_n(&said->extra, in->extra, __ATOMIC_RELAXED);
        __atomic_store_n(&said->until, in->until, __ATOMIC_RELAXED);
        __atomic_store_n(&said->more, in->more, __ATOMIC_RELAXED);
        __atomic_store_n(&entry->turn, turn, __ATOMIC_RELEASE);
        __atomic_store_n(&entry->kind, kind, __ATOMIC_RELAXED);
        __atomic_store_n(&entry->key, key, __ATOMIC_RELEASE);
    }

    static inline void vn_page_set_key(vn_page_entry *entry, uint64_t key) {
        __atomic_store_n(&entry->key, key, __ATOMIC_RELEASE);
    }

    static inline void vn_page_add(vn_page_head *head, unsigned kind, int by) {
        __atomic_store_n(&head->counts[kind], head->counts[kind] + (uint32_t)by,
                         __ATOMIC_RELEASE);
    }

    static inline void vn_page_changed(vn_page_head *head) {
        __atomic_store_n(&head->changes, head->changes + 1, __ATOMIC_RELEASE);
    }

    static inline void vn_page_set_overlay(vn_page_head *head, uint64_t serial) {
        __atomic_store_n(&head->overlay, serial, __ATOMIC_RELEASE);
    }
    """
    ctypedef struct Said "vn_page_said":
        uint32_t value
        uint32_t extra
        int64_t until
        uint64_t more

    ctypedef struct PageEntry "vn_page_entry":
        uint64_t key
        uint32_t turn
        uint32_t kind

    ctypedef struct PageHead "vn_page_head":
        uint32_t capacity
        uint64_t identity
        uint32_t used
        uint32_t entries
        uint64_t changes
        uint64_t overlay
        uint32_t counts[16]

    # Where a page is mapped. What is no page is an empty one.
    ctypedef struct Page "vn_page":
        const PageHead* head
        const PageEntry* entries
        uint32_t mask

    const PageHead NO_PAGE_HEAD "vn_no_page_head"
    const uint64_t PAGE_FREE "VN_PAGE_FREE"
    const uint64_t PAGE_GONE "VN_PAGE_GONE"
    uint32_t page_count "vn_page_count"(const Page* page, unsigned kind) noexcept nogil
    uint64_t page_overlay "vn_page_overlay"(const Page* page) noexcept nogil
    bint page_find "vn_page_find"(const Page* page, uint64_t key, Said* out) noexcept nogil
    bint entry_said "vn_page_entry_said"(
        const PageEntry* entry, uint64_t key, Said* out) noexcept nogil
    void page_say "vn_page_say"(
        PageEntry* entry, uint64_t key, uint32_t kind, const Said* said) noexcept nogil
    void set_key "vn_page_set_key"(PageEntry* entry, uint64_t key) noexcept nogil
    void add_to_count "vn_page_add"(PageHead* head, unsigned kind, int by) noexcept nogil
    void note_change "vn_page_changed"(PageHead* head) noexcept nogil
    void set_overlay "vn_page_set_overlay"(PageHead* head, uint64_t serial) noexcept nogil

# In the order of vnroute.image.keys.Kind.
cdef enum:
    KIND_GATEWAY = 0
    KIND_CARRIER = 1
    KIND_SCHEDULE = 2
    KIND_ACCOUNT = 3
    KIND_PERSON = 4
    KIND_DIVERT_NUMBER = 5
    KIND_DIVERT_PLAN = 6
    KIND_DIVERT_ACCOUNT = 7
    KIND_QUALITY = 9
    KIND_BLOCK = 10

cdef inline bint page_said(const Page* page, uint64_t key, int64_t now, Said* said) noexcept nogil:
    """Whether the page says something of a key at a moment in Unix seconds, and what."""
    return page_find(page, key, said) and (said.until == 0 or now < said.until)

cdef inline bint page_value(
    const Page* page, uint64_t key, int64_t now, uint32_t* value
) noexcept nogil:
    """Whether the page has a value for a key at a moment in Unix seconds, and which.

    Ask `page_count(page, KIND_…)` first: where the page has nothing of a kind, that is one load.
    """
    cdef Said said
    if not page_said(page, key, now, &said):
        return False
    value[0] = said.value
    return True


cdef class StatePage:
    cdef readonly str path
    cdef readonly bint writes
    cdef object _mapping
    cdef const unsigned char[::1] _bytes
    cdef Page page
    cdef PageHead* _head
    cdef PageEntry* _entries
    cdef object _identity
    cdef object _lock
    cdef object _thread_lock

    cdef int _map(self, int handle) except -1
    cdef PageEntry* _place(self, uint64_t key, bint to_write) noexcept
