"""How many calls a gateway, a carrier, a number or an account takes: at a time, and a second."""

from __future__ import annotations

import msgspec

from vnroute.model.problem import FieldError

__all__ = ["Limits"]

_MOST = 1_000_000


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``calls`` at a time and ``cps`` begun in a second; 0 is without bound.

    Each FreeSWITCH counts for itself (mod_hash), exactly.
    """

    calls: int = 0
    cps: int = 0

    def __post_init__(self) -> None:
        for name, value in (("calls", self.calls), ("cps", self.cps)):
            if not 0 <= value <= _MOST:
                raise FieldError(name, str(value), f"0 (no bound) to {_MOST}")
        if not self.calls and not self.cps:
            raise FieldError("calls", "no limit", "calls, cps or both")
