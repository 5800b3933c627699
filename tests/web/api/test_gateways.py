"""Gateways over HTTP: seen, drained, restored, by those who may."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.api.conftest import Asker

Ask = Callable[..., Asker]


def test_a_gateway_is_drained_and_restored(ask: Ask) -> None:
    operator = ask("operator")
    (row,) = operator("GET", "/gateways").json()["items"]
    assert (row["gateway"], row["carrier"], row["state"], row["share"]) == (
        "alpha-1", "alpha", "closed", 1.0,
    )  # fmt: skip
    reply = operator("POST", "/gateways/alpha-1/drain", {"why": "new line cards"})
    assert reply.json() == {"gateway": "alpha-1", "drained": True, "changed": True}
    assert not operator("POST", "/gateways/alpha-1/drain", {}).json()["changed"]
    (row,) = operator("GET", "/gateways").json()["items"]
    assert (row["state"], row["share"], row["why"], row["by"]) == (
        "drained", 0.0, "new line cards", "operator-all",
    )  # fmt: skip
    assert operator("POST", "/gateways/alpha-1/restore").json()["changed"]
    assert operator("GET", "/gateways").json()["items"][0]["state"] == "closed"


def test_refusals(ask: Ask) -> None:
    operator = ask("operator")
    assert operator("POST", "/gateways/nothing/drain", {}).status_code == 404
    assert operator("POST", "/gateways/alpha-1/drain", {"why": "a\nb"}).status_code == 422
    assert operator("POST", "/gateways/alpha-1/drain", {"reason": "x"}).status_code == 422
    assert ask("viewer")("POST", "/gateways/alpha-1/drain", {}).status_code == 403
    assert ask("operator", "acme")("POST", "/gateways/alpha-1/drain", {}).status_code == 404
    assert ask("viewer", "acme")("GET", "/gateways").status_code == 404
    assert ask("viewer")("GET", "/gateways").status_code == 200
