"""``vnroute portability dip``, and ``vnroute serve`` with dips, as they are run."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dips.servers import DnsServer, HttpServer, ported
from tests.eventsocket.test_serve import free_port
from vnroute.loadtest.node import Node
from vnroute.simulator.channel_data import Caller, Setup, encode_channel_data

NUMBER = 15_551_234_560
TARGET, DID = 12_125_550_100, "+18005550010"
ROUTING = f"""
accounts: [{{id: acme}}]
carriers:
  - {{id: alpha, gateways: [{{id: alpha-1, gateway: gwA}}]}}
  - {{id: beta, gateways: [{{id: beta-1, gateway: gwB}}]}}
rates:
  - {{prefix: "+1212", carrier: alpha, rate: 0.01}}
  - {{prefix: "+1917", carrier: beta, rate: 0.01}}
plans: [{{id: p, account: acme, steps: [{{ring: ["+{TARGET}"]}}, {{hangup: relay}}]}}]
numbers: [{{number: "{DID}", account: acme, plan: p}}]
"""

pytestmark = pytest.mark.timeout(120)


async def vnroute(home: Path, *arguments: str, **environ: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vnroute.cli", *arguments, cwd=home,
        env={**os.environ, "VNROUTE_HOME": str(home), **environ},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


def environ_of(server: HttpServer | DnsServer) -> dict[str, str]:
    settings = server.settings()
    if settings.http:
        return {"VNROUTE_DIPS_HTTP": settings.http}
    return {"VNROUTE_DIPS_ENUM": settings.enum, "VNROUTE_DIPS_RESOLVER": settings.resolver}


@pytest.mark.parametrize("server_of", [HttpServer, DnsServer])
def test_a_number_is_asked_for(tmp_path: Path, server_of: Any) -> None:
    async def test() -> None:
        async with server_of() as far:
            environ = {**environ_of(far), "VNROUTE_DIPS_DEADLINE_MS": "1000"}
            for number in (NUMBER, NUMBER + 1):
                status, out, error = await vnroute(
                    tmp_path, "portability", "dip", f"+{number}", "--json", **environ
                )
                assert (status, error) == (0, "")
                said = json.loads(out)
                assert said.pop("milliseconds") > 0
                routing = ported(number)
                assert said == {
                    "number": f"+{number}", "routing_number": f"+{routing}" if routing else None,
                    "deadline_ms": 1000, "in_time": True, "error": None,
                }  # fmt: skip

    asyncio.run(test())


def test_what_calls_would_go_on_without_is_told(tmp_path: Path) -> None:
    async def test() -> None:
        broken = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
        async with HttpServer(says=lambda number: broken) as far:
            dip = ("portability", "dip", f"+{NUMBER}")
            status, out, _ = await vnroute(tmp_path, *dip, **environ_of(far))
            assert status == 1 and "HTTP status 503" in out
            far.says, far.delay = None, 0.3
            status, out, _ = await vnroute(
                tmp_path, *dip, VNROUTE_DIPS_DEADLINE_MS="20", **environ_of(far)
            )
            assert status == 1 and "too late" in out
            status, _, error = await vnroute(tmp_path, *dip)
            assert status == 2 and "nobody is asked" in error
            status, _, error = await vnroute(
                tmp_path, "portability", "dip", "12", **environ_of(far)
            )
            assert status == 2 and "NUMBER" in error
            status, _, error = await vnroute(tmp_path, *dip, VNROUTE_DIPS_HTTP="http://127.0.0.1/x")
            assert status == 2 and "VNROUTE_DIPS_HTTP" in error and "{number}" in error

    asyncio.run(test())


def test_a_server_of_calls_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTING)

    async def test() -> None:
        async with HttpServer() as far:
            for name, value in environ_of(far).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("VNROUTE_DIPS_DEADLINE_MS", "1000")
            monkeypatch.setenv("VNROUTE_CONTROL_PORT", "0")
            for command in (("load", "routes.yaml"), ("compile",)):
                status, _, error = await vnroute(tmp_path, *command)
                assert status == 0, error
            node = Node(tmp_path, "127.0.0.1", free_port())
            await asyncio.to_thread(node.start)
            try:
                for _ in range(2):
                    host, _, port = node.address.partition(":")
                    reader, writer = await asyncio.open_connection(host, int(port))
                    await reader.readuntil(b"\n\n")
                    writer.write(encode_channel_data(Setup("u", DID, Caller("+34911234567"), 1)))
                    reply = await reader.readuntil(b"exit\n\n")
                    assert f"sofia/gateway/gwB/{TARGET}".encode() in reply
                    assert b"gwA" not in reply
                    writer.close()
                assert far.asked == [TARGET]
            finally:
                await asyncio.to_thread(node.stop)

    asyncio.run(test())
