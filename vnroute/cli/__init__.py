"""The command ``vnroute``: a file a subcommand, imported when it is asked for.

:func:`main` is where every error ends. A person sees a message and never a traceback: what was
expected to go wrong exits with status 2, what was not with 1 and the place of the details.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

EXIT_REFUSED = 2
EXIT_UNEXPECTED = 1
EXIT_INTERRUPTED = 130  # 128 and SIGINT's number, as shells have it


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status."""
    status = run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone ("| head"). Python would say so at its exit: give it
        # something else to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its status."""
    # Only here: the package must be importable without click, by whoever reads a subcommand.
    import click

    from vnroute.cli.group import cli

    try:
        status = cli.main(arguments, prog_name="vnroute", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except Exception as error:
        return _told(error)


def _told(error: Exception) -> int:
    """Tell an error on standard error; return the status."""
    from vnroute.cli.output import print_error, print_problems
    from vnroute.model.problem import RoutingDataError
    from vnroute.settings import SettingsError
    from vnroute.store.base import StoreError

    if isinstance(error, RoutingDataError):
        print_problems(error.problems, error.more)
    elif isinstance(error, SettingsError):
        print_problems(error.problems)
    elif isinstance(error, StoreError):
        print_error(str(error))
    else:
        from vnroute.cli.crash import keep_details

        print_error(f"{type(error).__name__}: {error}\n{keep_details(error)}")
        return EXIT_UNEXPECTED
    return EXIT_REFUSED
