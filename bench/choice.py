"""Choice of carriers among five million rates: held to a plain reading of the decks, and timed.

    python -m bench.choice [--rates 5000000] [--carriers 200] [--calls 20000] [--no-times]

Decks are drawn at random (bench/random_decks.py) and compiled with accounts that choose carriers
in each way there is. Random calls at random moments are then decided, and each list of carriers is
held to what each deck says when it is read row by row. At the end, decide() on that image stands
beside decide() on one of 1,000 rates and 3 carriers, with equally many carriers tried.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bench.random_decks import PEAK_HOURS, Decks
from tests.support.memory import MemoryRouting
from vnroute.compiler import compile_image
from vnroute.image.keys import Kind
from vnroute.image.layout import SectionId
from vnroute.image.state_page import StatePage
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import channel_data
from vnroute.matcher.image import RouteImage
from vnroute.model import Account, Carrier, Choice, Gateway, Number, OpenHours, Plan, Schedule, Step
from vnroute.model.deck import NO_END, RateInForce
from vnroute.model.e164 import parse_number
from vnroute.model.problem import FieldError

__all__ = ["NOW", "DeckRouting", "compare", "decks_of", "main", "routing_of"]

NOW = 1_795_453_200
MOMENTS = [NOW + 3600, NOW + 8 * 3600, NOW + 2 * 86400]
_TIMED = 1000


class DeckRouting(MemoryRouting):
    """Routing data whose decks are drawn while they are read; ``reading`` is how long that took."""

    def __init__(self, decks: Decks, **lists: object) -> None:
        super().__init__(**lists)  # type: ignore[arg-type]
        self.decks = decks
        self.reading = 0.0

    def rated_carriers(self) -> set[str]:
        """All of them."""
        return set(self.decks.carriers)

    def iter_rates(self, now: int = 0, kind: str = "carrier") -> Iterator[RateInForce]:
        """Yield the decks' rows as a store does, or what the accounts pay."""
        if kind == "account":
            yield from super().iter_rates(now, kind)
            return
        began = time.perf_counter()
        for carrier, row in self.decks.rows():
            rate = RateInForce(
                row.prefix, carrier, row.rate, row.origin, row.time, row.effective, row.end, "0",
                1, 1, row.blocked, "", "",
            )  # fmt: skip
            self.reading += time.perf_counter() - began
            yield rate
            began = time.perf_counter()


def decks_of(carriers: int, rates: int) -> Decks:
    """Return so many decks; large ones quote four destinations of ten each."""
    names = [f"c{place:03}" for place in range(carriers)]
    return Decks(names, rates, 0.4 if carriers > 10 else 1.0, MOMENTS)


def choices_of(decks: Decks) -> dict[str, Choice]:
    """Return choices of each kind, by the account that has it."""
    draw = random.Random(7)

    def some(count: int) -> tuple[str, ...]:
        return tuple(draw.sample(decks.carriers, min(count, len(decks.carriers) - 1)))

    return {
        "plain": Choice(),
        "denied": Choice(deny=some(20), most=5),
        "allowed": Choice(allow=some(60)),
        "fixed": Choice(order="fixed", carriers=some(8)),
        "blocked": Choice(block=tuple(f"+{p}" for p in draw.sample(decks.prefixes, 50))),
        "quality": Choice(order="quality"),
        "within": Choice(within=1),
        "margin": Choice(margin="10%"),
        "three": Choice(most=3),
        "six": Choice(most=6),
    }


def _target(decks: Decks, draw: random.Random) -> str:
    """Return a number that a plan may ring: a country may have a plan of its own for them."""
    while True:
        number = f"+{decks.called(draw)}"
        try:
            parse_number(number)
        except FieldError:
            continue
        return number


def routing_of(decks: Decks, targets: int) -> DeckRouting:
    """Return an account for each choice, each with so many plans that ring a random number."""
    draw = random.Random(11)
    choices = choices_of(decks)
    names = [(account, f"{account}-{place}") for account in choices for place in range(targets)]
    return DeckRouting(
        decks,
        account_list=[Account(id=name, choice=choice) for name, choice in choices.items()],
        schedule_list=[
            Schedule(
                id="peak",
                time_zone="UTC",
                open=(
                    OpenHours(
                        days="daily", hours=f"{PEAK_HOURS[0]:02}:00-{PEAK_HOURS[-1] + 1}:00"
                    ),
                ),
            )
        ],
        plan_list=[
            Plan(
                id=plan,
                account=account,
                steps=(Step(ring=(_target(decks, draw),)), Step(hangup="USER_BUSY")),
            )
            for account, plan in names
        ],
        number_list=[
            Number(number=f"+{18_005_000_000 + place}", account=account, plan=plan)
            for place, (account, plan) in enumerate(names)
        ],
        carrier_list=[
            Carrier(id=name, gateways=(Gateway(id=name, gateway=name),)) for name in decks.carriers
        ],
        price_list=[
            RateInForce(prefix, "margin", f"{draw.uniform(0.002, 0.4):.4f}", "", "", 0, NO_END, "0",
                        1, 1, False, "", "")
            for prefix in decks.prefixes
            if len(prefix) < 5 or draw.random() < 0.02
        ],
    )  # fmt: skip


def _price(routing: DeckRouting, called: str) -> Decimal | None:
    """Return what the account with a margin pays for a number, None where its deck has nothing."""
    fitting = [row for row in routing.price_list if called.startswith(row.prefix)]
    return Decimal(max(fitting, key=lambda row: len(row.prefix)).rate) if fitting else None


def compare(
    routing: DeckRouting, matcher: Matcher, calls: int, directory: Path
) -> tuple[int, list[str]]:
    """Decide random calls; return how many carriers they were tried by in all, and what differs.

    Half of them go to a plan's number by decide() itself, half are diverted to any other.
    """
    decks, choices = routing.decks, choices_of(routing.decks)
    draw = random.Random(13)
    classes = {name: draw.randrange(4) for name in decks.carriers}
    page = StatePage.open(directory / "classes.page", create=True)
    for name, value in classes.items():
        page.put(Kind.QUALITY, name, value)
    matcher.use_page(page)
    plans = {plan.id: plan for plan in routing.plan_list}
    tried, wrong = 0, []
    for place in range(calls):
        moment = NOW + draw.randrange(4 * 86400)
        number = draw.choice(routing.number_list)
        choice, limit = choices[number.account], None
        if place % 2:
            called = str(plans[number.plan].steps[0].targets[0].number)
            reply = matcher.decide(channel_data(number.number, "+34911234567"), moment).decode()
            names = reply.partition(";vn_legs=")[2].partition(";")[0]
            got: list[object] = list(names.split(",")) if names else []
            if choice.margin:
                price = _price(routing, called)
                limit = Decimal(-1) if price is None else price * Decimal("0.9")
            read = decks.read(called, moment, choice, limit, classes)
            wanted: list[object] = [name for name, _ in read]
        else:
            called = decks.called(draw)
            row = matcher.image.find_number(int(number.number[1:]))
            assert row is not None
            found = matcher.candidates_for(int(called), row, moment)
            got = [
                (name, Decimal(rate or 0).scaleb(-8))
                for _, name, rate in found[: choice.most or None]
            ]
            wanted = list(decks.read(called, moment, choice, None, classes))
        tried += len(wanted)
        if got != wanted:
            wrong.append(f"+{called} at {moment}, {number.account}: {got}, not {wanted}")
    matcher.use_page(None)
    return tried, wrong


def _calls(routing: DeckRouting, matcher: Matcher, account: str, legs: int) -> list[bytes]:
    """Return calls to an account's numbers that are tried by exactly so many carriers."""
    found = []
    for number in routing.number_list:
        if number.account == account:
            data = channel_data(number.number, "+34911234567")
            names = matcher.decide(data, NOW).partition(b";vn_legs=")[2].partition(b";")[0]
            if names.count(b",") == legs - 1 and names:
                found.append(data)
    draw = random.Random(17)
    return [draw.choice(found) for _ in range(_TIMED)]


def _median(matcher: Matcher, calls: list[bytes]) -> float:
    """Return the nanoseconds a decision takes over all the calls, in any order."""
    began = time.perf_counter_ns()
    for data in calls:
        matcher.decide(data, NOW)
    return (time.perf_counter_ns() - began) / len(calls)


def _compiled(routing: DeckRouting, directory: Path, name: str) -> tuple[Matcher, float, int]:
    began = time.perf_counter()
    compiled = compile_image(routing, directory / name, generation=1, now=NOW, max_attempts=32)
    seconds = time.perf_counter() - began
    sections = RouteImage(directory / name)
    held = ("PREFIX_INDEX", "PREFIXES", "CHOICES", "DESTINATIONS", "RATES")
    size = sum(
        place.size for section, place in sections.header.sections.items() if section.name in held
    )
    del compiled
    return Matcher(sections, seed=1), seconds, size


def main() -> None:
    """Compile, compare, time; print what came of it. Exit status 1 where a list differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rates", type=int, default=5_000_000)
    parser.add_argument("--carriers", type=int, default=200)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--no-times", action="store_true", help="leave decide() untimed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        routing = routing_of(decks_of(options.carriers, options.rates), 400)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        matcher, seconds, size = _compiled(routing, directory, "large.vnr")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rates = sum(1 for _ in routing.decks.rows())
        counts = matcher.image.counts()
        columns = matcher.image.header.sections[SectionId.DESTINATIONS].parameter
        print(
            f"{rates:,} rates of {options.carriers} carriers, {len(routing.decks.prefixes):,}"
            f" prefixes, {counts['orders']} choices in {columns} columns\n"
            f"compiled in {seconds - routing.reading:.1f} s (and {routing.reading:.1f} s to"
            f" draw the decks), peak {peak:,.0f} MiB (of these {before:,.0f} before)\n"
            f"{size:,} bytes of the image are rates: {size / rates:.2f} bytes a rate",
            flush=True,
        )
        began = time.perf_counter()
        tried, wrong = compare(routing, matcher, options.calls, directory)
        print(
            f"{options.calls:,} random calls compared, {tried:,} carriers in their lists:"
            f" {len(wrong)} mismatches ({time.perf_counter() - began:.0f} s)",
            flush=True,
        )
        for line in wrong[:5]:
            print(f"  {line}")
        if not options.no_times:
            small = routing_of(decks_of(3, 1000), 400)
            beside, _, _ = _compiled(small, directory, "small.vnr")
            sides = {
                "1,000 rates, 3 carriers, 3 tried": (beside, _calls(small, beside, "three", 3)),
                "large, 3 tried": (matcher, _calls(routing, matcher, "three", 3)),
                "large, 6 tried": (matcher, _calls(routing, matcher, "six", 6)),
            }
            medians: dict[str, list[float]] = {name: [] for name in sides}
            for _ in range(41):
                for name, (side, calls) in sides.items():
                    medians[name].append(_median(side, calls))
            first = statistics.median(medians["1,000 rates, 3 carriers, 3 tried"])
            for name, times in medians.items():
                middle = statistics.median(times)
                print(f"decide(), {name}: {middle:,.0f} ns, {middle / first:.2f} times")
        if wrong:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
