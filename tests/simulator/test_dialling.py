"""What carriers are told of a call, in the simulator: the rows that a real FreeSWITCH confirmed."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.dialling_table import CALLER, ROUTING, ROWS, Row, row_id
from vnroute.cli import main
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of
from vnroute.matcher.image import RouteImage
from vnroute.simulator.applications import split_application
from vnroute.simulator.channel_data import Caller, Setup, encode_channel_data
from vnroute.simulator.gateways import Gateways
from vnroute.simulator.invite import codecs, headers, request_user
from vnroute.simulator.switch import Session, Wait

NOW = 1795364836.4


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    home: Path = tmp_path_factory.mktemp("home")
    (home / "routes.yaml").write_text(ROUTING)
    for command in (["load", str(home / "routes.yaml")], ["compile"]):
        with pytest.raises(SystemExit) as done:
            main(["--home", str(home), *command])
        assert done.value.code in (0, None)
    return Matcher(RouteImage(home / "images" / "current.vni"), seed=1)


def call(matcher: Matcher, row: Row) -> Session:
    """Decide a row's call and run the answer."""
    extra = [
        (f"sip_h_{'identity' if name == 'Identity' else name}", value)
        for name, _, value in (line.partition(": ") for line in row.lines)
        if name in ("Identity", "Diversion")
    ]
    # FreeSWITCH takes a withheld caller's number from P-Asserted-Identity.
    setup = Setup("0f000000-aaaa", row.number[1:], Caller(CALLER, "Al"), 1, extra=extra)
    data = encode_channel_data(setup)
    if any(line.startswith("Privacy:") for line in row.lines):
        hidden = b"Caller-Privacy-Hide-Number: "
        assert hidden + b"false" in data
        data = data.replace(hidden + b"false", hidden + b"true")
    plan = [f"{name} {argument}" for name, argument in applications_of(matcher.decide(data, NOW))]
    behaviours = {
        name: {"answer": "100ms"} if status.startswith("200") else {"refuse": int(status[:3])}
        for name, status in row.carriers
    }
    session = Session(
        setup,
        Gateways.from_mapping({"gateways": behaviours}),
        NOW,
        random.Random(1),
        float("inf"),
    )
    for request in session.steps([split_application(line) for line in plan]):
        assert isinstance(request, Wait)
    return session


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_what_a_carrier_is_told(matcher: Matcher, row: Row) -> None:
    session = call(matcher, row)
    assert session.final_sip == row.code
    legs = {attempt.gateway: attempt.leg for attempt in session.attempts}
    for name, told in row.told.items():
        leg = legs[name]
        number = session.channel.get("effective_caller_id_number") or ""
        shown = session.channel.get("effective_caller_id_name") or ""
        found = headers(leg, number, shown)
        assert request_user(leg) == told["dialled"]
        for key, wanted in told.items():
            if key in ("dialled", "body"):
                continue
            value = found.get(key, "")
            assert re.search(wanted, value) if wanted else not value, (name, key, found)
        if name not in row.trusted and any(line.startswith("Privacy:") for line in row.lines):
            assert CALLER[1:] not in str(found)
    if row.did == "codecs":
        assert codecs(legs["gwCodecs"]) == ["PCMA", "PCMU"]
