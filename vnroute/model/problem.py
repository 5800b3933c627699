"""What is wrong with routing data, said so that a person can mend it.

A :class:`Problem` names the place (file, line, field), what was found there and what is expected.
A :class:`FieldError` is raised by the model's own checks, which know the field but not the file;
the reader of a file adds place and turns it into a :class:`Problem`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FieldError", "Problem", "RoutingDataError"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in routing data.

    ``line`` is 1-based, 0 where the mistake has no line (an empty file, an option on the command
    line). ``field`` is a dotted path inside the file, such as ``plans[0].steps[1].ring[0]``.
    """

    file: str
    line: int
    field: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: found {self.found}, expected {self.expected}"


class FieldError(ValueError):
    """A value that the model refuses: which field, what was found, what is expected."""

    def __init__(self, field: str, found: str, expected: str) -> None:
        super().__init__(f"{field}: found {found}, expected {expected}")
        self.field = field
        self.found = found
        self.expected = expected


class RoutingDataError(Exception):
    """Routing data was refused as a whole; nothing of it was applied.

    ``problems`` are the first ones found, ``more`` how many there are beside them.
    """

    def __init__(self, problems: list[Problem], more: int = 0) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
        self.more = more
