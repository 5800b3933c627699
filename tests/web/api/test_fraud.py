"""Hits of fraud rules over HTTP: one's own, and what is wrong told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.web.api.conftest import Asker
from vnroute.fraud.engine import Hit
from vnroute.fraud.memory import KeptHit, Memory
from vnroute.settings import Settings

Ask = Callable[..., Asker]


def hit(account: str, call: int) -> KeptHit:
    made = Hit(rule="r", account=account, to="GB", call=call, uuid=f"u{call}", at=10**15, said="x",
               then="alert")  # fmt: skip
    return KeptHit(hit=made, seen=1e9, did="told")


def test_hits_of_one_s_own_account(ask: Ask, home: Path) -> None:
    path = Settings(home=home).fraud_memory
    path.unlink(missing_ok=True)
    assert ask("viewer")("GET", "/fraud/hits").json() == {"items": []}
    memory = Memory()
    memory.add([hit("acme", 1), hit("other", 2), hit("acme", 3), hit("acme", 3)])
    memory.write(path)
    seen = ask("viewer")("GET", "/fraud/hits").json()["items"]
    assert [one["call"] for one in seen] == ["u3", "u2", "u1"]
    own = ask("viewer", "acme")("GET", "/fraud/hits?account=other&limit=1").json()["items"]
    assert [(one["account"], one["call"]) for one in own] == [("acme", "u3")]
    assert ask("viewer")("GET", "/fraud/hits?limit=0").status_code in (400, 422)
    path.write_text("{")
    reply = ask("viewer")("GET", "/fraud/hits")
    assert reply.status_code == 503 and "fraud.json" in reply.text
    path.unlink()
