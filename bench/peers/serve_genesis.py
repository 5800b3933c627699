"""genesis (asyncio, here on uvloop), used as its documentation tells."""

import asyncio
import logging

import uvloop
from genesis import Outbound, Session
from genesis.exceptions import CommandStage, ConnectionLost

from bench.peers.dialplan import ROUTES, place

logging.disable(logging.CRITICAL)


async def answer(session: Session) -> None:
    """One call, until FreeSWITCH hangs up."""
    dial = ROUTES.get(session.context["Caller-Destination-Number"])
    try:
        if dial:
            await session.sendmsg("execute", "bridge", dial)
        else:
            await session.sendmsg("hangup", "", "UNALLOCATED_NUMBER")
        await session.wait_lost(CommandStage.ACCEPTED)
    except ConnectionLost:
        pass


async def main(host: str, port: int) -> None:
    """Serve until ended."""
    await Outbound(answer, host, port, events=False, linger=False).start()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*place()))
