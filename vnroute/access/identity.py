"""Who asks: a name, a role, and the account that all of it is limited to."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError

__all__ = ["ON_BEHALF_OF", "OWNER", "ROLES", "Identity", "Role", "check_name", "check_role"]

OWNER = "owner"
"""The name of whoever holds the owner's key (:mod:`vnroute.access.owner`)."""

ON_BEHALF_OF = "VNROUTE_ON_BEHALF_OF"
"""The environment's variable that names who is behind a command that another program runs."""

Role = Literal["viewer", "operator", "admin"]
"""What one may do: see; change routing; besides that accounts, users, keys and the audit log."""

ROLES: tuple[Role, ...] = get_args(Role)


def check_role(text: str, field: str = "role") -> Role:
    """Return ``text`` if it is a role, else raise :class:`FieldError`."""
    for role in ROLES:
        if text == role:
            return role
    raise FieldError(field, repr(text), ", ".join(ROLES))


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One who has proven who they are. An empty ``account`` is no limit."""

    name: str
    role: Role
    account: str = ""
    how: Literal["password", "key", "owner"] = "key"
    """By what: a session of a user, a key, or the key of the installation's owner."""

    def is_at_least(self, role: Role) -> bool:
        """Whether the role includes another's rights."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def sees(self, account: str) -> bool:
        """Whether what belongs to an account is theirs to see."""
        return not self.account or self.account == account


def check_name(text: str, field: str = "id") -> str:
    """Return ``text`` if it may be a user's or a key's name, else raise :class:`FieldError`."""
    if text == OWNER:
        raise FieldError(field, repr(text), "another name: this one is the installation's owner")
    return check_id(text, field)
