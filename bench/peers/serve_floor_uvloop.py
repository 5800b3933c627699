"""The floor in Python: a uvloop protocol that finds one header's bytes and parses nothing."""

import asyncio
from typing import cast

import uvloop

from bench.peers.dialplan import ROUTES, place

NEEDLE = b"\nCaller-Destination-Number: "
ANSWERS = {
    number.encode(): (
        f"sendmsg\ncall-command: execute\nexecute-app-name: bridge\nexecute-app-arg: {dial}\n\n"
    ).encode()
    for number, dial in ROUTES.items()
}


class Call(asyncio.Protocol):
    """One call; what comes after its answer is read and dropped."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast(asyncio.WriteTransport, transport)
        self.buffer: bytes | None = b""
        self.transport.write(b"connect\n\n")

    def data_received(self, data: bytes) -> None:
        if self.buffer is None:
            return
        self.buffer += data
        if self.buffer.endswith(b"\n\n"):
            start = self.buffer.find(NEEDLE) + len(NEEDLE)
            number = self.buffer[start : self.buffer.find(b"\n", start)]
            self.transport.write(ANSWERS[number])
            self.buffer = None


async def main(host: str, port: int) -> None:
    """Serve until ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Call, host, port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*place()))
