"""The HTTP API over ten million numbers: ``python -m bench.changes HOME``.

``HOME`` is one that ``bench.console_data`` made. A vnroute with one worker serves it, on this
machine, beside the clients that ask it; each client keeps its connection. Three things are timed:

- a number put under another plan (PUT with its ETag), until the answer says that it is live: one
  client, then several at once; and, of some, until a worker answers a call by it;
- a call explained (GET /route), by one client and by several at once;
- a page of numbers found.

``--json FILE`` keeps the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.console_data import PLANS, account_of, number, plan_of
from bench.console_home import Served
from vnroute.matcher.explain import applications_of, channel_data

__all__ = ["Asking", "main", "told"]


class Asking:
    """A connection to the control process that asks one thing after the other."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._common = f"Host: localhost\r\nAuthorization: Bearer {key}\r\n"

    async def __aenter__(self) -> Asking:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(
        self, method: str, path: str, body: bytes = b"", more: str = ""
    ) -> tuple[int, bytes]:
        """Ask; return the status and the body."""
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} /api/v1{path} HTTP/1.1\r\n{self._common}{kind}{more}\r\n"
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        place = answer.lower().index(b"content-length:")
        length = int(answer[place + 15 : answer.index(b"\r\n", place)])
        return int(answer[9:12]), await self._reader.readexactly(length)


def told(name: str, waits: list[float], took: float) -> dict[str, Any]:
    """Print what many requests took; return the figures."""
    count = len(waits)
    ms = [round(wait * 1e3, 2) for wait in sorted(waits)]
    made = {
        "what": name, "requests": count, "a_second": round(count / took, 1),
        "p50_ms": ms[count // 2], "p99_ms": ms[count * 99 // 100], "max_ms": ms[-1],
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    print(
        f"{name}: {count:,} requests, {made['a_second']:,} a second, p50 {made['p50_ms']} ms,"
        f" p99 {made['p99_ms']} ms, max {made['max_ms']} ms [load {made['load']}]",
        flush=True,
    )
    return made


async def _many(
    served: Served, clients: int, seconds: float, one: Callable[[Asking, int], Awaitable[None]]
) -> tuple[list[float], float]:
    """Let clients do one thing again and again; return how long each took, and all of it."""
    waits: list[float] = []
    began = time.perf_counter()

    async def client(place: int) -> None:
        async with Asking(served.control, served.key) as asking:
            while time.perf_counter() - began < seconds:
                at = time.perf_counter()
                await one(asking, place)
                waits.append(time.perf_counter() - at)

    await asyncio.gather(*(client(place) for place in range(clients)))
    return waits, time.perf_counter() - began


def _document(row: int, plan: int) -> bytes:
    leads = {"number": f"+{number(row)}", "account": account_of(plan), "plan": f"plan-{plan:06}",
             "campaign": "", "state": "active", "from": "", "until": "", "ported_to": "",
             "screen": ""}  # fmt: skip
    return json.dumps(leads, separators=(",", ":")).encode()


async def _change(served: Served, numbers: int, clients: int, seconds: float) -> dict[str, Any]:
    source = random.Random(7 + clients)
    where: dict[int, bytes] = {}

    async def one(asking: Asking, _: int) -> None:
        row = source.randrange(numbers)
        # Another plan of the same account.
        body = _document(row, (plan_of(row) + 1000 * source.randrange(1, 90)) % PLANS)
        seen = where.get(row)
        tag = f'"{hashlib.sha256(seen).hexdigest()[:20]}"' if seen else "*"
        status, answer = await asking.ask(
            "PUT", f"/numbers/+{number(row)}?wait=30", body, f"If-Match: {tag}\r\n"
        )
        if status != 200 or not json.loads(answer)["live"]:
            raise SystemExit(f"not live: {status} {answer.decode()}")
        where[row] = body

    waits, took = await _many(served, clients, seconds, one)
    return told(f"a number changed until it is live, {clients} at once", waits, took)


async def _seen_by_worker(served: Served, numbers: int, count: int) -> dict[str, Any]:
    """Change numbers, and call each until the worker sends it elsewhere."""
    source, waits = random.Random(5), list[float]()
    began = time.perf_counter()

    async def plan_called(row: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(channel_data(str(number(row)), "+34911234567"))
        heard = b""
        while not heard.endswith(b"exit\n\n"):
            heard += await reader.read(65536)
        writer.close()
        said = applications_of(heard)[0][1]
        return said.partition("vn_plan=")[2].partition(";")[0].encode()

    async with Asking(served.control, served.key) as asking:
        for _ in range(count):
            row = source.randrange(numbers)
            plan = (plan_of(row) + 1000) % PLANS
            at = time.perf_counter()
            await asking.ask(
                "PUT", f"/numbers/+{number(row)}", _document(row, plan), "If-Match: *\r\n"
            )
            while await plan_called(row) != f"plan-{plan:06}".encode():
                await asyncio.sleep(0.002)
            waits.append(time.perf_counter() - at)
    return told("a number changed until a call goes by it", waits, time.perf_counter() - began)


async def _asked(
    served: Served, name: str, clients: int, seconds: float, path: Callable[[random.Random], str]
) -> dict[str, Any]:
    source = random.Random(9)

    async def one(asking: Asking, _: int) -> None:
        status, answer = await asking.ask("GET", path(source))
        if status != 200:
            raise SystemExit(f"{status} {answer.decode()}")

    waits, took = await _many(served, clients, seconds, one)
    return told(f"{name}, {clients} at once", waits, took)


async def _measure(served: Served, numbers: int, seconds: float) -> list[dict[str, Any]]:
    def explained(source: random.Random) -> str:
        return f"/route?number=%2B{number(source.randrange(numbers))}&caller=%2B34911234567"

    def page(source: random.Random) -> str:
        return f"/numbers?prefix={str(number(source.randrange(numbers)))[:9]}&limit=100"

    made = []
    for clients in (1, 4, 16):
        made.append(await _asked(served, "a call explained", clients, seconds, explained))
    made.append(await _asked(served, "numbers by their first nine digits", 1, seconds, page))
    for clients in (1, 4, 16):
        made.append(await _change(served, numbers, clients, seconds))
    made.append(await _seen_by_worker(served, numbers, 100))
    return made


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--numbers", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each of the figures")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with Served(asked.home) as served:
        made = uvloop.run(_measure(served, asked.numbers, asked.seconds))
    if asked.json:
        asked.json.write_text(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
