"""Keys: what the state page and the route image call a thing, whatever generation it is of.

A row of an image is a number that the next generation may give to something else. A key is made of
the thing's kind and id alone, so what is said of it on the state page holds for every generation.
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import blake2b

__all__ = ["DIVERTS", "Kind", "page_key", "screens_key", "state_hash"]

_MASK = (1 << 64) - 1
_DIVERT = 0x64697665727421
"""Tells what is said of where an account's or a plan's calls go from what is said of itself."""

_QUALITY = 0x7175616C697479
"""Tells a carrier's class of quality from what else is said of it."""


_BLOCK = 0x626C6F636B
"""Tells what is said of where an account's calls may not go from what is said of itself."""


class Kind(IntEnum):
    """What an entry of the state page is about; its number is its place among the page's counts."""

    GATEWAY = 0
    CARRIER = 1
    SCHEDULE = 2
    ACCOUNT = 3
    PERSON = 4
    DIVERT_NUMBER = 5
    DIVERT_PLAN = 6
    DIVERT_ACCOUNT = 7
    PLAN = 8
    QUALITY = 9
    BLOCK = 10


DIVERTS = {
    "number": Kind.DIVERT_NUMBER,
    "plan": Kind.DIVERT_PLAN,
    "account": Kind.DIVERT_ACCOUNT,
}
"""What calls can be diverted of, and the kind of the entry that says so."""


def _mix(value: int) -> int:
    # splitmix64's finalizer, as in records.pxd.
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


def _usable(key: int) -> int:
    # 0 and 1 stand for entries that are free.
    return key if key > 1 else key + 2


def page_key(kind: Kind, name: str) -> int:
    """Return the 64-bit key of a thing: of ``gateway/alpha-1``, say, by BLAKE2b.

    A DIVERT kind's key is worked out of that of the number, plan or account itself, as the matcher
    does it (``divert_key``, ``number_key`` in records.pxd). The name of a number is its digits,
    with or without a plus. A block's is an account and a colon with the digits of a prefix, or the
    account alone for the entry that tells which lengths such prefixes have.
    """
    if kind == Kind.DIVERT_NUMBER:
        return _usable(_mix(int(name.removeprefix("+")) ^ _DIVERT))
    if kind == Kind.DIVERT_PLAN:
        return _usable(_mix(page_key(Kind.PLAN, name) ^ _DIVERT))
    if kind == Kind.DIVERT_ACCOUNT:
        return _usable(_mix(page_key(Kind.ACCOUNT, name) ^ _DIVERT))
    if kind == Kind.QUALITY:
        return _usable(_mix(page_key(Kind.CARRIER, name) ^ _QUALITY))
    if kind == Kind.BLOCK:
        account, colon, digits = name.partition(":")
        word = int(digits or "0") << 4 | len(digits) if colon else _MASK
        return _usable(_mix(page_key(Kind.ACCOUNT, account) ^ _mix(word ^ _BLOCK)))
    text = f"{kind.name.lower()}/{name}".encode()
    return _usable(int.from_bytes(blake2b(text, digest_size=8).digest(), "little"))


def screens_key(number: str, account: str) -> int:
    """Return the key of what two screens say together, a number's and its account's."""
    digest = blake2b(f"screens/{number}/{account}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def state_hash(name: str) -> int:
    """Return the 32 bits that stand for a schedule's state, by BLAKE2b; never 0."""
    digest = blake2b(f"state/{name}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") or 1
