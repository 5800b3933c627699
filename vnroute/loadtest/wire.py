"""Delays of a TCP server, read from the loopback interface: connect to reply, for any server.

A raw packet socket sees what passes and changes nothing, so that every way into the switch is timed
alike: from the switch's SYN to the packet in which the server's answer begins. It needs
CAP_NET_RAW; where that is not given, :attr:`Wire.refused` says so and nothing is timed.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import threading
from types import TracebackType
from typing import Self

__all__ = ["Wire", "filter_of"]

_ETH_P_IP = 0x0800
_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_OUTGOING = 4
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_ETHERNET = 14


def filter_of(port: int) -> list[tuple[int, int, int, int]]:
    """Return a classic BPF program: IPv4 TCP packets without fragments, to or from a port."""
    return [
        (0x28, 0, 0, 12),  # the Ethernet type
        (0x15, 0, 8, _ETH_P_IP),
        (0x30, 0, 0, _ETHERNET + 9),  # the IP protocol
        (0x15, 0, 6, 6),
        (0xB1, 0, 0, _ETHERNET),  # X: the length of the IP header
        (0x48, 0, 0, _ETHERNET),  # the source port
        (0x15, 2, 0, port),
        (0x48, 0, 0, _ETHERNET + 2),  # the destination port
        (0x15, 0, 1, port),
        (0x06, 0, 0, 0xFFFF),
        (0x06, 0, 0, 0),
    ]


class Wire:
    """Times every connection to a port while it is entered; ``delays`` are seconds."""

    def __init__(self, port: int, marks: tuple[bytes, ...]) -> None:
        self.port = port
        self.delays: list[float] = []
        self.refused = ""
        self._marks = marks
        self._paused = False
        self._open: dict[tuple[bytes, int], float] = {}
        self._socket: socket.socket | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read, name="wire", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
        except OSError as error:
            self.refused = f"connect to reply was not timed: a raw socket: {error.strerror}"
            return self
        lines = [struct.pack("HBBI", *line) for line in filter_of(self.port)]
        program = ctypes.create_string_buffer(b"".join(lines))
        # struct sock_fprog: the number of instructions, and where they stand.
        head = struct.pack("HL", len(lines), ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._socket is not None:
            self._thread.join(2)
            self._socket.close()

    def pause(self) -> None:
        """Time no connection that begins from now on."""
        self._paused = True

    def _read(self) -> None:
        assert self._socket is not None
        while not self._done.is_set():
            with contextlib.suppress(TimeoutError):
                data, notes, _, where = self._socket.recvmsg(65_535, 64)
                # Loopback shows each packet twice, as it leaves and as it comes.
                if where[2] != _OUTGOING and notes:
                    seconds, nanoseconds = struct.unpack("qq", notes[0][2][:16])
                    self.packet(data, seconds + nanoseconds / 1e9)

    def packet(self, frame: bytes, at: float) -> None:
        """Take one frame that passed at a moment (Unix seconds)."""
        ip = _ETHERNET + 4 * (frame[_ETHERNET] & 0x0F)
        source, target = struct.unpack_from("!HH", frame, ip)
        flags = frame[ip + 13]
        if target == self.port:
            key = frame[_ETHERNET + 12 : _ETHERNET + 16], source
            if flags & (_SYN | _FIN | _RST):
                # A client's port comes again: nothing may be left of who had it before.
                self._open.pop(key, None)
            if flags & (_SYN | _ACK) == _SYN and not self._paused:
                self._open[key] = at
            return
        key = frame[_ETHERNET + 16 : _ETHERNET + 20], target
        began = self._open.get(key)
        if began is None:
            return
        payload = frame[ip + 4 * (frame[ip + 12] >> 4) :]
        if any(mark in payload for mark in self._marks):
            self.delays.append(at - began)
            del self._open[key]
