"""``vnroute load``: routing data into the store."""

from __future__ import annotations

import rich_click as click

from vnroute.cli.loading import run_load
from vnroute.cli.session import Session, pass_session

__all__ = ["command"]


@click.command(
    "load",
    epilog="Example: vnroute load routing.yaml numbers.csv rates.csv --replace",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--replace", is_flag=True, help="Remove all that is stored and does not come again.")
@click.option("--dry-run", is_flag=True, help="Do everything but keep nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report, or the problems, as JSON.")
@pass_session
def command(
    session: Session, files: tuple[str, ...], replace: bool, dry_run: bool, as_json: bool
) -> int:
    """Load routing files (YAML), number lists and rate decks (CSV): all of it or nothing.

    What is stored under the same id, number, block or prefix is changed, the rest is added. FILE
    may be - for standard input, and gzip'ed.
    """
    settings = session.settings
    store = session.open_store()
    try:
        return run_load(
            store,
            files,
            replace=replace,
            dry_run=dry_run,
            max_hops=settings.routing.max_hops,
            horizon_years=settings.routing.horizon_years,
            max_attempts=settings.routing.max_attempts,
            as_json=as_json,
        )
    finally:
        store.close()
