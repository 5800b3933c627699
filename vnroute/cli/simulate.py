"""``vnroute simulate``: place calls as FreeSWITCH would, and play the carriers."""

from __future__ import annotations

from vnroute.simulator.command import simulate as command

__all__ = ["command"]
