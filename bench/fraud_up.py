"""What calls that are up cost fraud rules a look: ``python -m bench.fraud_up [CALLS]``.

The six rules of ``bench.fraud``, one over money among them, and so many calls of 200 accounts up,
of which one in thirty is new at each look; CPU of this process.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.fraud import CODES, RULES
from vnroute import log
from vnroute.calls.base import DeckRow, GatewayRow
from vnroute.calls.opening import open_calls
from vnroute.calls.up import CallUp
from vnroute.carriers.switch_link import Report
from vnroute.fraud.watch import FraudWatch

_LOOKS = 10


def main() -> None:
    """Measure, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rng, now = random.Random(1), time.time()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        store = open_calls(place)
        decks = [DeckRow("account", code[:2], f"a{n}", rate="0.01")
                 for n in range(200) for code in CODES]  # fmt: skip
        store.put_decks(1, 0, decks, [GatewayRow("alpha-1", "alpha", "", "")])
        rules = [msgspec.structs.asdict(rule) for rule in RULES]
        for each in rules:
            # Nothing is hit: that is what is paid for at each look.
            each |= {"spend": "90000000"} if each["spend"] else {}
            each |= {"minutes": 10**9} if each["minutes"] else {}
        (place / "fraud.yaml").write_bytes(msgspec.json.encode({"rules": rules}))
        watch = FraudWatch(place / "fraud.yaml", place / "fraud.json", place / "state.page",
                           lambda: open_calls(place), lambda: None, log.get_logger())  # fmt: skip
        watch.turn()

        def made() -> CallUp:
            began = int((now - rng.uniform(0, 600)) * 1e6)
            return CallUp(
                f"{rng.getrandbits(128):032x}", f"a{rng.randrange(200)}", "+18005550000",
                f"+1212555{rng.randrange(10**4):04}", "alpha-1",
                f"{rng.choice(CODES)}{rng.randrange(10**6):06}", began, began,
            )  # fmt: skip

        calls = [made() for _ in range(count)]
        spent, decoded = [], []
        for look in range(_LOOKS + 1):
            calls = [*calls[count // 30 :], *(made() for _ in range(count // 30))]
            line = msgspec.json.encode(Report(kind="calls", at=now, calls=tuple(calls)))
            began = time.process_time()
            report = msgspec.json.decode(line, type=Report)
            decoded.append(time.process_time() - began)
            watch.take_calls_up("fs1", now + 5 * look, report.calls)
            began = time.process_time()
            watch.turn()
            spent.append(time.process_time() - began)
        store.close()
    print(f"{count} calls up, {len(line)} bytes a look; the first: {spent[0] * 1e3:.0f} ms")
    print(f"each further look: {sorted(spent[1:])[_LOOKS // 2] * 1e3:.0f} ms, and "
          f"{sorted(decoded)[_LOOKS // 2] * 1e3:.1f} ms to read what the link tells")  # fmt: skip


if __name__ == "__main__":
    main()
