"""Where persons are: what they said themselves, else what the routing data says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from vnroute.importing.findings import hint
from vnroute.live.overrides import overrides_in_force
from vnroute.model import FieldError, Person
from vnroute.model.override import Override
from vnroute.store.base import Reading

__all__ = ["Whereabouts", "find_person", "whereabouts"]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a person is: the place, its target, and whether an override or a schedule says so."""

    place: str
    to: str
    override: Override | None = None
    schedule: str = ""


def find_person(reading: Reading, name: str) -> Person:
    """Return a person by id. Raises :class:`FieldError` for one that is not there."""
    persons = {person.id: person for person in reading.persons()}
    if name not in persons:
        expected = f"a person that is loaded{hint(name, list(persons))}"
        raise FieldError("person", repr(name), expected)
    return persons[name]


def whereabouts(reading: Reading, name: str, now: datetime | None = None) -> Whereabouts:
    """Return where a person is at a moment (now, if not given).

    Raises :class:`FieldError` for a person that is not there.
    """
    at = now or datetime.now(UTC)
    person = find_person(reading, name)
    targets = person.targets()
    for override in overrides_in_force(reading, at):
        if (override.kind, override.id) == ("person", name) and override.state in targets:
            return Whereabouts(override.state, targets[override.state].to, override)
    if person.place:
        return Whereabouts(person.place, targets[person.place].to)
    place = _by_schedule(reading, person, at)
    return Whereabouts(place, targets[place].to, None, person.schedule)


def _by_schedule(reading: Reading, person: Person, at: datetime) -> str:
    from vnroute.compiler.schedule_view import upcoming

    (schedule,) = (each for each in reading.schedules() if each.id == person.schedule)
    zones = {account.id: account.time_zone for account in reading.accounts()}
    zone = schedule.zone(zones[schedule.account or person.account])
    present, _ = upcoming(schedule, zone, int(at.timestamp()), 1)
    return present.state
