"""Overrides: what somebody has set by hand, against what schedules and plans say, until when."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from vnroute.model.blocked import parse_block
from vnroute.model.e164 import parse_number
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.target import Target
from vnroute.model.text import check_text

__all__ = ["OVERRIDDEN", "Override", "OverrideKind", "check_ends", "parse_until"]

OverrideKind = Literal["schedule", "person", "number", "plan", "account", "block"]

OVERRIDDEN: tuple[OverrideKind, ...] = (
    "schedule", "person", "number", "plan", "account", "block",
)  # fmt: skip
"""A schedule's state and a person's place can be set; the calls of a number, a plan or an account
can be diverted; those that an account sends on can be blocked, all or to a destination."""

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_SPAN = re.compile(r"(\d{1,5})\s*([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_EXPECTED = (
    'a time of day such as "14:00", a local time such as "2026-11-23T14:00", one with an offset,'
    ' or a span such as "90m", "2h" or "3d"'
)


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that is set by hand.

    ``id`` is the schedule, person, plan or account, or the number as E.164. A schedule gets a
    ``state``, a person a place, which stands there as well; of the others, calls go ``to`` a number
    (E.164) or a plan (``plan:ID``), which rings for ``seconds`` if it is a number. A ``block``
    (:mod:`vnroute.model.blocked`) has neither. It holds from ``since`` on and ends by itself at
    ``until`` (no end: for good). ``by`` is who set it, ``reason`` why.
    """

    kind: OverrideKind
    id: str
    state: str = ""
    to: str = ""
    seconds: int = 25
    since: datetime
    until: datetime | None = None
    reason: str = ""
    by: str = ""

    def __post_init__(self) -> None:
        if self.kind == "number":
            parse_number(self.id, "id")
        elif self.kind == "block":
            parse_block(self.id)
        else:
            check_id(self.id)
        if self.kind == "block":
            if self.to or self.state:
                field = "to" if self.to else "state"
                raise FieldError(
                    field, repr(self.to or self.state), "nothing: its calls are blocked"
                )
        elif self.kind in ("schedule", "person"):
            if self.to:
                raise FieldError("to", repr(self.to), f"a state: a {self.kind} diverts no calls")
            check_id(self.state, "state")
        elif self.state:
            expected = f'"to": of a {self.kind}, calls are diverted'
            raise FieldError("state", repr(self.state), expected)
        elif Target(to=self.to).kind not in ("number", "plan"):
            raise FieldError("to", repr(self.to), 'an E.164 number or "plan:ID"')
        if not 1 <= self.seconds <= 600:
            raise FieldError("seconds", str(self.seconds), "1 to 600 seconds")
        for field, moment in (("since", self.since), ("until", self.until)):
            if moment is not None and moment.tzinfo is None:
                raise FieldError(field, moment.isoformat(), "a time with an offset")
        if self.until is not None and self.until <= self.since:
            raise FieldError("until", self.until.isoformat(), "a time to come")
        check_text(self.reason, "reason")
        check_text(self.by, "by")

    @property
    def target(self) -> Target | None:
        """Where calls go; None where a state is set."""
        return Target(to=self.to) if self.to else None

    def holds_at(self, now: float) -> bool:
        """Whether it is still in force at a moment in Unix seconds."""
        return self.until is None or now < self.until.timestamp()

    @property
    def words(self) -> str:
        """What it does, without its end: ``schedule office is closed``."""
        if self.kind == "schedule":
            return f"schedule {self.id} is {self.state}"
        if self.kind == "person":
            return f"person {self.id} is at {self.state}"
        if self.kind == "block":
            account, _, to = self.id.partition(":")
            return f"calls of account {account}{f' to {to}' if to else ''} are blocked"
        return f"calls of {self.kind} {self.id} go to {self.to}"


def check_ends(text: str, field: str = "until") -> str:
    """Return ``text`` if :func:`parse_until` takes it whenever it is said: a time of day or a span.
    Raises :class:`FieldError` for anything else.
    """
    span = _SPAN.fullmatch(text)
    if not _CLOCK.fullmatch(text) and (span is None or int(span[1]) == 0):
        expected = 'a time of day such as "18:00", or a span such as "90m", "2h" or "3d"'
        raise FieldError(field, repr(text), expected)
    return text


def parse_until(text: str, zone: str, now: datetime, field: str = "until") -> datetime:
    """Return the moment, in UTC, that a person in a time zone means.

    A time of day is the next one on the clock there: today's, or tomorrow's if that is over. A
    date and time without an offset is read there; of an hour that comes twice it is the first one.
    Raises :class:`FieldError` for what is no time, or no time to come.
    """
    text, here = text.strip(), ZoneInfo(zone)
    clock, span = _CLOCK.fullmatch(text), _SPAN.fullmatch(text)
    local = now.astimezone(here)
    if span:
        until = now + int(span[1]) * _UNITS[span[2]]
    elif clock:
        until = local.replace(
            hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0, fold=0
        )
        if until.astimezone(UTC) <= now:
            until = (until.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=here)
    else:
        try:
            until = datetime.fromisoformat(text)
        except ValueError:
            raise FieldError(field, repr(text), _EXPECTED) from None
        if until.tzinfo is None:
            until = until.replace(tzinfo=here)
    try:
        until = until.astimezone(UTC)
    except OverflowError:
        raise FieldError(field, repr(text), _EXPECTED) from None
    if until <= now:
        raise FieldError(field, f"{text!r}, which is over", "a time to come")
    return until
