"""Reports: campaigns, carriers, accounts, numbers and sources, from sums kept with the calls.

Measures, as the field has them: ASR is answered over attempted (ITU-T E.411), NER counts besides
what the person called did (busy, no answer, declined) or the caller (cancelled) as the network's
success (E.425), ACD is talk time over answered calls, PDD is the mean time from the call's start to
ringing, media or answer. Margin is price less cost less the cost to receive. Money is not added
across currencies: a group has a row for each of its currencies, and a call counts in that of its
price.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from vnroute.calls.base import CallFilter, CallStore
from vnroute.calls.money import money
from vnroute.calls.record import PERSON

__all__ = ["SUBJECTS", "Report", "ReportError", "make_report"]

Row = dict[str, Any]
_MOST_COUNTED = 10_000_000


class ReportError(Exception):
    """A report that cannot be made as asked for: what is wrong, and what there is."""


@dataclass(frozen=True)
class Report:
    """Columns in order, and rows by column. Shares are 0 to 1, money is decimal text."""

    subject: str
    columns: tuple[str, ...]
    rows: list[Row]


@dataclass(frozen=True)
class _Subject:
    key: str
    tables: dict[str, str]
    """The table of sums that each further column to group by is in; "" for none."""
    measures: Callable[[Row], Row]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _each(total: int, count: int) -> str:
    """Return money a call: exact, rounded once to 1e-8."""
    if not count:
        return ""
    exact = Decimal(total) / Decimal(count)
    return money(int(exact.to_integral_value(ROUND_HALF_EVEN)))


def _of_calls(row: Row) -> Row:
    calls, answered = row["calls"], row["answered"]
    made = {
        "calls": calls,
        "answered": answered,
        "missed": calls - answered,
        "asr": _share(answered, calls),
    }
    for name in ("busy", "no_answer", "declined", "cancelled", "failed", "refused"):
        if name in row:
            made[name] = row[name]
    made["acd_seconds"] = round(row["talk_ms"] / answered / 1000, 3) if answered else None
    made["talk_seconds"] = row["talk_ms"] / 1000
    if "pdd_ms" in row:
        made["pdd_ms"] = round(row["pdd_ms"] / row["pdd_calls"], 1) if row["pdd_calls"] else None
    if "price" in row:
        cost, receive, price = row["cost"], row["receive_cost"], row["price"]
        made["currency"] = row["currency"]
        made["cost"], made["receive_cost"] = money(cost), money(receive)
        made["price"], made["margin"] = money(price), money(price - cost - receive)
        made["cost_a_call"] = _each(cost + receive, calls)
        made["unrated"], made["unpriced"] = row["unrated"], row["unpriced"]
    return made


def _of_legs(row: Row) -> Row:
    legs, answered = row["legs"], row["answered"]
    sound = sum(row[outcome] for outcome in PERSON)
    return {
        "legs": legs,
        "answered": answered,
        "asr": _share(answered, legs),
        "ner": _share(sound, legs),
        "busy": row["busy"],
        "no_answer": row["no_answer"],
        "declined": row["declined"],
        "cancelled": row["cancelled"],
        "failed": row["failed"],
        "acd_seconds": round(row["talk_ms"] / answered / 1000, 3) if answered else None,
        "talk_seconds": row["talk_ms"] / 1000,
        "pdd_ms": round(row["pdd_ms"] / row["pdd_legs"], 1) if row["pdd_legs"] else None,
        "currency": row["currency"],
        "cost": money(row["cost"]),
        "cost_a_call": _each(row["cost"], answered),
        "unrated": row["unrated"],
    }


SUBJECTS: dict[str, _Subject] = {
    "campaigns": _Subject(
        "campaign",
        {
            "": "account_days",
            "account": "account_days",
            "country": "campaign_days",
            "area": "source_days",
            "day": "account_days",
            "hour": "campaign_hours",
            "number": "number_days",
        },
        _of_calls,
    ),
    "accounts": _Subject(
        "account",
        {
            "": "account_days",
            "campaign": "account_days",
            "country": "campaign_days",
            "area": "source_days",
            "day": "account_days",
            "hour": "campaign_hours",
            "number": "number_days",
        },
        _of_calls,
    ),
    "numbers": _Subject(
        "number",
        {
            "": "number_days",
            "account": "number_days",
            "campaign": "number_days",
            "day": "number_days",
        },
        _of_calls,
    ),
    "sources": _Subject(
        "country",
        {
            "": "source_days",
            "area": "source_days",
            "campaign": "source_days",
            "account": "source_days",
            "day": "source_days",
        },
        _of_calls,
    ),
    "carriers": _Subject(
        "carrier",
        {
            "": "carrier_days",
            "gateway": "carrier_days",
            "destination": "carrier_days",
            "day": "carrier_days",
        },
        _of_legs,
    ),
    "days": _Subject(
        "day",
        {
            "": "account_days",
            "account": "account_days",
            "campaign": "account_days",
            "country": "campaign_days",
        },
        _of_calls,
    ),
}
"""What there are reports of."""


def make_report(
    store: CallStore,
    subject: str,
    which: CallFilter,
    by: Sequence[str] = (),
    count_callers: bool = False,
) -> Report:
    """Return a report; ``by`` groups it further.

    How many different callers a campaign had is kept for whole months. For other days it is counted
    from the calls: where those are more than ten million, only if ``count_callers``.

    Raises :class:`ReportError` for what the sums do not hold.
    """
    kind = SUBJECTS.get(subject)
    if kind is None:
        raise ReportError(f"no report of {subject!r}: there are {', '.join(SUBJECTS)}")
    for name in by:
        if name not in kind.tables or not name:
            choices = ", ".join(filter(None, kind.tables))
            raise ReportError(f"{subject} by {name!r}: found no such grouping, expected {choices}")
    tables = {kind.tables[name] for name in by} or {kind.tables[""]}
    for table in ("source_days", "campaign_days"):
        # Each has all that those behind it are keyed by.
        if table in tables and tables <= {table, "campaign_days", "account_days"}:
            tables = {table}
    if which.number and subject in ("campaigns", "accounts", "days"):
        tables = (tables - {"campaign_days", "account_days"}) | {"number_days"}
    if len(tables) > 1:
        raise ReportError(f"{subject} cannot be grouped by {' and '.join(by)} at once")
    (table,) = tables
    keys = store.keys_of(table)
    for name in ("account", "campaign", "number"):
        if getattr(which, name) and name not in keys:
            raise ReportError(f"{subject} cannot be narrowed to one {name}")
    columns = [kind.key, *dict.fromkeys(name for name in by if name != kind.key)]
    if not set(columns) <= set(keys):
        raise ReportError(f"{subject} of one number cannot be grouped by {' and '.join(by)}")
    rows = []
    of = ["currency"] if "currency" in keys else []
    found = store.sums(table, which, [*columns, *of])
    if subject == "days":
        found.sort(key=lambda row: row["day"])  # what else is most stays the first of each day
    for row in found:
        made = {name: _written(name, row[name]) for name in columns}
        rows.append(made | kind.measures(row))
    if subject == "campaigns" and len(columns) == 1:
        quick = count_callers or store.callers_are_kept(which)
        quick = quick or store.packed_count(which) <= _MOST_COUNTED
        callers = store.callers(which) if quick else {}
        seen: set[str] = set()
        for row in rows:
            # In the first of a campaign's rows, where it has several currencies.
            if quick and row["campaign"] in seen:
                row["callers"] = row["repeat_callers"] = 0
                continue
            seen.add(row["campaign"])
            different, again = callers.get(row["campaign"], (0, 0)) if quick else (None, None)
            row["callers"], row["repeat_callers"] = different, again
    names = tuple(rows[0]) if rows else tuple(columns)
    return Report(subject, names, rows)


def _written(name: str, value: Any) -> Any:
    if name == "day":
        return f"{value // 10_000:04}-{value // 100 % 100:02}-{value % 100:02}"
    return value
