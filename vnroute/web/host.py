"""Who may ask the control process: no web page of somebody else's, whatever a browser lends it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from vnroute.settings import ControlSettings

__all__ = ["allowed_host", "from_a_page"]

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?", re.ASCII)


def allowed_host(host: str, control: ControlSettings) -> bool:
    """Whether a Host header names us: by an address, as localhost, or as the settings say.

    A page that rebinds its own name to our address (DNS rebinding) still sends its own name.
    """
    match = _HOST.fullmatch(host)
    if not match:
        return False
    name = match[1].strip("[]").lower()
    if name in ("localhost", control.host.lower(), *(each.lower() for each in control.names)):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def from_a_page(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a browser sent a request for some page: switches send neither header."""
    return any(name in (b"origin", b"sec-fetch-site") for name, _ in headers)
