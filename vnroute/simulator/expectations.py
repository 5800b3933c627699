"""What a test expects of each number: a JSON Lines file, held against the calls' records.

One object a line::

    {"did": "18005551234", "legs": ["gwA", "gwB/12125550100"], "answered_by": "gwB", "sip": 200}

``did`` is required; of ``legs`` (gateways in the order they are tried, with the number behind a
slash where it matters), ``answered_by``, ``cause``, ``sip`` and ``plan`` (the applications' lines)
only what is given is compared.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from .errors import InputError
from .records import CallRecord


class Expectation(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What one number's calls should come to; a field that is unset is not compared."""

    did: str
    legs: list[str] | None = None
    answered_by: str | msgspec.UnsetType | None = msgspec.UNSET
    cause: str | None = None
    sip: int | None = None
    plan: list[str] | None = None

    def mismatch(self, record: CallRecord) -> str | None:
        """The first difference between ``record`` and what was expected, in words."""
        if self.legs is not None:
            tried = [
                f"{leg.gateway}/{leg.number}"
                if i < len(self.legs) and "/" in self.legs[i]
                else leg.gateway
                for i, leg in enumerate(record.legs)
            ]
            if tried != self.legs:
                return f"legs: found {tried}, expected {self.legs}"
        if self.answered_by is not msgspec.UNSET and record.answered_by != self.answered_by:
            return f"answered_by: found {record.answered_by}, expected {self.answered_by}"
        if self.cause is not None and record.final_cause != self.cause:
            return f"cause: found {record.final_cause}, expected {self.cause}"
        if self.sip is not None and record.final_sip != self.sip:
            return f"sip: found {record.final_sip}, expected {self.sip}"
        if self.plan is not None and record.plan != self.plan:
            return f"plan: found {record.plan}, expected {self.plan}"
        return None


def _key(did: str) -> str:
    return did.removeprefix("+")


class Expectations:
    """The expectations of a whole run, by number (a leading plus does not matter)."""

    def __init__(self, expectations: list[Expectation]) -> None:
        self._by_did = {_key(expectation.did): expectation for expectation in expectations}

    def mismatch(self, record: CallRecord) -> str | None:
        """What differs from what the record's number should come to; None if nothing does."""
        expectation = self._by_did.get(_key(record.did))
        return expectation.mismatch(record) if expectation is not None else None

    def __len__(self) -> int:
        return len(self._by_did)


def read_expectations(path: str) -> Expectations:
    """Read a JSON Lines file; :class:`InputError` names the line that cannot be used."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(path, 0, "file", reason, "a readable file") from error
    decoder = msgspec.json.Decoder(Expectation)
    expectations: list[Expectation] = []
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip():
            continue
        try:
            expectations.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(path, number, "expectation", str(error), "an object") from error
    return Expectations(expectations)
