"""`vnroute serve` as processes: reload, death, drain, and setups that cannot work."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vnroute.image.generations import overlay_path
from vnroute.image.keys import Kind, state_hash
from vnroute.image.state_page import StatePage
from vnroute.importing.editing import edit
from vnroute.live.numbers import put_numbers_in_force
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.settings import Settings
from vnroute.store import open_store

ROUTES = """\
accounts: [{id: acme}]
plans: [{id: main, account: acme, steps: [{ring: ["+12125550100"]}, {hangup: USER_BUSY}]}]
numbers: [{number: "+18005551234", account: acme, plan: main}]
carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Home:
    """A home directory, and the commands run there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port = free_port()
        self.environment = {
            **os.environ,
            "VNROUTE_HOME": str(path),
            "VNROUTE_CONTROL_PORT": str(free_port()),
            "PYTHONPATH": os.pathsep.join(
                filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")])
            ),
        }
        self.servers: list[subprocess.Popen[str]] = []

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vnroute.cli", *words],
            env=self.environment, text=True, capture_output=True, check=check, timeout=60,
        )  # fmt: skip

    def load(self, text: str) -> None:
        (self.path.parent / "routes.yaml").write_text(text)
        self.run("load", str(self.path.parent / "routes.yaml"))
        self.run("compile")

    def serve(self, workers: int = 2) -> subprocess.Popen[str]:
        server = subprocess.Popen(
            [sys.executable, "-m", "vnroute.cli", "serve", "--port", str(self.port),
             "--workers", str(workers)],
            env=self.environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.servers.append(server)
        self.until(lambda: len(self.status()["workers"]) == workers)
        return server

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json", check=False).stdout)
        return found

    def until(self, holds: Callable[[], bool], seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.status()
            time.sleep(0.05)

    def call(self, number: str = "18005551234") -> dict[str, str]:
        """Place a call as FreeSWITCH does; return the variables of the reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as peer:
            peer.sendall(channel_data(number, "+34911234567"))
            heard = b""
            while not heard.endswith(b"exit\n\n"):
                more = peer.recv(65536)
                assert more, heard
                heard += more
        text = applications_of(heard)[0][1].removeprefix("^^;")
        return dict(pair.split("=", 1) for pair in text.split(";"))

    def close(self) -> None:
        for server in self.servers:
            if server.poll() is None:
                server.terminate()
                server.wait(20)
            if server.stderr is not None:
                server.stderr.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    try:
        yield made
    finally:
        made.close()


def test_a_new_generation_is_in_force_without_a_signal(home: Home) -> None:
    home.load(ROUTES)
    home.serve()
    assert home.call()["vn_generation"] == "1"
    home.run("compile")
    home.until(lambda: home.status()["lagging"] == [])
    assert {home.call()["vn_generation"] for _ in range(20)} == {"2"}
    assert home.run("status").returncode == 0


def test_a_damaged_image_leaves_the_one_in_force_and_is_counted(home: Home) -> None:
    home.load(ROUTES)
    server = home.serve()
    images = home.path / "images"
    broken = bytearray((images / "route-0000000001.vni").read_bytes())
    broken[-100] ^= 1
    (images / "route-0000000002.vni").write_bytes(broken)
    (images / "next").symlink_to("route-0000000002.vni")
    (images / "next").rename(images / "current.vni")
    home.until(lambda: all(w["failed_reloads"] for w in home.status()["workers"]))
    assert home.call()["vn_generation"] == "1"
    found = home.run("status", check=False)
    assert found.returncode == 1
    assert "damaged" in found.stdout
    server.terminate()
    assert server.wait(20) == 0
    assert server.stderr is not None
    assert "route image refused" in server.stderr.read()


def test_a_worker_that_is_killed_is_started_again(home: Home) -> None:
    home.load(ROUTES)
    server = home.serve()
    first = {worker["pid"] for worker in home.status()["workers"]}
    os.kill(min(first), signal.SIGKILL)
    home.until(
        lambda: (
            len(home.status()["workers"]) == 2
            and {worker["pid"] for worker in home.status()["workers"]} != first
        )
    )
    for _ in range(20):
        assert home.call()["vn_plan"] == "main"
    assert server.poll() is None


def test_sighup_opens_the_image_anew(home: Home) -> None:
    home.load(ROUTES)
    server = home.serve()
    server.send_signal(signal.SIGHUP)
    home.until(lambda: all(worker["reloads"] == 1 for worker in home.status()["workers"]))
    assert home.call()["vn_generation"] == "1"


def test_sigterm_answers_what_is_open_and_stops(home: Home) -> None:
    home.load(ROUTES)
    server = home.serve(workers=1)
    with socket.create_connection(("127.0.0.1", home.port), timeout=10) as peer:
        assert peer.recv(100) == b"connect\n\n"
        server.terminate()
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", home.port), timeout=5)
        peer.sendall(channel_data("18005551234"))
        assert peer.recv(65536).endswith(b"exit\n\n")
    assert server.wait(20) == 0
    assert home.status()["workers"] == []


def test_workers_outlive_a_supervisor_that_is_killed_until_the_next_one(home: Home) -> None:
    home.load(ROUTES)
    server = home.serve()
    orphans = {worker["pid"] for worker in home.status()["workers"]}
    server.kill()
    server.wait(20)
    time.sleep(0.5)
    assert home.call()["vn_plan"] == "main"
    home.serve()
    home.until(lambda: not any(_alive(pid) for pid in orphans))
    assert home.call()["vn_plan"] == "main"


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def test_setups_that_cannot_work_say_so_and_exit_with_2(home: Home) -> None:
    found = home.run("serve", "--port", str(home.port), check=False)
    assert (found.returncode, "no route image" in found.stderr) == (2, True)
    home.load(ROUTES)
    with socket.create_server(("127.0.0.1", home.port)):
        found = home.run("serve", "--port", str(home.port), check=False)
        assert (found.returncode, "cannot listen on" in found.stderr) == (2, True)
    home.serve()
    found = home.run("serve", "--port", str(free_port()), check=False)
    assert (found.returncode, "serves from" in found.stderr) == (2, True)
    assert "Traceback" not in found.stderr


def test_calls_are_answered_while_generations_come_and_go(home: Home) -> None:
    """Eight compilations under steady calls: each call gets a whole plan of some generation."""
    home.load(ROUTES)
    home.serve()
    compiling = subprocess.Popen(
        [sys.executable, "-c",
         "import subprocess, sys\n"
         "for _ in range(8): subprocess.run([sys.executable, '-m', 'vnroute.cli', 'compile'],"
         " check=True, stdout=subprocess.DEVNULL)"],
        env=home.environment,
    )  # fmt: skip
    seen = set()
    while compiling.poll() is None:
        answer = home.call()
        assert (answer["vn_plan"], answer["vn_legs"]) == ("main", "alpha-1")
        seen.add(int(answer["vn_generation"]))
    assert compiling.returncode == 0
    home.until(lambda: home.status()["lagging"] == [])
    assert len(seen) > 2
    assert home.call()["vn_generation"] == "9"
    assert len(list((home.path / "images").glob("route-*.vni"))) == 3


def test_workers_go_on_with_the_last_page_and_without_a_damaged_one(home: Home) -> None:
    """Closed by the state page, with nobody left to write it, page lost, page damaged."""
    closing = ROUTES.replace(
        "steps: [{ring",
        "steps: [{when: office, is: closed, hangup: USER_BUSY}, {ring",
    )
    home.load(closing + "schedules: [{id: office, time_zone: UTC, open: [{}]}]\n")
    server = home.serve(workers=1)
    assert "vn_legs" in home.call()
    path = home.path / "state" / "state.page"
    page = StatePage.open(path, create=True)
    page.put(Kind.SCHEDULE, "office", state_hash("closed"))
    home.until(lambda: "vn_legs" not in home.call())
    page.put(Kind.SCHEDULE, "office", state_hash("a state of another generation"))
    assert "vn_legs" in home.call()
    page.put(Kind.SCHEDULE, "office", state_hash("closed"), until=int(time.time()) + 2)
    assert "vn_legs" not in home.call()
    home.until(lambda: "vn_legs" in home.call())
    page.put(Kind.SCHEDULE, "office", state_hash("closed"))
    path.unlink()
    time.sleep(0.3)
    assert "vn_legs" not in home.call()
    path.write_bytes(b"no page at all")
    time.sleep(0.3)
    assert "vn_legs" not in home.call()
    StatePage.renew(path)
    home.until(lambda: "vn_legs" in home.call())
    server.terminate()
    assert server.wait(20) == 0
    assert server.stderr is not None
    assert "state page refused" in server.stderr.read()


def test_a_portability_table_is_in_force_without_a_signal_and_a_broken_one_is_not(
    home: Home,
) -> None:
    rates = "prefix,carrier,rate\n1212,alpha,0.01\n44,beta,0.01\n"
    (home.path.parent / "rates.csv").write_text(rates)
    home.load(
        ROUTES.replace("carriers: [", "carriers: [{id: beta, gateways: [{id: b, gateway: gwB}]}, ")
    )
    home.run("import", "rates", str(home.path.parent / "rates.csv"))
    home.run("compile")
    home.serve(workers=1)
    home.until(lambda: home.call()["vn_legs"] == "alpha-1")
    listed = home.path.parent / "ported.csv"
    listed.write_text("number,routing_number\n+12125550100,+442079460000\n")
    home.run("portability", "import", str(listed))
    home.until(lambda: home.call()["vn_legs"] == "b")
    link = home.path / "images" / "portability.vnp"
    (home.path / "images" / "broken").write_bytes(link.read_bytes()[:-64])
    link.unlink()
    link.symlink_to("broken")
    home.until(lambda: home.status()["workers"][0]["failed_reloads"] > 0)
    assert home.call()["vn_legs"] == "b"
    listed.write_text("number,routing_number\n+12125550100,\n")
    # The link is made right by the next table that is built.
    link.unlink()
    home.run("portability", "import", str(listed), check=False)
    home.until(lambda: home.call()["vn_legs"] == "alpha-1")


def test_a_changed_number_is_in_force_without_compiling(home: Home) -> None:
    home.load(ROUTES)
    server = home.serve(workers=1)
    settings = Settings(home=home.path)
    store = open_store(str(home.path))

    def put(page: Path = settings.state_page, **number: str) -> int:
        entry = {"account": "acme", "plan": "main", **number}
        counter = edit(store, {"numbers": [entry]}, {}, what="test", who="").change_counter
        state = put_numbers_in_force(store, settings.images, page)
        assert state is not None and state.holds(counter)
        return counter

    assert "vn_overlay" not in home.call()
    assert home.call("18005550001")["vn_refused"] == "unknown_number"
    serial = put(number="+18005550001", campaign="new")
    home.until(lambda: home.call("18005550001").get("vn_campaign") == "new")
    found = home.call("18005550001")
    assert (found["vn_generation"], found["vn_overlay"]) == ("1", str(serial))
    # What is damaged is refused, and the one before stays.
    over = overlay_path(settings.images, 1)
    data = over.read_bytes()
    (damaged := over.with_suffix(".bad")).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.replace(damaged, over)
    home.until(lambda: home.status()["workers"][0]["failed_reloads"] == 1)
    assert home.call("18005550001")["vn_campaign"] == "new"
    # Found without a state page as well.
    put(page=home.path / "other.page", number="+18005550001", campaign="newer")
    home.until(lambda: home.call("18005550001").get("vn_campaign") == "newer")
    status = home.status()
    assert status["overlay"]["numbers"] == 1 and not status["stale"]
    home.run("compile")
    home.until(lambda: home.call("18005550001")["vn_generation"] == "2")
    assert "vn_overlay" not in home.call("18005550001")
    assert home.status()["overlay"] is None
    store.close()
    server.terminate()
    assert server.wait(20) == 0


def test_a_number_is_set_and_removed_by_command(home: Home) -> None:
    home.load(ROUTES)

    def told(*words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(home.run("number", *words, "--json").stdout)
        return found

    home.serve(workers=1)
    new = "+18005550001"
    assert home.run("number", "set", new, check=False).returncode == 2
    found = told("set", new, "--account", "acme", "--plan", "main", "--until", "2030-01-01")
    assert (found["generation"], found["overlay"], found["workers"]) == (1, 2, 1)
    assert home.call(new)["vn_overlay"] == "2"
    assert told("show", new)["number"]["until"] == "2030-01-01"
    # The rest stays as it is.
    assert told("set", new, "--state", "suspended")["number"]["until"] == "2030-01-01"
    assert home.call(new)["vn_refused"] == "suspended"
    refused = home.run("number", "set", new, "--plan", "mian", check=False)
    assert (refused.returncode, "plan" in refused.stderr) == (2, True)
    looping = home.run(
        "number", "set", "+12125550100", "--account", "acme", "--plan", "main", check=False
    )
    assert (looping.returncode, "loop" in looping.stderr) == (2, True)
    assert told("remove", new)["number"] is None
    assert home.call(new)["vn_refused"] == "unknown_number"
    assert home.run("number", "show", new, check=False).returncode == 1
