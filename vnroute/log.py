"""Structured logs on standard error: coloured lines for people, JSON for machines."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import structlog

__all__ = ["bounded", "configure", "get_command_logger", "get_logger"]

LogFormat = Literal["console", "json"]


def configure(level: str = "info", style: LogFormat = "console") -> None:
    """Set level and form of all logs of this process."""
    structlog.configure(
        processors=_processors(_renderer(style)),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _renderer(style: LogFormat) -> Any:
    if style == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)


def _processors(renderer: Any) -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        renderer,
    ]


def get_logger(**fields: Any) -> Any:
    """Return a logger that adds these fields to each line."""
    return structlog.get_logger(**fields)


def get_command_logger(**fields: Any) -> Any:
    """Return a logger for what commands do as well as processes.

    A command configures no logs, and its standard output is its answer: structlog's own default
    would write into that.
    """
    if structlog.is_configured():
        return get_logger(**fields)
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr), _processors(_renderer("console")), **fields
    )


def bounded(logger: Any, a_second: int = 10) -> Callable[..., None]:
    """Return log(event, **fields) that warns at most ``a_second`` times a second for each event.

    A flood of refused connections must not become a flood of lines; what was left out is counted
    in the next line.
    """
    windows: dict[str, list[float]] = {}

    def log(event: str, **fields: Any) -> None:
        now = time.monotonic()
        window = windows.setdefault(event, [now, 0, 0])
        if now - window[0] >= 1:
            window[0], window[1] = now, 0
        window[1] += 1
        if window[1] > a_second:
            window[2] += 1
            return
        if window[2]:
            fields["left_out"] = int(window[2])
            window[2] = 0
        logger.warning(event, **fields)

    return log
