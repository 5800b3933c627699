"""Which calls a subcommand is about: options for days, account, campaign and number."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from vnroute.calls.base import CallFilter

__all__ = ["call_filter", "period_options"]


def period_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --from, --to, --month, --account, --campaign and --number."""
    options = (
        click.option("--from", "first", default="", help="First day, as 2026-11-01 (UTC)."),
        click.option("--to", "last", default="", help="Last day, as 2026-11-30 (UTC)."),
        click.option(
            "--month", default="", help="A month, as 2026-11; this month, if no day is given."
        ),
        click.option("--account", default="", help="Only this account."),
        click.option("--campaign", default="", help="Only this campaign."),
        click.option("--number", default="", help="Only this number, as +18005551234."),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), function)


def call_filter(options: dict[str, str], *, all_days: bool = False) -> CallFilter:
    """Return which calls the options mean; see :func:`vnroute.calls.asking.asked`.

    Raises click.UsageError with what was found and what is expected.
    """
    from vnroute.calls.asking import asked
    from vnroute.model.problem import FieldError

    try:
        return asked(**options, all_days=all_days)
    except FieldError as error:
        told = f"--{error.field}: found {error.found}, expected {error.expected}"
        raise click.UsageError(told) from None
