"""CDRs on this machine: ``python -m bench.cdr intake``, ``recovery`` and ``report``.

``intake`` posts records to a running control process as mod_json_cdr does, each on a connection of
its own, for a minute, with the store on; the sender shares the machine, so the figure is a floor.
``--rate`` posts so many a second.
``recovery`` spools a million records, starts vnroute, kills its control process in the middle, and
waits for the rest. ``report`` fills the tables of sums as a month of 100 million calls does, and
times what reads them: reports never read calls, so no calls are made.

``--store postgresql`` starts a PostgreSQL of its own, with fsync on; ``--store postgresql://…``
takes an empty database. Each line ends with the load of the machine (1 minute) when it was printed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from urllib.parse import quote

import msgspec

from tests.support.postgres import Postgres
from vnroute.calls.base import CallFilter
from vnroute.calls.opening import open_calls
from vnroute.calls.record import Call, Leg
from vnroute.calls.spool import Spool
from vnroute.calls.spool_format import KIND_CALL, encode_record
from vnroute.store import StoreError

ROUTES = """
accounts: [{id: acme}]
plans: [{id: main, account: acme, steps: [{ring: ["+12005551234"]}, {hangup: USER_BUSY}]}]
numbers: [{number: "+18005551234", account: acme, plan: main, campaign: spring-26}]
carriers:
  - {id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}
  - {id: beta, gateways: [{id: beta-1, gateway: gwB}]}
rates:
  - {prefix: "+1", carrier: alpha, rate: "0.0045"}
  - {prefix: "+1200", carrier: beta, rate: "0.0061"}
"""
_POST = (
    b"POST /cdr HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n"
)


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """A vnroute with one worker and a control process, in a home of its own."""

    def __init__(self, home: Path, store: str = "") -> None:
        self.home = home
        self.calls = store or str(home)
        self.control = free_port()
        self.environment = {
            **os.environ,
            "VNROUTE_HOME": str(home),
            "VNROUTE_SERVER_PORT": str(free_port()),
            "VNROUTE_CONTROL_PORT": str(self.control),
            "VNROUTE_CDR_STORE": store,
        }
        (home / "routes.yaml").write_text(ROUTES)
        for words in (["load", str(home / "routes.yaml")], ["compile"]):
            subprocess.run(
                [sys.executable, "-m", "vnroute.cli", *words],
                env=self.environment, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def start(self) -> None:
        """Start it."""
        self.log = open(self.home / "serve.log", "a")  # noqa: SIM115 - for the process's life
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vnroute.cli", "serve", "--workers", "1"],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=self.log,
        )  # fmt: skip

    def control_pid(self) -> int:
        """Return the control process's id."""
        words = ["pgrep", "-P", str(self.process.pid), "-f", "vnroute.web.control"]
        return int(subprocess.run(words, capture_output=True, text=True).stdout.split()[0])

    def cpu_seconds(self) -> float:
        """Return what the control process has used, user and system."""
        fields = Path(f"/proc/{self.control_pid()}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def until_it_takes(self) -> float:
        """Wait for a 200; return the seconds."""
        began = time.perf_counter()
        body = b'{"variables": {"uuid": "x", "direction": "outbound"}}'
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=5)
            try:
                connection.request("POST", "/cdr", body)
                if connection.getresponse().status == 200:
                    return time.perf_counter() - began
            except OSError:
                pass  # not listening yet
            finally:
                connection.close()
            time.sleep(0.01)

    def stored(self) -> int:
        """Return how many calls are stored."""
        try:
            store = open_calls(self.calls, create=False)
        except StoreError:
            return 0  # not made yet
        try:
            return store.counter("calls")
        finally:
            store.close()

    def until_stored(self, count: int) -> float:
        """Wait for so many calls; return the seconds."""
        began = time.perf_counter()
        while self.stored() < count:
            time.sleep(0.25)
        return time.perf_counter() - began

    def stop(self) -> None:
        """Stop it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


def _template() -> bytes:
    """Return a record of about 10 KB: a leg refused, the next picked up."""
    begin = int(time.time() * 1e6)
    legs = [f"{place:02x}{uuid.uuid4().hex[2:6]}00-0000-8000-8000-000000000000" for place in (0, 1)]
    variables = {
        "direction": "inbound", "uuid": "CALL", "vn_number": "+18005551234", "vn_account": "acme",
        "vn_plan": "main", "vn_campaign": "spring-26", "vn_generation": "1",
        "vn_legs": "alpha-1,beta-1", "hangup_cause": "NORMAL_CLEARING",
        "originate_causes": f"ARRAY::{legs[0]};NORMAL_TEMPORARY_FAILURE|:{legs[1]};NONE",
        "originated_legs": f"ARRAY::{legs[0]};x;12005551234|:{legs[1]};x;12005551234",
        "bridge_uuid": legs[1], "start_uepoch": str(begin), "answer_uepoch": str(begin + 10**6),
        "bridge_uepoch": str(begin + 10**6), "end_uepoch": str(begin + 61 * 10**6),
        **{f"variable_{i}": "x" * 60 for i in range(110)},
    }  # fmt: skip
    profile = {"caller_id_number": "CALLER", "caller_id_name": "Ana"}
    return json.dumps(
        {
            "switchname": "fs1",
            "variables": {name: quote(value, safe="") for name, value in variables.items()},
            "callflow": [{"caller_profile": profile}],
        }
    ).encode()


class _Posts:
    """Posts records, each on a connection of its own, so many at a time, as quickly as it can.

    Sockets and epoll and no event loop: the sender shares the machine with what is measured. The
    kernel gathers each request from parts that stay as they are, but for uuid and caller.
    """

    def __init__(self, port: int, rate: float = 0.0) -> None:
        self._place = ("127.0.0.1", port)
        template = _template()
        length = len(template) - len(b"CALL") + 36 - len(b"CALLER") + len(b"+34911234567")
        before, rest = (_POST % length + template).split(b"CALL", 1)
        between, after = rest.split(b"CALLER", 1)
        self._parts = [before, b"", between, b"", after]
        self._source = random.Random(26)
        self._rate = rate
        self._poll = select.epoll()
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self.waits: list[float] = []
        self.refused = 0

    def _begin(self) -> None:
        peer = socket.socket()
        peer.setblocking(False)
        peer.connect_ex(self._place)
        self._parts[1] = str(uuid.UUID(int=self._source.getrandbits(128))).encode()
        self._parts[3] = b"+3491%07d" % self._source.randrange(3_000_000)
        began = time.perf_counter()
        try:
            sent = peer.sendmsg(self._parts)
        except OSError:
            peer.close()
            self.refused += 1
            return
        assert sent == sum(map(len, self._parts)), "the loopback's buffer takes a whole record"
        self._open[peer.fileno()] = (peer, began)
        self._poll.register(peer, select.EPOLLIN)

    def _end(self, number: int) -> None:
        peer, began = self._open.pop(number)
        try:
            heard = peer.recv(4096)
        except OSError:
            heard = b""
        peer.close()  # and so epoll forgets it
        self.refused += not heard.startswith(b"HTTP/1.1 200")
        self.waits.append(time.perf_counter() - began)

    def run(self, seconds: float, at_once: int) -> float:
        """Post for so long; return how long it took, the last answers included."""
        began = time.perf_counter()
        begun = 0
        while (passed := time.perf_counter() - began) < seconds:
            due = at_once - len(self._open)
            if self._rate:
                due = min(due, int(passed * self._rate) - begun)
            for _ in range(due):
                self._begin()
            begun += max(0, due)
            for number, _ in self._poll.poll(0.001 if self._rate else 1.0):
                self._end(number)
        while self._open:
            for number, _ in self._poll.poll(5.0):
                self._end(number)
        self.waits.sort()
        return time.perf_counter() - began


def tell(line: str) -> None:
    """Print a line, and the load of the machine."""
    print(f"{line} [load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores]", flush=True)


def intake(node: Node, seconds: float, at_once: int, rate: float) -> None:
    """Post records, and print how fast they were taken and stored."""
    node.start()
    node.until_it_takes()
    posts, before, own = _Posts(node.control, rate), node.cpu_seconds(), time.process_time()
    took = posts.run(seconds, at_once)
    own = time.process_time() - own
    waits, refused = posts.waits, posts.refused
    count, at_end = len(waits), node.stored()
    behind = node.until_stored(count - refused)
    cpu = node.cpu_seconds() - before
    tell(
        f"{count:,} CDRs of {len(_template()):,} bytes in {took:.0f} s, {at_once} at a time:"
        f" {count / took:,.0f} a second, answer p50 {waits[count // 2] * 1e3:.1f} ms p99"
        f" {waits[count * 99 // 100] * 1e3:.1f} ms, {refused} not taken; {at_end:,} stored by then,"
        f" all {behind:.1f} s later; control process {cpu / count * 1e6:.0f} us of CPU a CDR,"
        f" the sender {own / count * 1e6:.0f}"
    )
    node.stop()


def _records(count: int, source: random.Random) -> list[bytes]:
    now = time.time_ns() // 1000

    def one() -> bytes:
        started = now - source.randrange(20 * 86400) * 1_000_000
        first, second = (str(uuid.UUID(int=source.getrandbits(128))) for _ in range(2))
        call = Call(
            uuid=str(uuid.UUID(int=source.getrandbits(128))), started=started,
            answered=started + 2_000_000, ended=started + 62_000_000, received=now, switch="fs1",
            number=f"+1800555{source.randrange(10_000):04}", account="acme", plan="main",
            campaign=f"campaign-{source.randrange(200)}", generation=1, hops=1, routed=True,
            outcome="answered", cause="NORMAL_CLEARING", q850=16, sip=200,
            caller=f"+3491{source.randrange(2_000_000):07}", caller_name="Ana", pdd_ms=800,
            duration_ms=62_000, talk_ms=60_000,
            legs=(
                Leg(attempt=1, uuid=first, gateway="alpha-1", dialled="12005551234",
                    cause="NORMAL_TEMPORARY_FAILURE", sip=503),
                Leg(attempt=2, uuid=second, gateway="beta-1", dialled="12005551234",
                    outcome="answered", cause="NORMAL_CLEARING", sip=200, talk_ms=60_000),
            ),
        )  # fmt: skip
        return encode_record(KIND_CALL, now, msgspec.msgpack.encode(call))

    return [one() for _ in range(count)]


def recovery(node: Node, count: int) -> None:
    """Spool records, start, kill in the middle; print how long each took."""
    spool = Spool(node.home / "spool" / "cdr")
    source = random.Random(26)
    for _ in range(count // 1000):
        spool.append(_records(1000, source))
    spool.close()
    node.start()
    tell(f"{count:,} records spooled: takes CDRs {node.until_it_takes():.2f} s after its start")
    node.until_stored(count // 4)
    os.kill(node.control_pid(), signal.SIGKILL)
    tell(f"SIGKILL of the control process: takes CDRs again after {node.until_it_takes():.2f} s")
    before = node.stored()
    seconds = node.until_stored(count)
    store = open_calls(node.calls)
    once = store.count(CallFilter())
    summed = sum(row["calls"] for row in store.sums("campaign_days", CallFilter(), ("day",)))
    store.close()
    rest = count - before
    tell(
        f"the other {rest:,} stored in {seconds:.1f} s: {rest / seconds:,.0f} a second;"
        f" {once:,} calls, each once; {summed:,} in the sums"
    )
    node.stop()
    _time_reports(node, "campaigns", "campaigns --by country", "numbers", "carriers")


def _time_reports(node: Node, *reports: str) -> None:
    for words in reports:
        began, before = time.perf_counter(), os.times()
        subprocess.run(
            [sys.executable, "-m", "vnroute.cli", "report", *words.split(), "--csv"],
            env=node.environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        seconds, after = time.perf_counter() - began, os.times()
        # Beside other work the second says what it takes by itself, PostgreSQL's part excepted.
        cpu = sum(after[2:4]) - sum(before[2:4])
        tell(f"vnroute report {words}: {seconds:.2f} s, {cpu:.2f} s of CPU")


def report(node: Node, calls: int) -> None:
    """Fill the tables of sums with a month of that many calls, and time its reports."""
    from bench.cdr_sums import MONTH, fill

    began = time.perf_counter()
    rows = fill(node.calls, calls)
    told = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    tell(f"sums of {calls:,} calls written in {time.perf_counter() - began:.0f} s; rows: {told}")
    month = f"--month {MONTH // 100}-{MONTH % 100:02}"
    _time_reports(
        node, f"campaigns {month}", f"campaigns --by country {month}", f"accounts {month}",
        f"numbers {month}", f"sources {month}", f"carriers {month}",
        f"carriers --by destination {month}",
    )  # fmt: skip


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("intake", "recovery", "report"))
    parser.add_argument("--store", default="sqlite", help="sqlite, postgresql, or an address")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long intake posts")
    parser.add_argument("--at-once", type=int, default=50, help="connections at a time")
    parser.add_argument("--rate", type=float, default=0.0, help="posts a second; 0: all it can")
    parser.add_argument("--count", type=int, default=1_000_000, help="records to recover")
    parser.add_argument("--calls", type=int, default=100_000_000, help="calls to report on")
    arguments = parser.parse_args()
    postgres = Postgres(fsync=True) if arguments.store == "postgresql" else None
    with tempfile.TemporaryDirectory(prefix="vnroute-cdr-") as home:
        try:
            store = "" if arguments.store == "sqlite" else arguments.store
            if postgres is not None:
                postgres.start()
                store = postgres.database("calls")
            node = Node(Path(home), store)
            if arguments.what == "intake":
                intake(node, arguments.seconds, arguments.at_once, arguments.rate)
            elif arguments.what == "recovery":
                recovery(node, arguments.count)
            else:
                report(node, arguments.calls)
        finally:
            if postgres is not None:
                postgres.stop()


if __name__ == "__main__":
    main()
