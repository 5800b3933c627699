"""The routing data of a run: made for it, or given, loaded into a vnroute home of the run's own.

Made data has three carriers, each cheapest for some destinations, so that every order occurs, and
numbers of each kind: a plan of one target, one of several, two steps, office hours, numbers that
are suspended, that no plan rings, and that are not ours.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vnroute.compiler import build_generation
from vnroute.importing import Input, load
from vnroute.loadtest.errors import LoadTestError
from vnroute.matcher.image import RouteImage
from vnroute.store import open_store

__all__ = ["Routes", "given_routes", "made_routes", "ported_to"]

MADE_GATEWAYS = {"alpha": "gwA", "beta": "gwB", "gamma": "gwC"}
_ORDERS = (("1212", "alpha", "beta", "gamma"), ("1305", "beta", "gamma", "alpha"),
           ("4420", "gamma", "alpha", "beta"), ("3491", "alpha", "gamma", "beta"),
           ("4930", "beta", "alpha", "gamma"), ("3319", "gamma", "beta", "alpha"))  # fmt: skip
_TARGETS = {"1212": "12125550{:03}", "1305": "13055560{:03}", "4420": "442079460{:03}",
            "3491": "349112345{:02}", "4930": "493023125{:03}",
            "3319": "331990012{:02}"}  # fmt: skip
_OURS = ("+1800555{:04}", "+44808157{:04}", "+34900123{:03}", "+1888556{:04}")
_SHARES = {"direct": 12, "follow": 4, "steps": 4, "fixed": 4, "hours": 4, "suspended": 1,
           "closed": 2, "unknown": 1}  # fmt: skip


@dataclass(frozen=True)
class Routes:
    """What is routed by: the home of vnroute, its image, the numbers to call by kind."""

    home: Path
    image: Path
    numbers: dict[str, list[str]]
    gateways: tuple[str, ...]
    made: bool

    def called(self, to: Sequence[str]) -> list[str]:
        """Return the numbers that a group calls: kinds and numbers, all if there are none.

        Raises :class:`LoadTestError` for a kind that given routing data does not know.
        """
        if not to:
            return [number for numbers in self.numbers.values() for number in numbers]
        found = []
        for kind in to:
            if kind in self.numbers:
                found += self.numbers[kind]
            elif kind.lstrip("+").isdigit():
                found.append(kind if kind.startswith("+") else f"+{kind}")
            else:
                kinds = ", ".join(self.numbers)
                raise LoadTestError(f"callers: no numbers of the kind {kind}; there are {kinds}")
        return found


def ported_to(number: int) -> int:
    """Return the routing number of a generated target, 0 for one that is not ported.

    Every second one is ported, to a number of the next carrier order.
    """
    if number % 2:
        return 0
    prefixes = list(_TARGETS)
    place = next((at for at, each in enumerate(prefixes) if str(number).startswith(each)), None)
    if place is None:
        return 0
    return int(_TARGETS[prefixes[(place + 1) % len(prefixes)]].format(0))


def made_routes(
    home: Path, numbers: int, seed: int, *, progress_seconds: int, nodes: Sequence[Path] = ()
) -> Routes:
    """Make routing data with so many numbers and compile it into a home, and into those of nodes.

    ``progress_seconds`` is how long a carrier may stay silent before the next is tried.
    """
    home.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    lines = [
        "accounts:",
        "  - {id: lab, name: Load test, time_zone: Europe/Madrid}",
        "schedules:",
        # Open and closed change by the hour, so that what holds depends on when the run is.
        "  - id: odd-hours\n    time_zone: Europe/Madrid\n    open:",
        *(f'      - {{days: daily, hours: "{h:02}:00-{h + 1:02}:00"}}' for h in range(1, 24, 2)),
        "carriers:",
    ]
    for carrier, gateway in MADE_GATEWAYS.items():
        lines.append(
            f"  - id: {carrier}\n    gateways: [{{id: {carrier}-1, gateway: {gateway},"
            f" progress_seconds: {progress_seconds}}}]"
        )
    lines.append("plans:")
    kinds = {kind: max(1, round(numbers * share / 32)) for kind, share in _SHARES.items()}
    rows: dict[str, list[str]] = {kind: [] for kind in kinds}
    count = 0
    for kind, many in kinds.items():
        for _ in range(many):
            count += 1
            form = _OURS[count % len(_OURS)]
            rows[kind].append(form.format(count))
    numbered = ["numbers:"]
    place = 0
    for kind, owned in rows.items():
        if kind == "unknown":
            continue
        for number in owned:
            place += 1
            steps = _steps(kind, place, rng)
            lines.append(f"  - id: plan-{place}\n    account: lab\n    steps:")
            lines += [f"      - {step}" for step in steps]
            state = ", state: suspended" if kind == "suspended" else ""
            numbered.append(
                f'  - {{number: "{number}", account: lab, plan: plan-{place},'
                f" campaign: {kind}{state}}}"
            )
    (home / "routes.yaml").write_text("\n".join(lines + numbered) + "\n")
    rates = ["prefix,carrier,rate"]
    for prefix, *order in _ORDERS:
        rates += [f"{prefix},{name},0.00{3 + n}" for n, name in enumerate(order)]
    (home / "rates.csv").write_text("\n".join(rates) + "\n")
    files = [str(home / "routes.yaml"), str(home / "rates.csv")]
    image = _compile(home, files)
    for node in nodes:
        _compile(node, files)
    return Routes(home, image, rows, tuple(MADE_GATEWAYS.values()), True)


def given_routes(
    home: Path, files: Sequence[str], numbers: int, seed: int, nodes: Sequence[Path] = ()
) -> Routes:
    """Load routing files, number lists and rate decks; the numbers to call are drawn from them.

    Raises RoutingDataError for data that is refused, :class:`LoadTestError` where it has no number.
    """
    home.mkdir(parents=True, exist_ok=True)
    image = _compile(home, files)
    for node in nodes:
        _compile(node, files)
    store = open_store(str(home), create=False)
    try:
        with store.snapshot() as reading:
            owned = [f"+{number}" for batch in reading.iter_numbers() for number, _ in batch]
            gateways = {gateway.gateway for c in reading.carriers() for gateway in c.gateways}
    finally:
        store.close()
    if not owned:
        raise LoadTestError("the routing data given has no number to call")
    rng = random.Random(seed)
    chosen = owned if len(owned) <= numbers else rng.sample(owned, numbers)
    return Routes(home, image, {"given": chosen}, tuple(sorted(gateways)), False)


def _steps(kind: str, place: int, rng: random.Random) -> list[str]:
    prefixes = list(_TARGETS)
    first = prefixes[place % len(prefixes)]

    def target(prefix: str) -> str:
        return '"+' + _TARGETS[prefix].format(rng.randrange(10, 99)) + '"'

    other = target(rng.choice(prefixes))
    match kind:
        case "direct":
            return [f"{{ring: [{target(first)}], seconds: 6}}", "{hangup: relay}"]
        case "follow":
            return [f"{{ring: [{target(first)}, {other}], seconds: 4}}", "{hangup: relay}"]
        case "steps":
            return [
                f"{{ring: [{target(first)}], seconds: 3}}",
                f"{{ring: [{other}], seconds: 5}}",
                "{hangup: NO_ANSWER}",
            ]
        case "hours":
            return [
                f"{{when: odd-hours, ring: [{target(first)}], seconds: 5}}",
                f"{{when: odd-hours, is: closed, ring: [{other}], seconds: 5}}",
                "{hangup: relay}",
            ]
        case "closed":
            return ["{hangup: NUMBER_CHANGED}"]
    return [f"{{ring: [{target(first)}], seconds: 5}}", "{hangup: USER_BUSY}"]


def _compile(home: Path, files: Sequence[str]) -> Path:
    store = open_store(str(home), create=True)
    try:
        load(store, [Input(file) for file in files], replace=True)
        with store.snapshot() as reading:
            compiled = build_generation(reading, home / "images", horizon_years=2, max_attempts=6)
    finally:
        store.close()
    RouteImage(compiled.path)
    return compiled.path
