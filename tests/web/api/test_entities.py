"""Routing data over HTTP: read, changed, removed; every refusal with its field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web.api.conftest import Asker, plan
from vnroute.store import open_store

Ask = Callable[..., Asker]


def fields(reply: Any) -> list[str]:
    assert reply.headers["content-type"].startswith("application/problem+json"), reply.text
    return [error["field"] for error in reply.json().get("errors", [])]


def test_one_is_read_with_its_etag(ask: Ask) -> None:
    reply = ask()("GET", "/plans/acme-main")
    assert reply.status_code == 200 and reply.json()["account"] == "acme"
    assert reply.headers["etag"].startswith('"')
    assert ask()("GET", "/plans/nothing").status_code == 404


def test_pages_follow_each_other(ask: Ask) -> None:
    owner = ask()
    first = owner("GET", "/schedules?limit=2").json()
    rest = owner("GET", f"/schedules?limit=2&after={first['next']}").json()
    ids = [item["schedule"]["id"] for item in first["items"] + rest["items"]]
    assert ids == ["acmes", "others", "shared"] and rest["next"] == ""
    found = owner("GET", "/schedules?like=CME").json()["items"]
    assert [item["schedule"]["id"] for item in found] == ["acmes"]
    etag = found[0]["etag"]
    assert etag == owner.etag("/schedules/acmes")


def test_one_is_made_changed_and_removed(ask: Ask, home: Path) -> None:
    owner = ask("operator")
    made = owner("PUT", "/plans/new", plan("new", "acme"), If_None_Match="*")
    assert made.status_code == 201 and made.json()["added"] == 1
    etag = made.headers["etag"]
    assert etag == owner.etag("/plans/new")
    changed = owner("PUT", "/plans/new", plan("new", "acme", "USER_BUSY"), If_Match=etag)
    assert changed.status_code == 200 and changed.json()["changed"] == 1
    gone = owner("DELETE", "/plans/new", If_Match=changed.headers["etag"])
    assert gone.status_code == 200 and gone.json()["removed"] == 1
    assert owner("GET", "/plans/new").status_code == 404
    store = open_store(str(home))
    whos = {(entry.who, entry.key) for entry in store.audit(limit=3)}
    store.close()
    assert whos == {("operator-all (key)", "new")}


def test_what_was_not_seen_is_not_changed(ask: Ask) -> None:
    owner = ask()
    old = owner.etag("/plans/acme-main")
    body = plan("acme-main", "acme", "USER_BUSY")
    assert owner("PUT", "/plans/acme-main", body).status_code == 428
    assert owner("PUT", "/plans/acme-main", body, If_None_Match="*").status_code == 412
    assert owner("PUT", "/plans/acme-main", body, If_Match=old).status_code == 200
    other = plan("acme-main", "acme", "NO_ANSWER")
    stale = owner("PUT", "/plans/acme-main", other, If_Match=old)
    assert stale.status_code == 412 and stale.json()["type"] == "urn:vnroute:problem:stale"
    assert owner("DELETE", "/plans/acme-main", If_Match=old).status_code == 412
    assert owner("DELETE", "/plans/acme-main").status_code == 428
    assert owner("PUT", "/plans/none", plan("none", "acme"), If_Match='"x"').status_code == 412
    assert owner("DELETE", "/plans/none", If_Match="*").status_code == 404
    assert owner("GET", "/plans/acme-main").json()["steps"][0]["hangup"] == "USER_BUSY"
    assert owner("PUT", "/plans/acme-main", other, If_Match="*").status_code == 200


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"steps": [{"hangup": "NOPE"}], "account": "acme"}, ["steps[0].hangup"]),
        ({"steps": [{"hangup": "relay"}], "account": "nobody"}, ["account"]),
        ({"steps": [{"hangup": "relay"}]}, ["account"]),
        ({"id": "another", "steps": [{"hangup": "relay"}], "account": "acme"}, ["id"]),
        ({"steps": [], "account": "acme", "extra": 1}, ["extra", "steps"]),
        ({"steps": "x", "account": 7}, ["steps", "account"]),
        ([], [""]),
        ("text", [""]),
        (None, [""]),
    ],
)
def test_mistakes_are_told_by_field(ask: Ask, body: Any, paths: list[str]) -> None:
    owner = ask()
    reply = owner("PUT", "/plans/new", body)
    if body is None:
        assert reply.status_code == 400
        return
    assert reply.status_code == 422, reply.text
    if isinstance(body, dict):
        assert sorted(fields(reply)) == sorted(paths)
    assert owner("GET", "/plans/new").status_code == 404


def test_what_is_no_json_is_refused(ask: Ask) -> None:
    owner = ask()
    send = owner.client.request
    kind = {"Content-Type": "application/json", **owner.headers}
    for body, status in (
        (b"", 400),
        (b"{", 400),
        (b'{"a": NaN}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"steps":' + b"[" * 40 + b"]" * 40 + b"}", 400),
        (b'"' + b"x" * 9_000_000 + b'"', 413),
    ):
        reply = send("PUT", "/api/v1/plans/new", content=body, headers=kind)
        assert reply.status_code == status, (body[:20], reply.text)
        assert reply.headers["content-type"].startswith("application/problem+json")
    form = {**owner.headers, "Content-Type": "application/x-www-form-urlencoded"}
    assert send("PUT", "/api/v1/plans/new", content=b"a=b", headers=form).status_code == 415


EVIL = [
    "'; DROP TABLE plans; --",
    "<script>alert(1)</script>",
    "${system rm}",
    "a\nb",
    "\x00",
    "ä" * 99,
]


@pytest.mark.parametrize("text", EVIL)
def test_text_of_strangers_does_nothing(ask: Ask, text: str) -> None:
    owner = ask()
    for body in (
        {"id": "new", "account": text, "steps": [{"hangup": "relay"}]},
        {"id": "new", "account": "acme", "steps": [{"hangup": text}]},
        {"id": "new", "account": "acme", "steps": [{"ring": [text]}, {"hangup": "relay"}]},
    ):
        assert owner("PUT", "/plans/new", body).status_code == 422
    for path in ("/plans", "/accounts", "/audit"):
        reply = owner.client.get(f"/api/v1{path}", params={"like": text}, headers=owner.headers)
        assert reply.status_code in (200, 400)
    renamed = owner("PUT", "/accounts/acme", {"name": text}, If_Match="*")
    assert renamed.status_code == (200 if text.isprintable() else 422)
    if text.isprintable():
        assert owner("GET", "/accounts/acme").json()["name"] == text
    assert len(owner("GET", "/plans").json()["items"]) == 2


def test_many_change_together_or_not_at_all(ask: Ask) -> None:
    owner = ask()
    body = {
        "put": {
            "accounts": [{"id": "third"}],
            "plans": [plan("third-main", "third"), plan("acme-main", "acme", "USER_BUSY")],
            "numbers": [{"number": "+18005550000", "account": "third", "plan": "third-main"}],
        },
        "remove": {"schedules": ["others"]},
        "if_match": {"plans/acme-main": owner.etag("/plans/acme-main")},
    }
    dry = owner("POST", "/edits?dry_run=true", body).json()
    assert not dry["applied"] and (dry["added"], dry["changed"], dry["removed"]) == (3, 1, 1)
    done = owner("POST", "/edits", body).json()
    assert done["applied"] and done["counts"]["numbers"]["added"] == 1
    again = owner("POST", "/edits", body)
    assert again.status_code == 412
    body["if_match"] = {}
    body["remove"] = {"plans": ["third-main"]}
    refused = owner("POST", "/edits", body)
    assert refused.status_code == 422 and fields(refused) == ["remove.plans[0]"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({"puts": {}}, "puts"),
        ({"put": []}, "put"),
        ({"put": {"plans": {}}}, "put.plans"),
        ({"remove": {"nothing": []}}, "remove.nothing"),
        ({"remove": {"plans": "x"}}, "remove.plans"),
        ({"remove": {"plans": [1]}}, "remove.plans"),
        ({"if_match": {"plans": "x"}}, "if_match.plans"),
        ({"if_match": []}, "if_match"),
    ],
)
def test_an_edit_of_another_shape_is_refused(ask: Ask, body: Any, field: str) -> None:
    reply = ask()("POST", "/edits", body)
    assert reply.status_code == 422 and fields(reply) == [field]


def test_a_change_tells_when_it_is_live(ask: Ask, home: Path) -> None:
    owner = ask()
    told = owner("PUT", "/plans/new?wait=30", plan("new", "acme")).json()
    assert told["live"] and told["generation"] == 1
    assert (home / "images" / "current.vni").exists()
    told = owner("PUT", "/plans/more", plan("more", "acme")).json()
    assert told["applied"] and not told["live"] and told["generation"] is None
    told = owner("PUT", "/plans/last?wait=30", plan("last", "acme")).json()
    assert told["live"] and told["generation"] in (2, 3)


def test_the_store_away_is_told(ask: Ask, home: Path) -> None:
    owner = ask()
    (home / "routing.db").rename(home / "elsewhere")
    (home / "routing.db").write_bytes(b"no database" * 1000)
    reply = owner("GET", "/plans")
    assert reply.status_code == 503 and "no SQLite database" in reply.json()["detail"]
