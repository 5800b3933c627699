# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The decision: CHANNEL_DATA in, one reply out, which holds the whole plan of the call.

The reply is a `sendmsg` with `call-command: execute`, which sets all variables by one `multiset`, a
`sendmsg` with `call-command: xferext` (switch_ivr_parse_event in switch_ivr.c), and `exit`, to be
written to FreeSWITCH in one piece. The plan's applications: a `bridge` for each target (carriers in
order, serial), and the `hangup` that it ends with. The variables are the body of their message,
since FreeSWITCH reads bodies whole, and headers by one byte a system call (read_packet in
mod_event_socket.c).
"""

import os

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from vnroute.image.overlay_slots cimport OverlaySlot, slot_of
from vnroute.image.number_line cimport NO_PREFIX, POWERS
from vnroute.image.program_words cimport words_as, words_of
from vnroute.image.records cimport (
    CALLER_ANONYMOUS,
    CALLER_INVALID,
    NO_VALUE,
    CANDIDATES,
    NODE_BY_ORIGIN,
    NODE_BY_STATE,
    NODE_LIST,
    LANGUAGE_HEADS,
    NO_REGION,
    NO_SCRIPT,
    OP_CAMPAIGN,
    OP_END,
    OP_FORWARD,
    OP_FROM,
    OP_HANGUP,
    OP_HERE,
    OP_LANGUAGE,
    SPOKEN,
    OP_PICK,
    OP_APPLY,
    OP_RELAY,
    OP_RING,
    OP_TAKE,
    OP_TOGETHER,
    OP_WHEN,
    PICK_ROTATE,
    REASONS,
    GATEWAY_CALLER,
    GATEWAY_DIVERSION,
    GATEWAY_HISTORY,
    GATEWAY_TRUSTED,
    SCREEN_ALLOW,
    SCREEN_CALLS,
    SCREEN_CPS,
    SCREEN_RATE,
    SCREEN_WORDS,
    SHOW_ANONYMOUS,
    SHOW_CALLER,
    SHOW_DID,
    ORDER_QUALITY,
    ORDER_SHARE,
    SHOW_TARGET,
    AssignmentRecord,
    GatewayRecord,
    OrderRecord,
    PlanRecord,
    PolicyRecord,
    TargetRecord,
    Text,
    block_key,
    divert_key,
    mix,
    quality_key,
    vn_mulhi,
    vn_prefetch,
)
from vnroute.image.state_page cimport (
    KIND_BLOCK,
    KIND_DIVERT_ACCOUNT,
    KIND_DIVERT_NUMBER,
    KIND_DIVERT_PLAN,
    KIND_PERSON,
    KIND_QUALITY,
    KIND_GATEWAY,
    KIND_SCHEDULE,
    NO_PAGE_HEAD,
    Page,
    Said,
    StatePage,
    page_count,
    page_said,
    page_value,
)
from vnroute.matcher.buffer cimport Buffer, drop, put, put_number, put_text, reserve
from vnroute.matcher.channel_data cimport Call, Reader, begin_call, read_lines
from vnroute.matcher.dialling cimport (
    number_shown,
    put_diversion,
    put_formatted,
    put_history,
)
from vnroute.matcher.gate cimport (
    NAME_BYTES,
    gate_called,
    gate_diversions,
    gate_identity,
    gate_language,
    gate_level,
    gate_name,
    gate_number,
    gate_routing,
    gate_small,
    gate_true,
    gate_verified,
    gate_weight,
    is_anonymous,
)
from vnroute.matcher.image cimport RouteImage, Spell
from vnroute.matcher.overlay cimport Overlay
from vnroute.portability.table cimport PortabilityTable

OUTCOME_NAMES = (
    "routed", "ended_by_plan", "unknown_number", "suspended", "no_carrier", "too_many_hops",
    "failed", "reserved", "quarantined", "ported_out", "not_yet", "expired",
    "screened", "at_capacity", "blocked",
)
"""What a decision can be, in the order of Matcher.counts()."""

REFUSALS = {
    "unknown_number": "UNALLOCATED_NUMBER",
    "no_carrier": "NO_ROUTE_DESTINATION",
    "too_many_hops": "EXCHANGE_ROUTING_ERROR",
    "failed": "NORMAL_TEMPORARY_FAILURE",
    "blocked": "OUTGOING_CALL_BARRED",
}
"""The hangup cause of each refusal: 404, 404, 483, 503 and 403 (hangup_cause_to_sip). A number that is
not in service has a treatment in the image."""

cdef tuple _CAUSES = tuple(
    REFUSALS.get(name, "").encode("ascii") for name in OUTCOME_NAMES
)
# By the reason, counted from 1, that RouteImage.out_of_service() gives.
cdef Outcome[7] _REASONS
_REASONS[:] = [ROUTED, SUSPENDED, RESERVED, QUARANTINED, PORTED_OUT, NOT_YET, EXPIRED]

cdef enum:
    MAX_DEPTH = 6     # forwards to our own numbers within one plan; the compiler allows five
    MAX_DIVERSIONS = 6
    TO_PLAN = 1       # what an entry of the state page that diverts calls says in its value
    ALL_CALLS = 1000  # the share of calls that a gateway's entry on the state page admits, if all
    DRAINED = 4       # how bad a gateway is that somebody took out: never tried (carriers/health)
    FETCH_LINES = 16  # headers read, a hundred nanoseconds, while memory is asked for something
    FETCH_WORDS = 24  # of a program: as far as it is looked at for what else a call will need
    MAX_LEGS = 128    # FreeSWITCH reads no more alternatives (MAX_PEERS in switch_ivr_originate.c)

cdef const char* EXECUTE = (
    b"sendmsg\ncall-command: execute\nexecute-app-name: multiset\n"
    b"content-type: text/plain\ncontent-length: ")
cdef const char* XFEREXT = b"sendmsg\ncall-command: xferext\n"

FAILED_REPLY = (
    EXECUTE + b"20\n\n^^;vn_refused=failed" + XFEREXT
    + b"application: hangup NORMAL_TEMPORARY_FAILURE\n\nexit\n\n"
)
"""What a call gets where vnroute itself fails: 503, so that the carrier goes elsewhere."""

cdef uint64_t NO_LIMIT = <uint64_t>-1
cdef const char* HEX = b"0123456789abcdef"


cdef inline const char* level_name(uint32_t level) noexcept:
    """Return what image.program.LEVELS has."""
    return b"number" if level == 0 else b"account" if level == 1 else b"system"


@cython.final
cdef class Matcher:
    """Decides calls by one route image, which can be swapped between two calls.

    `max_hops` is how often a call may have been forwarded (vn_hops) before it is refused; `seed`
    makes leg uuids repeatable, for tests.
    """

    def __cinit__(self, RouteImage image not None, int max_hops=5, seed=None):
        self.max_hops = max_hops
        self._noise = int.from_bytes(os.urandom(8), "little") if seed is None else seed
        self.use_page(None)
        self._slots = NULL
        self.wanted = []
        self._turned = []
        self.swap(image)

    def __dealloc__(self):
        drop(&self._opening)
        drop(&self._head)
        drop(&self._body)
        drop(&self._labels)
        free(self._turns)
        free(self._spells)

    def swap(self, RouteImage image not None, Overlay overlay=None):
        """Decide by another image from now on, and by the overlay over it; return the image before.

        Raises ValueError for an overlay over another image.
        """
        if overlay is not None and overlay.image is not image:
            raise ValueError("an overlay over another image")
        cdef uint32_t* turns = <uint32_t*>calloc(max(1, image.rotations), sizeof(uint32_t))
        cdef Spell* spells = <Spell*>calloc(max(1, image.schedule_count), sizeof(Spell))
        cdef uint32_t i
        if turns is NULL or spells is NULL:
            free(turns)
            free(spells)
            raise MemoryError
        # Each worker begins anywhere in each rotation, so that together they are even from the
        # first call on.
        for i in range(image.rotations):
            turns[i] = <uint32_t>self._next_noise()
        free(self._turns)
        self._turns = turns
        free(self._spells)
        self._spells = spells
        before = self.image
        self.image = image
        self.lay(overlay)
        return before

    def lay(self, Overlay overlay):
        """Look numbers up in an overlay over the image from now on, before they are looked up
        there (None: in none). Raises ValueError for one over another image."""
        if overlay is not None and overlay.image is not self.image:
            raise ValueError("an overlay over another image")
        self.overlay = overlay
        self._slots = NULL
        self._serial = 0
        if overlay is not None and len(overlay):
            self._slots = overlay.slots
            self._serial = overlay.serial

    def use_page(self, StatePage page):
        """Read what is true right now from another state page; None: nothing is known."""
        self.page = page
        if page is None:
            self._page.head = &NO_PAGE_HEAD
            self._page.entries = NULL
            self._page.mask = 0
        else:
            self._page = page.page

    def port(self, PortabilityTable table):
        """Choose carriers by another table of ported numbers from now on (None: by none)."""
        self.portability = table

    def dip(self, dict found):
        """Choose carriers of numbers that the table does not have by what was asked for elsewhere
        from now on: number to (routing number or 0, until when, Unix seconds); None: by nothing."""
        self._dipped = found

    cdef uint32_t assignment_of(self, uint64_t number) noexcept:
        """Return the row of the assignment that a number is under, or NO_VALUE; rows from the
        image's number of assignments on are the overlay's."""
        cdef const OverlaySlot* slot
        if self._slots is not NULL:
            slot = slot_of(self._slots, self.overlay.mask, number)
            if slot.number == number:
                if slot.assignment == NO_VALUE:
                    return self.image.block_of(number)
                return self.image.assignment_count + slot.assignment
        return self.image.assignment_of(number)

    cdef const AssignmentRecord* record_of(self, uint32_t row) noexcept:
        """Return an assignment by its row."""
        if row < self.image.assignment_count:
            return &self.image.assignments[row]
        return &self.overlay.records[row - self.image.assignment_count]

    cdef const char* _heads(self, uint32_t row) noexcept:
        """Return the text that the head and campaign of an assignment point into."""
        return self.image.text if row < self.image.assignment_count else self.overlay.text

    def find_number(self, uint64_t number):
        """Return the row of the assignment of a number, or None."""
        cdef uint32_t row = self.assignment_of(number) if number else NO_VALUE
        return None if row == NO_VALUE else row

    def _checked(self, uint32_t row):
        if row >= self.image.assignment_count + (
            0 if self.overlay is None else self.overlay.record_count
        ):
            raise IndexError(row)

    def assignment(self, uint32_t row):
        """Return what RouteImage.assignment does, of those in the overlay as well."""
        self._checked(row)
        return self.image.about(self.record_of(row), self._heads(row))

    def screen(self, uint32_t row):
        """Return the rules for calls to an assignment's numbers, in their order: [(op, level, list
        id, row of the plan that treats, screen id, rate and cause), …]."""
        self._checked(row)
        return self.image.rules_of(self.record_of(row).screen)

    def treatment(self, uint32_t row, int reason):
        """Return the row of the plan that treats calls to numbers out of service for a reason."""
        self._checked(row)
        if not 0 <= reason < REASONS:
            raise IndexError(reason)
        return self.image.accounts[self.record_of(row).account].treatments[reason]

    def counts(self):
        """Return how many decisions there were of each outcome."""
        return {name: self._counts[i] for i, name in enumerate(OUTCOME_NAMES)}

    @property
    def least_bad(self):
        """How many calls were sent to a gateway that is not well, since no other was there."""
        return self._least_bad

    def decide(self, bytes channel_data not None, double now):
        """Return the reply to a CHANNEL_DATA block at a moment in Unix seconds.

        Never raises for what is in the block: a call that cannot be read is refused.
        """
        return self.answer(channel_data, len(channel_data), now)

    cdef bytes answer(
        self, const unsigned char* data, size_t size, double now, bint may_wait=False,
        Telling telling=AS_IF_KEPT
    ):
        """Return the reply; None for a call that `may_wait`, and should: `wanted` has the numbers;
        and for one that says where somebody is, where that may be kept: it is `told`."""
        cdef Outcome outcome
        cdef bytes reply
        cdef char* at
        cdef uint64_t noise = self._noise, least_bad = self._least_bad
        cdef uint32_t rotation
        self._telling = telling
        self.told = None
        if may_wait:
            self._asks = self._dipped is not None
            self.wanted = []
            self._turned = []
        try:
            try:
                outcome = self._write(data, size, <int64_t>now)
            finally:
                self._asks = False
            if self.told is not None:
                # Nobody was rung before, so nothing was drawn for.
                return None
            if may_wait and self.wanted:
                # It is decided again, and drawn for again, when what it waits for is known.
                self._noise = noise
                self._least_bad = least_bad
                for rotation in self._turned:
                    self._turns[rotation] -= 1
                return None
            self._opening.size = 0
            put_text(&self._opening, EXECUTE)
            put_number(&self._opening, self._head.size)
            put_text(&self._opening, b"\n\n")
            # FreeSWITCH takes the next message up right behind the body.
            put_text(&self._head, XFEREXT)
            reply = PyBytes_FromStringAndSize(
                NULL, self._opening.size + self._head.size + self._body.size)
            at = <char*>reply
            memcpy(at, self._opening.data, self._opening.size)
            memcpy(at + self._opening.size, self._head.data, self._head.size)
            memcpy(at + self._opening.size + self._head.size, self._body.data, self._body.size)
        except MemoryError:
            outcome = FAILED
            reply = FAILED_REPLY
        self._counts[<int>outcome] += 1
        self.last = outcome
        return reply

    cdef uint32_t state_at(self, uint32_t schedule, int64_t now) noexcept nogil:
        """Return the state of a schedule at a moment: what somebody has set, else by its rules."""
        cdef uint32_t value, state
        cdef Spell* spell = &self._spells[schedule]
        if (page_count(&self._page, KIND_SCHEDULE) | page_count(&self._page, KIND_PERSON)
                and page_value(&self._page, self.image.schedules[schedule].key, now, &value)):
            state = self.image.state_by_hash(schedule, value)
            # A state that this generation does not have says nothing.
            if state != NO_VALUE:
                return state
        # What holds now holds for hours: it is kept, so that most calls touch no transition.
        if spell.since <= (now << 8 | 0xFF) and now < spell.until:
            return <uint32_t>(spell.since & 0xFF)
        return self.image.spell_of(schedule, now, spell)

    cdef uint32_t _fetch(self, uint64_t number, Reader* reader, Call* call) noexcept:
        """Return the row of the assignment of a number, or NO_VALUE.

        Where there are many plans, each thing that a call needs of the image lies in a place that
        no cache holds, and the one before says where the next is. Memory is asked for each while
        some more of the headers are read, so that nothing waits for it.
        """
        cdef RouteImage image = self.image
        cdef const AssignmentRecord* assignment
        cdef const uint32_t* word
        cdef const uint32_t* stop
        cdef const char* head
        cdef uint32_t row
        # 0 stands for a free place in the table of numbers.
        if number == 0:
            return NO_VALUE
        image.fetch_number(number)
        read_lines(reader, call, FETCH_LINES)
        row = self.assignment_of(number)
        if row == NO_VALUE:
            return row
        assignment = self.record_of(row)
        vn_prefetch(assignment)
        read_lines(reader, call, FETCH_LINES)
        word = image.programs + assignment.program
        stop = word + min(assignment.words, <uint32_t>FETCH_WORDS)
        head = self._heads(row) + assignment.head.offset
        vn_prefetch(word)
        vn_prefetch(stop - 1)
        vn_prefetch(head)
        vn_prefetch(head + assignment.head.size)
        read_lines(reader, call, FETCH_LINES)
        # Whatever the conditions come to: to ask for a few lines too many costs little.
        while word < stop:
            if word[0] & 0xFF == OP_WHEN:
                vn_prefetch(&self._spells[word[1]])
            elif word[0] & 0xFF == OP_RING:
                vn_prefetch(&image.targets[word[1]])
            word += words_of(word)
        return row

    cdef int _begin(self, uint64_t number) except -1:
        self._head.size = self._body.size = self._labels.size = 0
        self._legs = self._target = 0
        self._go_on.size = 0
        self._ends_loops = True
        put_text(&self._head, b"^^;vn_generation=")
        put_number(&self._head, self.image.generation)
        if self._slots is not NULL:
            put_text(&self._head, b";vn_overlay=")
            put_number(&self._head, self._serial)
        if number:
            put_text(&self._head, b";vn_number=+")
            put_number(&self._head, number)
        return 0

    cdef Outcome _write(
        self, const unsigned char* data, size_t size, int64_t now
    ) except OUTCOMES:
        cdef RouteImage image = self.image
        cdef Call call
        cdef uint64_t number
        cdef uint32_t row
        cdef const AssignmentRecord* assignment
        cdef const PlanRecord* plan = NULL
        cdef Text text
        cdef int hops, reason, level
        cdef uint32_t treated
        cdef Outcome why = ROUTED
        cdef uint64_t routing
        cdef Reader reader
        begin_call(&reader, data, size, &call)
        while call.called.data is NULL and read_lines(&reader, &call, 8):
            pass
        number = gate_called(&call.called)
        row = self._fetch(number, &reader, &call)
        while read_lines(&reader, &call, 1000):
            pass
        self._begin(number)
        routing = gate_routing(&call.called)
        if routing == 0:
            routing = gate_routing(&call.parameters)
        if routing:
            # How the call was brought here, for its record: our own numbers end here.
            put_text(&self._head, b";vn_routing_number=+")
            put_number(&self._head, routing)
        if row == NO_VALUE:
            return self._refuse(row, UNKNOWN_NUMBER)
        assignment = self.record_of(row)
        reason = image.out_of_service(assignment, now)
        if reason:
            why = _REASONS[reason]
            plan = &image.plans[image.accounts[assignment.account].treatments[reason - 1]]
        # Whatever sends a call on begins another profile of it (switch_channel_set_caller_profile in
        # switch_channel.c), so there were no more hops. A node that died while it answered leaves
        # its variables behind, and nothing that was run.
        hops = max(0, min(gate_small(&call.hops, 0), gate_small(&call.profile, 1000) - 1))
        level = gate_level(&call.over)
        if call.over.data is not NULL:
            # The switch sent the call back here itself: that was no hop. Said once, it is done; but
            # by the plan, so that another node hears of it if this answer is not run.
            put_text(&self._body, b"application: unset vn_over\n")
            hops = max(0, hops - 1)
        # RFC 3261, 16.3: a request that may make no further hop is answered with 483. FreeSWITCH
        # counts down once more for the leg it makes (switch_core_session.c).
        self._forwards = min(70, gate_small(&call.max_forwards, 70)) - 1
        if hops >= self.max_hops or self._forwards < 1:
            return self._refuse(row, TOO_MANY_HOPS)
        self._called = number
        self._now = now
        self._order = image.accounts[assignment.account].order
        self._account_key = image.accounts[assignment.account].key
        self._blocked = False
        self._read_caller(&call)
        self._call = &call
        self._assignment = assignment
        self._texts = self._heads(row)
        self._language_count = -1
        self._verified = gate_verified(&call.verified)
        self._here.size = 0
        self._counted = False
        if plan is NULL and assignment.screen != NO_VALUE:
            treated = self._beyond(assignment, level) if level >= 0 else NO_VALUE
            why = AT_CAPACITY
            if treated == NO_VALUE:
                treated = self._screen(assignment)
                why = SCREENED if treated != NO_VALUE else ROUTED
            if treated != NO_VALUE:
                plan = &image.plans[treated]
        self._rings = self._taken = self._timed = False
        self._desperate = False
        self._together = NO_VALUE
        self._diversions = 0
        if plan is not NULL:
            self._steps(image.programs + plan.program,
                        image.programs + plan.program + plan.words, now, 0)
        elif self._may_divert():
            self._enter(number, assignment.plan, assignment.account, now, 0)
        else:
            self._steps(image.programs + assignment.program,
                        image.programs + assignment.program + assignment.words, now, 0)
        if self._rings and self._legs == 0 and not self._taken:
            return self._refuse(row, BLOCKED if self._blocked else NO_CARRIER)
        put_text(&self._head, b";")
        # A treatment that is no plan leaves the call with the plan that its number has.
        if plan is NULL or plan.id.size == 0:
            put(&self._head, self._heads(row) + assignment.head.offset, assignment.head.size)
        else:
            put(&self._head, image.text + plan.head.offset, plan.head.size)
        if plan is not NULL:
            name = OUTCOME_NAMES[<int>why].encode("ascii")
            if plan.id.size or self._taken:
                put_text(&self._head, b";vn_treated=")
            else:
                put_text(&self._head, b";vn_refused=")
            put(&self._head, <const char*>name, len(name))
        text = assignment.channel if plan is NULL else plan.channel
        if text.size:
            put_text(&self._head, b";")
            put(&self._head, image.text + text.offset, text.size)
        if self._together != NO_VALUE:
            text = image.policies[self._together].together
            put_text(&self._head, b";")
            put(&self._head, image.text + text.offset, text.size)
        if self._blocked:
            put_text(&self._head, b";vn_blocked=true")
        if self._diversions:
            put_text(&self._head, b";vn_diverted=true")
        if self._here.size:
            put_text(&self._head, b";vn_here=")
            put(&self._head, image.text + self._here.offset, self._here.size)
        if self._counted:
            put_text(&self._head, b";limit_ignore_transfer=true")
        if self._go_on.size:
            put_text(&self._head, b";")
            put(&self._head, image.text + self._go_on.offset, self._go_on.size)
        if self._legs:
            put_text(&self._head, b";vn_hops=")
            put_number(&self._head, hops + 1)
            put_text(&self._head, b";vn_legs=")
            put(&self._head, self._labels.data, self._labels.size)
            if self._desperate:
                put_text(&self._head, b";vn_least_bad=1")
                self._least_bad += 1
            self._caller(&call)
        put_text(&self._body, b"\nexit\n\n")
        if plan is not NULL:
            return why
        return ROUTED if self._legs else ENDED_BY_PLAN

    cdef Outcome _refuse(self, uint32_t row, Outcome why) except OUTCOMES:
        cdef Text text
        self._body.size = 0
        if row != NO_VALUE:
            text = self.record_of(row).head
            put_text(&self._head, b";")
            put(&self._head, self._heads(row) + text.offset, text.size)
        name = OUTCOME_NAMES[<int>why].encode("ascii")
        cause = <bytes>_CAUSES[<int>why]
        put_text(&self._head, b";vn_refused=")
        put(&self._head, <const char*>name, len(name))
        put_text(&self._body, b"application: hangup ")
        put(&self._body, <const char*>cause, len(cause))
        put_text(&self._body, b"\n\nexit\n\n")
        return why

    cdef int _caller(self, Call* call) except -1:
        """Write who is calling, as the legs may show it."""
        cdef unsigned char name[NAME_BYTES]
        cdef int size
        if self._withheld:
            put_text(&self._head, b";effective_caller_id_number=anonymous"
                                  b";effective_caller_id_name=Anonymous")
            return 0
        put_text(&self._head, b";effective_caller_id_number=")
        if self._caller_text_size:
            put(&self._head, <char*>self._caller_text, self._caller_text_size)
        else:
            put_text(&self._head, b"anonymous")
        put_text(&self._head, b";effective_caller_id_name=")
        if gate_true(&call.hide_name):
            put_text(&self._head, b"Anonymous")
            return 0
        size = gate_name(&call.caller_name, name)
        # Where no name passes, the number stands for it, as FreeSWITCH itself does it; left
        # unset, the caller's own name would reach the legs unread.
        if size:
            put(&self._head, <char*>name, size)
        elif self._caller_text_size:
            put(&self._head, <char*>self._caller_text, self._caller_text_size)
        else:
            put_text(&self._head, b"Anonymous")
        return 0

    cdef int _read_caller(self, Call* call) except -1:
        """Note who calls, and what he says of himself and of diversions before this one.

        The digits are for the plan's steps: none if withheld or no E.164 number.
        """
        cdef int size, i
        self._caller_digits = 0
        self._caller_size = 0
        self._withheld = gate_true(&call.hide_number)
        self._anonymous = self._withheld or is_anonymous(&call.caller_number)
        self._diverted_before = gate_diversions(&call.diversion)
        size = self._caller_text_size = gate_number(&call.caller_number, self._caller_text)
        self._identity = False
        if self._withheld:
            return 0
        if call.identity.data is not NULL and size:
            self._identity = gate_identity(&call.identity)
        i = 1 if size and self._caller_text[0] == c'+' else 0
        if size - i > 15 or size == i or self._caller_text[i] == c'0':
            return 0
        self._caller_size = size - i
        for i in range(i, size):
            self._caller_digits = self._caller_digits * 10 + (self._caller_text[i] - c'0')
        return 0

    cdef bint _is_from(self, const uint32_t* step) noexcept:
        """Whether the caller is among those that a FROM step names."""
        cdef uint32_t i
        cdef int size
        cdef uint64_t prefix
        if self._caller_size == 0:
            return step[2] != 0
        for i in range(step[3]):
            size = <int>step[6 + 3 * i]
            prefix = <uint64_t>step[5 + 3 * i] << 32 | step[4 + 3 * i]
            if (self._caller_size >= size
                    and self._caller_digits / POWERS[self._caller_size - size] == prefix):
                return True
        return False

    cdef bint _is_known(self, const uint32_t* step) noexcept:
        """Whether the caller is one whom a HERE step hears, and nobody was rung before it."""
        cdef uint32_t i
        if self._caller_size == 0 or self._rings or not self._verified or self._telling == NOT_KEPT:
            return False
        for i in range(step[1]):
            if (<uint64_t>step[7 + 2 * i] << 32 | step[6 + 2 * i]) == self._caller_digits:
                return True
        return False

    cdef int _hear(self, const uint32_t* step) except -1:
        """Answer a caller who says where somebody is, with a sound; note what he says."""
        if self._telling == MAY_KEEP:
            self.told = (
                self.image.text_at(step[2], step[3]), self._caller_digits, self._called,
                self._call.uuid.data[:self._call.uuid.size] if self._call.uuid.data else b"",
            )
        self._here.offset = step[2]
        self._here.size = step[3]
        put_text(&self._body, b"application: answer\napplication: playback ")
        put(&self._body, self.image.text + step[4], step[5])
        put_text(&self._body, b"\napplication: hangup NORMAL_CLEARING\n")
        self._taken = True
        return 0

    cdef bint _is_campaign(self, const uint32_t* step) noexcept:
        """Whether the number that was called is of a campaign that a CAMPAIGN step names."""
        cdef uint32_t i
        cdef Text campaign = self._assignment.campaign
        for i in range(step[2]):
            if step[4 + 2 * i] == campaign.size and memcmp(
                self.image.text + step[3 + 2 * i], self._texts + campaign.offset, campaign.size
            ) == 0:
                return True
        return False

    cdef int _read_languages(self) noexcept:
        """Note what the caller understands, the best first.

        What `vn_language` says, which a menu may have asked him; else what his phone accepts
        (RFC 3261, 20.3), by weight; else the language of his number's country.
        """
        cdef int[SPOKEN] weights
        cdef int i, at, weight, count = 0
        cdef uint64_t key = gate_language(&self._call.language), digits
        if key:
            self._languages[0] = key
            count = 1
        else:
            for i in range(SPOKEN):
                key = gate_language(&self._call.spoken[i])
                weight = gate_weight(&self._call.weights[i])
                if key == 0 or weight == 0:
                    continue
                at = count
                # Of those of one weight the first stays first.
                while at and weights[at - 1] < weight:
                    weights[at] = weights[at - 1]
                    self._languages[at] = self._languages[at - 1]
                    at -= 1
                weights[at] = weight
                self._languages[at] = key
                count += 1
        if count == 0 and self._caller_size >= 4 and self.image.language_count:
            digits = self._caller_digits / POWERS[self._caller_size - 4]
            if digits < LANGUAGE_HEADS and self.image.languages[digits]:
                self._languages[0] = self.image.languages[digits]
                count = 1
        self._language_count = count
        return 0

    cdef bint _speaks(self, const uint32_t* step) noexcept:
        """Whether, of the languages that the plan names, the one that the caller understands best
        is among those of a LANGUAGE step.

        One that he names is looked for as it is, then without its region, then without its script
        (RFC 4647, 3.4).
        """
        cdef int i, cut
        cdef uint32_t j
        cdef uint64_t key
        if self._language_count < 0:
            self._read_languages()
        for i in range(self._language_count):
            key = self._languages[i]
            for cut in range(3):
                if cut == 1:
                    key &= NO_REGION
                elif cut == 2:
                    key &= NO_SCRIPT
                for j in range(step[3]):
                    if (<uint64_t>step[5 + 2 * j] << 32 | step[4 + 2 * j]) == key:
                        return j < step[2]
        return False

    def languages(self, bytes channel_data not None):
        """Return what the caller of a CHANNEL_DATA block understands, the best first, as numbers
        (vnroute.model.language)."""
        cdef Call call
        cdef Reader reader
        begin_call(&reader, channel_data, len(channel_data), &call)
        while read_lines(&reader, &call, 1000):
            pass
        self._read_caller(&call)
        self._call = &call
        self._read_languages()
        return [self._languages[i] for i in range(self._language_count)]

    cdef bint _may_divert(self) noexcept:
        """Whether somebody diverts any calls at all."""
        return (page_count(&self._page, KIND_DIVERT_NUMBER)
                | page_count(&self._page, KIND_DIVERT_PLAN)
                | page_count(&self._page, KIND_DIVERT_ACCOUNT)) != 0

    cdef int _enter(
        self, uint64_t number, uint32_t plan, uint32_t account, int64_t now, int depth
    ) except -1:
        """Run the plan of a number, or do what its calls are diverted to; 1 if it ended the call.

        `number` is 0 where a plan is gone on in without one, `account` NO_VALUE where the number
        is not the one that was dialled: only that one's account diverts.
        """
        cdef Said said
        if (not self._may_divert() or self._diversions == MAX_DIVERSIONS
                or not self._diverted(number, plan, account, now, &said)):
            return self._run(plan, now, depth)
        self._diversions = self._diversions + 1
        if said.value == TO_PLAN:
            return self._enter(0, self.image.plan_by_key(said.more), NO_VALUE, now, depth)
        return self._divert_to_number(said.more, said.extra, now, depth)

    cdef bint _diverted(
        self, uint64_t number, uint32_t plan, uint32_t account, int64_t now, Said* said
    ) noexcept:
        """Whether somebody diverts calls here, and where to: of the number, else of the plan, else
        of the account. A plan that this generation does not have is none to divert to."""
        cdef RouteImage image = self.image
        cdef bint found = (
            (number and page_count(&self._page, KIND_DIVERT_NUMBER)
             and page_said(&self._page, divert_key(number), now, said))
            or (page_count(&self._page, KIND_DIVERT_PLAN)
                and page_said(&self._page, divert_key(image.plans[plan].key), now, said))
            or (account != NO_VALUE and page_count(&self._page, KIND_DIVERT_ACCOUNT)
                and page_said(&self._page, divert_key(image.accounts[account].key), now, said))
        )
        return found and (said.value != TO_PLAN or image.plan_by_key(said.more) != NO_VALUE)

    cdef int _divert_to_number(
        self, uint64_t number, uint32_t seconds, int64_t now, int depth
    ) except -1:
        """Go on in the plan of one of our numbers, or ring any other; then hang up."""
        cdef RouteImage image = self.image
        cdef uint32_t row = self.assignment_of(number) if number else NO_VALUE
        cdef TargetRecord target
        cdef size_t start = self._body.size
        cdef int first = self._legs
        if row != NO_VALUE:
            if not image.out_of_service(self.record_of(row), now):
                return self._enter(number, self.record_of(row).plan, NO_VALUE, now, depth)
        else:
            self._strange_target(number, seconds, &target)
            self._rings = True
            self._many = False
            self._first = self._legs == 0
            if image.policies[0].ends_loops != self._ends_loops:
                self._loops(image.policies[0].ends_loops)
                start = self._body.size
            put_text(&self._body, b"application: bridge ")
            if self._branch(&target, 0):
                put_text(&self._body, b"\n")
                self._guards(&image.policies[0], first)
            else:
                self._body.size = start
        return self._steps(
            image.programs + image.ending, image.programs + image.program_words, now, depth)

    cdef int _strange_target(
        self, uint64_t number, uint32_t seconds, TargetRecord* target
    ) noexcept:
        """Make the target of a number that no plan names, as the account at hand chooses."""
        memset(target, 0, sizeof(target[0]))
        target.number = number
        target.seconds = seconds if seconds else 25
        target.show = SHOW_CALLER
        target.order = self._order
        target.limit = NO_LIMIT
        target.choices = NO_PREFIX
        if 0 < number < <uint64_t>1000000000000000:
            target.choices = self.image.choices_of(number, self._order)
        return 0

    cdef int _run(self, uint32_t plan, int64_t now, int depth) except -1:
        """Write the applications of a plan's program; 1 if it ended the call."""
        cdef const uint32_t* word = self.image.programs + self.image.plans[plan].program
        return self._steps(word, word + self.image.plans[plan].words, now, depth)

    cdef int _steps(
        self, const uint32_t* word, const uint32_t* stop, int64_t now, int depth
    ) except -1:
        cdef uint32_t op, i, plan
        cdef uint64_t number
        cdef bint outer = self._timed
        cdef const uint32_t* body
        cdef const uint32_t* timed = word    # where the words of the last schedule end
        while word < stop:
            op = word[0] & 0xFF
            self._timed = outer or word < timed
            if op == OP_WHEN:
                body = word + words_as(OP_WHEN, word)
                if self.state_at(word[1], now) != word[2]:
                    body += word[3]
                elif body + word[3] > timed:
                    timed = body + word[3]
                word = body
            elif op == OP_FROM:
                i = word[1] if not self._is_from(word) else 0
                word += words_as(OP_FROM, word) + i
            elif op == OP_CAMPAIGN:
                i = word[1] if not self._is_campaign(word) else 0
                word += words_as(OP_CAMPAIGN, word) + i
            elif op == OP_LANGUAGE:
                i = word[1] if not self._speaks(word) else 0
                word += words_as(OP_LANGUAGE, word) + i
            elif op == OP_RING:
                self._ring(word + 1, 1)
                word += words_as(OP_RING, word)
            elif op == OP_TOGETHER:
                self._ring(word + 2, word[1])
                word += words_as(OP_TOGETHER, word)
            elif op == OP_PICK:
                word = self._pick(word, now, depth)
                if self._taken:
                    return 1
            elif op == OP_FORWARD:
                number = <uint64_t>word[3] << 32 | word[2]
                plan = word[1]
                i = word[4]
                if self._slots is not NULL and number:
                    # It may have been moved since; that it is ours is compiled.
                    i = self.assignment_of(number)
                    if i != NO_VALUE:
                        plan = self.record_of(i).plan
                # A number of ours that is not in service is passed over.
                if depth < MAX_DEPTH and (
                    i == NO_VALUE or not self.image.out_of_service(self.record_of(i), now)
                ):
                    self._enter(number, plan, NO_VALUE, now, depth + 1)
                    if self._taken:
                        return 1
                word += words_as(OP_FORWARD, word)
            elif op == OP_APPLY:
                self._apply(word)
                word += words_as(OP_APPLY, word)
            elif op == OP_HERE:
                if self._is_known(word):
                    self._hear(word)
                    return 1
                word += words_as(OP_HERE, word)
            elif op == OP_TAKE:
                # mod_voicemail does not answer: the message would be left as early media.
                put_text(&self._body, b"application: answer\n")
                self._apply(word)
                put_text(&self._body, b"application: hangup NORMAL_CLEARING\n")
                self._taken = True
                return 1
            elif op == OP_HANGUP:
                # The end of a plan that was forwarded to leaves the outer plan its say.
                if depth == 0:
                    put_text(&self._body, b"application: hangup ")
                    put(&self._body, self.image.text + word[1], word[2])
                    put_text(&self._body, b"\n")
                return 1
            elif op == OP_RELAY:
                if depth == 0:
                    self._relay(word)
                return 1
            else:
                return 0
        return 0

    cdef uint32_t _screen(self, const AssignmentRecord* assignment) except? 0xFFFFFFFE:
        """Return the row of the plan that treats a caller who is blocked, else NO_VALUE, after
        writing what counts his calls.

        Rules come in the order in which they are tried; the first that holds decides, but limits
        behind it count all the same. The caller is looked up once. Counting is FreeSWITCH's, which
        hangs up whoever calls too often, and has calls beyond a limit ended or decided anew.
        """
        cdef RouteImage image = self.image
        cdef const uint32_t* rule = image.screens + assignment.screen + 1
        cdef uint32_t count = image.screens[assignment.screen], i, op, level
        cdef uint64_t key = self._caller_digits
        cdef bint allowed = False
        if self._caller_size == 0:
            key = CALLER_ANONYMOUS if self._anonymous else CALLER_INVALID
        cdef uint32_t lists = image.lists_of(key, self._caller_size)
        for i in range(count):
            op, level = rule[0] & 0xFF, rule[0] >> 8
            if op >= SCREEN_CALLS:
                put_text(&self._body, b"application: limit hash ")
                self._resource(assignment, rule)
                put_text(&self._body, b" ")
                put(&self._body, image.text + rule[5], rule[6])
                if rule[1]:
                    put_text(&self._body, b" set:vn_over=")
                    put_text(&self._body, level_name(level))
                    put_text(&self._body, b",transfer:+")
                    put_number(&self._body, self._called)
                    put_text(&self._body, b" inline")
                put_text(&self._body, b"\n")
                if op == SCREEN_CALLS:
                    self._counted = True
            elif allowed:
                pass
            elif op == SCREEN_RATE:
                if self._caller_size:
                    put_text(&self._body, b"application: limit hash vn_rate ")
                    if level == 0:
                        put_number(&self._body, self._called)
                        put_text(&self._body, b"_")
                    elif level == 1:
                        self._account_id(assignment)
                        put_text(&self._body, b"_")
                    put_number(&self._body, self._caller_digits)
                    put_text(&self._body, b" ")
                    put(&self._body, image.text + rule[5], rule[6])
                    put_text(&self._body, b"\n")
            elif image.is_on(lists, rule[1]):
                if op != SCREEN_ALLOW:
                    self._body.size = 0
                    return rule[2]
                allowed = True
            rule += SCREEN_WORDS
        return NO_VALUE

    cdef int _account_id(self, const AssignmentRecord* assignment) except -1:
        cdef Text text = self.image.accounts[assignment.account].id
        return put(&self._body, self.image.text + text.offset, text.size)

    cdef int _resource(self, const AssignmentRecord* assignment, const uint32_t* rule) except -1:
        """Write what FreeSWITCH counts for a limit: its realm, and the number, account or system."""
        cdef uint32_t level = rule[0] >> 8
        put_text(&self._body, b"vn_")
        put_text(&self._body, level_name(level))
        if rule[0] & 0xFF == SCREEN_CPS:
            put_text(&self._body, b"_cps")
        put_text(&self._body, b" ")
        if level == 0:
            return put_number(&self._body, self._called)
        if level == 1:
            return self._account_id(assignment)
        return put_text(&self._body, b"all")

    cdef uint32_t _beyond(
        self, const AssignmentRecord* assignment, uint32_t level
    ) except? 0xFFFFFFFE:
        """Return the row of the plan that takes calls beyond the limit of a number, an account or
        the system, else NO_VALUE, after writing that FreeSWITCH counts this one there no more."""
        cdef const uint32_t* rule = self.image.screens + assignment.screen + 1
        cdef uint32_t treated = NO_VALUE, i
        for i in range(self.image.screens[assignment.screen]):
            if rule[0] & 0xFF >= SCREEN_CALLS and rule[0] >> 8 == level and rule[1]:
                treated = rule[2]
                if rule[0] & 0xFF == SCREEN_CALLS:
                    put_text(&self._body, b"application: eval ${uuid_limit_release(${uuid} hash ")
                    self._resource(assignment, rule)
                    put_text(&self._body, b")}\n")
            rule += SCREEN_WORDS
        return treated

    cdef int _apply(self, const uint32_t* step) except -1:
        """Write an application that the image holds as it is."""
        put_text(&self._body, b"application: ")
        put(&self._body, self.image.text + step[1], step[2])
        put_text(&self._body, b"\n")
        return 0

    cdef int _relay(self, const uint32_t* step) except -1:
        """Write the hangup that gives the caller the cause that matters."""
        cdef int i
        put_text(&self._body, b"application: hangup ")
        put(&self._body, self.image.text + step[1], step[2])
        if self._together != NO_VALUE:
            for i in range(self._legs):
                put_text(&self._body, b";${vn_c")
                self._place(i)
                put_text(&self._body, b"}")
            put(&self._body, self.image.text + step[3], step[4])
        else:
            put(&self._body, self.image.text + step[5], step[6])
        put_text(&self._body, b"\n")
        return 0

    cdef int _place(self, int leg) except -1:
        """Write a leg's place, the first two digits of its uuid."""
        cdef char[2] digits
        digits[0] = HEX[leg >> 4]
        digits[1] = HEX[leg & 15]
        return put(&self._body, digits, 2)

    cdef const uint32_t* _pick(
        self, const uint32_t* step, int64_t now, int depth
    ) except NULL:
        """Write the targets of a step that shares or rotates, the one picked first.

        The others follow: those after it first where calls rotate, in their order where they
        share. Returns the word behind the step.
        """
        cdef uint32_t count = step[3], picked = 0, place, i, j
        cdef uint64_t total = 0, at
        cdef const uint32_t* body
        cdef bint rotates = step[1] == PICK_ROTATE
        if rotates:
            picked = self._turns[step[2]] % count
            self._turns[step[2]] += 1
            if self._asks:
                self._turned.append(step[2])
        else:
            for i in range(count):
                total += step[4 + 2 * i]
            at = vn_mulhi(self._next_noise(), total)
            while at >= step[4 + 2 * picked]:
                at -= step[4 + 2 * picked]
                picked += 1
        for i in range(count):
            if i == 0:
                place = picked
            elif rotates:
                place = (picked + i) % count
            else:
                place = i if i > picked else i - 1
            body = step + words_as(OP_PICK, step)
            for j in range(place):
                body += step[5 + 2 * j]
            self._steps(body, body + step[5 + 2 * place], now, depth)
            if self._taken:
                return step
        body = step + words_as(OP_PICK, step)
        for i in range(count):
            body += step[5 + 2 * i]
        return body

    cdef int _ring(self, const uint32_t* rows, uint32_t count) except -1:
        """Write the bridge of one target, or of several rung together.

        Together, each target is a branch of an enterprise originate (`:_:`): a hunt of its own, so
        a carrier that fails for one phone moves that phone on while the others ring.
        """
        cdef uint32_t i, branches = 0
        cdef size_t start = self._body.size
        cdef int first = self._legs
        cdef uint32_t ends_loops = self._ends_loops
        cdef PolicyRecord policy = self.image.policies[self.image.targets[rows[0]].policy]
        self._rings = True
        self._many = count > 1
        self._first = self._legs == 0
        if self._many and self._together == NO_VALUE:
            # No phone's 180 passes through an enterprise originate: the caller is given one.
            put_text(&self._body, b"application: ring_ready\n")
        if policy.ends_loops != self._ends_loops:
            self._loops(policy.ends_loops)
        put_text(&self._body, b"application: bridge ")
        for i in range(count):
            branches += self._branch(&self.image.targets[rows[i]], branches)
        if branches == 0:
            self._body.size = start
            self._ends_loops = ends_loops
            return 0
        put_text(&self._body, b"\n")
        if self._many:
            self._together = self.image.targets[rows[0]].policy
        else:
            self._guards(&policy, first)
        if policy.advance.size:
            self._advance(&policy, first)
        return 0

    cdef int _loops(self, uint32_t ends) except -1:
        """Write what is set where one policy goes on after a loop and another does not: a dash is
        no cause."""
        self._ends_loops = ends
        put_text(&self._body, b"application: set failure_causes=")
        put_text(&self._body, b"EXCHANGE_ROUTING_ERROR\n" if ends else b"-\n")
        return 0

    cdef int _guards(self, const PolicyRecord* policy, int first) except -1:
        """Write the lines by which a hunt goes on behind the carrier that failed, one less than
        legs from `first` on: FreeSWITCH itself has only the cause to go by, not the SIP code."""
        cdef int i
        for i in range(self._legs - first - 1):
            self._go_on = policy.go_on
            put_text(&self._body, b"application: bridge ")
            put(&self._body, self.image.text + policy.guard.offset, policy.guard.size)
            put_text(&self._body, b"\n")
        return 0

    cdef int _advance(self, const PolicyRecord* policy, int first) except -1:
        """Write the line that ends the call where the legs from `first` on left such a cause.

        uuid_kill gets the caller's uuid and the cause then, and otherwise nothing, with which it
        does nothing.
        """
        cdef int i
        put_text(&self._body, b"application: eval ${uuid_kill(${regex(m:~")
        if self._many:
            for i in range(first, self._legs):
                put_text(&self._body, b"${vn_c")
                self._place(i)
                put_text(&self._body, b"};")
            put_text(&self._body, b"~(?|")
        else:
            put_text(&self._body, b"${originate_causes}#${sip_invite_failure_status}~(?:^|:)(?:")
            for i in range(first, self._legs):
                if i > first:
                    put_text(&self._body, b"|")
                self._place(i)
            put_text(&self._body, b")[^:]*.(?|")
        put(&self._body, self.image.text + policy.advance.offset, policy.advance.size)
        put_text(&self._body, b")~${uuid} %1~n)})}\n")
        return 0

    cdef uint32_t _choices(self, const TargetRecord* target) except? 0xFFFFFFFE:
        """Return the row of choices of a number: its routing number's, if it is ported."""
        cdef uint64_t routing = 0
        if target.number == 0:
            return target.choices
        if self.portability is not None:
            routing = self.portability.find(target.number)
        if routing == 0 and self._dipped is not None:
            routing = self._told(target.number)
        return self.image.choices_of(routing, target.order) if routing else target.choices

    cdef uint64_t _told(self, uint64_t number) except? 0xFFFFFFFFFFFFFFFE:
        """Return the routing number that a dip told for a number, 0 if none, or not known yet."""
        cdef tuple told = self._dipped.get(number)
        if told is not None and <double>told[1] > self._now:
            self.dip_hits += 1
            return told[0]
        if self._asks:
            self.wanted.append(number)
        return 0

    cdef int _choose(self, const TargetRecord* target, bint draws) except -1:
        """Note the carriers that a number is tried by, in order; by price alone unless it `draws`.

        What depends on the call is asked on the way to the list; that is in the order of prices or
        the choice's own, so what is left is to pass over those that ask too much, and to bring to
        the front the one whose share it is, or those of the better classes.
        """
        cdef RouteImage image = self.image
        cdef uint32_t at = self._choices(target), kind, i, low, high, half, carrier, price, count
        cdef uint64_t total = 0, drawn
        cdef const uint32_t* node
        cdef OrderRecord order = image.orders[target.order]
        self._carrier_count = 0
        if at == NO_PREFIX:
            return 0
        while True:
            node = image.choices + at
            kind = node[0] >> 24
            if kind == NODE_LIST:
                break
            if kind == NODE_BY_STATE:
                at = node[2 + self.state_at(node[1], self._now)]
                continue
            if kind == NODE_BY_ORIGIN:
                if self._caller_size == 0:
                    at = node[4]
                elif image.is_on(image.lists_of(self._caller_digits, self._caller_size), node[1]):
                    at = node[2]
                else:
                    at = node[3]
                continue
            low, high = 0, node[0] & 0xFFFFFF
            while high - low > 1:
                half = (low + high) >> 1
                if <int64_t>(<uint64_t>node[2 + 3 * half] << 32 | node[1 + 3 * half]) <= self._now:
                    low = half
                else:
                    high = half
            at = node[3 + 3 * low]
        count = 0
        for i in range(min(node[0] & 0xFFFFFF, <uint32_t>CANDIDATES)):
            carrier, price = node[1 + 2 * i], node[2 + 2 * i]
            if target.limit != NO_LIMIT and (
                price == NO_VALUE or image.rates[price] >= target.limit
            ):
                continue
            self._carriers[count] = carrier
            self._price_rows[count] = price
            count += 1
        self._carrier_count = count
        if order.how == ORDER_SHARE and draws:
            for i in range(count):
                total += image.shares[order.first_share + self._carriers[i]]
            if total:
                drawn = vn_mulhi(self._next_noise(), total)
                i = 0
                while drawn >= image.shares[order.first_share + self._carriers[i]]:
                    drawn -= image.shares[order.first_share + self._carriers[i]]
                    i += 1
                self._forward(i, 0)
        if ((order.how == ORDER_QUALITY or order.within != NO_VALUE)
                and page_count(&self._page, KIND_QUALITY)):
            self._by_class(order.within, order.how == ORDER_QUALITY)
        return 0

    cdef int _by_class(self, uint32_t within, bint all_classes) noexcept:
        """Bring carriers of better classes forward, in their order within a class; where only
        `within` counts, there are two: up to it, and worse. Unknown quality is class 0."""
        cdef uint32_t classes[CANDIDATES]
        cdef uint32_t i, j, value
        for i in range(self._carrier_count):
            value = 0
            page_value(
                &self._page, quality_key(self.image.carriers[self._carriers[i]].key), self._now,
                &value)
            if within != NO_VALUE and value > within:
                value = NO_VALUE
            elif not all_classes:
                value = 0
            j = i
            while j and classes[j - 1] > value:
                classes[j] = classes[j - 1]
                j -= 1
            classes[j] = value
            self._forward(i, j)
        return 0

    cdef int _forward(self, uint32_t place, uint32_t to) noexcept:
        """Bring a carrier forward in the order, those between one place back."""
        cdef uint32_t carrier = self._carriers[place], price = self._price_rows[place]
        while place > to:
            self._carriers[place] = self._carriers[place - 1]
            self._price_rows[place] = self._price_rows[place - 1]
            place -= 1
        self._carriers[to] = carrier
        self._price_rows[to] = price
        return 0

    def candidates(self, uint32_t row, double now, str caller=""):
        """Return the carriers that a target would be tried by, in order: (row, id, rate in 1e-8 or
        None) of each; for people. No more than `most_carriers` of those that are well are tried.
        `caller` is digits, empty if nobody knows them.

        Where they are chosen by share they stand by price: which is the first is drawn at a call.
        """
        if row >= self.image.target_count:
            raise IndexError(row)
        if self.image.targets[row].dial.size:
            return []
        return self._chosen(&self.image.targets[row], now, caller)

    def candidates_for(
        self, uint64_t number, uint32_t assignment, double now, str caller=""
    ):
        """Return the same for calls under an assignment that are diverted to a number."""
        cdef TargetRecord target
        self._checked(assignment)
        self._order = self.image.accounts[self.record_of(assignment).account].order
        self._strange_target(number, 0, &target)
        return self._chosen(&target, now, caller)

    cdef list _chosen(self, const TargetRecord* target, double now, str caller):
        cdef uint32_t i
        cdef RouteImage image = self.image
        self._now = <int64_t>now
        self._caller_size = len(caller) if len(caller) <= 15 else 0
        self._caller_digits = int(caller) if self._caller_size else 0
        self._choose(target, False)
        return [
            (self._carriers[i], image._text(image.carriers[self._carriers[i]].id.offset,
                                            image.carriers[self._carriers[i]].id.size),
             None if self._price_rows[i] == NO_VALUE else image.rates[self._price_rows[i]])
            for i in range(self._carrier_count)
        ]

    def most_carriers(self, uint32_t row):
        """Return how many carriers may be tried for a target, 0 for any number."""
        if row >= self.image.target_count:
            raise IndexError(row)
        return self.image.orders[self.image.targets[row].order].most

    def order_for(self, uint32_t assignment):
        """Return the row of ORDERS that diverted calls under an assignment go by."""
        self._checked(assignment)
        return self.image.accounts[self.record_of(assignment).account].order

    def most_carriers_for(self, uint32_t assignment):
        """Return the same for calls under an assignment that are diverted to a number."""
        self._checked(assignment)
        return self.image.orders[
            self.image.accounts[self.record_of(assignment).account].order].most

    cdef uint32_t _branch(
        self, const TargetRecord* wanted, uint32_t branches
    ) except? 0xFFFFFFFF:
        """Write one target: its carriers' gateways in order, until the policy's number of legs is
        reached, or its own dial string. Returns 1, or 0 where there is no leg."""
        cdef RouteImage image = self.image
        cdef TargetRecord target = wanted[0]
        cdef PolicyRecord policy = image.policies[target.policy]
        cdef uint32_t legs
        if self._legs == MAX_LEGS:
            return 0
        if page_count(&self._page, KIND_BLOCK) and self._is_blocked(target.number):
            self._blocked = True
            return 0
        self._target += 1
        if target.dial.size:
            self._open(&target, &policy, branches, False)
            put_text(&self._body, b"[")
            self._uuid(self._legs)
            put_text(&self._body, b"]")
            put(&self._body, image.text + target.dial.offset, target.dial.size)
            self._label(target.dial)
            return 1
        self._choose(&target, True)
        self._least = NO_VALUE
        legs = self._hunt(&target, &policy, branches, NO_VALUE)
        if legs == 0 and self._least < DRAINED:
            # None of them is well: the least bad is better than none, and the call says so.
            legs = self._hunt(&target, &policy, branches, self._least)
            self._desperate = True
        return legs > 0

    cdef bint _is_blocked(self, uint64_t number) noexcept:
        """Whether the account at hand may not call a number; 0 is a target that is none."""
        cdef uint32_t lengths = 0, value = 0
        cdef int size, digits = 0
        if not page_value(
            &self._page, block_key(self._account_key, NO_LIMIT), self._now, &lengths
        ):
            return False
        if number:
            digits = 1
            while digits < 15 and number >= POWERS[digits]:
                digits += 1
        for size in range(digits + 1):
            if lengths >> size & 1 and page_value(
                &self._page,
                block_key(self._account_key, (number / POWERS[digits - size]) << 4 | <uint64_t>size
                          if size else 0),
                self._now, &value,
            ):
                return True
        return False

    def is_blocked(self, uint32_t assignment, uint64_t number, double now):
        """Return whether calls under an assignment may not go to a number; 0 for no number."""
        self._checked(assignment)
        self._account_key = self.image.accounts[self.record_of(assignment).account].key
        self._now = <int64_t>now
        return page_count(&self._page, KIND_BLOCK) and self._is_blocked(number)

    cdef bint _admits(self, uint64_t key) noexcept:
        """Whether this call may take a gateway; if not, how bad it is counts for the least bad."""
        cdef Said said
        if not page_said(&self._page, key, self._now, &said) or said.value >= ALL_CALLS:
            return True
        if said.value and vn_mulhi(self._next_noise(), ALL_CALLS) < said.value:
            return True
        if said.extra < self._least:
            self._least = said.extra
        return False

    cdef bint _is_as_bad(self, uint64_t key, uint32_t badness) noexcept:
        cdef Said said
        # Another may have become well since it was looked at: it is not left out.
        return (not page_said(&self._page, key, self._now, &said) or said.value >= ALL_CALLS
                or said.extra <= badness)

    cdef uint32_t _hunt(
        self, const TargetRecord* target, const PolicyRecord* policy, uint32_t branches,
        uint32_t badness,
    ) except? 0xFFFFFFFF:
        """Write the legs of a target's gateways that this call may take; return how many.

        With a `badness` they are those that are no worse, whoever they admit. A carrier whose
        gateways are all passed over is not one of those that may be tried at most.
        """
        cdef RouteImage image = self.image
        cdef uint32_t[MAX_LEGS] rows
        cdef uint32_t legs = 0, before, tried = 0, i, at, carrier, number
        cdef uint32_t most = image.orders[target.order].most
        cdef uint32_t most_legs = min(
            <uint32_t>policy.max_legs, <uint32_t>(MAX_LEGS - self._legs))
        cdef bint asks = page_count(&self._page, KIND_GATEWAY) != 0, apart = False
        for i in range(self._carrier_count):
            if (most and tried == most) or legs == most_legs:
                break
            carrier = self._carriers[i]
            before = legs
            for number in range(image.carriers[carrier].gateways):
                if legs == most_legs:
                    break
                at = image.carriers[carrier].first_gateway + number
                if asks and not (
                    self._admits(image.gateways[at].key) if badness == NO_VALUE
                    else self._is_as_bad(image.gateways[at].key, badness)
                ):
                    continue
                rows[legs] = at
                legs += 1
                if image.gateways[at].flags & GATEWAY_CALLER:
                    apart = True
            tried += legs > before
        if legs:
            self._open(target, policy, branches, apart)
        for i in range(legs):
            if i:
                put_text(&self._body, b"|")
            self._leg(target, policy, &image.gateways[rows[i]], apart)
        return legs

    cdef int _leg(
        self, const TargetRecord* target, const PolicyRecord* policy, const GatewayRecord* gateway,
        bint apart
    ) except -1:
        """Write a target's leg through a gateway. `apart`: its legs are told of the caller each by
        itself, since one of the gateways wants to be told in a way of its own."""
        cdef const char* text = self.image.text
        cdef uint32_t show = target.show
        cdef Text shown = target.shown
        # A carrier that wants to see the caller does not undo a plan that hides him.
        if gateway.show != SHOW_TARGET and not (
            gateway.show == SHOW_CALLER and show == SHOW_ANONYMOUS
        ):
            show = gateway.show
            shown = gateway.shown
        put_text(&self._body, b"[leg_progress_timeout=")
        put_number(&self._body, policy.progress if policy.progress else gateway.progress)
        put(&self._body, text + gateway.variables.offset, gateway.variables.size)
        if gateway.asserted.size and show != SHOW_ANONYMOUS:
            put(&self._body, text + gateway.asserted.offset, gateway.asserted.size)
        if apart:
            self._shows(show, shown, gateway)
        if gateway.flags & (GATEWAY_DIVERSION | GATEWAY_HISTORY):
            self._tells_diversion(target.number, gateway.flags)
        put_text(&self._body, b",")
        self._uuid(self._legs)
        put_text(&self._body, b"]")
        put_formatted(&self._body, text, self.image.formats + gateway.first_dial, gateway.dials,
                      target.number)
        return self._label(gateway.id)

    cdef int _tells_diversion(self, uint64_t target, uint32_t flags) except -1:
        """Write that the number that was called diverts this leg, and why, as far as it is known
        now: later targets are rung if those before them were without success."""
        cdef const char* reason = b"no-answer"
        cdef const char* cause = b"408"
        if self._first:
            reason = b"time-of-day" if self._timed else b"unconditional"
            cause = b"302"
        if flags & GATEWAY_DIVERSION:
            put_diversion(&self._body, self._called, reason, self._diverted_before + 1)
        else:
            put_history(&self._body, self._called, target, cause)
        return 0

    cdef int _shows(self, uint32_t show, Text shown, const GatewayRecord* gateway) except -1:
        """Write whose number is seen: in the brackets of a gateway's leg or, without one, in the
        braces of all legs of a target."""
        cdef const unsigned char* fixed
        if show == SHOW_CALLER:
            # Else what all legs have in effective_caller_id_* says it: nobody.
            if self._withheld:
                if (gateway is not NULL and gateway.flags & GATEWAY_TRUSTED
                        and self._caller_text_size):
                    put_text(&self._body, b",origination_caller_id_number=")
                    self._shown_number(self._caller_text, self._caller_text_size, 0, gateway)
                    put_text(
                        &self._body,
                        b",origination_caller_id_name=Anonymous"
                        b",origination_privacy=hide_name:hide_number:screen"
                        b",sip_invite_from_uri=<sip:anonymous@anonymous.invalid>")
                return 0
            if gateway is not NULL and gateway.callers and self._caller_text_size:
                put_text(&self._body, b",origination_caller_id_number=")
                self._shown_number(self._caller_text, self._caller_text_size, 0, gateway)
            if self._identity:
                # By its compact form (RFC 8224, 4), since mod_sofia would send a header of the name
                # sip_h_identity twice.
                put_text(&self._body, b",sip_h_y=${sip_h_identity}")
            return 0
        if show == SHOW_ANONYMOUS:
            return put_text(
                &self._body,
                b",origination_caller_id_number=anonymous"
                b",origination_caller_id_name=Anonymous,sip_cid_type=none"
                b",sip_invite_from_uri=<sip:anonymous@anonymous.invalid>")
        fixed = <const unsigned char*>self.image.text + shown.offset
        put_text(&self._body, b",origination_caller_id_number=")
        self._shown_number(fixed, shown.size, self._called if show == SHOW_DID else 0, gateway)
        put_text(&self._body, b",origination_caller_id_name=")
        self._shown_number(fixed, shown.size, self._called if show == SHOW_DID else 0, gateway)
        if self._withheld:
            # The number shown is not the caller's, so his wish to hide his own does not hide it.
            put_text(&self._body, b",origination_privacy=screen")
        return 0

    cdef int _shown_number(
        self, const unsigned char* text, int size, uint64_t number, const GatewayRecord* gateway
    ) except -1:
        """Write a number shown, given as it is or as an integer, in a gateway's format if it has
        one and the number is one of E.164's."""
        cdef uint64_t known = number if number else number_shown(text, size)
        if known and gateway is not NULL and gateway.callers:
            return put_formatted(
                &self._body, self.image.text, self.image.formats + gateway.first_caller,
                gateway.callers, known)
        if number:
            put_text(&self._body, b"+")
            return put_number(&self._body, number)
        return put(&self._body, <const char*>text, size)

    cdef int _open(
        self, const TargetRecord* target, const PolicyRecord* policy, uint32_t branches, bint apart
    ) except -1:
        """Write what stands before a target's legs: the branch's mark, and its variables."""
        cdef Text variables
        if branches:
            put_text(&self._body, b":_:")
        put_text(&self._body, b"{leg_timeout=")
        put_number(&self._body, target.seconds)
        if target.delay:
            # Lets the timers of the waiting leg below win over the branch's.
            put_text(&self._body, b",local_var_clobber=true")
        if self._many:
            # A branch of an enterprise originate would begin anew at 70, and a loop through a
            # carrier never end.
            put_text(&self._body, b",max_forwards=")
            put_number(&self._body, <uint64_t>self._forwards)
        if not apart:
            self._shows(target.show, target.shown, NULL)
        if target.variables.size:
            put_text(&self._body, b",")
            put(&self._body, self.image.text + target.variables.offset, target.variables.size)
        variables = policy.branch if self._many else policy.variables
        if variables.size:
            put_text(&self._body, b",")
            put(&self._body, self.image.text + variables.offset, variables.size)
        put_text(&self._body, b"}")
        if target.delay:
            # A leg that rings nobody and gives up in time: FreeSWITCH's own delays wake a thread a
            # thousand times a second (docs/ringing.md). It has no place in vn_legs.
            put_text(&self._body, b"[leg_timeout=0,leg_progress_timeout=")
            put_number(&self._body, target.delay)
            put_text(&self._body, b",")
            self._uuid(0xFF)
            put_text(&self._body, b"]pickup/")
            put_number(&self._body, self._called)
            put_text(&self._body, b"|")
        return 0

    cdef int _label(self, Text text) except -1:
        """Note a leg's gateway, or its dial string, as its label in vn_legs."""
        if self._legs:
            put_text(&self._labels, b",")
        put(&self._labels, self.image.text + text.offset, text.size)
        self._legs += 1
        return 0

    cdef uint64_t _next_noise(self) noexcept:
        """Return the next of a run of well-spread numbers (splitmix64)."""
        self._noise += <uint64_t>0x9E3779B97F4A7C15
        return mix(self._noise)

    cdef int _uuid(self, uint64_t place) except -1:
        """Write a leg's uuid.

        It is of version 8 (RFC 9562, 5.8): its first two digits are the leg's place in vn_legs, so
        a CDR tells by itself which gateway and attempt a uuid stands for. The next two count the
        targets, so that legs of one hunt are known; the rest is noise.
        """
        cdef char* out
        cdef uint64_t high = self._next_noise(), low = self._next_noise()
        cdef int i, at = 0
        put_text(&self._body, b"origination_uuid=")
        high = (high >> 16) | (place << 56) | <uint64_t>(self._target & 0xFF) << 48
        high = (high & ~<uint64_t>0xF000) | 0x8000
        low = (low & ~(<uint64_t>3 << 62)) | (<uint64_t>2 << 62)
        reserve(&self._body, 36)
        out = self._body.data + self._body.size
        for i in range(16):
            if i == 8 or i == 12:
                out[at] = c'-'
                at += 1
            out[at] = HEX[(high >> (60 - 4 * i)) & 15]
            at += 1
        for i in range(16):
            if i == 0 or i == 4:
                out[at] = c'-'
                at += 1
            out[at] = HEX[(low >> (60 - 4 * i)) & 15]
            at += 1
        self._body.size += 36
        return 0
