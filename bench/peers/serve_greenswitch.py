"""greenswitch (gevent), used as its README tells. It listens with gevent's backlog of 100."""

from gevent import monkey

monkey.patch_all()

import logging  # noqa: E402 - gevent patches before anything else is imported

import greenswitch  # noqa: E402
from greenswitch.esl import OutboundSession  # noqa: E402

from bench.peers.dialplan import ROUTES, place  # noqa: E402

logging.disable(logging.CRITICAL)


class Application:
    """One call."""

    def __init__(self, session: OutboundSession) -> None:
        self.session = session

    def run(self) -> None:
        dial = ROUTES.get(self.session.session_data.get("Caller-Destination-Number"))
        try:
            if dial:
                self.session.bridge(dial, block=False)
            else:
                self.session.hangup("UNALLOCATED_NUMBER")
            self.session._receive_events_greenlet.join()  # until FreeSWITCH hangs up
        except greenswitch.esl.OutboundSessionHasGoneAway:
            pass


if __name__ == "__main__":
    greenswitch.OutboundESLServer(
        *place(), application=Application, max_connections=100_000
    ).listen()
