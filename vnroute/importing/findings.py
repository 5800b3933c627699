"""Problems as they are found: the first ones kept, the rest counted."""

from __future__ import annotations

from collections.abc import Mapping

from vnroute.model import FieldError, Problem

__all__ = ["MAX_KEPT", "Findings", "hint", "shown"]

MAX_KEPT = 50
"""What a person still reads. A list with the wrong column everywhere has a million mistakes."""

_SHOWN = 80


def shown(value: object) -> str:
    """Write a value from a file, for a message: short, and on one line."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None or value == "":
        return "nothing"
    text = ascii(value) if not str(value).isprintable() else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…" + text[-1]


def hint(word: str, known: object) -> str:
    """Return ``; did you mean …?`` where something among ``known`` is spelled nearly so."""
    from difflib import get_close_matches

    names = list(known) if isinstance(known, (list, tuple, set, frozenset, Mapping)) else []
    # Comparing is slow; in a long list of ids, what differs in more than its end goes unseen.
    if len(names) > 2000:
        names = [name for name in names if name[:2] == word[:2]][:2000]
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


class Findings:
    """Problems or warnings, in the order they were found."""

    def __init__(self) -> None:
        self.kept: list[Problem] = []
        self.more = 0

    def add(self, file: str, line: int, field: str, found: str, expected: str) -> None:
        """Take one, or only count it once there are fifty."""
        if len(self.kept) < MAX_KEPT:
            self.kept.append(Problem(file, line, field, found, expected))
        else:
            self.more += 1

    def add_error(self, file: str, line: int, field: str, error: FieldError) -> None:
        """Take what the model refused."""
        found = error.found if len(error.found) <= 2 * _SHOWN else error.found[:_SHOWN] + "…"
        self.add(file, line, field, found, error.expected)

    @property
    def full(self) -> bool:
        """Whether further ones are only counted, so that their wording does not matter."""
        return len(self.kept) >= MAX_KEPT

    def __len__(self) -> int:
        return len(self.kept) + self.more
