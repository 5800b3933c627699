"""Asking a switch for the calls that are up: python-ESL in its own process, a switch that lies."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.carriers.test_switches import PASSWORD, run, until
from vnroute import log
from vnroute.calls.up import CallUp
from vnroute.carriers.calls_up import CallsUp
from vnroute.carriers.switches import SwitchAddress

pytest.importorskip("ESL")

LEG = "01001234-0000-8000-8000-000000000001"


def row(uuid: str, **more: Any) -> dict[str, str]:
    return {
        "uuid": uuid, "created_epoch": "1700000000", "cid_num": "12125550100",
        "dest": "+18005551201", "b_uuid": LEG, "b_dest": "442079460123",
        "call_created_epoch": "1700000003", **more,
    }  # fmt: skip


class Switch:
    """An Event Socket server with calls; ``answers`` overrides what a command is answered with."""

    def __init__(self, *rows: dict[str, str]) -> None:
        self.rows = list(rows)
        self.variables = {"vn_account": "acme", "vn_legs": "alpha-1,beta-1"}
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            writer.write(b"Content-Type: auth/request\n\n")
            while True:
                line = (await reader.readuntil(b"\n\n")).decode().strip()
                if line.startswith("auth "):
                    writer.write(b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")
                else:
                    said = self.said(line.removeprefix("api ")).encode()
                    head = b"Content-Type: api/response\nContent-Length: %d\n\n" % len(said)
                    writer.write(head + said)
                await writer.drain()
        writer.close()

    def said(self, command: str) -> str:
        self.asked.append(command)
        verb, _, rest = command.partition(" ")
        if verb in self.answers:
            return self.answers[verb]
        if verb == "strftime":
            return "1700000100"
        if verb == "show":
            count = {"row_count": len(self.rows)}
            return json.dumps({**count, "rows": self.rows} if self.rows else count)
        if verb == "uuid_getvar":
            return self.variables.get(rest.split()[1], "_undef_")
        if verb == "uuid_kill":
            self.rows = [each for each in self.rows if each["uuid"] != rest.split()[0]]
            return "+OK\n"
        return "-ERR no such command\n"


@contextlib.asynccontextmanager
async def linked(
    switch: Switch, wanted: list[bool]
) -> AsyncIterator[tuple[CallsUp, list[tuple[float, tuple[CallUp, ...] | None]]]]:
    server = await asyncio.start_server(switch.serve, "127.0.0.1", 0)
    heard: list[tuple[float, tuple[CallUp, ...] | None]] = []
    calls = CallsUp(
        [SwitchAddress("fs1", "127.0.0.1", server.sockets[0].getsockname()[1], PASSWORD)],
        lambda name, clock, calls: heard.append((clock, calls)),
        lambda: wanted[0],
        log.get_logger(),
        poll_seconds=0.1,
    )
    task = asyncio.create_task(calls.run())
    try:
        yield calls, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()


def test_calls_are_told_with_account_and_gateway_asked_for_once() -> None:
    async def story() -> None:
        switch = Switch(row("one"))
        async with linked(switch, [True]) as (_, heard):
            await until(lambda: len(heard) > 4)
            assert heard[0] == (
                1700000100.0,
                (CallUp("one", "acme", "+18005551201", "+12125550100", "beta-1", "442079460123",
                        1_700_000_000_000_000, 1_700_000_003_000_000),),
            )  # fmt: skip
            assert switch.asked.count("uuid_getvar one vn_account") == 1
            switch.rows = []
            await until(lambda: heard[-1][1] == ())

    run(story)


def test_what_strangers_wrote_reaches_no_command_and_no_rule() -> None:
    async def story() -> None:
        odd = row(
            "two", cid_num="${system(x)}", dest="\n\napi bgapi x", b_dest="1;x", b_uuid="ff",
            created_epoch="x",
        )  # fmt: skip
        switch = Switch(row("a b\n\napi shutdown"), row(""), odd)
        async with linked(switch, [True]) as (_, heard):
            await until(lambda: bool(heard))
            assert heard[0][1] == (
                CallUp("two", "acme", "", "", "", "", 0, 1_700_000_003_000_000),
            )  # fmt: skip
            assert {command.split()[0] for command in switch.asked} == {
                "strftime", "show", "uuid_getvar",
            }  # fmt: skip
            assert not [command for command in switch.asked if "shutdown" in command]

    run(story)


def test_a_call_that_is_none_of_ours_does_not_count() -> None:
    async def story() -> None:
        switch = Switch(row("one"))
        switch.variables = {}
        async with linked(switch, [True]) as (_, heard):
            await until(lambda: len(heard) > 2)
            assert all(calls == () for _, calls in heard)

    run(story)


def test_a_switch_that_cannot_list_its_calls_is_asked_again() -> None:
    async def story() -> None:
        switch = Switch(row("one"))
        switch.answers["show"] = "-ERR Cannot open the database\n"
        async with linked(switch, [True]) as (_, heard):
            await until(lambda: switch.asked.count("show bridged_calls as json") > 2)
            assert not heard
            del switch.answers["show"]
            await until(lambda: bool(heard and heard[-1][1]))

    run(story)


def test_calls_are_hung_up() -> None:
    async def story() -> None:
        switch = Switch(row("one"), row("two"), row("three"))
        async with linked(switch, [True]) as (calls, heard):
            await until(lambda: bool(heard))
            calls.hang_up("fs1", ["one", "three", "no uuid"], "OUTGOING_CALL_BARRED")
            calls.hang_up("elsewhere", ["two"], "OUTGOING_CALL_BARRED")
            await until(lambda: [each["uuid"] for each in switch.rows] == ["two"])
            kills = [command for command in switch.asked if command.startswith("uuid_kill")]
            assert kills == [f"uuid_kill {uuid} OUTGOING_CALL_BARRED" for uuid in ("one", "three")]

    run(story)


def test_nobody_asks_while_no_rule_does() -> None:
    async def story() -> None:
        switch, wanted = Switch(row("one")), [False]
        async with linked(switch, wanted) as (_, heard):
            await asyncio.sleep(0.5)
            assert not switch.asked
            wanted[0] = True
            await until(lambda: bool(heard))
            wanted[0] = False
            await until(lambda: heard[-1][1] is None)
            await until(lambda: heard[-1] == (0.0, None))
            asked = len(switch.asked)
            await asyncio.sleep(0.5)
            assert len(switch.asked) == asked

    run(story)


def test_a_link_that_is_lost_is_told() -> None:
    async def story() -> None:
        switch = Switch(row("one"))
        async with linked(switch, [True]) as (calls, heard):
            await until(lambda: bool(heard))
            calls._pipes["fs1"].close()
            await until(lambda: (0.0, None) in heard)
            await until(lambda: bool(heard[-1][1]))

    run(story)
