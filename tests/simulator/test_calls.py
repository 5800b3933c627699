"""Whole calls over real sockets, against a server that plays its part well or badly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from tests.simulator.canned import PLAN, canned_server, refusing_server
from vnroute.simulator import (
    Caller,
    CallOptions,
    CallRecord,
    Expectation,
    Expectations,
    Gateways,
    LoadSummary,
    Percentiles,
    Server,
    place_call,
    run_load,
)
from vnroute.simulator.callers import HOSTILE_NAMES, made_up_callers
from vnroute.simulator.load import socket_servers

DID = "18005551234"
LAB = Gateways.from_mapping(
    {"gateways": {"gwA": {"refuse": 503}, "gwB": {"ringing": "50ms", "answer": "200ms"}}}
)


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return uvloop.run(asyncio.wait_for(main(), 20))


def call_with(options: CallOptions | None = None, **server: Any) -> tuple[CallRecord, list[bytes]]:
    async def main() -> tuple[CallRecord, list[bytes]]:
        async with canned_server(**server) as (address, calls):
            record = await place_call(DID, [address], gateways=LAB, options=options, seed=1)
            while not calls:
                await asyncio.sleep(0.001)
            return record, calls

    result: tuple[CallRecord, list[bytes]] = run(main)
    return result


def test_a_call() -> None:
    record, (received,) = call_with()
    assert record.error is None
    assert record.got_plan
    assert [line.partition(" ")[0] for line in record.plan] == ["multiset", "bridge", "hangup"]
    assert record.gateways_tried == ["gwA", "gwB"]
    refused, answered = record.legs
    assert (refused.cause, refused.sip, refused.answered) == (
        "NORMAL_TEMPORARY_FAILURE",
        503,
        False,
    )
    assert (answered.cause, answered.sip, answered.answered) == ("NONE", 200, True)
    assert answered.number == "12125550100"
    assert answered.t_start == refused.t_end + 0.02 == 0.02
    assert (record.answered_by, record.final_sip, record.final_cause) == (
        "gwB",
        200,
        "NORMAL_CLEARING",
    )
    assert record.pdd is not None and 0.05 < record.pdd < 1
    assert record.plan_seconds is not None and 0 < record.plan_seconds < 1
    assert record.variables == {
        "vn_number": "+18005551234",
        "vn_account": "acme",
        "vn_plan": "acme-main",
        "vn_generation": "7",
    }
    assert received.startswith(b"Event-Name: CHANNEL_DATA\n")
    assert received.endswith(
        b"Content-Type: command/reply\nReply-Text: +OK\n\n"
        b"Content-Type: command/reply\nReply-Text: +OK bye\n\n"
        b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: "
        + record.uuid.encode()
        + b"\nContent-Disposition: disconnect\nContent-Length: 67\n\n"
        b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
    )


@pytest.mark.parametrize("split", [1, 7, 100, 4096])
def test_call_data_in_pieces(split: int) -> None:
    record, (received,) = call_with(CallOptions(split=split))
    assert record.answered_by == "gwB"
    assert received.count(b"Event-Name:") == 1
    assert b"variable_sip_req_user: 18005551234\n" in received


@pytest.mark.parametrize("pieces", [1, 13])
def test_answer_in_pieces(pieces: int) -> None:
    record, _ = call_with(pieces=pieces)
    assert record.answered_by == "gwB"


def test_extra_headers_and_hostile_name() -> None:
    async def main() -> tuple[CallRecord, list[bytes]]:
        async with canned_server() as (address, calls):
            caller = Caller("+442079460123", HOSTILE_NAMES[0])
            options = CallOptions(extra_headers=200)
            record = await place_call(DID, [address], caller, LAB, options)
            while not calls:
                await asyncio.sleep(0.001)
            return record, calls

    record, (received,) = run(main)
    assert record.error is None
    assert received.count(b"variable_sip_h_X-Sim-") == 200
    assert b"%25%7Bsystem(id)%7D%20%0Aexit\n" in received


BROKEN_OFF = PLAN[:200]
NO_EXIT = PLAN.removesuffix(b"exit\n\n")


@pytest.mark.parametrize(
    ("server", "error"),
    [
        ({"opening": b"", "hang_up_after": True}, "closed before any command"),
        ({"answer": b"", "hang_up_after": True}, "closed without a plan"),
        ({"answer": BROKEN_OFF, "hang_up_after": True}, "in the middle of a command"),
        ({"answer": b"exit\n\n"}, "exit without a plan"),
        ({"answer": b"sendmsg\ncontent-length: -1\n\n"}, "out of range"),
        ({"opening": b"", "answer": b""}, "no command within 0.3 s"),
        ({"answer": b""}, "no plan within 0.3 s"),
    ],
)
def test_a_server_without_a_plan_leaves_the_caller_to_the_fallback(
    server: dict[str, Any], error: str
) -> None:
    record, _ = call_with(CallOptions(timeout=0.3), **server)
    assert not record.got_plan
    assert record.fallback
    assert (record.final_sip, record.final_cause) == (503, "NORMAL_TEMPORARY_FAILURE")
    assert record.legs == [] and record.failovers == 1
    assert record.error is not None and error in record.error


def test_a_plan_counts_though_the_server_dies_without_exit() -> None:
    record, _ = call_with(answer=NO_EXIT, hang_up_after=True)
    assert record.got_plan
    assert record.answered_by == "gwB"
    assert record.error is not None and "closed without exit" in record.error


def test_the_next_server_takes_over() -> None:
    async def main() -> CallRecord:
        async with (
            canned_server(answer=BROKEN_OFF, hang_up_after=True) as (dying, _),
            canned_server() as (good, _),
        ):
            return await place_call(DID, [refusing_server(), dying, good], gateways=LAB)

    record: CallRecord = run(main)
    assert record.answered_by == "gwB"
    assert record.failovers == 2
    assert len(record.servers) == 3
    assert not record.fallback
    assert record.error is not None and "in the middle of a command" in record.error


def test_the_next_server_takes_over_from_one_that_set_its_variables_and_died() -> None:
    sets = (
        b"sendmsg\ncall-command: execute\nexecute-app-name: multiset\n"
        b"content-type: text/plain\ncontent-length: 17\n\n^^;vn_hops=1;vn_x"
    )

    async def main() -> tuple[CallRecord, list[bytes]]:
        async with (
            canned_server(answer=sets, hang_up_after=True) as (dying, _),
            canned_server() as (good, calls),
        ):
            record = await place_call(DID, [dying, good], gateways=LAB)
            return record, calls

    record, (asked,) = run(main)
    assert record.answered_by == "gwB" and not record.fallback
    assert b"\nvariable_vn_hops: 1\n" in asked
    assert b"\nCaller-Profile-Index: 1\n" in asked


def test_a_server_may_execute_instead() -> None:
    answer = (
        b"sendmsg\ncall-command: execute\nexecute-app-name: set\nexecute-app-arg: vn_x=1\n\n"
        b"sendmsg\ncall-command: execute\nexecute-app-name: bridge\n"
        b"Content-Length: 24\n\nsofia/gateway/gwB/1 \n   exit\n\n"
    )
    record, (received,) = call_with(answer=answer)
    assert record.plan == ["set vn_x=1", "bridge sofia/gateway/gwB/1 \n   "]
    assert record.answered_by == "gwB"
    assert received.endswith(b"http://www.cluecon.com/\n")


def test_a_server_may_hang_up() -> None:
    answer = b"sendmsg\ncall-command: hangup\nhangup-cause: UNALLOCATED_NUMBER\n\n"
    record, _ = call_with(answer=answer)
    assert record.got_plan
    assert (record.final_sip, record.plan) == (404, ["hangup UNALLOCATED_NUMBER"])


def test_other_commands_are_answered() -> None:
    answer = (
        b"getvar destination_number\n\ngetvar nothing\n\nmyevents\n\nlinger\n\nresume\n\n"
        b"divert_events on\n\nfilter a b\n\n" + PLAN
    )
    record, (received,) = call_with(answer=answer)
    assert record.answered_by == "gwB"
    assert b"Reply-Text: 18005551234\n" in received
    assert received.count(b"-ERR command not found") == 2


def test_the_first_commands_reply_is_never_sent() -> None:
    record, (received,) = call_with(opening=PLAN)
    assert record.answered_by == "gwB"
    assert received.startswith(b"Content-Type: command/reply\nReply-Text: +OK bye\n\n")


def test_a_plan_may_ask_again() -> None:
    async def main() -> tuple[CallRecord, list[bytes]]:
        def answer(data: bytes) -> bytes:
            if b"variable_vn_state: menu" in data:
                return PLAN
            return (
                b"sendmsg\ncall-command: xferext\napplication: answer\n"
                b"application: set vn_state=menu\n"
                b"application: socket 127.0.0.1:%d\napplication: hangup\n\nexit\n\n" % address.port
            )

        async with canned_server(answer=answer) as (address, calls):
            record = await place_call(DID, [address], gateways=LAB)
            return record, calls

    record, _ = run(main)
    assert record.answered_by == "gwB"
    assert len(record.servers) == 2
    assert record.plan[0] == "answer" and record.plan[-1] == "hangup USER_BUSY"


def test_a_dead_second_answer_goes_on_in_the_plan() -> None:
    dead = refusing_server()
    plan = (
        b"sendmsg\ncall-command: xferext\napplication: socket %b\n"
        b"application: hangup USER_BUSY\n\nexit\n\n" % str(dead).encode()
    )
    record, _ = call_with(answer=plan)
    assert record.final_sip == 486
    away = plan.replace(str(dead).encode(), b"192.0.2.1:8084")
    record, _ = call_with(answer=away)
    assert record.final_sip == 486
    assert record.error is not None and "not on this machine" in record.error


def test_real_time() -> None:
    begun = time.perf_counter()
    record, _ = call_with(CallOptions(time_scale=1.0))
    assert time.perf_counter() - begun >= 0.2
    assert record.duration == pytest.approx(0.22, abs=0.03)


def test_addresses() -> None:
    assert Server.parse("127.0.0.1:80") == Server("127.0.0.1", 80)
    assert Server.parse("localhost") == Server("localhost", 8084)
    assert Server.parse("[::1]:90") == Server("::1", 90)
    assert str(Server("::1", 90)) == "[::1]:90"
    for text in ("a:b", ":80", "h:0", "h:70000", "::1", "", "h:²"):
        with pytest.raises(ValueError):
            Server.parse(text)
    assert Server("::1", 1).is_loopback and Server("127.9.9.9", 1).is_loopback
    assert not Server("192.0.2.1", 1).is_loopback and not Server("example.com", 1).is_loopback
    assert socket_servers("a:1|b|c:3 async full") == [
        Server("a", 1),
        Server("b", 1),
        Server("c", 3),
    ]


def test_no_stranger_is_called() -> None:
    with pytest.raises(ValueError, match="not on this machine"):
        run(lambda: place_call(DID, ["192.0.2.1:8084"]))
    with pytest.raises(ValueError, match="no server"):
        run(lambda: place_call(DID, []))


# -- many calls -----------------------------------------------------------------------------------


def load(**more: Any) -> tuple[LoadSummary, list[CallRecord]]:
    records: list[CallRecord] = []

    async def main() -> LoadSummary:
        async with canned_server() as (address, _):
            return await run_load(
                [address], [DID, "+442079460000"], gateways=LAB, on_call=records.append, **more
            )

    return run(main), records


def test_a_load() -> None:
    summary, records = load(calls=300, concurrency=20, seed=5)
    assert (summary.calls, summary.plans, summary.answered, summary.legs) == (300, 300, 300, 600)
    assert summary.without_plan == 0 and summary.answer_seizure_ratio == 1.0
    assert summary.sip == {200: 300}
    assert summary.gateways["gwA"].causes == {"NORMAL_TEMPORARY_FAILURE": 300}
    assert summary.gateways["gwB"].answered == 300
    assert summary.plan is not None and summary.plan.p50 <= summary.plan.p99 <= summary.plan.max
    assert len({record.uuid for record in records}) == 300
    assert {record.did for record in records} == {DID, "+442079460000"}
    assert len({record.caller[:3] for record in records}) > 3
    assert all(len(record.uuid) == 36 and record.uuid[14] == "4" for record in records)


def test_each_number_once() -> None:
    summary, _ = load()
    assert summary.calls == 2


def test_a_rate_is_kept() -> None:
    begun = time.perf_counter()
    summary, _ = load(calls=60, rate=200.0)
    assert summary.calls == 60
    assert 0.29 <= time.perf_counter() - begun < 2


def test_progress_is_told() -> None:
    seen: list[int] = []
    load(calls=60, rate=200.0, on_progress=lambda s: seen.append(s.calls), progress_every=0.05)
    assert len(seen) >= 2 and seen == sorted(seen)


def test_the_same_seed_makes_the_same_calls() -> None:
    _, first = load(calls=20, concurrency=1, seed=9)
    _, second = load(calls=20, concurrency=1, seed=9)
    assert [(r.uuid, r.caller) for r in first] == [(r.uuid, r.caller) for r in second]


def test_expectations() -> None:
    good = Expectation(DID, legs=["gwA", "gwB/12125550100"], answered_by="gwB", sip=200)
    bad = Expectation("442079460000", legs=["gwB"])
    summary, records = load(expectations=Expectations([good, bad]))
    assert summary.mismatches == 1
    assert records[0].mismatch is None
    assert records[1].mismatch == "legs: found ['gwA', 'gwB'], expected ['gwB']"
    for wrong in (
        Expectation(DID, answered_by=None),
        Expectation(DID, cause="USER_BUSY"),
        Expectation(DID, sip=486),
        Expectation(DID, plan=[]),
    ):
        assert Expectations([wrong]).mismatch(records[0]) is not None


def test_errors_are_counted() -> None:
    async def main() -> LoadSummary:
        return await run_load([refusing_server()], [DID], calls=10)

    summary: LoadSummary = run(main)
    assert (summary.plans, summary.fallbacks, summary.failovers) == (0, 10, 10)
    assert sum(summary.errors.values()) == 10
    assert summary.plan is None


def test_no_number() -> None:
    with pytest.raises(ValueError, match="no number"):
        run(lambda: run_load(["127.0.0.1:1"], [], calls=3))


def test_percentiles() -> None:
    assert Percentiles.of([]) is None
    assert Percentiles.of(i / 100 for i in range(100)) == Percentiles(0.5, 0.95, 0.99, 0.99)


def test_made_up_callers() -> None:
    import itertools
    import random

    callers = list(itertools.islice(made_up_callers(random.Random(1), hostile=True), 300))
    assert all(c.number.startswith("+") and c.number[1:].isdigit() for c in callers)
    assert {c.name for c in callers} >= set(HOSTILE_NAMES)
