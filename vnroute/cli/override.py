"""``vnroute override``: what is set by hand, against schedules and plans, until when."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import rich_click as click

from vnroute.cli.session import Session, pass_session, user_name

if TYPE_CHECKING:
    from vnroute.image.state_page import StatePage
    from vnroute.model.override import Override
    from vnroute.store import Store

__all__ = ["command", "live", "until_words"]

_KINDS = ("schedule", "person", "number", "plan", "account", "block")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group("override")
def command() -> None:
    """Set by hand what a schedule is or where calls go, until a time; in force with the next call.

    Overrides are kept in the store, so they survive restarts, and on the state page, where the
    workers of a running server see them at once. They end by themselves.
    """


@command.command(
    "set",
    epilog="Example: vnroute override set schedule office closed --until 14:00 --reason flood",
)
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("name", metavar="ID")
@click.argument("state", default="", metavar="[STATE]")
@click.option("--to", default="", metavar="TARGET",
              help="Where calls of a number, plan or account go: +E164 or plan:ID.")  # fmt: skip
@click.option("--until", default="", metavar="TIME",
              help="14:00 (the next one), 2026-11-23T14:00 or 90m, 2h, 3d; on the clock of the"
              " schedule or account. Without it: for good.")  # fmt: skip
@click.option("--seconds", default=25, help="How long --to rings, if it is a number; 25.")
@click.option("--reason", default="", help="Why, for whoever looks later.")
@_json_option
@pass_session
def set_(
    session: Session,
    kind: str,
    name: str,
    state: str,
    to: str,
    until: str,
    seconds: int,
    reason: str,
    as_json: bool,
) -> int:
    """Set the STATE of a schedule, or divert all calls of a number, plan or account.

    A block takes neither: its ID is an account, whose calls are then sent on to nobody, or an
    account and a destination: acme:+4470, acme:GB.

    Of a number, its plan and its account, the first that is diverted counts. A target has to be
    one that the account may call; what would go in circles is refused.
    """
    from vnroute.cli.output import print_error
    from vnroute.live.overrides import set_override, zone_of
    from vnroute.model import FieldError
    from vnroute.model.e164 import format_number, parse_number
    from vnroute.model.override import Override, parse_until

    try:
        with live(session) as (store, page):
            if kind == "number":
                name = format_number(parse_number(name, "number"))
            now = datetime.now(UTC)
            zone = zone_of(store, kind, name)
            override = Override(
                kind=kind,  # type: ignore[arg-type]
                id=name,
                state=state,
                to=_tidy(to),
                seconds=seconds,
                since=now,
                until=parse_until(until, zone, now, "--until") if until else None,
                reason=reason,
                by=user_name(),
            )
            before = set_override(
                store, page, override, who=user_name(), max_hops=session.settings.routing.max_hops
            )
    except FieldError as error:
        print_error(str(error))
        return 2
    _tell(override, before, zone, as_json)
    return 0


@command.command("list", epilog="Example: vnroute override list --json")
@_json_option
@pass_session
def list_(session: Session, as_json: bool) -> int:
    """List the overrides in force, and when each ends."""
    from vnroute.cli.output import print_json
    from vnroute.live.overrides import override_data, overrides_in_force, zone_of
    from vnroute.model import FieldError

    rows: list[tuple[Override, str]] = []
    store = session.open_store(create=False)
    try:
        with store.snapshot() as reading:
            for override in overrides_in_force(reading):
                try:
                    zone = zone_of(reading, override.kind, override.id)
                except FieldError:
                    zone = ""
                rows.append((override, zone))
    finally:
        store.close()
    if as_json:
        print_json({"overrides": [override_data(each, zone) for each, zone in rows]})
        return 0
    for each, zone in rows:
        said = f"{each.words} {until_words(each, zone or 'UTC')}"
        gone = "" if zone else f"no such {each.kind} is loaded any more: it does nothing"
        details = [each.reason, f"set by {each.by}" if each.by else "", gone]
        told = "; ".join(filter(None, details))
        sys.stdout.write(said + (f" ({told})" if told else "") + "\n")
    if not rows:
        sys.stdout.write("nothing is set by hand\n")
    return 0


@command.command("clear", epilog="Example: vnroute override clear schedule office")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("name", metavar="ID")
@_json_option
@pass_session
def clear(session: Session, kind: str, name: str, as_json: bool) -> int:
    """End an override now. Exit status 1 if there was none."""
    from vnroute.cli.output import print_error, print_json
    from vnroute.live.overrides import clear_override, override_data
    from vnroute.model import FieldError
    from vnroute.model.e164 import format_number, parse_number

    try:
        if kind == "number":
            name = format_number(parse_number(name, "number"))
        with live(session) as (store, page):
            override = clear_override(store, page, kind, name, who=user_name())
    except FieldError as error:
        print_error(str(error))
        return 2
    if as_json:
        print_json({"cleared": override and override_data(override, "")})
    elif override is None:
        sys.stdout.write(f"nothing is set of {kind} {name}\n")
    else:
        sys.stdout.write(f"no longer set: {override.words}\n")
    return 0 if override else 1


@contextmanager
def live(session: Session) -> Iterator[tuple[Store, StatePage]]:
    """Open the store and the state page; a page that is new is filled with what is stored."""
    from vnroute.cli.page import writable_page
    from vnroute.live.page import fill_page

    store = session.open_store(create=False)
    try:
        page, is_new = writable_page(session.settings.state_page)
        if is_new:
            fill_page(page, store.overrides())
        yield store, page
    finally:
        store.close()


def until_words(override: Override, zone: str) -> str:
    """Return ``until Mon 23 Nov 14:00 EST`` as the clock shows it there, or ``for good``."""
    if override.until is None:
        return "for good"
    return f"until {override.until.astimezone(ZoneInfo(zone)):%a %d %b %Y %H:%M %Z}"


def _tell(override: Override, before: Override | None, zone: str, as_json: bool) -> None:
    from vnroute.cli.output import print_json
    from vnroute.live.overrides import override_data

    if as_json:
        print_json(
            {
                "override": override_data(override, zone),
                "instead_of": before and override_data(before, zone),
            }
        )
        return
    sys.stdout.write(f"{override.words} {until_words(override, zone)}\n")
    if before is not None:
        sys.stdout.write(f"instead of: {before.words} {until_words(before, zone)}\n")


def _tidy(to: str) -> str:
    from vnroute.model.e164 import format_number, parse_number

    return format_number(parse_number(to, "--to")) if to.startswith("+") else to
