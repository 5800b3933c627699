"""python-ESL 1.4.18, a thread for each call: its handles block."""

import socket
import threading
import warnings

from bench.peers.dialplan import ROUTES, place

warnings.simplefilter("ignore")  # SWIG's types warn at import
import ESL  # noqa: E402


def answer(handle: int) -> None:
    """One call on an accepted socket, which ESL closes."""
    connection = ESL.ESLconnection(handle)  # sends "connect", reads CHANNEL_DATA
    info = connection.getInfo()
    if not connection.connected() or info is None:
        return
    dial = ROUTES.get(info.getHeader("Caller-Destination-Number"))
    connection.setAsyncExecute("1")
    if dial:
        connection.execute("bridge", dial)
    else:
        connection.execute("hangup", "UNALLOCATED_NUMBER")
    while connection.connected():
        event = connection.recvEventTimed(1000)
        if event and event.getHeader("Event-Name") == "SERVER_DISCONNECTED":
            break
    connection.disconnect()


def main(host: str, port: int) -> None:
    """Serve until ended."""
    server = socket.create_server((host, port), backlog=4096)
    while True:
        connection, _ = server.accept()
        connection.setblocking(True)
        threading.Thread(target=answer, args=(connection.detach(),), daemon=True).start()


if __name__ == "__main__":
    main(*place())
