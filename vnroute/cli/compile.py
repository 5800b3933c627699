"""``vnroute compile``: what is loaded, into a route image that workers map."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import rich_click as click

from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.compiler import Compiled
    from vnroute.store import Store

__all__ = ["command", "compile_store"]


@click.command("compile", epilog="Example: vnroute load routing.yaml && vnroute compile")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_session
def command(session: Session, as_json: bool) -> int:
    """Compile what is loaded into a new generation of the route image, and put it in force.

    Workers that run swap to it between two calls, within a fifth of a second. The generations
    before it are kept for a while in the images directory.
    """
    from vnroute.cli.output import print_error, print_json
    from vnroute.image.generations import Busy

    store = session.open_store(create=False)
    try:
        compiled = compile_store(session, store, show=not as_json)
    except Busy as error:
        print_error(str(error))
        return 2
    finally:
        store.close()
    if as_json:
        print_json(
            {
                "generation": compiled.generation,
                "change_counter": compiled.changes,
                "image": str(compiled.path),
                "bytes": compiled.size,
                "seconds": round(compiled.seconds, 3),
                "rows": compiled.rows,
            }
        )
    else:
        rows = compiled.rows
        sys.stdout.write(
            f"generation {compiled.generation} in force: {rows['numbers']:,} numbers,"
            f" {rows['blocks']:,} block spans, {rows['plans']:,} plans,"
            f" {rows['schedules']:,} schedules, {rows['choices']:,} rates,"
            f" {rows['gateways']:,} gateways\n"
            f"{compiled.path}: {compiled.size:,} bytes in {compiled.seconds:.2f} s\n"
        )
    return 0


def compile_store(session: Session, store: Store, *, show: bool) -> Compiled:
    """Compile a store's data, showing how far it is where ``show`` says so."""
    from vnroute.building import compile_stored
    from vnroute.cli.stages import shown_stages

    with shown_stages(show) as progress:
        return compile_stored(store, session.settings, progress)
