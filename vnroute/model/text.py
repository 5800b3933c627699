"""Free text that people read and vnroute only shows: names of accounts, of destinations."""

from __future__ import annotations

from vnroute.model.problem import FieldError

__all__ = ["MAX_TEXT", "check_text"]

MAX_TEXT = 200


def check_text(text: str, field: str) -> str:
    """Return ``text`` if it is printable and at most 200 characters, else raise FieldError.

    Control characters would move a terminal's cursor or break a line of a log; a lone surrogate
    stands for bytes that were no UTF-8.
    """
    if len(text) > MAX_TEXT:
        raise FieldError(field, f"{len(text)} characters", f"{MAX_TEXT} at most")
    if not text.isprintable():
        raise FieldError(field, ascii(text), "printable UTF-8 text without line breaks")
    return text
