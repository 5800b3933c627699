"""What rules would have hit among the calls that are stored; nothing is blocked or told."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from vnroute.calls.base import CallStore
from vnroute.fraud.engine import Engine, Hit
from vnroute.fraud.following import Following
from vnroute.model.fraud import FraudRule

__all__ = ["Tried", "tried_data", "try_rules"]


class Tried(NamedTuple):
    """How many calls were judged, what was hit, and whether there was time for all of them."""

    calls: int
    hits: list[Hit]
    complete: bool


def try_rules(
    rules: Iterable[FraudRule], store: CallStore, days: int, seconds: float = 0.0
) -> Tried:
    """Hold the calls of so many days against rules; ``seconds`` bounds how long that may take.

    Calls before those days, as far as the rules look back, are counted and break no rule.
    """
    engine, hits, count = Engine(rules), list[Hit](), 0
    began = time.monotonic()
    first = int((time.time() - 86_400 * days) * 1e6)
    for call in Following(store).behind(0, max(1, first - engine.remembers * 1_000_000)):
        if seconds and time.monotonic() - began > seconds:
            return Tried(count, hits, False)
        judge = call.ended >= first
        hits += engine.feed(call, judge=judge)
        count += judge
    return Tried(count, hits, True)


def tried_data(hit: Hit) -> dict[str, Any]:
    """Return a hit that would have been, for JSON."""
    return {
        "rule": hit.rule, "account": hit.account, "to": hit.to or None, "said": hit.said,
        "then": hit.then, "call": hit.uuid, "ended": hit.at / 1e6,
    }  # fmt: skip
