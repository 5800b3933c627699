"""The key by which a call is known for ever: 16 bytes of its uuid."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["call_key"]


def call_key(uuid: str) -> bytes:
    """Return 16 bytes that stand for a call's uuid, whatever notation a switch writes it in.

    BLAKE2b (RFC 7693): a set of 10**11 calls has two that share a key with a chance of 10**-17, and
    nobody can choose a uuid so that it meets another's.
    """
    return blake2b(uuid.encode(), digest_size=16).digest()
