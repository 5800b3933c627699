"""Stored calls, read as fraud rules ask for them: in the order in which they were stored."""

from __future__ import annotations

from collections.abc import Iterator

from vnroute.calls.base import CallStore, GatewayRow
from vnroute.calls.days import day_of
from vnroute.calls.rating import digits_dialled
from vnroute.fraud.engine import Spent

__all__ = ["Following"]

_BATCH = 500
_LONGEST_CALL = 86_400 * 1_000_000


class Following:
    """Reads a store of calls from where it was read last; each call comes once, by its id."""

    def __init__(self, store: CallStore) -> None:
        self._store = store
        self._gateways: dict[str, GatewayRow] = {}

    def last(self) -> int:
        """Return the id of the call stored last, 0 for none."""
        return self._store.counter("calls")

    def behind(self, after: int, since: int = 0, most: int = 0) -> Iterator[Spent]:
        """Yield calls behind an id, ``most`` of them; with ``since`` those that ended after that
        moment (Unix microseconds), of calls that were a day long at most.
        """
        first_day = day_of(since - _LONGEST_CALL) if since > _LONGEST_CALL else 0
        left = most or 1 << 62
        while left > 0:
            rows = self._store.spent(after, first_day, min(_BATCH, left))
            for row in rows:
                yield Spent(
                    row.id, row.uuid, row.account, row.ended, row.outcome == "answered",
                    row.talk_ms, self.digits(row.gateway or "", row.dialled or ""), row.price,
                    row.price_currency, row.cost, row.cost_currency,
                )  # fmt: skip
            if len(rows) < min(_BATCH, left):
                return
            left -= len(rows)
            after = rows[-1].id

    def digits(self, gateway: str, dialled: str) -> str:
        """Return the E.164 digits behind what a gateway wanted dialled; empty where it is none."""
        if not dialled:
            return ""
        known = self._gateways.get(gateway)
        if known is None:
            self._gateways = {row.gateway: row for row in self._store.gateways()}
            known = self._gateways.setdefault(gateway, GatewayRow(gateway, "", "", ""))
        return digits_dialled(dialled, known)
