"""The command: its exit status, its output, and no traceback whatever it is given."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop
from click.testing import CliRunner, Result

from tests.simulator.canned import canned_server
from vnroute.simulator.command import simulate

DID = "18005551234"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A canned server in a thread of its own."""
    ready = threading.Event()
    ports: list[int] = []
    stop: list[tuple[object, object]] = []

    async def serve() -> None:
        import asyncio

        done = asyncio.Event()
        async with canned_server() as (server, _):
            ports.append(server.port)
            stop.append((asyncio.get_running_loop(), done.set))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: uvloop.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(5)
    yield ports[0]
    loop, done = stop[0]
    loop.call_soon_threadsafe(done)  # type: ignore[attr-defined]
    thread.join(5)


def invoke(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(simulate, list(arguments), input=stdin)
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_one_call(port: int, tmp_path: Path) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text("gateways:\n  gwA: {refuse: 503}\n  gwB: {answer: 200ms}\n")
    result = invoke(DID, "--port", str(port), "--gateways", str(lab))
    assert result.exit_code == 0
    assert f"{DID} from " in result.output
    assert "gwA 12125550100: NORMAL_TEMPORARY_FAILURE (503)" in result.output
    assert "gwB 12125550100: answered" in result.output


def test_many_calls_as_json(port: int, tmp_path: Path) -> None:
    numbers, records = tmp_path / "numbers", tmp_path / "records"
    numbers.write_text(f"# DIDs\n{DID}\n\n+442079460000  # London\n")
    result = invoke(
        "--numbers", str(numbers), "--calls", "40", "--server", f"127.0.0.1:{port}", "--json",
        "--records", str(records), "--hostile", "--headers", "3", "--split", "500", "--seed", "1",
    )  # fmt: skip
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert summary["calls"] == summary["plans"] == 40
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    assert len(lines) == 40
    assert {line["did"] for line in lines} == {DID, "+442079460000"}
    assert lines[0]["legs"][0]["gateway"] == "gwA"


def test_numbers_from_standard_input(port: int) -> None:
    result = invoke("--numbers", "-", "--port", str(port), "--json", stdin=f"{DID}\n{DID}\n")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["calls"] == 2


def test_numbers_from_a_number_list_in_csv(port: int, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text(f"account,number,plan\nacme,+{DID},main\nacme,+442079460000,main\n")
    result = invoke("--numbers", str(numbers), "--port", str(port), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["calls"] == 2


def test_callers_from_a_file(port: int, tmp_path: Path) -> None:
    callers = tmp_path / "callers.csv"
    callers.write_text('# number,name\n+34911234567,"Alvarez, Ana"\n+442079460123\n')
    records = tmp_path / "records"
    result = invoke(
        DID, "--calls", "3", "--port", str(port), "--callers", str(callers),
        "--records", str(records),
    )  # fmt: skip
    assert result.exit_code == 0
    got = [json.loads(line)["caller"] for line in records.read_text().splitlines()]
    assert got.count("+34911234567") == 2 and got.count("+442079460123") == 1


def test_expectations(port: int, tmp_path: Path) -> None:
    expect = tmp_path / "expect.jsonl"
    expect.write_text(json.dumps({"did": DID, "legs": ["gwA"], "sip": 200}) + "\n")
    arguments = (DID, "--port", str(port), "--expect", str(expect))
    assert invoke(*arguments).exit_code == 0
    expect.write_text(json.dumps({"did": DID, "legs": ["gwB"]}) + "\n")
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert "legs: found ['gwA'], expected ['gwB']" in result.output


def test_no_server_is_exit_status_1() -> None:
    result = invoke(DID, "--port", "1")
    assert result.exit_code == 1
    assert "503 NORMAL_TEMPORARY_FAILURE" in result.output
    assert "fallback" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no number"),
        (
            (DID, "--server", "192.0.2.1:8084"),
            "192.0.2.1:8084 is not on this machine; --allow-remote",
        ),
        ((DID, "--server", "nonsense:x"), "expected host:port"),
        ((DID, "--port", "0"), "0"),
        ((DID, "--rate", "0"), "0"),
        ((DID, "--gateways", "/nowhere.yaml"), "/nowhere.yaml"),
        ((DID, "--callers", "/nowhere.csv"), "/nowhere.csv"),
        ((DID, "--expect", "/nowhere.jsonl"), "/nowhere.jsonl"),
        ((DID, "--records", "/nowhere/records"), "/nowhere/records"),
        (("--numbers", "/nowhere.txt"), "/nowhere.txt"),
        (("--numbers", "/dev/null"), "no number"),
        (("--numbers", "/dev/null", "--calls", "5"), "no number"),
        (("not a number",), "number"),
    ],
)
def test_bad_input_is_exit_status_2(arguments: tuple[str, ...], message: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("option", "text", "where"),
    [
        ("--gateways", "gateways:\n  gwA: sleepy\n", ":2: gateways.gwA: found 'sleepy'"),
        ("--callers", "+1,a,b\n", ":1: caller: found 3 columns"),
        ("--callers", "\n", ": file: found no caller"),
        ("--callers", ",a\n", ":1: number"),
        ("--expect", '{"did": "1"}\n{"dod": "1"}\n', ":2: expectation"),
        ("--numbers", f"{DID}\nbad number\n", ":2: number: found 'bad number'"),
    ],
)
def test_errors_point_at_the_line(
    option: str, text: str, where: str, tmp_path: Path, port: int
) -> None:
    path = tmp_path / "input"
    path.write_text(text)
    result = invoke(DID, option, str(path), "--port", str(port))
    assert result.exit_code == 2
    assert f"{path}{where}" in result.output


def test_help() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert "Example" in result.output
