"""``vnroute import``: number lists and rate decks, by the million."""

from __future__ import annotations

from typing import Literal

import rich_click as click

from vnroute.cli.loading import run_load
from vnroute.cli.session import Session, pass_session

__all__ = ["command"]


@click.group(
    "import",
    epilog="Example: vnroute import numbers numbers.csv.gz",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Import millions of numbers or rates from CSV: all of them or none."""


_FILES = click.argument("files", nargs=-1, required=True, metavar="FILE…")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Do everything but keep nothing.")
_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print the report, or the problems, as JSON."
)


@command.command("numbers", epilog="Example: zcat list.gz | vnroute import numbers - --replace")
@_FILES
@click.option("--replace", is_flag=True, help="Remove all numbers that do not come again.")
@_DRY_RUN
@_JSON
@pass_session
def numbers(
    session: Session, files: tuple[str, ...], replace: bool, dry_run: bool, as_json: bool
) -> int:
    """Import number lists: CSV with the columns number,account,plan.

    Columns campaign and state may stand beside them. FILE may be - for standard input, and
    gzip'ed. Accounts and plans must be loaded before.
    """
    return _import(session, "numbers", files, replace, dry_run, as_json)


@command.command("list", epilog="Example: vnroute import list nuisance blocked.csv.gz --replace")
@click.argument("name", metavar="LIST")
@_FILES
@click.option("--replace", is_flag=True, help="Take all others that were imported off the list.")
@_DRY_RUN
@_JSON
@pass_session
def callers(
    session: Session,
    name: str,
    files: tuple[str, ...],
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Import callers onto a LIST that screens ask: CSV with the column caller.

    A caller is a number, a prefix such as +1900*, anonymous or no-valid-number; a column note may
    stand beside it. FILE may be - for standard input, and gzip'ed. The list must be loaded before.
    """
    from vnroute.cli.loading import check_inputs, report_load
    from vnroute.importing.inputs import Input
    from vnroute.importing.lists import load_list

    check_inputs(files)
    store = session.open_store()
    try:
        return report_load(
            lambda progress: load_list(
                store,
                name,
                [Input(path) for path in files],
                replace=replace,
                dry_run=dry_run,
                progress=progress,
            ),
            as_json,
        )
    finally:
        store.close()


@command.command("rates", epilog="Example: vnroute import rates alpha-deck.csv --replace")
@_FILES
@click.option(
    "--replace",
    is_flag=True,
    help="Remove all other rates of the carriers in the files; other carriers keep theirs.",
)
@_DRY_RUN
@_JSON
@pass_session
def rates(
    session: Session, files: tuple[str, ...], replace: bool, dry_run: bool, as_json: bool
) -> int:
    """Import rate decks: CSV with the columns prefix,carrier,rate.

    A column destination may stand beside them. FILE may be - for standard input, and gzip'ed.
    Carriers must be loaded before.
    """
    return _import(session, "rates", files, replace, dry_run, as_json)


def _import(
    session: Session,
    only: Literal["numbers", "rates"],
    files: tuple[str, ...],
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    settings = session.settings
    store = session.open_store()
    try:
        return run_load(
            store,
            files,
            only=only,
            replace=replace,
            dry_run=dry_run,
            max_hops=settings.routing.max_hops,
            horizon_years=settings.routing.horizon_years,
            max_attempts=settings.routing.max_attempts,
            as_json=as_json,
        )
    finally:
        store.close()
