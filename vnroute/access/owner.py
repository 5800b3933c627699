"""The owner's key: whoever may read vnroute's home is its owner, before any user is made.

A file that only its user can read (0600) holds it, as Jupyter and Docker do it: on a fresh machine
the console is open to the person who started vnroute, and to nobody else on that machine.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from vnroute.access.identity import OWNER, Identity
from vnroute.access.secrets import new_secret

__all__ = ["OWNER_FILE", "is_owners", "owner", "owners_key"]

OWNER_FILE = "owner.key"


def owners_key(state: Path, *, create: bool = True) -> str:
    """Return the owner's key out of the home's state directory, made if it is not there.

    Removing the file and starting anew makes another. Raises OSError where it cannot be read.
    """
    path = state / OWNER_FILE
    if create and not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        temporary = state / f".{OWNER_FILE}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:
            file.write(new_secret() + "\n")
        try:
            os.link(temporary, path)  # unless another process was first
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text("ascii").strip()


def is_owners(secret: str, key: str) -> bool:
    """Whether a secret is the owner's key, compared in constant time."""
    return hmac.compare_digest(secret.encode("utf-8", "surrogateescape"), key.encode())


def owner() -> Identity:
    """Return the identity of the owner."""
    return Identity(name=OWNER, role="admin", how="owner")
