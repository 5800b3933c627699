"""Rating: what a call cost, by the carrier's deck in force when it began.

Billed is the leg that was picked up: its whole seconds, begun ones counted, times the price a
minute of the carrier's longest prefix of the number dialled. Decks hold no increments, connect
fees or currencies yet, and accounts no price; those stay unknown.
"""

from __future__ import annotations

import time

from vnroute.calls.base import CallStore, DeckRow, GatewayRow, Rate, RatedCall
from vnroute.calls.countries import country_of
from vnroute.calls.money import cost_units
from vnroute.calls.record import Call
from vnroute.store import Store

__all__ = ["Rater", "billed_seconds", "digits_dialled", "take_over_decks"]


def billed_seconds(talk_ms: int) -> int:
    """Return the seconds that are billed: a second begun is a second."""
    return -(-talk_ms // 1000)


def digits_dialled(dialled: str, gateway: GatewayRow) -> str:
    """Return the E.164 digits behind what a gateway wanted dialled; empty where it is none."""
    text = dialled
    if not text.startswith(gateway.before) or not text.endswith(gateway.after):
        return ""
    text = text[len(gateway.before) : len(text) - len(gateway.after)].removeprefix("+")
    return text if text.isascii() and text.isdigit() and len(text) <= 15 else ""


class Rater:
    """Rates calls by what a store of calls knows of carriers and decks."""

    def __init__(self, store: CallStore) -> None:
        self._store = store
        self.reload()

    def reload(self) -> None:
        """Read the gateways anew."""
        self._gateways = {row.gateway: row for row in self._store.gateways()}

    def rated(self, call: Call) -> RatedCall:
        """Return a call with the carrier, destination, rate and cost of each leg.

        A leg that nobody picked up costs nothing; one whose carrier or rate is unknown has no
        cost, and then neither has the call.
        """
        carriers: list[str] = []
        destinations: list[str] = []
        rates: list[Rate | None] = []
        costs: list[int | None] = []
        billed: list[int] = []
        for leg in call.legs:
            gateway = self._gateways.get(leg.gateway)
            digits = digits_dialled(leg.dialled, gateway) if gateway else ""
            carriers.append(gateway.carrier if gateway else "")
            destinations.append(country_of("+" + digits) if digits else "")
            # A dial string of our own (an extension) is no carrier's, and costs nothing.
            free = leg.outcome != "answered" or "/" in leg.gateway
            rate, cost = None, 0 if free else None
            if gateway and digits and leg.outcome == "answered":
                rate = self._store.rate(gateway.carrier, digits, call.started)
                if rate is not None:
                    cost = cost_units(rate.rate, billed_seconds(leg.talk_ms))
            rates.append(rate)
            billed.append(billed_seconds(leg.talk_ms) if rate else 0)
            costs.append(cost)
        known = [cost for cost in costs if cost is not None]
        return RatedCall(
            call,
            carriers=tuple(carriers),
            costs=tuple(costs),
            rates=tuple(rates),
            billed=tuple(billed),
            cost=sum(known) if len(known) == len(costs) else None,
            country=country_of(call.caller),
            destinations=tuple(destinations),
        )


def take_over_decks(routing: Store, calls: CallStore) -> bool:
    """Bring the decks that calls are rated by up to date with the routing store.

    Returns whether anything was read. Raises :class:`vnroute.store.StoreError`.
    """
    if routing.change_counter() == calls.deck_counter():
        return False
    with routing.snapshot() as view:
        counter = view.change_counter()
        changes = view.changes(counter - 1)
        since = int(changes[-1].time.timestamp() * 1_000_000) if changes else 0
        now = int(time.time())
        gateways = []
        for carrier in view.carriers():
            for gateway in carrier.gateways:
                # What stands around the number, by writing one that nothing else looks like.
                dialled = gateway.dial("\0").rpartition("/")[2]
                before, _, after = dialled.partition("\0")
                gateways.append(GatewayRow(gateway.id, carrier.id, before.removesuffix("+"), after))
        rates = (
            DeckRow(row.prefix, row.owner, row.rate)
            for row in view.iter_rates(now)
            if row.effective <= now and not (row.blocked or row.origin or row.time)
        )
        calls.put_decks(counter, since, rates, gateways)
    return True
