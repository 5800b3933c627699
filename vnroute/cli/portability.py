"""``vnroute portability``: the table of ported numbers, made, changed and asked."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import rich_click as click

from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.dips.sources import Source
    from vnroute.portability.build import Built
    from vnroute.portability.table import PortabilityTable

__all__ = ["command"]

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Do everything but keep nothing.")


@click.group(
    "portability",
    epilog="Example: vnroute portability import ported.csv.gz",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Keep the table of ported numbers: which are reached by another routing number.

    Carriers for a number that is in it are chosen by its routing number; what is dialled stays
    the number. Workers that run take a new table within a fifth of a second.
    """


@command.command("import", epilog="Example: zcat ported.csv.gz | vnroute portability import -")
@click.argument("file", metavar="FILE")
@_DRY_RUN
@_JSON
@pass_session
def import_(session: Session, file: str, dry_run: bool, as_json: bool) -> int:
    """Replace the table by a list: CSV with the columns number,routing_number.

    Rows in any order; both as +15551234567. FILE may be - for standard input, and gzip'ed.
    """
    return _build(session, file, changes=False, dry_run=dry_run, as_json=as_json)


@command.command("update", epilog="Example: vnroute portability update today.csv")
@click.argument("file", metavar="FILE")
@_DRY_RUN
@_JSON
@pass_session
def update(session: Session, file: str, dry_run: bool, as_json: bool) -> int:
    """Lay changes over the table: a list as for import, of what differs.

    A row with an empty routing_number takes its number out of the table.
    """
    return _build(session, file, changes=True, dry_run=dry_run, as_json=as_json)


@command.command("show", epilog="Example: vnroute portability show +15551234567")
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER…")
@_JSON
@pass_session
def show(session: Session, numbers: tuple[str, ...], as_json: bool) -> int:
    """Show the routing number of each NUMBER; exit status 1 if one is not ported."""
    from vnroute.cli.output import print_error, print_json
    from vnroute.model.e164 import parse_number
    from vnroute.model.problem import FieldError

    try:
        wanted = [parse_number(text, "NUMBER") for text in numbers]
    except FieldError as error:
        print_error(str(error))
        return 2
    table = _table(session)
    if table is None:
        return 2
    found = [(number, table.routing_number(number)) for number in wanted]
    if as_json:
        print_json(
            [
                {"number": f"+{number}", "routing_number": routing and f"+{routing}"}
                for number, routing in found
            ]
        )
    else:
        for number, routing in found:
            said = f"is ported: routed on +{routing}" if routing else "is not ported"
            sys.stdout.write(f"+{number} {said}\n")
    return 0 if all(routing for _, routing in found) else 1


@command.command("dip", epilog="Example: vnroute portability dip +15551234567 --json")
@click.argument("number", metavar="NUMBER")
@_JSON
@pass_session
def dip(session: Session, number: str, as_json: bool) -> int:
    """Ask who [dips] names for the routing number of NUMBER, as a call's worker does.

    Nothing is kept. Exit status 1 where calls would go on without: no answer in time, or none of
    use.
    """
    import uvloop

    from vnroute.cli.output import print_error, print_json
    from vnroute.dips.sources import open_source
    from vnroute.model.e164 import parse_number
    from vnroute.model.problem import FieldError

    settings = session.settings.dips
    try:
        wanted = parse_number(number, "NUMBER")
        source = open_source(settings)
    except (FieldError, ImportError) as error:
        print_error(str(error))
        return 2
    if source is None:
        print_error("nobody is asked: neither [dips] http nor [dips] enum is set")
        return 2
    routing, seconds, why = uvloop.run(_asked(source, int(wanted)))
    late = seconds > settings.deadline_ms / 1000
    if as_json:
        print_json(
            {
                "number": f"+{wanted}",
                "routing_number": f"+{routing}" if routing else None,
                "milliseconds": round(1000 * seconds, 1),
                "deadline_ms": settings.deadline_ms,
                "in_time": not late and not why,
                "error": why or None,
            }
        )
    else:
        said = f"is ported: routed on +{routing}" if routing else "is not ported"
        sys.stdout.write(
            f"+{wanted} {f'is routed on itself: {why}' if why else said}\n"
            f"{1000 * seconds:.1f} ms; calls wait {settings.deadline_ms} ms at most"
            f"{': too late for the call' if late else ''}\n"
        )
    return 1 if why or late else 0


async def _asked(source: Source, number: int) -> tuple[int, float, str]:
    """Return the routing number, the seconds it took, and why there is none."""
    import asyncio
    import time

    from vnroute.dips.dipper import GIVE_UP_SECONDS
    from vnroute.dips.sources import DipFailed

    began, routing, why = time.monotonic(), 0, ""
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            routing = (await source.ask(number)).routing
    except DipFailed as error:
        why = str(error)
    except TimeoutError:
        why = f"no answer for {GIVE_UP_SECONDS:g} seconds"
    took = time.monotonic() - began
    await source.close()
    return routing, took, why


@command.command("status", epilog="Example: vnroute portability status --json")
@_JSON
@pass_session
def status(session: Session, as_json: bool) -> int:
    """Check the table in force, and show how large it is."""
    from vnroute.cli.output import print_json

    table = _table(session)
    if table is None:
        return 2
    header = table.header
    built = datetime.fromtimestamp(header.built_at, UTC)
    if as_json:
        print_json(
            {
                "generation": header.generation,
                "table": table.path,
                "rows": header.rows,
                "routing_numbers": header.routing_numbers,
                "bytes": header.file_bytes,
                "built": built.isoformat(),
            }
        )
    else:
        each = header.file_bytes / header.rows if header.rows else 0.0
        sys.stdout.write(
            f"generation {header.generation}, built {built:%Y-%m-%d %H:%M:%S} UTC:"
            f" {header.rows:,} ported numbers, {header.routing_numbers:,} routing numbers\n"
            f"{table.path}: {header.file_bytes:,} bytes, {each:.2f} a number\n"
        )
    return 0


def _table(session: Session) -> PortabilityTable | None:
    """Open the table in force; None, told on standard error, where that cannot be done."""
    from vnroute.cli.output import print_error
    from vnroute.image.generations import PORTABILITY, current_image
    from vnroute.image.layout import ImageError
    from vnroute.portability.table import PortabilityTable

    images = session.settings.images
    path = current_image(images, PORTABILITY)
    if path is None:
        print_error(f"{images}: no portability table there; run vnroute portability import")
        return None
    try:
        return PortabilityTable(path)
    except (ImageError, OSError) as error:
        print_error(str(error))
        return None


def _build(session: Session, file: str, *, changes: bool, dry_run: bool, as_json: bool) -> int:
    from vnroute.cli.output import print_error, print_json, print_problems, print_problems_json
    from vnroute.cli.progress import shown_progress
    from vnroute.image.generations import Busy
    from vnroute.image.layout import ImageError
    from vnroute.importing.inputs import Input, opened, reading
    from vnroute.model.problem import Problem
    from vnroute.portability.build import ListRefused, build_table

    source = Input(file)
    try:
        with opened(source) as stream, reading(source.name), shown_progress() as progress:

            def tell(stage: str, rows: int, part: float | None) -> None:
                progress(f"{source.name}: {stage}", rows, part)

            built = build_table(
                session.settings.images,
                stream.stream,
                changes=changes,
                dry_run=dry_run,
                fraction=stream.fraction,
                progress=tell,
            )
    except ListRefused as error:
        problems = [
            Problem(source.name, bad.line, bad.field, bad.found, bad.expected)
            for bad in error.problems
        ]
        if as_json:
            print_problems_json(problems, error.more)
        else:
            print_problems(problems, error.more)
        return 2
    except (Busy, ImageError) as error:
        print_error(str(error))
        return 2
    if as_json:
        print_json(_built_data(built, not dry_run))
    else:
        _print_built(built, not dry_run)
    return 0


def _built_data(built: Built, applied: bool) -> dict[str, Any]:
    data = asdict(built) | {"table": str(built.path), "bytes": built.size, "applied": applied}
    del data["path"], data["size"]
    return data | {"seconds": round(built.seconds, 3)}


def _print_built(built: Built, applied: bool) -> None:
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (built.added, "added"), (built.changed, "changed"), (built.unchanged, "unchanged"),
            (built.removed, "removed"), (built.absent, "to remove were not there"),
        )
        if count
    ]  # fmt: skip
    each = built.size / built.rows if built.rows else 0.0
    done = f"generation {built.generation} in force" if applied else "nothing kept (dry run)"
    sys.stdout.write(
        f"ported numbers: {', '.join(parts) or 'none'}\n"
        f"{done}: {built.rows:,} numbers, {built.routing_numbers:,} routing numbers,"
        f" {built.size:,} bytes ({each:.2f} a number) in {built.seconds:.1f} s\n"
    )
