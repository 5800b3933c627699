"""Placing calls: one, or thousands a second, against one or several outbound servers.

Each call opens a connection as FreeSWITCH's ``socket`` application does
(``socket_function``, mod_event_socket.c), answers the server's commands, and runs the plan it is
given on the simulated clock.  A server that refuses the connection, closes it or stays silent
without having handed over a plan is passed over for the next one of the list, and behind the last
one the caller gets 503, as with the dialplan that vnroute ships.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import random
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from .applications import Application
from .callers import made_up_callers
from .causes import cause_of_text
from .cdr import CdrPost
from .channel_data import Caller, Setup, Switch, encode_channel_data
from .cstring import separate_text
from .expectations import Expectations
from .framing import (
    REPLY_BYE,
    REPLY_OK,
    Command,
    CommandReader,
    ProtocolError,
    disconnect_notice,
    extension_of,
    reply,
)
from .gateways import ALL_ANSWER, Gateways
from .headers import leading_int
from .limits import Limits
from .records import CallRecord
from .switch import FALLBACK_CAUSE, FALLBACK_SIP, RunSocket, Session, Wait

#: mod_event_socket's default port, and how long it waits for the first command (listener_run).
DEFAULT_PORT: Final = 8084
FIRST_COMMAND_SECONDS: Final = 25.0

_IMMEDIATE: Final = frozenset({"127.0.0.1", "::1", "localhost"})

#: Seconds between two pieces of a split CHANNEL_DATA.
_PIECE_PAUSE: Final = 0.0002


@dataclass(frozen=True, slots=True)
class Server:
    """An outbound server's address."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Is it on this machine?  A name other than ``localhost`` is taken not to be."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @classmethod
    def parse(cls, text: str) -> Server:
        """``host:port``, ``host`` or ``[address]:port``; ValueError for anything else."""
        host, colon, port = text.rpartition(":")
        if text.endswith("]") or not colon:
            host, port = text, str(DEFAULT_PORT)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ValueError(f"{text!r}: an IPv6 address needs brackets, as in [::1]:{port}")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{text!r} is no server; expected host:port")
        return cls(host, int(port))


def socket_servers(argument: str) -> list[Server]:
    """The hosts of a ``socket`` application's argument, in order (socket_function).

    ``host[:port]|host2[:port]|... [async] [full]``; a port left out is that of the host before.
    """
    words = separate_text(argument, " ", 80)
    servers: list[Server] = []
    port = DEFAULT_PORT
    for text in separate_text(words[0], "|", 50) if words else []:
        host, colon, digits = text.rpartition(":")
        if colon:
            port = leading_int(digits)
        else:
            host = text
        if host and 0 < port < 65536:
            servers.append(Server(host, port))
    return servers


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How calls are placed.

    ``time_scale`` is how many real seconds a simulated one takes: 0 simulates at once, 1 in real
    time.  ``split`` sends CHANNEL_DATA in pieces of so many bytes.  ``extra_headers`` adds so many
    variables to it.  ``patience`` is after how many seconds a caller gives up.  ``timeout`` bounds
    the wait for a server, in real seconds; FreeSWITCH waits 25 s for the first command and for ever
    after that.  ``keep_variables`` puts the A leg's ``vn_*`` variables into the record.  ``cdr`` is
    where each call's CDR is posted, if anywhere; a call is over when that is done.
    """

    time_scale: float = 0.0
    split: int = 0
    extra_headers: int = 0
    extra_variables: tuple[tuple[str, str], ...] = ()
    patience: float = float("inf")
    timeout: float = FIRST_COMMAND_SECONDS
    max_forwards: int = 70
    keep_variables: bool = True
    allow_remote: bool = False
    switch: Switch = field(default_factory=Switch)
    cdr: CdrPost | None = None


class _Connection(asyncio.Protocol):
    """One run of the ``socket`` application against one server."""

    __slots__ = (
        "_backlog",
        "_busy",
        "_first",
        "_loop",
        "_options",
        "_out",
        "_reader",
        "_socket",
        "_timer",
        "_transport",
        "connected_at",
        "done",
        "error",
        "executed",
        "extension",
        "first_command_at",
        "left",
        "plan_at",
        "session",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: CallOptions,
        session: Session,
        socket: tuple[str, str],
    ) -> None:
        self._loop = loop
        self._options = options
        self._socket = socket
        self._reader = CommandReader()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False
        self._first = True
        self._backlog: list[Command] = []
        self._out: list[bytes] = []
        self.session = session
        self.done: asyncio.Future[None] = loop.create_future()
        self.connected_at = self.first_command_at = self.plan_at = 0.0
        self.extension: list[Application] | None = None
        self.executed: list[Application] = []
        self.error: str | None = None
        self.left = False

    # -- asyncio's side ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self.connected_at = time.perf_counter()
        self._timer = self._loop.call_later(self._options.timeout, self._give_up)

    def data_received(self, data: bytes) -> None:
        try:
            commands = self._reader.feed(data)
        except ProtocolError as error:
            self._end(str(error))
            return
        if self._busy:
            self._backlog.extend(commands)
        else:
            self._run(commands)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.left:
            if self._reader.holds_part:
                why = "the connection broke in the middle of a command"
            elif self._first:
                why = "the connection was closed before any command"
            elif self.extension is None and not self.executed:
                why = "the connection was closed without a plan"
            else:
                why = "the connection was closed without exit"
            self.error = self.error or why
        self._finish()

    # -- mod_event_socket's side -------------------------------------------------------------

    def _give_up(self) -> None:
        what = "command" if self._first else "plan"
        self.error = f"no {what} within {self._options.timeout:g} s"
        if self._transport is not None:
            self._transport.abort()

    def _end(self, error: str | None = None) -> None:
        """Say goodbye and close, as at the end of listener_run."""
        self.error = self.error or error
        self.left = True
        self._out.append(disconnect_notice(self.session.setup.uuid))
        self._flush()
        if self._transport is not None:
            self._transport.close()
        self._finish()

    def _flush(self) -> None:
        transport = self._transport
        if self._out and transport is not None and not transport.is_closing():
            transport.write(b"".join(self._out))
        self._out.clear()

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.done.done():
            self.done.set_result(None)

    def _run(self, commands: list[Command]) -> None:
        for i, command in enumerate(commands):
            if self.left:
                return
            self._command(command)
            if self._busy:
                self._backlog.extend(commands[i + 1 :])
                break
        self._flush()

    def _reply(self, data: bytes, first: bool) -> None:
        # listener_run never sends the reply to the first command.
        # What several commands in one write earn goes out in one write, too.
        if not first:
            self._out.append(data)

    def _command(self, command: Command) -> None:
        first, self._first = self._first, False
        if first:
            self.first_command_at = time.perf_counter()
        name = command.name
        if name == "connect":
            self._send_channel_data()
        elif name == "sendmsg":
            self._message(command, first)
        elif name == "exit":
            self._reply(REPLY_BYE, first)
            self._end()
        elif name == "getvar":
            variable = command.line.partition(" ")[2]
            value = self.session.channel.get(variable) if variable else None
            self._reply(reply(value or "-ERR command not found"), first)
        elif name == "myevents":
            # No events are sent; a server that waits for one will wait in vain.
            self._reply(reply("+OK Events Enabled"), first)
        elif name == "divert_events":
            self._reply(reply("+OK events diverted"), first)
        elif name == "filter":
            self._reply(reply("+OK filter added."), first)
        elif name == "resume":
            self._reply(REPLY_OK, first)
        else:
            self._reply(reply("-ERR command not found"), first)

    def _send_channel_data(self) -> None:
        session, transport = self.session, self._transport
        if transport is None:
            return
        host, argument = self._socket
        added = session.channel.variables
        data = encode_channel_data(session.setup, host, argument, added or None)
        size = self._options.split
        if not size or len(data) <= size:
            self._out.append(data)
            return
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        self._send_pieces(iter(pieces))

    def _send_pieces(self, pieces: Iterator[bytes]) -> None:
        piece = next(pieces, None)
        if piece is None or self._transport is None or self._transport.is_closing():
            return
        self._transport.write(piece)
        # A pause, or the kernel would put the pieces together again.
        self._loop.call_later(_PIECE_PAUSE, self._send_pieces, pieces)

    def _message(self, command: Command, first: bool) -> None:
        """``sendmsg`` (switch_ivr_parse_event): xferext, execute, hangup."""
        given = extension_of(command)
        if given is not None:
            self.extension = given
            self.plan_at = time.perf_counter()
            self._reply(REPLY_OK, first)
            return
        headers = command.headers
        what = headers.get("call-command")
        if what == "execute":
            application = headers.get("execute-app-name")
            argument = headers.get("execute-app-arg")
            if argument is None and command.body:
                argument = command.body.decode("utf-8", "surrogateescape")
            if application:
                self._execute(Application(application, argument), first)
                return
        elif what == "hangup":
            self.plan_at = self.plan_at or time.perf_counter()
            cause = headers.get("hangup-cause")
            self.executed.append(Application("hangup", cause))
            self.session.channel.hang_up(cause_of_text(cause or ""))
        self._reply(REPLY_OK, first)
        if self.session.channel.down:
            self._end()

    def _execute(self, application: Application, first: bool) -> None:
        if not self.executed:
            self.plan_at = self.plan_at or time.perf_counter()
            self.session.begin(time.time())
        self.executed.append(application)
        seconds = 0.0
        for request in self.session.execute(application):
            if isinstance(request, Wait):
                seconds += request.seconds
            else:
                self.session.notes.append("socket within execute is not simulated")
        delay = seconds * self._options.time_scale
        if delay > 0:
            self._busy = True
            self._loop.call_later(delay, self._executed, first)
        else:
            self._executed(first)

    def _executed(self, first: bool) -> None:
        self._busy = False
        if self._transport is None or self._transport.is_closing():
            return
        self._reply(REPLY_OK, first)
        if self.session.channel.down:
            self._end()
            return
        commands, self._backlog = self._backlog, []
        self._run(commands)


class Simulator:
    """A switch that places calls: one address book of servers, one set of gateways.

    Calls placed through one simulator share its random numbers, its sequence of call ids, and
    nothing else.  Raises ValueError for no server, or for one on another machine unless
    ``options.allow_remote`` is set: a load generator must not be pointed at strangers by a slip.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        gateways: Gateways = ALL_ANSWER,
        options: CallOptions | None = None,
        seed: int | None = None,
    ) -> None:
        self.servers = list(servers)
        self.gateways = gateways
        self.options = options or CallOptions()
        self.rng = random.Random(seed)
        self._sequence = 0
        self._limits = Limits()
        if not self.servers:
            raise ValueError("no server to call")
        for server in self.servers:
            if not server.is_loopback and not self.options.allow_remote:
                raise ValueError(f"{server} is not on this machine")
        cdr = self.options.cdr
        if cdr and not self.options.allow_remote and not Server(cdr.host).is_loopback:
            raise ValueError(f"{cdr.host} is not on this machine")
        self._extra = self.options.extra_variables + tuple(
            (f"sip_h_X-Sim-{i}", f"value {i}; a=b, c={i}")
            for i in range(1, self.options.extra_headers + 1)
        )

    def _uuid(self) -> str:
        digits = f"{self.rng.getrandbits(128):032x}"
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-"
            f"{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
        )

    async def call(self, did: str, caller: Caller) -> CallRecord:
        """Place one call and see it through; never raises for what a server does."""
        options = self.options
        self._sequence += 1
        started = time.time()
        setup = Setup(
            uuid=self._uuid(),
            did=did,
            caller=caller,
            microseconds=int(started * 1e6),
            session_id=self._sequence,
            sequence=self._sequence,
            max_forwards=options.max_forwards,
            extra=self._extra,
            switch=options.switch,
        )
        session = Session(setup, self.gateways, started, self.rng, options.patience, self._limits)
        record = CallRecord(setup.uuid, did, caller.number, started)
        argument = "|".join(map(str, self.servers))
        begun = time.perf_counter()
        connection = await self._socket(self.servers, argument, session, record)
        if connection is not None:
            record.connect_seconds = connection.first_command_at - begun
            record.plan_seconds = connection.plan_at - begun
            record.plan = [str(step) for step in connection.executed + (connection.extension or [])]
            if connection.extension is not None:
                session.begin(time.time())
                await self._run(session, connection.extension, record)
            if not session.channel.down:
                # ``execute`` and then ``exit``: the dialplan goes on behind ``socket``.
                session.channel.hang_up(FALLBACK_CAUSE)
                record.fallback = True
        else:
            session.channel.respond_code = FALLBACK_SIP
            session.channel.hang_up(FALLBACK_CAUSE)
            record.fallback = True
        self._complete(record, session)
        if options.cdr is not None:
            record.cdr = await options.cdr.post(session, record)
        return record

    async def _run(
        self, session: Session, extension: list[Application], record: CallRecord
    ) -> None:
        scale = self.options.time_scale
        steps = session.steps(extension)
        answer: list[Application] | None = None
        while True:
            try:
                request = steps.send(answer) if answer is not None else next(steps)
            except StopIteration:
                return
            answer = None
            if isinstance(request, Wait):
                if scale:
                    await asyncio.sleep(request.seconds * scale)
            else:
                answer = await self._again(request, session, record)

    async def _again(
        self, request: RunSocket, session: Session, record: CallRecord
    ) -> list[Application] | None:
        """A plan's own ``socket``: ask the servers anew."""
        servers = self.servers if request.argument is None else socket_servers(request.argument)
        argument = "|".join(map(str, servers))
        if not self.options.allow_remote and not all(s.is_loopback for s in servers):
            session.notes.append(f"socket {argument}: not on this machine")
            return None
        connection = await self._socket(servers, request.argument or argument, session, record)
        if connection is None:
            return None
        if connection.extension is not None:
            record.plan.extend(str(step) for step in connection.extension)
        return connection.extension

    async def _socket(
        self, servers: Sequence[Server], argument: str, session: Session, record: CallRecord
    ) -> _Connection | None:
        """Try the servers in order; the connection that yielded a plan, None if none did.

        Applications that one had run alone stay done, and the dialplan goes on to the next: the
        last such connection is returned where no other yielded a plan.
        """
        loop = asyncio.get_running_loop()
        executed: _Connection | None = None
        for server in servers:
            record.servers.append(str(server))

            def factory(server: Server = server) -> _Connection:
                return _Connection(loop, self.options, session, (server.host, argument))

            error: str | None = None
            try:
                if server.host in _IMMEDIATE:
                    # This machine accepts or refuses at once: no need to watch the clock.
                    _, connection = await loop.create_connection(factory, server.host, server.port)
                else:
                    async with asyncio.timeout(self.options.timeout):
                        _, connection = await loop.create_connection(
                            factory, server.host, server.port
                        )
            except TimeoutError:
                error = f"no connection within {self.options.timeout:g} s"
            except OSError as failure:
                error = failure.strerror or str(failure) or type(failure).__name__
            else:
                await connection.done
                if connection.executed:
                    executed = connection
                if connection.extension is not None or session.channel.down:
                    if connection.error is not None:
                        session.notes.append(f"{server}: {connection.error}")
                    return connection
                error = connection.error or "exit without a plan"
            record.failovers += 1
            record.error = f"{server}: {error}"
        return executed

    def _complete(self, record: CallRecord, session: Session) -> None:
        channel = session.channel
        record.legs = session.leg_records()
        if session.answered_by is not None:
            record.answered_by = session.answered_by.gateway
        record.final_cause = channel.cause
        record.final_sip = session.final_sip
        record.duration = round(session.now, 6)
        if session.progress_at is not None:
            record.pdd = round(session.progress_at + (record.plan_seconds or 0.0), 6)
        if record.plan_seconds is not None and record.failovers == 0:
            record.error = None
        if session.notes:
            notes = "; ".join(session.notes)
            record.error = f"{record.error}; {notes}" if record.error else notes
        if self.options.keep_variables:
            record.variables = {
                name: value for name, value in channel.variables.items() if name.startswith("vn_")
            }


async def place_call(
    did: str,
    servers: Sequence[Server | str],
    caller: Caller | str = "+34911234567",
    gateways: Gateways = ALL_ANSWER,
    options: CallOptions | None = None,
    seed: int | None = None,
) -> CallRecord:
    """Place one call to ``did`` and return its record.

    ``servers`` are tried in order (``host:port``); ``seed`` makes chance repeatable.  Raises
    ValueError for a server that is no address or, unless allowed, not on this machine.
    """
    addresses = [Server.parse(s) if isinstance(s, str) else s for s in servers]
    who = Caller(caller) if isinstance(caller, str) else caller
    return await Simulator(addresses, gateways, options, seed).call(did, who)


class Percentiles(msgspec.Struct):
    """Seconds at the 50th, 95th and 99th percentile, and the longest."""

    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Percentiles | None:
        """The percentiles (nearest rank) of ``values``; None of nothing."""
        ordered = sorted(values)
        if not ordered:
            return None

        def at(share: float) -> float:
            return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 6)

        return cls(at(0.5), at(0.95), at(0.99), round(ordered[-1], 6))


class GatewayCount(msgspec.Struct):
    """What became of the legs to one gateway."""

    tried: int = 0
    answered: int = 0
    causes: dict[str, int] = {}


class LoadSummary(msgspec.Struct, omit_defaults=True):
    """What a run of many calls came to; times in seconds."""

    calls: int = 0
    plans: int = 0
    answered: int = 0
    fallbacks: int = 0
    failovers: int = 0
    mismatches: int = 0
    legs: int = 0
    seconds: float = 0.0
    calls_per_second: float = 0.0
    connect: Percentiles | None = None
    plan: Percentiles | None = None
    pdd: Percentiles | None = None
    causes: dict[str, int] = {}
    sip: dict[int, int] = {}
    gateways: dict[str, GatewayCount] = {}
    errors: dict[str, int] = {}
    first_mismatches: list[str] = []
    cdrs: dict[str, int] = {}

    @property
    def without_plan(self) -> int:
        """Calls that no server gave a plan."""
        return self.calls - self.plans

    @property
    def answer_seizure_ratio(self) -> float:
        """Answered calls of all calls, 0 to 1 (ASR)."""
        return self.answered / self.calls if self.calls else 0.0


_MOST_MISMATCHES_KEPT: Final = 20

#: Percentiles shown while a run goes on are those of so many last calls.
_NEWEST: Final = 5_000


class _Tally:
    """Counts records as they come in; cheap enough for thousands a second."""

    def __init__(self, expectations: Expectations | None) -> None:
        self.expectations = expectations
        self.summary = LoadSummary()
        self.connect: array[float] = array("d")
        self.plan: array[float] = array("d")
        self.pdd: array[float] = array("d")
        self.causes: Counter[str] = Counter()
        self.sip: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.cdrs: Counter[str] = Counter()
        self.gateways: dict[str, GatewayCount] = {}
        self.began = time.perf_counter()

    def add(self, record: CallRecord) -> None:
        summary = self.summary
        summary.calls += 1
        if record.plan_seconds is not None and record.connect_seconds is not None:
            summary.plans += 1
            self.connect.append(record.connect_seconds)
            self.plan.append(record.plan_seconds)
        if record.answered_by is not None:
            summary.answered += 1
        if record.fallback:
            summary.fallbacks += 1
        summary.failovers += record.failovers
        summary.legs += len(record.legs)
        if record.pdd is not None:
            self.pdd.append(record.pdd)
        self.causes[record.final_cause] += 1
        self.sip[record.final_sip] += 1
        for leg in record.legs:
            count = self.gateways.get(leg.gateway)
            if count is None:
                count = self.gateways[leg.gateway] = GatewayCount(causes={})
            count.tried += 1
            if leg.answered:
                count.answered += 1
            count.causes[leg.cause] = count.causes.get(leg.cause, 0) + 1
        if record.error is not None:
            self.errors[record.error] += 1
        if record.cdr:
            self.cdrs[record.cdr] += 1
        if self.expectations is not None:
            record.mismatch = self.expectations.mismatch(record)
            if record.mismatch is not None:
                summary.mismatches += 1
                if len(summary.first_mismatches) < _MOST_MISMATCHES_KEPT:
                    summary.first_mismatches.append(f"{record.did}: {record.mismatch}")

    def snapshot(self, newest: int = 0) -> LoadSummary:
        """The summary as it stands; with ``newest``, percentiles of only so many last calls."""
        summary = self.summary
        summary.seconds = round(time.perf_counter() - self.began, 6)
        if summary.seconds:
            summary.calls_per_second = round(summary.calls / summary.seconds, 1)
        summary.connect = Percentiles.of(self.connect[-newest:])
        summary.plan = Percentiles.of(self.plan[-newest:])
        summary.pdd = Percentiles.of(self.pdd[-newest:])
        summary.causes = dict(self.causes.most_common())
        summary.sip = dict(self.sip.most_common())
        summary.gateways = dict(sorted(self.gateways.items()))
        summary.errors = dict(self.errors.most_common(20))
        summary.cdrs = dict(self.cdrs)
        return summary


async def run_load(
    servers: Sequence[Server | str],
    numbers: Iterable[str],
    calls: int | None = None,
    rate: float | None = None,
    concurrency: int = 100,
    gateways: Gateways = ALL_ANSWER,
    callers: Iterable[Caller] | None = None,
    options: CallOptions | None = None,
    seed: int | None = None,
    expectations: Expectations | None = None,
    on_call: Callable[[CallRecord], Any] | None = None,
    on_progress: Callable[[LoadSummary], Any] | None = None,
    progress_every: float = 0.5,
) -> LoadSummary:
    """Place many calls and sum them up.

    ``numbers`` are called in order, and again from the first if ``calls`` asks for more; without
    ``calls`` each is called once.  ``rate`` is calls a second, begun on time whatever the server
    does, as long as no more than ``concurrency`` are open; without it the next call begins when
    one ends.  ``on_call`` gets every record, ``on_progress`` the summary so far every
    ``progress_every`` seconds.  Raises ValueError for bad servers or no number at all.
    """
    addresses = [Server.parse(s) if isinstance(s, str) else s for s in servers]
    simulator = Simulator(addresses, gateways, options, seed)
    if calls is None:
        dids: Iterator[str] = iter(numbers)
    else:
        dids = itertools.islice(itertools.cycle(numbers), calls)
    who = itertools.cycle(callers) if callers is not None else made_up_callers(simulator.rng)
    tally = _Tally(expectations)

    async def place(did: str) -> None:
        record = await simulator.call(did, next(who))
        tally.add(record)
        if on_call is not None:
            on_call(record)

    async def watch() -> None:
        while True:
            await asyncio.sleep(progress_every)
            if on_progress is not None:
                on_progress(tally.snapshot(_NEWEST))

    watcher = asyncio.create_task(watch()) if on_progress is not None else None
    try:
        if rate is None:
            await _closed_loop(dids, concurrency, place)
        else:
            await _paced(dids, rate, concurrency, place)
    except BaseExceptionGroup as group:
        # A number file that breaks off, say: one error, not a bundle of them.
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    finally:
        if watcher is not None:
            watcher.cancel()
    if calls is not None and calls > 0 and tally.summary.calls == 0:
        raise ValueError("no number to call")
    return tally.snapshot()


async def _closed_loop(dids: Iterator[str], concurrency: int, place: Callable[[str], Any]) -> None:
    async def worker() -> None:
        for did in dids:
            await place(did)

    async with asyncio.TaskGroup() as group:
        for _ in range(max(concurrency, 1)):
            group.create_task(worker())


async def _paced(
    dids: Iterator[str], rate: float, concurrency: int, place: Callable[[str], Any]
) -> None:
    slots = asyncio.Semaphore(max(concurrency, 1))

    async def one(did: str) -> None:
        try:
            await place(did)
        finally:
            slots.release()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for i, did in enumerate(dids):
            due = begun + i / rate
            ahead = due - time.perf_counter()
            if ahead > 0.001:
                await asyncio.sleep(ahead)
            await slots.acquire()
            group.create_task(one(did))
