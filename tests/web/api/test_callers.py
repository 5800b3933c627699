"""Lists of callers and blocks over HTTP; a schedule's week as it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.web.api.conftest import Asker

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
