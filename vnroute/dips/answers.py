"""What a dip's answer says: the routing number of a number, through the gate.

An answer is text from the wire. Only digits come out of it, and only those that
``matcher/gate.pxd`` lets pass as a routing number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from vnroute.matcher.gate import called_number, routing_number

__all__ = ["NOT_PORTED", "BadAnswer", "Naptr", "from_json", "from_naptrs", "from_uri"]

NOT_PORTED = 0
"""In place of a routing number: the number is reached by itself."""

_MOST = 200
_MOST_RECORDS = 32
_PSTN = re.compile(rb"e2u\+(?:[a-z0-9:+-]*\+)?pstn:(?:tel|sip)", re.IGNORECASE)
# The expressions by which a record stands for its whole name; any other would have to be run, and
# one from the wire may run for ever.
_WHOLE = (b"^.*$", b"^(.*)$", b"^.+$", b"^(.+)$")


class BadAnswer(Exception):
    """An answer that says neither that a number is ported, nor that it is not."""


class Naptr(NamedTuple):
    """What counts of a NAPTR record (RFC 3403)."""

    order: int
    preference: int
    flags: bytes
    service: bytes
    regexp: bytes


class _Answer(msgspec.Struct):
    routing_number: str | None


_DECODER = msgspec.json.Decoder(_Answer)


def from_json(body: bytes) -> int:
    """Return the routing number of ``{"routing_number": "+15557654321"}``, or of null
    :data:`NOT_PORTED`. Raises :class:`BadAnswer` for anything else.
    """
    try:
        said = _DECODER.decode(body).routing_number
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise BadAnswer(str(error)[:_MOST]) from None
    if said is None:
        return NOT_PORTED
    return _passed(b";rn=" + said.encode("utf-8", "replace")[:_MOST])


def from_uri(uri: bytes, number: int) -> int:
    """Return the routing number in a tel URI (RFC 4694), or a sip one with a telephone number, of
    the number that was asked for. One without ``rn`` says that it is not ported.
    """
    scheme, colon, rest = uri.partition(b":")
    if not colon or len(uri) > _MOST or scheme.lower() not in (b"tel", b"sip", b"sips"):
        raise BadAnswer(f"no telephone number: {uri[:60]!r}")
    user = rest
    if scheme.lower() != b"tel":
        user, at, _ = rest.partition(b"@")
        if not at:
            raise BadAnswer(f"no telephone number: {uri[:60]!r}")
    telephone, *parameters = user.split(b";")
    if called_number(re.sub(rb"[-.()]", b"", telephone)) != number:
        raise BadAnswer(f"the number of another: {uri[:60]!r}")
    if not any(re.match(rb"rn *=", each, re.IGNORECASE) for each in parameters):
        return NOT_PORTED
    return _passed(b";" + b";".join(parameters))


def from_naptrs(records: Iterable[Naptr], number: int) -> int:
    """Return the routing number in the answer to an ENUM question (RFC 6116).

    Of the records with the enumservice ``pstn`` (RFC 4769) the first by order and preference
    counts; none means :data:`NOT_PORTED`.
    """
    fitting = [
        record
        for record, _ in zip(records, range(_MOST_RECORDS), strict=False)
        if record.flags.lower() == b"u" and _PSTN.fullmatch(record.service)
    ]
    if not fitting:
        return NOT_PORTED
    regexp = min(fitting).regexp
    parts = regexp[1:].split(regexp[:1]) if regexp else []
    if len(parts) != 3 or parts[0] not in _WHOLE or parts[2] not in (b"", b"i"):
        raise BadAnswer(f"an expression that is not taken: {regexp[:60]!r}")
    uri = parts[1]
    if b"(" in parts[0]:
        uri = uri.replace(rb"\1", b"+%d" % number)
    return from_uri(uri, number)


def _passed(parameters: bytes) -> int:
    found: int = routing_number(parameters)
    if not found:
        raise BadAnswer(f"a routing number that is none of E.164's: {parameters[:60]!r}")
    return found
