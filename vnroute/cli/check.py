"""``vnroute check``: would these files load?"""

from __future__ import annotations

import tempfile

import rich_click as click

from vnroute.cli.loading import run_load
from vnroute.cli.session import Session, pass_session

__all__ = ["command"]


@click.command("check", epilog="Example: vnroute check routing.yaml numbers.csv rates.csv")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--alone", is_flag=True, help="Check the files by themselves, without the store.")
@click.option("--json", "as_json", is_flag=True, help="Print the report, or the problems, as JSON.")
@pass_session
def command(session: Session, files: tuple[str, ...], alone: bool, as_json: bool) -> int:
    """Check routing files (YAML), number lists and rate decks (CSV); apply nothing.

    They are checked together with what is stored, if anything is, just as vnroute load would.
    Status 0 means that they would load, 2 that they would not.
    """
    from vnroute.store import open_store
    from vnroute.store.opening import store_exists

    settings = session.settings
    with tempfile.TemporaryDirectory(prefix="vnroute-check-") as scratch:
        alone = alone or not store_exists(settings.store_address)
        store = open_store(scratch) if alone else session.open_store()
        try:
            return run_load(
                store,
                files,
                dry_run=True,
                max_hops=settings.routing.max_hops,
                horizon_years=settings.routing.horizon_years,
                max_attempts=settings.routing.max_attempts,
                as_json=as_json,
            )
        finally:
            store.close()
