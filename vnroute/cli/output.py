"""What commands print: results to standard output, the rest to standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vnroute.model.problem import Problem

if TYPE_CHECKING:
    from rich.console import Console

    from vnroute.importing import Report
    from vnroute.store import Tally

__all__ = [
    "print_error",
    "print_json",
    "print_problems",
    "print_report",
    "report_data",
    "wide_console",
]


def wide_console() -> Console:
    """Return a console for standard output that cuts no line where no terminal limits it."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 400)


def print_json(data: object) -> None:
    """Print one JSON object, indented, to standard output."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(data), indent=2)
    sys.stdout.write(text.decode() + "\n")


def print_error(message: str) -> None:
    """Print an error to standard error."""
    _to_stderr(f"vnroute: {message}")


def print_problems(problems: Sequence[Problem], more: int = 0) -> None:
    """Print problems to standard error, a line each, as compilers do."""
    for problem in problems:
        _to_stderr(str(problem))
    if more:
        _to_stderr(f"… and {more:,} more")


def print_problems_json(problems: Sequence[Problem], more: int = 0) -> None:
    """Print problems as ``{"problems": [{file, line, field, found, expected}], "more": 0}``."""
    print_json({"problems": [asdict(problem) for problem in problems], "more": more})


def report_data(report: Report) -> dict[str, Any]:
    """Return a load's report for JSON."""
    import msgspec

    return {
        "applied": report.applied,
        "change_counter": report.change_counter,
        **msgspec.structs.asdict(report.total),
        "counts": {kind: msgspec.structs.asdict(tally) for kind, tally in report.counts.items()},
        "warnings": [asdict(warning) for warning in report.warnings],
        "more_warnings": report.more_warnings,
    }


def print_report(report: Report, done: str) -> None:
    """Print a load's report: warnings to standard error, what was done to standard output."""
    for warning in report.warnings:
        _to_stderr(f"warning: {warning}")
    if report.more_warnings:
        _to_stderr(f"warning: … and {report.more_warnings:,} more")
    lines = [f"{kind}: {_words(tally)}" for kind, tally in report.counts.items() if _any(tally)]
    sys.stdout.write("\n".join([*(lines or ["nothing in there"]), done]) + "\n")


def _any(tally: Tally) -> bool:
    return tally.touched or bool(tally.unchanged)


def _words(tally: Tally) -> str:
    parts: Iterable[tuple[int, str]] = (
        (tally.added, "added"),
        (tally.changed, "changed"),
        (tally.unchanged, "unchanged"),
        (tally.removed, "removed"),
    )
    return ", ".join(f"{count:,} {word}" for count, word in parts if count)


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
