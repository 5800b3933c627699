"""One compilation, in a process of its own: what it takes of memory it gives back, and the control
process answers meanwhile. Its one argument is the settings as JSON; it prints one JSON object.
"""

from __future__ import annotations

import sys

import msgspec

from vnroute.building import compile_stored
from vnroute.image.generations import Busy
from vnroute.settings import Settings
from vnroute.store import StoreError, open_store
from vnroute.web.told import decode

__all__ = ["BUSY", "Built", "main"]

BUSY = 75
"""Exit status where another process compiles (EX_TEMPFAIL in sysexits.h): try again soon."""


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What was built: the generation, and the change counter of the store it was built from."""

    generation: int
    changes: int
    seconds: float
    bytes: int


def build(settings: Settings) -> Built:
    """Compile what is stored now, and put it in force."""
    store = open_store(settings.store_address, create=False)
    try:
        compiled = compile_stored(store, settings)
    finally:
        store.close()
    return Built(
        generation=compiled.generation,
        changes=compiled.changes,
        seconds=compiled.seconds,
        bytes=compiled.size,
    )


def main(arguments: list[str]) -> int:
    """Build once; return the exit status."""
    try:
        built = build(decode(arguments[0]))
    except Busy:
        return BUSY
    except (StoreError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.buffer.write(msgspec.json.encode(built))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
