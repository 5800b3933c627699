"""Dips over real sockets: servers that answer, are slow, silent, dead, wrong or hostile."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest
import uvloop

from tests.dips.servers import DnsServer, HttpServer, ported
from vnroute import log
from vnroute.dips.dipper import Dipper
from vnroute.dips.sources import DipFailed, open_source
from vnroute.settings import DipSettings

PORTED, STAYED, OTHER = 15_551_234_560, 15_551_234_561, 15_559_999_990

pytestmark = pytest.mark.timeout(60)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await test()

    uvloop.run(whole())


def dipper_of(settings: DipSettings) -> Dipper:
    source = open_source(settings)
    assert source is not None
    return Dipper(source, settings, log.get_logger())


async def asked(dipper: Dipper, *numbers: int) -> bool:
    """Ask as a call does, and wait until it may go on; return whether it had to wait."""
    done = asyncio.Event()
    waits = dipper.ask(list(numbers), done.set)
    if waits:
        await asyncio.wait_for(done.wait(), 5)
    return waits


def known(dipper: Dipper) -> dict[int, int]:
    return {number: routing for number, (routing, _) in dipper.found.items()}


@pytest.mark.parametrize("server_of", [HttpServer, DnsServer])
def test_an_answer_is_kept_and_a_number_asked_for_once(server_of: Any) -> None:
    async def test() -> None:
        async with server_of() as server:
            dipper = dipper_of(server.settings(deadline_ms=1000))
            waits = await asyncio.gather(*(asked(dipper, PORTED, STAYED) for _ in range(50)))
            assert all(waits)
            assert sorted(server.asked) == [PORTED, STAYED]
            assert known(dipper) == {PORTED: ported(PORTED), STAYED: 0}
            assert (dipper.asked, dipper.ported, dipper.not_ported) == (2, 1, 1)
            assert (dipper.late, dipper.failed, dipper.skipped) == (0, 0, 0)
            await dipper.close()

    run(test)


def test_a_slow_answer_comes_too_late_for_its_call_and_serves_the_next() -> None:
    async def test() -> None:
        async with HttpServer(delay=0.3) as server:
            dipper = dipper_of(server.settings(deadline_ms=20))
            assert await asked(dipper, PORTED)
            assert known(dipper) == {PORTED: 0}  # the dialled number, for some seconds
            assert dipper.late == 1
            while dipper.ported == 0:
                await asyncio.sleep(0.01)
            assert known(dipper) == {PORTED: ported(PORTED)}
            assert len(server.asked) == 1
            await dipper.close()

    run(test)


def test_a_silent_server_is_found_dead_and_calls_wait_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vnroute.dips.dipper._FIRST_SHUT", 0.3)

    async def test() -> None:
        async with HttpServer(says=lambda number: None) as server:
            dipper = dipper_of(server.settings(deadline_ms=20))
            for number in range(5):
                assert await asked(dipper, PORTED + number)
            assert dipper.is_shut and dipper.late == 5
            for number in range(5, 100):
                assert not await asked(dipper, PORTED + number)
            assert len(server.asked) == 5 and dipper.skipped == 95
            # It answers again: a question for which no call waits finds out.
            server.says = None
            numbers = iter(range(100, 10_000))
            while dipper.is_shut:
                assert not await asked(dipper, PORTED + next(numbers))
                await asyncio.sleep(0.01)
            assert len(server.asked) == 6
            assert await asked(dipper, OTHER)
            assert known(dipper)[OTHER] == ported(OTHER)
            await dipper.close()

    run(test)


def test_a_server_that_stays_dead_is_tried_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vnroute.dips.dipper._FIRST_SHUT", 0.05)

    async def test() -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # bound, and not listening: refused
            address = f"http://127.0.0.1:{nobody.getsockname()[1]}/{{number}}"
            dipper = dipper_of(DipSettings(http=address, deadline_ms=500))
            for number in range(5):
                assert await asked(dipper, number + 1)
            assert dipper.is_shut and dipper.failed == 5 and dipper.late == 0
            loop = asyncio.get_running_loop()
            until, number = loop.time() + 1.0, 10
            while loop.time() < until:
                number += 1
                assert not await asked(dipper, number)
                await asyncio.sleep(0.005)
            # 0.05, 0.1, 0.2, 0.4 and 0.8 seconds: no more than five trials.
            assert 1 <= dipper.failed - 5 <= 5
            await dipper.close()

    run(test)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000,
        b"\x00\xff\r\n\r\n" * 50,
        b'HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{"routing_number": "+1|error/XYZ"}',
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nPK\x00\x01",
    ],
)
def test_what_is_no_http_answer_fails_and_the_call_goes_on(said: bytes) -> None:
    async def test() -> None:
        async with HttpServer(says=lambda number: said) as server:
            dipper = dipper_of(server.settings(deadline_ms=1000))
            assert await asked(dipper, PORTED)
            assert dipper.failed == 1 and dipper.late == 0
            assert known(dipper) == {PORTED: 0}
            await dipper.close()

    run(test)


def test_http_404_says_not_ported() -> None:
    async def test() -> None:
        nothing = b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n"
        async with HttpServer(says=lambda number: nothing) as server:
            dipper = dipper_of(server.settings(deadline_ms=1000))
            assert await asked(dipper, PORTED)
            assert (dipper.not_ported, dipper.failed) == (1, 0)
            await dipper.close()

    run(test)


def forged(question: bytes, number: int) -> list[bytes]:
    """Return answers of others before the right one: other ids, other questions, noise."""
    evil = f'1 1 "u" "E2U+pstn:tel" "!^.*$!tel:+{number};npdi;rn=+19009009000!" .'
    other_id = bytearray(DnsServer.answer(question, number, evil))
    other_id[0] ^= 0xFF
    another = dns.message.make_query("1.2.3.numbers.test", "NAPTR")
    another.id = dns.message.from_wire(question).id
    other_name = DnsServer.answer(another.to_wire(), number, evil)
    return [b"", b"\xff" * 40, question, bytes(other_id), other_name,
            DnsServer.answer(question, number)]  # fmt: skip


def test_forged_dns_answers_are_passed_over() -> None:
    async def test() -> None:
        async with DnsServer(says=forged) as server:
            dipper = dipper_of(server.settings(deadline_ms=1000))
            assert await asked(dipper, PORTED)
            assert known(dipper) == {PORTED: ported(PORTED)}
            await dipper.close()

    run(test)


@pytest.mark.parametrize(
    ("says", "routing"),
    [
        (lambda question, _: [DnsServer.refusal(question, dns.rcode.NXDOMAIN)], 0),
        (lambda question, _: [DnsServer.refusal(question, dns.rcode.NOERROR)], 0),
        (lambda question, _: [DnsServer.refusal(question, dns.rcode.SERVFAIL)], None),
        (lambda question, _: [DnsServer.refusal(question, dns.rcode.REFUSED)], None),
        (lambda question, n: [DnsServer.answer(
            question, n, '1 1 "u" "E2U+pstn:tel" "!^(a+)+$!x!" .')], None),
        (lambda question, n: [DnsServer.answer(
            question, n, '1 1 "u" "E2U+pstn:tel" "!^.*$!tel:+1999;npdi;rn=+1555!" .')], None),
        (lambda question, n: [DnsServer.answer(
            question, n, '1 1 "u" "E2U+sip" "!^.*$!sip:x@a.example!" .')], 0),
    ],
)  # fmt: skip
def test_what_the_dns_says(says: Any, routing: int | None) -> None:
    async def test() -> None:
        async with DnsServer(says=says) as server:
            source = open_source(server.settings())
            assert source is not None
            if routing is None:
                with pytest.raises(DipFailed):
                    await asyncio.wait_for(source.ask(PORTED), 5)
            else:
                assert (await asyncio.wait_for(source.ask(PORTED), 5)).routing == routing

    run(test)


def test_answers_are_bounded_and_the_dns_may_shorten_their_time() -> None:
    async def test() -> None:
        async with DnsServer(
            says=lambda question, n: [DnsServer.answer(question, n, ttl=2)]
        ) as server:
            settings = server.settings(deadline_ms=1000, most_kept=3, ported_seconds=1000)
            dipper = dipper_of(settings)
            for number in range(10):
                assert await asked(dipper, PORTED + 2 * number)
            assert list(dipper.found) == [PORTED + 2 * n for n in (7, 8, 9)]
            assert all(until <= time.time() + 2 for _, until in dipper.found.values())
            await dipper.close()

    run(test)
