"""Rates become rows of choices: for each stretch of destinations, the carriers in order.

For each carrier its own longest prefix counts, not the longest over all: a carrier that quotes
+4420 does not hide another that quotes +44. Walking all prefixes in dialling order, what holds
inside a prefix is what held around it, with this prefix's own rates put in place.

A rate may hold from a moment on or until one, or in a state of a schedule. Of a carrier's rates
that count for a call the longest prefix wins, then one for the time of day over one for all (as
vnroute.model.charge has it). So a destination whose list depends on the call has a node in place
of its list, which asks one thing and leads to a node or list for each answer: first the moment,
then schedules, then whether the caller is on a list. A caller whom nobody knows costs the dearest
of what a carrier asks for that prefix, and so do all callers where an origin is no list of ours.

Rates between and within states of the United States need no lists of ours: the prefix says in which
state the called number is, and lists of each state's area codes say it of the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from vnroute.compiler.carrier_lists import CarrierLists, WordLists
from vnroute.compiler.prefixes import PrefixSpans
from vnroute.compiler.rate_walk import RateWalk
from vnroute.compiler.screens import area_name
from vnroute.image.program import NO_RATE, Node
from vnroute.model.deck import NO_END, RateInForce
from vnroute.model.nanp import JURISDICTIONS, Jurisdiction, state_of
from vnroute.model.rate import parse_rate

__all__ = ["Choices", "Chooser", "StatesOf"]

_SCALE = 10**8
_DEAREST = 1 << 62
"""Stands for the price of a carrier without a deck: it is tried after all that have one."""

StatesOf = Callable[[str], tuple[int, Sequence[str]] | None]
"""Gives a schedule's row and the names of its states by number, None for one that is not there."""


@dataclass(frozen=True)
class Chooser:
    """What a choice says of carriers, by their rows.

    ``allowed`` has a byte for each, 0 for one that is left out; ``ranks`` puts them in an order of
    their own (the lower the earlier, equal ones by price), None by price alone. Destinations under
    ``blocked`` (prefixes as digits) have no carrier.
    """

    allowed: bytes
    ranks: list[int] | None = None
    blocked: tuple[str, ...] = ()


class _Rate(NamedTuple):
    """A rate that does not always hold, in the order in which equal ones win."""

    length: int
    origin: str
    time: str
    begins: int
    end: int
    price: int
    price_row: int
    blocked: bool


_Odd = dict[int, tuple[_Rate, ...]]

_MOST_REMEMBERED = 100_000
"""Carriers' rates, over all that was found, before it is forgotten: some tens of MB."""


class Choices:
    """The CHOICES, DESTINATIONS and RATES sections, and the prefixes that lead to them.

    ``carriers`` are the ids in the order of the image's carriers; ``rates`` come as the store gives
    them: by prefix as text, then owner, origin, time and moment, none over at ``now``. Carriers of
    equal price are tried in the order of ``carriers``. One that is in ``unrated`` takes every
    destination, after the others. ``choosers`` are the choices there are, a column each of
    DESTINATIONS; without any, all carriers are taken by price. ``worth`` is what one unit of a
    currency is worth in the system's own. A rate of a schedule that ``states_of`` does not know
    never counts.
    """

    def __init__(
        self,
        carriers: list[str],
        unrated: Iterable[str],
        rates: Iterable[RateInForce],
        *,
        now: int = 0,
        choosers: Sequence[Chooser] = (),
        worth: Mapping[str, Decimal] | None = None,
        states_of: StatesOf | None = None,
        lists: Mapping[str, int] | None = None,
    ) -> None:
        self.areas: dict[str, int] = {}
        """Lists of area codes that are asked, by name, and their rows, which follow those of
        ``lists`` (:func:`vnroute.compiler.screens.area_name`)."""
        self.spans = PrefixSpans()
        self.choosers = list(choosers) or [Chooser(b"\1" * len(carriers))]
        self._now = now
        self._worth = worth or {}
        self._states_of = states_of
        self._caller_lists = lists or {}
        self._jurisdictions = frozenset(JURISDICTIONS) - self._caller_lists.keys()
        self._place = ""
        self._words = WordLists()
        self._lists = CarrierLists(
            len(carriers),
            self._words,
            [chooser.allowed for chooser in self.choosers],
            [chooser.ranks for chooser in self.choosers],
        )
        self._nobody = self._words.add([0])
        self._found: dict[tuple[object, ...], tuple[int, ...]] = {}
        self._remembered = 0
        self._row_of = {name: row for row, name in enumerate(carriers)}
        everywhere = sorted(unrated)
        for name in everywhere:
            # Below every prefix: what is there before the first of them is there for all.
            self._lists.put(self._row_of[name], _DEAREST, NO_RATE)
        blocked = sorted({prefix for one in self.choosers for prefix in one.blocked})
        # Every first digit is a prefix where something holds for all, and so is what is blocked.
        marks = sorted({*blocked, *("123456789" if everywhere else "")})
        walk = RateWalk(
            self._row_of, self._lists, self.spans, len(self.choosers), now=now,
            price=self._price, odd_rate=_odd_rate, lists_here=self._lists_here,
            always=bool(blocked),
        )  # fmt: skip
        walk.over(rates, marks)
        self.prices = walk.prices
        self.destinations = walk.destinations
        self.rows = walk.rows

    @property
    def words(self) -> bytes:
        """The CHOICES section."""
        return self._words.words()

    def _price(self, text: str, currency: str) -> int:
        """Return a price as written in 1e-8 of the system's currency."""
        return int(parse_rate(text) * self._worth.get(currency, 1) * _SCALE)

    def _lists_here(self, prefix: str, odd: _Odd) -> tuple[int, ...]:
        """Return where the list or node of each choice lies, of what holds now."""
        self._place = prefix
        found = self._alike(odd) if odd else self._leaf({})
        if any(chooser.blocked for chooser in self.choosers):
            return tuple(
                self._nobody if chooser.blocked and prefix.startswith(chooser.blocked) else at
                for chooser, at in zip(self.choosers, found, strict=True)
            )
        return found

    def _alike(self, odd: _Odd) -> tuple[int, ...]:
        """Return what was found where all carriers asked the same, else find it.

        Thousands of prefixes are of one telephone company in one state, and cost the same.
        """
        place = state_of(self._place), self._is_short()
        key = (self._lists.order(), tuple(odd.items()), *place)
        found = self._found.get(key)
        if found is None:
            found = self._by_moment(odd)
            self._remembered += len(odd)
            if self._remembered > _MOST_REMEMBERED:
                self._found.clear()
                self._remembered = len(odd)
            self._found[key] = found
        return found

    def _is_short(self) -> bool:
        """Whether the prefix at hand is of North America, and of no one area code."""
        return len(self._place) < 4 and self._place[0] == "1"

    def _node(
        self, children: list[tuple[int, ...]], words: Callable[[list[int]], list[int]]
    ) -> tuple[int, ...]:
        """Return a node for each choice over its children, or the child where all are the same."""
        return tuple(
            column[0] if len(set(column)) == 1 else self._words.add(words(list(column)))
            for column in zip(*children, strict=True)
        )

    def _by_moment(self, odd: _Odd) -> tuple[int, ...]:
        moments = {self._now}
        for rates in odd.values():
            for rate in rates:
                moments.update(at for at in (rate.begins, rate.end) if self._now < at < NO_END)
        starts = sorted(moments)
        children = []
        for start in starts:
            there = {
                carrier: tuple(rate for rate in rates if rate.begins <= start < rate.end)
                for carrier, rates in odd.items()
            }
            children.append(self._by_state(there))
        # Before the first of them is before this compilation: what holds now held then.
        starts[0] = 0

        def words(rows: list[int]) -> list[int]:
            kept = [
                (start, row)
                for place, (start, row) in enumerate(zip(starts, rows, strict=True))
                if place == 0 or row != rows[place - 1]
            ]
            parts = [word for start, row in kept for word in (start & 0xFFFFFFFF, start >> 32, row)]
            return [Node.BY_MOMENT << 24 | len(kept), *parts]

        return self._node(children, words)

    def _by_state(self, odd: _Odd) -> tuple[int, ...]:
        asked = {rate.time.partition(":")[0] for rates in odd.values() for rate in rates}
        asked.discard("")
        asked.discard(_HOLDS)
        if not asked:
            return self._by_origin(odd)
        schedule = min(asked)
        known = self._states_of(schedule) if self._states_of else None
        row, states = known or (0, ("",))
        children = []
        for state in states:
            there = {
                carrier: tuple(
                    rate._replace(time=_HOLDS) if rate.time == f"{schedule}:{state}" else rate
                    for rate in rates
                    if rate.time.partition(":")[0] != schedule or rate.time == f"{schedule}:{state}"
                )
                for carrier, rates in odd.items()
            }
            children.append(self._by_state(there))
        if known is None:
            return children[0]  # no state of it is any rate's
        return self._node(children, lambda rows: [Node.BY_STATE << 24 | len(rows), row, *rows])

    def _by_origin(self, odd: _Odd) -> tuple[int, ...]:
        asked = {rate.origin for rates in odd.values() for rate in rates} & set(self._caller_lists)
        if not asked:
            return self._by_jurisdiction(odd)
        origin = min(asked)
        on, others, unknown = (
            {
                carrier: tuple(
                    rate._replace(origin=mark) if rate.origin == origin else rate
                    for rate in rates
                    if mark or rate.origin != origin
                )
                for carrier, rates in odd.items()
            }
            for mark in (_HOLDS, "", _UNKNOWN)
        )
        # Nobody knows an unknown caller's other lists either.
        unknown = {
            carrier: tuple(
                rate._replace(origin=_UNKNOWN)
                if rate.origin and rate.origin not in self._jurisdictions
                else rate
                for rate in rates
            )
            for carrier, rates in unknown.items()
        }
        unknown = self._of_jurisdiction(unknown, "indeterminate")
        children = [self._by_origin(on), self._by_origin(others), self._leaf(unknown)]
        return self._origin_node(self._caller_lists[origin], children)

    def _origin_node(self, row: int, children: list[tuple[int, ...]]) -> tuple[int, ...]:
        return self._node(children, lambda rows: [Node.BY_ORIGIN << 24 | len(rows), row, *rows])

    def _by_jurisdiction(self, odd: _Odd) -> tuple[int, ...]:
        """Return what asks for the caller's state, where a rate does and the prefix says its own.

        That of a prefix of less than an area code may be any: there the dearest counts.
        """
        asked = any(rate.origin in self._jurisdictions for rates in odd.values() for rate in rates)
        if not asked or self._is_short():
            return self._leaf(odd)
        cannot_tell = self._leaf(self._of_jurisdiction(odd, "indeterminate"))
        state = state_of(self._place)
        if not state:
            return cannot_tell
        within = self._leaf(self._of_jurisdiction(odd, "intrastate"))
        between = self._leaf(self._of_jurisdiction(odd, "interstate"))
        others = self._origin_node(self._area(""), [between, cannot_tell, cannot_tell])
        return self._origin_node(self._area(state), [within, others, cannot_tell])

    def _area(self, state: str) -> int:
        name = area_name(state)
        return self.areas.setdefault(name, len(self._caller_lists) + len(self.areas))

    def _of_jurisdiction(self, odd: _Odd, jurisdiction: Jurisdiction) -> _Odd:
        """Return what holds for calls of a jurisdiction.

        Where a carrier says nothing of calls that nobody can tell, any of its rates may hold.
        """
        found = {}
        for carrier, rates in odd.items():
            told = {rate.length for rate in rates if rate.origin == jurisdiction}
            kept = []
            for rate in rates:
                if rate.origin not in self._jurisdictions:
                    kept.append(rate)
                elif rate.origin == jurisdiction:
                    kept.append(rate._replace(origin=_HOLDS))
                elif jurisdiction == "indeterminate" and rate.length not in told:
                    kept.append(rate._replace(origin=_UNKNOWN))
            found[carrier] = tuple(kept)
        return found

    def _leaf(self, odd: _Odd) -> tuple[int, ...]:
        """Return a list for each choice, of what is held and the rates that hold for the call."""
        undo = []
        for carrier, rates in odd.items():
            best = _counting(rates, self._lists.held(carrier))
            if best is None:
                continue
            if best.blocked:
                undo.append((carrier, self._lists.take_out(carrier)))
            else:
                undo.append((carrier, self._lists.put(carrier, best.price, best.price_row)))
        found = tuple(self._lists.list_for(place) for place in range(len(self.choosers)))
        for carrier, before in reversed(undo):
            self._lists.restore(carrier, before)
        return found


def _odd_rate(rate: RateInForce, price: int, price_row: int) -> _Rate:
    """Return a rate that does not always hold as it is kept while the walk is inside its prefix."""
    return _Rate(len(rate[0]), *rate[3:7], price, price_row, rate[10])


_HOLDS = "*"
"""In place of a time of day that is known to be the call's; no id is written so."""


_UNKNOWN = "?"
"""In place of an origin that may be the caller's or not; no id is written so either."""


def _rank(rate: _Rate) -> tuple[int, bool, bool]:
    return rate.length, bool(rate.origin), bool(rate.time)


def _counting(rates: Iterable[_Rate], held: tuple[int, int] | None) -> _Rate | None:
    """Return the row that counts for a call, None if it is what is ``held`` for all.

    Where a row is for an origin that nobody can tell, the dearest counts of such rows of the
    longest prefix and of the row that counts otherwise; before all of them one that blocks.
    """
    certain: _Rate | None = None
    perhaps: list[_Rate] = []
    for rate in rates:
        if rate.origin not in ("", _HOLDS):
            if perhaps and rate.length > perhaps[0].length:
                perhaps.clear()
            if not perhaps or rate.length == perhaps[0].length:
                perhaps.append(rate)
        elif certain is None or _rank(rate) > _rank(certain):
            certain = rate
    if not perhaps or (certain is not None and certain.length > perhaps[0].length):
        return certain
    if certain is not None:
        perhaps.append(certain)
    elif held is not None:
        perhaps.append(perhaps[0]._replace(blocked=False, price=held[0], price_row=held[1]))
    return max(perhaps, key=lambda rate: (rate.blocked, rate.price))
