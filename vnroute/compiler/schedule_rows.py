"""The SCHEDULES and TRANSITIONS sections: each schedule in each zone that it is read in."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence

from vnroute.compiler.calendar_files import CalendarError
from vnroute.compiler.schedules import transitions
from vnroute.compiler.text import Texts
from vnroute.image.keys import Kind, page_key, state_hash
from vnroute.model import (
    Account,
    FieldError,
    Person,
    Plan,
    Problem,
    RoutingDataError,
    Rule,
    Schedule,
)

__all__ = ["ScheduleRows"]


class ScheduleRows:
    """Settles schedules for a horizon, and says which row and number stand for a state.

    A schedule without a zone of its own or of its account has a row for the zone of each account
    whose plans ask it, and none if no plan does. Schedules that say the same, under whatever name,
    share their transitions. Raises RoutingDataError for one that cannot be settled any more: the
    load has looked, but the library of holidays may be another one since.
    """

    def __init__(
        self,
        texts: Texts,
        schedules: Iterable[Schedule],
        accounts: Iterable[Account],
        plans: Iterable[Plan],
        span: tuple[int, int],
        progress: Callable[[int, int], None] = lambda done, total: None,
        persons: Iterable[Person] = (),
    ) -> None:
        self.records = bytearray()
        self.moments = array("q")
        self.hashes = array("I")
        self._hash_rows: dict[str, int] = {}
        self.count = 0
        self._schedules = {schedule.id: schedule for schedule in schedules}
        self._zones = {account.id: account.time_zone for account in accounts}
        self._rows: dict[tuple[str, str], int] = {}
        settled: dict[tuple[str, str, tuple[Rule, ...]], tuple[int, int]] = {}
        wanted = list(dict.fromkeys(self._wanted(plans)))
        for done, (schedule, zone) in enumerate(wanted):
            rules = tuple(rule for _, rule in schedule.placed())
            key = (zone, schedule.otherwise, rules)
            if key not in settled:
                settled[key] = self._settle(schedule, zone, span)
            self._rows[schedule.id, zone] = self.count
            states = schedule.states
            for text in (schedule.id, zone, ",".join(states)):
                self.records += texts.packed(text)
            self.records += struct.pack(
                "<IIIIQ",
                *settled[key],
                len(states),
                self._hashes(f"schedules[{schedule.id}]", states),
                page_key(Kind.SCHEDULE, schedule.id),
            )
            self.count += 1
            if done % 100 == 0:
                progress(done, len(wanted))
        self._persons: dict[str, int] = {}
        for person in persons:
            self._add_person(texts, person, span)

    def _add_person(self, texts: Texts, person: Person, span: tuple[int, int]) -> None:
        """Add what says where a person is, like a schedule whose states are the places."""
        zone, places = self._zones[person.account], list(person.places)
        first = len(self.moments)
        if person.place:
            self.moments.append(span[0] << 8 | places.index(person.place))
        else:
            schedule = self._schedules[person.schedule]
            zone = schedule.zone(self._zones[schedule.account or person.account])
            start, count = self._settle(schedule, zone, span)
            numbers = [places.index(state) for state in schedule.states]
            for at in range(start, start + count):
                moment = self.moments[at]
                self.moments[at] = moment >> 8 << 8 | numbers[moment & 0xFF]
        for text in (f"person:{person.id}", zone, ",".join(places)):
            self.records += texts.packed(text)
        self.records += struct.pack(
            "<IIIIQ",
            first,
            len(self.moments) - first,
            len(places),
            self._hashes(f"persons[{person.id}]", places),
            page_key(Kind.PERSON, person.id),
        )
        self._persons[person.id] = self.count
        self.count += 1

    def row_of_person(self, name: str) -> int:
        """Return the row that says where a person is; its states are the places in their order."""
        return self._persons[name]

    def _hashes(self, field: str, states: Sequence[str]) -> int:
        """Return the row of the first of the hashes of a thing's states, which are added."""
        row = self._hash_rows.get(field)
        if row is None:
            row = self._hash_rows[field] = len(self.hashes)
            taken: dict[int, str] = {}
            for name in states:
                other = taken.setdefault(state_hash(name), name)
                if other != name:
                    found = f"the states {other!r} and {name!r}, whose hashes are the same"
                    problem = Problem("(stored)", 0, field, found, "another name for one of them")
                    raise RoutingDataError([problem])
            self.hashes.extend(taken)
        return row

    def _wanted(self, plans: Iterable[Plan]) -> Iterator[tuple[Schedule, str]]:
        """Yield each schedule with each zone that it is read in."""
        for schedule in self._schedules.values():
            zone = schedule.zone(self._zones.get(schedule.account, ""))
            if zone:
                yield schedule, zone
        for plan in plans:
            for step in plan.steps:
                if step.when:
                    yield self._schedules[step.when], self._zone(plan.account, step.when)

    def _zone(self, asker: str, schedule: str) -> str:
        there = self._schedules[schedule]
        return there.zone(self._zones[there.account or asker])

    def _settle(self, schedule: Schedule, zone: str, span: tuple[int, int]) -> tuple[int, int]:
        try:
            changes = transitions(schedule, zone, *span)
        except (FieldError, CalendarError) as error:
            field = f"schedules[{schedule.id}]"
            problem = Problem("(stored)", 0, field, error.found, error.expected)
            raise RoutingDataError([problem]) from error
        first = len(self.moments)
        self.moments += changes
        return first, len(changes)

    def states_of(self, schedule: str) -> tuple[int, tuple[str, ...]] | None:
        """Return (row, names of the states) of a schedule in its own zone or its account's.

        None where there is no such schedule, or it is in nobody's zone.
        """
        there = self._schedules.get(schedule)
        if there is None:
            return None
        row = self._rows.get((schedule, there.zone(self._zones.get(there.account, ""))))
        return None if row is None else (row, tuple(there.states))

    def asked(self, account: str, schedule: str, state: str) -> tuple[int, int]:
        """Return (row, number of the state) for an account's plan that asks for a state."""
        row = self._rows[schedule, self._zone(account, schedule)]
        return row, self._schedules[schedule].states.index(state)
