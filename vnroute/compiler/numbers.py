"""The PLANS, ACCOUNTS and ASSIGNMENTS sections: where numbers lead, and what stands in for a plan
while a number is not in service.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from vnroute.compiler.plans import CHANNEL, Programs
from vnroute.compiler.text import Texts
from vnroute.image.keys import Kind, page_key
from vnroute.image.program import REASONS, SERVICE_STATES
from vnroute.model import Account, Answers, Plan
from vnroute.model.answers import DEFAULT_CAUSES
from vnroute.model.treatment import Treatment
from vnroute.model.validity import first_second, second_after

__all__ = ["PlanRows", "TreatmentRows", "account_records"]


class Lived(Protocol):
    """What an assignment's record is made of besides its account and plan."""

    @property
    def campaign(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def since(self) -> str: ...
    @property
    def until(self) -> str: ...


class PlanRows:
    """The records of plans, and of treatments that are none; and those of assignments, in which
    the record of the plan stands once more.
    """

    def __init__(self, texts: Texts, programs: Programs) -> None:
        self.records = bytearray()
        self.count = 0
        self._texts = texts
        self._programs = programs
        self._keys: list[tuple[int, int]] = []
        self._plans: list[tuple[str, tuple[int, int]]] = []
        self._treatments: dict[tuple[Treatment, str], int] = {}

    def add(self, plan: Plan) -> None:
        """Write a plan's program and record."""
        head = f"vn_account={plan.account};vn_plan={plan.id}"
        self._write(plan.id, head + self._programs.policies.total(plan.policy), plan)

    def treatment(self, treatment: Treatment, cause: str) -> int:
        """Return the row of a treatment that is no plan, written if it is new."""
        key = (treatment, cause)
        if key not in self._treatments:
            self._treatments[key] = self.count
            self._write("", "", key)
        return self._treatments[key]

    def _write(self, name: str, head: str, what: Plan | tuple[Treatment, str]) -> None:
        place = self._programs.add(what) if isinstance(what, Plan) else self._programs.treat(*what)
        channel = CHANNEL if name else ""
        self._plans.append((head, place))
        for text in (name, head, channel):
            self.records += self._texts.packed(text)
        key = page_key(Kind.PLAN, name) if name else 0
        self.records += struct.pack("<IIQ", *place, key)
        if name:
            self._keys.append((key, self.count))
        self.count += 1

    def keys(self) -> bytes:
        """Return the PLAN_KEYS section; treatments that are no plan have no key."""
        return b"".join(struct.pack("<QII", *key, 0) for key in sorted(self._keys))

    def assignment(
        self, lived: Lived, account_row: int, plan_row: int, account: Account, screen: int
    ) -> bytes:
        """Return the record of an assignment."""
        head, place = self._plans[plan_row]
        if lived.campaign:
            head += f";vn_campaign={lived.campaign}"
        # The account's state counts as the number's own; a number's other states say more.
        suspended = account.state == "suspended" and lived.state == "active"
        state = SERVICE_STATES.index("suspended" if suspended else lived.state)
        return (
            struct.pack("<II", account_row, plan_row)
            + self._texts.packed(lived.campaign)
            + struct.pack(
                "<IIqqII",
                state,
                screen,
                first_second(lived.since, account.time_zone),
                second_after(lived.until, account.time_zone),
                *place,
            )
            + self._texts.packed(head)
            + self._texts.packed(CHANNEL)
        )


class TreatmentRows:
    """Says which row of PLANS treats the calls to an account's number that is not in service."""

    def __init__(
        self, answers: Iterable[Answers], plans: Mapping[str, int], written: PlanRows
    ) -> None:
        self._answers = {one.id: one for one in answers}
        self._system = next((one for one in self._answers.values() if one.system), None)
        self._plans = plans
        self._written = written

    def of(self, account: Account) -> list[int]:
        """Return the rows for an account, in the order of REASONS."""
        sets = [self._answers.get(account.answers), self._system]
        rows = []
        for reason in REASONS:
            found = (one.treatment(reason) for one in sets if one is not None)
            treatment = next((one for one in found if one is not None), Treatment())
            rows.append(self.row(treatment, DEFAULT_CAUSES[reason]))
        return rows

    def row(self, treatment: Treatment, cause: str = "CALL_REJECTED") -> int:
        """Return the row of a treatment; ``cause`` is the occasion's."""
        if treatment.plan:
            return self._plans[treatment.plan]
        return self._written.treatment(treatment, cause)


def account_records(
    accounts: list[Account],
    texts: Texts,
    treatments: TreatmentRows,
    order_of: Callable[[Account], int],
) -> bytes:
    """Return the ACCOUNTS section; ``order_of`` gives an account's row of ORDERS."""
    return b"".join(
        texts.packed(account.id)
        + struct.pack(
            f"<I{len(REASONS)}IIQ",
            SERVICE_STATES.index(account.state),
            *treatments.of(account),
            order_of(account),
            page_key(Kind.ACCOUNT, account.id),
        )
        for account in accounts
    )
