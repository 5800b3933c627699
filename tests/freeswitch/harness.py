"""A real FreeSWITCH, its carriers and its callers, on loopback ports of one test.

The switch, SIPp and their processes are the load-test kit's (``vnroute/loadtest``); here they are
context managers for one test each. ``FreeSwitch`` runs ``fs-conf/`` as it is shipped from a scratch
copy, ``SippCarrier`` stands behind a gateway and ``SippCaller`` places calls. Nothing here knows
vnroute: the switch is pointed at any outbound server by address.

Environment: VNROUTE_FREESWITCH and VNROUTE_SIPP, as for ``vnroute loadtest``.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import http.server
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import tempfile
import threading
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from vnroute.loadtest import freeswitch as kit
from vnroute.loadtest.carrier_scenario import scenario
from vnroute.loadtest.control import EventSocket
from vnroute.loadtest.errors import RunBroken
from vnroute.loadtest.freeswitch import Gateway
from vnroute.loadtest.machine import find_tools
from vnroute.loadtest.process import group_usage, wait_until
from vnroute.loadtest.profile import Callers, Ported
from vnroute.loadtest.sipp import Sipp, SippCallers, wait_bound
from vnroute.loadtest.traces import leg_causes, variable, when
from vnroute.loadtest.traffic import PlannedCall
from vnroute.simulator.gateways import Script

__all__ = [
    "FS_CONF",
    "LOOPBACK",
    "CdrReceiver",
    "EventSocket",
    "FreeSwitch",
    "Gateway",
    "HarnessError",
    "Invite",
    "Leg",
    "Placed",
    "PlacedCall",
    "SippCaller",
    "SippCarrier",
    "carrier_text",
    "free_port",
    "legs",
    "missing",
    "place",
    "variable",
    "wait_until",
]

FS_CONF = pathlib.Path(__file__).resolve().parents[2] / "fs-conf"
LOOPBACK = "127.0.0.1"

HarnessError = RunBroken
"""Something of the harness itself did not work; the message says what and shows its log."""


def missing() -> str | None:
    """Return why the real switch cannot be used here, or None if it can."""
    return find_tools().missing


# Below the kernel's ephemeral range (32768 and up), where any client socket of another test may sit
# when a switch wants to bind; and below FreeSWITCH's RTP ports.
_PORTS = range(10_000, 16_000)
_given_ports: list[socket.socket] = []


def free_port() -> int:
    """Return a loopback port that is free for UDP and for TCP and was not given out before.

    Both, because FreeSWITCH binds its SIP port for both. Other test runs on this machine are told
    by a name in Linux' abstract space, which ends with this process: what is to listen on the port
    may be started much later, and two runs would meet there.
    """
    for _ in range(2000):
        port = random.choice(_PORTS)
        given = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),
        ):
            given.bind(f"\0vnroute-test-port-{port}")
            tcp.bind((LOOPBACK, port))
            udp.bind((LOOPBACK, port))
            _given_ports.append(given)
            return port
        given.close()
    raise HarnessError("no free loopback port")


class CdrReceiver:
    """A tiny HTTP server that takes mod_json_cdr's posts and keeps them in memory."""

    def __init__(self) -> None:
        records: list[dict[str, Any]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                records.append(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the test's output is for results."""

        class Server(http.server.ThreadingHTTPServer):
            # A burst of hang-ups posts all at once; the default backlog of 5 would refuse most.
            request_queue_size = 1024
            daemon_threads = True

        self.records = records
        self._server = Server((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}/cdr"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop taking records."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@dataclasses.dataclass(frozen=True)
class Leg:
    """A B leg as the A leg's record lists it: its uuid and its hangup cause."""

    uuid: str
    cause: str


def legs(record: Mapping[str, Any]) -> list[Leg]:
    """Return all legs that were made for a call, in order, over all bridges of its plan."""
    return [Leg(*item) for item in leg_causes(record)]


class FreeSwitch(kit.FreeSwitch):
    """A real FreeSWITCH on a scratch copy of ``fs-conf/``; it takes calls inside the ``with``.

    Args:
        nodes: ``host:port`` of the outbound servers, in the order FreeSWITCH tries them.
        gateways: replace the example gateways of ``fs-conf/``.
        cdr: "http" (received in memory), "disk" (the receiver is down), "off", or an URL.
        loglevel: FreeSWITCH's; "debug" halves what two cores can take.
        variables: more ``vnroute_*`` values for vars.xml.
        dialplan: XML that replaces ``fs-conf/dialplan/vnroute.xml``, for tests of other dialplans.
        media: False lets media go past the switch (``inbound-bypass-media``), as wholesale
            switches of signalling only run: a third less work a call.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        gateways: Iterable[Gateway] = (),
        *,
        cdr: str = "http",
        loglevel: str = "warning",
        variables: Mapping[str, str] | None = None,
        dialplan: str | None = None,
        media: bool = True,
    ) -> None:
        binary = find_tools().freeswitch
        if binary is None:
            raise HarnessError(missing() or "no FreeSWITCH")
        self.receiver = CdrReceiver() if cdr == "http" else None
        if self.receiver is not None:
            cdr = self.receiver.url
        elif cdr == "disk":
            cdr = f"http://{LOOPBACK}:{free_port()}/cdr"
        elif cdr == "off":
            cdr = ""
        home = pathlib.Path(tempfile.mkdtemp(prefix="vnroute-fs-"))
        super().__init__(
            binary,
            FS_CONF,
            home,
            host=LOOPBACK,
            sip_port=free_port(),
            control_port=free_port(),
            nodes=nodes,
            gateways=gateways,
            variables={
                "vnroute_cdr_url": cdr,
                "vnroute_cdr_dir": str(home / "cdr"),
                "vnroute_loglevel": loglevel,
                **(variables or {}),
            },
            dialplan=dialplan,
            traced=False,
        )
        if not media:
            self._edit(
                "sip_profiles/vnroute.xml", "<settings>",
                '<settings>\n      <param name="inbound-bypass-media" value="true"/>',
            )  # fmt: skip

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.stop()
        if error is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """Stop the switch; a second call does nothing. HarnessError if it had died before."""
        died = bool(self.pid) and not self.running
        super().stop()
        if self.receiver is not None:
            self.receiver.close()
            self.receiver = None
        if died:
            raise HarnessError(f"FreeSWITCH died by itself\n{self.log_tail()}")

    def wait_idle(self, seconds: float = 15.0) -> None:
        """Wait until no leg is left; HarnessError if one stays, as a parked call would."""
        wait_until("no channel left in FreeSWITCH", lambda: self.sessions() == 0, seconds)

    def cdrs(self) -> list[dict[str, Any]]:
        """Return the call records so far, from wherever they went."""
        if self.receiver is not None:
            return list(self.receiver.records)
        return [json.loads(path.read_text()) for path in sorted(self.cdr_dir.glob("*.json"))]

    def cpu_seconds(self) -> float:
        """Return the CPU time that the switch has used, user and system."""
        return group_usage([self.pid])[0]

    def memory(self) -> int:
        """Return the resident memory of the switch in bytes."""
        return group_usage([self.pid])[1]


def _sipp() -> str:
    binary = find_tools().sipp
    if binary is None:
        raise HarnessError(missing() or "no SIPp")
    return binary


def _scratch() -> pathlib.Path:
    return pathlib.Path(tempfile.mkdtemp(prefix="vnroute-sipp-"))


@dataclasses.dataclass(frozen=True)
class Invite:
    """An INVITE that reached a carrier; header fields that were absent are empty."""

    at: float
    call_id: str
    dialled: str
    sender: str
    asserted: str
    privacy: str


def carrier_text(*signals: tuple[float, int], **more: Any) -> str:
    """Return the scenario of a carrier that sends these: (seconds after the INVITE, SIP status).

    ``more`` is the rest of a :class:`~vnroute.simulator.gateways.Script`, such as ``talk``.
    """
    return scenario([Script(tuple(signals), **more)])


class SippCarrier(Sipp):
    """A carrier behind a gateway: SIPp that answers, refuses, rings or stays silent.

    Given a name it takes a free port, and ``gateway()`` is what the switch needs to know of it;
    given a gateway it listens on that one's port, and may come and go while the switch runs.

    Build one by ``answers``, ``rings``, ``refuses``, ``rings_then_refuses``,
    ``early_media_then_refuses``, ``silent`` or ``closed``. Retransmissions count once.
    """

    def __init__(self, place: str | Gateway, text: str | None) -> None:
        if isinstance(place, str):
            place = Gateway(place, free_port())
        super().__init__(_sipp(), _scratch(), place.name, LOOPBACK, place.port)
        self._text = text

    @classmethod
    def answers(cls, place: str | Gateway) -> Self:
        """Answers at once."""
        return cls(place, carrier_text((0, 200)))

    @classmethod
    def rings(cls, place: str | Gateway, wait_ms: int = 120_000) -> Self:
        """Rings, and answers after so many milliseconds unless cancelled."""
        return cls(place, carrier_text((0, 180), (wait_ms / 1000, 200)))

    @classmethod
    def refuses(cls, place: str | Gateway, code: int, reason: str = "") -> Self:
        """Refuses at once with a SIP code and, if given, a Reason header value."""
        text = carrier_text((0, code))
        if reason:
            line = f"SIP/2.0 {code} Refused\n"
            assert line in text
            text = text.replace(line, f"{line}      Reason: {reason}\n")
        return cls(place, text)

    @classmethod
    def rings_then_refuses(cls, place: str | Gateway, wait_ms: int, code: int) -> Self:
        """Rings for so long, then refuses with a SIP code."""
        return cls(place, carrier_text((0, 180), (wait_ms / 1000, code)))

    @classmethod
    def early_media_then_refuses(cls, place: str | Gateway, wait_ms: int, code: int) -> Self:
        """Sends 183 with SDP, then refuses after so long."""
        return cls(place, carrier_text((0, 183), (wait_ms / 1000, code)))

    @classmethod
    def silent(cls, place: str | Gateway) -> Self:
        """Takes the INVITE and never says a word."""
        return cls(place, carrier_text())

    @classmethod
    def closed(cls, place: str | Gateway) -> Self:
        """A port that nobody listens on."""
        return cls(place, None)

    def gateway(self, ping: int = 0) -> Gateway:
        """Return the gateway through which the switch reaches this carrier."""
        return Gateway(self.name, self.port, ping)

    def __enter__(self) -> Self:
        if self._text is not None:
            (self.folder / "carrier.xml").write_text(self._text)
            # What is repeated after the end of its call must not become another call.
            self.launch("-sf", "carrier.xml", "-deadcall_wait", "33000")
            wait_bound(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """End it at once; a second call does nothing."""
        if self.child is not None:
            self.child.stop(signal.SIGKILL, 1)
            self.child = None

    def invites(self) -> list[Invite]:
        """Return every INVITE so far, oldest first."""
        return [
            Invite(when(line[1]), line[2], line[3], *(field.strip() for field in line[5:8]))
            for line in self.lines()
            if line[0] == "INVITE"
        ]

    def count(self) -> int:
        """Return how many INVITEs came."""
        return len(self.invites())

    def dialled(self) -> collections.Counter[str]:
        """Return how often each number was dialled."""
        return collections.Counter(invite.dialled for invite in self.invites())

    def cancelled(self) -> int:
        """Return how many INVITEs were cancelled while they rang."""
        return sum(line[0] == "CANCEL" for line in self.lines())

    def forget(self) -> None:
        """Start counting anew."""
        path = self.folder / f"{self.name}.log"
        if path.exists():
            os.truncate(path, 0)


@dataclasses.dataclass(frozen=True)
class PlacedCall:
    """A call as its caller saw it.

    ``code`` is the final SIP code; None if none came before the caller gave up. Times are seconds
    from the INVITE to the first ringing and to the final answer.
    """

    number: str
    caller: str
    code: int | None
    ringing: float | None
    seconds: float | None
    sent_at: float
    bye_received: bool


@dataclasses.dataclass(frozen=True)
class Placed:
    """All calls of one run, in the order they were placed."""

    calls: tuple[PlacedCall, ...]
    errors: str

    def codes(self) -> collections.Counter[int | None]:
        """Return how many calls ended with each final code."""
        return collections.Counter(call.code for call in self.calls)

    def code(self) -> int | None:
        """Return the code of a run of one call."""
        (call,) = self.calls
        return call.code

    def slowest(self) -> float:
        """Return the longest wait for a final answer, in seconds."""
        return max((call.seconds for call in self.calls if call.seconds is not None), default=0.0)

    def summary(self) -> str:
        """Return one line: how many calls, with which codes, how long the answers took."""
        waits = sorted(call.seconds for call in self.calls if call.seconds is not None)
        codes = " ".join(f"{code}:{n}" for code, n in sorted(self.codes().items(), key=str))
        if not waits:
            return f"{len(self.calls)} calls, {codes}"
        middle, last = waits[len(waits) // 2], waits[-1]
        return f"{len(self.calls)} calls, {codes}, answer after {middle:.3f} s (max {last:.3f} s)"


class SippCaller:
    """The carrier in front: places calls at a rate and writes down how each one ended.

    Args:
        address: ``host:port`` of the switch.
        numbers: what to dial, used in turn; or (dialled, caller) pairs. Sent as they are.
        calls: how many calls in all; one for each entry of ``numbers`` by default.
        rate: calls a second.
        hold_ms: how long an answered call stays up.
        give_up_ms: when a caller without a final answer cancels.
        headers: more SIP header lines of the INVITE.
        display: display name in From.
        ported: portability data of the request URI.
    """

    def __init__(
        self,
        address: str,
        numbers: Sequence[str | tuple[str, str]],
        *,
        calls: int | None = None,
        rate: int = 10,
        hold_ms: int = 200,
        give_up_ms: int = 60_000,
        headers: Sequence[str] = (),
        display: str = "",
        ported: Ported | None = None,
    ) -> None:
        pairs = [(n, "12125550100") if isinstance(n, str) else n for n in numbers]
        self.calls = calls if calls is not None else len(pairs)
        self.rate = rate
        patience, hold = give_up_ms / 1000, hold_ms / 1000
        group = Callers(
            name="caller", arrivals={"steady": rate, "seconds": max(1, self.calls / rate)},
            patience=f"{give_up_ms}ms", headers=tuple(headers), plus=True,
            ported=ported,
        )  # fmt: skip
        planned = [
            PlannedCall("caller", n + 1, n / rate, *pairs[n % len(pairs)], display, hold, patience)
            for n in range(self.calls)
        ]
        self.folder = _scratch()
        self._sipp = SippCallers(
            _sipp(), self.folder, group, planned,
            address=LOOPBACK, port=free_port(), target=address,
        )  # fmt: skip
        # Whoever gives up, and then the slowest way down.
        self._limit = self.calls / rate + patience + hold + 40

    def __enter__(self) -> Self:
        self._sipp.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._sipp.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self, seconds: float | None = None) -> Placed:
        """Wait for the last call to end and return how all of them went."""
        if self._sipp.child is None:
            raise HarnessError("the caller is not running")
        limit = seconds if seconds is not None else self._limit
        try:
            wait_until("the last call ends", lambda: not self._sipp.running, limit, 0.02)
        except RunBroken as error:
            raise HarnessError(f"{error}; {self._sipp.errors()}") from None
        return self.placed()

    def placed(self) -> Placed:
        """Return the calls so far."""
        seen: dict[str, dict[str, tuple[float, list[str]]]] = {}
        for line in self._sipp.lines():
            # The first of each kind: who gives up hears 487 after his CANCEL.
            seen.setdefault(line[2], {}).setdefault(line[0], (when(line[1]), line[3:]))
        calls = []
        for lines in seen.values():
            if "SENT" not in lines:
                continue
            at, (number, caller, *_) = lines["SENT"]
            end: float | None = None
            code: int | None = None
            if "CANCEL" in lines:
                end, (crossed, *_) = lines["CANCEL"]
                code = 200 if crossed else None
            elif "FINAL" in lines:
                end, (text, *_) = lines["FINAL"]
                code = int(text)
            calls.append(
                PlacedCall(
                    number=number,
                    caller=caller,
                    code=code,
                    ringing=lines["RINGING"][0] - at if "RINGING" in lines else None,
                    seconds=end - at if end is not None else None,
                    sent_at=at,
                    # SIPp answers a BYE by itself and ends the call: no hanging up of our own.
                    bye_received=code == 200 and "HUNGUP" not in lines,
                )
            )
        return Placed(tuple(calls), self._sipp.errors())


def place(
    address: str,
    numbers: Sequence[str | tuple[str, str]],
    *,
    calls: int | None = None,
    rate: int = 10,
    hold_ms: int = 200,
    give_up_ms: int = 60_000,
    headers: Sequence[str] = (),
    display: str = "",
) -> Placed:
    """Place calls, wait for the last one and return how they went; see ``SippCaller``."""
    with SippCaller(
        address,
        numbers,
        calls=calls,
        rate=rate,
        hold_ms=hold_ms,
        give_up_ms=give_up_ms,
        headers=headers,
        display=display,
    ) as caller:
        return caller.wait()
