"""Calls that were forwarded too often: what is logged of them, and how much."""

from __future__ import annotations

import json
import socket
import time

from hypothesis import given
from hypothesis import strategies as st

from tests.eventsocket.test_serve import ROUTES, Home, home
from vnroute.eventsocket.loops import forwarded
from vnroute.matcher.explain import channel_data

__all__ = ["home"]

DIVERSIONS = (
    "variable_sip_h_Diversion: %3Csip%3A%2B442079460123%40c.example%3E%3Breason%3Dunconditional\n"
    "variable_sip_history_info: %3Csip%3A+12125550100%40a.example%3E%3Bindex%3D1,"
    "%3Ctel%3A%2B13055550100%3E%3Bindex%3D1.1\n"
    "variable_sip_call_id: one%40c.example\n"
)


def block(forwards: int) -> bytes:
    text = channel_data("18005551234", "+34911234567", hops=2).decode()
    text = text.replace("variable_max_forwards: 70", f"variable_max_forwards: {forwards}")
    return text.replace("\n\n", f"\n{DIVERSIONS}\n").encode()


def test_what_a_call_tells_of_its_way() -> None:
    assert forwarded(block(1)) == {
        "number": "18005551234",
        "caller": "+34911234567",
        "hops": "2",
        "max_forwards": "1",
        "call_id": "one@c.example",
        "uuid": "00000000-0000-4000-8000-000000000000",
        "path": ["+442079460123", "+12125550100", "+13055550100"],
    }


@given(st.binary(max_size=2000))
def test_nothing_in_a_block_makes_it_fail(data: bytes) -> None:
    said = forwarded(data)
    json.dumps(said)
    assert len(said["path"]) <= 20


@given(st.text(max_size=200))
def test_nor_in_a_header(text: str) -> None:
    said = forwarded(f"variable_sip_h_Diversion: {text}\n\n".encode("utf-8", "replace"))
    assert all(number.removeprefix("+").isdigit() for number in said["path"])


def test_a_flood_is_told_in_a_few_lines(home: Home) -> None:
    home.environment["VNROUTE_LOG_FORMAT"] = "json"
    home.load(ROUTES)
    server = home.serve(workers=1)
    for _ in range(40):
        with socket.create_connection(("127.0.0.1", home.port), timeout=5) as peer:
            peer.sendall(block(1))
            heard = b""
            while not heard.endswith(b"exit\n\n"):
                heard += peer.recv(65536)
            assert b"hangup EXCHANGE_ROUTING_ERROR" in heard
    time.sleep(1.5)
    server.terminate()
    assert server.wait(20) == 0
    assert server.stderr is not None
    lines = [json.loads(line) for line in server.stderr.read().splitlines()]
    told = [line for line in lines if line["event"] == "forwarded too often"]
    assert 1 <= len(told) < 40
    assert told[0]["number"] == "18005551234"
    assert told[0]["path"] == ["+442079460123", "+12125550100", "+13055550100"]
    assert sum(1 + line.get("left_out", 0) for line in told) == 40
