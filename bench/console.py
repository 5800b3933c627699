"""The console over ten million numbers and five million calls: ``python -m bench.console HOME``.

``HOME`` is one that ``bench.console_data`` made. Debian's Chromium opens it on this machine, beside
the vnroute that serves it. The first look is timed in a new browser each time, nothing cached; a
search from the click to the rows it found. Each figure is the median of several rounds, and the
highest beside it. ``--json FILE`` keeps the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.console_data import caller, number
from bench.console_home import Served
from tests.web.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, StorageState

__all__ = ["main"]

_PAINTS = """() => ({
  paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
  bytes: ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))
    .reduce((sum, each) => sum + each.transferSize, 0),
  requests: performance.getEntriesByType('resource').length + 1,
})"""
_SEARCH = """async ([values, rows]) => {
  const main = document.querySelector('main'), form = main.querySelector('form');
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
  const began = performance.now();
  form.requestSubmit();
  const done = () => !main.querySelector('[aria-busy=true]') && main.querySelector(rows);
  await new Promise((go) => setTimeout(go, 0));
  while (!done()) {
    if (performance.now() - began > 60000) throw new Error('nothing found in a minute');
    await new Promise((go) => setTimeout(go, 1));
  }
  return performance.now() - began;
}"""
_SHOWN = """async ([address, there]) => {
  const began = performance.now();
  location.hash = address;
  await new Promise((go) => setTimeout(go, 0));
  while (!document.querySelector(there)) {
    if (performance.now() - began > 60000) throw new Error('not shown in a minute');
    await new Promise((go) => setTimeout(go, 1));
  }
  return performance.now() - began;
}"""

_LOOKED = """async (caller) => {
  const field = document.querySelector('main form [name=caller]'), form = field.form;
  const said = form.parentNode.querySelector('[role=status]');
  field.value = caller;
  const began = performance.now();
  form.requestSubmit();
  while (!said.textContent.startsWith(`${caller} is`)) {
    if (performance.now() - began > 60000) throw new Error('not said in a minute');
    await new Promise((go) => setTimeout(go, 1));
  }
  return performance.now() - began;
}"""
_TURNED = """async () => {
  const box = document.querySelector('main .paged'), first = box.querySelector('td').textContent;
  const began = performance.now();
  [...box.querySelectorAll('button')].find((each) => each.textContent === 'Next').click();
  while (box.querySelector('td').textContent === first) {
    if (performance.now() - began > 60000) throw new Error('not turned in a minute');
    await new Promise((go) => setTimeout(go, 1));
  }
  return performance.now() - began;
}"""

Figures = list[dict[str, Any]]


def _told(made: Figures, name: str, values: list[float], unit: str = "ms") -> None:
    middle, most = statistics.median(values), max(values)
    made.append({"what": name, "median": round(middle, 1), "max": round(most, 1), "unit": unit,
                 "rounds": len(values), "load": round(os.getloadavg()[0], 1)})  # fmt: skip
    print(f"{name}: {middle:,.0f} {unit}, at most {most:,.0f}", flush=True)


def _logged_in(browser: Browser, served: Served) -> StorageState:
    """Return what a browser keeps of a log-in; one for all, since twenty a minute are taken."""
    context = browser.new_context()
    where = f"http://127.0.0.1:{served.control}"
    told = context.request.post(f"{where}/api/v1/session", data={"key": served.key})
    assert told.status == 200, told.text()
    kept = context.storage_state()
    context.close()
    return kept


def _entered(browser: Browser, session: StorageState) -> BrowserContext:
    """Return a new browser's context, logged in, with nothing cached."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, storage_state=session)
    context.set_default_timeout(60_000)
    return context


def _first_look(
    browser: Browser, served: Served, session: StorageState, rounds: int, made: Figures
) -> None:
    for address, there in (
        ("/live", "#state.good"),
        ("/numbers", "main tbody tr:nth-child(100)"),
        ("/lists/nuisance", "main tbody tr:nth-child(25)"),
        ("/screens", "main tbody tr a"),
        ("/policies", "main tbody tr:nth-child(100)"),
        ("/blocks", "main tbody tr:nth-child(100)"),
        ("/overrides", "main form"),
    ):
        paints, whole, sizes, count = list[float](), list[float](), list[float](), 0
        for _ in range(rounds):
            context = _entered(browser, session)
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{served.control}/#{address}", wait_until="commit")
            page.wait_for_selector(there)
            whole.append((time.perf_counter() - began) * 1e3)
            page.wait_for_load_state("networkidle")
            seen = page.evaluate(_PAINTS)
            paints.append(seen["paint"])
            sizes.append(seen["bytes"] / 1000)
            count = seen["requests"]
            context.close()
        _told(made, f"{address}: first paint", paints)
        _told(made, f"{address}: what it shows is there", whole)
        _told(made, f"{address}: loaded in {count} requests, all screens with it", sizes, "kB")


def _searches(page: Page, rounds: int, made: Figures, seed: int) -> None:
    source = random.Random(seed)

    def ours(digits: int = 20) -> str:
        return f"+{str(number(source.randrange(200_000)))[:digits]}"

    numbers: dict[str, Callable[[], dict[str, str]]] = {
        "one number": lambda: {"prefix": ours()},
        "first 7 digits": lambda: {"prefix": ours(7)},
        "an account of 10,000": lambda: {"account": f"account-{source.randrange(1000):04}"},
        "a plan of 100": lambda: {"plan": f"plan-{source.randrange(100_000):06}"},
        "a campaign of 2,500": lambda: {"campaign": f"campaign-{source.randrange(2000):04}"},
    }
    calls: dict[str, Callable[[], dict[str, str]]] = {
        "of one number": lambda: {"number": ours()},
        "of an account": lambda: {"account": f"account-{source.randrange(1000):04}"},
        "of a campaign": lambda: {"campaign": f"campaign-{source.randrange(2000):04}"},
        "declined": lambda: {"outcome": "declined"},
        "of one day": lambda: {"from": _day(3), "to": _day(3)},
        "of a campaign on one day": lambda: {
            "campaign": f"campaign-{source.randrange(2000):04}", "from": _day(9), "to": _day(9)},
    }  # fmt: skip
    for screen, kinds in (("numbers", numbers), ("calls", calls)):
        page.evaluate(_SHOWN, [f"/{screen}", "main tbody tr"])
        nothing = page.evaluate(
            "() => Object.fromEntries([...new FormData(document.querySelector('main form')).keys()]"
            ".map((name) => [name, '']))"
        )
        for name, asked in kinds.items():
            waits = [
                page.evaluate(_SEARCH, [nothing | asked(), "tbody tr a"]) for _ in range(rounds)
            ]
            _told(made, f"{screen}: {name}", waits)


def _list(page: Page, rounds: int, made: Figures, seed: int) -> None:
    """Look callers up on a long list, and turn its pages."""
    source = random.Random(seed)
    page.evaluate(_SHOWN, ["/lists/nuisance", "main tbody tr"])
    looked = [
        page.evaluate(_LOOKED, caller(source.randrange(1_000_000))) for _ in range(3 * rounds)
    ]
    _told(made, "lists: is a caller on it", looked)
    turned = [page.evaluate(_TURNED) for _ in range(3 * rounds)]
    _told(made, "lists: the next page", turned)


def _day(back: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - back * 86400))


def _charts(page: Page, rounds: int, made: Figures) -> None:
    shown = {
        "campaigns, 7 days": (f"campaigns?from={_day(6)}&to={_day(0)}", "main .chart canvas"),
        "campaigns, 30 days": (f"campaigns?from={_day(29)}&to={_day(0)}", "main .chart canvas"),
        "sources, 7 days": (f"sources?from={_day(6)}&to={_day(0)}", "main tbody tr"),
        "carriers, 7 days": (f"carriers?from={_day(6)}&to={_day(0)}", "main tbody tr"),
        "concurrent calls, 7 days": (
            f"concurrency?from={_day(6)}&to={_day(0)}", "main .chart canvas"),
    }  # fmt: skip
    for name, (address, there) in shown.items():
        waits = []
        for _ in range(rounds):
            page.evaluate(_SHOWN, ["/people", "main.screen-people h1"])
            waits.append(page.evaluate(_SHOWN, [f"/reports/{address}", there]))
        _told(made, f"report: {name}", waits)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seed", type=int, default=26)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    made: Figures = []
    with Served(asked.home) as served, chromium() as browser:
        session = _logged_in(browser, served)
        _first_look(browser, served, session, asked.rounds, made)
        context = _entered(browser, session)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{served.control}/#/live")
        page.wait_for_selector("#state.good")
        _list(page, asked.rounds, made, asked.seed)
        _searches(page, asked.rounds, made, asked.seed)
        _charts(page, max(3, asked.rounds // 3), made)
        context.close()
    if asked.json:
        asked.json.write_text(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
