"""The whole API by its own OpenAPI document: whatever is sent, no answer is a failure of ours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from litestar.testing import TestClient

from tests.web.api.conftest import ROUTING
from vnroute.access.store import AccessStore
from vnroute.importing.editing import edit
from vnroute.settings import Settings
from vnroute.store import open_store
from vnroute.web.api.schema import with_bodies
from vnroute.web.app import make_app
from vnroute.web.metrics import Metrics
from vnroute.web.status_api import LiveStatus


def app_of(home: Path) -> Any:
    live = LiveStatus(Settings(home=home))
    return make_app(live, Metrics(live))


DOCUMENT = with_bodies(app_of(Path(tempfile.gettempdir())).openapi_schema.to_schema())
schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient[Any], str]]:
    home = tmp_path_factory.mktemp("schema") / "home"
    store = open_store(str(home))
    edit(store, ROUTING, {}, what="set up", who="test")
    store.close()
    access = AccessStore(home)
    key = access.add_key("fuzz", "admin", "")[1]
    access.close()
    with TestClient(app_of(home), raise_server_exceptions=False) as client:
        yield client, key


def test_the_document_is_whole() -> None:
    operations = [
        (path, method, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/v1") and isinstance(operation, dict)
    ]
    assert len(operations) > 40
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(set(ids)) == len(ids)
    for path, method, operation in operations:
        assert operation.get("summary"), path
        if method in ("put", "patch") or (
            method == "post" and not path.endswith(("/imports", "/restore"))
        ):
            assert operation["requestBody"]["content"]["application/json"]["schema"], path


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_is_a_failure_of_ours(case: Any, running: tuple[TestClient[Any], str]) -> None:
    client, key = running
    sent = case.as_transport_kwargs(base_url="http://testserver")
    sent.pop("cookies", None)
    sent["headers"] = {**dict(sent.get("headers") or {}), "Authorization": f"Bearer {key}"}
    reply = client.request(**sent)
    assert reply.status_code < 500 or reply.status_code == 503, reply.text
    if reply.status_code >= 400 and reply.request.url.path.startswith("/api/v1"):
        assert reply.headers["content-type"].startswith("application/problem+json"), reply.text
