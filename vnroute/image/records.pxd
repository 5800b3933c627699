# cython: language_level=3
"""The records of a route image, as they lie in the file (docs/route-image.md).

Little-endian, naturally aligned; every section starts on a 64-byte boundary. The compiler writes
these, the matcher maps them, and both take the one hash below: nothing else is shared.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <endian.h>
    #if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "route images are little-endian; this machine is not"
    #endif
    /* High half of a 64 x 64 bit product: maps a hash evenly onto [0, n) without a division
       (D. Lemire, Fast random integer generation in an interval, ACM TOMACS 29, 2019). */
    static inline uint64_t vn_mulhi(uint64_t a, uint64_t b) {
        return (uint64_t)(((unsigned __int128)a * b) >> 64);
    }
    static inline void vn_prefetch(const void* place) { __builtin_prefetch(place); }
    #define VN_NO_VALUE UINT32_C(0xFFFFFFFF)
    """
    const uint32_t NO_VALUE "VN_NO_VALUE"
    uint64_t vn_mulhi(uint64_t a, uint64_t b) noexcept nogil
    void vn_prefetch(const void* place) noexcept nogil    # asks memory for a cache line

# Exact numbers: a bucketed cuckoo table. Five keys and five values fill one cache line, and a key
# lies in one of two lines, so a lookup touches two lines at most, however many numbers there are.
cdef enum:
    BUCKET_SLOTS = 5

ctypedef struct NumberBucket:
    uint64_t key[BUCKET_SLOTS]
    uint32_t assignment[BUCKET_SLOTS]
    uint32_t spare

# Blocks and prefixes, settled into disjoint spans: each row holds from `first` to the next row's.
ctypedef struct BlockSpan:
    uint64_t first
    uint32_t assignment
    uint32_t spare

ctypedef struct Text:
    uint32_t offset
    uint32_t size

# One cache line, with all that the way of a call begins with: its plan's program and texts stand
# here as well. `state` is not active where the account is suspended, too. In service are the
# seconds from `since` to before `until`. `head` is what tells the number's calls from others' and
# `channel` what a call under this plan always sets, both ready for `multiset`.
ctypedef struct AssignmentRecord:
    uint32_t account
    uint32_t plan
    Text campaign
    uint32_t state
    uint32_t screen     # the first word of its rules among SCREENS, NO_VALUE for none
    int64_t since
    int64_t until
    uint32_t program
    uint32_t words
    Text head
    Text channel

cdef enum:
    REASONS = 6    # why a number is not in service: states 1 to 4, not yet, expired

# `treatments` are rows of PLANS, for each reason. `order` is how carriers are chosen for calls that
# are diverted to a number of nobody's plan. `key`, here and below, is what the state page
# knows it by (vnroute.image.keys).
ctypedef struct AccountRecord:
    Text id
    uint32_t state
    uint32_t treatments[REASONS]
    uint32_t order
    uint64_t key

# A treatment that is no plan has a row without an id.
ctypedef struct PlanRecord:
    Text id
    Text head
    Text channel
    uint32_t program
    uint32_t words
    uint64_t key

# In one time zone. `states` are the names of its states in the order of their numbers, with commas;
# `hashes` is the first row of what stands for each name on the state page.
ctypedef struct ScheduleRecord:
    Text id
    Text zone
    Text states
    uint32_t first
    uint32_t count
    uint32_t state_count
    uint32_t hashes
    uint64_t key

ctypedef struct CarrierRecord:
    Text id
    uint32_t first_gateway
    uint32_t gateways
    uint64_t key

# A number is written as before + its digits without the first `strip` + after. A gateway's rows
# hold for numbers that begin with `prefix`, of `digits` digits; the last one for all.
ctypedef struct FormatRecord:
    uint64_t prefix
    uint32_t digits
    uint32_t strip
    Text before
    Text after

# A cache line. `dials` rows of FORMATS from `first_dial` on say how it is dialled, `callers` from
# `first_caller` on how the number shown is written (0: as it came). `variables` stand in a leg's
# brackets, each behind a comma; `asserted`, too, but not where no number is shown. `progress` is its
# leg_progress_timeout; `show` what it is shown, whatever the target says, `shown` the number then.
ctypedef struct GatewayRecord:
    Text id
    Text variables
    Text asserted
    Text shown
    uint32_t carrier
    uint16_t progress
    uint8_t show
    uint8_t flags
    uint32_t first_dial
    uint32_t first_caller
    uint16_t dials
    uint16_t callers
    uint32_t spare
    uint64_t key

cdef enum:
    GATEWAY_CALLER = 1       # has to be told of the caller by itself: show, callers or trusted
    GATEWAY_TRUSTED = 2      # may have a number that is withheld
    GATEWAY_DIVERSION = 4    # is told of diversions by Diversion (RFC 5806)
    GATEWAY_HISTORY = 8      # or by History-Info (RFC 7044)

# A plan by its key; rows ascend by key.
ctypedef struct PlanKey:
    uint64_t key
    uint32_t plan
    uint32_t spare

# Who a step rings. A number has its row of choices and is dialled through the carriers; other
# targets are dialled as `dial` says. `shown` is the number it sees where `show` is SHOW_FIXED,
# `variables` what else stands in its braces. `order` is how its carriers are chosen; only those whose
# price is below `limit` are (NO_LIMIT: all, also those without a price).
ctypedef struct TargetRecord:
    uint64_t number
    uint32_t choices
    uint32_t policy
    uint32_t seconds
    uint32_t delay
    uint32_t show
    uint32_t order
    Text dial
    Text shown
    Text variables
    uint64_t limit

cdef enum:
    # What stands at a row of choices, by the upper byte of its head.
    NODE_LIST = 0
    NODE_BY_MOMENT = 1
    NODE_BY_STATE = 2
    NODE_BY_ORIGIN = 3

# How a choice orders carriers: its column of DESTINATIONS, the carriers tried at most (0: any), the
# worst class of quality that comes before all others (NO_VALUE: no matter), its first row of SHARES.
ctypedef struct OrderRecord:
    uint32_t column
    uint32_t how
    uint32_t most
    uint32_t within
    uint32_t first_share
    uint32_t spare

cdef enum:
    ORDER_COST = 0
    ORDER_QUALITY = 1
    ORDER_SHARE = 2
    ORDER_FIXED = 3

cdef enum:
    CANDIDATES = 32

cdef enum:
    SHOW_CALLER = 0
    SHOW_DID = 1
    SHOW_ANONYMOUS = 2
    SHOW_FIXED = 3
    SHOW_TARGET = 4     # of a gateway: what the target says

# How a target is hunted: what stands in the braces of its bridge, in those of a branch where it
# rings together; what a call sets besides where it rings together, and where a target has several
# legs; the argument of the bridges that go on after a failure; causes that end the plan. `progress`
# stands in for the gateways' own where it is not 0.
ctypedef struct PolicyRecord:
    Text variables
    Text branch
    Text together
    Text go_on
    Text guard
    Text advance
    uint32_t max_legs
    uint32_t progress
    uint32_t ends_loops
    uint32_t spare

cdef enum:
    # Words of a plan's program; docs/route-image.md lists their operands.
    OP_END = 0
    OP_WHEN = 1
    OP_RING = 2
    OP_FORWARD = 3
    OP_HANGUP = 4
    OP_TOGETHER = 5
    OP_PICK = 6
    OP_FROM = 7
    OP_RELAY = 8
    OP_APPLY = 9
    OP_TAKE = 10
    OP_CAMPAIGN = 11
    OP_LANGUAGE = 12
    OP_HERE = 13

cdef enum:
    SCREEN_ALLOW = 0
    SCREEN_BLOCK = 1
    SCREEN_RATE = 2
    SCREEN_CALLS = 3    # limits, of calls at a time; the second word is 1 where others take those beyond
    SCREEN_CPS = 4      # and of calls a second
    SCREEN_WORDS = 7    # of a rule
    CALLER_ANONYMOUS = 1
    CALLER_INVALID = 2

cdef enum:
    PICK_SHARE = 0
    PICK_ROTATE = 1

cdef enum:
    STATE_ACTIVE = 0
    STATE_SUSPENDED = 1
    STATE_PORTED_OUT = 4

cdef enum:
    LANGUAGE_HEADS = 10000    # rows of LANGUAGES, by the first four digits of a number
    SPOKEN = 8                # languages of a caller that are looked at

# A language: 15 bits, script: 20 bits, region: 18 bits (vnroute.model.language).
cdef extern from *:
    """
    #define VN_NO_REGION (~UINT64_C(0x3FFFF))
    #define VN_NO_SCRIPT (~UINT64_C(0x3FFFFFFFFF))
    """
    const uint64_t NO_REGION "VN_NO_REGION"
    const uint64_t NO_SCRIPT "VN_NO_SCRIPT"

cdef inline uint64_t mix(uint64_t value) noexcept nogil:
    """splitmix64's finalizer (S. Vigna, prng.di.unimi.it/splitmix64.c): spreads every bit."""
    value = (value ^ (value >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    value = (value ^ (value >> 27)) * <uint64_t>0x94D049BB133111EB
    return value ^ (value >> 31)

cdef inline uint64_t first_bucket(uint64_t key, uint64_t seed, uint64_t buckets) noexcept nogil:
    return vn_mulhi(mix(key + seed), buckets)

cdef inline uint64_t second_bucket(uint64_t key, uint64_t seed, uint64_t buckets) noexcept nogil:
    return vn_mulhi(mix((key ^ <uint64_t>0x9E3779B97F4A7C15) + 3 * seed), buckets)

cdef inline uint64_t quality_key(uint64_t key) noexcept nogil:
    """Key of a carrier's class of quality (vnroute.image.keys)."""
    key = mix(key ^ <uint64_t>0x7175616C697479)
    return key if key > 1 else key + 2

cdef inline uint64_t block_key(uint64_t key, uint64_t word) noexcept nogil:
    """Key of where an account's calls may not go (vnroute.image.keys): `word` is the digits of a
    prefix times 16, and how many there are; all ones for which lengths there are."""
    key = mix(key ^ mix(word ^ <uint64_t>0x626C6F636B))
    return key if key > 1 else key + 2

cdef inline uint64_t divert_key(uint64_t key) noexcept nogil:
    """Key of what is said of where the calls of a plan or account go; of a number, its own digits
    stand for its key (vnroute.image.keys)."""
    key = mix(key ^ <uint64_t>0x64697665727421)
    return key if key > 1 else key + 2
