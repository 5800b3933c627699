"""A home with an image, and a server over it as a process."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vnroute.matcher.explain import applications_of, channel_data

ROUTES = """\
accounts: [{id: acme}]
plans: [{id: main, account: acme, steps: [{ring: ["+12125550100"]}, {hangup: USER_BUSY}]}]
numbers: [{number: "+18005551234", account: acme, plan: main, campaign: spring-26}]
carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}]
rates: [{prefix: "+1", carrier: alpha, rate: "0.0045", destination: North America}]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Home:
    """A home directory, the commands run there, and at most one server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port, self.control_port = free_port(), free_port()
        self.environment = {
            **os.environ,
            "VNROUTE_HOME": str(path),
            "VNROUTE_SERVER_PORT": str(self.port),
            "VNROUTE_CONTROL_PORT": str(self.control_port),
            "VNROUTE_LOG_FORMAT": "json",
            "PYTHONPATH": os.getcwd(),
        }
        self.server: subprocess.Popen[str] | None = None

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vnroute.cli", *words], cwd=self.path.parent,
            env=self.environment, text=True, capture_output=True, check=check, timeout=60,
        )  # fmt: skip

    def load(self, text: str = ROUTES) -> None:
        (self.path.parent / "routes.yaml").write_text(text)
        self.run("load", "routes.yaml")
        self.run("compile")

    def serve(self, *words: str, wait: bool = True) -> subprocess.Popen[str]:
        self.log = open(self.path.parent / "serve.log", "a+")  # noqa: SIM115 - closed in close()
        self.server = subprocess.Popen(
            [sys.executable, "-m", "vnroute.cli", "serve", "--workers", "1", *words],
            env=self.environment, text=True, stderr=self.log, stdout=subprocess.PIPE,
        )  # fmt: skip
        if wait:
            self.until(lambda: self.get("/readyz")[0] == 200)
        return self.server

    def logged(self) -> str:
        return (self.path.parent / "serve.log").read_text()

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Make one request; status 0 where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=20)
        if self.key and path.startswith("/api/"):
            headers.setdefault("Authorization", f"Bearer {self.key}")
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
        except (ConnectionError, http.client.HTTPException):
            return 0, {}, b""
        finally:
            connection.close()

    @property
    def key(self) -> str:
        """The owner's key, empty before the control process made it."""
        file = self.path / "state" / "owner.key"
        return file.read_text().strip() if file.exists() else ""

    def get(self, path: str) -> tuple[int, Any]:
        status, headers, body = self.request("GET", path)
        if headers.get("content-type", "").startswith(
            ("application/json", "application/problem+json")
        ):
            return status, json.loads(body)
        return status, body.decode()

    def children(self) -> dict[str, int]:
        """Return the server's processes by module name."""
        assert self.server is not None
        found = {}
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.server.pid)],
            text=True, capture_output=True, check=False,
        )  # fmt: skip
        for line in listed.stdout.splitlines():
            pid, _, arguments = line.strip().partition(" ")
            for module in ("vnroute.eventsocket.worker", "vnroute.web.control"):
                if module in arguments:
                    found[module.rpartition(".")[2]] = int(pid)
        return found

    def call(self, number: str = "18005551234") -> dict[str, str]:
        """Place a call as FreeSWITCH does; return the variables of the reply."""
        text = self.applications(number)[0][1].removeprefix("^^;")
        return dict(pair.split("=", 1) for pair in text.split(";"))

    def applications(self, number: str) -> list[tuple[str, str]]:
        """Place a call as FreeSWITCH does; return all that it is told to do."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as peer:
            peer.sendall(channel_data(number, "+34911234567"))
            heard = b""
            while not heard.endswith(b"exit\n\n"):
                more = peer.recv(65536)
                assert more, heard
                heard += more
        return applications_of(heard)

    def until(self, holds: Callable[[], bool], seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.logged()
            time.sleep(0.05)

    def close(self) -> None:
        if self.server is None:
            return
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(30)
        if self.server.stdout is not None:
            self.server.stdout.close()
        self.log.close()

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Post a CDR as mod_json_cdr does; status 0 where nobody listens."""
        status, _, said = self.request("POST", "/cdr", body, **{"Content-Type": "application/json"})
        return status, said

    def post_json(self, path: str, body: Any) -> tuple[int, Any]:
        """Post to the API as the owner."""
        status, _, said = self.request(
            "POST", path, json.dumps(body).encode(), **{"Content-Type": "application/json"}
        )
        return status, json.loads(said)

    def put_json(self, path: str, body: Any) -> tuple[int, Any]:
        """Put a document over whatever is there."""
        status, _, said = self.request(
            "PUT", path, json.dumps(body).encode(),
            **{"Content-Type": "application/json", "If-Match": "*"},
        )  # fmt: skip
        return status, json.loads(said)
