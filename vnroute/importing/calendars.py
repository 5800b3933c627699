"""iCalendar files that schedules name: read along with them, so that the store holds their text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from vnroute.importing.findings import Findings, shown
from vnroute.model import Rule, Schedule
from vnroute.model.rule import MAX_CALENDAR

__all__ = ["with_calendars", "with_texts_only"]


def with_calendars(
    schedule: Schedule, file: str, path: str, line_of: Callable[[str], int], problems: Findings
) -> Schedule | None:
    """Return a schedule with the text of each calendar in place of its file's name.

    Names are relative to the directory of the routing file ``file``, to the working directory
    where that is standard input. ``path`` is the schedule's, ``line_of`` gives the line of a path.
    Returns None after what is wrong was added to ``problems``: a file that cannot be read, at its
    name in the routing file; what is wrong in it, at its own line.
    """
    if not any(rule.calendar and not rule.has_events for _, rule in schedule.placed()):
        return schedule
    before = len(problems)
    folder = Path(file).parent
    read: dict[str, tuple[Rule, ...]] = {}
    for kind in ("exceptions", "rules"):
        rules: list[Rule] = []
        for position, rule in enumerate(getattr(schedule, kind)):
            if rule.calendar and not rule.has_events:
                place = f"{path}.{kind}[{position}].calendar"
                text = _text(folder, rule.calendar)
                if isinstance(text, str):
                    _check(text, str(folder / rule.calendar), problems)
                    rule = replace(rule, calendar=text)
                else:
                    problems.add(file, line_of(place), place, *text)
            rules.append(rule)
        read[kind] = tuple(rules)
    return replace(schedule, **read) if len(problems) == before else None


def with_texts_only(
    schedule: Schedule, file: str, path: str, problems: Findings
) -> Schedule | None:
    """Return a schedule whose calendars all come as text; None after problems were added."""
    before = len(problems)
    for kind in ("exceptions", "rules"):
        for position, rule in enumerate(getattr(schedule, kind)):
            place = f"{path}.{kind}[{position}].calendar"
            if rule.calendar and not rule.has_events:
                expected = "the text of an iCalendar (RFC 5545)"
                problems.add(file, 0, place, shown(rule.calendar), expected)
            elif rule.calendar:
                _check(rule.calendar, f"{file} {place}", problems)
    return schedule if len(problems) == before else None


def _text(folder: Path, file: str) -> str | tuple[str, str]:
    """Return a calendar's text, or what was found instead and what is expected."""
    name = shown(file)
    try:
        with open(folder / file, "rb") as stream:
            data = stream.read(MAX_CALENDAR + 1)
    except OSError as error:
        return (
            f"{name}, {(error.strerror or str(error)).lower()}",
            "an iCalendar file, named from here",
        )
    if len(data) > MAX_CALENDAR:
        return f"{name}, of more than {MAX_CALENDAR} bytes", f"{MAX_CALENDAR} at most"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return f"{name}, which is not UTF-8", "an iCalendar file (RFC 5545)"
    return text.replace("\r\n", "\n").lstrip()


def _check(text: str, file: str, problems: Findings) -> None:
    from vnroute.compiler.calendar_files import CalendarError, read_calendar

    try:
        read_calendar(text)
    except CalendarError as error:
        problems.add(file, error.line, error.name, error.found, error.expected)
