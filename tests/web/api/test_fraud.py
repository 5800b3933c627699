"""Fraud rules and their hits over HTTP: one's own, what is wrong told, the file the one truth."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.calls.support import record
from tests.web.api.conftest import Asker
from vnroute.access.owner import owners_key
from vnroute.access.store import AccessStore
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.reading import read_record
from vnroute.calls.spool_format import Position
from vnroute.fraud.engine import Hit
from vnroute.fraud.memory import KeptHit, Memory
from vnroute.fraud.rule_file import read_rules
from vnroute.settings import FraudSettings, Settings
from vnroute.store import open_store
from vnroute.web.app import make_app
from vnroute.web.metrics import Metrics
from vnroute.web.status_api import LiveStatus

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


RULES = """\
# ours
rules:
  - {id: often, calls: 3, window: 1h, by: country, then: block, hold: 2h, hang_up: true}
  - {id: dear, spend: 50 EUR}
"""
SENT = {"rules": [{"id": "often", "calls": 2, "window": "2h"}, {"id": "new", "first": True}]}


@pytest.fixture
def watched(home: Path, tmp_path: Path) -> Iterator[tuple[Path, Ask]]:
    """A home with a file of rules, and who asks: a role, of an account or of none."""
    path = tmp_path / "fraud.yaml"
    path.write_text(RULES)
    settings = Settings(home=home, fraud=FraudSettings(rules=str(path)))
    open_store(str(home)).close()
    owners_key(settings.state)
    access = AccessStore(home)
    live = LiveStatus(settings)
    keys = functools.cache(
        lambda role, account: access.add_key(f"{role}-{account or 'all'}", role, account)[1]
    )
    with TestClient(make_app(live, Metrics(live)), raise_server_exceptions=False) as client:
        yield path, lambda role, account="": Asker(client, keys(role, account))
    access.close()


def test_rules_are_read_as_the_file_has_them(watched: tuple[Path, Ask]) -> None:
    path, ask = watched
    viewer = ask("viewer")
    reply = viewer("GET", "/fraud/rules")
    assert reply.json() == {
        "file": str(path), "failing": "",
        "rules": [
            {"id": "often", "calls": 3, "by": "country", "then": "block", "hold": "2h",
             "hang_up": True},
            {"id": "dear", "spend": "50 EUR"},
        ],
    }  # fmt: skip
    # Somebody edits it by hand: what is shown follows, and what is wrong is told with its line.
    path.write_text("rules:\n  - {id: often, call: 3}\n")
    told = viewer("GET", "/fraud/rules")
    assert told.json()["rules"] == [] and "2: " in told.json()["failing"]
    assert told.headers["etag"] != reply.headers["etag"]
    path.unlink()
    assert "no such file" in viewer("GET", "/fraud/rules").json()["failing"]


def test_rules_are_replaced_in_one_step_and_noted(watched: tuple[Path, Ask]) -> None:
    path, ask = watched
    operator = ask("operator")
    assert operator("PUT", "/fraud/rules", SENT).status_code == 428
    tag = operator.etag("/fraud/rules")
    dry = operator("PUT", "/fraud/rules?dry_run=true", SENT, If_Match=tag)
    assert dry.json() == {"applied": False, "changed": True, "rules": 2}
    assert path.read_text() == RULES
    done = operator("PUT", "/fraud/rules", SENT, If_Match=tag)
    assert done.status_code == 200 and done.json()["applied"]
    assert [rule.id for rule in read_rules(path)] == ["often", "new"]
    assert path.read_text() == (
        'rules:\n  - {"id":"often","window":"2h","calls":2}\n  - {"id":"new","first":true}\n'
    )
    assert done.headers["etag"] == operator.etag("/fraud/rules")
    assert operator("PUT", "/fraud/rules", SENT, If_Match=tag).status_code == 412
    again = operator("PUT", "/fraud/rules", SENT, If_Match=done.headers["etag"])
    assert again.json()["changed"] is False
    (entry,) = ask("admin")("GET", "/audit?kind=fraud").json()["items"]
    assert (entry["who"], entry["key"]) == ("operator-all (key)", "rules")
    assert entry["before"]["rules"][1] == {"id": "dear", "spend": "50 EUR"}
    assert entry["after"] == {
        "rules": [{"id": "often", "window": "2h", "calls": 2}, {"id": "new", "first": True}]
    }
    path.unlink()
    assert operator("PUT", "/fraud/rules", SENT, If_Match=tag).status_code == 412
    assert operator("PUT", "/fraud/rules", {"rules": []}, If_None_Match="*").status_code == 200
    assert read_rules(path) == ()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rules": [{"id": "a", "calls": 1}, {"id": "a", "calls": 2}]}, "rules[1].id"),
        ({"rules": [{"id": "a", "calls": "x"}]}, "rules[0].calls"),
        ({"rules": [{"id": "a", "minutes": 1, "hang_up": True}]}, "rules[0].hang_up"),
        ({"rules": [{"id": "a", "minute": 1}]}, "rules[0].minute"),
        ({"rules": {}}, "rules"),
        ({"rules": [], "more": 1}, "more"),
        ([], "rules"),
        (3, "rules"),
    ],
)
def test_each_mistake_is_told_with_its_field(
    watched: tuple[Path, Ask], body: Any, field: str
) -> None:
    path, ask = watched
    operator = ask("operator")
    tag = operator.etag("/fraud/rules")
    for reply in (
        operator("PUT", "/fraud/rules", body, If_Match=tag),
        operator("POST", "/fraud/rules/test", body),
    ):
        assert reply.status_code == 422 and reply.headers["content-type"].startswith(
            "application/problem+json"
        )
        assert field in [error["field"] for error in reply.json()["errors"]]
    assert path.read_text() == RULES


def test_rules_are_tried_on_stored_calls(watched: tuple[Path, Ask], home: Path) -> None:
    import time

    _, ask = watched
    store = open_calls(home)
    rater, now = Rater(store), time.time()
    store.add("spool", Position(1, 1), [
        rater.rated(read_record(record(call=f"c{n}", account="acme", started=now - 600 + n),
                                int(now * 1e6)))
        for n in range(4)
    ])  # fmt: skip
    store.close()
    told = ask("viewer")("POST", "/fraud/rules/test?days=1", SENT).json()
    assert (told["calls"], told["complete"]) == (4, True)
    assert [(one["rule"], one["call"]) for one in told["hits"]] == [("often", "c2")]
    assert ask("operator")("POST", "/fraud/rules/test?days=99", SENT).status_code == 400


def test_rules_are_not_of_one_account(watched: tuple[Path, Ask]) -> None:
    _, ask = watched
    for role in ("viewer", "operator"):
        assert ask(role, "acme")("GET", "/fraud/rules").status_code == 404
        assert ask(role, "acme")("POST", "/fraud/rules/test", SENT).status_code == 404
    assert ask("operator", "globex")("PUT", "/fraud/rules", SENT).status_code == 404
    assert ask("viewer")("PUT", "/fraud/rules", SENT).status_code == 403


def test_without_a_file_it_says_what_to_set(ask: Ask) -> None:
    for method in ("GET", "PUT"):
        reply = ask("operator")(method, "/fraud/rules", SENT if method == "PUT" else None)
        assert reply.status_code == 409 and reply.json()["type"] == "urn:vnroute:problem:unset"
        assert "VNROUTE_FRAUD_RULES" in reply.json()["detail"]
