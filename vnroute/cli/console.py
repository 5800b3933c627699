"""``vnroute console``: the address that opens the console."""

from __future__ import annotations

import sys

import rich_click as click

from vnroute.cli.session import Session, pass_session

__all__ = ["command"]


@click.command("console", epilog="Example: xdg-open $(vnroute console)")
@click.option("--json", "as_json", is_flag=True, help="Print address and key as JSON.")
@pass_session
def command(session: Session, as_json: bool) -> int:
    """Print the address that opens the console as the installation's owner.

    The key in it is that of the file state/owner.key in vnroute's home, which only its user can
    read. For others make users (vnroute user add) or keys (vnroute key add).
    """
    from vnroute.access.owner import owners_key
    from vnroute.cli.control import console_url, owners_url
    from vnroute.cli.output import print_error, print_json

    settings = session.settings
    url = console_url(settings)
    if not url:
        print_error("[control] port is 0: no console is served")
        return 2
    try:
        if as_json:
            print_json({"url": url, "key": owners_key(settings.state)})
        else:
            sys.stdout.write(owners_url(settings) + "\n")
    except OSError as error:
        print_error(f"{settings.state}: {error.strerror}")
        return 2
    return 0
