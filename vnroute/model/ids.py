"""Identifiers that people give to accounts, plans, carriers: what they may be made of.

They are written into channel variables and dial strings, so nothing that FreeSWITCH gives a
meaning to (``,`` ``|`` ``{`` ``}`` ``[`` ``]`` ``^`` ``$`` ``%`` ``;`` ``=`` quotes, blanks) may be
in them.
"""

from __future__ import annotations

import re

from vnroute.model.problem import FieldError

__all__ = ["check_gateway_name", "check_id"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_EXPECTED = "1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first"


def check_id(text: str, field: str = "id") -> str:
    """Return ``text`` if it may be an identifier, else raise :class:`FieldError`."""
    if not _ID.fullmatch(text):
        raise FieldError(field, repr(text), _EXPECTED)
    return text


def check_gateway_name(text: str, field: str = "gateway") -> str:
    """Return ``text`` if it may be the name of a FreeSWITCH gateway, else raise."""
    return check_id(text, field)
