"""``vnroute here``: where a person is, so that calls follow."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import rich_click as click

from vnroute.cli.override import live, until_words
from vnroute.cli.session import Session, pass_session, user_name

__all__ = ["command"]


@click.command("here", epilog="Example: vnroute here --person ana --at mobile --until 18:00")
@click.option("--person", required=True, metavar="ID", help="Who.")
@click.option("--at", "place", default="", metavar="PLACE", help="Where: one of the places.")
@click.option("--until", default="", metavar="TIME",
              help="14:00 (the next one), 2026-11-23T14:00 or 90m, 2h, 3d; on the clock of the"
              " account. Without it: for good.")  # fmt: skip
@click.option("--clear", is_flag=True, help="Back to where the routing data says.")
@click.option("--reason", default="", help="Why, for whoever looks later.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_session
def command(
    session: Session,
    person: str,
    place: str,
    until: str,
    clear: bool,
    reason: str,
    as_json: bool,
) -> int:
    """Say where a person is, from now on; without --at and --clear, show where.

    It is in force with the next call: every number whose plan rings person:ID follows.
    """
    from vnroute.cli.output import print_error, print_json
    from vnroute.live.here import whereabouts
    from vnroute.live.overrides import clear_override, override_data, set_override, zone_of
    from vnroute.model import FieldError
    from vnroute.model.override import Override, parse_until

    if clear and (place or until):
        print_error("--clear goes without --at and --until")
        return 2
    if until and not place:
        print_error("--until: say where with --at")
        return 2
    try:
        with live(session) as (store, page):
            now = datetime.now(UTC)
            zone = zone_of(store, "person", person)
            if clear:
                clear_override(store, page, "person", person, who=user_name())
            elif place:
                override = Override(
                    kind="person",
                    id=person,
                    state=place,
                    since=now,
                    until=parse_until(until, zone, now, "--until") if until else None,
                    reason=reason,
                    by=user_name(),
                )
                set_override(store, page, override, who=user_name())
            there = whereabouts(store, person, now)
    except FieldError as error:
        print_error(str(error))
        return 2
    if as_json:
        print_json(
            {
                "person": person,
                "at": there.place,
                "to": there.to,
                "override": there.override and override_data(there.override, zone),
            }
        )
        return 0
    said = f"person {person} is at {there.place} ({there.to})"
    if there.override is not None:
        said += f", set by hand {until_words(there.override, zone)}"
    elif there.schedule:
        said += f", by schedule {there.schedule}"
    sys.stdout.write(said + "\n")
    return 0
