"""Numbers and blocks as the model writes them: what an API answers and an audit log keeps.

Stores keep them as rows that share an assignment, whatever database stands behind them.
"""

from __future__ import annotations

import msgspec

from vnroute.store.base import Assignment

__all__ = ["block_document", "number_document"]


def _leads(assignment: Assignment) -> dict[str, str]:
    return {
        "account": assignment.account,
        "plan": assignment.plan,
        "campaign": assignment.campaign,
        "state": assignment.state,
        "from": assignment.since,
        "until": assignment.until,
        "ported_to": assignment.ported_to,
        "screen": assignment.screen,
    }


def number_document(number: int, assignment: Assignment) -> bytes:
    """Return a number as the model writes it (:class:`vnroute.model.Number`), in JSON."""
    return msgspec.json.encode({"number": f"+{number}", **_leads(assignment)})


def block_document(notation: str, assignment: Assignment) -> bytes:
    """Return a block as the model writes it (:class:`vnroute.model.NumberBlock`), in JSON."""
    is_prefix = "x" not in notation and "-" not in notation
    named = {"block": "" if is_prefix else notation, "prefix": notation if is_prefix else ""}
    return msgspec.json.encode({**named, **_leads(assignment)})
