"""Who calls, and which numbers are called.

Made-up callers use ranges which regulators set aside for fiction or tests where there are such:
+1 555 01xx (NANPA), +44 20 7946 0xxx (Ofcom), +61 2 5550 xxxx (ACMA), +33 1 99 00 xx xx (Arcep),
+49 30 23125 xxx (BNetzA).  The others are of the right shape, no more.
"""

from __future__ import annotations

import csv
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .channel_data import Caller
from .errors import InputError

#: Prefix and how many digits follow, with a weight.
_COUNTRIES: Final[tuple[tuple[str, int, int], ...]] = (
    ("+121255501", 2, 30),
    ("+131055501", 2, 20),
    ("+44207946", 4, 15),
    ("+3491123", 4, 8),
    ("+49302312", 4, 8),
    ("+3319900", 4, 6),
    ("+6125550", 4, 4),
    ("+5511955", 6, 3),
    ("+8135550", 4, 2),
    ("+9111555", 5, 2),
    ("+2721555", 4, 1),
    ("+97145550", 3, 1),
)

_NAMES: Final = (
    "",
    "",
    "Ana Alvarez",
    "WIRELESS CALLER",
    "Smith, John",
    "Jürgen Müller",
    "Anonymous",
    "ACME Corp.",
    "O'Brien",
)

#: Display names that try to break out of whatever they are put into: dial strings, variable lists,
#: header blocks, API calls, lists of values.
HOSTILE_NAMES: Final = (
    "O'Brien, {J} | x},sofia/evil/900@192.0.2.66 ${system(id)} %0Aexit",
    "x},sofia/gateway/evil/900",
    "[leg_timeout=1]|sofia/gateway/evil/1",
    "a,b|c:_:d",
    "^^:a:b",
    "${system(touch /tmp/x)}",
    "$${hold_music}",
    "\\${uuid}",
    "\\s\\n\\t\\",
    "'unbalanced",
    "''quoted''",
    "x;hangup_after_bridge=false;api_hangup_hook=system id",
    "ARRAY::a|:b",
    "%0D%0Aapplication: hangup",
    "%0a%0asendmsg",
    "unload mod_event_socket",
    "<script>alert(1)</script>",
    "\x01\x02",
    "}{}}{][<>",
    "ﬁ ① \u202e",
)


def made_up_callers(rng: random.Random, hostile: bool = False) -> Iterator[Caller]:
    """Endless callers from several countries; with ``hostile`` every third has a hostile name."""
    prefixes = [(prefix, digits) for prefix, digits, _ in _COUNTRIES]
    weights = [weight for _, _, weight in _COUNTRIES]
    count = 0
    while True:
        # Drawn in blocks: choosing by weight is slow one at a time.
        for prefix, digits in rng.choices(prefixes, weights, k=256):
            count += 1
            number = f"{prefix}{rng.randrange(10**digits):0{digits}d}"
            if hostile and count % 3 == 0:
                name = HOSTILE_NAMES[(count // 3) % len(HOSTILE_NAMES)]
            else:
                name = _NAMES[rng.randrange(len(_NAMES))]
            yield Caller(number, name)


def _lines(path: str, stdin_name: str = "-") -> Iterator[tuple[int, str]]:
    try:
        if path == stdin_name:
            for number, line in enumerate(sys.stdin, 1):
                yield number, line.rstrip("\r\n")
            return
        with Path(path).open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(path, 0, "file", "bytes that are no UTF-8", "UTF-8") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(path, 0, "file", reason, "a readable file") from error


_DID: Final = re.compile(r"[!-~]{1,64}")


def check_did(text: str, file: str, line: int) -> str:
    """A number to call, as given; :class:`InputError` for one that no SIP request could carry."""
    if not _DID.fullmatch(text):
        raise InputError(file, line, "number", repr(text), "digits, with or without a plus")
    return text


def read_numbers(path: str) -> Iterator[str]:
    """The DIDs of a file, one a line; ``#`` begins a comment, ``-`` reads standard input.

    A number list in CSV, whose header names a column ``number``, is read by that column.
    """
    name = "standard input" if path == "-" else path
    column: int | None = None
    for line, text in _lines(path):
        if line == 1 and "number" in (header := text.strip().lower().split(",")):
            column = header.index("number")
            continue
        if column is not None:
            fields = next(csv.reader([text]), [])
            text = fields[column] if column < len(fields) else ""
        did = text.partition("#")[0].strip()
        if did:
            yield check_did(did, name, line)


_NUMBER: Final = re.compile(r"[^\x00-\x1f\x7f]{0,64}")


def read_callers(path: str) -> list[Caller]:
    """The callers of a CSV file: number, and a display name if there is a second column."""
    callers: list[Caller] = []
    for line, text in _lines(path):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        fields = next(csv.reader([text]))
        if len(fields) > 2:
            found = f"{len(fields)} columns"
            raise InputError(path, line, "caller", found, "a number and perhaps a name")
        number = fields[0].strip()
        if not number or not _NUMBER.fullmatch(number):
            raise InputError(path, line, "number", repr(fields[0]), "a caller's number")
        callers.append(Caller(number, fields[1].strip() if len(fields) == 2 else ""))
    if not callers:
        raise InputError(path, 0, "file", "no caller", "at least one")
    return callers
