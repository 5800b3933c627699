"""Rate decks over HTTP: imported in a process of its own, compared, rolled back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.web.api.conftest import Asker

Ask = Callable[..., Asker]
FIRST = b"Code,Destination,Price\n1,USA,0.010\n44,UK,0.020\n4420,London,0.015\n"
SECOND = b"Code,Destination,Price\n1,USA,0.012\n44,UK,0.020\n4420,London,0.014\n49,Germany,0.03\n"


def send(asker: Asker, path: str, body: bytes) -> Any:
    return asker.client.post(f"/api/v1{path}", content=body, headers=asker.headers)


def ended(asker: Asker, job: str) -> Any:
    end = time.monotonic() + 60
    while True:
        told = asker("GET", f"/jobs/{job}").json()
        if told["state"] != "running":
            return told
        assert time.monotonic() < end, told
        time.sleep(0.1)


def imported(asker: Asker, body: bytes, query: str = "") -> Any:
    reply = send(asker, f"/decks/carrier/alpha/imports{query}", body)
    assert reply.status_code == 202, reply.text
    return ended(asker, reply.json()["id"])


def test_a_deck_is_imported_compared_and_rolled_back(ask: Ask) -> None:
    operator = ask("operator")
    assert imported(operator, FIRST)["result"]["rows"] == 3
    tried = imported(operator, SECOND, "?dry_run=true")
    assert not tried["result"]["applied"]
    assert (tried["result"]["diff"]["dearer"], tried["result"]["diff"]["new"]) == (1, 1)
    done = imported(operator, SECOND)
    assert done["state"] == "done" and done["by"] == "operator-all (key)"
    shown = operator("GET", "/decks/carrier/alpha?prefix=4420").json()
    assert {row["prefix"] for row in shown["items"]} == {"44", "4420"}
    assert shown["deck"]["version"] == 2 and len(shown["versions"]) == 2
    page = operator("GET", "/decks/carrier/alpha?limit=3").json()
    rest = operator("GET", f"/decks/carrier/alpha?limit=100&after={page['next']}").json()
    assert len(page["items"] + rest["items"]) >= 4 and rest["next"] == 0
    assert operator("POST", "/decks/carrier/alpha/rollback", {}).json()["version"] == 1
    assert operator("POST", "/decks/carrier/alpha/rollback", {}).status_code == 409
    assert operator("POST", "/decks/carrier/alpha/rollback", {"version": 9}).status_code == 404
    assert operator("POST", "/decks/carrier/alpha/rollback", {"version": 2}).json()["version"] == 2
    assert [deck["owner"] for deck in operator("GET", "/decks").json()["items"]] == ["alpha"]
    who = {entry["who"] for entry in ask()("GET", "/audit?kind=decks").json()["items"]}
    assert who == {"operator-all (key)"}


def test_a_bad_file_is_told_by_line_and_field(ask: Ask) -> None:
    operator = ask("operator")
    told = imported(operator, FIRST + b"x,Nowhere,cheap\n")
    assert told["state"] == "refused"
    assert told["result"]["problems"][0]["line"] == 5
    assert operator("GET", "/decks").json()["items"] == []
    for body in (b"\x00\x01\x02" * 100, b"PK\x03\x04" + b"x" * 100, b"<html>", b"a\n" * 1000):
        assert imported(operator, body)["state"] == "refused", body[:10]
    assert send(operator, "/decks/carrier/alpha/imports", b"").status_code == 400


def test_words_of_strangers_are_no_options(ask: Ask) -> None:
    operator = ask("operator")
    told = imported(operator, FIRST, "?currency=--help")
    assert told["state"] == "refused"
    assert send(operator, "/decks/carrier/--help/imports", FIRST).status_code == 404
    assert imported(operator, FIRST, "?columns=x%3D../../etc/passwd")["state"] == "refused"


def test_who_may(ask: Ask) -> None:
    assert send(ask("viewer"), "/decks/carrier/alpha/imports", FIRST).status_code == 403
    assert send(ask("operator", "acme"), "/decks/carrier/alpha/imports", FIRST).status_code == 404
    imported(ask("operator"), FIRST)
    assert ask("viewer", "acme")("GET", "/decks").json()["items"] == []
    assert ask("viewer", "acme")("GET", "/decks/carrier/alpha").status_code == 404
    assert ask("viewer", "acme")("GET", "/decks/account/acme").status_code == 404
    assert ask("viewer", "acme")("GET", "/jobs").status_code == 404
    assert ask("viewer")("GET", "/jobs").status_code == 200
