"""Schedules at instants: every line of tests/data/schedule_cases.txt is a case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.images import compiled
from tests.support.memory import MemoryRouting
from tests.support.wall_clock import WallClock
from vnroute.importing.findings import Findings
from vnroute.importing.routing_file import read_routing_file
from vnroute.matcher.image import RouteImage
from vnroute.model import Schedule

CASES = Path(__file__).parents[1] / "data" / "schedule_cases.txt"


@dataclass(frozen=True)
class Group:
    title: str
    now: int
    text: str
    cases: tuple[tuple[str, str], ...]


def groups() -> Iterator[Group]:
    for part in CASES.read_text().split("\n== ")[1:]:
        title, _, rest = part.partition("\n")
        fields, _, lines = rest.partition("\n--\n")
        now = datetime(2026, 11, 22, tzinfo=UTC)
        if fields.startswith("now: "):
            first, _, fields = fields.partition("\n")
            now = datetime.fromisoformat(first.removeprefix("now: ")).replace(tzinfo=UTC)
        text = "schedules:\n  - id: s\n" + "".join(f"    {line}\n" for line in fields.splitlines())
        cases = tuple(tuple(line.split()) for line in lines.splitlines() if line)
        yield Group(title, int(now.timestamp()), text, cases)  # type: ignore[arg-type]


GROUPS = {group.title: group for group in groups()}


def schedule_of(group: Group) -> Schedule:
    problems = Findings()
    document = read_routing_file(group.text.encode(), "cases.yaml", problems)
    assert [str(problem) for problem in problems.kept] == []
    return document.content().schedules[0]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory):
    @cache
    def image(title: str) -> RouteImage:
        group = GROUPS[title]
        routing = MemoryRouting(schedule_list=[schedule_of(group)])
        return compiled(routing, tmp_path_factory.mktemp("case"), now=group.now)

    return image


@pytest.mark.parametrize(
    ("title", "moment", "state"),
    [(group.title, *case) for group in GROUPS.values() for case in group.cases],
)
def test_a_schedule_at_an_instant(images, title: str, moment: str, state: str) -> None:
    image = images(title)
    _, found, within = image.schedule(0, datetime.fromisoformat(moment).timestamp())
    assert within
    assert image.schedule_about(0)[2][found] == state


def test_there_are_cases_enough() -> None:
    assert sum(len(group.cases) for group in GROUPS.values()) >= 300


@pytest.mark.parametrize("title", [t for t in GROUPS if "iCalendar" not in t])
def test_the_slow_reading_agrees_with_the_cases(title: str) -> None:
    group = GROUPS[title]
    schedule = schedule_of(group)
    last = datetime.fromtimestamp(group.now + 4 * 366 * 86400, ZoneInfo(schedule.time_zone)).date()
    reading = WallClock(schedule, schedule.time_zone, last)
    for moment, state in group.cases:
        assert reading.state(int(datetime.fromisoformat(moment).timestamp())) == state, moment
