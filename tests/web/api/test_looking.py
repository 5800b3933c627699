"""What the console looks at over HTTP: a call explained, a schedule's week, calls found."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.calls.support import record
from tests.web.api.conftest import Asker, plan
from vnroute.calls.base import RatedCall
from vnroute.calls.opening import open_calls
from vnroute.calls.reading import read_record
from vnroute.calls.spool_format import Position
from vnroute.importing.editing import edit
from vnroute.settings import Settings
from vnroute.store import open_store

Ask = Callable[..., Asker]
CARRIED = "+12125550100"
FORWARDS: dict[str, Any] = {
    "plans": [
        {
            "id": "to-other",
            "account": "acme",
            "steps": [{"ring": ["+18005554321", CARRIED]}, {"hangup": "relay"}],
        },
    ],
    "numbers": [{"number": "+18005551299", "account": "acme", "plan": "to-other"}],
}


@pytest.fixture
def compiled(client: Any, ask: Ask, home: Path) -> None:
    store = open_store(str(home))
    edit(store, FORWARDS, {}, what="forwards", who="test")
    store.close()
    reply = ask()("POST", "/edits?wait=60", {"put": {"plans": [plan("another", "acme")]}})
    assert reply.json().get("live"), reply.text


def test_a_call_is_explained(compiled: None, ask: Ask) -> None:
    reply = ask()("GET", "/route?number=%2B18005551299&caller=anonymous&at=2026-11-23T10:00Z")
    assert reply.status_code == 200, reply.text
    (answer,) = reply.json()["answers"]
    assert (answer["account"], answer["plan"]) == ("acme", "to-other")
    ours, carried = answer["steps"][0]["targets"]
    assert ours["plan"] == "other-main"
    assert carried["legs"][0]["gateway"] == "alpha-1" and answer["applications"]
    week = ask()("GET", "/route?number=18005551234&days=7").json()
    assert week["days"] == 7 and len(week["answers"]) == 1


def test_an_account_sees_its_own_numbers_only(compiled: None, ask: Ask) -> None:
    acme = ask("viewer", "acme")
    answer = acme("GET", "/route?number=%2B18005551299").json()["answers"][0]
    ours, carried = answer["steps"][0]["targets"]
    assert carried["to"] == CARRIED and carried["legs"] == [] and carried["passed_over"] == []
    assert ours["to"] == "+18005554321" and (ours["plan"], ours["steps"]) == (None, [])
    assert answer["applications"] == []
    for another in ("%2B18005554321", "%2B18005559999"):
        assert acme("GET", f"/route?number={another}").status_code == 404
        assert ask()("GET", f"/route?number={another}").status_code == 200
    assert ask("")("GET", "/route?number=1").status_code == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("number=abc", "number"),
        ("number=%2B1'%3B--", "number"),
        ("number=%2B18005551234&caller=<b>", "caller"),
        ("number=%2B18005551234&at=yesterday", "at"),
        ("number=%2B18005551234&days=9999", "days"),
        ("", "number"),
    ],
)
def test_a_wrong_question_names_the_field(ask: Ask, query: str, field: str) -> None:
    reply = ask()("GET", f"/route?{query}")
    assert reply.status_code in (400, 422)
    assert [error["field"] for error in reply.json()["errors"]] == [field]


def test_without_an_image_there_is_no_answer(ask: Ask) -> None:
    reply = ask()("GET", "/route?number=%2B18005551234")
    assert (reply.status_code, reply.json()["type"]) == (503, "urn:vnroute:problem:unavailable")


def test_a_week_of_a_schedule(ask: Ask) -> None:
    week = ask()("GET", "/schedules/acmes/week?week=2026-W48").json()
    assert (week["week"], week["previous"], week["following"]) == (
        "2026-W48", "2026-W47", "2026-W49",
    )  # fmt: skip
    opened = [stay for stay in week["stays"] if stay["state"] == "open"]
    assert [(stay["from"], stay["to"]) for stay in opened] == [
        ("2026-11-28T09:00:00+00:00", "2026-11-28T17:00:00+00:00")
    ]
    assert week["rules"][opened[0]["rule"]]
    assert week["stays"][0]["from"] == "2026-11-23T00:00:00+00:00"
    for wrong in ("x", "2026-W54", "0001-W01", "9999-W52"):
        reply = ask()("GET", f"/schedules/acmes/week?week={wrong}")
        assert reply.status_code == 422 and reply.json()["errors"][0]["field"] == "week"
    # A schedule of no account is everybody's; its zone that of who asks, here nobody.
    shared = ask()("GET", "/schedules/shared/week")
    assert shared.status_code == 422 and shared.json()["errors"][0]["field"] == "zone"
    viewer = ask("viewer", "acme")
    assert viewer("GET", "/schedules/shared/week?zone=Asia/Tokyo").status_code == 200
    assert viewer("GET", "/schedules/others/week").status_code == 404
    assert ask()("GET", "/schedules/nothing/week").status_code == 404


def test_calls_are_found_page_by_page(ask: Ask, home: Path) -> None:
    now = time.time()
    made = [
        record(caller=f"+3491123456{n}", account=("acme", "other")[n % 2], started=now - 60 + n)
        for n in range(5)
    ]
    store = open_calls(Settings(home=home).calls_address)
    calls = [
        RatedCall(
            read_record(each, int(now * 1e6)),
            ("alpha",),
            (450,),
            (None,),
            (30,),
            destinations=("US",),
        )
        for each in made
    ]
    store.add("spool", Position(1, 1), calls)
    store.close()
    owner, acme = ask(), ask("viewer", "acme")

    first = owner("GET", "/calls?limit=3").json()
    rest = owner("GET", f"/calls?limit=3&before={first['next']}").json()
    callers = [each["caller"][-1] for each in rest["calls"] + first["calls"]]
    assert callers == list("01234") and rest["next"] == ""
    (found,) = owner("GET", "/calls?caller=%2B34911234562").json()["calls"]
    assert found["caller"] == "+34911234562" and found["legs"][0]["gateway"] == "alpha-1"
    today = time.strftime("%Y-%m-%d", time.gmtime(now - 60))
    assert owner("GET", f"/calls?from={today}&outcome=answered").json()["calls"]
    assert owner("GET", "/calls?to=2001-01-01").json()["calls"] == []
    assert owner("GET", "/calls?outcome=busy").json()["calls"] == []
    wrong = owner("GET", "/calls?caller=' OR 1=1 --")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "caller")

    one = owner("GET", f"/calls/{found['id']}")
    assert one.json() == found and "cost" in one.json()
    own = acme("GET", f"/calls/{found['id']}").json()
    assert own["uuid"] == found["uuid"]
    assert not {"cost", "margin", "receive_cost"} & set(own)
    assert not {"cost", "carrier", "gateway", "rate"} & set(own["legs"][0])
    assert len(acme("GET", "/calls").json()["calls"]) == 3
    anothers = next(each for each in first["calls"] if each["account"] == "other")
    assert acme("GET", f"/calls/{anothers['id']}").status_code == 404
    assert owner("GET", "/calls/999").status_code == 404

    hours = owner("GET", f"/reports/concurrency?from={today}").json()
    assert max(row["peak"] for row in hours["rows"]) == 5
    hours = acme("GET", f"/reports/concurrency?from={today}").json()
    assert max(row["peak"] for row in hours["rows"]) == 3
    assert acme("GET", "/reports/concurrency?of=carrier").status_code == 404
    assert "margin" not in acme("GET", f"/reports/campaigns?from={today}").json()["columns"]
