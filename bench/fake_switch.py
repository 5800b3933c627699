"""The caller's side: plays FreeSWITCH's ``socket`` application against an outbound server.

Each call opens a connection, answers ``connect`` with a real CHANNEL_DATA (about 120 headers and
5.4 KB, from a capture), acknowledges commands, and ends as FreeSWITCH 1.11 does:

- ``sendmsg`` ``execute`` of a bridge: ``+OK``, then a call that ends at once (or after ``hold``
  seconds): disconnect notice, shutdown, close;
- ``sendmsg`` ``xferext`` then ``exit``: ``+OK``, ``+OK bye``, disconnect notice, shutdown, close.

Every reply leaves in a packet of its own, as mod_event_socket writes them. The loop is closed: at
most ``concurrency`` calls are open at a time. Only loopback is ever called.

One thread over epoll, without asyncio, and messages made before the clock starts: the client must
not be what is measured. ``python -m bench.fake_switch --help`` for use from a shell.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import re
import select
import socket
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import corpus, process

CAPTURE = Path(__file__).parent / "data" / "plain.channel_data"

_OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
_BYE = b"Content-Type: command/reply\nReply-Text: +OK bye\n\n"
_UNKNOWN = b"Content-Type: command/reply\nReply-Text: -ERR command not found\n\n"
_GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
_CONTENT_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_BRIDGE = re.compile(rb"\nexecute-app-name: *bridge\b", re.IGNORECASE)
_XFEREXT = re.compile(rb"\ncall-command: *xferext\b", re.IGNORECASE)
_HANGUP = re.compile(rb"\ncall-command: *hangup\b|\nexecute-app-name: *hangup\b", re.IGNORECASE)


def channel_data(numbers: Sequence[str], seed: int = 3) -> list[tuple[bytes, bytes]]:
    """(call uuid, CHANNEL_DATA) for each called number, modelled on the capture."""
    text = CAPTURE.read_bytes()
    captured_uuid = re.search(rb"\nUnique-ID: (.+)\n", text)
    captured_did = re.search(rb"\nCaller-Destination-Number: (.+)\n", text)
    if captured_uuid is None or captured_did is None:
        raise ValueError(f"{CAPTURE} is no CHANNEL_DATA")
    old_uuid, old_did = captured_uuid[1], captured_did[1]
    rng = random.Random(seed)
    made = []
    for number in numbers:
        call = str(uuid.UUID(int=rng.getrandbits(128), version=4)).encode()
        made.append((call, text.replace(old_uuid, call).replace(old_did, number.encode())))
    return made


@dataclass
class Result:
    """What a run of calls came to. Latencies are seconds from dialling to a whole answer."""

    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    client_cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """Calls placed."""
        return self.answered + self.failures.total()

    def percentile(self, share: float) -> float:
        """Latency in seconds that ``share`` (0 to 1) of the answered calls stayed within."""
        if not self.latencies:
            return float("nan")
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def merge(self, other: Result) -> None:
        """Add what another process saw in the same time."""
        self.answered += other.answered
        self.failures += other.failures
        self.seconds = max(self.seconds, other.seconds)
        self.client_cpu += other.client_cpu
        self.latencies += other.latencies

    def summary(self) -> dict[str, object]:
        """The figures, for JSON and for people."""
        return {
            "calls": self.calls,
            "answered": self.answered,
            "failures": dict(self.failures),
            "seconds": round(self.seconds, 3),
            "calls_per_s": round(self.answered / self.seconds, 1) if self.seconds else 0.0,
            "p50_ms": round(1e3 * self.percentile(0.5), 3),
            "p95_ms": round(1e3 * self.percentile(0.95), 3),
            "p99_ms": round(1e3 * self.percentile(0.99), 3),
            "max_ms": round(1e3 * self.percentile(1), 3),
            "client_cpu_us_per_call": round(1e6 * self.client_cpu / max(1, self.calls), 1),
        }


class _Call:
    """One connection, from dialling to close."""

    __slots__ = ("answered", "buffer", "data", "planned", "sock", "started", "uuid")

    def __init__(self, sock: socket.socket, call: bytes, data: bytes) -> None:
        self.sock = sock
        self.uuid = call
        self.data = data
        self.buffer = b""
        self.planned = False
        self.answered = False
        self.started = time.perf_counter()


class FakeSwitch:
    """Places calls at one server on loopback."""

    def __init__(
        self,
        port: int,
        messages: Sequence[tuple[bytes, bytes]],
        *,
        host: str = "127.0.0.1",
        hold: float = 0.0,
        timeout: float = 10.0,
    ) -> None:
        if not host.startswith("127."):
            raise ValueError("calls go to loopback only")
        self.address = (host, port)
        self.messages = messages
        self.hold = hold
        self.timeout = timeout
        self._next = 0
        self._held: deque[tuple[float, _Call]] = deque()

    def place(self, calls: int, concurrency: int, max_seconds: float = 60.0) -> Result:
        """Place ``calls`` calls, ``concurrency`` at a time; dial no more when time is up."""
        self.result = Result()
        self._open: dict[int, _Call] = {}
        self._epoll = select.epoll()
        started, cpu = time.perf_counter(), time.process_time()
        end = started + max_seconds
        sweep = started + 0.25
        placed = 0
        try:
            while True:
                while placed < calls and len(self._open) < concurrency:
                    self._dial()
                    placed += 1
                if not self._open:
                    break
                wait = 0.25
                if self._held:
                    wait = max(0.0, min(wait, self._held[0][0] - time.perf_counter()))
                for handle, _ in self._epoll.poll(wait):
                    call = self._open.get(handle)
                    if call is not None:
                        self._readable(call)
                now = time.perf_counter()
                while self._held and self._held[0][0] <= now:
                    _, call = self._held.popleft()
                    if call.sock.fileno() in self._open:
                        self._hang_up(call)
                if now > sweep:
                    sweep = now + 0.25
                    if now > end:
                        placed = calls
                    for call in list(self._open.values()):
                        if not call.answered and now - call.started > self.timeout:
                            self._fail(call, f"no answer in {self.timeout:g} s")
        finally:
            self._epoll.close()
        self.result.seconds = time.perf_counter() - started
        self.result.client_cpu = time.process_time() - cpu
        return self.result

    def _dial(self) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        call, data = self.messages[self._next]
        self._next = (self._next + 1) % len(self.messages)
        made = _Call(sock, call, data)
        sock.connect_ex(self.address)
        # No waiting for the connection: the server speaks first, and a refusal reads as an error.
        self._open[sock.fileno()] = made
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _readable(self, call: _Call) -> None:
        try:
            data = call.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(call, type(error).__name__)
            return
        if not data:
            if call.answered:  # a held call, whose server let go: the bridge goes on alone
                self._forget(call)
            else:
                self._fail(call, "closed before an answer")
            return
        try:
            if data == b"connect\n\n" and not call.buffer:
                call.sock.send(call.data)
            else:
                self._commands(call, call.buffer + data)
        except OSError as error:
            # A server may close after its last command without waiting; the answer still counts.
            if call.answered:
                self._forget(call)
            else:
                self._fail(call, type(error).__name__)

    def _commands(self, call: _Call, data: bytes) -> None:
        while True:
            data = data.lstrip(b"\n")  # some libraries end a command with more than two
            head, blank, rest = data.partition(b"\n\n")
            if not blank:
                call.buffer = data
                return
            sized = _CONTENT_LENGTH.search(head)
            if sized is not None:
                size = int(sized[1])
                if len(rest) < size:
                    call.buffer = data
                    return
                head += b"\n\n" + rest[:size]
                rest = rest[size:]
            data = rest
            if self._command(call, head):
                return

    def _command(self, call: _Call, command: bytes) -> bool:
        """Answer one command; true if it ended the connection."""
        send = call.sock.send
        if command.startswith(b"sendmsg"):
            if _XFEREXT.search(command):
                call.planned = b"sofia/gateway/" in command
                send(_OK)
            elif _BRIDGE.search(command):
                if b"sofia/gateway/" not in command:
                    self._fail(call, "bad dial string")
                    return True
                self._answered(call)
                send(_OK)
                if self.hold:
                    self._held.append((time.perf_counter() + self.hold, call))
                else:
                    self._hang_up(call)
                    return True
            elif _HANGUP.search(command):
                self._fail(call, "refused")
                return True
            else:
                send(_OK)
        elif command.startswith(b"exit"):
            if not call.planned:
                self._fail(call, "exit without a plan")
                return True
            self._answered(call)
            send(_BYE)
            self._hang_up(call)
            return True
        elif command.startswith(b"connect"):
            send(call.data)
        elif command.startswith((b"myevents", b"linger", b"event", b"filter", b"divert_events")):
            send(_OK)
        else:
            send(_UNKNOWN)
        return False

    def _answered(self, call: _Call) -> None:
        call.answered = True
        self.result.answered += 1
        self.result.latencies.append(time.perf_counter() - call.started)

    def _hang_up(self, call: _Call) -> None:
        notice = (
            b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: %b\n"
            b"Content-Disposition: disconnect\nContent-Length: %d\n\n%b"
        ) % (call.uuid, len(_GOODBYE), _GOODBYE)
        try:
            call.sock.send(notice)
            call.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server was quicker to close
        self._forget(call)

    def _fail(self, call: _Call, why: str) -> None:
        self.result.failures[why] += 1
        self._forget(call)

    def _forget(self, call: _Call) -> None:
        del self._open[call.sock.fileno()]
        call.sock.close()


def place_from_processes(
    port: int, dids: int, calls: int, concurrency: int, hold: float, processes: int
) -> Result:
    """Place calls from several processes at once, for a server quicker than one client."""
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        share = (port, dids, calls // processes, max(1, concurrency // processes), hold)
        parts = pool.starmap(_place, [(*share, seed) for seed in range(processes)])
    total = parts[0]
    for part in parts[1:]:
        total.merge(part)
    return total


def _place(port: int, dids: int, calls: int, concurrency: int, hold: float, seed: int) -> Result:
    rng = random.Random(seed)
    numbers = [corpus.did(rng.randrange(dids)) for _ in range(min(calls, 1000))]
    return FakeSwitch(port, channel_data(numbers, seed), hold=hold).place(calls, concurrency)


def main() -> int:
    """Place calls at a server that runs already, and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=8084)
    parser.add_argument("-n", "--calls", type=int, default=5000)
    parser.add_argument("-c", "--concurrency", type=int, default=50)
    parser.add_argument("--hold", type=float, default=0.0, help="seconds a bridged call stays up")
    parser.add_argument("--dids", type=int, default=1000, help="how many numbers are called")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--pid", type=int, help="the server's process: its tree's CPU is counted")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()

    pids = process.process_tree(given.pid) if given.pid else []
    before = process.cpu_seconds(pids)
    result = place_from_processes(
        given.port, given.dids, given.calls, given.concurrency, given.hold, given.processes
    )
    figures = result.summary()
    if pids:
        spent = process.cpu_seconds(pids) - before
        figures["server_cpu_us_per_call"] = round(1e6 * spent / max(1, result.answered), 1)
        figures["server_memory_mib"] = round(process.resident_mib(pids), 1)
    if given.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:>24}: {value}")
    return 1 if result.failures or not result.answered else 0


if __name__ == "__main__":
    sys.exit(main())
