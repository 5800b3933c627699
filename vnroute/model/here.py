"""What a known phone says by calling: where a person is, or that he follows his schedule again."""

from __future__ import annotations

import msgspec

from vnroute.model.ids import check_id
from vnroute.model.override import check_ends
from vnroute.model.problem import FieldError
from vnroute.model.treatment import check_file

__all__ = ["Here", "read_said"]


class Here(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """A step's words, as ``vnroute here`` takes them: the ``person``, ``at`` which of his places,
    ``until`` a time of day or for a span (for good, if not given); or ``clear``.

    ``play`` is a sound that the caller hears, in place of two tones.
    """

    person: str
    at: str = ""
    until: str = ""
    clear: bool = False
    play: str = ""

    def __post_init__(self) -> None:
        check_id(self.person, "person")
        if bool(self.at) == self.clear:
            found = "both at and clear" if self.clear else "neither at nor clear"
            raise FieldError("at", found, "one of them: a place, or clear: true")
        if self.at:
            check_id(self.at, "at")
        if self.until:
            if self.clear:
                raise FieldError("until", repr(self.until), "no until beside clear")
            check_ends(self.until)
        if self.play:
            check_file(self.play)

    @property
    def said(self) -> str:
        """It in one text: ``PERSON``, ``PERSON:PLACE`` or ``PERSON:PLACE:UNTIL``."""
        return ":".join(part for part in (self.person, self.at, self.until) if part)


def read_said(text: str) -> tuple[str, str, str]:
    """Return person, place and until of :attr:`Here.said`; empty for what it does not say."""
    person, _, rest = text.partition(":")
    at, _, until = rest.partition(":")
    return person, at, until
