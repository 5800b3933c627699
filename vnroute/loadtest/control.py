"""The event socket of the FreeSWITCH under test: a few API commands, nothing of the calls."""

from __future__ import annotations

import socket

from vnroute.loadtest.errors import RunBroken

__all__ = ["EventSocket"]


class EventSocket:
    """An inbound connection: authenticated by the constructor, closed by :meth:`close`.

    Raises OSError where nobody listens, :class:`RunBroken` where FreeSWITCH refuses us.
    """

    def __init__(self, host: str, port: int, password: str, timeout: float = 10.0) -> None:
        self._socket = socket.create_connection((host, port), timeout)
        self._buffer = b""
        self._frame()  # auth/request
        reply = self._command(f"auth {password}")
        if not reply.startswith("+OK"):
            self._socket.close()
            raise RunBroken(f"FreeSWITCH's event socket refused us: {reply}")

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def api(self, command: str) -> str:
        """Run an API command and return what it printed."""
        return self._command(f"api {command}")

    def _read(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise RunBroken("FreeSWITCH closed its event socket")
        self._buffer += data

    def _frame(self) -> tuple[dict[str, str], bytes]:
        while b"\n\n" not in self._buffer:
            self._read()
        head, self._buffer = self._buffer.split(b"\n\n", 1)
        pairs = (line.partition(":") for line in head.decode(errors="replace").splitlines())
        headers = {name.strip(): value.strip() for name, _, value in pairs}
        length = int(headers.get("Content-Length", "0"))
        while len(self._buffer) < length:
            self._read()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return headers, body

    def _command(self, line: str) -> str:
        self._socket.sendall(line.encode() + b"\n\n")
        headers, body = self._frame()
        return body.decode(errors="replace") if body else headers.get("Reply-Text", "")
