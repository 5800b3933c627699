"""Pictures of every screen: ``python -m tests.web.screenshots [DIRECTORY] [NAME…]``.

Without a directory they go to docs/console/. The data are those of the console's tests.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.web.browser import DESKTOP, PHONE, chromium, watched
from tests.web.filled_home import fill
from tests.web.support import Home

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["SCREENS", "main"]

SCREENS = {
    "live": ("/live", "text=spring-26"),
    "calls": ("/calls", "text=beta-1 200"),
    "call": ("/calls/1", "text=RECOVERY_ON_TIMER_EXPIRE"),  # LADDER, the first to be posted
    "reports": ("/reports", "text=spring-26"),
    "reports-carriers": ("/reports/carriers", "text=beta-1"),
    "reports-sources": ("/reports/sources", "td >> text=United Kingdom"),
    "reports-concurrency": ("/reports/concurrency", "text=The busiest hours"),
    "route": (
        "/route?number=%2B18005551234&caller=%2B34911234567&at=2026-11-23T15:00",
        "text=changes of",
    ),
    "schedule": ("/schedules/office-hours?week=2026-W48", "text=Transitions"),
    "numbers": ("/numbers", "text=+18005551234"),
    "number": ("/numbers/%2B18005551234", "text=Campaign"),
    "blocks": ("/blocks", "text=+1800556xxxx"),
    "block": ("/blocks/%2B1800556xxxx", "text=In service from"),
    "plans": ("/plans", "text=acme-main"),
    "plan": ("/plans/acme-main", "text=together"),
    "schedules": ("/schedules", "text=office-hours"),
    "schedule-editor": ("/schedules/office-hours/edit", ".week >> text=lunch"),
    "persons": ("/persons", "text=Tom Keller"),
    "person": ("/persons/eva", "text=Plans that lead here"),
    "person-editor": ("/persons/eva/edit", "text=Place 3"),
    "policies": ("/policies", "text=strict"),
    "policy": ("/policies/strict", "text=one carrier more"),
    "policy-editor": ("/policies/strict/edit", "text=Another SIP code or cause"),
    "overrides": ("/overrides", "text=are blocked"),
    "accounts": ("/accounts", "text=Acme Inc."),
    "account": ("/accounts/acme", "text=How carriers are chosen"),
    "screens": ("/screens", "text=what names it"),
    "screen": ("/screens/quiet", "text=messages/no.wav"),
    "screen-editor": ("/screens/quiet/edit", "text=Rule 3"),
    "lists": ("/lists", "text=nuisance"),
    "list": ("/lists/nuisance?caller=%2B19005550100", "text=is on nuisance"),
    "carriers": ("/carriers", "text=alpha-1"),
    "carrier": ("/carriers/alpha", "text=Gateway 2"),
    "plan-editor": ("/plans/acme-main/edit", "text=Step 2"),
    "plan-editor-here": ("/plans/eva-is-out/edit", "text=Hears the file"),
    "fraud": ("/fraud", "td >> text=globex"),
    "decks": ("/decks", "text=carrier alpha"),
    "deck": ("/decks/carrier/alpha", "text=Rows in force"),
    "start": ("/start", "text=1. A carrier"),
    "people": ("/people", "text=Audit log"),
}
"""Addresses by name, and what is on the screen once it is whole."""

_MOST_BYTES = 90_000
_DARK = ("live", "route", "schedule", "reports", "schedule-editor", "carriers", "account",
         "policy", "list", "screen-editor", "fraud", "person")  # fmt: skip


def picture(
    browser: Browser, home: Home, session: Any, name: str, into: Path, *, dark: bool, phone: bool
) -> Path:
    """Take one picture, of the whole page but no higher than a reader looks at once."""
    address, there = SCREENS[name]
    options = {"viewport": PHONE if phone else DESKTOP, "color_scheme": "dark" if dark else "light"}
    with watched(browser, storage_state=session, **options) as (page, wrong):
        page.goto(f"http://127.0.0.1:{home.control_port}/")
        page.wait_for_selector("#menu a", state="attached")
        page.evaluate("address => location.hash = address", address)
        page.wait_for_selector(f"main >> {there}")
        for _ in range(20 if name == "live" else 0):
            home.call()
            page.wait_for_timeout(250)
        page.wait_for_timeout(400)
        height = page.evaluate("document.documentElement.scrollHeight")
        most = 1800 if phone else 1300
        page.set_viewport_size({**options["viewport"], "height": min(height, most)})
        page.wait_for_timeout(300)
        file = into / f"{name}{'-phone' if phone else ''}{'-dark' if dark else ''}.png"
        page.screenshot(path=file)
        # In 128 colours: half the bytes, and nothing that an eye finds missing.
        with Image.open(file) as whole:
            fewer = whole.convert("RGB").quantize(128)
        fewer.save(file, optimize=True)
        if wrong:
            raise SystemExit(f"{name}: {wrong}")
    if file.stat().st_size > _MOST_BYTES:
        raise SystemExit(f"{file}: {file.stat().st_size} bytes")
    return file


def main(arguments: list[str]) -> None:
    """Fill a home, and take the pictures that are asked for."""
    into = Path(arguments[0] if arguments else "docs/console")
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place) / "home")
        try:
            fill(home)
            take(home, into, arguments[1:] or list(SCREENS))
        finally:
            home.close()


def take(home: Home, into: Path, names: list[str]) -> None:
    """Take these pictures of a home that is served."""
    with chromium() as browser:
        # One log-in for all: no more than twenty a minute are taken.
        with watched(browser) as (page, _):
            page.goto(f"http://127.0.0.1:{home.control_port}/#key={home.key}")
            page.wait_for_selector("#menu a", state="attached")
            session: Any = page.context.storage_state()
        for name in names:
            shots = [(False, False), (name in _DARK, False), (False, True)]
            for dark, phone in dict.fromkeys(shots):
                file = picture(browser, home, session, name, into, dark=dark, phone=phone)
                print(file, file.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
