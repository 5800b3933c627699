"""What fraud rules cost a call record: ``python -m bench.fraud [CALLS]``.

Calls are stored as the drain stores them, then judged by six rules, among them both unusual ones,
over 200 accounts and 14 countries' numbers; the time of each, by CPU of this process.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from vnroute.calls.base import DeckRow, GatewayRow
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.record import Call, Leg
from vnroute.calls.spool_format import Position
from vnroute.fraud.engine import Engine
from vnroute.fraud.following import Following
from vnroute.model.fraud import FraudRule

_BATCH = 1000
CODES = (
    "1212", "44207", "49301", "33142", "34911", "39061", "31201", "4670", "4790", "35840", "48221",
    "420221", "43123", "4122",
)  # fmt: skip

RULES = (
    FraudRule(id="dear", spend="50", window="1h", by="country"),
    FraudRule(id="long", minutes=2000, window="1d"),
    FraudRule(id="premium", calls=3, window="1d", to=("+4487", "+881", "+882"), by="range"),
    FraudRule(id="pumping", calls=30, shorter=6, by="number", window="10m"),
    FraudRule(id="new", first=True, least=100),
    FraudRule(id="odd", share=40, window="1h", least=50),
)


def made(number: int, rng: random.Random, began: int) -> Call:
    """Return a call of a random account to a random number."""
    talk = int(rng.expovariate(1 / 90) * 1000)
    start = began + number * 20_000
    leg = Leg(attempt=1, uuid=f"{number:032x}", gateway="alpha-1", outcome="answered",
              dialled=f"{rng.choice(CODES)}{rng.randrange(10**6):06}", talk_ms=talk)  # fmt: skip
    return Call(
        uuid=f"{rng.getrandbits(128):032x}", started=start, answered=start + 2_000_000,
        ended=start + 2_000_000 + talk * 1000, received=start + 3_000_000 + talk * 1000,
        number=f"+1800555{rng.randrange(10**4):04}", account=f"a{rng.randrange(200)}",
        routed=True, outcome="answered", talk_ms=talk, duration_ms=talk + 2000, legs=(leg,),
    )  # fmt: skip


def main() -> None:
    """Measure, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng, began = random.Random(1), int(time.time() * 1e6) - 86_400_000_000
    with tempfile.TemporaryDirectory() as folder:
        store = open_calls(Path(folder))
        decks = [DeckRow("account", code[:2], f"a{n}", rate="0.01")
                 for code in sorted({code[:2] for code in CODES}) for n in range(200)]  # fmt: skip
        decks.sort()
        store.put_decks(1, 0, decks, [GatewayRow("alpha-1", "alpha", "", "")])
        rater, seconds = Rater(store), 0.0
        for at in range(0, count, _BATCH):
            calls = [made(n, rng, began) for n in range(at, min(count, at + _BATCH))]
            cpu = time.process_time()
            store.add("bench", Position(1, at + 1), [rater.rated(call) for call in calls])
            seconds += time.process_time() - cpu
        print(f"stored: {seconds / count * 1e6:.1f} us a call, rating included")
        cpu = time.process_time()
        follow = Following(store)
        read = list(follow.behind(0))
        reading = time.process_time() - cpu
        for name, rules in (("six rules", RULES), *((one.id, (one,)) for one in RULES)):
            engine = Engine(rules)
            cpu = time.process_time()
            hits = sum(len(engine.feed(call)) for call in read)
            judging = time.process_time() - cpu
            print(f"{name}: {judging / count * 1e6:.1f} us a call, {hits} hits")
            if rules is RULES:
                whole = reading + judging
        print(f"read: {reading / count * 1e6:.1f} us a call")
        print(f"in all: {whole / count * 1e6:.1f} us a call, {whole / seconds:.2f} of storing it")
        store.close()


if __name__ == "__main__":
    main()
