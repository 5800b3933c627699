"""Rating: what a call costs us, what its account pays, and what it costs to receive it.

By decks as they were in force when the call began, by the rule of :mod:`vnroute.model.charge`:

- *cost*: the leg that was picked up, by its carrier's deck, for the number that was dialled;
- *price*: the call from its answer on, by its account's deck, for the number dialled on the leg
  that was picked up, or for our own number where that leg is one of our own phones;
- *cost to receive*, for toll-free and other numbers that are paid by whom is called: the call from
  its answer on, by the deck that the settings name for the number, for the caller's number.

Rows for a group of callers or a time class do not count here: CDRs do not tell them yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import msgspec

from vnroute.calls.base import CallStore, DeckRow, GatewayRow, Rate, RatedCall
from vnroute.calls.countries import country_of, place_of
from vnroute.calls.record import Call
from vnroute.calls.up import CallUp
from vnroute.model.carrier import Gateway
from vnroute.model.charge import Charge, rate_call
from vnroute.model.deck import DeckRate
from vnroute.model.nanp import jurisdiction
from vnroute.model.numbering import expected_length
from vnroute.store import Store
from vnroute.store.base import Reading

__all__ = ["Rater", "Tariff", "digits_dialled", "take_over_decks", "whole_seconds"]


Tariff = Callable[[int], Charge | None]
"""What a call costs that is up for so many milliseconds; None where that is not known."""


def whole_seconds(talk_ms: int) -> int:
    """Return the seconds that decks bill by: a second begun is a second."""
    return -(-talk_ms // 1000)


def digits_dialled(dialled: str, gateway: GatewayRow) -> str:
    """Return the E.164 digits behind what a gateway wanted dialled; empty where it is none.

    Of the gateway's formats, those for a prefix come first, the longest first, if they could have
    written it and its country has numbers of that length.
    """
    if not gateway.formats:
        return _between(dialled, gateway.before, gateway.after)
    for prefix, strip, before, after in _formats(gateway.formats):
        if strip > len(prefix):
            continue
        digits = _between(dialled, before.removesuffix("+"), after)
        if not digits:
            continue
        digits = prefix[:strip] + digits
        if not prefix or (digits.startswith(prefix) and expected_length(digits) is None):
            return digits
    return ""


@lru_cache(maxsize=4096)
def _formats(text: str) -> list[tuple[str, int, str, str]]:
    return msgspec.json.decode(text, type=list[tuple[str, int, str, str]])


def _between(text: str, before: str, after: str) -> str:
    """Return the digits between what stands before and after, empty where there are none."""
    if not text.startswith(before) or not text.endswith(after):
        return ""
    text = text[len(before) : len(text) - len(after)].removeprefix("+")
    return text if text.isascii() and text.isdigit() and len(text) <= 15 else ""


def _gateway_row(carrier: str, gateway: Gateway) -> GatewayRow:
    ways = gateway.dials()
    last = ways[-1]
    formats = ""
    if len(ways) > 1 or last.strip:
        rows = [(way.prefix, way.strip, way.before, way.after) for way in ways]
        formats = msgspec.json.encode(rows).decode()
    return GatewayRow(gateway.id, carrier, last.before.removesuffix("+"), last.after, formats)


class Rater:
    """Rates calls by what a store of calls knows of carriers and decks.

    ``receive`` names the account whose deck says what it costs to receive calls, by the prefix
    (digits) of the numbers for which we pay.
    """

    def __init__(self, store: CallStore, receive: Mapping[str, str] | None = None) -> None:
        self._store = store
        self._receive = dict(receive or {})
        self.reload()

    def reload(self) -> None:
        """Read the gateways anew."""
        self._gateways = {row.gateway: row for row in self._store.gateways()}

    def _charge(
        self, kind: str, owner: str, digits: str, caller: str, started: int, talk_ms: int
    ) -> Charge | None:
        tariff = self._tariff(kind, owner, digits, caller, started)
        return tariff(talk_ms) if tariff is not None else None

    def _tariff(
        self, kind: str, owner: str, digits: str, caller: str, started: int
    ) -> Tariff | None:
        """Return what a call costs by how long it is up."""
        rows = self._store.deck_rows(kind, owner, digits, started) if owner and digits else ()
        if not rows:
            return None
        rates = [
            DeckRate(
                row.prefix, row.origin, row.time, row.effective, row.end, row.rate, row.fee,
                row.first, row.next, bool(row.blocked),
            )
            for row in rows
        ]  # fmt: skip
        origin, currency = jurisdiction(caller.removeprefix("+"), digits), rows[0].currency
        return lambda talk_ms: rate_call(
            rates, started // 1_000_000, whole_seconds(talk_ms), origin=origin, currency=currency
        )

    def tariffs(self, call: CallUp) -> tuple[Tariff | None, Tariff | None]:
        """Return the price and the cost of a call that is up, as :meth:`rated` will have them."""
        gateway = self._gateways.get(call.gateway)
        digits = digits_dialled(call.dialled, gateway) if gateway else ""
        sold = digits or call.number.removeprefix("+")
        return (
            self._tariff("account", call.account, sold, call.caller, call.started),
            self._tariff("carrier", gateway.carrier, digits, call.caller, call.started)
            if gateway
            else None,
        )

    def rated(self, call: Call) -> RatedCall:
        """Return a call with the carrier, destination, rate and cost of each leg, and its price.

        A leg that nobody picked up costs nothing; one whose carrier or rate is unknown has no
        cost, and then neither has the call.
        """
        country, area = place_of(call.caller)
        made = RatedCall(call, country=country, area=area)
        carriers: list[str] = []
        destinations: list[str] = []
        rates: list[Rate | None] = []
        costs: list[int | None] = []
        billed: list[int] = []
        currencies: set[str] = set()
        sold = call.number.removeprefix("+")
        for leg in call.legs:
            gateway = self._gateways.get(leg.gateway)
            digits = digits_dialled(leg.dialled, gateway) if gateway else ""
            carriers.append(gateway.carrier if gateway else "")
            destinations.append(country_of("+" + digits) if digits else "")
            answered = leg.outcome == "answered"
            # A dial string of our own (an extension) is no carrier's, and costs nothing.
            rate, cost, seconds = None, None if answered and "/" not in leg.gateway else 0, 0
            if gateway and digits and answered:
                sold = digits
                charge = self._charge(
                    "carrier", gateway.carrier, digits, call.caller, call.started, leg.talk_ms
                )
                if charge is not None:
                    rate = _rate(charge)
                    cost, seconds = charge.units, charge.seconds
                    currencies.add(charge.currency)
            rates.append(rate)
            costs.append(cost)
            billed.append(seconds)
        made.carriers, made.destinations = tuple(carriers), tuple(destinations)
        made.rates, made.costs, made.billed = tuple(rates), tuple(costs), tuple(billed)
        known = [cost for cost in costs if cost is not None]
        if len(known) == len(costs) and len(currencies) < 2:
            made.cost = sum(known)
            made.cost_currency = "".join(currencies)
        self._sell(made, sold)
        return made

    def _sell(self, made: RatedCall, sold: str) -> None:
        call = made.call
        if call.account:
            price = self._charge(
                "account", call.account, sold, call.caller, call.started, call.talk_ms
            )
            if price is not None:
                made.price, made.price_currency = price.units, price.currency
        ours, caller = call.number.removeprefix("+"), call.caller.removeprefix("+")
        prefix = max((p for p in self._receive if ours.startswith(p)), key=len, default=None)
        if prefix is not None:
            received = self._charge(
                "account", self._receive[prefix], caller, call.number, call.started, call.talk_ms
            )
            if received is not None:
                made.receive_cost, made.receive_currency = received.units, received.currency


def _rate(charge: Charge) -> Rate:
    row = charge.row
    return Rate(row.prefix, row.rate, row.fee, charge.currency)


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
        gateways = [
            _gateway_row(carrier.id, gateway)
            for carrier in view.carriers()
            for gateway in carrier.gateways
        ]
        # All that was in force at the change or later, not now: a row that has ended meanwhile
        # would be taken for one that the change withdrew. The first time all rows, however old.
        known = calls.deck_counter() >= 0
        calls.put_decks(counter, since, _deck_rows(view, since if known else 0), gateways)
    return True


def _deck_rows(view: Reading, since: int) -> Iterator[DeckRow]:
    for kind in ("account", "carrier"):
        for row in view.iter_rates(since // 1_000_000, kind):
            yield DeckRow(
                kind, row.prefix, row.owner, row.origin, row.time, row.effective, row.end,
                row.rate, row.fee, row.first, row.next, int(row.blocked), row.currency,
            )  # fmt: skip
