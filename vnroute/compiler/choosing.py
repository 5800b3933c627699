"""Accounts' and plans' choices become columns of DESTINATIONS and rows of ORDERS."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Mapping
from decimal import Decimal

from vnroute.compiler.rates import Chooser
from vnroute.image.program import NO_LIMIT, ORDERS
from vnroute.model import Account, Plan
from vnroute.model.choice import Choice
from vnroute.model.deck import NO_END, RateInForce
from vnroute.model.e164 import digits_of
from vnroute.model.rate import parse_rate

__all__ = ["Choosing", "Prices"]

_ORDER = struct.Struct("<IIIIII")
_ANY = 0xFFFFFFFF


class Choosing:
    """Every choice there is; ``records`` are the ORDERS section, ``shares`` the SHARES section.

    The first is what holds where none is given: all carriers by price.
    """

    def __init__(
        self, carriers: list[str], accounts: Iterable[Account], plans: Iterable[Plan]
    ) -> None:
        self.records = bytearray()
        self.shares = array("I")
        self.choosers: list[Chooser] = []
        self.columns: list[int] = []
        self._rows: dict[str, int] = {}
        self.choices: list[Choice] = []
        self._carriers = carriers
        self._of_account = {account.id: account.choice for account in accounts}
        self._add(Choice())
        for choice in self._of_account.values():
            self._add(choice)
        for plan in plans:
            self._add(plan.choice)

    def row(self, plan: Plan) -> int:
        """Return the row of ORDERS that a plan's targets go by: its own, or its account's."""
        choice = plan.choice or self._of_account.get(plan.account)
        return self._rows[repr(choice)] if choice else 0

    def row_of_account(self, account: Account) -> int:
        """Return the row of ORDERS that an account's calls go by where no plan says it."""
        return self._rows[repr(account.choice)] if account.choice else 0

    def _add(self, choice: Choice | None) -> None:
        if choice is None or repr(choice) in self._rows:
            return
        self._rows[repr(choice)] = len(self.choices)
        self.choices.append(choice)
        chooser = self._chooser(choice)
        if chooser not in self.choosers:
            self.choosers.append(chooser)
        self.columns.append(self.choosers.index(chooser))
        first = len(self.shares)
        if choice.order == "share":
            self.shares.extend(choice.shares.get(name, 0) for name in self._carriers)
        self.records += _ORDER.pack(
            self.columns[-1],
            ORDERS.index(choice.order),
            choice.most,
            _ANY if choice.within is None else choice.within,
            first,
            0,
        )

    def _chooser(self, choice: Choice) -> Chooser:
        allowed = bytes(
            name not in choice.deny and (not choice.allow or name in choice.allow)
            for name in self._carriers
        )
        ranks = None
        if choice.order == "fixed":
            places = {name: place for place, name in enumerate(choice.carriers)}
            ranks = [places.get(name, len(places)) for name in self._carriers]
        return Chooser(allowed, ranks, tuple(sorted(digits_of(text) for text in choice.block)))


class Prices:
    """What accounts pay, as far as a margin is asked of it.

    Where a price depends on the moment, the time of day or the origin, the least of those that may
    count is taken, so that no call is sold at a loss.
    """

    def __init__(
        self, rates: Iterable[RateInForce], worth: Mapping[str, Decimal], now: int
    ) -> None:
        self._rows: dict[str, dict[str, list[tuple[bool, Decimal]]]] = {}
        for rate in rates:
            if rate.blocked:
                continue
            always = (
                not rate.origin and not rate.time and rate.effective <= now and rate.end >= NO_END
            )
            price = parse_rate(rate.rate) * worth.get(rate.currency, 1)
            rows = self._rows.setdefault(rate.owner, {}).setdefault(rate.prefix, [])
            rows.append((always, price))

    def limit(self, choice: Choice, account: str, digits: str) -> int:
        """Return what a carrier must stay below, in 1e-8; NO_LIMIT where no margin is asked."""
        if not choice.margin:
            return NO_LIMIT
        least: Decimal | None = None
        decks = self._rows.get(account, {})
        for size in range(len(digits), 0, -1):
            rows = decks.get(digits[:size], [])
            for _, price in rows:
                least = price if least is None else min(least, price)
            if any(always for always, _ in rows):
                break
        if least is None:
            return 0
        return max(0, int(choice.cost_limit(least) * 10**8) + 1)
