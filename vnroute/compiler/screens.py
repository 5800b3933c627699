"""The CALLERS, LIST_SETS, LISTS and SCREENS sections: who is on which lists, and what is done.

Whoever calls is looked for once. What is found is a set of lists: of all lists that hold his number
or a prefix of it, so that the hot path need not ask for each.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping

from vnroute.compiler.number_table import NumberTable
from vnroute.compiler.text import Texts
from vnroute.image.keys import screens_key
from vnroute.image.program import NO_SCREEN, ScreenOp
from vnroute.model import CallerList, Screen
from vnroute.model.nanp import AREA_CODES, STATE_OF
from vnroute.model.screen import caller_key
from vnroute.model.treatment import Treatment

__all__ = ["Callers", "ScreenRows", "area_name", "list_rows"]

_MASK = 0xF
_MOST_PAIRS = 10_000


_AREAS = {f"the state {state}": codes for state, codes in AREA_CODES.items()}
_AREAS["the United States"] = sorted(STATE_OF)


def area_name(state: str) -> str:
    """Return the name of the list of a state's area codes, of all of them for an empty one.

    It has a blank, which no list of ours has in its id.
    """
    return f"the state {state}" if state else "the United States"


def list_rows(lists: Iterable[CallerList]) -> dict[str, int]:
    """Return the row of each list."""
    return {name: row for row, name in enumerate(sorted(one.id for one in lists))}


class Callers:
    """A table of callers by key (:func:`vnroute.model.screen.caller_key`), each with its set.

    ``stored`` yields (key, list id) of imported entries, ascending by key, and may be called
    again. ``areas`` are lists of area codes that rates ask for, with their rows, which follow those
    of the others. ``lengths`` has bit n set where some prefix has n digits.
    """

    def __init__(
        self,
        lists: list[CallerList],
        stored: Callable[[], Iterator[tuple[int, str]]],
        areas: Mapping[str, int] | None = None,
    ) -> None:
        self.rows = {**list_rows(lists), **(areas or {})}
        self.words = array("I", [0])
        self.lengths = 0
        self._sets: dict[frozenset[int], int] = {frozenset(): 0}
        written: dict[int, set[int]] = {}
        for one in lists:
            for key in one.keys:
                written.setdefault(key, set()).add(self.rows[one.id])
        for name, row in (areas or {}).items():
            for code in _AREAS[name]:
                written.setdefault(caller_key(f"+1{code}*"), set()).add(row)
        prefixes: dict[int, set[int]] = {}
        count = 0
        for key, found in self._merged(written, stored):
            count += 1
            if key & _MASK and key > _MASK:
                prefixes[key] = found
                self.lengths |= 1 << (key & _MASK)
        for seed in range(1, 20):
            self.table = NumberTable(count, seed)
            batch: list[tuple[int, int]] = []
            full = False
            for key, found in self._merged(written, stored):
                batch.append((key, self._set(found | self._around(key, prefixes))))
                if len(batch) == 50_000:
                    full = full or not self.table.add(batch)
                    batch = []
            if self.table.add(batch) and not full:
                return
        raise OverflowError(f"{count} callers found no place in a table; this should not happen")

    def _merged(
        self, written: Mapping[int, set[int]], stored: Callable[[], Iterator[tuple[int, str]]]
    ) -> Iterator[tuple[int, set[int]]]:
        """Yield each key once with the rows of its lists."""
        left = set(written)
        last, found = 0, set[int]()
        for key, name in stored():
            if key != last:
                if last:
                    yield last, found | written.get(last, set())
                left.discard(key)
                last, found = key, set()
            found.add(self.rows[name])
        if last:
            yield last, found | written.get(last, set())
        for key in left:
            yield key, written[key]

    def _around(self, key: int, prefixes: Mapping[int, set[int]]) -> set[int]:
        """Return the lists of the prefixes of a key that are shorter than it."""
        around: set[int] = set()
        if key <= _MASK:
            return around
        digits = str(key >> 4)
        for size in range(1, (key & _MASK) or len(digits) + 1):
            if self.lengths >> size & 1:
                around |= prefixes.get(int(digits[:size]) << 4 | size, set())
        return around

    def _set(self, lists: set[int]) -> int:
        place = self._sets.get(frozenset(lists))
        if place is None:
            place = self._sets[frozenset(lists)] = len(self.words)
            self.words.extend([len(lists), *sorted(lists)])
        return place


class ScreenRows:
    """The SCREENS section: for each combination of a number's, an account's and the system's
    screen, its rules in the order in which they are tried.

    ``treated`` gives the row of the plan that a treatment is.
    """

    def __init__(
        self,
        screens: Iterable[Screen],
        lists: Mapping[str, int],
        texts: Texts,
        treated: Callable[[Treatment], int],
    ) -> None:
        self.words = array("I")
        self._screens = {one.id: one for one in screens}
        self._system = next((one.id for one in self._screens.values() if one.system), "")
        self._lists = lists
        self._texts = texts
        self._treated = treated
        self._places: dict[tuple[str, str], int] = {}

    def row(self, number: str, account: str) -> int:
        """Return the first word for a number's and an account's screen, NO_SCREEN for none."""
        key = (number, account)
        if key not in self._places:
            self._places[key] = self._written(number, account)
        return self._places[key]

    def keys(self, accounts: Iterable[str]) -> bytes:
        """Return the SCREEN_KEYS section: what numbers may be given later as well, in accounts with
        these screens, unless that is very much.
        """
        of_accounts = set(accounts) | {""}
        if len(of_accounts) * (len(self._screens) + 1) <= _MOST_PAIRS:
            for account in of_accounts:
                for number in ("", *self._screens):
                    self.row(number, account)
        rows = sorted((screens_key(*key), place) for key, place in self._places.items())
        return b"".join(struct.pack("<QII", *row, 0) for row in rows)

    def _written(self, number: str, account: str) -> int:
        words: list[int] = []
        levels = [(level, name) for level, name in enumerate((number, account, self._system))
                  if name]  # fmt: skip
        for level, name in levels:
            for rule in self._screens[name].ordered:
                rate = f"{rule.rate} !{rule.treatment_text}" if rule.rate else ""
                text = self._texts.place(rate)
                if rule.rate:
                    op, treated = ScreenOp.RATE, 0
                elif rule.allow:
                    op, treated = ScreenOp.ALLOW, 0
                else:
                    op, treated = ScreenOp.BLOCK, self._treated(rule.treatment)
                row = self._lists[rule.list] if rule.list else 0
                words += [op | level << 8, row, treated, *self._texts.place(name), *text]
        # The widest first: a call beyond its number's limit counts for its account all the same.
        for level, name in reversed(levels):
            words += self._limits(level, name)
        if not words:
            return NO_SCREEN
        place = len(self.words)
        self.words.extend([len(words) // 7, *words])
        return place

    def _limits(self, level: int, name: str) -> list[int]:
        """Return the rules that a screen's limits are; calls at a time are counted first."""
        rule = self._screens[name].limited
        if rule is None or rule.limits is None:
            return []
        treatment, others, plan = rule.treatment, 0, 0
        then = f" set:vn_refused=at_capacity,hangup:{treatment.cause} inline"
        if treatment.play or treatment.voicemail or treatment.plan:
            then, others, plan = "", 1, self._treated(treatment)
        words: list[int] = []
        for op, most in (
            (ScreenOp.CALLS, f"{rule.limits.calls}" if rule.limits.calls else ""),
            (ScreenOp.CPS, f"{rule.limits.cps}/1" if rule.limits.cps else ""),
        ):
            if most:
                text = self._texts.place(most + then)
                words += [op | level << 8, others, plan, *self._texts.place(name), *text]
        return words
