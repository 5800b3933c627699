"""``vnroute settings``: the settings in force."""

from __future__ import annotations

import sys

import rich_click as click

from vnroute.cli.output import print_json
from vnroute.cli.session import Session, pass_session

__all__ = ["command"]


@click.command("settings", epilog="Example: VNROUTE_SERVER_PORT=9000 vnroute settings")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@pass_session
def command(session: Session, as_json: bool) -> None:
    """Show the settings in force, and where each comes from."""
    import msgspec

    settings, origins = session.settings, session.origins
    values = {}
    for name in origins:
        value: object = settings
        for part in name.split("."):
            value = getattr(value, part)
        values[name] = str(value) if name == "home" else value
    if as_json:
        print_json({n: {"value": value, "origin": origins[n]} for n, value in values.items()})
        return
    wide = max(map(len, values))
    shown = {name: msgspec.json.encode(value).decode() for name, value in values.items()}
    value_wide = max(map(len, shown.values()))
    for name, text in shown.items():
        sys.stdout.write(f"{name:<{wide}}  {text:<{value_wide}}  {origins[name]}\n")
