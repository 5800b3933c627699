"""Ported numbers: a request's own routing number, and a target's from the table."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, acme, compiled
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data, explain
from vnroute.matcher.gate import called_number, routing_number
from vnroute.portability.build import build_table
from vnroute.portability.table import PortabilityTable
from vnroute.simulator.channel_data import Caller, Setup, encode_channel_data

CAPTURES = Path(__file__).parents[1] / "data/captures/portability"


def header(data: bytes, name: str) -> bytes:
    for line in data.split(b"\n"):
        if line.startswith(name.encode() + b": "):
            return line.partition(b": ")[2]
    return b""


@pytest.mark.parametrize("form", ["user", "uri", "separators", "tel", "local"])
def test_what_a_switch_makes_of_a_request_with_a_routing_number_is_read(form: str) -> None:
    """RFC 4694's forms, as a real switch passed them on: in the user part, which it takes for the
    number whole, in the URI's parameters, with visual separators, as tel URI, and a local one.
    """
    data = (CAPTURES / f"{form}.channel_data").read_bytes()
    called = header(data, "Caller-Destination-Number")
    assert called_number(called) == 15_551_234_567
    found = routing_number(called) or routing_number(header(data, "variable_sip_req_params"))
    assert found == (0 if form == "local" else 15_557_654_321)


def test_the_simulator_sends_what_the_switch_sends() -> None:
    data = (CAPTURES / "user.channel_data").read_bytes()
    setup = Setup("u", "+15551234567;npdi;rn=+15557654321", Caller("12125550100"), 0)
    made = encode_channel_data(setup, "127.0.0.1", "127.0.0.1:8084 async full")
    for name in ("Caller-Destination-Number", "variable_sip_req_user"):
        assert header(made, name) == header(data, name)


@pytest.mark.parametrize(
    ("encoded", "number"),
    [
        (b"%2B1555%3Brn%3D%2B1-555-765-4321", 15_557_654_321),
        (b"npdi%3BRN%3D%2B44%287%29.9", 4479),
        (b"user%3Dphone%3Brn%3D%2B15557654321%3Bnpdi", 15_557_654_321),
        (b"rnx%3D%2B1%3Brn%3D%2B2", 2),
        (b"r%3Brn%3D%2B2", 2),
        (b"rn%3D15557654321", 0),
        (b"rn%3D%2B0155", 0),
        (b"rn%3D%2B1%2C2", 0),
        (b"rn%3D%2B1234567890123456", 0),
        (b"rn%3D%2B", 0),
        (b"rn%3D", 0),
        (b"rn", 0),
        (b"xrn%3D%2B1", 0),
        (b"%2B1555%3Bcic%3D%2B10288", 0),
        (b"", 0),
    ],
)
def test_routing_numbers(encoded: bytes, number: int) -> None:
    assert routing_number(encoded) == number


@pytest.mark.parametrize(
    ("encoded", "number"),
    [
        (b"15551234567%3Bnpdi", 15_551_234_567),
        (b"15551234567%3Bphone-context%3Dx", 0),
        (b"15551234567%3Bnpdi%3BPhone-Context%3D%2B1", 0),
        (b"%2B15551234567%3Bphone-context%3Dx", 15_551_234_567),
        (b"15551234567%3Bxphone-context%3D1%3Bphone-contex", 15_551_234_567),
        (b"%3Bnpdi", 0),
    ],
)
def test_parameters_follow_the_number(encoded: bytes, number: int) -> None:
    assert called_number(encoded) == number


@given(st.binary(max_size=60), st.text("rn=+;%3Bb0123D", max_size=40))
def test_whatever_stands_there_it_is_a_number_or_none(data: bytes, text: str) -> None:
    for encoded in (data, text.encode(), b"1%3Brn%3D%2B" + data):
        assert 0 <= routing_number(encoded) < 10**15
        assert 0 <= called_number(encoded) < 10**15


@pytest.fixture
def matcher(tmp_path: Path) -> Matcher:
    return Matcher(compiled(acme(), tmp_path), seed=1)


def table(directory: Path, rows: str) -> PortabilityTable:
    text = f"number,routing_number\n{rows}"
    return PortabilityTable(build_table(directory, io.BytesIO(text.encode())).path)


def bridges(matcher: Matcher, called: str = "18005551234") -> list[str]:
    reply = matcher.decide(channel_data(called, "+34911234567"), MONDAY_NOON_IN_NEW_YORK)
    return [text for name, text in applications_of(reply) if name == "bridge"]


def test_carriers_are_chosen_by_the_routing_number_and_the_number_is_dialled(
    matcher: Matcher, tmp_path: Path
) -> None:
    # +1 212 is beta's first, all other +1 are alpha's: this number moved out of 212.
    matcher.port(table(tmp_path, "+12125550100,+19175550000\n+442079460999,+19175550000\n"))
    first = bridges(matcher)[0]
    dialled = [leg.rpartition("/")[2] for leg in first.split("|")]
    assert dialled == ["12125550100", "0012125550100", "+12125550100"]
    # A routing number that no carrier takes: the number itself would go to a stranger.
    matcher.port(table(tmp_path, "+12125550100,+8613800000000\n"))
    assert not any("2125550100" in bridge for bridge in bridges(matcher))
    matcher.port(None)
    assert [leg.rpartition("/")[2] for leg in bridges(matcher)[0].split("|")] == [
        "0012125550100", "+12125550100", "12125550100",
    ]  # fmt: skip


def test_the_explanation_says_so(matcher: Matcher, tmp_path: Path) -> None:
    matcher.port(table(tmp_path, "+12125550100,+19175550000\n"))
    explained = explain(matcher, "+18005551234", "+34911234567", MONDAY_NOON_IN_NEW_YORK)
    target = explained.steps[0].targets[0]
    assert target.routing_number == "+19175550000"
    assert [leg.carrier for leg in target.legs] == ["alpha", "beta", "beta"]
    dialled = [leg.dial for leg in target.legs]
    assert all(dial in bridges(matcher)[0] for dial in dialled)


def test_a_call_that_comes_with_a_routing_number_finds_its_number(matcher: Matcher) -> None:
    called = "+18005551234;npdi;rn=+1-917-555-0000"
    reply = matcher.decide(channel_data(called, "+34911234567"), MONDAY_NOON_IN_NEW_YORK)
    assert b";vn_number=+18005551234;vn_routing_number=+19175550000;" in reply
    assert len(bridges(matcher, called)) == len(bridges(matcher))
