"""Moments as options and requests name them: ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime

from vnroute.model.problem import FieldError

__all__ = ["parse_moment"]


def parse_moment(text: str, field: str = "--at") -> datetime:
    """Return a moment with its offset, UTC where it has none; now, if ``text`` is empty.

    Raises :class:`FieldError` for what is no ISO 8601.
    """
    if not text:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        expected = "a time in ISO 8601 such as 2026-11-23T10:00-05:00"
        raise FieldError(field, repr(text), expected) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
