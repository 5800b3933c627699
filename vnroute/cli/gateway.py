"""``vnroute gateway``: how gateways are; taking them out of service by hand, and back."""

from __future__ import annotations

import getpass
import sys
import time
from typing import TYPE_CHECKING, Any

import rich_click as click

from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.carriers.by_hand import ByHand
    from vnroute.settings import Settings

__all__ = ["command"]


@click.group("gateway")
def command() -> None:
    """Show how carriers' gateways are, take them out of service and give them back."""


@command.command("drain", epilog='Example: vnroute gateway drain alpha-1 --why "maintenance"')
@click.argument("gateways", nargs=-1)
@click.option("--carrier", multiple=True, help="All gateways of a carrier.")
@click.option("--why", default="", help="Is shown beside it.")
@pass_session
def drain(session: Session, gateways: tuple[str, ...], carrier: tuple[str, ...], why: str) -> int:
    """Send no new calls to GATEWAYS; calls that are up go on.

    In force within a second, for first choice and failover alike, until restored, whatever is
    restarted or reloaded. Exit status 2 for a gateway that is not loaded; then nothing is changed.
    """
    names = _named(session, gateways, carrier)
    if names is None:
        return 2
    changed = _by_hand(session.settings).drain(names, _user(), why)
    for name in names:
        sys.stdout.write(f"{name}: {'drained' if name in changed else 'drained already'}\n")
    return 0


@command.command("restore", epilog="Example: vnroute gateway restore alpha-1")
@click.argument("gateways", nargs=-1)
@click.option("--carrier", multiple=True, help="All gateways of a carrier.")
@pass_session
def restore(session: Session, gateways: tuple[str, ...], carrier: tuple[str, ...]) -> int:
    """Let calls take GATEWAYS again, as far as their breakers do."""
    names = _named(session, gateways, carrier)
    if names is None:
        return 2
    changed = _by_hand(session.settings).restore(names)
    for name in names:
        sys.stdout.write(f"{name}: {'restored' if name in changed else 'was not drained'}\n")
    return 0


@command.command("status", epilog="Example: vnroute gateway status --json")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_session
def status(session: Session, as_json: bool) -> int:
    """Show each gateway: whether calls take it, since when and why not.

    Exit status 0 where all take calls, 1 where any does not.
    """
    from vnroute.cli.output import print_error, print_json

    try:
        rows = _rows(session.settings)
    except (OSError, ValueError) as error:
        print_error(str(error))
        return 2
    if as_json:
        print_json({"gateways": rows})
    else:
        _print(rows)
    return 0 if all(row["share"] == 1.0 for row in rows) else 1


def _rows(settings: Settings) -> list[dict[str, Any]]:
    """Return what workers are told now, and what the health process remembers of each."""
    from vnroute import log
    from vnroute.carriers.memory import Memory
    from vnroute.image.keys import Kind
    from vnroute.image.state_page import PageError, StatePage
    from vnroute.matcher.passed_over import BADNESS_WORDS

    memory = Memory(settings.state / "carriers", log.get_logger(process="cli"))
    breakers = {kept.gateway: kept for kept in memory.breakers()}
    drained = _by_hand(settings).all()
    try:
        page = StatePage.open(settings.state_page)
    except FileNotFoundError:
        page = None
    except PageError as error:
        raise ValueError(str(error)) from None
    rows = []
    for carrier, gateway in _loaded(settings):
        said = page.get(Kind.GATEWAY, gateway) if page is not None else None
        kept, by_hand = breakers.get(gateway), drained.get(gateway)
        state = "drained" if by_hand else BADNESS_WORDS[min(said.extra, 4)] if said else "closed"
        rows.append(
            {
                "gateway": gateway,
                "carrier": carrier,
                "state": state,
                "share": 0.0 if by_hand else said.value / 1000 if said else 1.0,
                "since": by_hand.since if by_hand else kept.since if kept else None,
                "why": by_hand.why if by_hand else kept.why if kept else "",
                "by": by_hand.by if by_hand else "",
            }
        )
    return rows


def _print(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    from vnroute.cli.output import wide_console

    table = Table(box=box.SIMPLE)
    for name in ("gateway", "carrier", "state", "calls", "since", "why"):
        table.add_column(name)
    for row in rows:
        since = row["since"]
        at = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(since)) if since else ""
        by = f" (by {row['by']})" if row["by"] else ""
        table.add_row(row["gateway"], row["carrier"], row["state"], f"{row['share']:.1%}", at,
                      f"{row['why']}{by}")  # fmt: skip
    wide_console().print(table)


def _named(
    session: Session, gateways: tuple[str, ...], carriers: tuple[str, ...]
) -> list[str] | None:
    from vnroute.cli.output import print_error

    loaded = _loaded(session.settings)
    known = {gateway for _, gateway in loaded}
    names = list(gateways)
    problems = [f"{name}: no such gateway; there are {', '.join(sorted(known)) or 'none'}"
                for name in gateways if name not in known]  # fmt: skip
    for carrier in carriers:
        found = [gateway for owner, gateway in loaded if owner == carrier]
        if not found:
            problems.append(f"{carrier}: no such carrier")
        names += found
    if not names and not problems:
        problems.append("name a gateway, or --carrier")
    for problem in problems:
        print_error(problem)
    return None if problems else list(dict.fromkeys(names))


def _loaded(settings: Settings) -> list[tuple[str, str]]:
    """Return (carrier, gateway) of the routing data; none where nothing is loaded."""
    from vnroute.store import open_store
    from vnroute.store.opening import store_exists

    if not store_exists(settings.store_address):
        return []
    store = open_store(settings.store_address, create=False)
    try:
        with store.snapshot() as snapshot:
            return [(carrier.id, gateway.id)
                    for carrier in snapshot.carriers() for gateway in carrier.gateways]  # fmt: skip
    finally:
        store.close()


def _by_hand(settings: Settings) -> ByHand:
    from vnroute.carriers.by_hand import ByHand

    return ByHand(settings.state / "carriers")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
