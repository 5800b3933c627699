"""``vnroute fraud``: what rules hit, what is blocked by them, and what they would have hit."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.model.fraud import FraudRule

__all__ = ["command"]

_json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group("fraud", epilog="Example: vnroute fraud list")
def command() -> None:
    """Rules over what accounts spend and where they call; hits, blocks.

    The rules are in the file that the setting fraud.rules names. Blocks are overrides: set one by
    hand with vnroute override set block acme:+4470 --until 1d.
    """


@command.command("list", epilog="Example: vnroute fraud list --account acme --json")
@click.option("--account", default="", metavar="ID", help="Of this account only.")
@_json_option
@pass_session
def list_(session: Session, account: str, as_json: bool) -> int:
    """List hits, the last ones last, and the blocks in force."""
    from vnroute.cli.output import print_error, print_json
    from vnroute.fraud.memory import read_memory
    from vnroute.fraud.watch import hit_data
    from vnroute.live.overrides import override_data, overrides_in_force

    try:
        kept = read_memory(session.settings.fraud_memory).hits
    except (OSError, ValueError) as error:
        print_error(str(error))
        return 2
    store = session.open_store(create=False)
    try:
        blocks = [
            each for each in overrides_in_force(store)
            if each.kind == "block" and account in ("", each.id.partition(":")[0])
        ]  # fmt: skip
    finally:
        store.close()
    hits = [hit_data(one) for one in kept if account in ("", one.hit.account)]
    if as_json:
        print_json({"hits": hits, "blocks": [override_data(each, "UTC") for each in blocks]})
        return 0
    for hit in hits:
        to = f" to {hit['to']}" if hit["to"] else ""
        whose = f"{hit['rule']}: {hit['account']}{to}"
        sys.stdout.write(f"{hit['seen'][:19]}Z  {whose}: {hit['said']}; {hit['did']}\n")
    for each in blocks:
        end = f" until {each.until:%Y-%m-%d %H:%M}Z" if each.until else ", for good"
        why = f": {each.reason}" if each.reason else ""
        sys.stdout.write(f"in force: {each.words}{end} (by {each.by or 'nobody named'}){why}\n")
    sys.stdout.write(f"{len(hits)} hits, {len(blocks)} blocks in force\n")
    return 0


@command.command("lift", epilog="Example: vnroute fraud lift acme:+4470")
@click.argument("block", metavar="BLOCK")
@_json_option
@pass_session
def lift(session: Session, block: str, as_json: bool) -> int:
    """End a block now: ACCOUNT, ACCOUNT:+PREFIX or ACCOUNT:COUNTRY, as vnroute fraud list tells.

    What was counted before its hit counts no more, so the next call does not hit again.
    """
    from vnroute.cli.output import print_error, print_json
    from vnroute.cli.override import live
    from vnroute.cli.session import user_name
    from vnroute.live.overrides import clear_override, override_data

    with live(session) as (store, page):
        gone = clear_override(store, page, "block", block, who=user_name())
    if gone is None:
        print_error(f"block: found {block!r}, expected one that is in force (vnroute fraud list)")
        return 1
    if as_json:
        print_json({"lifted": override_data(gone, "UTC"), "live": True})
    else:
        sys.stdout.write(f"lifted: {gone.words}\n")
    return 0


@command.command("check", epilog="Example: vnroute fraud check fraud.yaml")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_json_option
@pass_session
def check(session: Session, file: Path | None, as_json: bool) -> int:
    """Read a file of rules, and tell what is wrong in it."""
    from vnroute.cli.output import print_json

    rules = _rules(session, file)
    if rules is None:
        return 2
    if as_json:
        print_json({"rules": [rule.id for rule in rules]})
    else:
        sys.stdout.write(f"{len(rules)} rules\n")
    return 0


@command.command("test", epilog="Example: vnroute fraud test fraud.yaml --days 7")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--days", default=7, type=click.IntRange(1, 366), help="How far back; 7.")
@_json_option
@pass_session
def test(session: Session, file: Path | None, days: int, as_json: bool) -> int:
    """Tell what rules would have hit among the calls stored; nothing is blocked or told.

    Calls before those days, as far as the rules look back, are counted and break no rule.
    """
    from vnroute.calls.opening import open_calls
    from vnroute.cli.output import print_json
    from vnroute.fraud.trying import tried_data, try_rules

    rules = _rules(session, file)
    if rules is None:
        return 2
    store = open_calls(session.settings.calls_address)
    try:
        tried = try_rules(rules, store, days)
    finally:
        store.close()
    if as_json:
        print_json({"calls": tried.calls, "hits": [tried_data(hit) for hit in tried.hits]})
        return 0
    for hit in tried.hits:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(hit.at / 1e6))
        to = f" to {hit.to}" if hit.to else ""
        sys.stdout.write(f"{at}Z  {hit.rule}: {hit.account}{to}: {hit.said}; would {hit.then}\n")
    sys.stdout.write(f"{tried.calls} calls, {len(tried.hits)} hits; nothing was done\n")
    return 0


def _rules(session: Session, file: Path | None) -> tuple[FraudRule, ...] | None:
    """Return the rules of a file, else of the one that the settings name; None after an error."""
    from vnroute.cli.output import print_error
    from vnroute.fraud.rule_file import read_rules
    from vnroute.model import RoutingDataError

    path = file or (Path(session.settings.fraud.rules) if session.settings.fraud.rules else None)
    if path is None:
        print_error("FILE: found nothing, expected a file of rules, or the setting fraud.rules")
        return None
    try:
        return read_rules(path)
    except OSError as error:
        print_error(f"{path}: {error.strerror or error}")
    except RoutingDataError as error:
        print_error(str(error))
    return None
