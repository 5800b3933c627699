"""Logging in, users, keys, and the authorisation matrix: role x operation x whose."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.api.conftest import PASSWORD, Asker, plan

Ask = Callable[..., Asker]
PAGE = {"Sec-Fetch-Site": "same-origin"}


def log_in(nobody: Asker, **body: str) -> Any:
    nobody.client.cookies.clear()
    return nobody("POST", "/session", body)


def test_nobody_known_is_refused(ask: Ask) -> None:
    nobody = ask("")
    for path in ("/plans", "/me", "/status", "/users", "/calls", "/reports/campaigns", "/audit"):
        reply = nobody("GET", path)
        assert reply.status_code == 401 and reply.json()["type"] == "urn:vnroute:problem:unknown"
        assert reply.headers["www-authenticate"].startswith("Bearer")
    for header in ("Bearer wrong", "Basic b3duZXI6", "Bearer", "Bearer " + "x" * 5000, "\xff"):
        assert nobody.client.get(
            "/api/v1/me", headers={"Authorization": header.encode("latin-1")}  # type: ignore[dict-item]
        ).status_code == 401  # fmt: skip
    for path in ("/healthz", "/", "/metrics"):
        assert nobody.client.get(path).status_code == 200


def test_a_browser_logs_in_and_out(ask: Ask) -> None:
    owner, nobody = ask(), ask("")
    new = {"id": "ana", "role": "operator", "password": PASSWORD, "account": "acme"}
    assert owner("POST", "/users", new).status_code == 201
    assert log_in(nobody, user="ana", password=PASSWORD + "x").status_code == 401
    reply = log_in(nobody, user="ana", password=PASSWORD)
    assert reply.json() == {"name": "ana", "role": "operator", "account": "acme", "how": "password"}
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/api/" in cookie
    assert nobody("GET", "/me").json()["name"] == "ana"
    assert nobody("DELETE", "/session", **PAGE).status_code == 204
    assert nobody("GET", "/me").status_code == 401


def test_a_page_of_somebody_elses_changes_nothing(ask: Ask) -> None:
    nobody, key = ask(""), ask("operator").headers["Authorization"].removeprefix("Bearer ")
    assert log_in(nobody, key=key).status_code == 200
    body = plan("new", "acme")
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"},
                    {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):  # fmt: skip
        assert nobody("PUT", "/plans/new", body, **headers).status_code == 403, headers
    assert nobody("PUT", "/plans/new", body, **PAGE).status_code == 201


def test_guessing_passwords_is_slowed_down(ask: Ask) -> None:
    nobody = ask("")
    codes = [log_in(nobody, key="wrong").status_code for _ in range(25)]
    assert codes[0] == 401 and codes[-1] == 429


def test_users_and_keys_are_managed(ask: Ask) -> None:
    owner = ask()
    assert owner("POST", "/users", {"id": "bob", "role": "viewer", "password": "short"}).json()[
        "errors"
    ][0]["field"] == "password"  # fmt: skip
    assert owner("POST", "/users", {"id": "bob", "role": "viewer"}).status_code == 422
    owner("POST", "/users", {"id": "bob", "role": "viewer", "password": PASSWORD})
    assert owner("PATCH", "/users/bob", {"role": "admin"}).json()["role"] == "admin"
    assert owner("PATCH", "/users/eve", {"role": "admin"}).status_code == 404
    assert [user["id"] for user in owner("GET", "/users").json()["items"]] == ["bob"]
    assert "password" not in owner("GET", "/users").text
    made = owner("POST", "/keys", {"id": "ci", "role": "viewer", "seconds": 60}).json()
    with_it = Asker(owner.client, made["secret"])
    assert with_it("GET", "/me").json()["name"] == "ci"
    assert made["secret"] not in owner("GET", "/keys").text
    assert owner("DELETE", "/keys/ci").status_code == 204
    assert with_it("GET", "/me").status_code == 401
    assert owner("DELETE", "/users/bob").status_code == 204
    assert owner("DELETE", "/users/bob").status_code == 404


def test_an_accounts_admin_stays_within_it(ask: Ask) -> None:
    admin = ask("admin", "acme")
    other = {"id": "eve", "role": "viewer", "password": PASSWORD, "account": "other"}
    assert admin("POST", "/users", other).status_code == 403
    mine = {"id": "eve", "role": "viewer", "password": PASSWORD}
    assert admin("POST", "/users", mine).json()["account"] == "acme"
    assert admin("PATCH", "/users/eve", {"account": "other"}).status_code == 403
    assert admin("POST", "/keys", {"id": "k", "role": "admin", "account": ""}).json()[
        "account"
    ] == "acme"  # fmt: skip
    seen = {key["id"] for key in admin("GET", "/keys").json()["items"]}
    assert seen == {"viewer-acme", "operator-acme", "admin-acme", "k"}
    assert admin("DELETE", "/keys/admin-all").status_code == 404
    assert {e["account"] for e in admin("GET", "/audit").json()["items"]} == {"acme"}
    assert admin("GET", "/audit?account=other").json()["items"] == []


ROLE_LEVEL = {"viewer": 0, "operator": 1, "admin": 2}
NEW_SCHEDULE = {"open": [{"days": "mon", "hours": "09:00-17:00"}]}
# (operation, least role, method, path for whose, body for whose). Where an operation is on what is
# the system's own, nobody limited to an account finds it.
OPERATIONS: list[tuple[str, int, str, Callable[[str], str], Callable[[str], Any]]] = [
    ("read account", 0, "GET", lambda a: f"/accounts/{a}", lambda a: None),
    ("change account", 2, "PUT", lambda a: f"/accounts/{a}", lambda a: {"id": a, "name": "x"}),
    ("read plan", 0, "GET", lambda a: f"/plans/{a}-main", lambda a: None),
    ("change plan", 1, "PUT", lambda a: f"/plans/{a}-main",
     lambda a: plan(f"{a}-main", a, "USER_BUSY")),
    ("make plan", 1, "PUT", lambda a: f"/plans/{a}-new", lambda a: plan(f"{a}-new", a)),
    ("remove schedule", 1, "DELETE", lambda a: f"/schedules/{a}s", lambda a: None),
    ("read schedule", 0, "GET", lambda a: f"/schedules/{a}s", lambda a: None),
    ("change schedule", 1, "PUT", lambda a: f"/schedules/{a}s",
     lambda a: {**NEW_SCHEDULE, "account": a}),
    ("edit numbers", 1, "POST", lambda a: "/edits", lambda a: {"put": {"numbers": [{
        "number": "+18005551234" if a == "acme" else "+18005554321", "account": a,
        "plan": f"{a}-main", "campaign": "new"}]}}),
    ("reports", 0, "GET", lambda a: f"/calls?account={a}", lambda a: None),
]  # fmt: skip
MATRIX = [
    (name, role, limit, owner)
    for (name, *_), role, limit, owner in itertools.product(
        OPERATIONS, ROLE_LEVEL, ("", "acme"), ("acme", "other")
    )
]


@pytest.mark.parametrize(("name", "role", "limit", "owner"), MATRIX)
def test_matrix(ask: Ask, name: str, role: str, limit: str, owner: str) -> None:
    """Who may do what to whose: refused by role with 403; another account's is not there (404)."""
    _, least, method, path, body = next(each for each in OPERATIONS if each[0] == name)
    reply = ask(role, limit)(
        method, path(owner), body(owner), If_Match="*" if "make" not in name else ""
    )
    if ROLE_LEVEL[role] < least:
        expected = {403}
    elif limit and limit != owner:
        expected = {404, 403} if method in ("PUT", "POST") else {404}
    elif name == "reports":
        expected = {200, 503}  # nothing stored yet
    else:
        expected = {200, 201}
    assert reply.status_code in expected, reply.text


SYSTEM = [("GET", "/carriers"), ("GET", "/carriers/alpha"), ("DELETE", "/carriers/alpha"),
          ("PUT", "/carriers/beta"), ("GET", "/reports/carriers"),
          ("GET", "/reports/concurrency?of=carrier")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), SYSTEM)
@pytest.mark.parametrize("role", ROLE_LEVEL)
def test_the_systems_own_is_not_there_for_accounts(
    ask: Ask, method: str, path: str, role: str
) -> None:
    body = {"gateways": [{"id": "beta-1", "gateway": "gw"}]} if method == "PUT" else None
    reply = ask(role, "acme")(method, path, body, If_Match="*" if method == "DELETE" else "")
    assert reply.status_code == (404 if method == "GET" or role != "viewer" else 403), reply.text


def test_nobody_takes_anothers_number_or_makes_one(ask: Ask) -> None:
    acme = ask("operator", "acme")
    for number in ("+18005554321", "+18005559999"):
        entry = {"number": number, "account": "acme", "plan": "acme-main"}
        reply = acme("POST", "/edits", {"put": {"numbers": [entry]}})
        assert reply.status_code == 404, reply.text
    for kind, entry in (
        ("blocks", {"block": "+1800555xxxx", "account": "acme", "plan": "acme-main"}),
        ("rates", {"prefix": "+1", "carrier": "alpha", "rate": "0"}),
    ):
        assert acme("POST", "/edits", {"put": {kind: [entry]}}).status_code == 403
    stolen = plan("other-main", "acme")
    assert acme("PUT", "/plans/other-main", stolen, If_Match="*").status_code == 404
    assert acme("POST", "/edits", {"put": {"plans": [stolen]}}).status_code == 404
    shared = {**NEW_SCHEDULE, "account": "acme"}
    assert acme("PUT", "/schedules/shared", shared, If_Match="*").status_code == 403


def test_too_many_requests_are_told_so(ask: Ask) -> None:
    viewer, other = ask("viewer"), ask("operator")
    codes = [viewer("GET", "/me").status_code for _ in range(450)]
    assert codes[0] == 200 and 429 in codes
    assert other("GET", "/me").status_code == 200
