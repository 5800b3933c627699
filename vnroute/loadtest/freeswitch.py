"""A FreeSWITCH of the run's own, on a scratch copy of fs-conf.

Three things differ from what is shipped, and the report says so: call records go to files instead
of HTTP; a leg's SIP Call-ID is its uuid, so that each INVITE at a carrier names the leg of the plan
it belongs to; and the ``vnroute_*`` variables hold the run's addresses and limits.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vnroute.loadtest.control import EventSocket
from vnroute.loadtest.errors import LoadTestError, RunBroken
from vnroute.loadtest.process import Child, wait_until

__all__ = ["CHANGES", "NOT_LOADED", "PASSWORD", "FreeSwitch", "Gateway", "shipped_setting"]

CHANGES = (
    "call records go to files (mod_json_cdr log-dir) instead of HTTP",
    "outbound-use-uuid-as-callid=true: the SIP Call-ID of a leg is its uuid",
    "gateways, addresses and ports are the run's own",
)
NOT_LOADED = "FreeSWITCH has not loaded "
"""How the error begins where a module that was asked for is not there."""
PASSWORD = "only-for-this-run"
"""Of its event socket."""

_JSON_CDR = """<configuration name="json_cdr.conf" description="JSON call records">
  <settings>
    <param name="log-b-leg" value="false"/>
    <param name="prefix-a-leg" value="false"/>
    <param name="encode" value="false"/>
    <param name="encode-values" value="true"/>
    <param name="log-dir" value="{folder}"/>
    <param name="rotate" value="false"/>
  </settings>
</configuration>
"""


@dataclass(frozen=True)
class Gateway:
    """A gateway of the switch: its name, the port behind it, seconds between pings (0: none)."""

    name: str
    port: int
    ping: int = 0

    def xml(self, host: str) -> str:
        """Return the gateway in FreeSWITCH's notation, with the settings fs-conf recommends."""
        ping = (
            f'<param name="ping" value="{self.ping}"/><param name="ping-min" value="1"/>'
            '<param name="ping-max" value="1"/>'
            if self.ping
            else ""
        )
        return (
            f'<gateway name="{self.name}"><param name="proxy" value="{host}:{self.port}"/>'
            '<param name="register" value="false"/><param name="caller-id-in-from" value="true"/>'
            f'<param name="cid-type" value="pid"/>{ping}</gateway>'
        )


def shipped_setting(fs_conf: Path, name: str) -> str | None:
    """Return a ``vnroute_*`` value of fs-conf/vars.xml, or None."""
    text = (fs_conf / "vars.xml").read_text(encoding="utf-8")
    found = re.findall(rf'data="{re.escape(name)}=([^"]*)"', text)
    return found[-1] if found else None


class FreeSwitch:
    """The switch under test. :meth:`start` it, ask it, :meth:`stop` it.

    ``traced`` makes the changes of :data:`CHANGES` by which a run tells legs and calls apart;
    without it, fs-conf stays as it is shipped but for addresses, gateways and ``variables``.
    """

    def __init__(
        self,
        binary: str,
        fs_conf: Path,
        folder: Path,
        *,
        host: str,
        sip_port: int,
        control_port: int,
        nodes: Sequence[str],
        gateways: Iterable[Gateway],
        variables: Mapping[str, str],
        dialplan: str | None = None,
        modules: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        traced: bool = True,
    ) -> None:
        self.folder = folder
        self.host = host
        self.sip_port = sip_port
        self.control_port = control_port
        self.cdr_dir = folder / "cdr"
        self._binary = binary
        self._modules = tuple(modules)
        self._child: Child | None = None
        self._control: EventSocket | None = None
        self.conf = folder / "conf"
        shutil.copytree(fs_conf, self.conf)
        self.cdr_dir.mkdir(parents=True)
        values = {
            "vnroute_sip_ip": host,
            "vnroute_sip_port": str(sip_port),
            "vnroute_rtp_ip": host,
            "vnroute_nodes": "|".join(nodes),
            "vnroute_nodes_again": "|".join(reversed(nodes)),
            "vnroute_control_ip": host,
            "vnroute_control_port": str(control_port),
            "vnroute_control_password": PASSWORD,
            "vnroute_cdr_url": "",
            **variables,
        }
        lines = "\n".join(
            f'  <X-PRE-PROCESS cmd="set" data="{name}={value}"/>' for name, value in values.items()
        )
        self._edit("vars.xml", "</include>", f"{lines}\n</include>")
        if traced:
            self._edit(
                "sip_profiles/vnroute.xml", "<settings>",
                '<settings>\n      <param name="outbound-use-uuid-as-callid" value="true"/>',
            )  # fmt: skip
            (self.conf / "autoload_configs/json_cdr.conf.xml").write_text(
                _JSON_CDR.format(folder=self.cdr_dir)
            )
        shown = self.conf / "sip_profiles" / "vnroute"
        shown.mkdir(exist_ok=True)
        for example in shown.glob("*.xml"):
            example.unlink()
        lines = "\n".join(gateway.xml(host) for gateway in gateways)
        (shown / "loadtest.xml").write_text(f"<include>\n{lines}\n</include>\n")
        if dialplan is not None:
            (self.conf / "dialplan" / "vnroute.xml").write_text(dialplan)
        for module in modules:
            self._edit(
                "autoload_configs/modules.conf.xml", "</modules>",
                f'  <load module="{module}"/>\n  </modules>',
            )  # fmt: skip
        for name, text in (files or {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _edit(self, file: str, mark: str, new: str) -> None:
        path = self.conf / file
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise LoadTestError(f"fs-conf has no {file}: {error.strerror}") from None
        if mark not in text:
            raise LoadTestError(f"fs-conf/{file}: found no {mark}, which the run needs to set")
        path.write_text(text.replace(mark, new, 1))

    @property
    def address(self) -> str:
        """``host:port`` to send SIP to."""
        return f"{self.host}:{self.sip_port}"

    @property
    def pid(self) -> int:
        """Its process id; 0 where it does not run."""
        return self._child.pid if self._child else 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.status is None

    def start(self, seconds: float = 60.0) -> None:
        """Start, and wait until the SIP profile takes calls; RunBroken with its last log lines."""
        options = []
        for name in ("log", "db", "run", "temp", "storage", "scripts"):
            (self.folder / name).mkdir(exist_ok=True)
            options += [f"-{name}", str(self.folder / name)]
        # -nf: stay our child; -nort and -nocal: no clock tricks that ask for real-time rights;
        # -nonat: no search for a router.
        command = [self._binary, "-nf", "-nc", "-nonat", "-nonatmap", "-nort", "-nocal"]
        self._child = Child(
            "freeswitch", [*command, "-conf", str(self.conf), *options], self.folder
        )
        try:
            wait_until("FreeSWITCH takes calls", self._takes_calls, seconds, 0.1)
        except RunBroken as error:
            text = self.log_tail(25)
            self.stop()
            raise RunBroken(f"FreeSWITCH does not start: {error}\n{text}") from None
        for module in self._modules:
            if self.api(f"module_exists {module}").strip() != "true":
                raise RunBroken(f"{NOT_LOADED}{module}")

    def _takes_calls(self) -> bool:
        if self._child is not None and self._child.status is not None:
            raise RunBroken(f"it ended by itself with {self._child.status}")
        try:
            if self._control is None:
                self._control = EventSocket(self.host, self.control_port, PASSWORD)
            status = self._control.api("sofia status")
        except (OSError, RunBroken):
            self._control = None
            return False
        return "RUNNING" in status

    def stop(self) -> None:
        """Stop the switch; a second call does nothing."""
        if self._control is not None:
            self._control.close()
            self._control = None
        child, self._child = self._child, None
        if child is not None:
            # SIGKILL: an orderly stop takes four seconds, and nothing of this switch is kept.
            child.stop(signal.SIGKILL, 5)

    def api(self, command: str) -> str:
        """Run an API command and return what it printed; RunBroken where FreeSWITCH is gone."""
        if self._control is None or not self.running:
            raise RunBroken(f"FreeSWITCH is gone\n{self.log_tail(15)}")
        try:
            return self._control.api(command)
        except OSError as error:
            raise RunBroken(f"FreeSWITCH does not answer ({error})\n{self.log_tail(15)}") from None

    def channels(self) -> int:
        """Return how many legs are up, ringing or parked now (``show channels count``)."""
        found = re.search(r"\d+", self.api("show channels count"))
        return int(found[0]) if found else 0

    def sessions(self) -> int:
        """Return how many sessions the core holds now, those being torn down too."""
        found = re.search(r"(\d+) session\(s\) -", self.api("status"))
        return int(found[1]) if found else 0

    def gateway_is_down(self, name: str) -> bool:
        """Whether the pings of a gateway have failed."""
        return bool(re.search(r"Status\s+DOWN", self.api(f"sofia status gateway {name}")))

    def log(self) -> str:
        """Return the log written so far."""
        with contextlib.suppress(OSError):
            return (self.folder / "log" / "freeswitch.log").read_text(errors="replace")
        return ""

    def log_tail(self, lines: int = 25) -> str:
        """Return the last lines of what it printed and of the log."""
        printed = ""
        with contextlib.suppress(OSError):
            printed = (self.folder / "freeswitch.out").read_text(errors="replace")
        return "\n".join([*printed.splitlines(), *self.log().splitlines()][-lines:])

    def complaints(self) -> list[str]:
        """Return the log's warnings and errors, but for the fixed one of every SIP start."""
        found = re.findall(r"^.*\[(?:WARNING|ERR|ERROR|CRIT|ALERT)\].*$", self.log(), re.M)
        return [line for line in found if "MSG Thread" not in line]
