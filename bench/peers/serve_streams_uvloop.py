"""A server written by hand in an hour: asyncio streams on uvloop, every header parsed."""

import asyncio
from urllib.parse import unquote

import uvloop

from bench.peers.dialplan import ROUTES, place


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One call, from ``connect`` to FreeSWITCH's hanging up."""
    try:
        writer.write(b"connect\n\n")
        headers = {}
        for line in (await reader.readuntil(b"\n\n")).decode().splitlines():
            name, _, value = line.partition(": ")
            headers[name] = unquote(value) if "%" in value else value
        dial = ROUTES.get(headers["Caller-Destination-Number"])
        app, arg = ("bridge", dial) if dial else ("hangup", "UNALLOCATED_NUMBER")
        writer.write(
            f"sendmsg\ncall-command: execute\nexecute-app-name: {app}\n"
            f"execute-app-arg: {arg}\n\n".encode()
        )
        await reader.read()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(host: str, port: int) -> None:
    """Serve until ended."""
    server = await asyncio.start_server(answer, host, port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*place()))
