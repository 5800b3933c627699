# cython: language_level=3
"""How a gateway is told of a call: numbers in its own format, Diversion and History-Info.

Whatever is written here is of the route image, or numbers that the gate let pass.
"""

from libc.stdint cimport uint32_t, uint64_t

from vnroute.image.number_line cimport POWERS
from vnroute.image.records cimport FormatRecord
from vnroute.matcher.buffer cimport Buffer, put, put_number, put_text


cdef inline const FormatRecord* format_for(
    const FormatRecord* rows, uint32_t count, uint64_t number, Py_ssize_t size
) noexcept nogil:
    """Return the row that writes a number of `size` digits; the last of `count` is for all."""
    cdef uint32_t i
    for i in range(count - 1):
        if (rows[i].digits <= size <= 15
                and number // POWERS[size - rows[i].digits] == rows[i].prefix):
            return &rows[i]
    return &rows[count - 1]


cdef inline int put_formatted(
    Buffer* buffer, const char* text, const FormatRecord* rows, uint32_t count, uint64_t number
) except -1:
    """Write a number as a gateway's formats have it; one too short to be cut is written whole."""
    cdef char[20] digits
    cdef int at = 20, kept
    cdef uint64_t left = number
    cdef const FormatRecord* form
    while True:
        at -= 1
        digits[at] = <char>(c'0' + left % 10)
        left //= 10
        if left == 0:
            break
    form = format_for(rows, count, number, 20 - at)
    kept = at + <int>form.strip if form.strip < <uint32_t>(20 - at) else at
    put(buffer, text + form.before.offset, form.before.size)
    put(buffer, digits + kept, 20 - kept)
    put(buffer, text + form.after.offset, form.after.size)
    return 0


cdef inline uint64_t number_shown(const unsigned char* text, int size) noexcept nogil:
    """Return a number shown as an integer, 0 for what is no E.164 number.

    It is what the gate lets pass: an optional plus and digits. 00 is the international prefix.
    """
    cdef uint64_t number = 0
    cdef int i = 0
    if size and text[0] == c'+':
        i = 1
    elif size > 2 and text[0] == c'0' and text[1] == c'0':
        i = 2
    if size - i < 7 or size - i > 15 or text[i] == c'0':
        return 0
    for i in range(i, size):
        number = number * 10 + <uint64_t>(text[i] - c'0')
    return number


cdef inline int put_diversion(
    Buffer* buffer, uint64_t diverting, const char* reason, int counter
) except -1:
    """Write a leg's Diversion header (RFC 5806): the number that diverts, never the target.

    `counter` counts all diversions so far; the entries that came in are gone, with whom they name.
    """
    put_text(buffer, b",sip_h_Diversion=<sip:+")
    put_number(buffer, diverting)
    put_text(buffer, b"@${sip_local_network_addr}>;reason=")
    put_text(buffer, reason)
    put_text(buffer, b";counter=")
    return put_number(buffer, counter)


cdef inline int put_history(
    Buffer* buffer, uint64_t diverting, uint64_t target, const char* cause
) except -1:
    """Write a leg's History-Info header (RFC 7044): the number that was called, and where it went.

    `cause` is the SIP code that stands for the reason (RFC 4458, 3); `mp` says that the target was
    set by who answers for the number (RFC 7044, 10.4).
    """
    put_text(buffer, b",sip_h_History-Info=<sip:+")
    put_number(buffer, diverting)
    put_text(buffer, b"@${sip_local_network_addr}>;index=1\\,<sip:+")
    put_number(buffer, target)
    put_text(buffer, b"@${sip_local_network_addr};cause=")
    put_text(buffer, cause)
    return put_text(buffer, b">;index=1.1;mp=1")
