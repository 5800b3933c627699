"""The application in this process, over a home with two accounts, and one who asks of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from vnroute.access.identity import ROLES
from vnroute.access.owner import owners_key
from vnroute.access.store import AccessStore
from vnroute.importing.editing import edit
from vnroute.settings import Settings
from vnroute.store import open_store
from vnroute.web.app import make_app
from vnroute.web.metrics import Metrics
from vnroute.web.status_api import LiveStatus

PASSWORD = "correct horse battery staple"


def plan(key: str, account: str, cause: str = "relay") -> dict[str, Any]:
    return {"id": key, "account": account, "steps": [{"hangup": cause}]}


ROUTING: dict[str, Any] = {
    "accounts": [{"id": "acme"}, {"id": "other"}],
    "schedules": [
        {"id": "shared", "open": [{"days": "mon-fri", "hours": "09:00-17:00"}]},
        {"id": "acmes", "account": "acme", "open": [{"days": "sat", "hours": "09:00-17:00"}]},
        {"id": "others", "account": "other", "open": [{"days": "sun", "hours": "09:00-17:00"}]},
    ],
    "plans": [plan("acme-main", "acme"), plan("other-main", "other")],
    "carriers": [{"id": "alpha", "gateways": [{"id": "alpha-1", "gateway": "gw"}]}],
    "numbers": [
        {"number": "+18005551234", "account": "acme", "plan": "acme-main"},
        {"number": "+18005554321", "account": "other", "plan": "other-main"},
    ],
}


class Asker:
    """One who asks the API with one key, or none."""

    def __init__(self, client: TestClient[Any], key: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(
            method, f"/api/v1{path}", json=body, headers={**self.headers, **named}
        )

    def etag(self, path: str) -> str:
        return str(self("GET", path).headers["etag"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def client(home: Path) -> Iterator[TestClient[Any]]:
    settings = Settings(home=home)
    store = open_store(str(home))
    edit(store, ROUTING, {}, what="set up", who="test")
    store.close()
    live = LiveStatus(settings)
    with TestClient(make_app(live, Metrics(live)), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def ask(client: TestClient[Any], home: Path) -> Callable[..., Asker]:
    """Give whoever asks: a role, of an account or of none; "owner"; or "" for nobody."""
    keys = {"owner": owners_key(home / "state"), "": ""}
    access = AccessStore(home)
    for account in ("", "acme", "other"):
        for role in ROLES:
            name = f"{role}-{account or 'all'}"
            keys[name] = access.add_key(name, role, account)[1]
    access.close()

    def asker(role: str = "owner", account: str = "") -> Asker:
        return Asker(client, keys[role if role in ("owner", "") else f"{role}-{account or 'all'}"])

    return asker
