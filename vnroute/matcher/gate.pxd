# cython: language_level=3
"""The one gate that text from the wire passes into variables and dial strings.

Numbers pass by a digit rule, names by an allow-list, everything else never. What passes holds
nothing that FreeSWITCH gives a meaning to: no comma, semicolon, equals sign, bar, bracket, brace,
caret, dollar, percent, quote, backslash, colon, slash, or control character. It is decoded once
and checked after that, since FreeSWITCH hands on a %XX that came in a SIP header as it is
(switch_url_encode in switch_utils.c).
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from vnroute.matcher.channel_data cimport Slice

cdef enum:
    NUMBER_DIGITS = 20   # longer than E.164's 15, for national and internal callers
    NAME_BYTES = 60
    IDENTITY_BYTES = 4096
    MOST_DIVERSIONS = 99
    TAG_BYTES = 60       # of a language


cdef inline int hex_digit(unsigned char c) noexcept nogil:
    if c'0' <= c <= c'9':
        return c - c'0'
    if c'A' <= c <= c'F':
        return c - c'A' + 10
    if c'a' <= c <= c'f':
        return c - c'a' + 10
    return -1


cdef inline int next_byte(const Slice* text, size_t* at) noexcept nogil:
    """Return the next byte, %XX decoded, and step over it; -1 at the end."""
    cdef size_t i = at[0]
    cdef int high, low
    if i >= text.size:
        return -1
    if text.data[i] == c'%' and i + 2 < text.size:
        high, low = hex_digit(text.data[i + 1]), hex_digit(text.data[i + 2])
        if high >= 0 and low >= 0:
            at[0] = i + 3
            return high * 16 + low
    at[0] = i + 1
    return text.data[i]


cdef inline int gate_number(const Slice* text, unsigned char* out) noexcept nogil:
    """Write a caller's number, an optional plus and 1 to 20 digits; return its size, else 0.

    Parameters of the number (RFC 3966; a SIP URI has them before the @: RFC 3261, 19.1.6) are left.
    """
    cdef size_t at = 0
    cdef int size = 0, c
    if text.data is NULL:
        return 0
    c = next_byte(text, &at)
    if c == c'+':
        out[0] = c'+'
        size = 1
        c = next_byte(text, &at)
    cdef int first = size
    while c >= 0 and not (c == c';' and size > first):
        if c < c'0' or c > c'9' or size - first == NUMBER_DIGITS:
            return 0
        out[size] = <unsigned char>c
        size += 1
        c = next_byte(text, &at)
    return size if size > first else 0


cdef inline int gate_name(const Slice* text, unsigned char* out) noexcept nogil:
    """Write what may pass of a caller's name; return its size, 60 bytes at most, maybe 0.

    ASCII letters, digits, dot and dash pass, and letters of two UTF-8 bytes (Latin with marks,
    Greek, Cyrillic: U+00C0 to U+052F). Any run of other bytes becomes one blank.
    """
    cdef size_t at = 0, after
    cdef int size = 0, c, second, point
    cdef bint blank = False
    if text.data is NULL:
        return 0
    while True:
        c = next_byte(text, &at)
        if c < 0:
            break
        second = -1
        if 0xC3 <= c <= 0xD4:
            after = at
            second = next_byte(text, &after)
            point = ((c & 0x1F) << 6) | (second & 0x3F)
            if (second & 0xC0) == 0x80 and second >= 0 and 0xC0 <= point <= 0x52F and (
                point != 0xD7 and point != 0xF7 and not 0x2B0 <= point <= 0x37F
                and point != 0x387 and not 0x482 <= point <= 0x489
            ):
                at = after
            else:
                second = -1
        if second < 0 and not (
            c'a' <= c <= c'z' or c'A' <= c <= c'Z' or c'0' <= c <= c'9' or c == c'.' or c == c'-'
        ):
            blank = size > 0
            continue
        if size + blank + (2 if second >= 0 else 1) > NAME_BYTES:
            break
        if blank:
            out[size] = c' '
            size += 1
            blank = False
        out[size] = <unsigned char>c
        size += 1
        if second >= 0:
            out[size] = <unsigned char>second
            size += 1
    return size


cdef inline bint has_parameter(
    const Slice* text, size_t at, const char* name, int length
) noexcept nogil:
    """Whether one of the parameters from `at` on has this name (small letters, with its =)."""
    cdef int c = 0, matched = 0
    while c >= 0:
        c = next_byte(text, &at)
        if c == c';':
            matched = 0
        elif matched >= 0 and (c == name[matched] or (c'A' <= c <= c'Z' and c + 32 == name[matched])):
            matched += 1
            if matched == length:
                return True
        else:
            matched = -1
    return False


cdef inline uint64_t gate_called(const Slice* text) noexcept nogil:
    """Return a called number as an integer, 0 for what is no E.164 number.

    A plus, or 00 as the international prefix (ITU-T E.164, annex on prefixes), may precede it;
    the parameters of a telephone number may follow (RFC 3966; FreeSWITCH takes the whole user part
    of the Request-URI, `+15551234567;npdi;rn=+15557654321`, for the number). Without a plus, a
    `phone-context` among them makes it a local number, which is none of E.164's.
    """
    cdef size_t at = 0
    cdef uint64_t number = 0
    cdef int c, digits = 0, zeros = 0
    cdef bint plus = False
    if text.data is NULL:
        return 0
    c = next_byte(text, &at)
    if c == c'+':
        plus = True
        c = next_byte(text, &at)
    while c >= 0 and c != c';':
        if c < c'0' or c > c'9':
            return 0
        if digits == 0 and c == c'0':
            zeros += 1
            if plus or zeros > 2:
                return 0
        else:
            number = number * 10 + <uint64_t>(c - c'0')
            digits += 1
            if digits > 15:
                return 0
        c = next_byte(text, &at)
    if c == c';' and not plus and has_parameter(text, at, b"phone-context=", 14):
        return 0
    return 0 if zeros == 1 else number


cdef inline uint64_t gate_routing(const Slice* text) noexcept nogil:
    """Return the routing number among the parameters of a number or URI, 0 where there is none.

    That is `rn`, if it is global: a plus and up to 15 digits, visual separators between them
    (RFC 4694, 4: `rn=+1-555-765-4321`). A local one (`rn=D018;rn-context=+49`) is no E.164 number.
    """
    cdef size_t at = 0
    cdef uint64_t number = 0
    cdef int c, digits = 0
    if text.data is NULL:
        return 0
    c = next_byte(text, &at)
    while c >= 0:
        if c == c'r' or c == c'R':
            c = next_byte(text, &at)
            if c == c'n' or c == c'N':
                c = next_byte(text, &at)
                if c == c'=':
                    break
        while c >= 0 and c != c';':
            c = next_byte(text, &at)
        c = next_byte(text, &at)
    if c < 0 or next_byte(text, &at) != c'+':
        return 0
    while True:
        c = next_byte(text, &at)
        if c < 0 or c == c';':
            return number
        if c == c'-' or c == c'.' or c == c'(' or c == c')':
            continue
        if c < c'0' or c > c'9' or digits == 15 or (digits == 0 and c == c'0'):
            return 0
        number = number * 10 + <uint64_t>(c - c'0')
        digits += 1


cdef inline int gate_small(const Slice* text, int absent) noexcept nogil:
    """Return a decimal number of one to three digits; `absent` where it is not given, 999 for
    anything else, so that a value that someone tampered with counts as too many."""
    cdef size_t i
    cdef int value = 0
    if text.data is NULL:
        return absent
    if text.size == 0 or text.size > 3:
        return 999
    for i in range(text.size):
        if text.data[i] < c'0' or text.data[i] > c'9':
            return 999
        value = value * 10 + (text.data[i] - c'0')
    return value


cdef inline int gate_level(const Slice* text) noexcept nogil:
    """Return whose limit a call is beyond, by its place in image.program.LEVELS; -1 for nobody's."""
    if text.data is not NULL:
        if text.size == 6 and memcmp(text.data, b"number", 6) == 0:
            return 0
        if text.size == 7 and memcmp(text.data, b"account", 7) == 0:
            return 1
        if text.size == 6 and memcmp(text.data, b"system", 6) == 0:
            return 2
    return -1


cdef inline uint64_t gate_language(const Slice* text) noexcept nogil:
    """Return the language of a tag (BCP 47), 0 for what is none: its language, script and region
    as vnroute.model.language packs them. Other subtags are passed over, as are those for private
    use and what comes behind them; `*` says nothing.
    """
    cdef size_t at = 0
    cdef int c = 0, size, letters, part = 0
    cdef uint64_t language = 0, script = 0, region = 0, five, six
    if text.data is NULL or text.size > TAG_BYTES:
        return 0
    while c >= 0:
        size = letters = 0
        five = six = 0
        c = next_byte(text, &at)
        while c'a' <= c <= c'z' or c'A' <= c <= c'Z' or c'0' <= c <= c'9':
            size += 1
            if c <= c'9':
                six = six << 6 | <uint64_t>(c - c'0' + 27)
            else:
                letters += 1
                five = five << 5 | <uint64_t>((c | 0x20) - c'a' + 1)
                six = six << 6 | <uint64_t>((c | 0x20) - c'a' + 1)
            c = next_byte(text, &at)
        if size == 0 or size > 8 or (c >= 0 and c != c'-'):
            return 0
        part += 1
        if part == 1:
            if letters != size or size < 2 or size > 3:
                return 0
            language = five << 5 if size == 2 else five
        elif size == 1:
            break
        elif size == 4 and letters == 4 and script == 0 and region == 0:
            script = five
        elif region == 0 and ((size == 2 and letters == 2) or (size == 3 and letters == 0)):
            region = six << 6 if size == 2 else six
    return language << 38 | script << 18 | region


cdef inline int gate_weight(const Slice* text) noexcept nogil:
    """Return a weight (qvalue: RFC 9110, 12.4.2) in thousandths: 1000 where none is given, 0 for
    what is none."""
    cdef size_t i
    cdef int value = 0
    if text.data is NULL:
        return 1000
    if text.size == 0 or text.size > 5 or text.data[0] > c'1' or text.data[0] < c'0':
        return 0
    value = text.data[0] - c'0'
    for i in range(2, 5):
        value *= 10
        if i < text.size:
            if text.data[i] < c'0' or text.data[i] > c'9':
                return 0
            value += text.data[i] - c'0'
    if text.size > 1 and text.data[1] != c'.':
        return 0
    return value if value <= 1000 else 0


cdef inline bint gate_true(const Slice* text) noexcept nogil:
    """Whether a header says `true`."""
    return text.data is not NULL and text.size >= 4 and text.data[0] == c't'


cdef inline bint gate_verified(const Slice* text) noexcept nogil:
    """Whether nothing is said against the caller's number: no verdict of the switch's on its
    Identity header, or that it is his (sofia_stir_shaken_vs in mod_sofia.c)."""
    return text.data is NULL or (
        text.size == 20 and memcmp(text.data, b"TN-Validation-Passed", 20) == 0)


cdef inline bint is_anonymous(const Slice* text) noexcept nogil:
    """Whether a caller's number says `anonymous` (the user part of RFC 3323, 4.1.1.3)."""
    cdef size_t i
    cdef const char* word = b"anonymous"
    if text.data is NULL or text.size != 9:
        return False
    for i in range(9):
        if (text.data[i] | 0x20) != <unsigned char>word[i]:
            return False
    return True


cdef inline int gate_diversions(const Slice* text) noexcept nogil:
    """Return how often a call was diverted by its Diversion header, 0 to 99.

    The counters of its entries count, 1 where one has none (RFC 5806, 5.1). Nothing else is read.
    """
    cdef size_t at = 0
    cdef int total = 0, entry = 1, matched = 0, c
    cdef bint quoted = False, any = False
    cdef const char* name = b"counter="
    if text.data is NULL:
        return 0
    c = next_byte(text, &at)
    while c >= 0 and total < MOST_DIVERSIONS:
        any = any or c != c' '
        if c == c'"':
            quoted = not quoted
        if quoted:
            matched = 0
        elif c == c',':
            total += entry
            entry = 1
            matched = 0
        elif c == name[matched] or (c'A' <= c <= c'Z' and c + 32 == name[matched]):
            matched += 1
            if matched == 8:
                entry = matched = 0
                c = next_byte(text, &at)
                while c'0' <= c <= c'9':
                    entry = min(MOST_DIVERSIONS, 10 * entry + c - c'0')
                    c = next_byte(text, &at)
                entry = max(1, entry)
                continue
        else:
            matched = 0
        c = next_byte(text, &at)
    return min(MOST_DIVERSIONS, total + entry) if any else 0


cdef inline bint gate_identity(const Slice* text) noexcept nogil:
    """Whether an Identity header (RFC 8224, 4) may be named in a dial string.

    Three parts of base64url with dots between them, each may be empty but the last, then parameters:
    letters, digits, what a URI of a certificate needs, blanks and quotes. A colon is followed by a
    slash or a port. No comma, so that there is one; 4,096 bytes at most.
    """
    cdef size_t at = 0
    cdef int c, size = 0, dots = 0, last = 0
    cdef bint parameters = False
    if text.data is NULL:
        return False
    while True:
        c = next_byte(text, &at)
        if c < 0:
            return dots == 2 and parameters
        size += 1
        if size > IDENTITY_BYTES:
            return False
        if last == c':' and c != c'/' and not c'0' <= c <= c'9':
            return False
        if c'a' <= c <= c'z' or c'A' <= c <= c'Z' or c'0' <= c <= c'9' or c == c'-' or c == c'_':
            pass
        elif not parameters and c == c'.':
            dots += 1
        elif c == c';' and dots == 2 and last != c'.':
            parameters = True
        elif not parameters or not (
            c == c'.' or c == c';' or c == c'=' or c == c'<' or c == c'>' or c == c'/'
            or c == c':' or c == c'?' or c == c' ' or c == c'"' or c == c'+'
        ):
            return False
        last = c
