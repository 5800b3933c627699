"""What the demo shows while calls are placed: a live table, or a line every second."""

from __future__ import annotations

import sys
import time
from typing import Any

from vnroute.demo.run import Traffic

__all__ = ["Lines", "LiveTable"]


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.2f} ms"


def _figures(traffic: Traffic) -> list[tuple[str, str]]:
    summary = traffic.summary
    answered = f"{summary.answered:,} ({100 * summary.answer_seizure_ratio:.0f} % ASR)"
    delay = summary.plan
    return [
        ("calls placed", f"{summary.calls:,} of {traffic.calls:,}"),
        ("calls a second", f"{summary.calls_per_second:,.0f}"),
        ("plans received", f"{summary.plans:,}"),
        ("went where they should", f"{traffic.matched:,}"),
        ("answered", answered),
        ("legs tried", f"{summary.legs:,}"),
        ("calls that took a further carrier", f"{traffic.hunted:,}"),
        ("connect to plan, p50", _milliseconds(delay.p50 if delay else None)),
        ("connect to plan, p99", _milliseconds(delay.p99 if delay else None)),
    ]


class Lines:
    """A plain line a second, for logs and pipes."""

    def __init__(self) -> None:
        self._next = 0.0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, traffic: Traffic) -> None:
        """Print how far it is, if a second has passed since the last time or all is done."""
        now = time.monotonic()
        if now < self._next and traffic.summary.calls < traffic.calls:
            return
        self._next = now + 1.0
        sys.stdout.write("; ".join(f"{name} {value}" for name, value in _figures(traffic)) + "\n")
        sys.stdout.flush()


class LiveTable:
    """Figures, outcomes and the last calls, redrawn in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(highlight=False), refresh_per_second=4)

    def __enter__(self) -> LiveTable:
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.__exit__(*error)

    def __call__(self, traffic: Traffic) -> None:
        """Redraw."""
        from rich import box
        from rich.columns import Columns
        from rich.console import Group
        from rich.table import Table

        figures = Table(box=box.SIMPLE, show_header=False, title="calls")
        for name, value in _figures(traffic):
            figures.add_row(name, value)
        outcomes = Table(box=box.SIMPLE, show_header=False, title="what callers got")
        for code, count in sorted(traffic.summary.sip.items(), key=lambda row: -row[1])[:9]:
            outcomes.add_row(f"SIP {code}", f"{count:,}")
        gateways = Table(box=box.SIMPLE, title="gateways")
        for name in ("gateway", "tried", "answered"):
            gateways.add_column(name, justify="left" if name == "gateway" else "right")
        for name, tally in sorted(traffic.summary.gateways.items()):
            gateways.add_row(name, f"{tally.tried:,}", f"{tally.answered:,}")
        recent = Table(box=box.SIMPLE, title="last calls")
        for name in ("called", "caller", "gateways in order", "caller got"):
            recent.add_column(name, no_wrap=True)
        for record in reversed(traffic.recent):
            tried = " > ".join(
                f"[green]{leg.gateway}[/]" if leg.answered else leg.gateway for leg in record.legs
            )
            recent.add_row(f"+{record.did}", record.caller, tried or "-", f"SIP {record.final_sip}")
        self._live.update(Group(Columns([figures, outcomes, gateways]), recent))
