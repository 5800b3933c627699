"""``vnroute user``: people who log in to the console."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import rich_click as click

from vnroute.access.identity import ROLES
from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.access.store import AccessStore

__all__ = ["command"]


@click.group(
    "user",
    epilog="Example: vnroute user add ana --role operator --account acme",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Add, change and remove users of the console and the API.

    A viewer sees, an operator changes routing, an admin besides accounts, users and keys. A user of
    an account sees and changes that account's things only.
    """


def open_access(session: Session) -> AccessStore:
    """Open the database of users and keys."""
    from vnroute.access.store import AccessStore

    return AccessStore(session.settings.home)


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


_ROLE = click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True,
                     help="What the user may do.")  # fmt: skip


@command.command("add", epilog="Example: vnroute user add ana --role operator <password.txt")
@click.argument("name")
@_ROLE
@click.option("--account", default="", help="Limit the user to this account.")
@pass_session
def add(session: Session, name: str, role: str, account: str) -> int:
    """Add a user. The password is asked for, or read as a line of standard input."""
    from vnroute.cli.output import print_error
    from vnroute.model.problem import FieldError

    access = open_access(session)
    try:
        access.add_user(name, role, account, _password())
    except FieldError as error:
        print_error(str(error))
        return 2
    finally:
        access.close()
    sys.stdout.write(f"{name} added: {role}{' of ' + account if account else ''}\n")
    return 0


@command.command("change", epilog="Example: vnroute user change ana --role admin")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default=None, help="What the user may do.")
@click.option("--account", default=None, help="Limit the user to this account; '' for no limit.")
@click.option("--password", is_flag=True, help="Set another password.")
@pass_session
def change(
    session: Session, name: str, role: str | None, account: str | None, password: bool
) -> int:
    """Change a user's role, account or password; sessions that are open end."""
    from vnroute.cli.output import print_error
    from vnroute.model.problem import FieldError

    access = open_access(session)
    try:
        changed = access.change_user(
            name, role=role, account=account, password=_password() if password else None
        )
    except FieldError as error:
        print_error(str(error))
        return 2
    finally:
        access.close()
    if changed is None:
        print_error(f"{name}: no user of that name")
        return 2
    sys.stdout.write(f"{name} changed\n")
    return 0


@command.command("remove", epilog="Example: vnroute user remove ana")
@click.argument("name")
@pass_session
def remove(session: Session, name: str) -> int:
    """Remove a user; sessions that are open end."""
    from vnroute.cli.output import print_error

    access = open_access(session)
    try:
        gone = access.remove_user(name)
    finally:
        access.close()
    if not gone:
        print_error(f"{name}: no user of that name")
        return 2
    sys.stdout.write(f"{name} removed\n")
    return 0


@command.command("list", epilog="Example: vnroute user list --json")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@pass_session
def list_(session: Session, as_json: bool) -> int:
    """List users with their roles and accounts."""
    from vnroute.cli.output import print_json

    access = open_access(session)
    try:
        users = access.list_users()
    finally:
        access.close()
    if as_json:
        print_json({"users": users})
        return 0
    for user in users:
        sys.stdout.write(f"{user.id}\t{user.role}\t{user.account or '(all accounts)'}\n")
    if not users:
        sys.stdout.write("no users; vnroute console opens the console for the owner\n")
    return 0
