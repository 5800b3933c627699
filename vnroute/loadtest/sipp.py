"""SIPp on both sides of the switch: callers in front of it, a carrier behind each gateway."""

from __future__ import annotations

import math
import random
import re
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vnroute.loadtest.carrier_scenario import choices, scenario, scripts_of
from vnroute.loadtest.errors import RunBroken
from vnroute.loadtest.process import Child, wait_until
from vnroute.loadtest.profile import CLOSED, Callers, Ported
from vnroute.loadtest.timing import duration
from vnroute.loadtest.traffic import PlannedCall, quoted_name
from vnroute.simulator import Gateways
from vnroute.simulator.gateways import Script

__all__ = ["Sipp", "SippCallers", "SippCarrier", "caller_scenario", "wait_bound"]

_SCENARIOS = Path(__file__).parent / "sipp"
_CARRIER_ROWS = 4000


def caller_scenario(
    does: str, patience: float, headers: Sequence[str], ported: Ported | None = None
) -> str:
    """Return a shipped scenario with a patience, further headers and portability data put in."""
    name = "caller" if does == "talk" else f"caller_{does}"
    text = (_SCENARIOS / f"{name}.xml").read_text(encoding="utf-8")
    milliseconds = max(1, round(1000 * patience))
    text = text.replace(
        'timeout="60000" ontimeout="give_up"', f'timeout="{milliseconds}" ontimeout="give_up"'
    )
    if ported is not None:
        # All of them: an ACK to a refusal and a CANCEL bear the INVITE's URI (RFC 3261, 9.1).
        place = "@[remote_ip]:[remote_port]"
        user, uri = ported.parameters, ""
        if ported.where == "uri":
            user, uri = uri, user
        text = text.replace(f"sip:[field0]{place}", f"sip:[field0]{user}{place};user=phone{uri}")
    lines = "".join(f"      {header}\n" for header in headers)
    return re.sub(r"^ *\[headers\]\n", lambda _: lines, text, count=1, flags=re.M)


class Sipp:
    """A SIPp with its scenario, its log and its complaints in a folder of the run."""

    def __init__(self, binary: str, folder: Path, name: str, address: str, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.folder = folder
        self.address = address
        self.port = port
        self.binary = binary
        self.child: Child | None = None

    def launch(self, *options: str) -> None:
        """Start it, with these options before those that all have in common."""
        command = [self.binary, *options, "-i", self.address, "-p", str(self.port)]
        command += ["-mi", self.address, "-nostdin", "-aa"]
        command += ["-trace_logs", "-log_file", f"{self.name}.log", "-log_overwrite", "false"]
        command += ["-trace_err", "-error_file", f"{self.name}.err"]
        # TERM: SIPp draws its screen whether anybody looks or not.
        self.child = Child(self.name, command, self.folder, env={"TERM": "dumb"})

    @property
    def pid(self) -> int:
        """Its process id; 0 where it does not run."""
        return self.child.pid if self.child else 0

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.status is None

    def lines(self) -> list[list[str]]:
        """Return the lines of its log so far, split; those still being written are left out."""
        path = self.folder / f"{self.name}.log"
        try:
            text = path.read_text(errors="replace")
        except OSError:
            return []
        whole, _, _ = text.rpartition("\n")
        return [line.split("|") for line in whole.splitlines() if "|" in line]

    def errors(self, most: int = 1500) -> str:
        """Return the end of what it complained about."""
        try:
            text = (self.folder / f"{self.name}.err").read_text(errors="replace")
        except OSError:
            text = ""
        return (text + "\n" + (self.child.tail(5) if self.child else ""))[-most:]


def wait_bound(sipp: Sipp) -> None:
    """Wait until a SIPp listens on its port; :class:`RunBroken` where it ends instead."""

    def bound() -> bool:
        if not sipp.running:
            raise RunBroken(f"{sipp.name} ended by itself\n{sipp.errors()}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((sipp.address, sipp.port))
            except OSError:
                return True
        return False

    wait_until(f"{sipp.name} listens", bound, 10, 0.01)


class SippCallers(Sipp):
    """One group of callers.

    SIPp begins calls evenly and each then waits for its own moment, so that any arrivals can be
    played; the first moment is ``lead`` seconds after SIPp's own start.
    """

    def __init__(
        self,
        binary: str,
        folder: Path,
        group: Callers,
        calls: Sequence[PlannedCall],
        *,
        address: str,
        port: int,
        target: str,
    ) -> None:
        super().__init__(binary, folder, f"caller-{group.name}", address, port)
        self.group = group
        self.calls = calls
        self.target = target
        patience = duration(group.patience, "patience")
        headers = list(group.headers)
        if group.withheld:
            headers += [
                f"P-Asserted-Identity: <sip:[field1]@{address}>",
                "Privacy: id",
            ]
        text = caller_scenario(group.does, patience, headers, group.ported)
        if group.withheld:
            text = text.replace(
                "From: [field4]<sip:[field1]@[local_ip]:[local_port]>",
                'From: "Anonymous" <sip:anonymous@anonymous.invalid>',
            )
        (folder / f"{self.name}.xml").write_text(text)
        last = calls[-1].at + 0.001
        # So many calls in so many ms; the last call's moment is the end of the arrivals.
        self.period_ms = max(1, math.ceil(1000 * last * len(calls) / max(1, len(calls) - 0.5)))
        every = self.period_ms / 1000 / len(calls)
        self.lead = max(0.0, max(place * every - call.at for place, call in enumerate(calls)))
        rows = ["SEQUENTIAL"]
        for place, call in enumerate(calls):
            wait = round(1000 * (call.at + self.lead - place * every))
            called, caller = call.called, call.caller
            if not group.plus:
                called, caller = called.removeprefix("+"), caller.removeprefix("+")
            rows.append(
                f"{called};{caller};{max(0, wait)};"
                f"{max(1, round(1000 * call.hold))};{quoted_name(call.name)};"
            )
        (folder / f"{self.name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    def start(self) -> None:
        """Begin."""
        options = ["-sf", f"{self.name}.xml", "-inf", f"{self.name}.csv"]
        options += ["-m", str(len(self.calls)), "-r", str(len(self.calls))]
        options += ["-rp", str(self.period_ms), "-l", str(len(self.calls) + 1)]
        options += ["-deadcall_wait", "0"]
        options += ["-cid_str", f"{self.group.name}-%u-%p@%s"]
        if self.group.loses:
            options += ["-lost", str(self.group.loses)]
        self.launch(self.target, *options)

    def stop(self) -> None:
        """End it at once."""
        if self.child is not None:
            self.child.stop(signal.SIGTERM, 2)


class SippCarrier(Sipp):
    """A carrier behind a gateway. It may change what it does: each change is another SIPp."""

    def __init__(
        self, binary: str, folder: Path, gateway: str, address: str, port: int, seed: int
    ) -> None:
        super().__init__(binary, folder, f"carrier-{gateway}", address, port)
        self.gateway = gateway
        self.seed = seed
        self.lives: list[tuple[str, list[Script]]] = []
        """Name of the log and scripts of each life, in order."""

    def start(self, what: Any) -> None:
        """Begin to do what the profile says; nobody listens where that is closed or down."""
        life = len(self.lives)
        self.name = f"carrier-{self.gateway}-{life}"
        behaviour = None
        if what != CLOSED:
            behaviour = Gateways.from_mapping({"gateways": {"g": what}}).gateways["g"]
        if behaviour is None or behaviour.down:
            self.lives.append((self.name, []))
            return
        rng = random.Random(f"{self.seed}/{self.gateway}/{life}")
        weighted = scripts_of(behaviour, rng)
        scripts = [script for _, script in weighted]
        self.lives.append((self.name, scripts))
        (self.folder / f"{self.name}.xml").write_text(scenario(scripts))
        # An INVITE that is repeated after the end of its call must not become another call.
        options = ["-sf", f"{self.name}.xml", "-deadcall_wait", "33000"]
        if len(scripts) > 1:
            drawn = choices(weighted, _CARRIER_ROWS, rng)
            rows = "".join(f"{place};\n" for place in drawn)
            (self.folder / f"{self.name}.csv").write_text(f"SEQUENTIAL\n{rows}")
            options += ["-inf", f"{self.name}.csv"]
        self.launch(*options)
        wait_bound(self)

    def stop(self) -> None:
        """End it at once: what a carrier that dies does."""
        if self.child is not None:
            self.child.stop(signal.SIGKILL, 1)
            self.child = None

    def all_lines(self) -> list[tuple[list[Script], list[list[str]]]]:
        """Return the scripts and the log of each life."""
        found = []
        for name, scripts in self.lives:
            self.name = name
            found.append((scripts, self.lines()))
        return found
