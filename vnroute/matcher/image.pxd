# cython: language_level=3
from libc.stdint cimport int64_t, uint32_t, uint64_t

from vnroute.image.records cimport (
    AccountRecord,
    AssignmentRecord,
    BlockSpan,
    CarrierRecord,
    FormatRecord,
    GatewayRecord,
    NumberBucket,
    OrderRecord,
    PlanKey,
    PlanRecord,
    PolicyRecord,
    ScheduleRecord,
    TargetRecord,
    Text,
)


cdef struct Spell:
    int64_t since    # a transition: second << 8 | state
    int64_t until    # a second; `since` or before where it is known of one moment only


cdef class RouteImage:
    cdef readonly object path
    cdef readonly object header
    cdef readonly uint64_t generation
    cdef object _file
    cdef object _mapping
    cdef const unsigned char[::1] _bytes
    cdef const char* text
    cdef uint64_t text_size
    cdef const NumberBucket* buckets
    cdef uint64_t bucket_count
    cdef uint64_t seed
    cdef const BlockSpan* blocks
    cdef uint32_t block_count
    cdef const AssignmentRecord* assignments
    cdef uint32_t assignment_count
    cdef const AccountRecord* accounts
    cdef uint32_t account_count
    cdef const PlanRecord* plans
    cdef uint32_t plan_count
    cdef const uint32_t* programs
    cdef uint32_t program_words
    cdef uint32_t rotations
    cdef const uint64_t* languages
    cdef uint32_t language_count
    cdef const TargetRecord* targets
    cdef uint32_t target_count
    cdef const ScheduleRecord* schedules
    cdef uint32_t schedule_count
    cdef const uint32_t* hashes
    cdef uint32_t hash_count
    cdef const PlanKey* plan_keys
    cdef uint32_t plan_key_count
    cdef uint32_t ending      # first word of what ends a call that was diverted
    cdef const int64_t* transitions
    cdef uint32_t transition_count
    cdef const uint32_t* prefix_index
    cdef const uint64_t* prefixes
    cdef uint32_t prefix_spans
    cdef const uint32_t* choices
    cdef uint32_t choice_words
    cdef const uint32_t* destinations
    cdef uint32_t destination_count
    cdef uint32_t columns
    cdef const OrderRecord* orders
    cdef uint32_t order_count
    cdef const uint32_t* shares
    cdef uint32_t share_count
    cdef const unsigned char* allowed
    cdef const uint64_t* rates
    cdef uint32_t rate_count
    cdef const CarrierRecord* carriers
    cdef uint32_t carrier_count
    cdef const GatewayRecord* gateways
    cdef uint32_t gateway_count
    cdef const FormatRecord* formats
    cdef uint32_t format_count
    cdef const PolicyRecord* policies
    cdef uint32_t policy_count
    cdef const NumberBucket* callers
    cdef uint64_t caller_buckets
    cdef uint64_t caller_seed
    cdef uint32_t caller_lengths
    cdef const uint32_t* list_sets
    cdef uint32_t list_set_words
    cdef const Text* lists
    cdef uint32_t list_count
    cdef const uint32_t* screens
    cdef uint32_t screen_words
    cdef int64_t horizon_start
    cdef int64_t horizon_end

    cdef const unsigned char* _section(self, int number, size_t row_size, uint32_t* rows) except NULL
    cdef int _check_programs(self) except -1
    cdef int _check_program(self, uint32_t plan, uint32_t at, uint32_t stop) except -1
    cdef int _check_targets(self, const unsigned char* starts) except -1
    cdef int _check_text(self, uint32_t offset, uint32_t size, str what) except -1
    cdef uint32_t choices_of(self, uint64_t number, uint32_t order) noexcept nogil
    cdef uint32_t assignment_of(self, uint64_t number) noexcept nogil
    cdef void fetch_number(self, uint64_t number) noexcept nogil
    cdef uint32_t lists_of(self, uint64_t digits, int size) noexcept nogil
    cdef uint32_t _caller_set(self, uint64_t key) noexcept nogil
    cdef bint is_on(self, uint32_t at, uint32_t wanted) noexcept nogil
    cdef int _check_screens(self) except -1
    cdef uint32_t block_of(self, uint64_t number) noexcept nogil
    cdef int out_of_service(self, const AssignmentRecord* record, int64_t now) noexcept nogil
    cdef tuple about(self, const AssignmentRecord* record, const char* text)
    cdef list rules_of(self, uint32_t at)
    cdef readonly object screen_starts
    cdef uint32_t state_of(self, uint32_t schedule, int64_t now) noexcept nogil
    cdef uint32_t spell_of(self, uint32_t schedule, int64_t now, Spell* spell) noexcept nogil
    cdef uint32_t state_by_hash(self, uint32_t schedule, uint32_t wanted) noexcept nogil
    cdef uint32_t plan_by_key(self, uint64_t key) noexcept nogil
    cdef bint _sound_formats(self, uint32_t first, uint32_t count) noexcept nogil
    cdef bint _sound_transitions(self, uint32_t schedule) noexcept nogil
    cdef bint _sound_choice(self, uint32_t at, const unsigned char* starts) noexcept nogil
    cdef bint _sound_node(self, uint32_t at, const unsigned char* starts, uint32_t* words) noexcept nogil
    cdef int _check_choices(self) except -1
    cdef str _text(self, uint32_t offset, uint32_t size)
