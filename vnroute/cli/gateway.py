"""``vnroute gateway``: how gateways are; taking them out of service by hand, and back."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import rich_click as click

from vnroute.cli.session import Session, pass_session, user_name

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
    changed = _by_hand(session.settings).drain(names, user_name(), why)
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
    from vnroute.carriers.listing import gateway_rows
    from vnroute.cli.output import print_error, print_json

    try:
        rows = gateway_rows(session.settings)
    except (OSError, ValueError) as error:
        print_error(str(error))
        return 2
    if as_json:
        print_json({"gateways": rows})
    else:
        _print(rows)
    return 0 if all(row["share"] == 1.0 for row in rows) else 1


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
    from vnroute.carriers.listing import loaded_gateways
    from vnroute.cli.output import print_error

    loaded = loaded_gateways(session.settings)
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


def _by_hand(settings: Settings) -> ByHand:
    from vnroute.carriers.by_hand import ByHand

    return ByHand(settings.state / "carriers")
