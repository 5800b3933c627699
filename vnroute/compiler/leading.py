"""Where a number leads, as the compiler asks for it: whole images and overlays alike."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Leading"]


class Leading(Protocol):
    """Where a number leads, and while it is in service."""

    @property
    def account(self) -> str:
        """The id of its account."""

    @property
    def plan(self) -> str:
        """The id of its plan."""

    @property
    def campaign(self) -> str:
        """The campaign that it is printed in, empty for none."""

    @property
    def state(self) -> str:
        """Whether it is in service (:data:`vnroute.model.number.NumberState`)."""

    @property
    def since(self) -> str:
        """The first moment of its service as written, empty for ever."""

    @property
    def until(self) -> str:
        """The end of its service as written, empty for none."""

    @property
    def screen(self) -> str:
        """The id of its screen, empty for none."""
