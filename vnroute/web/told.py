"""The settings as a control process is told them: one JSON text, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from vnroute.settings import Settings

__all__ = ["decode", "encode"]


def _to_text(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value).__name__)


def _from_text(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind.__name__)


def encode(settings: Settings) -> str:
    """Return the settings as JSON."""
    return msgspec.json.encode(settings, enc_hook=_to_text).decode()


def decode(text: str) -> Settings:
    """Return the settings; raise msgspec.ValidationError for what are none."""
    return msgspec.json.decode(text, type=Settings, dec_hook=_from_text)
