"""Every use that the benchmarks make of vnroute: the one file to change when its face changes.

ADAPT when these change: ``PrefixSpans`` and ``PrefixTable`` (lookup), ``compile_image`` and
``Matcher.decide`` (decide), the settings of a worker (server). The server is one worker process
as the supervisor starts it; nothing else of vnroute has a part in a call. What is not there raises
NotBuilt, and its benchmark skips with that reason.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.rounds import Decide

#: Three carriers in turn, for a target of the numbers' plan: what every peer answers, too.
CARRIERS = ("gw1", "gw2", "gw3")
TARGET = "+441610000000"


class NotBuilt(Exception):
    """A part of vnroute that a benchmark needs is not there."""


def _member(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise NotBuilt(f"{module}.{name}: {error}") from error


def prefix_table(rows: Iterable[tuple[str, int]]) -> Any:
    """A table with ``lookup`` (one number's value or -1), ``lookup_many`` and ``nbytes``."""
    spans = _member("vnroute.compiler.prefixes", "PrefixSpans")()
    table_type = _member("vnroute.image.prefix_table", "PrefixTable")
    for digits, value in sorted(rows):
        spans.add(digits, value)
    return table_type(*spans.finish())


def _target(row: int) -> str:
    return f"+{int(TARGET[1:]) + row}"


def _hours(row: int) -> str:
    """Hours of a schedule: other ones for each of 90,000 rows, the first 09:00-17:30."""
    first, last = 540 + row // len(ZONES) % 300, 1050 - row // len(ZONES) // 300
    return f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"


@dataclass(frozen=True)
class _Assignment:
    id: int
    plan: str
    account: str = "bench"
    campaign: str = ""
    state: str = "active"
    since: str = ""
    until: str = ""
    screen: str = ""


@dataclass(frozen=True)
class _Counts:
    numbers: int


#: Zones of schedules, in turn, where there are several schedules.
ZONES = ("Europe/London", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "Europe/Paris")


class _Routing:
    """What the compiler reads, held in memory: these numbers, in turn under so many plans, which
    ask so many schedules in turn. Each plan rings numbers of its own, no two schedules are alike.
    """

    def __init__(self, numbers: Sequence[str], plans: int = 1, schedules: int = 1) -> None:
        self._numbers = numbers
        account = _member("vnroute.model.account", "Account")
        carrier = _member("vnroute.model.carrier", "Carrier")
        gateway = _member("vnroute.model.carrier", "Gateway")
        plan = _member("vnroute.model.plan", "Plan")
        step = _member("vnroute.model.plan", "Step")
        self._accounts = [account(id="bench")]
        self._carriers = [
            carrier(id=name, gateways=(gateway(id=name, gateway=name),)) for name in CARRIERS
        ]
        schedule = _member("vnroute.model.schedule", "Schedule")
        hours = _member("vnroute.model.schedule", "OpenHours")
        self._schedules = [
            schedule(
                id=f"office-{row}",
                time_zone=ZONES[row % len(ZONES)],
                open=(hours(days="mon-fri", hours=_hours(row)),),
            )
            for row in range(schedules)
        ]
        # A schedule is asked twice, and one bridge written, at any moment.
        self._plans = [
            plan(
                id=f"main-{row}",
                account="bench",
                steps=(
                    step(when=f"office-{row % schedules}", ring=(_target(2 * row),), seconds=20),
                    step(when=f"office-{row % schedules}", state="closed",
                         ring=(_target(2 * row + 1),), seconds=25),
                    step(hangup="relay"),
                ),
            )
            for row in range(plans)
        ]  # fmt: skip

    def change_counter(self) -> int:
        return 1

    def accounts(self) -> list[Any]:
        return self._accounts

    def answers(self) -> list[Any]:
        return []

    def lists(self) -> list[Any]:
        return []

    def iter_callers(self) -> Iterator[tuple[int, str]]:
        return iter(())

    def screens(self) -> list[Any]:
        return []

    def schedules(self) -> list[Any]:
        return self._schedules

    def persons(self) -> list[Any]:
        return []

    def policies(self) -> list[Any]:
        return []

    def plans(self) -> list[Any]:
        return self._plans

    def carriers(self) -> list[Any]:
        return self._carriers

    def assignments(self) -> list[_Assignment]:
        return [_Assignment(row, plan=f"main-{row}") for row in range(len(self._plans))]

    def iter_numbers(self) -> Iterator[list[tuple[int, int]]]:
        plans = len(self._plans)
        for start in range(0, len(self._numbers), 10_000):
            batch = enumerate(self._numbers[start : start + 10_000], start)
            yield [(int(number), place % plans) for place, number in batch]

    def iter_blocks(self) -> Iterator[Any]:
        return iter(())

    def iter_rates(self, now: int, kind: str = "carrier") -> Iterator[Any]:
        deck = importlib.import_module("vnroute.model.deck")
        for prefix, rate in (("44", "0.0"), ("44161", "0.00")):
            for place, name in enumerate(CARRIERS, 1):
                yield deck.RateInForce(
                    prefix, name, f"{rate}{place}", "", "", 0, deck.NO_END, "0", 1, 1, False, "", ""
                )

    def currencies(self) -> dict[str, str]:
        return {}

    def rated_carriers(self) -> set[str]:
        return set(CARRIERS)

    def find_numbers(self, numbers: list[int]) -> dict[int, int]:
        return {}  # the target is none of ours

    def counts(self) -> _Counts:
        return _Counts(len(self._numbers))


def images(directory: Path, numbers: Sequence[str], plans: int = 1, schedules: int = 1) -> Path:
    """A directory of images whose one generation holds ``numbers``; made once."""
    home = directory / f"images-{plans}-{schedules}"
    if home.exists():
        return home
    compile_image = _member("vnroute.compiler", "compile_image")
    building = _member("vnroute.image.generations", "building")
    publish = _member("vnroute.image.generations", "publish")
    image_name = _member("vnroute.image.layout", "image_name")
    routing = _Routing(numbers, plans, schedules)
    with building(home) as generation:
        compile_image(
            routing, home / image_name(generation), generation=generation, now=int(time.time())
        )
        publish(home, generation)
    return home


def matcher(
    directory: Path, numbers: Sequence[str], plans: int = 1, schedules: int = 1
) -> Callable[[bytes, float], bytes]:
    """``decide`` over an image that holds ``numbers``, under so many plans and schedules."""
    matcher_type = _member("vnroute.matcher.decide", "Matcher")
    route_image = _member("vnroute.matcher.image", "RouteImage")
    current_image = _member("vnroute.image.generations", "current_image")
    image = route_image(current_image(images(directory, numbers, plans, schedules)))
    decide: Callable[[bytes, float], bytes] = matcher_type(image).decide
    return decide


def matcher_told(
    directory: Path, numbers: Sequence[str], name: str, gateways: dict[str, bool]
) -> Decide:
    """``decide`` beside a state page that says of gateways whether they take calls."""
    matcher_type = _member("vnroute.matcher.decide", "Matcher")
    route_image = _member("vnroute.matcher.image", "RouteImage")
    current_image = _member("vnroute.image.generations", "current_image")
    page_type = _member("vnroute.image.state_page", "StatePage")
    kind = _member("vnroute.image.keys", "Kind").GATEWAY
    page = page_type.open(directory / f"{name}.page", create=True)
    page.replace(
        [kind],
        [
            (kind, gateway, 1000 if well else 0, 0 if well else 2, 0, 0)
            for gateway, well in gateways.items()
        ],
    )
    made = matcher_type(route_image(current_image(images(directory, numbers))))
    made.use_page(page)
    decide: Decide = made.decide
    return decide


def matcher_dipping(
    directory: Path, numbers: Sequence[str], found: dict[int, tuple[int, float]] | None
) -> Decide:
    """``decide`` with answers of dips that are kept; None: without dips."""
    matcher_type = _member("vnroute.matcher.decide", "Matcher")
    route_image = _member("vnroute.matcher.image", "RouteImage")
    current_image = _member("vnroute.image.generations", "current_image")
    made = matcher_type(route_image(current_image(images(directory, numbers))))
    made.dip(found)
    decide: Decide = made.decide
    return decide


def targets_of(rows: int) -> list[int]:
    """Return the numbers that the plans of so many numbers ring."""
    return [int(_target(row)) for row in range(2 * rows)]


def server(port: int, directory: Path, numbers: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """(command, environment) of one worker that serves ``numbers`` on ``port``."""
    settings_type = _member("vnroute.eventsocket.worker", "WorkerSettings")
    encode = _member("msgspec.json", "encode")
    settings = settings_type(
        worker=1,
        host="127.0.0.1",
        port=port,
        backlog=4096,
        allow=("127.0.0.0/8",),
        max_bytes=11_000_000,
        max_seconds=10.0,
        max_connections=20_000,
        max_hops=5,
        images=str(images(directory, numbers)),
        stats=str(directory / "stats"),
        page=str(directory / "state.page"),
        log_level="warning",
    )
    command = [sys.executable, "-m", "vnroute.eventsocket.worker", encode(settings).decode()]
    return command, {}
