"""A load: files read, checked together with what is stored, and written; all of it or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from vnroute.importing.catalogue import Catalogue
from vnroute.importing.findings import Findings, shown
from vnroute.importing.inputs import Input, Kind, Opened, guess_kind, opened, reading
from vnroute.importing.legs import check_legs
from vnroute.importing.life import check_answers, check_quarantine
from vnroute.importing.numbers import Terms, read_numbers, settle_numbers
from vnroute.importing.origins import Origins
from vnroute.importing.persons import check_heard, check_persons
from vnroute.importing.rates import RATE, check_rates, read_rates
from vnroute.importing.reach import check_reach
from vnroute.importing.references import (
    ComingBlocks,
    check_assignments,
    check_blocks,
    check_carriers,
    check_choices,
    check_forwarding,
    check_plans,
    may_forward,
    warn_unrated,
)
from vnroute.importing.removing import remove, remove_numbers
from vnroute.importing.routing_file import RoutingDocument, read_routing_file
from vnroute.importing.schedules import check_schedules, check_states
from vnroute.importing.screens import check_screens
from vnroute.importing.yaml_data import MAX_BYTES
from vnroute.model import Number, NumberBlock, Problem, Rate, RoutingDataError
from vnroute.model.e164 import digits_of, format_number, parse_block, parse_number, parse_prefix
from vnroute.model.forwarding import MAX_HOPS
from vnroute.model.numbering import expected_length
from vnroute.store.base import BlockSpan, PreparedDeck, Staging, Store, Tally, Transaction

__all__ = ["Loading", "Progress", "Report", "block_notation", "load"]

Progress = Callable[[str, int, float | None], None]
"""Takes the file, the rows read of it, and the part of it that is read, 0 to 1, if known."""

_BATCH = 50_000
_LONGEST_WORD = 200


@dataclass(frozen=True, slots=True)
class Report:
    """What a load did, or in a dry run would have done."""

    applied: bool
    """False for a dry run."""
    change_counter: int
    """The store's, afterwards."""
    counts: dict[str, Tally]
    """By kind: accounts, schedules, policies, plans, carriers, blocks, numbers, rates."""
    warnings: list[Problem]
    more_warnings: int

    @property
    def total(self) -> Tally:
        """All kinds together."""
        return sum(self.counts.values(), Tally())


def load(
    store: Store,
    inputs: Sequence[Input],
    *,
    only: Literal["numbers", "rates"] | None = None,
    replace: bool = False,
    dry_run: bool = False,
    max_hops: int = MAX_HOPS,
    horizon_years: int = 3,
    max_attempts: int = 6,
    progress: Progress | None = None,
    who: str = "",
) -> Report:
    """Load files into a store: entities by id, numbers by number, blocks by span, rates by prefix.

    ``only`` says that every file is a number list, or a rate deck. ``replace`` removes what is
    stored and does not come again: everything; with ``only`` numbers, all numbers (not blocks);
    with ``only`` rates, the rates of the carriers named in the files. ``max_hops`` is how often a
    call may be forwarded among our numbers, ``horizon_years`` how far ahead schedules are checked,
    ``max_attempts`` how many gateways are tried for a target where no policy says.

    Raises :class:`RoutingDataError` with every problem found (the first fifty, and how many more),
    and nothing is applied; :class:`vnroute.store.StoreError` where the store fails.
    """
    names = ", ".join(source.name for source in inputs)
    what = f"{'import ' + only if only else 'load'} {names}"[:_LONGEST_WORD]
    told = progress or (lambda *_: None)
    loading = Loading(store, what, only, replace, max_hops, horizon_years, max_attempts, told)
    with ExitStack() as stack:
        files: list[tuple[Opened, Kind]] = []
        for source in inputs:
            with loading.collecting():
                file = stack.enter_context(opened(source))
                files.append((file, only or source.kind or guess_kind(file)))
        for file, kind in files:
            if kind == "routing":
                with loading.collecting(), reading(file.name):
                    loading.read_document(file)
        if loading.reads_ahead:
            # So that the write lock is held to write, and not while a file is read.
            staging = stack.enter_context(store.staging())
            loading.stage(staging, files)
            if only == "rates" and not len(loading.problems):
                loading.prepared = staging.prepare_rates(replace)
        with store.transaction(what, who) as writing:
            loading.write(writing, files)
            order = {source.name: position for position, source in enumerate(inputs)}
            loading.problems.kept.sort(key=lambda p: (order.get(p.file, -1), p.line))
            loading.end(writing, dry_run)
    return loading.report(not dry_run)


class Loading:
    """One load, from its first file to its last check."""

    def __init__(
        self,
        store: Store,
        what: str,
        only: Literal["numbers", "rates"] | None,
        replace: bool,
        max_hops: int,
        horizon_years: int,
        max_attempts: int,
        progress: Progress,
    ) -> None:
        self.store = store
        self.what = what
        self.only = only
        self.replace = replace
        self.max_hops = max_hops
        self.max_attempts = max_attempts
        self.horizon_years = horizon_years
        self.progress = progress
        self.now = int(time.time())
        self.problems = Findings()
        self.warnings = Findings()
        self.documents: list[RoutingDocument] = []
        self.origins = Origins()
        self.blocks = ComingBlocks()
        self.decks: set[str] = set()
        """Carriers of which rates come."""
        self.terms = Terms()
        self.loose: list[tuple[str, int]] = []
        self.prepared: list[PreparedDeck] = []
        self.removed: Mapping[str, Collection[str]] = {}
        """Ids of what goes, by kind (:mod:`vnroute.importing.editing`)."""
        self.counts: dict[str, Tally] = {}

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep the problems of a file that cannot be read on, and go on to the next."""
        try:
            yield
        except RoutingDataError as error:
            for p in error.problems:
                self.problems.add(p.file, p.line, p.field, p.found, p.expected)

    def end(self, writing: Transaction, dry_run: bool) -> None:
        """Refuse all of it if there was any problem; keep nothing of a dry run."""
        if len(self.problems):
            raise RoutingDataError(self.problems.kept, self.problems.more)
        if dry_run:
            writing.discard()

    def report(self, applied: bool) -> Report:
        """Return what was done, after the transaction."""
        return Report(
            applied=applied,
            change_counter=self.store.change_counter(),
            counts=self.counts,
            warnings=self.warnings.kept,
            more_warnings=self.warnings.more,
        )

    def read_document(self, file: Opened) -> None:
        """Read a routing file."""
        data = file.stream.read(MAX_BYTES + 1)
        document = read_routing_file(data, file.name, self.problems)
        self.documents.append(document)
        entries = sum(map(len, document.sections.values()))
        self.progress(file.name, entries, 1.0)

    @property
    def reads_ahead(self) -> bool:
        """Whether lists and decks are staged before the transaction; not where routing files have
        numbers or rates, which come first: of two rows for one number the first stands.
        """
        rows = ("numbers", "rates")
        return not any(document.sections[kind] for document in self.documents for kind in rows)

    def stage(self, staging: Staging, files: Sequence[tuple[Opened, Kind]]) -> None:
        """Read lists and decks."""
        for file, kind in files:
            with self.collecting(), reading(file.name):
                self._stage_csv(file, kind, staging)

    def write(self, writing: Transaction, files: Sequence[tuple[Opened, Kind]]) -> None:
        """Write all that comes into the transaction, and check what there is then."""
        everything = self.replace and self.only is None
        catalogue = Catalogue(writing, self.documents, everything, self.problems, self.removed)
        check_schedules(catalogue, self.warnings, self.horizon_years)
        check_plans(catalogue, self.warnings)
        check_states(catalogue)
        check_reach(catalogue, self.warnings)
        check_legs(catalogue, self.warnings, self.max_attempts)
        check_persons(catalogue, self.warnings)
        check_heard(catalogue)
        check_carriers(catalogue)
        check_choices(catalogue, bool(self.removed.get("carriers")))
        check_answers(catalogue)
        check_screens(catalogue)
        counts = self.counts
        coming = catalogue.coming_entities
        if self.only is None:
            worth = {k: v for document in self.documents for k, v in document.currencies.items()}
            if worth or everything:
                counts["currencies"] = writing.put_currencies(worth, everything)
            counts["accounts"] = writing.put_accounts(coming("accounts"), everything)
            counts["answers"] = writing.put_answers(coming("answers"), everything)
            counts["lists"] = writing.put_lists(coming("lists"), everything)
            counts["screens"] = writing.put_screens(coming("screens"), everything)
            counts["schedules"] = writing.put_schedules(coming("schedules"), everything)
            counts["persons"] = writing.put_persons(coming("persons"), everything)
            counts["policies"] = writing.put_policies(coming("policies"), everything)
            counts["plans"] = writing.put_plans(coming("plans"), everything)
        for document in self.documents:
            self._stage_numbers(document, catalogue, writing)
            self._take_blocks(document, catalogue, writing)
            self._stage_rates(document, catalogue, writing)
        if not self.reads_ahead:
            self.stage(writing, files)
        settle_numbers(self.terms, catalogue, writing, self.origins, self.problems)
        check_rates(self.loose, catalogue, writing, self.origins, self.problems)
        if self.only is None:
            if self.blocks.spans:
                stored = [] if everything else writing.iter_blocks()
                check_blocks(stored, self.blocks, self.origins, self.problems)
            counts["blocks"] = writing.put_blocks(self.blocks.spans, everything)
        if self.only != "rates":
            check_quarantine(catalogue, writing, self.origins, self.problems, self.now)
            counts["numbers"] = writing.apply_numbers(self.replace)
        if self.only != "numbers":
            carriers = None if everything else self.decks
            counts["rates"] = writing.apply_rates(self.replace, carriers, self.what, self.prepared)
        if self.only is None:
            # After the rates: those of a carrier that goes have then been counted as removed.
            counts["carriers"] = writing.put_carriers(coming("carriers"), everything)
        gone = remove_numbers(self.removed, writing, self.blocks.origins, self.problems)
        for name, tally in gone.items():
            counts[name] = counts.get(name, Tally()) + tally
        check_assignments(catalogue, writing, self.problems)
        touched = {kind for kind, tally in counts.items() if tally.touched}
        if (
            "blocks" in touched
            or ("numbers" in touched and writing.rings_moved_numbers())
            or (touched & {"plans", "persons"} and may_forward(catalogue, writing))
        ):
            check_forwarding(
                catalogue, writing, self.blocks, self.origins, self.max_hops, self.problems
            )
        if self.removed:
            counts |= remove(self.removed, catalogue, writing, self.problems)
        warn_unrated(catalogue, writing, self.warnings)

    def _stage_csv(self, file: Opened, kind: Kind, staging: Staging) -> None:
        def told(rows: int, fraction: float | None) -> None:
            self.progress(file.name, rows, fraction)

        if kind == "numbers":
            read_numbers(
                file, staging, self.terms, self.origins, self.problems, self.warnings, told
            )
        elif kind == "rates":
            self.decks |= read_rates(file, staging, self.loose, self.origins, self.problems, told)

    def _refer(
        self, document: RoutingDocument, path: str, wrong: list[tuple[str, str, str]]
    ) -> bool:
        for name, found, expected in wrong:
            place = f"{path}.{name}"
            self.problems.add(document.file, document.line_of(place), place, found, expected)
        return not wrong

    def _assignment(
        self, catalogue: Catalogue, writing: Transaction, entry: Number | NumberBlock
    ) -> int | None:
        if entry.account not in catalogue.accounts or entry.plan not in catalogue.plans:
            return None
        return writing.assignment(
            entry.account,
            entry.plan,
            entry.campaign,
            entry.state,
            entry.since,
            entry.until,
            entry.ported_to,
            entry.screen,
        )

    def _warn_length(self, document: RoutingDocument, path: str, digits: str) -> None:
        expected = expected_length(digits)
        if expected:
            found = shown(f"+{digits}")
            self.warnings.add(document.file, document.line_of(path), path, found, expected)

    def _stage_numbers(
        self, document: RoutingDocument, catalogue: Catalogue, writing: Transaction
    ) -> None:
        base = self.origins.add_section(document, "numbers")
        staged: list[tuple[int, int, int]] = []
        for position, entry in document.sections["numbers"]:
            path = f"numbers[{position}]"
            number = parse_number(entry.number)
            self._warn_length(document, f"{path}.number", str(number))
            wrong = catalogue.check_assignment(entry.account, entry.plan, entry.screen)
            if not self._refer(document, path, wrong):
                continue
            assignment = self._assignment(catalogue, writing, entry)
            if assignment is not None:
                staged.append((number, assignment, base + position))
        for start in range(0, len(staged), _BATCH):
            repeats = writing.stage_numbers(staged[start : start + _BATCH])
            self.origins.add_repeats(repeats, "number", "number", self.problems)

    def _take_blocks(
        self, document: RoutingDocument, catalogue: Catalogue, writing: Transaction
    ) -> None:
        base = self.origins.add_section(document, "blocks")
        for position, entry in document.sections["blocks"]:
            path = f"blocks[{position}]"
            field = "block" if entry.block else "prefix"
            spans = entry.spans()
            if entry.block:
                self._warn_length(document, f"{path}.block", str(spans[0][0]))
            wrong = catalogue.check_assignment(entry.account, entry.plan, entry.screen)
            if not self._refer(document, path, wrong):
                continue
            assignment = self._assignment(catalogue, writing, entry)
            if assignment is None:
                continue
            extent = frozenset(spans)
            first = self.blocks.extents.get(extent)
            if first is not None:
                file, line, _ = self.origins.place(self.blocks.origins[first], field)
                place = f"line {line}" if file == document.file else f"{file}, line {line}"
                found = f"{shown(entry.block or entry.prefix)} again"
                expected = f"each block once; it is first on {place}"
                self._refer(document, path, [(field, found, expected)])
                continue
            notation = block_notation(entry)
            self.blocks.extents[extent] = notation
            self.blocks.origins[notation] = base + position
            self.blocks.spans += [BlockSpan(low, high, notation, assignment) for low, high in spans]

    def _stage_rates(
        self, document: RoutingDocument, catalogue: Catalogue, writing: Transaction
    ) -> None:
        base = self.origins.add_section(document, "rates")
        staged: list[tuple[str, str, str, str, int]] = []
        for position, entry in document.sections["rates"]:
            expected = catalogue.expected("carriers", entry.carrier)
            if expected:
                wrong = [("carrier", shown(entry.carrier), expected)]
                self._refer(document, f"rates[{position}]", wrong)
                continue
            staged.append(_rate_row(entry, base + position))
        for start in range(0, len(staged), _BATCH):
            repeats = writing.stage_rates(staged[start : start + _BATCH])
            self.origins.add_repeats(repeats, "prefix", RATE, self.problems)
        self.decks |= {carrier for _, carrier, *_ in staged}


def _rate_row(rate: Rate, origin: int) -> tuple[str, str, str, str, int]:
    return parse_prefix(rate.prefix), rate.carrier, rate.rate.strip(), rate.destination, origin


def block_notation(entry: NumberBlock) -> str:
    """Write a block or prefix without blanks and brackets, one way for the same text."""
    if entry.prefix:
        return "+" + parse_prefix(entry.prefix)
    if "x" in entry.block.lower():
        return "+" + digits_of(entry.block).replace("X", "x")
    first, last = parse_block(entry.block)
    return f"{format_number(first)}-{format_number(last)}"
