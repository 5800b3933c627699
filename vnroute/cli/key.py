"""``vnroute key``: keys of programs that use the API."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import rich_click as click

from vnroute.access.identity import ROLES
from vnroute.cli.session import Session, pass_session
from vnroute.cli.user import open_access

__all__ = ["command"]


@click.group(
    "key",
    epilog="Example: vnroute key add billing --role viewer --days 365",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Add and remove keys of programs that use the API (Authorization: Bearer KEY)."""


@command.command("add", epilog="Example: vnroute key add billing --account acme --days 365")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True,
              help="What the key may do.")  # fmt: skip
@click.option("--account", default="", help="Limit the key to this account.")
@click.option("--days", type=click.IntRange(0, 36_500), default=0, show_default=True,
              help="Days that it is good for; 0 for good.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the key as JSON.")
@pass_session
def add(session: Session, name: str, role: str, account: str, days: int, as_json: bool) -> int:
    """Add a key and print its secret, which is told once and never again."""
    from vnroute.cli.output import print_error, print_json
    from vnroute.model.problem import FieldError

    access = open_access(session)
    try:
        key, secret = access.add_key(name, role, account, days * 86_400)
    except FieldError as error:
        print_error(str(error))
        return 2
    finally:
        access.close()
    if as_json:
        print_json({"id": key.id, "role": key.role, "account": key.account, "secret": secret})
    else:
        sys.stdout.write(secret + "\n")
    return 0


@command.command("remove", epilog="Example: vnroute key remove billing")
@click.argument("name")
@pass_session
def remove(session: Session, name: str) -> int:
    """Remove a key: from now on it opens nothing."""
    from vnroute.cli.output import print_error

    access = open_access(session)
    try:
        gone = access.remove_key(name)
    finally:
        access.close()
    if not gone:
        print_error(f"{name}: no key of that name")
        return 2
    sys.stdout.write(f"{name} removed\n")
    return 0


@command.command("list", epilog="Example: vnroute key list --json")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@pass_session
def list_(session: Session, as_json: bool) -> int:
    """List keys, without their secrets, and when each was last used."""
    from vnroute.cli.output import print_json

    access = open_access(session)
    try:
        keys = access.list_keys()
    finally:
        access.close()
    if as_json:
        print_json({"keys": keys})
        return 0
    for key in keys:
        until = f"until {_day(key.expires)}" if key.expires else "for good"
        used = f"used {_day(key.used)}" if key.used else "never used"
        whose = key.account or "(all accounts)"
        sys.stdout.write(f"{key.id}\t{key.role}\t{whose}\t{until}\t{used}\n")
    if not keys:
        sys.stdout.write("no keys\n")
    return 0


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
