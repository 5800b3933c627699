"""``vnroute deck``: rate decks as carriers send them, their versions, and going back."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import rich_click as click

from vnroute.cli.session import Session, pass_session, who_runs
from vnroute.model.deck import NO_END, DeckKind, DeckRate
from vnroute.model.problem import FieldError, Problem, RoutingDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vnroute.decks.comparing import Differences
    from vnroute.decks.importing import DeckOptions, DeckReport

__all__ = ["command"]

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_ACCOUNT = click.option(
    "--account", is_flag=True, help="OWNER is an account (what it pays), and no carrier."
)


@click.group(
    "deck",
    epilog="Example: vnroute deck import alpha alpha-az.xlsx --dry-run",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Import rate decks with any columns, compare them, and go back to one before."""


def _kind(account: bool) -> DeckKind:
    return "account" if account else "carrier"


def _wrong(field: str, found: str, expected: str) -> RoutingDataError:
    return RoutingDataError([Problem("command line", 0, field, found, expected)])


def _moment(text: str, zone: ZoneInfo, field: str) -> int:
    if not text:
        return 0
    from vnroute.decks.fields import Dates

    try:
        return Dates(zone=zone).read(text, field) or _ambiguous(text, field)
    except FieldError as error:
        raise _wrong(error.field, error.found, error.expected) from None


def _ambiguous(text: str, field: str) -> int:
    raise _wrong(field, repr(text), "a date that is one day, such as 2026-12-01")


@command.command(
    "import",
    epilog='Example: vnroute deck import alpha az.csv --map prefix=Code,rate="Price USD" --dry-run',
)
@click.argument("owner")
@click.argument("file")
@_ACCOUNT
@click.option("--full/--partial", default=True, help="A-Z: what is not there goes; or a delta.")
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN,…", help="Name columns.")
@click.option("--save-mapping", is_flag=True, help="Keep the columns for this owner's next files.")
@click.option("--effective", default="", metavar="DATE", help="For rows without a date; else now.")
@click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="What 03/04/2026 is.")
@click.option("--date-format", default="", help="As strptime has it, such as %d/%m/%Y.")
@click.option("--zone", default="UTC", help="Where dates without a zone begin.")
@click.option("--decimal", type=click.Choice([".", ","]), help="The mark before decimals.")
@click.option("--currency", default="", help="The deck's currency, if no row names it.")
@click.option("--increments", default="1/1", help="For rows without: 1/1, 60/6, 60/60.")
@click.option("--origin", default="", help="The origin group of all rows that name none.")
@click.option("--delimiter", default="", help="Between the fields of a CSV; told by itself.")
@click.option("--encoding", default="", help="Of a CSV; told by itself: UTF-8, else Windows-1252.")
@click.option("--sheet", default="", help="Of an XLSX; the first.")
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out, and write them aside.")
@click.option("--bad-file", type=click.Path(path_type=Path), help="Where to; else FILE.bad.csv.")
@click.option("--accept-changes", is_flag=True, help="Take jumps of ten times, and half a deck.")
@click.option("--diff-out", type=click.Path(path_type=Path), help="Write every change as CSV.")
@click.option("--dry-run", is_flag=True, help="Do everything but keep nothing.")
@_JSON
@pass_session
def import_(session: Session, /, owner: str, file: str, as_json: bool, **given: Any) -> int:
    """Import the rate deck FILE of the carrier OWNER (or account, with --account).

    CSV of any delimiter and encoding, gzip'ed or not, or XLSX; - is standard input. Columns are
    told by their names and contents, and shown.
    """
    from vnroute.cli.output import print_json, print_problems_json
    from vnroute.cli.progress import shown_progress
    from vnroute.decks.importing import import_deck
    from vnroute.decks.tables import opened_table

    store = session.open_store()
    try:
        options = _options(store, owner, file, given)
        with (
            shown_progress() as progress,
            opened_table(
                file,
                delimiter=given["delimiter"].replace("\\t", "\t"),
                encoding=given["encoding"],
                sheet=given["sheet"],
            ) as table,
        ):
            report = import_deck(store, table, options, now=int(time.time()), progress=progress)
    except RoutingDataError as error:
        if not as_json:
            raise
        print_problems_json(error.problems, error.more)
        return 2
    finally:
        store.close()
    if as_json:
        print_json(_report_data(report))
    else:
        _print_report(report)
    return 0


def _options(store: Any, owner: str, file: str, given: dict[str, Any]) -> DeckOptions:
    from vnroute.decks.fields import read_increments
    from vnroute.decks.importing import DeckOptions, stored_mapping
    from vnroute.decks.reading import ReadingOptions
    from vnroute.decks.tables import bad_file_of
    from vnroute.model.deck import check_currency
    from vnroute.model.ids import check_id

    kind = _kind(given["account"])
    try:
        zone = ZoneInfo(given["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        expected = "a zone of the IANA database: Europe/Berlin"
        raise _wrong("--zone", repr(given["zone"]), expected) from None
    if len(given["delimiter"].replace("\\t", "\t")) > 1:
        raise _wrong("--delimiter", repr(given["delimiter"]), "one character")
    try:
        mapping = stored_mapping(store, kind, owner) | _mapping(given["maps"])
        reading = ReadingOptions(
            mapping=mapping,
            date_order=given["dates"] or "",
            date_format=given["date_format"],
            zone=zone,
            decimals=given["decimal"] or "",
            effective=_moment(given["effective"], zone, "--effective"),
            origin=check_id(given["origin"], "--origin") if given["origin"] else "",
            increments=read_increments(given["increments"], "--increments"),
            currency=check_currency(given["currency"], "--currency"),
        )
    except FieldError as error:
        raise _wrong(error.field, error.found, error.expected) from None
    return DeckOptions(
        kind=kind,
        owner=owner,
        full=given["full"],
        reading=reading,
        skip_bad=given["skip_bad"],
        bad_file=given["bad_file"] or bad_file_of(file),
        accept_changes=given["accept_changes"],
        dry_run=given["dry_run"],
        save_mapping=given["save_mapping"],
        differences_file=given["diff_out"],
        who=who_runs(),
    )


def _mapping(maps: Iterable[str]) -> dict[str, str]:
    import csv

    from vnroute.decks.columns import check_field

    found: dict[str, str] = {}
    for text in maps:
        # As CSV: quotes around a whole FIELD=COLUMN whose name has a comma.
        for part in next(csv.reader([text]), []):
            field, mark, column = part.partition("=")
            if not mark or not column.strip():
                raise FieldError("--map", repr(part), "FIELD=COLUMN")
            found[check_field(field.strip())] = column.strip().strip('"')
    return found


def _text_of(moment: int) -> str:
    if not moment or moment >= NO_END:
        return ""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def _differences_data(differences: Differences) -> dict[str, Any]:
    largest = [
        {**said._asdict(), "when": _text_of(said.when),
         "times": None if ratio.is_infinite() else float(round(ratio, 4))}
        for kind in ("dearer", "cheaper", "gone", "new", "blocked", "unblocked")
        for ratio, said in differences.largest(kind)
    ]  # fmt: skip
    return {**dict(differences.counts.items()), "largest": largest}


def _report_data(report: DeckReport) -> dict[str, Any]:
    from dataclasses import asdict

    mapped = report.mapped
    return {
        "applied": report.applied,
        report.kind: report.owner,
        "version": report.version,
        "layout": report.layout,
        "header_line": mapped.line,
        "columns": {field: mapped.header[at] for field, at in mapped.columns.items()},
        "rows_read": report.rows_read,
        "bad": report.bad,
        "bad_file": report.bad_file,
        "problems": [asdict(problem) for problem in report.bad_problems],
        "rows": report.rows,
        "currency": report.currency,
        "diff": _differences_data(report.differences),
    }


def _print_report(report: DeckReport) -> None:
    from rich.table import Table

    from vnroute.cli.output import print_problems, wide_console

    console = wide_console()
    mapped = report.mapped
    header = f"header on line {mapped.line}" if mapped.line else "no header"
    console.print(f"{report.layout}, {header}", markup=False)
    columns = Table("field", "column", box=None, pad_edge=False)
    for field, at in sorted(mapped.columns.items(), key=lambda item: item[1]):
        columns.add_row(field, mapped.header[at].strip())
    console.print(columns)
    if report.bad:
        print_problems(report.bad_problems, report.bad - len(report.bad_problems))
        console.print(f"{report.bad:,} bad rows left out: {report.bad_file}", markup=False)
    _print_differences(report.differences)
    state = f"version {report.version} in force" if report.applied else "nothing applied"
    money = f" in {report.currency}" if report.currency else ""
    console.print(f"{report.rows:,} rows{money}; {state}", markup=False)


def _print_differences(differences: Differences) -> None:
    from rich.table import Table

    from vnroute.cli.output import wide_console

    console = wide_console()
    console.print(
        ", ".join(f"{n:,} {kind}" for kind, n in differences.counts.items() if n) or "no rows"
    )
    table = Table("", "prefix", "destination", "before", "after", "from", box=None, pad_edge=False)
    for kind in ("dearer", "cheaper", "gone"):
        for _, said in differences.largest(kind)[:5]:
            name = " ".join(filter(None, (said.destination, said.origin, said.time)))
            row = (kind, "+" + said.prefix, name, said.before, said.after, _text_of(said.when))
            table.add_row(*row)
    if table.row_count:
        console.print(table)


@command.command("list", epilog="Example: vnroute deck list --json")
@_JSON
@pass_session
def list_(session: Session, as_json: bool) -> int:
    """List all decks: whose, the version in force, since when, how many rows."""
    from vnroute.cli.output import print_json, wide_console

    store = session.open_store(create=False)
    try:
        decks = store.decks()
        if as_json:
            print_json({"decks": decks, "currencies": store.currencies()})
            return 0
    finally:
        store.close()
    from rich.table import Table

    table = Table("", "owner", "version", "rows", "currency", "since", box=None, pad_edge=False)
    for deck in decks:
        since = deck.since.isoformat(timespec="seconds")
        table.add_row(
            deck.kind, deck.owner, str(deck.version), f"{deck.rows:,}", deck.currency, since
        )
    wide_console().print(table if decks else "no decks")
    return 0


@command.command("show", epilog="Example: vnroute deck show alpha --prefix 4420")
@click.argument("owner")
@_ACCOUNT
@click.option("--prefix", default="", help="Only rows that a number with these digits may meet.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@_JSON
@pass_session
def show(
    session: Session, owner: str, account: bool, prefix: str, limit: int, as_json: bool
) -> int:
    """Show a deck's versions, and rows of the one in force."""
    from vnroute.cli.output import print_json, wide_console
    from vnroute.model.e164 import parse_prefix

    kind = _kind(account)
    digits = ""
    if prefix:
        try:
            digits = parse_prefix(prefix, "--prefix")
        except FieldError as error:
            raise _wrong(error.field, error.found, error.expected) from None
    store = session.open_store(create=False)
    try:
        deck = _deck(store, kind, owner)
        versions = store.deck_versions(kind, owner)
        rows: list[DeckRate] = []
        for row in store.deck_rows(kind, owner):
            if row.prefix.startswith(digits) or digits.startswith(row.prefix):
                rows.append(row)
                if len(rows) >= limit:
                    break
    finally:
        store.close()
    said = [_row_data(row) for row in rows]
    if as_json:
        print_json({"deck": deck, "versions": versions, "rows": said})
        return 0
    from rich.table import Table

    console = wide_console()
    table = Table("version", "made", "rows", "currency", "by", "", box=None, pad_edge=False)
    for version in versions:
        now = "in force" if version.version == deck.version else ""
        made = version.made.isoformat(timespec="seconds")
        table.add_row(
            str(version.version), made, f"{version.rows:,}", version.currency, version.what, now
        )
    console.print(table)
    columns = list(_row_data(DeckRate("0")))
    table = Table(*columns, box=None, pad_edge=False)
    for one in said:
        table.add_row(*(str(value) for value in one.values()))
    console.print(table)
    return 0


def _row_data(row: DeckRate) -> dict[str, Any]:
    return {
        "prefix": "+" + row.prefix,
        "destination": row.destination,
        "rate": "" if row.blocked else row.rate,
        "fee": row.fee,
        "increments": f"{row.first}/{row.next}",
        "effective": _text_of(row.effective),
        "end": _text_of(row.end),
        "status": "blocked" if row.blocked else "",
        "origin": row.origin,
        "time": row.time,
    }


def _deck(store: Any, kind: DeckKind, owner: str) -> Any:
    deck = store.deck(kind, owner)
    if deck is None:
        from vnroute.importing.findings import hint

        names = [deck.owner for deck in store.decks() if deck.kind == kind]
        raise _wrong(kind, repr(owner), f"a {kind} with a rate deck{hint(owner, names)}")
    return deck


@command.command("diff", epilog="Example: vnroute deck diff alpha --from 3 --to 4 --csv-out d.csv")
@click.argument("owner")
@_ACCOUNT
@click.option("--from", "old", type=click.IntRange(1), help="A version; else the one before.")
@click.option("--to", "new", type=click.IntRange(1), help="A version; else the one in force.")
@click.option("--csv-out", type=click.Path(path_type=Path), help="Write every change as CSV.")
@_JSON
@pass_session
def diff(
    session: Session, owner: str, account: bool, old: int | None, new: int | None,
    csv_out: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Show what differs between two versions of a deck, as they are now."""
    from vnroute.cli.output import print_json
    from vnroute.decks.comparing import Differences, compare
    from vnroute.decks.importing import writing_differences

    kind = _kind(account)
    store = session.open_store(create=False)
    try:
        deck = _deck(store, kind, owner)
        kept = [version.version for version in store.deck_versions(kind, owner)]
        second = new or deck.version
        before = [version for version in kept if version < second]
        if old is None and not before:
            raise _wrong("--from", "no version before", "a deck with more than one version")
        first = old or before[-1]
        with store.snapshot() as view, writing_differences(csv_out) as each:
            differences = Differences(each=each)
            olds = view.deck_rows(kind, owner, first)
            compare(olds, view.deck_rows(kind, owner, second), int(time.time()), differences)
    finally:
        store.close()
    if as_json:
        print_json({"from": first, "to": second, **_differences_data(differences)})
    else:
        sys.stdout.write(f"from version {first} to {second}: ")
        _print_differences(differences)
    return 0


@command.command("rollback", epilog="Example: vnroute deck rollback alpha && vnroute compile")
@click.argument("owner")
@_ACCOUNT
@click.option("--to", "version", type=click.IntRange(1), help="A version; else the one before.")
@_JSON
@pass_session
def rollback(
    session: Session, owner: str, account: bool, version: int | None, as_json: bool
) -> int:
    """Put a former version of a deck in force again."""
    from vnroute.cli.output import print_json

    kind = _kind(account)
    store = session.open_store(create=False)
    try:
        _deck(store, kind, owner)
        with store.transaction(f"deck rollback {owner}", who_runs()) as writing:
            deck = writing.roll_back_deck(kind, owner, version or 0)
    finally:
        store.close()
    if as_json:
        print_json({"deck": deck})
    else:
        sys.stdout.write(f"{owner}: version {deck.version} in force, {deck.rows:,} rows\n")
    return 0


@command.command("export", epilog="Example: vnroute deck export alpha --version 3 > alpha-3.csv")
@click.argument("owner")
@_ACCOUNT
@click.option("--version", type=click.IntRange(1), help="A version; else the one in force.")
@pass_session
def export(session: Session, owner: str, account: bool, version: int | None) -> int:
    """Write a deck as CSV to standard output, so that it can be imported again."""
    import csv

    kind = _kind(account)
    store = session.open_store(create=False)
    try:
        deck = _deck(store, kind, owner)
        currency = next(
            (v.currency for v in store.deck_versions(kind, owner)
             if v.version == (version or deck.version)), "",
        )  # fmt: skip
        write = csv.writer(sys.stdout, lineterminator="\n").writerow
        write([*_row_data(DeckRate("0")), "currency"])
        with store.snapshot() as view:
            for row in view.deck_rows(kind, owner, version or 0):
                data = _row_data(row)
                data["prefix"] = row.prefix
                data["rate"] = "blocked" if row.blocked else row.rate
                write([*data.values(), currency])
    finally:
        store.close()
    return 0


@command.command("mapping", epilog="Example: vnroute deck mapping alpha --forget")
@click.argument("owner")
@_ACCOUNT
@click.option("--forget", is_flag=True, help="Tell columns by themselves again.")
@_JSON
@pass_session
def mapping(session: Session, owner: str, account: bool, forget: bool, as_json: bool) -> int:
    """Show which columns were stored for an owner's files (deck import --save-mapping)."""
    from vnroute.cli.output import print_json
    from vnroute.decks.importing import stored_mapping

    kind = _kind(account)
    store = session.open_store(create=False)
    try:
        if forget:
            with store.transaction(f"deck mapping {owner}", who_runs()) as writing:
                writing.put_deck_mapping(kind, owner, "")
        found = stored_mapping(store, kind, owner)
    finally:
        store.close()
    if as_json:
        print_json({"mapping": found})
    else:
        lines = [f"{field}: {column}" for field, column in found.items()]
        sys.stdout.write("\n".join(lines or ["no mapping stored"]) + "\n")
    return 0
