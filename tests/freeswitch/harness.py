"""A real FreeSWITCH, its carriers and its callers, on loopback ports of one test.

``FreeSwitch`` runs the shipped ``fs-conf/`` from a scratch copy, ``SippCarrier`` stands behind a
gateway and ``SippCaller`` places calls. Each is a context manager that ends exactly the process it
started. Nothing here knows vnroute: the switch is pointed at any outbound server by address.

Environment:
    VNROUTE_FREESWITCH: path of the ``freeswitch`` binary; else the first one on PATH.
    VNROUTE_SIPP: path of the ``sipp`` binary (3.6 or later); else the first one on PATH.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import dataclasses
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import types
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE / "scenarios"
FS_CONF = HERE.parent.parent / "fs-conf"
LOOPBACK = "127.0.0.1"


class HarnessError(RuntimeError):
    """Something of the harness itself did not work; the message says what and shows its log."""


def find_binary(name: str, variable: str) -> str | None:
    """Return the path of a binary named by an environment variable or found on PATH, or None."""
    named = os.environ.get(variable)
    if named:
        return named if os.access(named, os.X_OK) else None
    return shutil.which(name)


def missing() -> str | None:
    """Return why the real switch cannot be used here, or None if it can."""
    if find_binary("freeswitch", "VNROUTE_FREESWITCH") is None:
        return "no FreeSWITCH: set VNROUTE_FREESWITCH to its binary"
    if find_binary("sipp", "VNROUTE_SIPP") is None:
        return "no SIPp: install it or set VNROUTE_SIPP to its binary"
    return None


# Below the kernel's ephemeral range (32768 and up), where any client socket of another test may sit
# when a switch wants to bind; and below FreeSWITCH's RTP ports.
_PORTS = range(10_000, 16_000)
_given_ports: set[int] = set()


def free_port() -> int:
    """Return a loopback port that is free for UDP and for TCP and was not given out before.

    Both, because FreeSWITCH binds its SIP port for both.
    """
    for _ in range(2000):
        port = random.choice(_PORTS)
        if port in _given_ports:
            continue
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),
        ):
            tcp.bind((LOOPBACK, port))
            udp.bind((LOOPBACK, port))
            _given_ports.add(port)
            return port
    raise HarnessError("no free loopback port")


def wait_until(what: str, ready: Callable[[], bool], seconds: float, step: float = 0.05) -> None:
    """Wait until ``ready`` is true; HarnessError, naming ``what``, after so many seconds."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise HarnessError(f"not in {seconds:g} s: {what}")
        time.sleep(step)


def _stop(process: subprocess.Popen[bytes], sig: signal.Signals, seconds: float) -> None:
    """End one process of ours: a signal, a wait, then SIGKILL."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


class EventSocket:
    """A small inbound event socket client: authenticate, run ``api`` commands, close."""

    def __init__(self, port: int, password: str, timeout: float = 10.0) -> None:
        self._socket = socket.create_connection((LOOPBACK, port), timeout)
        self._buffer = b""
        self._frame()  # auth/request
        reply = self.command(f"auth {password}")
        if not reply.startswith("+OK"):
            self._socket.close()
            raise HarnessError(f"event socket refused us: {reply}")

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _read(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise HarnessError("event socket closed by FreeSWITCH")
        self._buffer += data

    def _frame(self) -> tuple[dict[str, str], bytes]:
        while b"\n\n" not in self._buffer:
            self._read()
        head, self._buffer = self._buffer.split(b"\n\n", 1)
        pairs = (line.partition(":") for line in head.decode().splitlines())
        headers = {name.strip(): value.strip() for name, _, value in pairs}
        length = int(headers.get("Content-Length", "0"))
        while len(self._buffer) < length:
            self._read()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return headers, body

    def command(self, line: str) -> str:
        """Send one command; return its reply text, or the body of an ``api`` reply."""
        self._socket.sendall(line.encode() + b"\n\n")
        headers, body = self._frame()
        return body.decode(errors="replace") if body else headers.get("Reply-Text", "")

    def api(self, command: str) -> str:
        """Run an API command and return what it printed."""
        return self.command(f"api {command}")


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


def variable(record: Mapping[str, Any], name: str) -> str | None:
    """Return a channel variable of a call record, decoded, or None."""
    value = record.get("variables", {}).get(name)
    return None if value is None else urllib.parse.unquote(str(value))


@dataclasses.dataclass(frozen=True)
class Leg:
    """A B leg as the A leg's record lists it: its uuid and its hangup cause."""

    uuid: str
    cause: str


def legs(record: Mapping[str, Any]) -> list[Leg]:
    """Return all legs that were made for a call, in order, over all bridges of its plan."""
    text = variable(record, "originate_causes") or ""
    items = text.removeprefix("ARRAY::").split("|:") if text else []
    return [Leg(*item.partition(";")[::2]) for item in items]


@dataclasses.dataclass(frozen=True)
class Gateway:
    """A gateway of the switch under test: its name, the port behind it, seconds between pings."""

    name: str
    port: int
    ping: int = 0

    def xml(self) -> str:
        """Return the gateway in FreeSWITCH's notation, with the settings fs-conf/ recommends."""
        ping = f'<param name="ping" value="{self.ping}"/>' if self.ping else ""
        return (
            f'<gateway name="{self.name}"><param name="proxy" value="{LOOPBACK}:{self.port}"/>'
            '<param name="register" value="false"/><param name="caller-id-in-from" value="true"/>'
            f'<param name="cid-type" value="pid"/>{ping}</gateway>'
        )


class FreeSwitch:
    """A real FreeSWITCH on a scratch copy of ``fs-conf/``; it takes calls inside the ``with``.

    Args:
        nodes: ``host:port`` of the outbound servers, in the order FreeSWITCH tries them.
        gateways: replace the example gateways of ``fs-conf/``.
        cdr: "http" (received in memory), "disk" (the receiver is down), "off", or an URL.
        loglevel: FreeSWITCH's; "debug" halves what two cores can take.
        variables: more ``vnroute_*`` values for vars.xml.
        dialplan: XML that replaces ``fs-conf/dialplan/vnroute.xml``, for tests of other dialplans.
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
    ) -> None:
        binary = find_binary("freeswitch", "VNROUTE_FREESWITCH")
        if binary is None:
            raise HarnessError(missing() or "no FreeSWITCH")
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="vnroute-fs-"))
        self.sip_port = free_port()
        self.control_port = free_port()
        self.password = "only-for-this-test"
        self.receiver = CdrReceiver() if cdr == "http" else None
        if self.receiver is not None:
            cdr = self.receiver.url
        elif cdr == "disk":
            cdr = f"http://{LOOPBACK}:{free_port()}/cdr"
        elif cdr == "off":
            cdr = ""
        self.cdr_dir = self.home / "cdr"
        values = {
            "vnroute_sip_ip": LOOPBACK,
            "vnroute_sip_port": str(self.sip_port),
            "vnroute_rtp_ip": LOOPBACK,
            "vnroute_nodes": "|".join(nodes),
            "vnroute_nodes_again": "|".join(reversed(nodes)),
            "vnroute_control_port": str(self.control_port),
            "vnroute_control_password": self.password,
            "vnroute_cdr_url": cdr,
            "vnroute_cdr_dir": str(self.cdr_dir),
            "vnroute_loglevel": loglevel,
            **(variables or {}),
        }
        self.conf = self.home / "conf"
        shutil.copytree(FS_CONF, self.conf)
        self._write_vars(values)
        gateway_dir = self.conf / "sip_profiles" / "vnroute"
        for example in gateway_dir.glob("*.xml"):
            example.unlink()
        lines = "\n".join(gateway.xml() for gateway in gateways)
        (gateway_dir / "test.xml").write_text(f"<include>\n{lines}\n</include>\n")
        if dialplan is not None:
            (self.conf / "dialplan" / "vnroute.xml").write_text(dialplan)
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None
        self._control: EventSocket | None = None

    def _write_vars(self, values: Mapping[str, str]) -> None:
        """Keep the shipped vars.xml and set ours after it: a later "set" wins."""
        path = self.conf / "vars.xml"
        lines = "\n".join(
            f'  <X-PRE-PROCESS cmd="set" data="{name}={value}"/>' for name, value in values.items()
        )
        path.write_text(path.read_text().replace("</include>", f"{lines}\n</include>"))

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
            shutil.rmtree(self.home, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The process id of the running switch."""
        if self._process is None:
            raise HarnessError("FreeSWITCH is not running")
        return self._process.pid

    @property
    def address(self) -> str:
        """``host:port`` to send SIP to."""
        return f"{LOOPBACK}:{self.sip_port}"

    def start(self, seconds: float = 60.0) -> None:
        """Start the switch and wait until its SIP profile takes calls."""
        folders = {name: self.home / name for name in ("log", "db", "run", "temp", "storage")}
        for folder in folders.values():
            folder.mkdir()
        options = [text for name, path in folders.items() for text in (f"-{name}", str(path))]
        # -nf: stay our child, so that its pid is the one we stop; -nort and -nocal: no clock tricks
        # that ask for real-time rights; -nonat: no search for a router.
        command = [self._binary, "-nf", "-nc", "-nonat", "-nonatmap", "-nort", "-nocal"]
        with (self.home / "stdout").open("wb") as out:
            self._process = subprocess.Popen(
                [*command, "-conf", str(self.conf), *options],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.home,
            )
        atexit.register(self.stop)
        try:
            wait_until("FreeSWITCH takes calls", self._takes_calls, seconds, 0.1)
        except HarnessError as error:
            text = self.log_tail(40)
            with contextlib.suppress(HarnessError):
                self.stop()
            raise HarnessError(f"{error}\n{text}") from None

    def _takes_calls(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise HarnessError(f"FreeSWITCH ended with {self._process.returncode}")
        try:
            if self._control is None:
                self._control = EventSocket(self.control_port, self.password)
            return "RUNNING" in self._control.api("sofia status")
        except (OSError, HarnessError):
            self._control = None
            return False

    def stop(self) -> None:
        """Stop the switch; a second call does nothing. HarnessError if it had died before."""
        atexit.unregister(self.stop)
        if self._control is not None:
            self._control.close()
            self._control = None
        process, self._process = self._process, None
        died = None
        if process is not None:
            died = process.poll()
            # SIGKILL: an orderly stop takes four seconds, and nothing of this switch is kept.
            _stop(process, signal.SIGKILL, 10)
        if self.receiver is not None:
            self.receiver.close()
            self.receiver = None
        if died is not None:
            raise HarnessError(f"FreeSWITCH died by itself ({died})\n{self.log_tail()}")

    def api(self, command: str) -> str:
        """Run an API command of the switch and return what it printed."""
        if self._control is None:
            raise HarnessError("FreeSWITCH is not running")
        return self._control.api(command)

    def channels(self) -> int:
        """Return how many legs are up, ringing or parked now."""
        found = re.search(r"\d+", self.api("show channels count"))
        return int(found[0]) if found else 0

    def sessions(self) -> int:
        """Return how many sessions the core holds now, those that are being torn down too."""
        found = re.search(r"(\d+) session\(s\) -", self.api("status"))
        return int(found[1]) if found else 0

    def wait_idle(self, seconds: float = 15.0) -> None:
        """Wait until no leg is left; HarnessError if one stays, as a parked call would."""
        wait_until("no channel left in FreeSWITCH", lambda: self.sessions() == 0, seconds)

    def log(self) -> str:
        """Return the log written so far."""
        path = self.home / "log" / "freeswitch.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines of the output and the log."""
        out = (self.home / "stdout").read_text(errors="replace")
        return "\n".join((out + self.log()).splitlines()[-lines:])

    def complaints(self) -> list[str]:
        """Return the log's warnings and errors, but for the fixed one of every SIP start."""
        found = re.findall(r"^.*\[(?:WARNING|ERR|ERROR|CRIT|ALERT)\].*$", self.log(), re.M)
        return [line for line in found if "MSG Thread" not in line]

    def cdrs(self) -> list[dict[str, Any]]:
        """Return the call records so far, from wherever they went."""
        if self.receiver is not None:
            return list(self.receiver.records)
        return [json.loads(path.read_text()) for path in sorted(self.cdr_dir.glob("*.json"))]

    def cpu_seconds(self) -> float:
        """Return the CPU time that the switch has used, user and system."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Return the resident memory of the switch in bytes."""
        text = pathlib.Path(f"/proc/{self.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def render(name: str, **values: str | int) -> str:
    """Return a scenario of ``scenarios/`` with its parts and values put in.

    A value of "" takes its whole line out: SIP has no empty header lines.
    """
    text = (SCENARIOS / f"{name}.xml").read_text()
    text = re.sub(r"@(part_\w+)@", lambda m: (SCENARIOS / f"{m[1]}.xml").read_text(), text)
    for key, value in values.items():
        if value == "":
            text = re.sub(rf"^[ \t]*@{key}@[ \t]*\n", "", text, flags=re.M)
        text = text.replace(f"@{key}@", str(value))
    return text


class _Sipp:
    """One SIPp process with its scenario and its log in a scratch directory."""

    def __init__(self, name: str, port: int, scenario: str) -> None:
        binary = find_binary("sipp", "VNROUTE_SIPP")
        if binary is None:
            raise HarnessError(missing() or "no SIPp")
        self.name = name
        self.port = port
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="vnroute-sipp-"))
        (self.home / "scenario.xml").write_text(scenario)
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [self._binary, *options, "-sf", "scenario.xml", "-i", LOOPBACK]
        command += ["-p", str(self.port), "-mi", LOOPBACK, "-nostdin", "-aa"]
        command += ["-trace_logs", "-log_file", "calls.log"]
        command += ["-trace_err", "-error_file", "errors.log", "-deadcall_wait", "0"]
        with (self.home / "stderr").open("wb") as err:
            process = subprocess.Popen(
                command,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
                # SIPp draws its screen whether anybody looks or not.
                env={**os.environ, "TERM": "dumb"},
            )
        self._process = process
        atexit.register(self.stop)
        return process

    def stop(self) -> None:
        """End this SIPp; a second call does nothing."""
        atexit.unregister(self.stop)
        if self._process is not None:
            _stop(self._process, signal.SIGTERM, 3)
            self._process = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _lines(self) -> list[list[str]]:
        path = self.home / "calls.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        # A line without its end is still being written.
        whole, _, _ = text.rpartition("\n")
        return [line.split("|") for line in whole.splitlines() if line]

    def errors(self) -> str:
        """Return what SIPp complained about."""
        path = self.home / "errors.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return text + (self.home / "stderr").read_text(errors="replace")


def _when(stamp: str) -> float:
    """Return SIPp's time stamp (date, tab, time, tab, seconds) as seconds since 1970."""
    return float(stamp.rpartition("\t")[2])


@dataclasses.dataclass(frozen=True)
class Invite:
    """An INVITE that reached a carrier; header fields that were absent are empty."""

    at: float
    call_id: str
    dialled: str
    sender: str
    asserted: str
    remote_party: str
    privacy: str


class SippCarrier(_Sipp):
    """A carrier behind a gateway: SIPp that answers, refuses, rings or stays silent.

    Given a name it takes a free port, and ``gateway()`` is what the switch needs to know of it;
    given a gateway it listens on that one's port, and may come and go while the switch runs.

    Build one by ``answers``, ``rings``, ``refuses``, ``rings_then_refuses``,
    ``early_media_then_refuses``, ``silent`` or ``closed``. Retransmissions count once.
    """

    def __init__(self, place: str | Gateway, scenario: str | None) -> None:
        if isinstance(place, str):
            place = Gateway(place, free_port())
        super().__init__(place.name, place.port, scenario or "")
        self._listens = scenario is not None

    @classmethod
    def answers(cls, place: str | Gateway) -> Self:
        """Answers at once."""
        return cls(place, render("carrier_answer"))

    @classmethod
    def rings(cls, place: str | Gateway, wait_ms: int = 120_000) -> Self:
        """Rings, and answers after so many milliseconds unless cancelled."""
        return cls(place, render("carrier_ring", WAIT_MS=wait_ms))

    @classmethod
    def refuses(cls, place: str | Gateway, code: int, reason: str = "") -> Self:
        """Refuses at once with a SIP code and, if given, a Reason header value."""
        header = f"Reason: {reason}" if reason else ""
        return cls(place, render("carrier_refuse", CODE=code, REASON=header))

    @classmethod
    def rings_then_refuses(cls, place: str | Gateway, wait_ms: int, code: int) -> Self:
        """Rings for so long, then refuses with a SIP code."""
        return cls(place, render("carrier_ring_refuse", WAIT_MS=wait_ms, CODE=code, REASON=""))

    @classmethod
    def early_media_then_refuses(cls, place: str | Gateway, wait_ms: int, code: int) -> Self:
        """Sends 183 with SDP, then refuses after so long."""
        return cls(place, render("carrier_early_refuse", WAIT_MS=wait_ms, CODE=code, REASON=""))

    @classmethod
    def silent(cls, place: str | Gateway) -> Self:
        """Takes the INVITE and never says a word."""
        return cls(place, render("carrier_silent", WAIT_MS=60_000))

    @classmethod
    def closed(cls, place: str | Gateway) -> Self:
        """A port that nobody listens on."""
        return cls(place, None)

    def gateway(self, ping: int = 0) -> Gateway:
        """Return the gateway through which the switch reaches this carrier."""
        return Gateway(self.name, self.port, ping)

    def __enter__(self) -> Self:
        if self._listens:
            self._start()
            wait_until(f"carrier {self.name} listens", self._bound, 10)
        return self

    def _bound(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise HarnessError(f"carrier {self.name} ended: {self.errors()}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((LOOPBACK, self.port))
            except OSError:
                return True
        return False

    def invites(self) -> list[Invite]:
        """Return every INVITE so far, oldest first."""
        return [
            Invite(_when(line[1]), line[2], *(field.strip() for field in line[3:8]))
            for line in self._lines()
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
        return sum(line[0] == "CANCEL" for line in self._lines())

    def forget(self) -> None:
        """Start counting anew."""
        path = self.home / "calls.log"
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


class SippCaller(_Sipp):
    """The carrier in front: places calls at a rate and writes down how each one ended.

    Args:
        address: ``host:port`` of the switch.
        numbers: what to dial, used in turn; or (dialled, caller) pairs.
        calls: how many calls in all; one for each entry of ``numbers`` by default.
        rate: calls a second.
        hold_ms: how long an answered call stays up.
        give_up_ms: when a caller without a final answer cancels.
        headers: more SIP header lines of the INVITE.
        display: display name in From.
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
    ) -> None:
        scenario = render(
            "caller",
            HOLD_MS=hold_ms,
            GIVE_UP_MS=give_up_ms,
            HEADERS="\n      ".join(headers),
        ).replace("@DISPLAY@", f'"{display}" ' if display else "")
        super().__init__("caller", free_port(), scenario)
        pairs = [(n, "12125550100") if isinstance(n, str) else n for n in numbers]
        rows = "".join(f"{number};{caller};\n" for number, caller in pairs)
        (self.home / "numbers.csv").write_text(f"SEQUENTIAL\n{rows}")
        self.calls = calls if calls is not None else len(pairs)
        self.rate = rate
        self._address = address
        # Whoever gives up, and then the slowest way down.
        self._limit = self.calls / rate + (give_up_ms + hold_ms) / 1000 + 40

    def __enter__(self) -> Self:
        options = ["-inf", "numbers.csv", "-m", str(self.calls), "-r", str(self.rate)]
        # Far more than ever live at once: SIPp would otherwise hold the rate back by itself.
        self._start(self._address, *options, "-l", "5000")
        return self

    def wait(self, seconds: float | None = None) -> Placed:
        """Wait for the last call to end and return how all of them went."""
        if self._process is None:
            raise HarnessError("the caller is not running")
        try:
            self._process.wait(seconds if seconds is not None else self._limit)
        except subprocess.TimeoutExpired:
            raise HarnessError(f"the caller still runs; {self.errors()[-2000:]}") from None
        return self.placed()

    def placed(self) -> Placed:
        """Return the calls so far."""
        sent: dict[str, tuple[float, str, str]] = {}
        finals: dict[str, tuple[float, int | None]] = {}
        rings: dict[str, float] = {}
        byes: set[str] = set()
        for line in self._lines():
            kind, at, call = line[0], _when(line[1]), line[2]
            if kind == "SENT":
                sent[call] = (at, line[3], line[4])
            elif kind == "FINAL":
                finals.setdefault(call, (at, None if line[3] == "none" else int(line[3])))
            elif kind == "RINGING":
                rings.setdefault(call, at)
            elif kind == "BYE":
                byes.add(call)
        calls = []
        for call, (at, number, caller) in sent.items():
            end, code = finals.get(call, (None, None))
            calls.append(
                PlacedCall(
                    number=number,
                    caller=caller,
                    code=code,
                    ringing=rings[call] - at if call in rings else None,
                    seconds=end - at if end is not None else None,
                    sent_at=at,
                    bye_received=call in byes,
                )
            )
        return Placed(tuple(calls), self.errors())


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
