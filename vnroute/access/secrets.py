"""Secrets: passwords as argon2 keeps them, keys and sessions by their SHA-256.

A key has 256 random bits, so one plain hash of it can be turned back no more than a slow one can;
a password has what a person can remember, so it takes argon2id with the parameters of RFC 9106,
section 4, second choice (64 MiB).
"""

from __future__ import annotations

import hashlib
import secrets
import threading

from vnroute.model.problem import FieldError

__all__ = [
    "KEY_PREFIX",
    "LEAST_PASSWORD",
    "check_password",
    "digest",
    "hash_password",
    "new_secret",
    "password_fits",
]

KEY_PREFIX = "vnr_"
"""Begins every key, so that scanners for leaked secrets know them."""

LEAST_PASSWORD = 12
_MOST_PASSWORD = 256
# Argon2 takes 64 MiB and 50 ms: a flood of attempts must not take the machine's memory.
_one_at_a_time = threading.Semaphore(2)


def new_secret() -> str:
    """Return a new secret for a key or a session."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return what is stored of a key or a session."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def check_password(password: str, field: str = "password") -> str:
    """Return a password that is long enough to be one, else raise :class:`FieldError`.

    Length is what counts (NIST SP 800-63B, 5.1.1.2); no kinds of characters are asked for.
    """
    if not LEAST_PASSWORD <= len(password) <= _MOST_PASSWORD:
        expected = f"{LEAST_PASSWORD} to {_MOST_PASSWORD} characters"
        raise FieldError(field, f"{len(password)} characters", expected)
    return password


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its parameters and salt."""
    from argon2 import PasswordHasher
    from argon2.profiles import RFC_9106_LOW_MEMORY

    with _one_at_a_time:
        return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY).hash(password)


def password_fits(hashed: str, password: str) -> bool:
    """Whether a password is the one that was hashed.

    An empty hash, of a user who is not there, takes the same time and never fits.
    """
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    nobody = not hashed
    if nobody:
        hashed = _nobodys()
    with _one_at_a_time:
        try:
            PasswordHasher().verify(hashed, password[: _MOST_PASSWORD + 1])
        except (VerificationError, InvalidHashError):
            return False
    return not nobody


_hash_of_nobody = ""


def _nobodys() -> str:
    global _hash_of_nobody
    if not _hash_of_nobody:
        _hash_of_nobody = hash_password(secrets.token_urlsafe(32))
    return _hash_of_nobody
