"""Compiling: one reading of the store becomes one route image, whole or not at all."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from vnroute.compiler.carriers import CarrierRows
from vnroute.compiler.choosing import Choosing, Prices
from vnroute.compiler.leading import Leading
from vnroute.compiler.number_table import NumberTable
from vnroute.compiler.numbers import PlanRows, TreatmentRows, account_records
from vnroute.compiler.plans import TARGET_BYTES, TOGETHER, Programs
from vnroute.compiler.policies import Policies
from vnroute.compiler.rates import Choices
from vnroute.compiler.schedule_rows import ScheduleRows
from vnroute.compiler.schedules import horizon
from vnroute.compiler.screens import Callers, ScreenRows, list_rows
from vnroute.compiler.text import Texts
from vnroute.image.layout import Section, SectionId, write_image
from vnroute.image.prefix_table import PrefixTable
from vnroute.image.program import NO_CHOICES
from vnroute.model import (
    Account,
    Answers,
    CallerList,
    Carrier,
    Person,
    Plan,
    Policy,
    Schedule,
    Screen,
)
from vnroute.model.deck import DeckKind, RateInForce

__all__ = ["Compiled", "Progress", "Routing", "compile_image"]

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, how much of it is done, and how much there is."""

_NO_ASSIGNMENT = 0xFFFFFFFF


class Assigned(Leading, Protocol):
    """Where numbers lead that share it, as the store keeps it."""

    @property
    def id(self) -> int: ...


class Spanning(Protocol):
    """A span of a block, as the store keeps it."""

    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def assignment(self) -> int: ...


class Counted(Protocol):
    """How many rows there are."""

    @property
    def numbers(self) -> int: ...


class Routing(Protocol):
    """What the compiler reads; a snapshot of the store offers it."""

    def change_counter(self) -> int:
        """The store's change counter."""
        ...

    def accounts(self) -> list[Account]:
        """All accounts."""
        ...

    def answers(self) -> list[Answers]:
        """All sets of answers."""
        ...

    def lists(self) -> list[CallerList]:
        """All lists of callers."""
        ...

    def iter_callers(self) -> Iterator[tuple[int, str]]:
        """(key, list id) of imported callers, ascending by key."""
        ...

    def screens(self) -> list[Screen]:
        """All screens."""
        ...

    def schedules(self) -> list[Schedule]:
        """All schedules."""
        ...

    def persons(self) -> list[Person]:
        """All persons."""
        ...

    def policies(self) -> list[Policy]:
        """All policies."""
        ...

    def plans(self) -> list[Plan]:
        """All plans."""
        ...

    def carriers(self) -> list[Carrier]:
        """All carriers, in the order in which equal prices are tried."""
        ...

    def assignments(self) -> Sequence[Assigned]:
        """All assignments."""
        ...

    def iter_numbers(self) -> Iterator[list[tuple[int, int]]]:
        """(number, assignment id), each number once, in batches."""
        ...

    def iter_blocks(self) -> Iterator[Spanning]:
        """Spans by first number, the widest first; nested or apart."""
        ...

    def iter_rates(self, now: int, kind: DeckKind = "carrier") -> Iterator[RateInForce]:
        """Rates of all carriers (or accounts) in force at ``now`` or later, by prefix as text."""
        ...

    def currencies(self) -> dict[str, str]:
        """What one unit of each currency is worth in the system's own."""
        ...

    def rated_carriers(self) -> set[str]:
        """Ids of the carriers that have any rate."""
        ...

    def find_numbers(self, numbers: list[int]) -> dict[int, int]:
        """Assignment ids of those numbers that are ours."""
        ...

    def counts(self) -> Counted:
        """How many numbers there are."""
        ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compilation made: where, how large in bytes, rows of each kind, seconds it took."""

    path: Path
    generation: int
    changes: int
    size: int
    rows: dict[str, int]
    seconds: float


def compile_image(
    routing: Routing,
    path: Path,
    *,
    generation: int,
    now: int | None = None,
    horizon_years: int = 3,
    max_attempts: int = 6,
    progress: Progress = lambda stage, done, total: None,
) -> Compiled:
    """Compile what ``routing`` holds into an image at ``path``.

    ``now`` (Unix seconds) is where the horizon of the schedules is counted from; ``max_attempts``
    is how many gateways are tried for one target. Raises RoutingDataError for a schedule that
    cannot be settled (holidays that the library knows no more), OverflowError for more rows than
    an image holds, OSError where it cannot be written; then ``path`` is as it was.
    """
    began = time.monotonic()
    compiled_at = int(time.time()) if now is None else now
    span = horizon(compiled_at, horizon_years)
    texts = Texts()
    rows: dict[str, int] = {}
    sections: list[Section] = []

    def section(
        number: SectionId, data: bytes | bytearray | memoryview, count: int, parameter: int = 0
    ) -> None:
        rows[number.name.lower()] = count
        sections.append(Section(number, data, count, parameter))

    accounts = routing.accounts()
    account_rows = {account.id: row for row, account in enumerate(accounts)}
    carriers = routing.carriers()
    rows_of = CarrierRows(texts, carriers)
    section(SectionId.CARRIERS, rows_of.carriers, len(carriers))
    section(SectionId.GATEWAYS, rows_of.gateways, rows_of.count)
    section(SectionId.FORMATS, rows_of.formats, rows_of.format_count)
    plans = routing.plans()
    persons = {person.id: person for person in routing.persons()}
    schedules = ScheduleRows(
        texts,
        routing.schedules(),
        accounts,
        plans,
        span,
        lambda done, total: progress("schedules", done, total),
        persons.values(),
    )
    section(SectionId.SCHEDULES, schedules.records, schedules.count)
    section(SectionId.TRANSITIONS, memoryview(schedules.moments), len(schedules.moments))
    section(SectionId.STATE_HASHES, schedules.hashes.tobytes(), len(schedules.hashes))

    progress("rates", 0, 1)
    names = [carrier.id for carrier in carriers]
    worth = {name: Decimal(text) for name, text in routing.currencies().items()}
    lists = routing.lists()
    choosing = Choosing(names, accounts, plans)
    choices = Choices(
        names,
        set(names) - routing.rated_carriers(),
        routing.iter_rates(compiled_at),
        now=compiled_at,
        choosers=choosing.choosers,
        worth=worth,
        states_of=schedules.states_of,
        lists=list_rows(lists),
    )
    callers = Callers(lists, routing.iter_callers, choices.areas)
    parameter = callers.table.seed | callers.lengths << 32
    section(SectionId.CALLERS, callers.table.data, callers.table.rows, parameter)
    section(SectionId.LIST_SETS, callers.words.tobytes(), len(callers.words))
    names_of_lists = b"".join(texts.packed(name) for name in callers.rows)
    section(SectionId.LISTS, names_of_lists, len(callers.rows))
    index, spans = choices.spans.finish()
    prefixes = PrefixTable(index, spans)
    section(SectionId.PREFIX_INDEX, index, len(index) // 4)
    section(SectionId.PREFIXES, spans, choices.spans.prefixes)
    section(SectionId.CHOICES, choices.words, choices.rows)
    columns = len(choosing.choosers)
    section(
        SectionId.DESTINATIONS,
        memoryview(choices.destinations),
        len(choices.destinations) // columns,
        columns,
    )
    section(SectionId.RATES, choices.prices.tobytes(), len(choices.prices))
    section(SectionId.ORDERS, choosing.records, len(choosing.choices))
    allowed = b"".join(chooser.allowed for chooser in choosing.choosers)
    section(SectionId.ALLOWED, allowed, len(allowed))
    section(SectionId.SHARES, choosing.shares.tobytes(), len(choosing.shares))
    selling = any(choice.margin for choice in choosing.choices)
    paid = Prices(routing.iter_rates(compiled_at, "account") if selling else (), worth, compiled_at)
    progress("rates", 1, 1)

    plan_rows = {plan.id: row for row, plan in enumerate(plans)}
    assignments = [
        assignment
        for assignment in routing.assignments()
        if assignment.plan in plan_rows and assignment.account in account_rows
    ]
    assignment_rows = {assignment.id: row for row, assignment in enumerate(assignments)}
    rung = sorted(_rung_numbers(plans, persons.values()))
    own = {
        number: assignment_rows[found]
        for number, found in routing.find_numbers(rung).items()
        if found in assignment_rows
    }
    section(
        SectionId.RUNG_NUMBERS,
        b"".join(struct.pack("<QII", one, own.get(one, _NO_ASSIGNMENT), 0) for one in rung),
        len(rung),
    )

    def choices_of(plan: Plan, digits: str) -> tuple[int, int, int]:
        value, order = prefixes.lookup(digits), choosing.row(plan)
        limit = paid.limit(choosing.choices[order], plan.account, digits)
        if value < 0:
            return NO_CHOICES, order, limit
        return choices.destinations[value * columns + choosing.columns[order]], order, limit

    def trusts(person: Person) -> bool:
        # A load refuses it too; whose callers nobody vouches for hears none of them.
        return accounts[account_rows[person.account]].trust_ani

    tables = [carrier.hunt for carrier in carriers]
    policies = Policies(texts, routing.policies(), max_attempts, TOGETHER, tables)
    programs = Programs(
        texts,
        schedules.asked,
        plan_rows,
        choices_of,
        policies,
        own.get,
        lambda assignment: plan_rows[assignments[assignment].plan],
        places=lambda target: (
            schedules.row_of_person(target.name),
            list(persons[target.name].targets(target).values()),
        ),
        phones=lambda name: persons[name].known_phones if trusts(persons[name]) else (),
    )
    written = PlanRows(texts, programs)
    for done, plan in enumerate(plans):
        written.add(plan)
        if done % 1000 == 0:
            progress("plans", done, len(plans))
    treatments = TreatmentRows(routing.answers(), plan_rows, written)
    section(
        SectionId.ACCOUNTS,
        account_records(accounts, texts, treatments, choosing.row_of_account),
        len(accounts),
    )
    screens = ScreenRows(routing.screens(), callers.rows, texts, treatments.row)
    section(
        SectionId.ASSIGNMENTS,
        b"".join(
            written.assignment(
                row,
                account_rows[row.account],
                plan_rows[row.plan],
                accounts[account_rows[row.account]],
                screens.row(row.screen, accounts[account_rows[row.account]].screen),
            )
            for row in assignments
        ),
        len(assignments),
    )
    keys = screens.keys(account.screen for account in accounts)
    section(SectionId.SCREEN_KEYS, keys, len(keys) // 16)
    section(SectionId.SCREENS, screens.words.tobytes(), len(screens.words))
    section(SectionId.PLANS, written.records, written.count)
    section(SectionId.PLAN_KEYS, written.keys(), len(plans), programs.ending)
    section(SectionId.PROGRAMS, programs.words.tobytes(), len(programs.words), programs.rotations)
    section(SectionId.TARGETS, programs.targets, len(programs.targets) // TARGET_BYTES)
    section(SectionId.POLICIES, policies.records, policies.count)
    languages = programs.languages()
    section(SectionId.LANGUAGES, languages, len(languages) // 8)
    blocks, count = _settled_blocks(routing.iter_blocks(), assignment_rows)
    section(SectionId.BLOCKS, blocks, count)
    table = _number_table(routing, assignment_rows, progress)
    section(SectionId.NUMBERS, table.data, table.rows, table.seed)
    section(SectionId.TEXT, texts.data, len(texts.data))
    changes = routing.change_counter()
    size = write_image(
        path,
        sections,
        generation=generation,
        compiled_at=compiled_at,
        changes=changes,
        horizon=span,
        progress=lambda done, total: progress("write", done, total),
    )
    return Compiled(path, generation, changes, size, rows, time.monotonic() - began)


def _rung_numbers(plans: list[Plan], persons: Iterable[Person]) -> set[int]:
    """Return the numbers that plans ring and persons are at, ours and others."""
    places = (target for person in persons for target in person.targets().values())
    return {target.number for target in places if target.number is not None} | {
        target.number
        for plan in plans
        for step in plan.steps
        for target in step.targets
        if target.number is not None
    }


def _settled_blocks(
    spans: Iterator[Spanning], assignment_rows: dict[int, int]
) -> tuple[bytes, int]:
    """Settle nested spans into disjoint ones, the innermost winning; return rows and blocks.

    Spans come by first number, the widest first, and lie apart or one inside the other.
    """
    rows: list[tuple[int, int]] = [(0, _NO_ASSIGNMENT)]
    around: list[tuple[int, int]] = []
    count = 0

    def put(first: int, assignment: int) -> None:
        if rows[-1][0] == first:
            rows.pop()
        if not rows or rows[-1][1] != assignment:
            rows.append((first, assignment))

    def close_before(first: int) -> None:
        while around and around[-1][0] < first:
            last, _ = around.pop()
            put(last + 1, around[-1][1] if around else _NO_ASSIGNMENT)

    for span in spans:
        count += 1
        close_before(span.first)
        put(span.first, assignment_rows[span.assignment])
        around.append((span.last, assignment_rows[span.assignment]))
    close_before(10**16)
    return b"".join(struct.pack("<QII", *row, 0) for row in rows), count


def _number_table(
    routing: Routing, assignment_rows: dict[int, int], progress: Progress
) -> NumberTable:
    total = routing.counts().numbers
    for seed in range(1, 20):
        table = NumberTable(total, seed)
        for batch in routing.iter_numbers():
            if not table.add([(number, assignment_rows[row]) for number, row in batch]):
                break
            progress("numbers", table.rows, total)
        else:
            return table
    raise OverflowError(f"{total} numbers found no place in a table; this should not happen")
