# cython: language_level=3
from libc.stdint cimport int64_t, uint32_t, uint64_t

from vnroute.image.overlay_slots cimport OverlaySlot
from vnroute.image.records cimport (
    SPOKEN,
    AssignmentRecord,
    GatewayRecord,
    PolicyRecord,
    TargetRecord,
    Text,
)
from vnroute.image.state_page cimport Page, Said
from vnroute.matcher.buffer cimport Buffer
from vnroute.matcher.channel_data cimport Call, Reader
from vnroute.matcher.image cimport RouteImage, Spell
from vnroute.matcher.overlay cimport Overlay
from vnroute.portability.table cimport PortabilityTable

cdef enum Outcome:
    ROUTED = 0            # at least one leg is dialled
    ENDED_BY_PLAN = 1     # the plan hangs up at this moment, without ringing anyone
    UNKNOWN_NUMBER = 2
    SUSPENDED = 3
    NO_CARRIER = 4        # the plan rings, but no carrier takes any of its targets
    TOO_MANY_HOPS = 5
    FAILED = 6            # vnroute's own error: 503, so that the carrier reroutes
    RESERVED = 7          # from here on, the other reasons why a number is not in service
    QUARANTINED = 8
    PORTED_OUT = 9
    NOT_YET = 10
    EXPIRED = 11
    SCREENED = 12
    AT_CAPACITY = 13      # others take the call, since a number, an account or the system has too many
    BLOCKED = 14          # the account may not call any of the plan's targets
    OUTCOMES = 15


cdef enum Telling:
    AS_IF_KEPT = 0        # what a known phone says is answered, and told to nobody
    MAY_KEEP = 1          # the call waits until that is kept
    NOT_KEPT = 2          # it cannot be kept: the call goes on as a stranger's


cdef class Matcher:
    cdef readonly RouteImage image
    cdef readonly Overlay overlay
    cdef const OverlaySlot* _slots   # the overlay's, NULL where there is none
    cdef uint64_t _serial            # the overlay's
    cdef readonly PortabilityTable portability
    cdef dict _dipped         # what dips told: number to (routing number, until when); None: no dips
    cdef bint _asks           # the call at hand may wait for dips
    cdef readonly list wanted # numbers whose dips the last call should wait for
    cdef list _turned         # rotations that the call at hand has turned, while it may wait
    cdef readonly uint64_t dip_hits
    cdef readonly tuple told  # what the call at hand says of where somebody is, and waits to be kept
    cdef Telling _telling
    cdef Text _here           # the same, of a call that was answered
    cdef bint _verified       # the switch has not found that the caller may be another
    cdef readonly int max_hops
    cdef readonly object page
    cdef Page _page           # the state page as it is mapped; an empty one where there is none
    cdef uint64_t _counts[OUTCOMES]
    cdef Outcome last         # what the decision before was
    cdef uint64_t _noise
    cdef Buffer _opening      # what stands before the variables
    cdef Buffer _head
    cdef Buffer _body
    cdef Buffer _labels
    cdef int _legs
    cdef int _target          # targets begun
    cdef Text _go_on          # what is set besides where a hunt may go on after it stopped
    cdef uint64_t _called
    cdef uint64_t _caller_digits
    cdef int _caller_size
    cdef Call* _call          # the call at hand
    cdef const AssignmentRecord* _assignment    # what it is under, and where its texts are
    cdef const char* _texts
    cdef uint64_t[SPOKEN] _languages    # of the caller, the best first; read when they are asked for
    cdef int _language_count  # -1: not yet read
    cdef int64_t _now
    cdef uint32_t _order      # the row of ORDERS of the account that was called
    cdef uint32_t[32] _carriers     # those of the target at hand, in the order they are tried
    cdef uint32_t[32] _price_rows
    cdef uint32_t _carrier_count
    cdef unsigned char[21] _caller_text   # as the gate lets it pass, withheld or not
    cdef int _caller_text_size
    cdef bint _identity       # an Identity header may be passed on
    cdef int _diverted_before # how often before the call came here
    cdef bint _timed          # the step at hand is under a schedule
    cdef bint _first          # nothing was rung before the target at hand
    cdef uint64_t _account_key   # of the account that was called
    cdef bint _blocked        # a target was left out since its account may not call it
    cdef bint _counted        # FreeSWITCH counts the call at a time
    cdef bint _rings
    cdef bint _taken          # nothing can follow: voicemail has the call, or it was for saying where somebody is
    cdef bint _withheld
    cdef bint _anonymous      # withheld, or says so in place of a number
    cdef bint _many           # the bridge at hand rings several targets
    cdef int _forwards        # Max-Forwards left for the legs
    cdef uint32_t _ends_loops # whether failure_causes is as every call begins with it
    cdef uint32_t _together   # the policy of what was rung together, NO_VALUE for nothing
    cdef uint32_t* _turns
    cdef Spell* _spells       # of each schedule, the one that was asked for last
    cdef int _diversions      # how often the call at hand was diverted by the state page
    cdef uint32_t _least      # how bad the least bad gateway is that was passed over
    cdef bint _desperate      # a target had no gateway that is well
    cdef uint64_t _least_bad

    cdef uint32_t state_at(self, uint32_t schedule, int64_t now) noexcept nogil
    cdef uint32_t _fetch(self, uint64_t number, Reader* reader, Call* call) noexcept
    cdef uint32_t assignment_of(self, uint64_t number) noexcept
    cdef const AssignmentRecord* record_of(self, uint32_t row) noexcept
    cdef const char* _heads(self, uint32_t row) noexcept
    cdef bytes answer(
        self, const unsigned char* data, size_t size, double now, bint may_wait=*,
        Telling telling=*)
    cdef Outcome _write(self, const unsigned char* data, size_t size, int64_t now) except OUTCOMES
    cdef Outcome _refuse(self, uint32_t row, Outcome why) except OUTCOMES
    cdef uint32_t _screen(self, const AssignmentRecord* assignment) except? 0xFFFFFFFE
    cdef int _account_id(self, const AssignmentRecord* assignment) except -1
    cdef bint _is_blocked(self, uint64_t number) noexcept
    cdef int _resource(self, const AssignmentRecord* assignment, const uint32_t* rule) except -1
    cdef uint32_t _beyond(self, const AssignmentRecord* assignment, uint32_t level) except? 0xFFFFFFFE
    cdef int _apply(self, const uint32_t* step) except -1
    cdef int _begin(self, uint64_t number) except -1
    cdef int _caller(self, Call* call) except -1
    cdef int _read_caller(self, Call* call) except -1
    cdef int _read_languages(self) noexcept
    cdef bint _is_campaign(self, const uint32_t* step) noexcept
    cdef bint _speaks(self, const uint32_t* step) noexcept
    cdef bint _is_from(self, const uint32_t* step) noexcept
    cdef bint _is_known(self, const uint32_t* step) noexcept
    cdef int _hear(self, const uint32_t* step) except -1
    cdef int _strange_target(
        self, uint64_t number, uint32_t seconds, TargetRecord* target) noexcept
    cdef list _chosen(self, const TargetRecord* target, double now, str caller)
    cdef int _run(self, uint32_t plan, int64_t now, int depth) except -1
    cdef int _steps(
        self, const uint32_t* word, const uint32_t* stop, int64_t now, int depth) except -1
    cdef const uint32_t* _pick(self, const uint32_t* step, int64_t now, int depth) except NULL
    cdef bint _may_divert(self) noexcept
    cdef int _enter(
        self, uint64_t number, uint32_t plan, uint32_t account, int64_t now, int depth) except -1
    cdef bint _diverted(
        self, uint64_t number, uint32_t plan, uint32_t account, int64_t now, Said* said) noexcept
    cdef int _divert_to_number(self, uint64_t number, uint32_t seconds, int64_t now, int depth) except -1
    cdef int _ring(self, const uint32_t* rows, uint32_t count) except -1
    cdef uint32_t _choices(self, const TargetRecord* target) except? 0xFFFFFFFE
    cdef uint64_t _told(self, uint64_t number) except? 0xFFFFFFFFFFFFFFFE
    cdef int _choose(self, const TargetRecord* target, bint draws) except -1
    cdef int _by_class(self, uint32_t within, bint all_classes) noexcept
    cdef int _forward(self, uint32_t place, uint32_t to) noexcept
    cdef uint32_t _branch(
        self, const TargetRecord* target, uint32_t branches) except? 0xFFFFFFFF
    cdef bint _admits(self, uint64_t key) noexcept
    cdef bint _is_as_bad(self, uint64_t key, uint32_t badness) noexcept
    cdef uint32_t _hunt(
        self, const TargetRecord* target, const PolicyRecord* policy, uint32_t branches,
        uint32_t badness) except? 0xFFFFFFFF
    cdef int _open(
        self, const TargetRecord* target, const PolicyRecord* policy, uint32_t branches, bint apart
    ) except -1
    cdef int _leg(
        self, const TargetRecord* target, const PolicyRecord* policy, const GatewayRecord* gateway,
        bint apart) except -1
    cdef int _shows(self, uint32_t show, Text shown, const GatewayRecord* gateway) except -1
    cdef int _shown_number(
        self, const unsigned char* text, int size, uint64_t number, const GatewayRecord* gateway
    ) except -1
    cdef int _tells_diversion(self, uint64_t target, uint32_t flags) except -1
    cdef int _label(self, Text text) except -1
    cdef uint64_t _next_noise(self) noexcept
    cdef int _uuid(self, uint64_t place) except -1
    cdef int _relay(self, const uint32_t* step) except -1
    cdef int _place(self, int leg) except -1
    cdef int _loops(self, uint32_t ends) except -1
    cdef int _guards(self, const PolicyRecord* policy, int first) except -1
    cdef int _advance(self, const PolicyRecord* policy, int first) except -1
