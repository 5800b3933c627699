# cython: language_level=3
"""What the hot path reads of CHANNEL_DATA, where it lies: no copy, no object a header.

FreeSWITCH's reply to `connect` is lines of `Name: value`, values URL-encoded, ended by an empty
line (switch_event_serialize in switch_event.c, parse_command in mod_event_socket.c). Lines are
split before anything is decoded, so an encoded line break in a caller's name stays in its value.
Of a header that comes twice the first counts, as in switch_event_get_header.
"""

from libc.string cimport memchr, memcmp

from vnroute.image.records cimport SPOKEN


cdef struct Slice:
    const unsigned char* data
    size_t size


cdef struct Call:
    Slice uuid
    Slice called
    Slice parameters
    Slice caller_number
    Slice caller_name
    Slice hide_number
    Slice hide_name
    Slice max_forwards
    Slice hops
    Slice profile         # of how many caller profiles this is the last
    Slice over
    Slice identity
    Slice verified          # what the switch found out about who calls (sip_verstat of mod_sofia)
    Slice diversion
    Slice language
    Slice[SPOKEN] spoken    # by mod_sofia of Accept-Language, one tag each
    Slice[SPOKEN] weights


cdef inline bint take(
    Slice* into, const unsigned char* line, size_t size, const char* name, size_t length
) noexcept nogil:
    """Take the value of a line whose name (with colon and blank) is `name`, if it is that."""
    if size < length or memcmp(line, name, length) != 0:
        return False
    if into.data is NULL:
        into.data = line + length
        into.size = size - length
    return True


cdef inline bint take_spoken(Call* call, const unsigned char* line, size_t size) noexcept nogil:
    """Take one language of Accept-Language, or its weight, which have a variable each
    (sofia_set_accept_language_channel_variable in sofia.c); the first eight."""
    cdef unsigned int place
    if size < 34 or memcmp(line, b"variable_sip_accept_language_", 29) != 0 or line[30] != c'_':
        return False
    place = <unsigned int>line[29] - c'0'
    if place >= SPOKEN:
        return False
    return take(&call.spoken[place], line + 31, size - 31, b"value: ", 7) or \
        take(&call.weights[place], line + 31, size - 31, b"q: ", 3)


cdef struct Reader:
    const unsigned char* line    # the next one to be read
    const unsigned char* end


cdef inline void begin_call(
    Reader* reader, const unsigned char* data, size_t size, Call* call
) noexcept nogil:
    """Begin to read a CHANNEL_DATA block: nothing of the call is known yet."""
    cdef int i
    reader.line = data
    reader.end = data + size
    call.uuid.data = call.called.data = call.caller_number.data = call.caller_name.data = NULL
    call.parameters.data = call.identity.data = call.diversion.data = NULL
    call.hide_number.data = call.hide_name.data = call.max_forwards.data = call.hops.data = NULL
    call.over.data = call.language.data = call.profile.data = call.verified.data = NULL
    for i in range(SPOKEN):
        call.spoken[i].data = call.weights[i].data = NULL


cdef inline bint read_lines(Reader* reader, Call* call, int lines) noexcept nogil:
    """Fill `call` from so many more lines; whether there may be others. What is not there has no
    data. Reading in parts lets the caller ask memory for what he looks up next meanwhile."""
    cdef const unsigned char* line = reader.line
    cdef const unsigned char* end = reader.end
    cdef const unsigned char* stop
    cdef size_t length
    while lines and line < end:
        lines -= 1
        stop = <const unsigned char*>memchr(line, 10, end - line)
        if stop is NULL:
            stop = end
        length = stop - line
        if length == 0:
            reader.line = end
            return False
        if line[0] == c'C':
            if length > 8 and line[1] == c'a' and line[2] == c'l' and line[6] == c'-':
                if line[7] == c'D':
                    take(&call.called, line, length, b"Caller-Destination-Number: ", 27)
                elif line[7] == c'C':
                    take(&call.caller_number, line, length, b"Caller-Caller-ID-Number: ", 25) or \
                        take(&call.caller_name, line, length, b"Caller-Caller-ID-Name: ", 23)
                elif line[7] == c'P':
                    take(&call.hide_number, line, length, b"Caller-Privacy-Hide-Number: ", 28) or \
                        take(&call.hide_name, line, length, b"Caller-Privacy-Hide-Name: ", 26) or \
                        take(&call.profile, line, length, b"Caller-Profile-Index: ", 22)
        elif line[0] == c'v':
            if length > 12 and line[8] == c'_':
                if line[9] == c's' and line[12] == c'_' and length > 13 and line[13] == c'v':
                    take(&call.verified, line, length, b"variable_sip_verstat: ", 22)
                elif line[9] == c's' and line[12] == c'_':
                    take(&call.identity, line, length, b"variable_sip_h_identity: ", 25) or \
                        take(&call.diversion, line, length, b"variable_sip_h_Diversion: ", 26) or \
                        take(&call.parameters, line, length, b"variable_sip_req_params: ", 25) or \
                        take_spoken(call, line, length)
                elif line[9] == c'm':
                    take(&call.max_forwards, line, length, b"variable_max_forwards: ", 23)
                elif line[9] == c'v':
                    take(&call.hops, line, length, b"variable_vn_hops: ", 18) or \
                        take(&call.over, line, length, b"variable_vn_over: ", 18) or \
                        take(&call.language, line, length, b"variable_vn_language: ", 22)
        elif line[0] == c'U':
            take(&call.uuid, line, length, b"Unique-ID: ", 11)
        line = stop + 1
    reader.line = line
    return line < end
