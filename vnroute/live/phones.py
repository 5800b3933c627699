"""What a known phone said of where somebody is, put in force as if it had been said by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from vnroute.here_spool import Said
from vnroute.image.state_page import StatePage
from vnroute.live.here import find_person
from vnroute.live.overrides import clear_override, set_override, zone_of
from vnroute.model.override import Override, parse_until
from vnroute.store.base import AuditEntry, Reading, Store

__all__ = ["Heard", "hear"]

Heard = Literal["set", "cleared", "superseded", "over"]
"""What became of it: in force; the schedule followed again; somebody has said otherwise since, or
it was heard already; it would have ended before it was heard."""

_MOST_LOOKED_AT = 50


def hear(store: Store, page: StatePage, said: Said, now: datetime) -> Heard:
    """Put in force what a phone said, as of the moment of the call.

    Raises :class:`vnroute.model.FieldError` for a person or a place that is not there (any more).
    """
    moment = datetime.fromtimestamp(said.time, UTC)
    who = f"{said.caller} (phone, call {said.call or 'unknown'})"
    with store.snapshot() as reading:
        find_person(reading, said.person)
        if _is_superseded(reading, said.person, moment):
            return "superseded"
        zone = zone_of(reading, "person", said.person)
    if not said.at:
        clear_override(store, page, "person", said.person, who=who)
        return "cleared"
    # An end counts from the call on, however late it is heard.
    until = parse_until(said.until, zone, moment) if said.until else None
    if until is not None and until <= now:
        # It took the place of what was said before it, and has ended since.
        clear_override(store, page, "person", said.person, who=who)
        return "over"
    override = Override(
        kind="person", id=said.person, state=said.at, since=moment, until=until,
        reason=f"said by a call to {said.number}", by=who,
    )  # fmt: skip
    set_override(store, page, override, who=who)
    return "set"


def _is_superseded(reading: Reading, person: str, moment: datetime) -> bool:
    """Whether anybody has said where a person is after a moment, or at it."""
    for override in reading.overrides():
        if (override.kind, override.id) == ("person", person) and override.since >= moment:
            return True
    entries = reading.audit(limit=_MOST_LOOKED_AT, kind="overrides", key=f"person/{person}")
    return any(entry.time > moment and _by_somebody(entry) for entry in entries)


def _by_somebody(entry: AuditEntry) -> bool:
    """Whether an entry is what somebody said there and then: neither what a phone said before and
    was heard late, nor that an override which was over was swept up.
    """
    if "(phone, call " in entry.who:
        return False
    if entry.after is not None or entry.before is None:
        return True
    before = msgspec.json.decode(entry.before, type=Override)
    return before.holds_at(entry.time.timestamp())
