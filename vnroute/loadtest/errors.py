"""What ends a load test before its checks: a message for the person who started it."""

from __future__ import annotations

__all__ = ["INTERRUPTED", "LoadTestError", "RunBroken"]


INTERRUPTED = "stopped by Ctrl-C"
"""Why a run is only a part, where a person ended it."""


class LoadTestError(Exception):
    """The test cannot be run as it was asked for; the message says what, found and expected."""


class RunBroken(LoadTestError):
    """The run began and could not go on; what was seen until then is still reported."""
