"""The webhook: every call told at least once, in order, and nothing waits for a bad receiver."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calls.support import record
from tests.calls.test_drain import Bench, Lines, rows
from tests.web.support import Home, free_port
from vnroute.calls.opening import open_calls
from vnroute.calls.webhook import Webhook, signature

SECRET = b"a secret of some length"


class Receiver:
    """An endpoint that answers as it is told to; it checks each signature."""

    def __init__(self, port: int = 0) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status: Callable[[int], int] = lambda _: 200
        self.headers: dict[str, str] = {}
        self.seconds = 0.0
        self.posts = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stamp = self.headers["X-Vnroute-Timestamp"]
                assert abs(int(stamp) - time.time()) < 60
                signed = hmac.new(SECRET, stamp.encode() + b"." + body, hashlib.sha256)
                assert self.headers["X-Vnroute-Signature"] == f"v1={signed.hexdigest()}"
                receiver.posts += 1
                time.sleep(receiver.seconds)
                status = receiver.status(len(body))
                if status == 200:
                    receiver.bodies.append(json.loads(body))
                try:
                    self.send_response(status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                except BrokenPipeError:
                    pass  # it has not waited for us

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def uuids(self) -> list[str]:
        return [call["uuid"] for body in self.bodies for call in body["calls"]]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def bench(tmp_path: Path, address: str) -> Iterator[Bench]:
    made = Bench(tmp_path, address)
    yield made
    if made.drain is not None:
        made.drain.stop()
    made.spool.close()


@pytest.fixture
def hook(bench: Bench, receiver: Receiver, tmp_path: Path) -> Iterator[Callable[..., Webhook]]:
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    made: list[Webhook] = []

    def start(port: int = 0, **more: Any) -> Webhook:
        hook = Webhook(
            f"http://127.0.0.1:{port or receiver.port}/calls", tmp_path / "secret",
            lambda: open_calls(bench.address), bench.lines, **{"first_wait": 0.05} | more,
        )  # fmt: skip
        hook.start()
        made.append(hook)
        return hook

    yield start
    for one in made:
        one.stop()


def put(bench: Bench, count: int) -> None:
    bench.spool.append(rows(count))


def told_of(bench: Bench) -> list[str]:
    store = open_calls(bench.address)
    try:
        from vnroute.calls.base import CallFilter

        return [call["uuid"] for call in store.calls(CallFilter())]
    finally:
        store.close()


def test_calls_are_told_in_order_once_each(
    bench: Bench, receiver: Receiver, hook: Callable[..., Webhook]
) -> None:
    bench.start()
    put(bench, 5)
    bench.until(lambda: bench.stored() == 5)
    first = hook()
    # It was never told of anything: what was stored before stays untold.
    bench.until(lambda: _cursor(bench, first) == 6)
    put(bench, 450)
    bench.until(lambda: len(receiver.uuids) == 450)
    assert receiver.uuids == told_of(bench)[5:]
    assert max(len(body["calls"]) for body in receiver.bodies) <= 200
    call = receiver.bodies[0]["calls"][0]
    assert (call["outcome"], call["legs"][0]["gateway"]) == ("answered", "alpha-1")
    assert call["started"].endswith("Z") and call["caller_name"] == "Ana"
    first.stop()
    put(bench, 10)
    bench.until(lambda: bench.stored() == 465)
    hook()  # the next process goes on where that one ended
    bench.until(lambda: len(receiver.uuids) == 460)
    assert receiver.uuids == told_of(bench)[5:]


def _cursor(bench: Bench, hook: Webhook) -> int:
    store = open_calls(bench.address)
    try:
        return store.counter(hook._cursor_name)
    finally:
        store.close()


def test_a_new_store_s_first_calls_are_told_after_a_restart(
    bench: Bench, receiver: Receiver, hook: Callable[..., Webhook]
) -> None:
    """An endpoint that was set up before the first call, and whose process died before it."""
    one = hook()
    bench.until(lambda: _cursor(bench, one) == 1)
    one.stop()
    bench.start()
    put(bench, 3)
    bench.until(lambda: bench.stored() == 3)
    hook()
    bench.until(lambda: len(receiver.uuids) == 3)


@pytest.mark.parametrize("status", [500, 503, 404, 302, 429])
def test_what_is_not_taken_is_told_again(
    bench: Bench, receiver: Receiver, hook: Callable[..., Webhook], status: int
) -> None:
    receiver.status = lambda _: status if receiver.posts <= 3 else 200
    receiver.headers = {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    one = hook()
    bench.until(lambda: _cursor(bench, one) > 0)
    bench.start()
    put(bench, 7)
    bench.until(lambda: one.failing == f"answered with {status}")
    assert one.waiting == 7
    bench.until(lambda: len(receiver.uuids) == 7)
    bench.until(lambda: not one.failing and one.waiting == 0)
    assert receiver.uuids == told_of(bench)
    assert one.told == 7


def test_waits_grow_and_a_receiver_may_ask_for_longer(
    bench: Bench, hook: Callable[..., Webhook], tmp_path: Path
) -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return True

    from vnroute.calls.webhook import NotTaken

    one = Webhook("http://127.0.0.1:1/", tmp_path / "secret", lambda: open_calls(bench.address),
                  Lines())  # fmt: skip
    one._stop = Stop()
    wait = 1.0
    for _ in range(12):
        wait = one._failed(OSError("away"), wait)
    assert wait == 300.0
    for place, expected in enumerate((1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300)):
        assert 0.74 * expected < waits[place] < 1.26 * expected
    one._failed(NotTaken("answered with 429", 429, 90.0), 1.0)
    assert 67 < waits[-1] < 113
    one._failed(NotTaken("answered with 429", 429, 1e9), 1.0)
    assert waits[-1] < 376


def test_one_that_is_gone_is_left_alone(
    bench: Bench, receiver: Receiver, hook: Callable[..., Webhook]
) -> None:
    receiver.status = lambda _: 410
    one = hook()
    bench.until(lambda: _cursor(bench, one) > 0)
    bench.start()
    put(bench, 3)
    bench.until(lambda: one.gone)
    put(bench, 3)
    bench.until(lambda: bench.stored() == 6)
    one._thread.join(5)
    assert not one._thread.is_alive()
    assert receiver.posts == 1 and one.failing == "answered with 410"
    assert sum("gone (410)" in line for line in bench.lines.lines) == 1
    one.stop()
    receiver.status = lambda _: 200
    hook()  # somebody has mended it, and started vnroute again
    bench.until(lambda: len(receiver.uuids) == 6)


def test_a_batch_that_is_too_large_is_split(
    bench: Bench, receiver: Receiver, hook: Callable[..., Webhook]
) -> None:
    receiver.status = lambda size: 413 if size > 20_000 else 200
    one = hook()
    bench.until(lambda: _cursor(bench, one) > 0)
    bench.start()
    put(bench, 100)
    bench.until(lambda: len(receiver.uuids) == 100)
    assert receiver.uuids == told_of(bench)


def test_a_receiver_that_hangs_or_is_dead_holds_nothing_up(
    bench: Bench, receiver: Receiver, hook: Callable[..., Webhook]
) -> None:
    receiver.seconds = 30
    one, dead = hook(timeout=0.5), hook(port=free_port())
    bench.until(lambda: _cursor(bench, one) > 0 and _cursor(bench, dead) > 0)
    bench.start()
    for _ in range(10):
        put(bench, 100)
    bench.until(lambda: bench.stored() == 1000)
    bench.until(lambda: bool(one.failing and dead.failing))
    assert receiver.uuids == []
    receiver.seconds = 0
    bench.until(lambda: len(set(receiver.uuids)) == 1000)


def test_one_that_takes_a_batch_and_dies_before_it_says_so_gets_it_again(
    bench: Bench, receiver: Receiver, hook: Callable[..., Webhook]
) -> None:
    receiver.seconds = 1.0
    one = hook(timeout=0.3)
    bench.until(lambda: _cursor(bench, one) > 0)
    bench.start()
    put(bench, 4)
    bench.until(lambda: len(receiver.bodies) == 1)
    receiver.seconds = 0
    bench.until(lambda: one.told == 4)
    assert set(receiver.uuids) == set(told_of(bench))
    assert len(receiver.uuids) > 4  # at least once


def test_no_secret_no_calls(bench: Bench, receiver: Receiver, hook: Callable[..., Webhook],
                            tmp_path: Path) -> None:  # fmt: skip
    one = hook()
    bench.until(lambda: _cursor(bench, one) > 0)
    (tmp_path / "secret").write_bytes(b"short")
    bench.start()
    put(bench, 1)
    bench.until(lambda: "16 bytes" in one.failing)
    (tmp_path / "secret").unlink()
    bench.until(lambda: "No such file" in one.failing)
    assert receiver.posts == 0
    (tmp_path / "secret").write_bytes(SECRET)
    bench.until(lambda: one.told == 1)
    assert SECRET.decode() not in "".join(bench.lines.lines)


def test_the_signature_is_as_documented() -> None:
    # printf '1795400000.{}' | openssl dgst -sha256 -hmac 'a secret of some length'
    by_hand = hmac.digest(SECRET, b"1795400000.{}", "sha256").hex()
    assert signature(SECRET, 1795400000, b"{}") == f"v1={by_hand}"


def test_a_running_vnroute_tells_and_counts(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    home = Home(tmp_path / "home")
    home.environment["VNROUTE_CDR_WEBHOOK"] = f"http://127.0.0.1:{receiver.port}/calls?key=1"
    home.environment["VNROUTE_CDR_WEBHOOK_SECRET_FILE"] = str(tmp_path / "secret")
    home.load()
    home.serve()
    try:
        home.until(lambda: home.post(record(campaign="spring-26"))[0] == 200)
        home.until(lambda: len(receiver.uuids) == 1)
        home.until(lambda: "vnroute_cdr_webhook_calls_total 1.0" in home.get("/metrics")[1])
        assert "vnroute_cdr_webhook_failing 0.0" in home.get("/metrics")[1]
    finally:
        home.close()


@pytest.mark.parametrize(
    "url, secret, why",
    [
        ("example.com", "/s", "cdr.webhook: "),
        ("ftp://example.com/", "/s", "cdr.webhook: "),
        ("https://user:pass@example.com/", "/s", "cdr.webhook: found a name or password"),
        ("https://example.com/a b", "/s", "cdr.webhook: "),
        ("https://example.com/", "", "cdr.webhook: found no secret"),
        ("https://example.com/", "secret", "cdr.webhook_secret_file: "),
    ],
)
def test_settings(tmp_path: Path, url: str, secret: str, why: str) -> None:
    home = Home(tmp_path / "home")
    home.environment["VNROUTE_CDR_WEBHOOK"] = url
    home.environment["VNROUTE_CDR_WEBHOOK_SECRET_FILE"] = secret
    done = home.run("settings", check=False)
    assert done.returncode == 2
    assert why in done.stderr and "pass" not in done.stderr.replace("password", "")
