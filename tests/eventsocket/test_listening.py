"""A supervisor that looks whether it can have its port takes no call from the workers there."""

from __future__ import annotations

import socket
import threading

import pytest

from vnroute.eventsocket.worker import bound_socket, listening_socket

CALLS = 500


def test_a_port_that_is_looked_at_loses_no_connection() -> None:
    with listening_socket("127.0.0.1", 0, 4096) as worker:
        port = worker.getsockname()[1]
        looked, done = 0, threading.Event()

        def look() -> None:
            nonlocal looked
            while not done.is_set():
                bound_socket("127.0.0.1", port).close()
                looked += 1

        looking = threading.Thread(target=look)
        looking.start()
        try:
            calls = [socket.create_connection(("127.0.0.1", port)) for _ in range(CALLS)]
        finally:
            done.set()
            looking.join()
        taken = [worker.accept()[0] for _ in range(CALLS)]
        assert looked > CALLS / 10
        for each in calls + taken:
            each.close()


def test_a_port_that_something_else_holds_is_told() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as held,
        pytest.raises(OSError, match="in use"),
    ):
        bound_socket("127.0.0.1", held.getsockname()[1])
