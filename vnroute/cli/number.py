"""``vnroute number``: one number shown, set or removed; in force at once, without compiling."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import rich_click as click

from vnroute.cli.session import Session, pass_session, who_runs

if TYPE_CHECKING:
    from vnroute.store import Store

__all__ = ["command"]

_json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_LONGEST_WAIT = 2.0


@click.group("number")
def command() -> None:
    """Show, set or remove one number; what is changed is live within a tenth of a second."""


@command.command("show", epilog="Example: vnroute number show +18005551234")
@click.argument("number")
@_json_option
@pass_session
def show(session: Session, number: str, as_json: bool) -> int:
    """Show where NUMBER leads, by its own entry or a block around it. Exit status 1 if nowhere."""
    from vnroute.cli.output import print_json

    store = session.open_store(create=False)
    try:
        digits = _parsed(number)
        if digits is None:
            return 2
        own = store.number(digits)
        found = own or store.find_number(digits)
    finally:
        store.close()
    data = None if found is None else _data(digits, found, own is None)
    if as_json:
        print_json({"number": data})
    elif data is None:
        sys.stdout.write(f"+{digits} is neither a number of ours nor in a block of ours\n")
    else:
        sys.stdout.write(_words(data) + "\n")
    return 0 if data else 1


@command.command(
    "set", epilog="Example: vnroute number set +18005551234 --account acme --plan night"
)
@click.argument("number")
@click.option("--plan", help="The plan that answers it.")
@click.option("--account", help="Whose it is.")
@click.option("--campaign", help="The campaign that it is printed in; empty for none.")
@click.option("--state", help="active, suspended, reserved, quarantined or ported-out.")
@click.option("--from", "since", metavar="DATE", help="From when it is in service; empty: always.")
@click.option("--until", metavar="DATE", help="The last day that it is in service; empty: always.")
@click.option("--ported-to", help="The operator that it was ported out to.")
@click.option("--screen", help="The screen of its callers; empty for none.")
@_json_option
@pass_session
def set_(session: Session, /, number: str, as_json: bool, **given: str | None) -> int:
    """Add NUMBER, or change what is given of it; the rest stays as it is.

    A new number that lies in a block of ours begins as the block is.
    """
    from vnroute.cli.output import print_error

    digits = _parsed(number)
    if digits is None:
        return 2
    store = session.open_store(create=False)
    try:
        there = store.number(digits) or store.find_number(digits)
        entry = {} if there is None else _data(digits, there, False)
        entry |= {"number": f"+{digits}"}
        entry |= {
            {"since": "from"}.get(name, name): value
            for name, value in given.items()
            if value is not None
        }
        for name in ("account", "plan"):
            if not entry.get(name):
                print_error(f"+{digits} is new: give --{name}")
                return 2
        return _edit(session, store, digits, {"numbers": [entry]}, {}, as_json)
    finally:
        store.close()


@command.command("remove", epilog="Example: vnroute number remove +18005551234")
@click.argument("number")
@_json_option
@pass_session
def remove(session: Session, number: str, as_json: bool) -> int:
    """Remove NUMBER; a block around it, if there is one, takes its calls."""
    digits = _parsed(number)
    if digits is None:
        return 2
    store = session.open_store(create=False)
    try:
        return _edit(session, store, digits, {}, {"numbers": [f"+{digits}"]}, as_json)
    finally:
        store.close()


def _parsed(number: str) -> int | None:
    """Return the digits of a number; None after an error was printed."""
    from vnroute.cli.output import print_error
    from vnroute.model import FieldError
    from vnroute.model.e164 import parse_number

    try:
        return parse_number(number, "number")
    except FieldError as error:
        print_error(str(error))
        return None


def _data(digits: int, assignment: Any, in_block: bool) -> dict[str, Any]:
    import msgspec

    from vnroute.store.documents import number_document

    data: dict[str, Any] = msgspec.json.decode(number_document(digits, assignment))
    return {**data, "in_block": True} if in_block else data


def _words(data: dict[str, Any]) -> str:
    more = [
        f"{name.replace('_', ' ')} {data[name]}"
        for name in ("campaign", "from", "until", "ported_to", "screen")
        if data[name]
    ]
    block = "; by the block around it" * bool(data.get("in_block"))
    said = ", ".join([f"account {data['account']}", f"plan {data['plan']}", data["state"], *more])
    return f"{data['number']}: {said}{block}"


def _edit(
    session: Session,
    store: Store,
    digits: int,
    put: dict[str, Any],
    removed: dict[str, Any],
    as_json: bool,
) -> int:
    """Make the change, put it in force, and tell in which generation it is live."""
    from vnroute.cli.compile import compile_store
    from vnroute.cli.output import print_json
    from vnroute.importing.editing import edit
    from vnroute.live.numbers import put_numbers_in_force

    settings = session.settings
    began = time.monotonic()
    report = edit(
        store, put, removed, what=f"{'set' if put else 'remove'} number +{digits}",
        who=who_runs(), max_hops=settings.routing.max_hops,
        horizon_years=settings.routing.horizon_years,
    )  # fmt: skip
    laid = put_numbers_in_force(store, settings.images, settings.state_page)
    generation: int | None = None if laid is None else laid.generation
    serial: int | None = None
    if laid is not None and laid.holds(report.change_counter) and not laid.needs_compilation:
        serial = laid.serial
    elif laid is not None:
        # It waits for one: another change, or the number is one that plans ring.
        generation = compile_store(session, store, show=not as_json).generation
    workers = _await_workers(settings, generation, serial)
    milliseconds = round(1000 * (time.monotonic() - began), 1)
    now = store.number(digits)
    data = None if now is None else _data(digits, now, False)
    if as_json:
        print_json(
            {
                "number": data,
                "change_counter": report.change_counter,
                "changed": report.total.touched,
                "generation": generation,
                "overlay": serial,
                "workers": workers,
                "milliseconds": milliseconds,
            }
        )
        return 0
    said = f"+{digits} removed" if data is None else _words(data)
    if generation is None:
        where = "nothing is compiled yet"
    elif workers is None:
        where = "live where a worker is slow to tell, see vnroute status"
    else:
        where = f"live in generation {generation}"
        where += f", overlay {serial}" if serial is not None else ", compiled anew"
        where += f" ({workers} workers)" if workers else " (no worker runs)"
    sys.stdout.write(f"{said}\n{where}; {milliseconds:.0f} ms\n")
    return 0


def _await_workers(settings: Any, generation: int | None, serial: int | None) -> int | None:
    """Wait until all workers answer by a generation and overlay; return how many there are, None
    where some do not in time.
    """
    from vnroute.status import worker_pages

    end = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < end:
        pages = worker_pages(settings)
        if all(
            (page["generation"], page["overlay"]) >= (generation or 0, serial or 0)
            for page in pages
        ):
            return len(pages)
        time.sleep(0.005)
    return None
