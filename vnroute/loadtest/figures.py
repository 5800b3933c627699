"""What a run comes to, as plain data: the report's JSON, from which its pages are drawn.

Times are seconds, rates calls a second, memory bytes, CPU cores (1.0 is one core busy).
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import msgspec

from vnroute.eventsocket.stats import percentile_us
from vnroute.loadtest.ladder import ladder
from vnroute.loadtest.observed import SeenCall
from vnroute.loadtest.run import Result
from vnroute.loadtest.sampling import cores

__all__ = ["FORMAT", "percentiles", "report_data"]

FORMAT = 1
"""Of the JSON: a reader refuses what it does not know."""

_MOST_BINS = 180
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
_MOST_LADDERS = 5


def percentiles(values: Iterable[float]) -> dict[str, float] | None:
    """Return count, mean, p50, p95, p99, p99.9 (nearest rank) and the most; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    found: dict[str, float] = {"count": len(ordered), "mean": statistics.fmean(ordered)}
    for name, share in _SHARES.items():
        found[name] = ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
    found["max"] = ordered[-1]
    return {name: round(value, 6) for name, value in found.items()}


def report_data(result: Result, about_machine: dict[str, Any], command: str) -> dict[str, Any]:
    """Return the report of a run as plain data."""
    calls = result.evidence.calls
    placed = [call for call in calls if call.sent_at is not None]
    first = min((call.sent_at for call in placed if call.sent_at), default=result.began)
    last = max((call.sent_at for call in placed if call.sent_at), default=result.began)
    seconds = max(last - first, 1e-9)
    delays = [0] * 24
    for page in result.pages:
        delays = [a + b for a, b in zip(delays, page.delays, strict=True)]
    each = {
        name: {
            "seconds": round(used, 3),
            "ms_a_call": round(1000 * used / len(placed), 3) if placed else None,
            "most_cores": round(max((c for _, c, _ in result.samples.parts[name]), default=0), 3),
            "most_memory": max((m for _, _, m in result.samples.parts[name]), default=0),
        }
        for name, used in result.samples.cpu_seconds.items()
    }
    return {
        "format": FORMAT,
        "profile": result.options.name,
        "about": result.profile.about,
        "simulated": result.simulated,
        "held": result.held,
        "stopped": result.stopped,
        "began": datetime.fromtimestamp(result.began, UTC).isoformat(timespec="seconds"),
        "seconds": round(result.ended - result.began, 3),
        "command": command,
        **about_machine,
        "settings": {
            "seed": result.options.seed,
            "rate": result.options.rate,
            "routing": list(result.options.routing) or "generated",
            **result.settings,
        },
        "profile_data": msgspec.to_builtins(result.profile),
        "checks": [{**asdict(check), "held": check.held} for check in result.checks],
        "calls": {
            "planned": len(calls),
            "placed": len(placed),
            "answered": sum(call.code == 200 for call in calls),
            "with_plan": sum(call.got_plan for call in calls),
            "legs": sum(len(call.legs) for call in calls),
            "further_carrier": sum(len(call.legs) > 1 for call in calls),
            "a_second": round((len(placed) - 1) / seconds, 2) if len(placed) > 1 else None,
            "asr": round(sum(c.code == 200 for c in placed) / len(placed), 4) if placed else None,
            "ner": _ner(placed),
        },
        "codes": _sorted(Counter(str(call.code) for call in placed)),
        "groups": {
            name: _sorted(Counter(str(c.code) for c in placed if c.planned.group == name))
            for name in dict.fromkeys(call.planned.group for call in calls)
        },
        "gateways": _gateways(calls),
        "delays": {
            "vnroute_us": {
                "p50": percentile_us(delays, 0.5),
                "p95": percentile_us(delays, 0.95),
                "p99": percentile_us(delays, 0.99),
                "p99_9": percentile_us(delays, 0.999),
                "count": sum(delays),
            },
            "vnroute_histogram_us": {str(1 << n): c for n, c in enumerate(delays) if c},
            "plan": percentiles(c.plan_seconds for c in placed if c.plan_seconds is not None),
            "through": percentiles(c.through for c in placed if c.through is not None),
            "pdd": percentiles(c.pdd for c in placed if c.pdd is not None),
            "final": percentiles(c.waited for c in placed if c.waited is not None),
        },
        "cpu": each,
        "others_cores": _others(result),
        "series": _series(result, placed, first),
        "events": [[round(at - first, 3), what] for at, what in result.events],
        "mismatches": len(result.mismatches),
        "ladders": [ladder(mismatch) for mismatch in result.mismatches[:_MOST_LADDERS]],
        "complaints": result.complaints[:20],
        "more_complaints": max(0, len(result.complaints) - 20),
    }


def _others(result: Result) -> float | None:
    """Return how many cores were busy, on average, with what is no part of the run."""
    shares = [share for _, share in result.samples.machine]
    rows = [row for row in result.samples.parts.values() if row]
    if not shares or not rows:
        return None
    own = sum(statistics.fmean(busy for _, busy, _ in row) for row in rows)
    return round(max(0.0, statistics.fmean(shares) * cores() - own), 2)


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _ner(calls: Sequence[SeenCall]) -> float | None:
    """Network effectiveness (ITU-T E.425): answered, busy, not answered and refused by a person."""
    if not calls:
        return None
    good = sum(call.code in (200, 480, 486, 487, 600, 603) for call in calls)
    return round(good / len(calls), 4)


def _gateways(calls: Sequence[SeenCall]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for call in calls:
        for leg in call.legs:
            row = found.setdefault(
                leg.gateway or "no carrier", {"tried": 0, "answered": 0, "causes": Counter()}
            )
            row["tried"] += 1
            row["answered"] += leg.answered
            row["causes"][leg.cause] += 1
    return {name: {**row, "causes": dict(row["causes"])} for name, row in sorted(found.items())}


def _series(result: Result, placed: Sequence[SeenCall], first: float) -> dict[str, Any]:
    """Return figures over time, in at most so many bins of whole seconds."""
    end = max((call.final_at or call.sent_at or first for call in placed), default=first)
    width = max(1, math.ceil((end - first) / _MOST_BINS))
    bins = int((end - first) // width) + 1
    begun, finals = [0.0] * bins, [0.0] * bins
    codes: dict[str, list[int]] = {}
    pdds: list[list[float]] = [[] for _ in range(bins)]
    changes: list[tuple[float, int]] = []
    for call in placed:
        if call.sent_at is None:
            continue
        begun[int((call.sent_at - first) // width)] += 1 / width
        if call.pdd is not None:
            pdds[int((call.sent_at - first) // width)].append(call.pdd)
        gone = call.final_at
        if call.final_at is not None:
            place = min(bins - 1, int((call.final_at - first) // width))
            finals[place] += 1 / width
            codes.setdefault(str(call.code), [0] * bins)[place] += 1
            if call.code == 200:
                gone = call.hung_up_at or call.record_ended_at or call.final_at
        changes += [(call.sent_at - first, 1), (max(0.0, (gone or end) - first), -1)]
    live, most = 0, [0] * bins
    for at, change in sorted(changes):
        live += change
        place = min(bins - 1, int(at // width))
        most[place] = max(most[place], live)
    tables = [percentiles(values) for values in pdds]
    samples = result.samples
    return {
        "seconds_a_bin": width,
        "begun": [round(value, 3) for value in begun],
        "final": [round(value, 3) for value in finals],
        "codes": dict(sorted(codes.items())),
        "pdd": {
            name: [None if table is None else table[name] for table in tables]
            for name in (*_SHARES, "max")
        },
        "live": most,
        "cpu": {
            name: [[round(at - first, 2), round(cores, 3)] for at, cores, _ in rows]
            for name, rows in samples.parts.items()
        },
        "memory": {
            name: [[round(at - first, 2), bytes_] for at, _, bytes_ in rows]
            for name, rows in samples.parts.items()
        },
        "machine": [[round(at - first, 2), round(share, 3)] for at, share in samples.machine],
    }
