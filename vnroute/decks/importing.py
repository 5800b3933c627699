"""A deck's file from the first byte to in force: read, compared, guarded, stored.

The store's write lock is held only while packed pages are written. What is compared with is looked
at again then: if another import came between, this one is refused and nothing is applied.
"""

from __future__ import annotations

import csv
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import msgspec

from vnroute.decks.applying import applied
from vnroute.decks.comparing import Differences
from vnroute.decks.header import Mapped
from vnroute.decks.reading import DeckFile, ReadingOptions, put_aside, read_deck
from vnroute.decks.tables import Table
from vnroute.importing.findings import hint
from vnroute.importing.inputs import refused
from vnroute.model import Problem, RoutingDataError
from vnroute.model.deck import DeckKind
from vnroute.model.nanp import JURISDICTIONS
from vnroute.store.base import Reading, Store, StoreError
from vnroute.store.deck_pages import pack

__all__ = ["DeckOptions", "DeckReport", "import_deck", "stored_mapping", "writing_differences"]

_GUARD_FACTOR = 10
_GUARD_KEYS = 20
"""A deck of fewer prefixes may lose more than half of them unasked."""
_DIFF_COLUMNS = ("kind", "prefix", "origin", "time", "destination", "before", "after", "when")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckOptions:
    """How a deck is imported."""

    kind: DeckKind = "carrier"
    owner: str
    full: bool = True
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    skip_bad: bool = False
    bad_file: Path | None = None
    accept_changes: bool = False
    dry_run: bool = False
    save_mapping: bool = False
    differences_file: Path | None = None
    who: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckReport:
    """What an import did, or in a dry run would have done."""

    applied: bool
    kind: DeckKind
    owner: str
    version: int
    """The version in force afterwards."""
    layout: str
    mapped: Mapped
    rows_read: int
    bad: int
    bad_problems: list[Problem]
    bad_file: str
    rows: int
    """Of the deck afterwards, those for the future included."""
    currency: str
    differences: Differences


def stored_mapping(reading: Reading, kind: DeckKind, owner: str) -> dict[str, str]:
    """Return the mapping stored for an owner's files: field to column's name."""
    document = reading.deck_mapping(kind, owner)
    return msgspec.json.decode(document, type=dict[str, str]) if document else {}


def import_deck(
    store: Store,
    table: Table,
    options: DeckOptions,
    *,
    now: int,
    progress: Callable[[str, int, float | None], None] = lambda file, rows, part: None,
) -> DeckReport:
    """Import a deck's file. Raises :class:`RoutingDataError`, and then nothing is applied.

    That is for bad rows (unless ``skip_bad``), for changes beyond what is likely (unless
    ``accept_changes``), and for a currency without an exchange rate. ``now`` is Unix seconds.
    """
    with store.snapshot() as view, _without_collector():
        _check_owner(view, table, options)
        origins = frozenset((*JURISDICTIONS, *(one.id for one in view.lists())))
        if options.reading.origin and options.reading.origin not in origins:
            expected = "a list of callers that is loaded, or interstate, intrastate, indeterminate"
            expected += hint(options.reading.origin, origins)
            raise refused(table.name, 0, "--origin", repr(options.reading.origin), expected)
        deck = read_deck(
            table,
            replace(options.reading, origins=origins),
            now=now,
            bad_file=options.bad_file if options.skip_bad else None,
            progress=lambda rows, part: progress(table.name, rows, part),
        )
        try:
            return _apply(store, view, table, deck, options, now)
        finally:
            deck.rows.close()


def _apply(
    store: Store, view: Reading, table: Table, deck: DeckFile, options: DeckOptions, now: int
) -> DeckReport:
    kind, owner = options.kind, options.owner
    problems = deck.problems
    good = bool(deck.count > deck.bad)
    if (problems.kept and not (options.skip_bad and deck.bad == len(problems))) or not good:
        if not good and not len(problems):
            raise refused(table.name, 0, "file", "no rows below the header", "rates")
        raise RoutingDataError(problems.kept, problems.more)
    stored = view.deck(kind, owner)
    currency = deck.currency or (stored.currency if stored else "")
    factor = _factor(view, table, stored.currency if stored else currency, currency, kind, owner)
    begins = max(now, options.reading.effective or deck.earliest or now)
    repeats: list[tuple[int, int]] = []
    with writing_differences(options.differences_file) as each:
        differences = Differences(factor, each)
        rows = applied(
            view.deck_rows(kind, owner),
            deck.rows,
            full=options.full,
            begins=begins,
            now=now,
            differences=differences,
            repeated=lambda first, second: repeats.append((first, second)),
        )
        pages = list(pack(rows))
    said = {
        second: Problem(
            table.name, second, "prefix", "the same prefix again with another rate or terms",
            f"each prefix once for a time; it is first on line {first}",
        )
        for first, second in sorted(repeats, key=lambda pair: pair[1])
    }  # fmt: skip
    if said and not options.skip_bad:
        raise RoutingDataError(list(said.values())[:50], max(0, len(said) - 50))
    for twice in said.values():
        problems.add(twice.file, twice.line, twice.field, twice.found, twice.expected)
    if said and options.bad_file is not None:
        put_aside(table, deck, options.bad_file, said)
    if not options.accept_changes and stored is not None:
        _guard(table, differences, options.full)
    version = stored.version if stored else 0
    done = not options.dry_run
    if done:
        saved = {name: deck.mapped.header[at] for name, at in sorted(deck.mapped.columns.items())}
        with store.transaction(
            f"deck {owner} {Path(table.name).name}"[:200], options.who
        ) as writing:
            there = writing.deck(kind, owner)
            if (there.version if there else 0) != version:
                raise StoreError(f"the deck of {owner} was changed meanwhile; import again")
            _check_owner(writing, table, options)
            if differences.changed or stored is None or currency != stored.currency:
                version = writing.put_deck(
                    kind, owner, pages, currency=currency, what=Path(table.name).name
                ).version
            if options.save_mapping:
                writing.put_deck_mapping(kind, owner, msgspec.json.encode(saved).decode())
    return DeckReport(
        applied=done,
        kind=kind,
        owner=owner,
        version=version,
        layout=table.layout,
        mapped=deck.mapped,
        rows_read=deck.count,
        bad=deck.bad + len(said),
        bad_problems=problems.kept,
        bad_file=str(options.bad_file) if options.bad_file and deck.bad + len(said) else "",
        rows=sum(page.rows for page in pages),
        currency=currency,
        differences=differences,
    )


@contextmanager
def _without_collector() -> Iterator[None]:
    """Put the cycle collector off: it would walk a million rows, again and again, for nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class writing_differences:
    """Writes each difference to a CSV file, if there is to be one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __enter__(self) -> Callable[[object], None] | None:
        if self._path is None:
            return None
        try:
            self._file = self._path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            found = (error.strerror or str(error)).lower()
            raise refused(str(self._path), 0, "file", found, "a file to be written") from None
        write = csv.writer(self._file)
        write.writerow(_DIFF_COLUMNS)
        return write.writerow  # type: ignore[return-value]

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._file.close()


def _check_owner(view: Reading, table: Table, options: DeckOptions) -> None:
    owners = view.carriers() if options.kind == "carrier" else view.accounts()
    ids = [owner.id for owner in owners]
    if options.owner not in ids:
        expected = f"a {options.kind} that is loaded" if options.kind == "carrier" else "an account"
        raise refused(
            table.name, 0, options.kind, repr(options.owner), expected + hint(options.owner, ids)
        )


def _factor(view: Reading, table: Table, old: str, new: str, kind: DeckKind, owner: str) -> Decimal:
    """Return what one unit of the new currency is in the old; refuse one that has no rate."""
    known: Mapping[str, str] = view.currencies()
    if known:
        if new and new not in known:
            expected = f"a currency of the routing data's currencies: {', '.join(known)}"
            raise refused(table.name, 0, "currency", repr(new), expected)
        return Decimal(known.get(new, "1")) / Decimal(known.get(old, "1"))
    others = {
        deck.currency for deck in view.decks() if (deck.kind, deck.owner) != (kind, owner)
    } - {"", new}
    if new and others:
        found = f"{new}, beside decks in {', '.join(sorted(others))}"
        expected = "exchange rates in the routing data (currencies), so that they can be compared"
        raise refused(table.name, 0, "currency", found, expected)
    return Decimal(1)


def _guard(table: Table, differences: Differences, full: bool) -> None:
    """Refuse what looks like a misplaced decimal or half a deck."""
    problems = []
    accept = "; if it is right, say --accept-changes"
    if differences.jumps:
        largest = max(
            (*differences.largest("dearer")[:1], *differences.largest("cheaper")[:1]),
            key=lambda entry: entry[0],
        )
        said = largest[1]
        found = (
            f"{differences.jumps:,} rates that change by more than {_GUARD_FACTOR} times, such as "
            f"+{said.prefix} from {said.before} to {said.after}"
        )
        expected = f"no decimal out of its place{accept}"
        problems.append(Problem(table.name, 0, "rate", found, expected))
    counts = differences.counts
    before = sum(counts.values()) - counts["new"]
    if full and before >= _GUARD_KEYS and 2 * counts["gone"] > before:
        found = f"a full deck without {counts['gone']:,} of the {before:,} prefixes in force"
        expected = f"most of them again, or --partial{accept}"
        problems.append(Problem(table.name, 0, "prefix", found, expected))
    if problems:
        raise RoutingDataError(problems)
