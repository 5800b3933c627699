"""What ends a load test before its checks: a message for the person who started it."""

from __future__ import annotations

__all__ = ["LoadTestError", "RunBroken"]


class LoadTestError(Exception):
    """The test cannot be run as it was asked for; the message says what, found and expected."""


class RunBroken(LoadTestError):
    """The run began and could not go on; what was seen until then is still reported."""
