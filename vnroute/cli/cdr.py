"""``vnroute cdr``: the calls stored, one by one: the last ones, or all as a file."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import rich_click as click

from vnroute.cli.period import call_filter, period_options
from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.calls.base import CallFilter, CallStore

__all__ = ["command"]


@click.group("cdr", epilog="Example: vnroute cdr tail -f --campaign spring-26")
def command() -> None:
    """Show and export call records (CDRs)."""


@command.command("tail", epilog="Example: vnroute cdr tail -n 50 --json | head -1")
@click.option("-n", "--lines", type=click.IntRange(0, 100_000), default=20, show_default=True,
              help="How many of the last calls.")  # fmt: skip
@click.option("-f", "--follow", is_flag=True, help="Go on with calls as they are stored.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, legs in it.")
@period_options
@pass_session
def tail(session: Session, /, lines: int, follow: bool, as_json: bool, **options: str) -> int:
    """Show the last calls, in the order they were stored."""
    import time

    from vnroute.calls.opening import open_calls

    which = call_filter(options, all_days=True)
    store = open_calls(session.settings.calls_address, create=False)
    try:
        after = 0
        for call in store.last_calls(which, max(lines, 1)):
            after = call["id"]
            if lines:
                _print_call(call, as_json)
        sys.stdout.flush()
        while follow:
            for call in store.calls(which, after):
                after = call["id"]
                _print_call(call, as_json)
            sys.stdout.flush()
            time.sleep(0.5)
    finally:
        store.close()
    return 0


def _print_call(call: dict[str, Any], as_json: bool) -> None:
    from vnroute.calls.export import exported, json_lines

    if as_json:
        sys.stdout.write(next(json_lines([call])).decode())
        return
    made = exported(call)
    legs = " > ".join(
        f"{leg['gateway'] or leg['uuid'][:8]} {leg['sip'] or leg['cause'] or '?'}"
        for leg in made["legs"]
    )
    name = f" {made['caller_name']!r}" if made["caller_name"] else ""
    what = made["refused"] or made["cause"]
    sys.stdout.write(
        f"{made['started']} {made['number'] or '?'} from {made['caller'] or '?'}{name}:"
        f" {made['outcome']} ({what}, {made['talk_ms'] / 1000:.1f} s)"
        f"{' ' + legs if legs else ''} {made['uuid']}\n"
    )


@command.command("collect", epilog="Example: vnroute cdr collect /var/log/freeswitch/json_cdr")
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--url", default="", help="Where to post; else this home's control process.")
@pass_session
def collect_files(session: Session, /, directory: Path, url: str) -> int:
    """Post what a switch could not: the records in mod_json_cdr's error directory.

    A record is removed once it is safe. On the machine of vnroute itself the setting cdr.collect
    does this all the time; this is for switches elsewhere, by cron. Status 1 where any is left.
    """
    import asyncio

    from vnroute.calls.collect import collect
    from vnroute.cli.output import print_error

    control = session.settings.control
    host = f"[{control.host}]" if ":" in control.host else control.host
    post = _poster(url or f"http://{host}:{control.port}/cdr")
    try:
        found = asyncio.run(collect(directory, post))
    except OSError as error:
        print_error(str(error))
        return 2
    sys.stdout.write(f"{found.taken:,} taken, {found.refused:,} refused, {found.left:,} left\n")
    return 1 if found.left or found.refused else 0


def _poster(url: str) -> Callable[[bytes], Awaitable[int]]:
    import urllib.error
    import urllib.request

    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url: found {url!r}, expected http://HOST:PORT/cdr")

    async def post(body: bytes) -> int:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError as error:
            raise OSError(f"{url}: {error.reason}") from error

    return post


@command.command("export", epilog="Example: vnroute cdr export --month 2026-11 -o november.csv")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default=None,
              help="csv: a row a call; jsonl: legs in it. Else by the file's name.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=None,
              help="File to write; else standard output.")  # fmt: skip
@period_options
@pass_session
def export(session: Session, /, form: str | None, output: Path | None, **options: str) -> int:
    """Write calls to a file: those of this month, unless other days are given."""
    from vnroute.calls.opening import open_calls
    from vnroute.cli.output import print_error

    which = call_filter(options)
    if form is None:
        form = "jsonl" if output and output.suffix in (".jsonl", ".ndjson", ".json") else "csv"
    store = open_calls(session.settings.calls_address, create=False)
    try:
        if output is None:
            _write(store, which, form, sys.stdout)
            return 0
        # Beside it first, so that a file that is there is whole.
        part = output.with_name(output.name + ".part")
        with open(part, "w", encoding="utf-8", newline="") as file:
            count = _write(store, which, form, file)
        part.replace(output)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        print_error(f"{output}: {error.strerror or error}")
        return 2
    finally:
        store.close()
    sys.stdout.write(f"{output}: {count:,} calls\n")
    return 0


def _write(store: CallStore, which: CallFilter, form: str, file: IO[str]) -> int:
    from vnroute.calls.export import json_lines, write_csv

    calls = store.calls(which)
    if form == "csv":
        return write_csv(calls, file)
    count = 0
    for line in json_lines(calls):
        file.write(line.decode())
        count += 1
    return count


@command.command("archive", epilog="Example: vnroute cdr archive --before 2026-11-01")
@click.option("--before", required=True, metavar="DATE", help="Calls of the days before, UTC.")
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Where to; else archive/ in vnroute's home.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the files as JSON.")
@pass_session
def archive_calls(session: Session, /, before: str, directory: Path | None, as_json: bool) -> int:
    """Move calls of past days into Parquet files, a file a day.

    Reports go on showing them, by the sums that stay in the store; a call in the archive that is
    posted once more is known, and not stored again. Killed at any moment, it is simply run again.
    """
    from vnroute.calls.archive import archive
    from vnroute.calls.days import parse_day
    from vnroute.calls.opening import open_calls
    from vnroute.cli.output import print_json
    from vnroute.model.problem import FieldError

    try:
        day = parse_day(before, "--before")
    except FieldError as error:
        raise click.UsageError(
            f"{error.field}: found {error.found}, expected {error.expected}"
        ) from None
    store = open_calls(session.settings.calls_address, create=False)
    files = []
    try:
        for file in archive(store, directory or session.settings.home / "archive", day):
            files.append(file)
            if not as_json:
                sys.stdout.write(f"{file.path}: {file.calls:,} calls, {file.bytes:,} bytes\n")
                sys.stdout.flush()
    finally:
        store.close()
    if as_json:
        print_json([{**file._asdict(), "path": str(file.path)} for file in files])
    elif not files:
        sys.stdout.write(f"no calls before {before}\n")
    return 0
