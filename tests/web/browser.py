"""Debian's Chromium by Playwright: pages that notice whatever goes wrong in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["AXE", "DESKTOP", "PHONE", "chromium", "serious", "watched"]

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
AXE = Path(__file__).parent / "vendor" / "axe.min.js"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser; skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """Give a page and what it complained of: errors, refusals of the policy, foreign requests."""
    context = browser.new_context(reduced_motion="reduce", **options)
    page = context.new_page()
    page.set_default_timeout(90_000)  # a busy machine, not a slow page
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))

    def alerted(dialog: Any) -> None:
        wrong.append(f"alert: {dialog.message}")
        dialog.dismiss()

    def heard(message: Any) -> None:
        # What a browser says of an answer that is no 2xx is not ours to avoid.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            wrong.append(f"{message.type}: {message.text}")

    def asked(request: Any) -> None:
        if not request.url.startswith("http://127.0.0.1:"):
            wrong.append(f"foreign: {request.url[:100]}")

    page.on("dialog", alerted)
    page.on("console", heard)
    page.on("request", asked)
    try:
        yield page, wrong
    finally:
        context.close()


def serious(page: Page) -> list[str]:
    """Return what axe finds of serious and critical violations, WCAG 2.2 AA and its own."""
    if not page.evaluate("typeof axe === 'object'"):
        # Around the page's policy, as a browser's own tools: not through a <script>.
        page.evaluate(AXE.read_text())
    found = page.evaluate(
        "() => axe.run(document, {resultTypes: ['violations']})"
        ".then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)))"
    )
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:160]}"
        for each in found
        for node in each["nodes"][:3]
    ]
