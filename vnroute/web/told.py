"""The settings as a control process is told them: one JSON text, without the passwords.

It is an argument, which everyone on the machine can read. Passwords go by the environment, which
only the same user can read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from vnroute.settings import Settings

__all__ = ["PASSWORDS_VARIABLE", "decode", "encode", "passwords", "with_passwords"]

PASSWORDS_VARIABLE = "VNROUTE_TOLD_PASSWORDS"
_HIDDEN = "-"


def _to_text(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value).__name__)


def _from_text(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind.__name__)


def encode(settings: Settings) -> str:
    """Return the settings as JSON, without passwords."""
    settings = replace(
        settings,
        switches=tuple(
            replace(switch, password=_HIDDEN if switch.password else "")
            for switch in settings.switches
        ),
    )
    return msgspec.json.encode(settings, enc_hook=_to_text).decode()


def decode(text: str) -> Settings:
    """Return the settings; raise msgspec.ValidationError for what are none."""
    return msgspec.json.decode(text, type=Settings, dec_hook=_from_text)


def passwords(settings: Settings) -> str:
    """Return the switches' passwords as JSON, for :data:`PASSWORDS_VARIABLE`."""
    found = {switch.name: switch.password for switch in settings.switches if switch.password}
    return msgspec.json.encode(found).decode()


def with_passwords(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return settings that were told, with the passwords from the environment."""
    known = msgspec.json.decode(environ.get(PASSWORDS_VARIABLE, "{}"), type=dict[str, str])
    return replace(
        settings,
        switches=tuple(
            replace(switch, password=known.get(switch.name, _HIDDEN)) if switch.password else switch
            for switch in settings.switches
        ),
    )
