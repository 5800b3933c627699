"""Calls by column: what different callers and concurrent calls are counted from.

A batch leaves, beside its calls, a part for each day: who called which account and campaign, from
when to when, some 28 bytes a call. A report reads a million of them where it would read a few
thousand calls. Small parts are put together as they become many, so that there are few of each
size, and no call is written again more than three times.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

__all__ = [
    "PARTS_TOGETHER",
    "PackedCalls",
    "PackedRow",
    "caller_code",
    "level_of",
    "merge",
    "pack",
    "read_part",
]

PARTS_TOGETHER = 32
"""How many parts of a level become one."""
_LEVELS = (32, 1024, 32_768)
"""A part of so many calls is of the next level; those of the last stay as they are."""
_OTHER = 1 << 62
_COLUMNS = {"key": 4, "caller": 8, "began": 8, "ended": 8}
_LEG_COLUMNS = {"leg_key": 4, "leg_carrier": 4, "leg_began": 8, "leg_ended": 8}


class PackedRow(NamedTuple):
    """What is packed of a call; ``talked`` has the carrier and milliseconds of each leg's talk."""

    account: str
    campaign: str
    caller: str
    started: int
    ended: int
    talked: Sequence[tuple[str, int]]


class PackedCalls(msgspec.Struct, array_like=True, frozen=True):
    """Calls of one day, as columns of little-endian words; times are Unix microseconds.

    ``keys`` are (account, campaign), and ``key`` says which is each call's (32 bits). Legs are
    those that were talked on, with their call's key.
    """

    keys: list[tuple[str, str]]
    key: bytes
    caller: bytes
    """:func:`caller_code`, 64 bits."""
    began: bytes
    ended: bytes
    carriers: list[str]
    leg_key: bytes
    leg_carrier: bytes
    leg_began: bytes
    leg_ended: bytes


_decoder = msgspec.msgpack.Decoder(PackedCalls)


def read_part(body: bytes) -> PackedCalls:
    """Return a part as it is stored, MessagePack. Raises ValueError for what is none."""
    part = _decoder.decode(body)
    for columns in (_COLUMNS, _LEG_COLUMNS):
        counts = {len(getattr(part, name)) / width for name, width in columns.items()}
        if len(counts) != 1 or not counts.pop().is_integer():
            raise ValueError("columns of different lengths")
    return part


def caller_code(caller: str) -> int:
    """Return a caller as a number below 2**63; 0 for none.

    E.164 is itself. Whatever else a switch gives (digits without a plus, ``*`` and ``#``) is 62
    bits of its BLAKE2b: of a million of those two share a code with a chance of 10**-7.
    """
    if caller[:1] == "+" and caller[1:].isdecimal() and caller.isascii() and len(caller) <= 16:
        number = int(caller[1:])
        if caller[1] != "0":
            return number
    if not caller:
        return 0
    return _OTHER | int.from_bytes(blake2b(caller.encode(), digest_size=8).digest(), "big") >> 2


def level_of(calls: int) -> int:
    """Return the level of a part of so many calls, 0 to 3."""
    return sum(calls >= bound for bound in _LEVELS)


def pack(rows: Iterable[PackedRow]) -> PackedCalls:
    """Return calls by column."""
    keys: dict[tuple[str, str], int] = {}
    carriers: dict[str, int] = {}
    key, caller, began, ended = array("I"), array("Q"), array("q"), array("q")
    leg_key, leg_carrier, leg_began, leg_ended = array("I"), array("I"), array("q"), array("q")
    for row in rows:
        place = keys.setdefault(row[:2], len(keys))
        key.append(place)
        caller.append(caller_code(row.caller))
        began.append(row.started)
        ended.append(row.ended)
        for carrier, talk_ms in row.talked:
            leg_key.append(place)
            leg_carrier.append(carriers.setdefault(carrier, len(carriers)))
            leg_began.append(row.ended - talk_ms * 1000)
            leg_ended.append(row.ended)
    return PackedCalls(
        keys=list(keys),
        key=key.tobytes(),
        caller=caller.tobytes(),
        began=began.tobytes(),
        ended=ended.tobytes(),
        carriers=list(carriers),
        leg_key=leg_key.tobytes(),
        leg_carrier=leg_carrier.tobytes(),
        leg_began=leg_began.tobytes(),
        leg_ended=leg_ended.tobytes(),
    )


def merge(parts: Sequence[PackedCalls]) -> PackedCalls:
    """Return parts as one."""
    keys: dict[tuple[str, str], int] = {}
    carriers: dict[str, int] = {}
    key, leg_key, leg_carrier = array("I"), array("I"), array("I")
    for part in parts:
        places = [keys.setdefault(each, len(keys)) for each in part.keys]
        key.extend(map(places.__getitem__, memoryview(part.key).cast("I")))
        leg_key.extend(map(places.__getitem__, memoryview(part.leg_key).cast("I")))
        places = [carriers.setdefault(each, len(carriers)) for each in part.carriers]
        leg_carrier.extend(map(places.__getitem__, memoryview(part.leg_carrier).cast("I")))
    return PackedCalls(
        keys=list(keys),
        key=key.tobytes(),
        caller=b"".join(part.caller for part in parts),
        began=b"".join(part.began for part in parts),
        ended=b"".join(part.ended for part in parts),
        carriers=list(carriers),
        leg_key=leg_key.tobytes(),
        leg_carrier=leg_carrier.tobytes(),
        leg_began=b"".join(part.leg_began for part in parts),
        leg_ended=b"".join(part.leg_ended for part in parts),
    )
