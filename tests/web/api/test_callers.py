"""Lists of callers and blocks over HTTP; a schedule's week as it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.web.api.conftest import Asker
from tests.web.api.test_decks import ended, send
from vnroute.model.policy import ADVANCE, HUNT, RELAY_CAUSES

Ask = Callable[..., Asker]
PATH = "/lists/nuisance/callers"


def filled(ask: Ask) -> Asker:
    owner = ask()
    put = {
        "lists": [{"id": "nuisance", "callers": ["+13125550100"]}, {"id": "other"}],
        "blocks": [
            {"block": "+1444555xxxx", "account": "acme", "plan": "acme-main"},
            {"prefix": "+3491100", "account": "other", "plan": "other-main"},
        ],
    }
    assert owner("POST", "/edits", {"put": put}).status_code == 200
    return owner


def test_callers_are_added_read_and_removed(ask: Ask) -> None:
    owner = filled(ask)
    entries = [f"+1212555{n:04d}" for n in range(1000)] + ["+1900*", "anonymous"]
    told = owner("POST", PATH, {"add": entries}).json()
    assert (told["applied"], told["added"]) == (True, 1002)
    assert owner("POST", PATH, {"add": entries[:5]}).json()["unchanged"] == 5
    seen: list[str] = []
    after = ""
    while True:
        page = owner("GET", f"{PATH}?limit=300&after={after.replace('+', '%2B')}").json()
        seen += page["items"]
        after = page["next"]
        if not after:
            break
    assert sorted(seen) == sorted(entries) and page["written"] == ["+13125550100"]
    told = owner("POST", PATH, {"remove": ["+1900*", "+19995550100"], "add": ["+442079460123"]})
    assert (told.json()["removed"], told.json()["added"]) == (1, 1)
    assert "+1900*" not in owner("GET", f"{PATH}?limit=10000").json()["items"]
    assert owner("GET", "/lists/other/callers").json()["items"] == []


def test_what_is_wrong_is_named_and_nothing_is_kept(ask: Ask) -> None:
    owner = filled(ask)
    bad = {"add": ["+12125550100", "x", "+1*x"], "remove": ["+12125550100"]}
    reply = owner("POST", PATH, bad)
    fields = [error["field"] for error in reply.json()["errors"]]
    assert (reply.status_code, fields) == (422, ["add[1]", "add[2]", "remove[0]"])
    assert owner("GET", PATH).json()["items"] == []
    assert owner("POST", f"{PATH}?dry_run=true", {"add": ["+12125550100"]}).json()["added"] == 1
    assert owner("GET", PATH).json()["items"] == []
    assert owner("POST", "/lists/nobody/callers", {"add": []}).status_code == 404
    assert owner("POST", PATH, {"add": [5]}).status_code == 422
    assert owner("GET", f"{PATH}?after=x").status_code == 422
    assert ask("viewer")("POST", PATH, {"add": []}).status_code == 403
    assert ask("operator", "acme")("POST", PATH, {"add": []}).status_code == 404
    assert ask("viewer", "acme")("GET", PATH).status_code == 404


def test_blocks_are_listed(ask: Ask) -> None:
    owner = filled(ask)
    told = owner("GET", "/blocks").json()
    assert [one["block"] or one["prefix"] for one in told["items"]] == ["+1444555xxxx", "+3491100"]
    assert told["count"] == 2
    mine = owner("GET", "/blocks?account=other&limit=1").json()
    assert (mine["items"][0]["plan"], mine["next"]) == ("other-main", 0)
    assert owner("GET", "/blocks?limit=1").json()["next"] == 1
    assert ask("viewer", "acme")("GET", "/blocks").status_code == 404


def test_blocks_are_made_changed_and_removed(ask: Ask) -> None:
    owner = filled(ask)
    path = "/blocks/%2B1444555xxxx"
    block = owner("GET", path).json()
    assert (block["block"], block["plan"]) == ("+1444555xxxx", "acme-main")
    seen = owner.etag(path)
    moved = {**block, "account": "other", "plan": "other-main"}
    assert owner("PUT", path, moved).status_code == 428
    assert owner("PUT", f"{path}?dry_run=true", moved, If_Match=seen).json()["changed"] == 1
    assert owner.etag(path) == seen
    told = owner("PUT", path, moved, If_Match=seen)
    assert (told.status_code, told.headers["etag"]) == (200, owner.etag(path))
    assert owner("PUT", path, block, If_Match=seen).status_code == 412
    # The same numbers, written as from one to another, are the same block.
    same = "/blocks/%2B14445550000-%2B14445559999"
    assert owner.etag(same) == owner.etag(path)
    assert owner("DELETE", same, If_Match=seen).status_code == 412
    assert owner("DELETE", same, If_Match=owner.etag(path)).json()["removed"] == 1
    assert owner("GET", path).status_code == 404
    led = {"account": "acme", "plan": "acme-main"}
    assert owner("PUT", "/blocks/%2B44207", led, If_None_Match="*").status_code == 201
    assert owner("GET", "/blocks/%2B44207").json()["prefix"] == "+44207"
    assert owner("PUT", "/blocks/%2B44207", led, If_None_Match="*").status_code == 412


def test_a_block_that_is_none_or_another_is_told_at_its_field(ask: Ask) -> None:
    owner = filled(ask)
    led = {"account": "acme", "plan": "acme-main"}
    for path, body, field in (
        ("+18005x55", led, "block"),
        ("+0", led, "prefix"),
        ("+44207", {**led, "prefix": "+44208"}, "prefix"),
        ("x", {**led, "block": "+1555555xxxx"}, "block"),
        ("+44207", {**led, "plan": "nothing"}, "plan"),
        ("+14445555000-+14446550000", led, "block"),
        ("+44207", {**led, "more": 1}, "more"),
    ):
        reply = owner("PUT", f"/blocks/{path.replace('+', '%2B')}", body, If_None_Match="*")
        fields = [error["field"] for error in reply.json()["errors"]]
        assert (reply.status_code, fields) == (422, [field]), (path, body, reply.text)
    assert owner("GET", "/blocks").json()["count"] == 2
    assert owner("GET", "/blocks/x").status_code == 404
    assert owner("DELETE", "/blocks/x", If_Match="*").status_code == 404


def test_the_entries_that_a_caller_meets(ask: Ask) -> None:
    owner = filled(ask)
    owner("POST", PATH, {"add": ["+1900*", "+19005550100", "+1*", "anonymous", "+44*"]})
    owner("PUT", "/lists/nuisance", {"callers": ["+19*", "+13125550100"]}, If_Match="*")

    def met(caller: str) -> tuple[list[str], list[str]]:
        told = owner("GET", f"{PATH}?caller={caller.replace('+', '%2B')}").json()
        assert told["next"] == ""
        return told["items"], told["written"]

    assert met("+1 900 555 0100") == (["+1*", "+1900*", "+19005550100"], ["+19*"])
    assert met("+19005550101") == (["+1*", "+1900*"], ["+19*"])
    assert met("+1900*") == (["+1*", "+1900*"], ["+19*"])
    assert met("+190*") == (["+1*"], ["+19*"])
    assert met("+13125550100") == (["+1*"], ["+13125550100"])
    assert met("anonymous") == (["anonymous"], [])
    assert met("no-valid-number") == met("+34911234567") == ([], [])
    reply = owner("GET", f"{PATH}?caller=x")
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "caller")


def test_callers_are_imported_from_a_file(ask: Ask) -> None:
    owner = filled(ask)
    rows = "".join(f"+1212555{n:04d}\n" for n in range(3000))

    def told(body: str, query: str = "") -> Any:
        reply = send(owner, f"/lists/nuisance/imports{query}", body.encode())
        assert reply.status_code == 202, reply.text
        return ended(owner, reply.json()["id"])

    assert told(f"caller\n{rows}", "?dry_run=true")["result"]["added"] == 3000
    assert owner("GET", PATH).json()["items"] == []
    done = told(f"caller\n{rows}")
    assert (done["state"], done["result"]["added"]) == ("done", 3000)
    assert owner("GET", f"{PATH}?caller=%2B12125550007").json()["items"] == ["+12125550007"]
    less = told("caller,note\n+12125550007,rude\n+1900*,\n", "?replace=true")["result"]
    assert (less["added"], less["removed"]) == (1, 2999)
    wrong = told("caller\n+12125550100\nnobody\n")
    problem = wrong["result"]["problems"][0]
    assert (wrong["state"], problem["line"], problem["field"]) == ("refused", 3, "caller")
    assert owner("GET", PATH).json()["items"] == ["+1900*", "+12125550007"]
    assert send(owner, "/lists/nobody/imports", b"caller\n").status_code == 404
    assert send(owner, "/lists/nuisance/imports", b"").status_code == 400
    who = {entry["who"] for entry in owner("GET", "/audit?kind=lists").json()["items"]}
    assert len(who) == 1, "imports are by who sent them"


def test_what_holds_without_a_policy(ask: Ask) -> None:
    told = ask("viewer")("GET", "/policy-defaults").json()
    assert (told["hunt"], told["advance"], told["relay"]) == (HUNT, ADVANCE, list(RELAY_CAUSES))
    assert told["max_attempts"] == 6 and told["codes"]["486"] == "USER_BUSY"
    assert "USER_BUSY" in told["causes"]
    assert ask("admin", "acme")("GET", "/policy-defaults").status_code == 404


def test_a_week_is_painted_of_what_is_not_stored(ask: Ask) -> None:
    viewer = ask("viewer", "acme")
    draft: dict[str, Any] = {"id": "draft", "account": "acme",
                             "rules": [{"state": "night", "hours": "22:00-06:00"}]}  # fmt: skip
    told = viewer("POST", "/schedules/week?week=2026-W48", draft).json()
    assert (told["time_zone"], told["states"]) == ("UTC", ["closed", "night"])
    assert told["stays"][0]["state"] == "night" and told["following"] == "2026-W49"
    wrong = viewer(
        "POST", "/schedules/week", {**draft, "rules": [{"state": "x", "hours": "25:00"}]}
    )
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "rules[0].hours"
    assert viewer("GET", "/schedules/draft").status_code == 404
    # Another account's clocks are not there.
    theirs = viewer("POST", "/schedules/week", {**draft, "account": "other"})
    assert theirs.status_code == 422 and theirs.json()["errors"][0]["field"] == "zone"
