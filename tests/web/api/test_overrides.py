"""What is set by hand over HTTP: in force at once, limited to one's own, refused with the field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web.api.conftest import Asker
from vnroute.image.keys import Kind, state_hash
from vnroute.image.state_page import StatePage
from vnroute.settings import Settings

Ask = Callable[..., Asker]


def on_page(home: Path, kind: Kind, key: str) -> Any:
    page = StatePage.open(Settings(home=home).state_page)
    return page.get(kind, key)


def test_a_schedule_is_set_and_cleared(ask: Ask, home: Path) -> None:
    operator = ask("operator")
    reply = operator("PUT", "/overrides/schedule/shared", {"state": "open", "until": "2h"})
    assert reply.status_code == 200 and reply.json()["live"]
    found = on_page(home, Kind.SCHEDULE, "shared")
    assert found is not None and found.value == state_hash("open")
    listed = ask("viewer")("GET", "/overrides").json()["items"]
    assert [(each["kind"], each["id"], each["by"]) for each in listed] == [
        ("schedule", "shared", "operator-all")
    ]
    again = operator("PUT", "/overrides/schedule/shared", {"state": "closed"}).json()
    assert again["instead_of"]["state"] == "open"
    assert operator("DELETE", "/overrides/schedule/shared").status_code == 200
    assert on_page(home, Kind.SCHEDULE, "shared") is None
    assert operator("DELETE", "/overrides/schedule/shared").status_code == 404


def test_calls_are_diverted(ask: Ask) -> None:
    operator = ask("operator", "acme")
    for path, to in (
        ("number/+18005551234", "+12125550100"),
        ("plan/acme-main", "+12125550100"),
        ("account/acme", "plan:acme-main"),
    ):
        reply = operator("PUT", f"/overrides/{path}", {"to": to, "reason": "flood"})
        assert reply.status_code == 200, reply.text
    assert len(operator("GET", "/overrides").json()["items"]) == 3
    assert ask("viewer", "other")("GET", "/overrides").json()["items"] == []


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("schedule/shared", {"state": "lunch"}, 422, "state"),
        ("schedule/shared", {"state": "open", "until": "yesterday"}, 422, "until"),
        ("schedule/shared", {"state": "open", "until": "2020-01-01T00:00"}, 422, "until"),
        ("schedule/shared", {}, 422, "state"),
        ("schedule/shared", {"stat": "open"}, 422, "body"),
        ("schedule/shared", {"state": 7}, 422, "state"),
        ("plan/acme-main", {"to": "+447012345678"}, 422, "to"),
        ("plan/acme-main", {"to": "plan:other-main"}, 422, None),
        ("plan/acme-main", {"to": "${system}"}, 422, "to"),
        ("number/123", {"to": "+12125550100"}, 422, "number"),
        ("schedule/nothing", {"state": "open"}, 404, None),
        ("carrier/alpha", {"state": "open"}, 400, None),
    ],
)
def test_refusals(ask: Ask, path: str, body: Any, status: int, field: str | None) -> None:
    reply = ask("operator")("PUT", f"/overrides/{path}", body)
    assert reply.status_code == status, reply.text
    if field:
        assert reply.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("number/+18005554321", {"to": "+12125550100"}),
        ("plan/other-main", {"to": "+12125550100"}),
        ("account/other", {"to": "+12125550100"}),
        ("schedule/others", {"state": "open"}),
    ],
)
def test_another_accounts_things_are_not_there(ask: Ask, path: str, body: Any) -> None:
    assert ask("operator", "acme")("PUT", f"/overrides/{path}", body).status_code == 404
    assert ask("viewer")("PUT", f"/overrides/{path}", body).status_code == 403
    shared = ask("operator", "acme")("PUT", "/overrides/schedule/shared", {"state": "open"})
    assert shared.status_code == 403


def test_where_a_person_is(ask: Ask) -> None:
    operator = ask("operator", "acme")
    person = {
        "account": "acme",
        "places": {"mobile": {"to": "+12125550100"}, "desk": {"to": "user:1001@pbx.example"}},
        "place": "mobile",
    }
    assert operator("PUT", "/persons/ana", person).status_code == 201
    assert operator("GET", "/persons/ana/whereabouts").json()["at"] == "mobile"
    assert operator("PUT", "/overrides/person/ana", {"state": "desk"}).status_code == 200
    there = operator("GET", "/persons/ana/whereabouts").json()
    assert there["at"] == "desk" and there["override"]["by"] == "operator-acme"
    assert ask("viewer", "other")("GET", "/persons/ana/whereabouts").status_code == 404


def test_a_block_is_lifted_by_nobody_whom_it_is_against(ask: Ask, home: Path) -> None:
    operator = ask("operator")
    reply = operator("PUT", "/overrides/block/acme:+4470", {"until": "2h", "reason": "fraud"})
    assert reply.status_code == 200, reply.text
    found = on_page(home, Kind.BLOCK, "acme:4470")
    assert found is not None and found.until
    own = ask("operator", "acme")
    assert [each["id"] for each in own("GET", "/overrides").json()["items"]] == ["acme:+4470"]
    assert own("DELETE", "/overrides/block/acme:+4470").status_code == 403
    assert own("PUT", "/overrides/block/acme", {}).status_code == 403
    assert ask("viewer")("DELETE", "/overrides/block/acme:+4470").status_code == 403
    assert operator("PUT", "/overrides/block/acme:44", {}).status_code == 422
    assert operator("DELETE", "/overrides/block/acme:+4470").status_code == 200
    assert on_page(home, Kind.BLOCK, "acme:4470") is None
