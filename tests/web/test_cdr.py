"""CDRs posted to a running vnroute: bad ones, the reports of good ones, and kills at any moment."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.support import captured, leg_uuid, record
from tests.web.support import ROUTES, Home


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("cdr") / "home")
    made.load(
        ROUTES.replace(
            "numbers: [", 'numbers: [{number: "+18005550000", account: acme, plan: main}, '
        )
    )
    made.serve()
    made.until(lambda: made.post(record(direction="outbound"))[0] == 200)
    try:
        yield made
    finally:
        made.close()


def metric(home: Home, line: str) -> float:
    for each in home.get("/metrics")[1].splitlines():
        name, _, value = each.rpartition(" ")
        if name == line:
            return float(value)
    raise AssertionError(f"no {line} in /metrics")


def rows(home: Home, sql: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(f"file:{home.path / 'cdr.db'}?mode=ro", uri=True, timeout=10)
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


def until_stored(home: Home, *calls: str) -> None:
    def all_there() -> bool:
        try:
            found = {row[0] for row in rows(home, "SELECT uuid FROM calls")}
        except sqlite3.OperationalError:
            return False  # not made yet
        return set(calls) <= found

    home.until(all_there)


def test_a_call_that_was_answered_is_stored_reported_and_counted_alike(shared: Home) -> None:
    call = str(uuid.uuid4())
    body = record(call=call, gateways="alpha-1", campaign="summer", talk=90, caller="+442079460123")
    assert shared.post(body) == (200, b"kept\n")
    missed = record(legs=((0, "USER_BUSY"),), gateways="alpha-1", campaign="summer")
    assert shared.post(missed)[0] == 200
    until_stored(shared, call, json.loads(missed)["variables"]["uuid"])

    shown = shared.run("report", "campaigns", "--campaign", "summer").stdout
    assert "summer" in shown and "50.0 %" in shown
    words = ("report", "campaigns", "--campaign", "summer")
    (row,) = json.loads(shared.run(*words, "--json").stdout)["rows"]
    (line,) = csv.DictReader(io.StringIO(shared.run(*words, "--csv").stdout))
    by_hand = rows(
        shared,
        "SELECT count(*), sum(answered > 0), sum(talk_ms), sum(cost), count(DISTINCT caller) "
        "FROM calls WHERE campaign = 'summer'",
    )
    assert by_hand == [(2, 1, 90_000, 675_000, 2)]
    assert (row["calls"], row["answered"], row["talk_seconds"], row["cost"], row["callers"]) == (
        2, 1, 90.0, "0.00675", 2)  # fmt: skip
    assert {name: line[name] for name in ("calls", "answered", "cost", "callers")} == {
        "calls": "2", "answered": "1", "cost": "0.00675", "callers": "2"}  # fmt: skip

    told = json.loads(shared.run("cdr", "tail", "-n", "1", "--json", "--campaign", "summer").stdout)
    assert told["legs"][0]["carrier"] == "alpha"
    lines = shared.run("cdr", "export", "--campaign", "summer").stdout.splitlines()
    assert len(lines) == 3 and call in lines[1]
    assert (
        metric(shared, 'vnroute_legs_total{carrier="alpha",gateway="alpha-1",outcome="busy"}') >= 1
    )


@pytest.mark.parametrize(
    "body, headers, status, result",
    [
        (b'{"variables": {"uuid":', {}, 400, "unreadable"),
        (b"", {}, 400, "unreadable"),
        (b'{"variables":' * 100_000, {}, 400, "unreadable"),
        (b"x" * 5_000_000, {}, 413, "too_large"),
        (b"cdr=%00%FF", {"Content-Type": "application/x-www-form-urlencoded"}, 400, "unreadable"),
        (record(direction="outbound"), {}, 200, "foreign"),
        (record(direction="outbound", call=leg_uuid(1)), {}, 200, "leg"),
        (captured("together"), {}, 200, "kept"),
    ],
)
def test_each_body_has_its_answer_and_is_counted(
    shared: Home, body: bytes, headers: dict[str, str], status: int, result: str
) -> None:
    line = f'vnroute_cdr_requests_total{{result="{result}"}}'
    before = metric(shared, line)
    found = shared.request("POST", "/cdr", body, **headers)[0]
    # Whoever writes on while it is refused may see the connection closed before the answer.
    assert found == status or (status, found) == (413, 0)
    assert metric(shared, line) == before + 1
    assert shared.get("/healthz")[0] == 200


def test_fifty_megabytes_are_refused_before_they_are_read(shared: Home) -> None:
    with socket.create_connection(("127.0.0.1", shared.control_port), timeout=10) as peer:
        peer.sendall(b"POST /cdr HTTP/1.1\r\nHost: x\r\nContent-Length: 52428800\r\n\r\n")
        assert peer.recv(4096).startswith(b"HTTP/1.1 413")
    with socket.create_connection(("127.0.0.1", shared.control_port), timeout=10) as peer:
        peer.sendall(b"POST /cdr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        heard, sent = b"", 0
        peer.settimeout(0.2)
        while not heard and sent < 50:
            try:
                peer.sendall(chunk)
                sent += 1
                heard = peer.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert sent < 50, "fifty megabytes were read"


def test_a_body_that_breaks_off_is_no_record(shared: Home) -> None:
    before = rows(shared, "SELECT count(*) FROM calls")
    with socket.create_connection(("127.0.0.1", shared.control_port)) as peer:
        peer.sendall(
            b"POST /cdr HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + record()[:500]
        )
    time.sleep(0.3)
    assert rows(shared, "SELECT count(*) FROM calls") == before
    assert shared.get("/healthz")[0] == 200


def test_only_posts_are_taken(shared: Home) -> None:
    assert shared.request("GET", "/cdr")[0] == 405
    assert shared.request("PUT", "/cdr", record())[0] == 405


def test_a_uuid_seen_yesterday_is_one_call(shared: Home) -> None:
    call = str(uuid.uuid4())
    assert shared.post(record(call=call, started=time.time() - 86400))[0] == 200
    until_stored(shared, call)
    before = metric(shared, 'vnroute_cdr_noted_total{what="doubled"}')
    assert shared.post(record(call=call))[0] == 200
    shared.until(lambda: metric(shared, 'vnroute_cdr_noted_total{what="doubled"}') == before + 1)
    assert rows(shared, f"SELECT count(*) FROM calls WHERE uuid = '{call}'") == [(1,)]


def test_wrong_charsets_and_clocks_lose_no_call(shared: Home) -> None:
    latin, off = str(uuid.uuid4()), str(uuid.uuid4())
    body = record(call=latin, name="Jose?").replace(b'"Jose?"', b'"Jos\xe9"')
    assert shared.post(body)[0] == 200
    assert shared.post(record(call=off, started=4102444800.0))[0] == 200
    until_stored(shared, latin, off)
    assert rows(shared, f"SELECT caller_name FROM calls WHERE uuid = '{latin}'") == [("José",)]
    assert rows(shared, f"SELECT clock_off, day < 20990101 FROM calls WHERE uuid = '{off}'") == [
        (1, 1)]  # fmt: skip
    assert metric(shared, 'vnroute_cdr_mended_total{what="charset"}') >= 1
    assert metric(shared, 'vnroute_cdr_mended_total{what="clock"}') >= 1


def test_what_strangers_write_executes_nowhere(shared: Home) -> None:
    call = str(uuid.uuid4())
    evil = '=HYPERLINK("http://x")<script>alert(1)</script>\'); DROP TABLE calls;--[red]\x1b[2J'
    assert (
        shared.post(record(call=call, name=evil, campaign="evil", switchname="\x1b]0;x\x07"))[0]
        == 200
    )
    until_stored(shared, call)
    tail = shared.run("cdr", "tail", "--campaign", "evil").stdout
    assert "\x1b" not in tail and "DROP TABLE" in tail
    (line,) = csv.DictReader(io.StringIO(shared.run("cdr", "export", "--campaign", "evil").stdout))
    assert line["caller_name"].startswith("'=HYPERLINK")
    assert "[red]" in line["caller_name"]
    assert rows(shared, "SELECT count(*) > 0 FROM calls") == [(1,)]


def test_only_networks_that_are_allowed_may_post(home: Home) -> None:
    home.load()
    home.environment["VNROUTE_CDR_ALLOW"] = "10.0.0.0/8"
    home.serve()
    assert home.post(record())[0] == 403
    assert metric(home, 'vnroute_cdr_requests_total{result="refused_peer"}') == 1


@pytest.mark.parametrize(
    "words, why",
    [
        (["report", "cats"], "campaigns"),
        (["report", "carriers", "--by", "hour"], "expected gateway, destination, day"),
        (["report", "campaigns", "--from", "yesterday"], "a day such as 2026-11-22"),
        (["report", "campaigns", "--from", "2026-02-02", "--to", "2026-01-01"], "a day not after"),
        (["report", "campaigns", "--month", "2026-13"], "a month such as 2026-11"),
        (["report", "campaigns", "--month", "2026-11", "--to", "2026-11-02"], "a month alone"),
        (["report", "carriers", "--number", "12"], "--number"),
        (["report", "campaigns", "--unused", "3"], "goes with numbers"),
        (["report", "numbers", "--csv", "--json"], "one of --csv and --json"),
        (["cdr", "export", "-o", "/nowhere/x.csv"], "/nowhere/x.csv"),
    ],
)
def test_what_cannot_be_reported_is_told(shared: Home, words: list[str], why: str) -> None:
    found = shared.run(*words, check=False)
    assert found.returncode == 2
    assert why in " ".join(found.stderr.split())
    assert "Traceback" not in found.stderr


def test_without_any_call_it_is_said(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for words in (["report", "campaigns"], ["cdr", "tail"], ["cdr", "export"]):
        found = home.run(*words, check=False)
        assert (found.returncode, "no calls are stored yet" in found.stderr) == (2, True)


def test_reports_and_calls_over_http(shared: Home) -> None:
    call = str(uuid.uuid4())
    shared.post(record(call=call, campaign="web", name="<b>Eve</b>"))
    until_stored(shared, call)
    code, told = shared.get("/api/v1/reports/campaigns?campaign=web&by=country")
    assert (code, told["columns"][:3]) == (200, ["campaign", "country", "calls"])
    assert [(row["country"], row["calls"]) for row in told["rows"]] == [("ES", 1)]
    assert shared.get("/api/v1/calls?campaign=web")[1]["calls"][0]["caller_name"] == "<b>Eve</b>"
    code, told = shared.get("/api/v1/reports/concurrency?campaign=web&by=day&of=account")
    assert (code, told["columns"]) == (200, ["account", "day", "peak", "at", "mean"])
    assert [(row["account"], row["peak"]) for row in told["rows"]] == [("acme", 1)]
    for path, why in (
        ("reports/concurrency?by=day&by=hour", "by day or by hour"),
        ("reports/concurrency?of=number", "of account or carrier"),
        ("reports/campaigns?of=account", "goes with concurrency"),
        ("reports/cats", "there are"),
        ("reports/carriers?by=hour", "expected gateway"),
        ("reports/campaigns?from=x", "a day such as"),
        ("reports/campaigns?limit=0", ""),
        ("calls?number=1", "number"),
        ("calls?limit=99999999", ""),
    ):
        code, told = shared.get(f"/api/v1/{path}")
        assert code == 400 and why in told["detail"], path


def test_no_web_page_may_ask_or_post(shared: Home) -> None:
    for host, code in (("evil.example", 421), ("127.0.0.1:1", 200), ("localhost", 200), ("", 421)):
        assert shared.request("GET", "/api/v1/calls", Host=host)[0] == code, host
    assert shared.request("POST", "/cdr", record(), Origin="http://evil.example")[0] == 403


def test_tail_follows(shared: Home) -> None:
    following = subprocess.Popen(
        [sys.executable, "-m", "vnroute.cli", "cdr", "tail", "-f", "-n", "9", "--json",
         "--campaign", "followed"],
        env=shared.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert following.stdout is not None
    calls = [str(uuid.uuid4()) for _ in range(3)]
    for call in calls:
        shared.post(record(call=call, campaign="followed"))
    told = [json.loads(following.stdout.readline())["uuid"] for _ in calls]
    assert sorted(told) == sorted(calls)
    following.send_signal(signal.SIGINT)
    assert "Traceback" not in following.communicate(timeout=10)[1]
    assert following.returncode == 130


def test_unused_numbers(shared: Home) -> None:
    call = str(uuid.uuid4())
    shared.post(record(call=call))
    until_stored(shared, call)
    told = json.loads(shared.run("report", "numbers", "--unused", "3", "--json").stdout)
    assert told["rows"] == [
        {"number": "+18005550000", "account": "acme", "campaign": "", "last_day": "", "calls": 0}
    ]


def test_what_a_switch_left_on_its_disk_is_collected(home: Home, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    calls = [str(uuid.uuid4()) for _ in range(6)]
    for directory, some in ((here, calls[:3]), (there, calls[3:])):
        directory.mkdir()
        for call in some:
            (directory / f"{call}.cdr.json").write_bytes(record(call=call))
        (directory / "junk.cdr.json").write_bytes(b"{")
        for path in directory.iterdir():
            os.utime(path, (1, 1))
    assert home.run("cdr", "collect", str(there), check=False).returncode == 2  # nobody listens
    home.environment["VNROUTE_CDR_COLLECT"] = str(here)
    home.load()
    home.serve()
    until_stored(home, *calls[:3])
    home.until(lambda: [path.name for path in here.iterdir()] == ["junk.cdr.json.refused"])
    found = home.run("cdr", "collect", str(there), check=False)
    assert (found.returncode, found.stdout) == (1, "3 taken, 1 refused, 0 left\n")
    until_stored(home, *calls)
    assert [path.name for path in there.iterdir()] == ["junk.cdr.json.refused"]


def test_every_call_answered_with_200_is_stored_once_whatever_is_killed(home: Home) -> None:
    """The switch posts anew what was not answered, as whoever reads its error directory does."""
    home.load()
    home.serve()
    home.until(lambda: home.post(record(direction="outbound"))[0] == 200)
    stop = time.monotonic() + 4
    answered: set[str] = set()
    placed: list[str] = []
    lock = threading.Lock()

    def switch(seed: int) -> None:
        source = random.Random(seed)
        while time.monotonic() < stop:
            call = str(uuid.uuid4())
            body = record(call=call, gateways="alpha-1")
            with lock:
                placed.append(call)
            while home.post(body)[0] != 200:
                time.sleep(0.05)
            if source.random() < 0.1:
                home.post(body)  # doubled
            with lock:
                answered.add(call)

    threads = [threading.Thread(target=switch, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    source, kills = random.Random(6), 0
    blocker = sqlite3.connect(home.path / "cdr.db", isolation_level=None, check_same_thread=False)
    while time.monotonic() < stop - 0.5:
        time.sleep(source.uniform(0.2, 0.9))
        control = home.children().get("control")
        if control is not None:
            os.kill(control, signal.SIGKILL)
            kills += 1
        if kills == 2:
            # The database is held by something else for a while.
            blocker.execute("BEGIN IMMEDIATE")
            time.sleep(0.5)
            blocker.execute("ROLLBACK")
    for thread in threads:
        thread.join()
    blocker.close()
    assert kills >= 3
    assert answered == set(placed)
    until_stored(home, *placed)
    assert rows(home, "SELECT count(*), count(DISTINCT uuid) FROM calls") == [
        (len(placed), len(placed))]  # fmt: skip
    assert rows(home, "SELECT sum(calls), sum(answered) FROM campaign_days") == [
        (len(placed), len(placed))]  # fmt: skip
    assert rows(home, "SELECT sum(legs) FROM carrier_days") == [(len(placed),)]
