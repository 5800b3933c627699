"""Screening: lists of callers, and what becomes of calls from those who are on them.

An entry of a list is an E.164 number (``+442079460123``), a prefix (``+1900*``), ``anonymous``
(the caller withholds his number) or ``no-valid-number`` (what he shows is none).
"""

from __future__ import annotations

import re

import msgspec

from vnroute.model.causes import parse_cause
from vnroute.model.e164 import parse_number, parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.limits import Limits
from vnroute.model.problem import FieldError
from vnroute.model.treatment import Treatment, parse_treatment

__all__ = [
    "ANONYMOUS",
    "NO_VALID_NUMBER",
    "CallerList",
    "Screen",
    "ScreenRule",
    "caller_key",
    "caller_keys",
    "caller_text",
]

ANONYMOUS, NO_VALID_NUMBER = 1, 2
"""Keys of the two entries that are no digits."""

_WORDS = {"anonymous": ANONYMOUS, "no-valid-number": NO_VALID_NUMBER}
_PLAIN = re.compile(r"\+(?:1[0-9]{10}|[2-9][0-9]{6,14})", re.ASCII).fullmatch
_RATE = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,4})", re.ASCII)


def caller_key(text: str, field: str = "caller") -> int:
    """Return an entry as one integer: its digits times 16, and the number of digits of a prefix
    (0 for a whole number). Raises :class:`FieldError` for what is no entry.
    """
    if _PLAIN(text):
        return int(text) << 4
    if text in _WORDS:
        return _WORDS[text]
    try:
        if text.endswith("*"):
            digits = parse_prefix(text[:-1], field)
            return int(digits) << 4 | len(digits)
        return parse_number(text, field) << 4
    except FieldError as error:
        expected = 'a number, a prefix such as "+1900*", "anonymous" or "no-valid-number"'
        raise FieldError(field, error.found, expected) from None


def caller_keys(text: str, field: str = "caller") -> list[int]:
    """Return the keys of all entries that a caller meets, ascending: his own, and the prefixes
    that he begins with. Raises :class:`FieldError` for what is no entry.
    """
    key = caller_key(text, field)
    if key in _WORDS.values():
        return [key]
    digits = str(key >> 4)
    most = key & 15 or len(digits)
    return sorted({key, *(int(digits[:n]) << 4 | n for n in range(1, most + 1))})


def caller_text(key: int) -> str:
    """Return an entry as it is written, of :func:`caller_key`."""
    for word, other in _WORDS.items():
        if key == other:
            return word
    return f"+{key >> 4}*" if key & 15 else f"+{key >> 4}"


class CallerList(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list of callers; those imported from CSV are on it as well."""

    id: str
    callers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_id(self.id)
        for position, caller in enumerate(self.callers):
            caller_key(caller, f"callers[{position}]")

    @property
    def keys(self) -> set[int]:
        """The keys of the entries written here."""
        return {caller_key(caller) for caller in self.callers}


class ScreenRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule: ``allow`` or ``block`` those on a list; a ``rate``, ``CALLS/SECONDS`` from one
    caller; or ``limits`` of how many calls there are, whoever calls. ``treat`` is what blocked
    callers and calls beyond the limits get; for a rate it is a cause. Not given it is
    CALL_REJECTED, and NORMAL_CIRCUIT_CONGESTION for limits.
    """

    allow: str = ""
    block: str = ""
    rate: str = ""
    limits: Limits | None = None
    treat: str = ""

    def __post_init__(self) -> None:
        given = [name for name in ("allow", "block", "rate", "limits") if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) or "none of allow, block, rate and limits"
            expected = "one of allow, block, rate, limits"
            raise FieldError(given[0] if given else "allow", found, expected)
        if self.limits:
            parse_treatment(self.treatment_text, "treat")
        elif self.rate:
            if not _RATE.fullmatch(self.rate):
                expected = 'calls and seconds, such as "5/60": 1 to 999999 in 1 to 99999'
                raise FieldError("rate", repr(self.rate), expected)
            parse_cause(self.treatment_text, "treat")
        else:
            check_id(self.list, given[0])
            if self.allow and self.treat not in ("", "CALL_REJECTED"):
                raise FieldError("treat", repr(self.treat), "block, rate or limits beside it")
            parse_treatment(self.treatment_text, "treat")

    @property
    def list(self) -> str:
        """The list that is asked, empty for a rate and limits."""
        return self.allow or self.block

    @property
    def treatment_text(self) -> str:
        """``treat`` as it is given, else as it is without."""
        return self.treat or ("NORMAL_CIRCUIT_CONGESTION" if self.limits else "CALL_REJECTED")

    @property
    def treatment(self) -> Treatment:
        """What callers get."""
        return parse_treatment(self.treatment_text, "treat")


class Screen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rules for those who call a number, an account's numbers, or with ``system`` anybody.

    Of one screen, allowing beats blocking, then the first rule wins. Limits hold besides, for those
    who are allowed as well.
    """

    id: str
    system: bool = False
    rules: tuple[ScreenRule, ...]

    def __post_init__(self) -> None:
        check_id(self.id)
        if not 1 <= len(self.rules) <= 32:
            raise FieldError("rules", f"{len(self.rules)} rules", "1 to 32")
        seen = set()
        for position, rule in enumerate(self.rules):
            if rule.list and rule.list in seen:
                field = f"rules[{position}].{'allow' if rule.allow else 'block'}"
                raise FieldError(field, f"{rule.list!r} again", "each list once")
            seen.add(rule.list)
        limited = [place for place, rule in enumerate(self.rules) if rule.limits]
        if len(limited) > 1:
            raise FieldError(f"rules[{limited[1]}].limits", "limits again", "one rule of limits")

    @property
    def ordered(self) -> list[ScreenRule]:
        """The rules that ask who calls, in the order in which they are tried."""
        asking = (rule for rule in self.rules if not rule.limits)
        return sorted(asking, key=lambda rule: (not rule.allow, not rule.block))

    @property
    def limited(self) -> ScreenRule | None:
        """The rule of limits, if there is one."""
        return next((rule for rule in self.rules if rule.limits), None)

    @property
    def plans(self) -> set[str]:
        """Ids of the plans that callers are put through."""
        found = (rule.treatment.plan for rule in self.rules if rule.block or rule.limits)
        return {plan for plan in found if plan}
