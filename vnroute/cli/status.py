"""``vnroute status``: what is loaded, compiled and running."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import rich_click as click

from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.settings import Settings

__all__ = ["collect", "command"]

OUTCOMES = (
    "routed", "ended_by_plan", "unknown_number", "suspended", "no_carrier", "too_many_hops",
    "failed",
)  # fmt: skip


@click.command("status", epilog="Example: vnroute status --json")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_session
def command(session: Session, as_json: bool) -> int:
    """Show the store, the image in force, and what each worker has done.

    Exit status 0 where workers answer by the newest image, 1 where none runs, or one lags behind.
    """
    from vnroute.cli.output import print_json

    data = collect(session.settings)
    if as_json:
        print_json(data)
    else:
        _print(data)
    return 0 if data["serving"] and not data["lagging"] else 1


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def collect(settings: Settings) -> dict[str, Any]:
    """Gather what ``status`` shows, as plain data."""
    import msgspec

    from vnroute.eventsocket.home import home_is_held
    from vnroute.eventsocket.stats import percentile_us, read_stats
    from vnroute.image.generations import current_image
    from vnroute.image.layout import ImageError
    from vnroute.matcher.image import RouteImage
    from vnroute.store import open_store
    from vnroute.store.opening import store_exists

    stored: dict[str, Any] | None = None
    if store_exists(settings.store_address):
        store = open_store(settings.store_address, create=False)
        stored = {
            "location": store.location,
            "change_counter": store.change_counter(),
            **msgspec.structs.asdict(store.counts()),
        }
        store.close()
    image: dict[str, Any] | None = None
    path = current_image(settings.images)
    if path is not None:
        try:
            opened = RouteImage(path)
            image = {
                "path": str(path),
                "generation": opened.generation,
                "change_counter": opened.header.changes,
                "bytes": opened.header.file_bytes,
                "compiled_at": opened.header.compiled_at,
                "horizon_end": opened.header.horizon_end,
                "rows": opened.counts(),
            }
        except (ImageError, OSError) as error:
            image = {"path": str(path), "error": str(error), "generation": None}
    workers = [
        {
            "worker": page.worker,
            **page.values,
            "delay_us_p50": percentile_us(page.delays, 0.50),
            "delay_us_p99": percentile_us(page.delays, 0.99),
        }
        for page in read_stats(settings.state / "workers.stats")
        if _alive(page.values["pid"])
    ]
    generation = image["generation"] if image else None
    return {
        "home": str(settings.home),
        "store": stored,
        "image": image,
        "stale": bool(stored and image and stored["change_counter"] != image.get("change_counter")),
        "serving": bool(workers),
        "supervised": home_is_held(settings.state),
        "lagging": [w["worker"] for w in workers if w["generation"] != generation],
        "workers": workers,
    }


def _print(data: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    from vnroute.cli.output import wide_console

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
