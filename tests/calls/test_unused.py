"""Numbers and blocks that nobody calls."""

from __future__ import annotations

import time
from pathlib import Path

from tests.calls.support import record
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.reading import read_record
from vnroute.calls.spool_format import Position
from vnroute.calls.unused import unused
from vnroute.importing import Input, load
from vnroute.store import open_store

ROUTES = """
accounts: [{id: acme}]
plans: [{id: main, account: acme, steps: [{hangup: USER_BUSY}]}]
numbers:
  - {number: "+18005550001", account: acme, plan: main}
  - {number: "+18005550002", account: acme, plan: main}
blocks:
  - {block: "+1800555xxxx", account: acme, plan: main, campaign: wide}
  - {block: "+180055512xx", account: acme, plan: main, campaign: inner}
  - {prefix: "+4420794", account: acme, plan: main, campaign: london}
  - {block: "+4989123xxxx", account: acme, plan: main, campaign: munich}
"""


def test_a_call_counts_for_the_number_or_the_smallest_block(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(ROUTES)
    routing = open_store(tmp_path)
    load(routing, [Input(str(file))], replace=False, max_hops=5)
    store = open_calls(tmp_path)
    rater, now = Rater(store), time.time()
    for at, (number, days) in enumerate(
        [("+18005550001", 1), ("+18005551299", 2), ("+4420794601", 40), ("+15005550000", 1)]
    ):
        body = record(number=number, started=now - days * 86400)
        call = read_record(body, int(now * 1e6))
        store.add("spool", Position(1, at + 1), [rater.rated(call)])
    found = unused(store, routing, 10).rows
    assert [(row["number"], row["calls"], bool(row["last_day"])) for row in found] == [
        ("+18005550002", 0, False), ("+1800555xxxx", 0, False), ("+4989123xxxx", 0, False),
        ("+4420794", 1, True)]  # fmt: skip
    assert found[1]["campaign"] == "wide"
    store.close()
    routing.close()
