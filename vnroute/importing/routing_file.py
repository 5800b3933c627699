"""Routing files: YAML as people write it, into the model, with the line of every value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from vnroute.importing.calendars import with_calendars, with_texts_only
from vnroute.importing.conversion import convert
from vnroute.importing.findings import Findings, hint, shown
from vnroute.importing.yaml_data import Fields, line_of, parse_yaml
from vnroute.model import (
    Account,
    Answers,
    CallerList,
    Carrier,
    Number,
    NumberBlock,
    Person,
    Plan,
    Policy,
    Rate,
    RoutingFile,
    Schedule,
    Screen,
)
from vnroute.model.deck import check_currency, parse_exchange_rate
from vnroute.model.problem import FieldError

__all__ = ["SECTIONS", "RoutingDocument", "one_of", "read_routing_data", "read_routing_file"]

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "accounts": Account,
    "answers": Answers,
    "lists": CallerList,
    "screens": Screen,
    "schedules": Schedule,
    "persons": Person,
    "policies": Policy,
    "plans": Plan,
    "numbers": Number,
    "blocks": NumberBlock,
    "carriers": Carrier,
    "rates": Rate,
}


def one_of(section: str) -> str:
    """Return what one entry of a section is called: ``plan`` of ``plans``, ``policy``."""
    return f"{section[:-3]}y" if section.endswith("ies") else section[:-1]


CURRENCIES = "currencies"
"""A section that is a mapping: what one unit of each currency is worth in the system's own."""


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
    currencies: dict[str, str] = field(default_factory=dict)
    """What one unit of each currency is worth in the system's own."""

    def line_of(self, path: str) -> int:
        """Return the line of a value, such as ``plans[0].steps[1].ring[0]``; 0 if it has none."""
        return line_of(self.root, path) if isinstance(self.root, Fields) else 0

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
    if not isinstance(root, Fields):
        names = ", ".join(SECTIONS)
        if len(problems) == before:
            found = "nothing" if root in (None, "") else shown(root)
            line = 0 if root in (None, "") else 1
            problems.add(file, line, "file", found, f"sections: some of {names}")
        return document

    def finish(schedule: Schedule, place: str) -> Schedule | None:
        return with_calendars(schedule, file, place, document.line_of, problems)

    _read_sections(document, root, problems, finish)
    return document


def read_routing_data(data: Any, file: str, problems: Findings) -> RoutingDocument:
    """Read routing data that came as plain data (JSON); nothing has a line, and no file is read.

    So a schedule's calendar must come as its text: whoever writes to us from elsewhere names no
    files of this machine.
    """
    document = RoutingDocument(file, data)
    if not isinstance(data, dict):
        problems.add(file, 0, "body", shown(data), f"sections: some of {', '.join(SECTIONS)}")
        return document

    def finish(schedule: Schedule, place: str) -> Schedule | None:
        return with_texts_only(schedule, file, place, problems)

    _read_sections(document, data, problems, finish)
    return document


def _read_sections(
    document: RoutingDocument,
    root: dict[str, Any],
    problems: Findings,
    finish: Callable[[Schedule, str], Schedule | None],
) -> None:
    """Read the sections into the document; ``finish`` takes a schedule and its place."""

    def report(path: str, found: str, expected: str) -> None:
        problems.add(document.file, document.line_of(path), path, found, expected)

    names = ", ".join((*SECTIONS, CURRENCIES))
    for name, section in root.items():
        if name == CURRENCIES:
            _read_currencies(document, section, report)
            continue
        kind = SECTIONS.get(name)
        if kind is None:
            found = f"the unknown section {shown(name)}"
            report(name, found, f"one of {names}{hint(name, (*SECTIONS, CURRENCIES))}")
        elif isinstance(section, list):
            good, bad = document.sections[name], document.refused[name]
            for position, data_of_one in enumerate(section):
                entity = convert(kind, data_of_one, f"{name}[{position}]", report)
                if isinstance(entity, Schedule):
                    entity = finish(entity, f"{name}[{position}]")
                if entity is not None:
                    good.append((position, entity))
                elif isinstance(data_of_one, dict) and isinstance(data_of_one.get("id"), str):
                    bad.add(data_of_one["id"])
        elif section != "":
            report(name, shown(section), "a list")


def _read_currencies(
    document: RoutingDocument, section: Any, report: Callable[[str, str, str], None]
) -> None:
    if not isinstance(section, dict):
        if section != "":
            report(CURRENCIES, shown(section), "a mapping such as {USD: 1, EUR: 1.08}")
        return
    for name, text in section.items():
        path = f"{CURRENCIES}.{name}"
        try:
            check_currency(name or " ", path)
            parse_exchange_rate(str(text), path)
        except FieldError as error:
            report(error.field, error.found, error.expected)
        else:
            document.currencies[name] = str(text).strip()
