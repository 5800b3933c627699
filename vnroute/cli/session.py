"""What subcommands share: the settings and the store, read when they are first needed."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from vnroute.settings import Settings
    from vnroute.store import Store

__all__ = ["Session", "pass_session", "user_name", "who_runs"]


class Session:
    """One run of the command, with the options given before the subcommand."""

    def __init__(self, config: Path | None = None, home: Path | None = None) -> None:
        self._config = config
        self._home = home

    @cached_property
    def _loaded(self) -> tuple[Settings, dict[str, str]]:
        from msgspec.structs import replace

        from vnroute.settings import load_settings

        settings, origins = load_settings(self._config, os.environ)
        if self._home is not None:
            return replace(settings, home=self._home), origins | {"home": "--home"}
        return settings, origins

    @property
    def settings(self) -> Settings:
        """The settings in force. Raises :class:`vnroute.settings.SettingsError`."""
        return self._loaded[0]

    @property
    def origins(self) -> dict[str, str]:
        """Where each setting comes from, by its name."""
        return self._loaded[1]

    def open_store(self, *, create: bool = True) -> Store:
        """Open the store. Raises :class:`vnroute.store.StoreError`."""
        from vnroute.store import open_store

        return open_store(self.settings.store_address, create=create)


pass_session = click.make_pass_decorator(Session, ensure=True)
"""Gives a subcommand the session as its first argument."""


def user_name() -> str:
    """Return the name of whoever runs the command; empty for a container's user without one."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def who_runs() -> str:
    """Return who runs the command, for the audit log; the control process says for whom it does."""
    from vnroute.access.identity import ON_BEHALF_OF

    if os.environ.get(ON_BEHALF_OF):
        return os.environ[ON_BEHALF_OF]
    return f"{user_name() or os.getuid()} (command line)"
