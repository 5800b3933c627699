"""``vnroute status``: what is loaded, compiled and running."""

from __future__ import annotations

import sys
import time
from typing import Any

import rich_click as click

from vnroute.cli.session import Session, pass_session

__all__ = ["command"]


@click.command("status", epilog="Example: vnroute status --json")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_session
def command(session: Session, as_json: bool) -> int:
    """Show the store, the image in force, and what each worker has done.

    Exit status 0 where workers answer by the newest image, 1 where none runs, or one lags behind.
    """
    from vnroute.cli.output import print_json
    from vnroute.status import collect

    data = collect(session.settings)
    if as_json:
        print_json(data)
    else:
        _print(data)
    return 0 if data["serving"] and not data["lagging"] else 1


def _print(data: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    from vnroute.cli.output import wide_console
    from vnroute.status import OUTCOMES

    console = wide_console()
    if data["store"]:
        stored = data["store"]
        console.print(
            f"store {stored['location']}: change {stored['change_counter']},"
            f" {stored['numbers']:,} numbers, {stored['blocks']:,} blocks,"
            f" {stored['plans']:,} plans, {stored['rates']:,} rates"
        )
    else:
        console.print(f"store: nothing loaded in {data['home']}")
    image = data["image"]
    if image is None:
        console.print("image: none compiled")
    elif "error" in image:
        console.print(f"image refused: {image['error']}", style="red")
    else:
        said = "; the store has changed since: compile" if data["stale"] else ""
        age = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(image["compiled_at"]))
        console.print(
            f"image: generation {image['generation']}, {image['bytes']:,} bytes, of {age}{said}"
        )
    overlay = data["overlay"]
    if overlay and "error" in overlay:
        console.print(f"overlay of numbers refused: {overlay['error']}", style="red")
    elif overlay:
        waits = f"; {overlay['waiting']} changes wait for a compilation" * bool(overlay["waiting"])
        console.print(
            f"overlay: {overlay['numbers']:,} numbers changed since,"
            f" up to change {overlay['serial']}{waits}"
        )
    if not data["workers"]:
        console.print("workers: none running")
    else:
        table = Table(box=box.SIMPLE)
        for name in ("worker", "pid", "generation", "live", "answered", "routed", "refused",
                     "errors", "p50 us", "p99 us"):  # fmt: skip
            table.add_column(name, justify="right")
        for w in data["workers"]:
            refused = sum(w[name] for name in OUTCOMES[2:])
            cells = (w["worker"], w["pid"], w["generation"], w["live"], w["answered"], w["routed"],
                     refused, w["errors"], w["delay_us_p50"], w["delay_us_p99"])  # fmt: skip
            table.add_row(*(f"{'-' if cell is None else cell}" for cell in cells))
        console.print(table)
    sys.stdout.flush()
