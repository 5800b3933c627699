"""Persons: one number for somebody who is now here and now there."""

from __future__ import annotations

import msgspec

from vnroute.model.e164 import parse_number
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.target import Target
from vnroute.model.text import check_text

__all__ = ["MAX_PHONES", "MAX_PLACES", "Person"]

MAX_PLACES = 50
MAX_PHONES = 50


class Person(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """Somebody of an account, whom a plan rings as ``person:ID`` wherever he is.

    ``places`` are his places by name, each a target (a number, a phone, a plan such as his
    voicemail's). He is where he says (``vnroute here``); where he says nothing, at ``place``, or at
    the place that the state of ``schedule`` names. Exactly one of the two is given. ``phones`` are
    the numbers he calls from to say so; not given, the numbers among his places.
    """

    id: str
    account: str
    name: str = ""
    places: dict[str, str | Target]
    place: str = ""
    schedule: str = ""
    phones: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_id(self.id)
        check_id(self.account, "account")
        check_text(self.name, "name")
        if not 1 <= len(self.places) <= MAX_PLACES:
            raise FieldError("places", f"{len(self.places)} places", f"1 to {MAX_PLACES}")
        for place, to in self.places.items():
            check_id(place, "places")
            try:
                target = Target(to=to) if isinstance(to, str) else to
            except FieldError as error:
                raise FieldError(f"places.{place}", error.found, error.expected) from None
            if target.kind == "person":
                raise FieldError(f"places.{place}", repr(target.to), "no other person")
            if target.delay or target.share != 1:
                expected = "a target without delay and share: one place rings at a time"
                raise FieldError(f"places.{place}", repr(target.to), expected)
        if bool(self.place) == bool(self.schedule):
            found = "both" if self.place else "neither"
            raise FieldError("place", f"{found} of place and schedule", "one of place and schedule")
        if self.place:
            if self.place not in self.places:
                expected = f"one of the places: {', '.join(self.places)}"
                raise FieldError("place", repr(self.place), expected)
        else:
            check_id(self.schedule, "schedule")
        if len(self.phones) > MAX_PHONES:
            raise FieldError("phones", f"{len(self.phones)} numbers", f"{MAX_PHONES} at most")
        for position, phone in enumerate(self.phones):
            parse_number(phone, f"phones[{position}]")

    @property
    def known_phones(self) -> tuple[int, ...]:
        """The numbers by which he is known when he calls, ascending."""
        if self.phones:
            return tuple(sorted({parse_number(phone, "phones") for phone in self.phones}))
        return tuple(sorted({to.number for to in self.targets().values() if to.number}))

    def targets(self, rung: Target | None = None) -> dict[str, Target]:
        """Return the target of each place; what it does not say itself it has from ``rung``."""
        found = {}
        for place, to in self.places.items():
            target = Target(to=to) if isinstance(to, str) else to
            if rung is not None:
                target = Target(
                    to=target.to,
                    seconds=target.seconds or rung.seconds,
                    share=rung.share,
                    show=target.show or rung.show,
                    confirm=target.confirm or rung.confirm,
                )
            found[place] = target
        return found
