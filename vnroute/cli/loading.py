"""What ``check``, ``load`` and ``import`` do alike: run a load, and tell how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from vnroute.cli.output import print_json, print_problems_json, print_report, report_data
from vnroute.cli.progress import shown_progress
from vnroute.cli.session import who_runs
from vnroute.model.problem import RoutingDataError

if TYPE_CHECKING:
    from vnroute.importing import Progress, Report
    from vnroute.store import Store

__all__ = ["check_inputs", "report_load", "run_load"]


def check_inputs(paths: Sequence[str]) -> None:
    """Refuse standard input named twice."""
    import rich_click as click

    if list(paths).count("-") > 1:
        raise click.UsageError("standard input (-) can be read only once")


def run_load(
    store: Store,
    paths: Sequence[str],
    *,
    only: Literal["numbers", "rates"] | None = None,
    replace: bool = False,
    dry_run: bool = False,
    max_hops: int,
    horizon_years: int,
    max_attempts: int,
    as_json: bool,
) -> int:
    """Load files and print the report; return the exit status, 2 if they were refused."""
    from vnroute.importing import Input, load

    check_inputs(paths)
    inputs = [Input(path) for path in paths]
    return report_load(
        lambda progress: load(
            store,
            inputs,
            only=only,
            replace=replace,
            dry_run=dry_run,
            max_hops=max_hops,
            horizon_years=horizon_years,
            max_attempts=max_attempts,
            progress=progress,
            who=who_runs(),
        ),
        as_json,
    )


def report_load(run: Callable[[Progress], Report], as_json: bool) -> int:
    """Run a load, showing how far it is; print its report or problems; return the exit status."""
    try:
        with shown_progress() as progress:
            report = run(progress)
    except RoutingDataError as error:
        if not as_json:
            raise
        print_problems_json(error.problems, error.more)
        return 2
    if as_json:
        print_json(report_data(report))
    else:
        done = f"applied; change {report.change_counter}" if report.applied else "nothing applied"
        print_report(report, done)
    return 0
