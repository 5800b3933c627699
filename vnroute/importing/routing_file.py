"""Routing files: YAML as people write it, into the model, with the line of every value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from vnroute.importing.calendars import with_calendars
from vnroute.importing.conversion import convert
from vnroute.importing.findings import Findings, hint, shown
from vnroute.importing.yaml_data import Fields, line_of, parse_yaml
from vnroute.model import Account, Carrier, Number, NumberBlock, Plan, Rate, RoutingFile, Schedule

__all__ = ["SECTIONS", "RoutingDocument", "read_routing_file"]

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "accounts": Account,
    "schedules": Schedule,
    "plans": Plan,
    "numbers": Number,
    "blocks": NumberBlock,
    "carriers": Carrier,
    "rates": Rate,
}


@dataclass(slots=True)
class RoutingDocument:
    """A routing file as read.

    Each section holds (position in the file's section, struct) of the entries that are sound;
    ``refused`` holds the ids of those that are not, so that nothing is said of who refers to them.
    """

    file: str
    root: Any = None
    sections: dict[str, list[tuple[int, Any]]] = field(
        default_factory=lambda: {name: [] for name in SECTIONS}
    )
    refused: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in SECTIONS})

    def line_of(self, path: str) -> int:
        """Return the line of a value, such as ``plans[0].steps[1].ring[0]``."""
        return line_of(self.root, path)

    def content(self) -> RoutingFile:
        """Return the sound entries as one struct."""
        return RoutingFile(
            **{name: tuple(item for _, item in items) for name, items in self.sections.items()}
        )


def read_routing_file(data: bytes, file: str, problems: Findings) -> RoutingDocument:
    """Read a routing file; what is wrong with it is added to ``problems``, all of it."""
    document = RoutingDocument(file)
    before = len(problems)
    document.root = root = parse_yaml(data, file, problems)
    names = ", ".join(SECTIONS)
    if not isinstance(root, Fields):
        if len(problems) == before:
            found = "nothing" if root in (None, "") else shown(root)
            line = 0 if root in (None, "") else 1
            problems.add(file, line, "file", found, f"sections: some of {names}")
        return document

    def report(path: str, found: str, expected: str) -> None:
        problems.add(file, line_of(root, path), path, found, expected)

    for name, section in root.items():
        kind = SECTIONS.get(name)
        if kind is None:
            found = f"the unknown section {shown(name)}"
            report(name, found, f"one of {names}{hint(name, SECTIONS)}")
        elif isinstance(section, list):
            good, bad = document.sections[name], document.refused[name]
            for position, data_of_one in enumerate(section):
                entity = convert(kind, data_of_one, f"{name}[{position}]", report)
                if isinstance(entity, Schedule):
                    place = f"{name}[{position}]"
                    entity = with_calendars(entity, file, place, document.line_of, problems)
                if entity is not None:
                    good.append((position, entity))
                elif isinstance(data_of_one, dict) and isinstance(data_of_one.get("id"), str):
                    bad.add(data_of_one["id"])
        elif section != "":
            report(name, shown(section), "a list")
    return document
