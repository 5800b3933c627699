"""Rate decks of the United States: ``python -m bench.decks --us`` (see bench/decks.py).

The shape that carriers there send: a row for each NPA-NXX (area code and exchange) with a rate
between states and one within. A rate goes by the company that the exchange belongs to, so a deck of
200,000 exchanges has some thousand different prices. Drawn from the project's area codes, the same
each time; beside it stand the same decks without origin, the rate between states for all callers.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.rounds import interleave, timed
from vnroute.image.generations import ROUTES, current_image
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import channel_data
from vnroute.matcher.image import RouteImage
from vnroute.model.nanp import STATE_OF

__all__ = ["measure"]

CARRIERS = 10
_COMPANIES = 1300
_PLANS = 1000
_ROUNDS = 15
_NONE = frozenset((555, 950, 959, 976, *range(211, 1000, 100)))
"""Exchanges that are nobody's: services, tests, and those that cost more."""


def _exchanges(count: int) -> dict[str, int]:
    """Return so many prefixes (1 NPA NXX) and the company that each belongs to."""
    draw = random.Random(1)
    areas = sorted(STATE_OF)
    found: dict[str, int] = {}
    for place, area in enumerate(areas):
        here = [draw.randrange(_COMPANIES) for _ in range(12)]
        many = count * (place + 1) // len(areas) - count * place // len(areas)
        free = [exchange for exchange in range(200, 1000) if exchange not in _NONE]
        if many > len(free):
            raise SystemExit(f"at most {len(free) * len(areas):,} exchanges")
        for exchange in sorted(draw.sample(free, many)):
            # Incumbents have most exchanges of an area, newcomers the rest.
            found[f"1{area}{exchange}"] = here[min(draw.randrange(12), draw.randrange(12))]
    return found


def _deck(path: Path, carrier: int, exchanges: dict[str, int], by_origin: bool) -> None:
    draw = random.Random(100 + carrier)
    rates = []
    for _ in range(_COMPANIES):
        between = draw.randrange(80, 1200)
        rates.append((between, between * draw.randrange(100, 400) // 100))
    with path.open("w") as file:
        file.write("NPANXX,Interstate,Intrastate\n" if by_origin else "NPANXX,Rate\n")
        for prefix, company in exchanges.items():
            between, within = rates[company]
            more = f",0.{within:06}" if by_origin else ""
            file.write(f"{prefix},0.{between:06}{more}\n")


def _routing(exchanges: dict[str, int]) -> str:
    draw = random.Random(3)
    targets = [
        f"+{prefix}{draw.randrange(10_000):04}" for prefix in draw.sample(list(exchanges), _PLANS)
    ]
    lines = ["accounts: [{id: acme}]", "carriers:"]
    lines += [
        f"  - {{id: c{n}, gateways: [{{id: c{n}-1, gateway: gw{n}}}]}}" for n in range(CARRIERS)
    ]
    lines += ["plans:"]
    lines += [
        f'  - {{id: p{n}, account: acme, steps: [{{ring: ["{to}"]}}, {{hangup: relay}}]}}'
        for n, to in enumerate(targets)
    ]
    lines += ["numbers:"]
    lines += [f'  - {{number: "{_number(n)}", account: acme, plan: p{n}}}' for n in range(_PLANS)]
    return "\n".join(lines) + "\n"


def _number(place: int) -> str:
    return f"+1800555{place:04}"


def _calls() -> list[bytes]:
    """Return calls from all states to all plans."""
    draw = random.Random(5)
    areas = sorted(STATE_OF)
    return [
        channel_data(_number(place), f"+1{draw.choice(areas)}555{draw.randrange(10_000):04}")
        for place in draw.choices(range(_PLANS), k=2000)
    ]


def _matchers(homes: dict[str, Path]) -> Iterator[tuple[str, Matcher, int]]:
    for name, home in homes.items():
        path = current_image(home / "images", ROUTES)
        if path is None:
            raise SystemExit(f"{home}: no image")
        yield name, Matcher(RouteImage(path), seed=1), path.stat().st_size


def measure(count: int, timed_run: Callable[..., None]) -> None:
    """Import ten decks with and without origin, compile and decide; print a table of it.

    ``timed_run`` runs a subcommand and prints a row of the table.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        child = os.fork()
        if not child:
            exchanges = _exchanges(count)
            (scratch / "routing.yaml").write_text(_routing(exchanges))
            for carrier in range(CARRIERS):
                for by_origin in (True, False):
                    _deck(scratch / f"{by_origin}{carrier}.csv", carrier, exchanges, by_origin)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise SystemExit("no decks were written")
        homes = {"by origin": scratch / "True", "without origin": scratch / "False"}
        print(f"{count:,} exchanges of {CARRIERS} carriers\n")
        print("| step | seconds | CPU seconds | peak MB |\n|---|---|---|---|")
        for name, home in homes.items():
            run = ("--home", str(home))
            timed_run("", *run, "load", str(scratch / "routing.yaml"))
            began = time.monotonic()
            for carrier in range(CARRIERS):
                deck = scratch / f"{home.name}{carrier}.csv"
                shown = f"import, {name}, the first deck" if not carrier else ""
                timed_run(shown, *run, "deck", "import", f"c{carrier}", str(deck))
            print(f"| all {CARRIERS} decks, {name} | {time.monotonic() - began:.1f} | | |")
            timed_run(f"compile, {name}", *run, "compile")
        calls = _calls()
        subjects = {}
        now = time.time()
        for name, matcher, size in _matchers(homes):
            rates = count * CARRIERS * (2 if name == "by origin" else 1)
            legs = sum(matcher.decide(data, now).count(b"sofia/gateway") for data in calls)
            print(
                f"\n{name}: an image of {size:,} bytes, {size / rates:.2f} a rate;"
                f" {legs / len(calls):.1f} carriers a call"
            )
            subjects[name] = timed(matcher.decide, calls, now)
        seconds = interleave(subjects, _ROUNDS)
        middle = {name: statistics.median(each) for name, each in seconds.items()}
        print("\ndecide(): " + ", ".join(f"{name} {1e6 * m:.2f} us" for name, m in middle.items()))
        pairs = zip(seconds["by origin"], seconds["without origin"], strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        print(f"by origin takes {ratio:.2f} times as long (median of {_ROUNDS} pairs)")
