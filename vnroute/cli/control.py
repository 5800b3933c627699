"""The control process on the command line: its port, and how a supervisor is told to run it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from vnroute.eventsocket.companion import Companion
    from vnroute.settings import ControlSettings, Settings

__all__ = ["ControlPort", "console_url", "control_companions", "owners_url", "with_port"]


class ControlPort(click.ParamType[int]):
    """A TCP port, or ``none``: no control process."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the port, 0 for none."""
        text = str(value).strip().lower()
        if text in ("none", "off", "0"):
            return 0
        if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
            return int(text)
        self.fail(f"{value!r} is no port: 1 to 65535, or none", param, ctx)


def with_port(control: ControlSettings, port: int | None) -> ControlSettings:
    """Return the settings with the port of the command line in force; None leaves them."""
    from msgspec.structs import replace

    return control if port is None else replace(control, port=port)


def console_url(settings: Settings) -> str:
    """Return the address of the console, empty where there is none."""
    control = settings.control
    host = f"[{control.host}]" if ":" in control.host else control.host
    return f"{control.scheme}://{host}:{control.port}/" if control.port else ""


def owners_url(settings: Settings) -> str:
    """Return the address that opens the console for the owner; its key is in the part after ``#``,
    which a browser sends to nobody. Raises OSError where the key cannot be read or made.
    """
    from vnroute.access.owner import owners_key

    url = console_url(settings)
    return f"{url}#key={owners_key(settings.state)}" if url else ""


def control_companions(settings: Settings) -> list[Companion]:
    """Return the control process for this process to keep, as its supervisor; none for port 0."""
    if not settings.control.port:
        return []
    from vnroute.eventsocket.companion import Companion
    from vnroute.web.told import PASSWORDS_VARIABLE, encode, passwords

    if settings.switches:
        os.environ[PASSWORDS_VARIABLE] = passwords(settings)
    arguments = (sys.executable, "-m", "vnroute.web.control", encode(settings), str(os.getpid()))
    return [Companion("control", arguments)]
