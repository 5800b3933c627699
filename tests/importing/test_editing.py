"""Edits: entries put and removed as data, checked as files are, all of it or nothing."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vnroute.importing.editing import edit
from vnroute.model import RoutingDataError
from vnroute.store import Store, Transaction, open_store

SET_UP = {
    "accounts": [{"id": "acme"}, {"id": "other"}],
    "schedules": [{"id": "office", "open": [{"days": "mon-fri", "hours": "09:00-17:00"}]}],
    "plans": [
        {
            "id": "main",
            "account": "acme",
            "steps": [
                {"when": "office", "ring": ["+12125550100"], "seconds": 20},
                {"ring": ["plan:night"]},
                {"hangup": "relay"},
            ],
        },
        {"id": "night", "account": "acme", "steps": [{"hangup": "USER_BUSY"}]},
    ],
    "carriers": [{"id": "alpha", "gateways": [{"id": "alpha-1", "gateway": "gw"}]}],
    "numbers": [{"number": "+18005551234", "account": "acme", "plan": "main"}],
    "rates": [{"prefix": "+1", "carrier": "alpha", "rate": "0.01"}],
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    make(opened, SET_UP)
    yield opened
    opened.close()


def make(store: Store, put: dict[str, Any], **more: Any) -> Any:
    remove = more.pop("remove", {})
    return edit(store, put, remove, what="edit", who="ana", **more)


def refused(store: Store, put: dict[str, Any], **more: Any) -> list[str]:
    before = store.change_counter()
    with pytest.raises(RoutingDataError) as caught:
        make(store, put, **more)
    assert store.change_counter() == before
    assert {(problem.file, problem.line) for problem in caught.value.problems} == {("(request)", 0)}
    return [f"{p.field}: {p.found}; {p.expected}" for p in caught.value.problems]


def test_entries_are_put_as_a_file_would(store: Store) -> None:
    assert (store.counts().plans, store.counts().numbers, store.counts().rates) == (2, 1, 1)
    night = {"id": "night", "account": "acme", "steps": [{"hangup": "NO_ANSWER"}]}
    report = make(store, {"plans": [night]})
    assert report.applied and report.counts["plans"].changed == 1
    assert [(entry.who, entry.key) for entry in store.audit(limit=1)] == [("ana", "night")]


def test_every_mistake_is_told_by_its_path(store: Store) -> None:
    plan = {
        "id": "new",
        "account": "acme",
        "stepps": [],
        "steps": [{"ring": ["12125550100"], "seconds": "soon"}, {"hangup": "NOPE"}],
    }
    told = refused(store, {"plans": [plan]})
    assert {line.partition(":")[0] for line in told} == {
        "plans[0].stepps",
        "plans[0].steps[0].ring[0]",
        "plans[0].steps[0].seconds",
        "plans[0].steps[1].hangup",
    }


@pytest.mark.parametrize(
    "body", [None, [], "plans", 7, {"plans": {}}, {"plans": [None]}, {"x": []}]
)
def test_what_is_no_routing_data_is_refused(store: Store, body: Any) -> None:
    if isinstance(body, dict):
        assert refused(store, body)


def test_references_are_checked(store: Store) -> None:
    plan = {"id": "new", "account": "nobody", "steps": [{"when": "never", "ring": ["user:a@b"]}]}
    plan["steps"].append({"hangup": "relay"})  # type: ignore[attr-defined]
    told = refused(store, {"plans": [plan]})
    assert [line.partition(":")[0] for line in told] == [
        "plans[0].account",
        "plans[0].steps[0].when",
    ]


def test_no_file_of_this_machine_is_read(store: Store) -> None:
    schedule = {"id": "s", "rules": [{"state": "shut", "calendar": "/etc/hostname"}]}
    assert refused(store, {"schedules": [schedule]}) == [
        "schedules[0].rules[0].calendar: '/etc/hostname'; the text of an iCalendar (RFC 5545)"
    ]


def test_what_is_referred_to_stays(store: Store) -> None:
    assert refused(store, {}, remove={"schedules": ["office"]}) == [
        "remove.schedules[0]: 'office', which the plan 'main' still uses; "
        "what nothing refers to; change or remove that along with it"
    ]
    assert "the plan 'main' still uses" in refused(store, {}, remove={"plans": ["night"]})[0]
    told = refused(store, {}, remove={"accounts": ["acme"]})[0]
    assert "the plan 'main', the plan 'night', numbers still use" in told
    assert "numbers still use" in refused(store, {}, remove={"plans": ["main"]})[0]


def test_what_is_not_there_cannot_go(store: Store) -> None:
    assert refused(store, {}, remove={"carriers": ["beta"]}) == [
        "remove.carriers[0]: 'beta'; one of the carriers that are there"
    ]


def test_nothing_is_both_put_and_removed(store: Store) -> None:
    told = refused(
        store, {"accounts": [{"id": "other", "name": "O"}]}, remove={"accounts": ["other"]}
    )
    assert told == ["remove.accounts[0]: 'other'; each id put or removed, not both"]


def test_entries_go_together_with_what_refers_to_them(store: Store) -> None:
    main = {"id": "main", "account": "acme", "steps": [{"hangup": "relay"}]}
    remove = {"schedules": ["office"], "plans": ["night"], "carriers": ["alpha"]}
    report = make(store, {"plans": [main]}, remove=remove)
    assert report.counts["schedules"].removed == 1 and report.counts["carriers"].removed == 1
    assert store.schedules() == [] and [plan.id for plan in store.plans()] == ["main"]
    assert store.counts().rates == 0
    make(store, {}, remove={"accounts": ["other"]})
    assert [account.id for account in store.accounts()] == ["acme"]


def test_a_dry_run_keeps_nothing(store: Store) -> None:
    before = store.change_counter()
    report = make(store, {}, remove={"accounts": ["other"]}, dry_run=True)
    assert not report.applied and report.counts["accounts"].removed == 1
    assert store.change_counter() == before and len(store.accounts()) == 2


def test_who_may_not_is_refused_before_anything_is_written(store: Store) -> None:
    def allowed(writing: Transaction) -> None:
        assert writing.entity("accounts", "other") is not None
        raise PermissionError

    with pytest.raises(PermissionError):
        make(store, {}, remove={"accounts": ["other"]}, allowed=allowed)
    assert len(store.accounts()) == 2


def ringing(*targets: str) -> dict[str, Any]:
    return {
        "id": "main",
        "account": "acme",
        "steps": [{"ring": list(targets)}, {"hangup": "relay"}],
    }


def test_a_number_that_is_rung_closes_no_loop(store: Store) -> None:
    """However it comes to be ours: what plans ring is known without reading the plans."""
    loop = "a forwarding loop"
    ours = {"number": "+12125550100", "account": "acme", "plan": "main"}
    assert loop in refused(store, {"numbers": [ours]})[0]
    away = {**ours, "plan": "night"}
    assert make(store, {"numbers": [away]}).applied
    assert loop in refused(store, {"numbers": [ours]})[0]
    # No plan rings it any more; then one does again.
    assert make(store, {"plans": [ringing("+12125550999")]}).applied
    assert make(store, {"numbers": [ours]}).applied
    assert loop in refused(store, {"plans": [ringing("+12125550100")]})[0]
    # A person rings as plans do.
    ana = {"id": "ana", "account": "acme", "places": {"desk": "+13105550111"}, "place": "desk"}
    assert make(store, {"persons": [ana], "plans": [ringing("person:ana")]}).applied
    desk = {"number": "+13105550111", "account": "acme", "plan": "main"}
    assert loop in refused(store, {"numbers": [desk]})[0]


def test_a_number_that_goes_may_leave_a_loop_to_its_block(store: Store) -> None:
    block = {"block": "+1212555xxxx", "account": "acme", "plan": "main"}
    away = {"number": "+12125550100", "account": "acme", "plan": "night"}
    assert make(store, {"numbers": [away], "blocks": [block]}).applied
    with pytest.raises(RoutingDataError, match="a forwarding loop"):
        make(store, {}, remove={"numbers": ["+12125550100"]})


def test_what_an_older_store_rings_is_noted(store: Store) -> None:
    raw = sqlite3.connect(store.location)
    raw.executescript("DELETE FROM rung_numbers; CREATE TABLE rung_to_note (waits INTEGER)")
    raw.close()
    again = open_store(Path(store.location).parent)
    ours = {"number": "+12125550100", "account": "acme", "plan": "main"}
    assert "a forwarding loop" in refused(again, {"numbers": [ours]})[0]
    again.close()
