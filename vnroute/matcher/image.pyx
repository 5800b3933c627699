# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""A route image, mapped and checked: numbers, schedules and plans looked up where they lie."""

import mmap
import os
import zlib

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from vnroute.image.layout import ImageError, SectionId, read_header

from vnroute.image.number_line cimport INDEX_ROWS, LINE_DIGITS, NO_PREFIX, POWERS, fill_up, longest_match
from vnroute.matcher.dialling cimport format_for
from vnroute.image.program_words cimport OP_WORDS, words_of
from vnroute.image.records cimport (
    BUCKET_SLOTS,
    CALLER_ANONYMOUS,
    CALLER_INVALID,
    NO_VALUE,
    LANGUAGE_HEADS,
    OP_CAMPAIGN,
    OP_END,
    OP_FORWARD,
    OP_FROM,
    OP_HERE,
    OP_HANGUP,
    OP_LANGUAGE,
    OP_PICK,
    OP_APPLY,
    OP_RELAY,
    OP_RING,
    OP_TAKE,
    OP_TOGETHER,
    OP_WHEN,
    PICK_ROTATE,
    REASONS,
    SCREEN_CPS,
    SCREEN_RATE,
    SCREEN_WORDS,
    STATE_PORTED_OUT,
    AccountRecord,
    AssignmentRecord,
    BlockSpan,
    CarrierRecord,
    FormatRecord,
    GatewayRecord,
    NumberBucket,
    NODE_BY_MOMENT,
    NODE_BY_ORIGIN,
    NODE_BY_STATE,
    NODE_LIST,
    ORDER_FIXED,
    ORDER_SHARE,
    OrderRecord,
    PlanKey,
    PlanRecord,
    PolicyRecord,
    ScheduleRecord,
    TargetRecord,
    Text,
    SHOW_FIXED,
    SHOW_TARGET,
    first_bucket,
    second_bucket,
    vn_prefetch,
)

cdef int64_t WEEK = 7 * 24 * 3600

@cython.final
cdef class RouteImage:
    """An image file, open for as long as the object lives.

    Opening reads the whole file once: every section's checksum, then every reference from one
    record to another, so that nothing is read past its end afterwards. The work is done without
    the GIL where it is long. Raises ImageError for a file that is foreign, cut, damaged or of
    another version, OSError where it cannot be read.
    """

    def __cinit__(self, path):
        cdef uint32_t rows = 0
        self.path = os.fspath(path)
        self._file = open(self.path, "rb")
        size = os.fstat(self._file.fileno()).st_size
        if size == 0:
            raise ImageError(f"{self.path}: an empty file, so no route image")
        self._mapping = mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ)
        self._bytes = self._mapping
        with memoryview(self._mapping) as data:
            self.header = read_header(data, self.path)
            for section, place in self.header.sections.items():
                # zlib releases the GIL for long buffers.
                with data[place.offset : place.offset + place.size] as part:
                    if zlib.crc32(part) != place.crc:
                        raise ImageError(
                            f"{self.path}: section {section.name} does not match its checksum:"
                            " the file is damaged"
                        )
        self.generation = self.header.generation
        self.horizon_start = self.header.horizon_start
        self.horizon_end = self.header.horizon_end
        # A state is searched for by where the moment lies between them.
        if not 0 <= self.horizon_start <= self.horizon_end - WEEK < 1 << 40:
            raise ImageError(f"{self.path}: a horizon that is none")
        self.text = <const char*>self._section(SectionId.TEXT, 1, &rows)
        self.text_size = rows
        self.buckets = <const NumberBucket*>self._section(
            SectionId.NUMBERS, sizeof(NumberBucket), &rows)
        self.bucket_count = rows
        self.seed = self.header.sections[SectionId.NUMBERS].parameter
        self.blocks = <const BlockSpan*>self._section(
            SectionId.BLOCKS, sizeof(BlockSpan), &self.block_count)
        self.assignments = <const AssignmentRecord*>self._section(
            SectionId.ASSIGNMENTS, sizeof(AssignmentRecord), &self.assignment_count)
        self.accounts = <const AccountRecord*>self._section(
            SectionId.ACCOUNTS, sizeof(AccountRecord), &self.account_count)
        self.plans = <const PlanRecord*>self._section(
            SectionId.PLANS, sizeof(PlanRecord), &self.plan_count)
        self.programs = <const uint32_t*>self._section(SectionId.PROGRAMS, 4, &self.program_words)
        self.rotations = self.header.sections[SectionId.PROGRAMS].parameter
        self.targets = <const TargetRecord*>self._section(
            SectionId.TARGETS, sizeof(TargetRecord), &self.target_count)
        self.schedules = <const ScheduleRecord*>self._section(
            SectionId.SCHEDULES, sizeof(ScheduleRecord), &self.schedule_count)
        self.transitions = <const int64_t*>self._section(
            SectionId.TRANSITIONS, 8, &self.transition_count)
        self.hashes = <const uint32_t*>self._section(SectionId.STATE_HASHES, 4, &self.hash_count)
        self.plan_keys = <const PlanKey*>self._section(
            SectionId.PLAN_KEYS, sizeof(PlanKey), &self.plan_key_count)
        if self.header.sections[SectionId.PLAN_KEYS].parameter >= self.program_words:
            raise ImageError(f"{self.path}: no end for calls that are diverted")
        self.ending = self.header.sections[SectionId.PLAN_KEYS].parameter
        self.prefix_index = <const uint32_t*>self._section(SectionId.PREFIX_INDEX, 4, &rows)
        if rows != INDEX_ROWS:
            raise ImageError(f"{self.path}: a prefix index of {rows} rows, not {INDEX_ROWS}")
        self.prefixes = <const uint64_t*>self._section(
            SectionId.PREFIXES, 8, &self.prefix_spans)
        self.choices = <const uint32_t*>self._section(SectionId.CHOICES, 4, &self.choice_words)
        self.destinations = <const uint32_t*>self._section(
            SectionId.DESTINATIONS, 4, &self.destination_count)
        self.columns = self.header.sections[SectionId.DESTINATIONS].parameter
        self.orders = <const OrderRecord*>self._section(
            SectionId.ORDERS, sizeof(OrderRecord), &self.order_count)
        self.shares = <const uint32_t*>self._section(SectionId.SHARES, 4, &self.share_count)
        self.allowed = self._section(SectionId.ALLOWED, 1, &rows)
        allowed_rows = rows
        self.rates = <const uint64_t*>self._section(SectionId.RATES, 8, &self.rate_count)
        self.carriers = <const CarrierRecord*>self._section(
            SectionId.CARRIERS, sizeof(CarrierRecord), &self.carrier_count)
        self.gateways = <const GatewayRecord*>self._section(
            SectionId.GATEWAYS, sizeof(GatewayRecord), &self.gateway_count)
        self.formats = <const FormatRecord*>self._section(
            SectionId.FORMATS, sizeof(FormatRecord), &self.format_count)
        self.policies = <const PolicyRecord*>self._section(
            SectionId.POLICIES, sizeof(PolicyRecord), &self.policy_count)
        self.languages = <const uint64_t*>self._section(
            SectionId.LANGUAGES, 8, &self.language_count)
        if self.language_count != 0 and self.language_count != LANGUAGE_HEADS:
            raise ImageError(f"{self.path}: languages of {self.language_count} heads of numbers")
        self.callers = <const NumberBucket*>self._section(
            SectionId.CALLERS, sizeof(NumberBucket), &rows)
        self.caller_buckets = rows
        self.caller_seed = self.header.sections[SectionId.CALLERS].parameter & 0xFFFFFFFF
        self.caller_lengths = (self.header.sections[SectionId.CALLERS].parameter >> 32) & 0xFFFFFFFF
        self.list_sets = <const uint32_t*>self._section(
            SectionId.LIST_SETS, 4, &self.list_set_words)
        self.lists = <const Text*>self._section(SectionId.LISTS, sizeof(Text), &self.list_count)
        self.screens = <const uint32_t*>self._section(SectionId.SCREENS, 4, &self.screen_words)
        if allowed_rows != <uint64_t>self.columns * self.carrier_count:
            raise ImageError(f"{self.path}: carriers allowed in columns that are not there")
        self._check_records()
        self._check_screens()
        self._check_choices()
        self._check_programs()

    cdef const unsigned char* _section(
        self, int number, size_t row_size, uint32_t* rows
    ) except NULL:
        place = self.header.sections[SectionId(number)]
        if place.size % row_size or place.size // row_size >= NO_VALUE:
            raise ImageError(
                f"{self.path}: section {SectionId(number).name} of {place.size} bytes does not"
                f" hold whole rows of {row_size}"
            )
        rows[0] = place.size // row_size
        cdef Py_ssize_t offset = place.offset
        # An empty last section begins at the file's end; its address is taken, never read.
        return &self._bytes[0] + offset

    cdef int _check_text(self, uint32_t offset, uint32_t size, str what) except -1:
        if <uint64_t>offset + size > self.text_size:
            raise ImageError(f"{self.path}: {what} lies outside the text section")
        return 0

    def _check_records(self):
        """Check every reference between records, so that the hot path need not."""
        cdef uint32_t row, previous = 0
        cdef const PlanRecord* plan
        cdef uint64_t bucket
        cdef int slot
        cdef bint sound = True
        cdef uint32_t index_rows = INDEX_ROWS
        cdef set runs = set()
        if self.bucket_count == 0:
            raise ImageError(f"{self.path}: no room for numbers")
        if self.policy_count == 0:
            raise ImageError(f"{self.path}: no policy")
        if self.prefix_spans == 0:
            raise ImageError(f"{self.path}: no prefix spans")
        for row in range(self.account_count):
            self._check_text(self.accounts[row].id.offset, self.accounts[row].id.size, "an account")
            if self.accounts[row].order >= self.order_count:
                raise ImageError(f"{self.path}: account {row} chooses carriers in no known way")
            for slot in range(REASONS):
                if self.accounts[row].treatments[slot] >= self.plan_count:
                    raise ImageError(f"{self.path}: account {row} has a treatment that is none")
        for row in range(self.carrier_count):
            self._check_text(self.carriers[row].id.offset, self.carriers[row].id.size, "a carrier")
            if (<uint64_t>self.carriers[row].first_gateway + self.carriers[row].gateways
                    > self.gateway_count):
                raise ImageError(f"{self.path}: carrier {row} has gateways that are not there")
        for row in range(self.gateway_count):
            for text in (self.gateways[row].id, self.gateways[row].variables,
                         self.gateways[row].asserted, self.gateways[row].shown):
                self._check_text(text["offset"], text["size"], "a gateway")
            if (self.gateways[row].carrier >= self.carrier_count
                    or self.gateways[row].show > SHOW_TARGET):
                raise ImageError(f"{self.path}: gateway {row} is of no carrier, or shows no known")
            if (self.gateways[row].dials == 0
                    or not self._sound_formats(
                        self.gateways[row].first_dial, self.gateways[row].dials)
                    or not self._sound_formats(
                        self.gateways[row].first_caller, self.gateways[row].callers)):
                raise ImageError(f"{self.path}: gateway {row} writes numbers in no known way")
        for row in range(self.format_count):
            for text in (self.formats[row].before, self.formats[row].after):
                self._check_text(text["offset"], text["size"], "a format")
            if self.formats[row].digits > LINE_DIGITS:
                raise ImageError(f"{self.path}: format {row} is for a prefix that is none")
        for row in range(self.policy_count):
            for text in (self.policies[row].variables, self.policies[row].branch,
                         self.policies[row].together, self.policies[row].go_on,
                         self.policies[row].guard, self.policies[row].advance):
                self._check_text(text["offset"], text["size"], "a policy")
        for row in range(self.schedule_count):
            self._check_text(
                self.schedules[row].id.offset, self.schedules[row].id.size, "a schedule")
            self._check_text(
                self.schedules[row].zone.offset, self.schedules[row].zone.size, "a time zone")
            self._check_text(
                self.schedules[row].states.offset, self.schedules[row].states.size, "a state")
            if (self.schedules[row].count == 0 or <uint64_t>self.schedules[row].first
                    + self.schedules[row].count > self.transition_count):
                raise ImageError(f"{self.path}: schedule {row} has no transitions of its own")
            if self.schedules[row].state_count != 1 + self.text[
                self.schedules[row].states.offset
                : self.schedules[row].states.offset + self.schedules[row].states.size
            ].count(b","):
                raise ImageError(f"{self.path}: schedule {row} has states without a name")
            if (<uint64_t>self.schedules[row].hashes + self.schedules[row].state_count
                    > self.hash_count):
                raise ImageError(f"{self.path}: schedule {row} has states without a hash")
            # Schedules share their transitions; each list is looked at once.
            run = (self.schedules[row].first, self.schedules[row].count,
                   self.schedules[row].state_count)
            if run not in runs and not self._sound_transitions(row):
                raise ImageError(f"{self.path}: schedule {row} has unknown states or is unsorted")
            runs.add(run)
        for row in range(self.plan_key_count):
            if self.plan_keys[row].plan >= self.plan_count or (
                row and self.plan_keys[row - 1].key >= self.plan_keys[row].key
            ):
                raise ImageError(f"{self.path}: the keys of the plans are unsorted or of no plan")
        for row in range(self.plan_count):
            self._check_text(self.plans[row].id.offset, self.plans[row].id.size, "a plan")
            self._check_text(self.plans[row].head.offset, self.plans[row].head.size, "a plan")
            self._check_text(self.plans[row].channel.offset, self.plans[row].channel.size, "a plan")
            if (self.plans[row].words == 0 or <uint64_t>self.plans[row].program
                    + self.plans[row].words > self.program_words):
                raise ImageError(f"{self.path}: plan {row} lies outside the programs")
        for row in range(self.assignment_count):
            self._check_text(self.assignments[row].campaign.offset,
                             self.assignments[row].campaign.size, "a campaign")
            if (self.assignments[row].account >= self.account_count
                    or self.assignments[row].plan >= self.plan_count
                    or self.assignments[row].state > STATE_PORTED_OUT):
                raise ImageError(f"{self.path}: assignment {row} is of no account or plan")
            plan = &self.plans[self.assignments[row].plan]
            if (self.assignments[row].program != plan.program
                    or self.assignments[row].words != plan.words):
                raise ImageError(f"{self.path}: assignment {row} has another program than its plan")
            self._check_text(
                self.assignments[row].head.offset, self.assignments[row].head.size, "a head")
            self._check_text(
                self.assignments[row].channel.offset, self.assignments[row].channel.size, "a head")
        with nogil:
            for bucket in range(self.bucket_count):
                for slot in range(BUCKET_SLOTS):
                    if (self.buckets[bucket].key[slot]
                            and self.buckets[bucket].assignment[slot] >= self.assignment_count):
                        sound = False
            for row in range(self.block_count):
                if (self.blocks[row].assignment != NO_VALUE
                        and self.blocks[row].assignment >= self.assignment_count):
                    sound = False
            for row in range(index_rows):
                if self.prefix_index[row] < previous or self.prefix_index[row] > self.prefix_spans:
                    sound = False
                previous = self.prefix_index[row]
            for row in range(self.prefix_spans):
                if ((self.prefixes[row] & NO_PREFIX) != NO_PREFIX
                        and (self.prefixes[row] & NO_PREFIX) >= self.destination_count // <uint32_t>max(
                            1, self.columns)):
                    sound = False
        if not sound:
            raise ImageError(f"{self.path}: a number or prefix refers to what is not there")

    cdef bint _sound_formats(self, uint32_t first, uint32_t count) noexcept nogil:
        """Whether a gateway's formats are all there, the last for every number."""
        if count == 0:
            return True
        return (<uint64_t>first + count <= self.format_count
                and self.formats[first + count - 1].digits == 0)

    cdef bint _sound_transitions(self, uint32_t schedule) noexcept nogil:
        """Whether a schedule's transitions ascend, each to a state that has a name."""
        cdef const int64_t* rows = self.transitions + self.schedules[schedule].first
        cdef uint32_t i
        for i in range(self.schedules[schedule].count):
            if <uint32_t>(rows[i] & 0xFF) >= self.schedules[schedule].state_count:
                return False
            if i and rows[i] >> 8 <= rows[i - 1] >> 8:
                return False
        return True

    cdef bint _sound_choice(self, uint32_t at, const unsigned char* starts) noexcept nogil:
        """Whether a node or list of choices begins there, or NO_PREFIX says that there is none."""
        return at == NO_PREFIX or (at < self.choice_words and starts[at >> 3] >> (at & 7) & 1)

    cdef bint _sound_node(
        self, uint32_t at, const unsigned char* starts, uint32_t* words
    ) noexcept nogil:
        """Whether what begins there is a list, or a node over some that begin before it."""
        cdef const uint32_t* node = self.choices + at
        cdef uint32_t kind = node[0] >> 24, count = node[0] & 0xFFFFFF, i
        cdef uint64_t size = 1 + 2 * <uint64_t>count
        if kind == NODE_BY_MOMENT:
            size = 1 + 3 * <uint64_t>count
        elif kind == NODE_BY_STATE or kind == NODE_BY_ORIGIN:
            size = 2 + <uint64_t>count
        elif kind != NODE_LIST:
            return False
        if at + size > self.choice_words or (kind != NODE_LIST and count == 0):
            return False
        words[0] = <uint32_t>size
        if kind == NODE_LIST:
            for i in range(count):
                if node[1 + 2 * i] >= self.carrier_count or (
                    node[2 + 2 * i] >= self.rate_count and node[2 + 2 * i] != NO_VALUE
                ):
                    return False
            return True
        if kind == NODE_BY_STATE and (
            node[1] >= self.schedule_count or self.schedules[node[1]].state_count != count
        ):
            return False
        if kind == NODE_BY_ORIGIN and (count != 3 or node[1] >= self.list_count):
            return False
        for i in range(count):
            if kind == NODE_BY_MOMENT:
                if node[3 + 3 * i] >= at or not self._sound_choice(node[3 + 3 * i], starts):
                    return False
            elif node[2 + i] >= at or not self._sound_choice(node[2 + i], starts):
                return False
        return True

    cdef int _check_screens(self) except -1:
        """Check who is on which lists, and the rules of screens."""
        cdef uint32_t row, at = 0, i, op
        cdef uint64_t bucket
        cdef uint32_t slots = BUCKET_SLOTS
        cdef set sets = set()
        cdef set starts = set()
        while at < self.list_set_words:
            sets.add(at)
            if at + 1 + <uint64_t>self.list_sets[at] > self.list_set_words:
                raise ImageError(f"{self.path}: a set of lists is cut")
            for i in range(self.list_sets[at]):
                row = self.list_sets[at + 1 + i]
                if row >= self.list_count or (i and self.list_sets[at + i] >= row):
                    raise ImageError(f"{self.path}: a set of lists is unsorted or of no list")
            at += 1 + self.list_sets[at]
        if 0 not in sets or self.list_sets[0] != 0 or self.caller_buckets == 0:
            raise ImageError(f"{self.path}: no room for callers")
        for row in range(self.list_count):
            self._check_text(self.lists[row].offset, self.lists[row].size, "a list")
        for bucket in range(self.caller_buckets):
            for i in range(slots):
                if (self.callers[bucket].key[i]
                        and self.callers[bucket].assignment[i] not in sets):
                    raise ImageError(f"{self.path}: a caller is on lists that are not there")
        at = 0
        while at < self.screen_words:
            starts.add(at)
            if at + 1 + <uint64_t>self.screens[at] * SCREEN_WORDS > self.screen_words:
                raise ImageError(f"{self.path}: a screen is cut")
            row = at + 1
            for i in range(self.screens[at]):
                op = self.screens[row] & 0xFF
                if (op > SCREEN_CPS or self.screens[row] >> 8 > 2
                        or (op < SCREEN_RATE and self.screens[row + 1] >= self.list_count)
                        or (op > SCREEN_RATE and self.screens[row + 1] > 1)
                        or self.screens[row + 2] >= self.plan_count):
                    raise ImageError(f"{self.path}: a screen has a rule of no list or plan")
                self._check_text(self.screens[row + 3], self.screens[row + 4], "a screen")
                self._check_text(self.screens[row + 5], self.screens[row + 6], "a screen")
                row += SCREEN_WORDS
            at = row
        self.screen_starts = frozenset(starts)
        for row in range(self.assignment_count):
            if self.assignments[row].screen != NO_VALUE and (
                self.assignments[row].screen not in starts
            ):
                raise ImageError(f"{self.path}: assignment {row} has a screen that is none")
        return 0

    cdef uint32_t _caller_set(self, uint64_t key) noexcept nogil:
        """Return the set of lists of a caller's key, NO_VALUE for a key that is not there."""
        cdef const NumberBucket* bucket
        cdef int slot
        bucket = &self.callers[first_bucket(key, self.caller_seed, self.caller_buckets)]
        for slot in range(BUCKET_SLOTS):
            if bucket.key[slot] == key:
                return bucket.assignment[slot]
        bucket = &self.callers[second_bucket(key, self.caller_seed, self.caller_buckets)]
        for slot in range(BUCKET_SLOTS):
            if bucket.key[slot] == key:
                return bucket.assignment[slot]
        return NO_VALUE

    cdef uint32_t lists_of(self, uint64_t digits, int size) noexcept nogil:
        """Return the set of lists that a caller is on; `size` 0: `digits` is a key without any.

        The number itself, then its longest prefix that is an entry: either's set holds the lists
        of all shorter prefixes as well. Only lengths that some prefix has are looked for.
        """
        cdef uint32_t found = self._caller_set(digits << 4 if size else digits)
        if size == 0 or found != NO_VALUE:
            return 0 if found == NO_VALUE else found
        cdef int length = size
        while length > 0:
            if self.caller_lengths >> length & 1:
                found = self._caller_set(
                    (digits / POWERS[size - length]) << 4 | <uint64_t>length)
                if found != NO_VALUE:
                    return found
            length -= 1
        return 0

    cdef bint is_on(self, uint32_t at, uint32_t wanted) noexcept nogil:
        """Whether a set of lists holds a list."""
        cdef const uint32_t* row = self.list_sets + at + 1
        cdef uint32_t first = 0, count = self.list_sets[at], size = count, half
        while count:
            half = count >> 1
            if row[first + half] < wanted:
                first += half + 1
                count -= half + 1
            else:
                count = half
        return first < size and row[first] == wanted

    cdef int _check_choices(self) except -1:
        """Check choices, and whatever leads to them. Nodes lead to what lies before them, so
        following them comes to an end."""
        cdef uint32_t at = 0, words = 0, i
        cdef bint sound = True
        cdef unsigned char[::1] marks = bytearray(self.choice_words // 8 + 1)
        cdef unsigned char* starts = &marks[0]
        with nogil:
            while sound and at < self.choice_words:
                sound = self._sound_node(at, starts, &words)
                starts[at >> 3] |= 1 << (at & 7)
                at += words
            for i in range(self.destination_count):
                if self.destinations[i] == NO_PREFIX or not self._sound_choice(
                    self.destinations[i], starts
                ):
                    sound = False
        if not sound or self.columns == 0:
            raise ImageError(f"{self.path}: a row of choices that is none")
        for i in range(self.order_count):
            if (self.orders[i].column >= self.columns or self.orders[i].how > ORDER_FIXED or (
                self.orders[i].how == ORDER_SHARE
                and <uint64_t>self.orders[i].first_share + self.carrier_count > self.share_count
            )):
                raise ImageError(f"{self.path}: order {i} is no order of carriers")
        self._check_targets(starts)
        return 0

    cdef int _check_targets(self, const unsigned char* starts) except -1:
        cdef uint32_t row
        for row in range(self.target_count):
            self._check_text(self.targets[row].dial.offset, self.targets[row].dial.size, "a target")
            self._check_text(
                self.targets[row].shown.offset, self.targets[row].shown.size, "a target")
            self._check_text(
                self.targets[row].variables.offset, self.targets[row].variables.size, "a target")
            if (self.targets[row].policy >= self.policy_count
                    or self.targets[row].show > SHOW_FIXED
                    or self.targets[row].order >= self.order_count
                    or not self._sound_choice(self.targets[row].choices, starts)):
                raise ImageError(f"{self.path}: target {row} has no policy or choice of carriers")
        return 0

    cdef int _check_programs(self) except -1:
        cdef uint32_t plan
        if self.rotations > self.program_words:
            raise ImageError(f"{self.path}: more rotations than steps")
        for plan in range(self.plan_count):
            self._check_program(
                plan, self.plans[plan].program, self.plans[plan].program + self.plans[plan].words)
        self._check_program(self.plan_count, self.ending, self.program_words)
        return 0

    cdef int _check_program(self, uint32_t plan, uint32_t at, uint32_t stop) except -1:
        """Check each step's operands, and that whatever passes over words lands on a step."""
        cdef uint32_t op = OP_END + 1, i, body
        cdef uint64_t words
        cdef const uint32_t* step
        cdef set starts = set()
        cdef set landings = set()
        while at < stop:
            step = self.programs + at
            op = step[0] & 0xFF
            starts.add(at)
            if op > OP_HERE or at + OP_WORDS[op] > stop or at + words_of(step) > stop:
                raise ImageError(f"{self.path}: plan {plan} has an unknown or cut step")
            words = words_of(step)
            if op == OP_WHEN:
                landings.add(at + words + step[3])
                if (step[1] >= self.schedule_count
                        or step[2] >= self.schedules[step[1]].state_count):
                    raise ImageError(f"{self.path}: plan {plan} has a step under no schedule")
            elif op == OP_FROM:
                landings.add(at + words + step[1])
                for i in range(step[3]):
                    if not 1 <= step[6 + 3 * i] <= 15:
                        raise ImageError(f"{self.path}: plan {plan} has a caller of no length")
            elif op == OP_CAMPAIGN:
                landings.add(at + words + step[1])
                for i in range(step[2]):
                    self._check_text(step[3 + 2 * i], step[4 + 2 * i], "a campaign")
            elif op == OP_LANGUAGE:
                landings.add(at + words + step[1])
                if step[2] > step[3]:
                    raise ImageError(f"{self.path}: plan {plan} asks for languages not there")
            elif op == OP_RING:
                if step[1] >= self.target_count:
                    raise ImageError(f"{self.path}: plan {plan} rings a target that is not there")
            elif op == OP_TOGETHER:
                for i in range(step[1]):
                    if step[2 + i] >= self.target_count:
                        raise ImageError(
                            f"{self.path}: plan {plan} rings a target that is not there")
            elif op == OP_FORWARD:
                if step[1] >= self.plan_count or (
                    step[4] >= self.assignment_count and step[4] != NO_VALUE
                ):
                    raise ImageError(f"{self.path}: plan {plan} forwards to no plan")
            elif op == OP_HANGUP or op == OP_APPLY or op == OP_TAKE:
                self._check_text(step[1], step[2], "a cause")
            elif op == OP_HERE:
                self._check_text(step[2], step[3], "what a phone says")
                self._check_text(step[4], step[5], "a sound")
            elif op == OP_RELAY:
                self._check_text(step[1], step[2], "a cause")
                self._check_text(step[3], step[4], "a cause")
                self._check_text(step[5], step[6], "a cause")
            elif op == OP_PICK:
                if step[1] > PICK_ROTATE or step[3] == 0 or (
                    step[1] == PICK_ROTATE and step[2] >= self.rotations
                ):
                    raise ImageError(f"{self.path}: plan {plan} picks in no known way")
                body = at + <uint32_t>words
                for i in range(step[3]):
                    if step[4 + 2 * i] == 0:
                        raise ImageError(f"{self.path}: plan {plan} picks by a share of nothing")
                    landings.add(body)
                    if body + <uint64_t>step[5 + 2 * i] >= stop:
                        raise ImageError(f"{self.path}: plan {plan} picks what is not there")
                    body += step[5 + 2 * i]
                landings.add(body)
            at += <uint32_t>words
        if op != OP_END:
            raise ImageError(f"{self.path}: plan {plan} has no end")
        if not landings <= starts:
            raise ImageError(f"{self.path}: plan {plan} passes into the midst of a step")
        return 0

    cdef uint32_t assignment_of(self, uint64_t number) noexcept nogil:
        """Return the row of the assignment that a number is under, or NO_VALUE."""
        cdef const NumberBucket* bucket
        cdef int slot
        bucket = &self.buckets[first_bucket(number, self.seed, self.bucket_count)]
        for slot in range(BUCKET_SLOTS):
            if bucket.key[slot] == number:
                return bucket.assignment[slot]
        bucket = &self.buckets[second_bucket(number, self.seed, self.bucket_count)]
        for slot in range(BUCKET_SLOTS):
            if bucket.key[slot] == number:
                return bucket.assignment[slot]
        return self.block_of(number)

    cdef void fetch_number(self, uint64_t number) noexcept nogil:
        """Ask memory for where a number will be looked for."""
        vn_prefetch(&self.buckets[first_bucket(number, self.seed, self.bucket_count)])
        vn_prefetch(&self.buckets[second_bucket(number, self.seed, self.bucket_count)])

    cdef uint32_t block_of(self, uint64_t number) noexcept nogil:
        """Return the row of the assignment of the narrowest block around a number, or NO_VALUE."""
        cdef uint32_t first = 0, count = self.block_count, half
        while count:
            half = count >> 1
            if self.blocks[first + half].first <= number:
                first += half + 1
                count -= half + 1
            else:
                count = half
        return NO_VALUE if first == 0 else self.blocks[first - 1].assignment

    cdef int out_of_service(self, const AssignmentRecord* record, int64_t now) noexcept nogil:
        """Return 0 where numbers under an assignment are in service, else 1 + the place of the
        reason among an account's treatments."""
        if now < record.since:
            return REASONS - 1
        if now >= record.until:
            return REASONS
        # The states beside active are the first reasons, in their order.
        return <int>record.state

    cdef uint32_t choices_of(self, uint64_t number, uint32_t order) noexcept nogil:
        """Return the row of choices of a number, NO_PREFIX where no carrier takes it."""
        cdef uint32_t destination
        cdef int size = 1
        while size < 15 and number >= POWERS[size]:
            size += 1
        destination = longest_match(
            self.prefix_index, self.prefixes, number * POWERS[15 - size], size)
        if destination == NO_PREFIX:
            return NO_PREFIX
        return self.destinations[destination * self.columns + self.orders[order].column]

    cdef uint32_t state_of(self, uint32_t schedule, int64_t now) noexcept nogil:
        """Return the state of a schedule at a moment in Unix seconds."""
        cdef Spell spell
        return self.spell_of(schedule, now, &spell)

    cdef uint32_t spell_of(self, uint32_t schedule, int64_t now, Spell* spell) noexcept nogil:
        """Return the state of a schedule at a moment in Unix seconds, and since and until when it
        is so.

        A transition is (second << 8 | state). Outside the horizon the same hour of the first or
        last week inside it answers. Transitions lie nearly even in time, so the search begins
        where the moment would be if they did, and widens from there: it touches two or three cache
        lines where halving the whole list would touch ten.
        """
        cdef const int64_t* row = self.transitions + self.schedules[schedule].first
        cdef uint32_t low, high, step = 1, count = self.schedules[schedule].count, half
        cdef int64_t asked = now
        if now >= self.horizon_end:
            now -= (now - self.horizon_end + WEEK) // WEEK * WEEK
        elif now < self.horizon_start:
            now += (self.horizon_start - now + WEEK - 1) // WEEK * WEEK
        cdef int64_t wanted = (now << 8) | 0xFF
        low = <uint32_t>(<double>(now - self.horizon_start)
                         / <double>(self.horizon_end - self.horizon_start) * count)
        if low >= count:
            low = count - 1
        # Wanted: the last row not above the moment. From here on it is in [low, high), or row 0.
        if row[low] <= wanted:
            high = low + 1
            while high < count and row[high] <= wanted:
                low = high
                high += step
                step <<= 1
            if high > count:
                high = count
        else:
            high = low
            while low and row[low] > wanted:
                high = low
                low = low - step if low > step else 0
                step <<= 1
        while high - low > 1:
            half = low + ((high - low) >> 1)
            if row[half] <= wanted:
                low = half
            else:
                high = half
        spell.since = row[low]
        # A week that stands for another says nothing of the moments around.
        spell.until = now if now != asked else (
            row[low + 1] >> 8 if low + 1 < count else self.horizon_end)
        return <uint32_t>(row[low] & 0xFF)

    cdef uint32_t state_by_hash(self, uint32_t schedule, uint32_t wanted) noexcept nogil:
        """Return the number of a schedule's state whose name has a hash, or NO_VALUE."""
        cdef const uint32_t* row = self.hashes + self.schedules[schedule].hashes
        cdef uint32_t i
        for i in range(self.schedules[schedule].state_count):
            if row[i] == wanted:
                return i
        return NO_VALUE

    cdef uint32_t plan_by_key(self, uint64_t key) noexcept nogil:
        """Return the row of the plan that the state page knows by a key, or NO_VALUE."""
        cdef uint32_t first = 0, count = self.plan_key_count, half
        while count:
            half = count >> 1
            if self.plan_keys[first + half].key < key:
                first += half + 1
                count -= half + 1
            else:
                count = half
        if first < self.plan_key_count and self.plan_keys[first].key == key:
            return self.plan_keys[first].plan
        return NO_VALUE

    cdef str _text(self, uint32_t offset, uint32_t size):
        return self.text[offset : offset + size].decode("ascii")

    # What follows is for people: `vnroute route`, `vnroute status` and tests.

    def counts(self):
        """Return rows by section, as the compiler counted them."""
        return {
            section.name.lower(): place.rows for section, place in self.header.sections.items()
        }

    def find_number(self, uint64_t number):
        """Return the row of the assignment of a number, or None."""
        cdef uint32_t row = self.assignment_of(number)
        return None if row == NO_VALUE else row

    def assignment(self, uint32_t row):
        """Return (account id, account state, plan row, campaign, state, in service from, until) of
        an assignment; its state counts the account's."""
        if row >= self.assignment_count:
            raise IndexError(row)
        return self.about(&self.assignments[row], self.text)

    cdef tuple about(self, const AssignmentRecord* record, const char* text):
        cdef const AccountRecord* account = &self.accounts[record.account]
        return (
            self._text(account.id.offset, account.id.size),
            account.state,
            record.plan,
            text[record.campaign.offset : record.campaign.offset + record.campaign.size]
            .decode("ascii"),
            record.state,
            record.since,
            record.until,
        )

    def caller_lists(self, str digits not None, bint anonymous=False):
        """Return the ids of the lists that a caller is on; no digits: anonymous, or no number."""
        cdef uint64_t key = int(digits) if digits else 0
        if not digits:
            key = CALLER_ANONYMOUS if anonymous else CALLER_INVALID
        at = self.lists_of(key, len(digits))
        return [
            self._text(self.lists[row].offset, self.lists[row].size)
            for row in [self.list_sets[at + 1 + i] for i in range(self.list_sets[at])]
        ]

    cdef list rules_of(self, uint32_t at):
        if at == NO_VALUE:
            return []
        found = []
        for i in range(self.screens[at]):
            row = at + 1 + i * SCREEN_WORDS
            op, level = self.screens[row] & 0xFF, self.screens[row] >> 8
            name = ""
            if op < SCREEN_RATE:
                name = self._text(self.lists[self.screens[row + 1]].offset,
                                  self.lists[self.screens[row + 1]].size)
            found.append((
                op, level, name, self.screens[row + 2],
                self._text(self.screens[row + 3], self.screens[row + 4]),
                self._text(self.screens[row + 5], self.screens[row + 6]),
            ))
        return found

    def plan_id(self, uint32_t row):
        """Return the id of a plan, empty for a treatment that is none."""
        if row >= self.plan_count:
            raise IndexError(row)
        return self._text(self.plans[row].id.offset, self.plans[row].id.size)

    def plan_with_key(self, uint64_t key):
        """Return the row of the plan that the state page knows by a key, or None."""
        cdef uint32_t row = self.plan_by_key(key)
        return None if row == NO_VALUE else row

    def program(self, uint32_t row):
        """Return a plan's program as a list of tuples: (op, step, operand, …)."""
        if row >= self.plan_count:
            raise IndexError(row)
        cdef uint32_t at = self.plans[row].program
        cdef uint32_t stop = at + self.plans[row].words
        steps = []
        while at < stop:
            words = words_of(self.programs + at)
            steps.append((self.programs[at] & 0xFF, self.programs[at] >> 8)
                         + tuple(self.programs[at + i] for i in range(1, words)))
            at += words
        return steps

    def target(self, uint32_t row):
        """Return a target: (number, row of choices, policy, seconds, delay, show, dial string,
        number shown, other variables)."""
        if row >= self.target_count:
            raise IndexError(row)
        cdef TargetRecord record = self.targets[row]
        return (
            record.number, record.choices, record.policy, record.seconds, record.delay,
            record.show, self._text(record.dial.offset, record.dial.size),
            self._text(record.shown.offset, record.shown.size),
            self._text(record.variables.offset, record.variables.size),
        )

    def text_at(self, uint32_t offset, uint32_t size):
        """Return a piece of the text section."""
        self._check_text(offset, size, "a text")
        return self._text(offset, size)

    def schedule_about(self, uint32_t row):
        """Return (id, time zone, names of its states by number) of a schedule."""
        if row >= self.schedule_count:
            raise IndexError(row)
        cdef ScheduleRecord record = self.schedules[row]
        return (
            self._text(record.id.offset, record.id.size),
            self._text(record.zone.offset, record.zone.size),
            tuple(self._text(record.states.offset, record.states.size).split(",")),
        )

    def schedule_changes(self, uint32_t row, double after, double end):
        """Return the transitions behind one moment and before another: [(second, state), …]."""
        if row >= self.schedule_count:
            raise IndexError(row)
        cdef const int64_t* rows = self.transitions + self.schedules[row].first
        cdef uint32_t first = 0, count = self.schedules[row].count, half, last
        last = count
        while count:
            half = count >> 1
            if rows[first + half] >> 8 <= after:
                first += half + 1
                count -= half + 1
            else:
                count = half
        found = []
        while first < last and rows[first] >> 8 < end:
            found.append((rows[first] >> 8, rows[first] & 0xFF))
            first += 1
        return found

    def schedule(self, uint32_t row, double now):
        """Return (id, state by number, whether within the horizon) of a schedule at a moment."""
        if row >= self.schedule_count:
            raise IndexError(row)
        return (
            self._text(self.schedules[row].id.offset, self.schedules[row].id.size),
            self.state_of(row, <int64_t>now),
            self.horizon_start <= now < self.horizon_end,
        )

    def choices_for(self, str digits not None, uint32_t order=0):
        """Return the row of choices for a destination (digits, no plus), or None."""
        if order >= self.order_count:
            raise IndexError(order)
        if not digits or not digits.isascii() or not digits.isdigit() or len(digits) > 15 or digits[0] == "0":
            return None
        cdef uint32_t at = self.choices_of(int(digits), order)
        return None if at == NO_PREFIX else at

    def node(self, uint32_t at):
        """Return the words of a row of choices: its head, and what follows."""
        cdef uint32_t kind, count, size
        if at >= self.choice_words:
            raise IndexError(at)
        kind, count = self.choices[at] >> 24, self.choices[at] & 0xFFFFFF
        size = 1 + 2 * count
        if kind == NODE_BY_MOMENT:
            size = 1 + 3 * count
        elif kind != NODE_LIST:
            size = 2 + count
        return [self.choices[at + i] for i in range(min(size, self.choice_words - at))]

    def choice(self, uint32_t at, double now=0):
        """Return a row of choices at a moment: [(carrier row, carrier id, rate in 1e-8 or None)].

        Schedules say what their rules say; a matcher asks the state page besides. Who calls is
        not known.
        """
        words = self.node(at)
        while words[0] >> 24 != NODE_LIST:
            if words[0] >> 24 == NODE_BY_STATE:
                words = self.node(words[2 + self.state_of(words[1], <int64_t>now)])
            elif words[0] >> 24 == NODE_BY_ORIGIN:
                words = self.node(words[4])
            else:
                rows = [
                    row for low, high, row in zip(words[1::3], words[2::3], words[3::3])
                    if high << 32 | low <= now
                ]
                words = self.node(rows[len(rows) - 1] if rows else words[3])
        return self.carriers_in(words)

    def carriers_in(self, words):
        """Return what the words of a list say: [(carrier row, carrier id, rate in 1e-8 or None)]."""
        found = []
        for carrier, rate in zip(words[1::2], words[2::2]):
            if carrier >= self.carrier_count or (rate >= self.rate_count and rate != NO_VALUE):
                raise IndexError(carrier)
            found.append((
                carrier,
                self._text(self.carriers[carrier].id.offset, self.carriers[carrier].id.size),
                None if rate == NO_VALUE else self.rates[rate],
            ))
        return found

    def order(self, uint32_t row):
        """Return how a choice orders carriers: (column, order by number, most, worst class in front
        or None, shares by carrier row, whether each carrier is allowed)."""
        if row >= self.order_count:
            raise IndexError(row)
        cdef OrderRecord record = self.orders[row]
        cdef uint32_t i
        shares = []
        if record.how == ORDER_SHARE:
            shares = [self.shares[record.first_share + i] for i in range(self.carrier_count)]
        first = <uint64_t>record.column * self.carrier_count
        return (
            record.column, record.how, record.most,
            None if record.within == NO_VALUE else record.within, shares,
            [self.allowed[first + i] != 0 for i in range(self.carrier_count)],
        )

    def order_of_target(self, uint32_t row):
        """Return a target's row of choices of order, and what its carriers' prices are below, in
        1e-8 (None: no matter)."""
        if row >= self.target_count:
            raise IndexError(row)
        limit = self.targets[row].limit
        return (self.targets[row].order, None if limit == <uint64_t>-1 else limit)

    def list_at(self, uint32_t row):
        """Return the id of a list of callers."""
        if row >= self.list_count:
            raise IndexError(row)
        return self._text(self.lists[row].offset, self.lists[row].size)

    def is_caller_on(self, str digits not None, uint32_t row):
        """Whether a caller (digits, no plus) is on a list."""
        if row >= self.list_count or not 1 <= len(digits) <= 15:
            raise IndexError(row)
        return bool(self.is_on(self.lists_of(int(digits), len(digits)), row))

    def gateways_of(self, uint32_t carrier, uint64_t number):
        """Return a carrier's gateways, and how each dials a number: [(id, dial string), …]."""
        cdef const FormatRecord* form
        cdef bytes digits = str(number).encode("ascii")
        if carrier >= self.carrier_count:
            raise IndexError(carrier)
        found = []
        first = self.carriers[carrier].first_gateway
        for row in range(first, first + self.carriers[carrier].gateways):
            form = format_for(
                self.formats + self.gateways[row].first_dial, self.gateways[row].dials,
                number, len(digits))
            kept = digits[form.strip:] if form.strip < <uint32_t>len(digits) else digits
            found.append((
                self._text(self.gateways[row].id.offset, self.gateways[row].id.size),
                self._text(form.before.offset, form.before.size) + kept.decode("ascii")
                + self._text(form.after.offset, form.after.size),
            ))
        return found

    def policy(self, uint32_t row):
        """Return (variables, legs at most) of a hunting policy."""
        if row >= self.policy_count:
            raise IndexError(row)
        return (
            self._text(self.policies[row].variables.offset, self.policies[row].variables.size),
            self.policies[row].max_legs,
        )
