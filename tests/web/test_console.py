"""The console in a real browser: it shows live figures and calls, and runs nothing but its own."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calls.support import record
from tests.web.support import Home, free_port

pytestmark = pytest.mark.browser


class Browser:
    """A page in Chromium, by the WebDriver protocol (w3.org/TR/webdriver2)."""

    def __init__(self, driver: str, chromium: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [driver, f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.session = ""
        options = {
            "binary": chromium,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1250,1500"],
        }
        capabilities = {
            "alwaysMatch": {
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"},
            }
        }
        end = time.monotonic() + 20
        while True:
            try:
                made = self.ask("POST", "", {"capabilities": capabilities})
                break
            except urllib.error.URLError:
                assert time.monotonic() < end
                time.sleep(0.1)
        self.session = "/" + made["sessionId"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/session{self.session}{path}",
            None if method == "GET" or method == "DELETE" else json.dumps(body or {}).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read())["value"]

    def run(self, script: str) -> Any:
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def text(self, selector: str) -> str:
        return str(self.run(f"return document.querySelector({selector!r}).innerText"))

    def until(self, selector: str, holds: str) -> None:
        end = time.monotonic() + 30
        while holds not in self.text(selector):
            assert time.monotonic() < end, self.text(selector)
            time.sleep(0.1)

    def press(self, key: str) -> None:
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": keys}]})

    def close(self) -> None:
        try:
            self.ask("DELETE", "")
        finally:
            self.process.terminate()
            self.process.wait(10)


@pytest.fixture
def browser() -> Iterator[Browser]:
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or chromium is None:
        pytest.skip("no Chromium or its driver on this machine")
    made = Browser(driver, chromium)
    try:
        yield made
    finally:
        made.close()


def test_the_console_shows_what_happens(home: Home, browser: Browser) -> None:
    home.load()
    home.serve()
    evil = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"
    for _ in range(3):
        home.call()
    home.until(lambda: home.post(record(call=str(uuid.uuid4()), name=evil))[0] == 200)
    browser.ask("POST", "/url", {"url": f"http://127.0.0.1:{home.control_port}/#key={home.key}"})
    browser.until("#state", "answering")
    browser.until("#tiles", "3 answered since start")
    browser.until("#workers", "MB")
    browser.until("#campaigns", "spring-26")
    browser.until("#carriers", "100.0 %")
    browser.until("#calls", "<img src=x")
    for _ in range(5):
        home.call()
    browser.until("#tiles", "8 answered since start")
    browser.until("#delays", "calls")
    assert browser.run("return document.querySelectorAll('#rate path').length") == 2
    assert browser.run("return document.querySelectorAll('img, #calls script').length") == 0

    browser.press("t")
    assert browser.run("return document.documentElement.dataset.theme") == "dark"
    browser.press("p")
    browser.until("#state", "paused")
    home.call()
    time.sleep(1.5)
    assert "8 answered" in browser.text("#tiles")
    browser.press("p")
    browser.until("#tiles", "9 answered since start")

    # At a phone's width nothing but the tables' own boxes scrolls sideways.
    browser.ask("POST", "/window/rect", {"width": 500, "height": 900})
    wide = "return [document.documentElement.scrollWidth, innerWidth]"
    page, window = browser.run(wide)
    assert page <= window
    picture = os.environ.get("VNROUTE_TEST_PICTURE")
    if picture:
        browser.ask("POST", "/window/rect", {"width": 1250, "height": 1900})
        Path(picture).write_bytes(base64.b64decode(browser.ask("GET", "/screenshot")))

    assert home.server is not None
    home.server.terminate()
    home.server.wait(20)
    browser.until("#why", "Calls are routed without it")
    told = [line["message"] for line in browser.ask("POST", "/se/log", {"type": "browser"})]
    assert not [line for line in told if "Content Security Policy" in line or "Uncaught" in line]
    assert browser.run("return document.title") == "vnroute"
