"""Answers: what a caller gets of a number that is not in service, for each reason."""

from __future__ import annotations

import msgspec

from vnroute.model.ids import check_id
from vnroute.model.treatment import Treatment, parse_treatment

__all__ = ["DEFAULT_CAUSES", "REASONS", "Answers"]

DEFAULT_CAUSES = {
    "suspended": "INCOMING_CALL_BARRED",
    "reserved": "UNALLOCATED_NUMBER",
    "quarantined": "UNALLOCATED_NUMBER",
    "ported-out": "NUMBER_CHANGED",
    "not-yet": "UNALLOCATED_NUMBER",
    "expired": "UNALLOCATED_NUMBER",
}
"""The cause for each reason, where nobody says otherwise: 403; 410 for a number that has gone to
another operator; 404 for all that nobody has (Q.850: 21 is for people who decline)."""

REASONS = tuple(DEFAULT_CAUSES)
"""Why a number is not in service: its state, or that its time has not come or is over."""


class Answers(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"ported_out": "ported-out", "not_yet": "not-yet"},
):
    """A set of treatments, for accounts that name it, or, with ``system``, for all others.

    Empty is the answer of the system's set, and without one the cause of DEFAULT_CAUSES.
    """

    id: str
    system: bool = False
    suspended: str = ""
    reserved: str = ""
    quarantined: str = ""
    ported_out: str = ""
    not_yet: str = ""
    expired: str = ""

    def __post_init__(self) -> None:
        check_id(self.id)
        for reason in REASONS:
            self.treatment(reason)

    def treatment(self, reason: str) -> Treatment | None:
        """Return the treatment for one of REASONS, None where the set says nothing."""
        text = getattr(self, reason.replace("-", "_"))
        return parse_treatment(text, reason) if text else None

    @property
    def plans(self) -> set[str]:
        """Ids of the plans that callers are put through."""
        found = (self.treatment(reason) for reason in REASONS)
        return {treatment.plan for treatment in found if treatment and treatment.plan}
