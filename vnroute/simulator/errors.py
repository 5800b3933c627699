"""The one error of the simulator's input files: it points at the spot."""

from __future__ import annotations


class InputError(Exception):
    """An input file that cannot be used.

    ``file`` is its name, ``line`` counts from 1 (0 when there is none), ``field`` is the path of
    the value, ``found`` and ``expected`` say what is there and what should be.
    """

    def __init__(self, file: str, line: int, field: str, found: str, expected: str) -> None:
        self.file = file
        self.line = line
        self.field = field
        self.found = found
        self.expected = expected
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {field}: found {found}, expected {expected}")
