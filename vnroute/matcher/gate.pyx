# cython: language_level=3
"""The gate's functions for tests and for whatever is off the hot path."""

from vnroute.matcher.channel_data cimport Slice
from vnroute.matcher.gate cimport (
    NAME_BYTES,
    NUMBER_DIGITS,
    gate_called,
    gate_diversions,
    gate_identity,
    gate_name,
    gate_number,
    gate_routing,
)


def caller_number(bytes encoded not None):
    """Return what passes of a caller's number as FreeSWITCH encodes it, b"" for nothing."""
    cdef Slice text
    cdef unsigned char out[NUMBER_DIGITS + 1]
    text.data, text.size = encoded, len(encoded)
    return bytes(out[: gate_number(&text, out)])


def caller_name(bytes encoded not None):
    """Return what passes of a caller's name as FreeSWITCH encodes it, b"" for nothing."""
    cdef Slice text
    cdef unsigned char out[NAME_BYTES]
    text.data, text.size = encoded, len(encoded)
    return bytes(out[: gate_name(&text, out)])


def called_number(bytes encoded not None):
    """Return the called number as an integer, 0 for what is no E.164 number."""
    cdef Slice text
    text.data, text.size = encoded, len(encoded)
    return gate_called(&text)


def routing_number(bytes encoded not None):
    """Return the routing number among the parameters of a number or URI, 0 for none."""
    cdef Slice text
    text.data, text.size = encoded, len(encoded)
    return gate_routing(&text)


def diversions(bytes encoded not None):
    """Return how often a call was diverted by its Diversion header, 0 to 99."""
    cdef Slice text
    text.data, text.size = encoded, len(encoded)
    return gate_diversions(&text)


def is_identity(bytes encoded not None):
    """Whether an Identity header may be named in a dial string."""
    cdef Slice text
    text.data, text.size = encoded, len(encoded)
    return gate_identity(&text)
