"""The audit log: every change of a document, with who, before and after."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vnroute.model import Account, Carrier, Gateway, Plan, Step
from vnroute.store import Store, StoreError, Tally, open_store

MAIN = Plan(id="main", account="acme", steps=(Step(hangup="relay"),))
BUSY = Plan(id="main", account="acme", steps=(Step(hangup="USER_BUSY"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    with opened.transaction("set up", "root") as writing:
        writing.put_accounts([Account(id="acme")])
        writing.put_plans([MAIN])
    yield opened
    opened.close()


def said(store: Store, **which: Any) -> list[tuple[str, str, str, bool, bool]]:
    return [
        (entry.who, entry.kind, entry.key, entry.before is not None, entry.after is not None)
        for entry in store.audit(**which)
    ]


def test_each_change_is_kept_with_before_and_after(store: Store) -> None:
    with store.transaction("change", "ana") as writing:
        writing.put_plans([BUSY])
    assert said(store) == [
        ("ana", "plans", "main", True, True),
        ("root", "plans", "main", False, True),
        ("root", "accounts", "acme", False, True),
    ]
    last = store.audit(limit=1)[0]
    assert last.before is not None and last.after is not None
    assert json.loads(bytes(last.before))["steps"][0]["hangup"] == "relay"
    assert json.loads(bytes(last.after))["steps"][0]["hangup"] == "USER_BUSY"
    assert (last.account, last.counter) == ("acme", 2)


def test_it_is_read_by_account_by_key_and_page_by_page(store: Store) -> None:
    with store.transaction("another", "bob") as writing:
        writing.put_accounts([Account(id="other")])
    assert said(store, account="other") == [("bob", "accounts", "other", False, True)]
    assert said(store, kind="plans", key="main") == [("root", "plans", "main", False, True)]
    first = store.audit(limit=1)
    rest = store.audit(before=first[0].id, limit=10)
    assert [entry.key for entry in first + rest] == ["other", "main", "acme"]


def test_what_is_undone_or_changes_nothing_leaves_no_trace(store: Store) -> None:
    with store.transaction("dry", "ana") as writing:
        writing.put_plans([BUSY])
        writing.discard()
    with pytest.raises(RuntimeError), store.transaction("broken", "ana") as writing:
        writing.put_plans([BUSY])
        raise RuntimeError
    with store.transaction("same", "ana") as writing:
        writing.put_plans([MAIN])
    assert {entry.who for entry in store.audit()} == {"root"}


def test_more_than_a_person_reads_is_kept_as_counts(store: Store) -> None:
    with store.transaction("load", "root") as writing:
        writing.put_accounts([Account(id=f"a{n}") for n in range(1001)])
    entry = store.audit(limit=1)[0]
    assert entry.key == "*" and entry.after is not None
    assert json.loads(bytes(entry.after)) == {"added": 1001, "changed": 0, "removed": 0}


def test_entities_are_read_and_removed_by_id(store: Store) -> None:
    carrier = Carrier(id="alpha", gateways=(Gateway(id="alpha-1", gateway="gw"),))
    with store.transaction("carrier") as writing:
        writing.put_carriers([carrier])
        writing.stage_rates([("1", "alpha", "0.1", "", 0)])
        writing.apply_rates()
    read = store.entity("carriers", "alpha")
    assert read is not None and json.loads(read)["id"] == "alpha"
    with store.transaction("gone", "ana") as writing:
        assert writing.remove_entities("carriers", ["alpha", "beta", "alpha"]) == Tally(removed=1)
    assert store.entity("carriers", "alpha") is None and store.counts().rates == 0
    assert said(store)[0] == ("ana", "carriers", "alpha", True, False)


def test_what_is_referred_to_cannot_go_alone(store: Store) -> None:
    with pytest.raises(StoreError), store.transaction("gone") as writing:
        writing.remove_entities("accounts", ["acme"])
    assert store.entity("accounts", "acme") is not None
    with store.transaction("both") as writing:
        writing.remove_entities("accounts", ["acme"])
        writing.remove_entities("plans", ["main"])
    assert store.entity("accounts", "acme") is None
