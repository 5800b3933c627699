"""Who may do what to whose: every operation of the API, by role, limited to an account or not, on
one's own account and on another. An operation that is not in the table fails the first test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.web.api.conftest import ROUTING, Asker, plan
from tests.web.api.test_schema import DOCUMENT
from vnroute.access.identity import Role
from vnroute.access.store import AccessStore
from vnroute.compiler import build_generation
from vnroute.importing.editing import edit
from vnroute.settings import Settings
from vnroute.store import open_store
from vnroute.web.app import make_app
from vnroute.web.metrics import Metrics
from vnroute.web.status_api import LiveStatus

Ask = Callable[..., Asker]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
ANY, OWN, SYSTEM = "anybody's", "its account's", "the system's"
HOURS = {"open": [{"days": "mon", "hours": "09:00-17:00"}]}
GATEWAY = {"id": "alpha-1", "gateway": "gw"}
NUMBER = {"acme": "+18005551234", "other": "+18005554321"}
BLOCK = "+1444555xxxx"
SECRET = "correct horse battery staple"


def person(account: str) -> dict[str, Any]:
    return {"id": f"{account}-ana", "account": account, "places": {"desk": "+12125550100"},
            "place": "desk"}  # fmt: skip


Body = Callable[[str], Any]
# By operation: whose it is, the least role, what stands for {key} and the like, and the body.
TABLE: dict[str, tuple[str, str, Callable[[str], str], Body]] = {}


def kind(
    one: str, many: str, scope: str, key: Callable[[str], str], body: Body, least: str = "operator"
) -> None:
    TABLE[f"list_{many}"] = (ANY if scope == OWN else SYSTEM, "viewer", key, lambda a: None)
    TABLE[f"get_{one}"] = (scope, "viewer", key, lambda a: None)
    TABLE[f"put_{one}"] = (scope, least, key, body)
    TABLE[f"delete_{one}"] = (scope, least, key, lambda a: None)


kind("account", "accounts", OWN, lambda a: a, lambda a: {"id": a, "name": "x"}, "admin")
kind("schedule", "schedules", OWN, lambda a: f"{a}s", lambda a: {**HOURS, "account": a})
kind("person", "persons", OWN, lambda a: f"{a}-ana", person)
kind("plan", "plans", OWN, lambda a: f"{a}-main", lambda a: plan(f"{a}-main", a, "USER_BUSY"))
kind("number", "numbers", OWN, lambda a: NUMBER[a],
     lambda a: {"account": a, "plan": f"{a}-main", "campaign": "x"})  # fmt: skip
kind("answer", "answers", SYSTEM, lambda a: "closed", lambda a: {"suspended": "USER_BUSY"})
kind("list", "lists", SYSTEM, lambda a: "nuisance", lambda a: {"callers": ["+12125550100"]})
kind("screen", "screens", SYSTEM, lambda a: "strict", lambda a: {"rules": [{"rate": "5/60"}]})
kind("policy", "policies", SYSTEM, lambda a: "lax", lambda a: {"hunt": {"404": "next"}})
kind("carrier", "carriers", SYSTEM, lambda a: "alpha", lambda a: {"gateways": [GATEWAY]})


def more(scope: str, least: str, *names: str, key: Callable[[str], str] = str,
         body: Body = lambda a: None) -> None:  # fmt: skip
    for name in names:
        TABLE[name] = (scope, least, key, body)


more(ANY, "viewer", "status", "me", "log_out", "list_overrides", "list_decks", "fraud_hits")
more(OWN, "viewer", "calls", "report", key=lambda a: f"campaigns?account={a}")
more(SYSTEM, "viewer", "get_fraud_rules")
more(SYSTEM, "viewer", "test_fraud_rules", body=lambda a: {"rules": []})
more(SYSTEM, "operator", "put_fraud_rules", body=lambda a: {"rules": []})
more(ANY, "viewer", "call", key=lambda a: "1")
more(ANY, "operator", "edit", body=lambda a: {"put": {"plans": []}})
more(OWN, "viewer", "route", key=lambda a: f"?number=%2B{NUMBER[a][1:]}")
more(OWN, "operator", "test_call", body=lambda a: {"number": NUMBER[a]})
more(OWN, "viewer", "schedule_week", key=lambda a: f"{a}s")
more(OWN, "viewer", "paint_schedule", body=lambda a: {**HOURS, "id": "new", "account": a})
more(OWN, "viewer", "whereabouts", key=lambda a: f"{a}-ana")
more(
    OWN,
    "operator",
    "put_override",
    key=lambda a: f"schedule/{a}s",
    body=lambda a: {"state": "open"},
)
more(OWN, "operator", "delete_override", key=lambda a: f"schedule/{a}s")
more(OWN, "viewer", "get_deck", key=lambda a: f"account/{a}")
more(SYSTEM, "operator", "import_deck", key=lambda a: "carrier/alpha")
more(SYSTEM, "operator", "roll_back_deck", key=lambda a: "carrier/alpha", body=lambda a: {})
more(SYSTEM, "viewer", "list_jobs", "get_job", "list_gateways", "list_callers", "list_blocks",
     "policy_defaults", key=lambda a: "nuisance")  # fmt: skip
more(SYSTEM, "viewer", "get_block", key=lambda a: BLOCK)
more(SYSTEM, "operator", "put_block", key=lambda a: BLOCK,
     body=lambda a: {"account": a, "plan": f"{a}-main"})  # fmt: skip
more(SYSTEM, "operator", "delete_block", key=lambda a: BLOCK)
more(SYSTEM, "operator", "import_callers", key=lambda a: "nuisance")
more(SYSTEM, "operator", "change_callers", key=lambda a: "nuisance", body=lambda a: {"add": []})
more(SYSTEM, "operator", "drain", "restore", key=lambda a: "alpha-1", body=lambda a: {})
more(ANY, "admin", "list_users", "list_keys", "audit")
more(OWN, "admin", "add_user", body=lambda a: {
    "id": f"new-{a}", "role": "viewer", "account": a, "password": SECRET})  # fmt: skip
more(OWN, "admin", "add_key", body=lambda a: {"id": f"new-{a}", "role": "viewer", "account": a})
more(OWN, "admin", "change_user", key=lambda a: f"user-{a}", body=lambda a: {"role": "viewer"})
more(OWN, "admin", "remove_user", key=lambda a: f"user-{a}")
more(OWN, "admin", "remove_key", key=lambda a: f"key-{a}")

MAY_REFUSE = {
    # Done as far as the right to it goes: nothing is there, nothing runs, or no file came.
    "get_fraud_rules": {409}, "put_fraud_rules": {409},
    "call": {404, 503}, "calls": {503}, "report": {503}, "test_call": {503},
    "get_deck": {404}, "get_job": {404}, "import_deck": {400}, "import_callers": {400},
    "delete_override": {404},
    "delete_account": {422}, "delete_plan": {422}, "delete_schedule": {422},
    # One account may say where its own numbers lead, and no more.
    "delete_number": {403},
}  # fmt: skip
REFUSED_WITH = {
    # What another account's is refused with where it is named in a body, not in the address.
    "add_user": {403}, "add_key": {403}, "paint_schedule": {422}, "put_number": {403},
}  # fmt: skip


def operations() -> dict[str, tuple[str, str]]:
    """Return method and path of every operation of the document."""
    return {
        operation["operationId"]: (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/v1") and isinstance(operation, dict)
    }


def test_every_operation_is_in_the_table() -> None:
    assert operations().keys() - {"log_in"} == TABLE.keys()


def address(name: str, account: str) -> str:
    """Return the path of an operation with its parameters filled in; nothing that can be tried
    without being kept is kept.
    """
    path, key = operations()[name][1], TABLE[name][2](account)
    begin, brace, _ = path.partition("{")
    if brace:
        after = path.rpartition("}")[2]
        filled = f"{begin}{key}{after}"
    else:
        filled = path + (key[key.index("?"):] if "?" in key else "")  # fmt: skip
    tries = name.startswith(("put_", "delete_")) and "override" not in name
    return filled + ("?dry_run=true" if tries or name == "edit" else "")


def prepare(owner: Asker, name: str, account: str) -> None:
    """Make what an operation on a user or a key removes, remove what it makes."""
    new = {"id": f"user-{account}", "role": "viewer", "account": account}
    if name in ("change_user", "remove_user"):
        owner("POST", "/users", {**new, "password": SECRET})
    elif name == "remove_key":
        owner("POST", "/keys", {**new, "id": f"key-{account}"})
    elif name in ("add_user", "add_key"):
        owner("DELETE", f"/{name.removeprefix('add_')}s/new-{account}")
    elif name == "roll_back_deck":
        edit_rates = {"rates": [{"prefix": "+1", "carrier": "alpha", "rate": "0.04"}]}
        assert owner("POST", "/edits", {"put": edit_rates}).status_code == 200


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """One home for all operations: what each does is tried, or done again and again alike."""
    home = tmp_path_factory.mktemp("matrix") / "home"
    put = {
        "persons": [person("acme"), person("other")], "lists": [{"id": "nuisance"}],
        "answers": [{"id": "closed", "suspended": "USER_BUSY"}],
        "screens": [{"id": "strict", "rules": [{"rate": "5/60"}]}],
        "policies": [{"id": "lax", "hunt": {"404": "next"}}],
        "blocks": [{"block": BLOCK, "account": "acme", "plan": "acme-main"}],
    }  # fmt: skip
    store = open_store(str(home))
    edit(store, ROUTING | put, {}, what="set up", who="test")
    for rate in ("0.01", "0.02", "0.03"):
        rates = [{"prefix": "+1", "carrier": "alpha", "rate": rate}]
        edit(store, {"rates": rates}, {}, what="set up", who="test")
    with store.snapshot() as reading:
        build_generation(reading, Settings(home=home).images, horizon_years=1, max_attempts=6)
    store.close()
    access = AccessStore(home)
    keys = {
        (role, limit): access.add_key(f"{role}-{limit or 'all'}", role, limit)[1]
        for role in ROLES
        for limit in ("", "acme")
    }
    access.close()
    live = LiveStatus(Settings(home=home))
    app = make_app(live, Metrics(live))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield lambda role="admin", limit="": Asker(client, keys[role, limit])


@pytest.mark.parametrize("name", sorted(TABLE))
def test_who_may_do_it(asking: Ask, name: str) -> None:
    ask, owner = asking, asking()
    scope, least, _, body = TABLE[name]
    method = operations()[name][0]
    for account in ("acme", "other"):
        for role in ROLES:
            for limit in ("", "acme"):
                prepare(owner, name, account)
                reply = ask(role, limit)(
                    method, address(name, account), body(account),
                    **({"If_Match": "*"} if method in ("PUT", "DELETE") else {}),
                )  # fmt: skip
                said = (name, role, limit, account, reply.status_code, reply.text[:300])
                if ROLES.index(role) < ROLES.index(least):
                    assert reply.status_code == 403, said
                elif limit and (scope == SYSTEM or (scope == OWN and account != limit)):
                    assert reply.status_code in REFUSED_WITH.get(name, {404}), said
                else:
                    allowed = {200, 201, 202, 204} | MAY_REFUSE.get(name, set())
                    assert reply.status_code in allowed, said
                if limit and account == limit:
                    # Nothing of the other account is in what it reads.
                    for theirs in ("other-main", "others", NUMBER["other"], "other-ana"):
                        assert theirs not in reply.text, said
