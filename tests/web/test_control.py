"""The control process as `vnroute serve` runs it: what it answers; routing needs it not."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from importlib.resources import files
from pathlib import Path

import pytest

from tests.web.support import Home, free_port
from vnroute.settings import ControlSettings, Settings
from vnroute.web.told import decode, encode


def test_health_readiness_status_and_metrics(home: Home) -> None:
    home.load()
    server = home.serve()
    assert server.stdout is not None
    assert server.stdout.readline() == f"console: http://127.0.0.1:{home.control_port}/\n"
    for number in ("18005551234", "18005551234", "18005559999"):
        home.call(number)
    home.until(lambda: home.get("/api/v1/status")[1]["workers"][0]["answered"] == 3)

    assert home.get("/healthz") == (200, {"status": "ok"})
    assert home.get("/readyz") == (200, {"status": "ready", "why": []})
    _, status = home.get("/api/v1/status")
    assert status["store"]["numbers"] == status["image"]["rows"]["numbers"] == 1
    assert (status["workers"][0]["routed"], status["workers"][0]["unknown_number"]) == (2, 1)
    assert sum(status["workers"][0]["delays_us"]) == 3
    shown = home.run("status", "--json").stdout
    assert f'"generation": {status["image"]["generation"]}' in shown

    code, headers, body = home.request("GET", "/metrics")
    assert (code, headers["content-type"].split(";")[0]) == (200, "text/plain")
    text = body.decode()
    assert 'vnroute_decisions_total{outcome="routed",worker="0"} 2.0' in text
    assert 'vnroute_answer_delay_seconds_bucket{le="+Inf",worker="0"} 3.0' in text
    assert "vnroute_image_generation 1.0" in text
    assert home.get("/nothing")[0] == 404
    assert home.request("POST", "/healthz")[0] == 405


def test_metrics_follow_prometheus_text_format(home: Home) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    home.load()
    home.serve()
    home.call()
    families = {f.name: f for f in text_string_to_metric_families(home.get("/metrics")[1])}
    assert all(name.startswith("vnroute_") for name in families)
    assert all(family.documentation for family in families.values())
    bounds = [
        (float(sample.labels["le"]), sample.value)
        for sample in families["vnroute_answer_delay_seconds"].samples
        if sample.name.endswith("_bucket")
    ]
    assert bounds == sorted(bounds)
    assert [count for _, count in bounds] == sorted(count for _, count in bounds)
    assert bounds[-1][0] == float("inf")


def test_not_ready_without_a_worker_and_with_an_image_that_lags(home: Home) -> None:
    home.load()
    home.serve()
    worker = home.children()["worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        home.run("compile")
        home.until(lambda: home.get("/readyz")[0] == 503)
        assert home.get("/readyz")[1]["why"] == ["workers with an older image: 0"]
        assert home.get("/healthz")[0] == 200
    finally:
        os.kill(worker, signal.SIGCONT)
    home.until(lambda: home.get("/readyz")[0] == 200)


def test_calls_are_routed_while_the_control_process_is_dead(home: Home) -> None:
    home.load()
    home.serve()
    before = home.children()
    os.kill(before["control"], signal.SIGSTOP)
    assert home.call()["vn_number"] == "+18005551234"
    os.kill(before["control"], signal.SIGKILL)
    assert home.call()["vn_number"] == "+18005551234"
    home.until(lambda: home.get("/readyz")[0] == 200)
    after = home.children()
    assert after["control"] != before["control"]
    assert after["worker"] == before["worker"]


def test_a_port_that_is_taken_is_told_and_taken_over_when_it_is_free(home: Home) -> None:
    home.load()
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.control_port))
        other.listen()
        home.serve(wait=False)
        home.until(lambda: "cannot listen" in home.logged())
        home.until(lambda: "worker" in home.children())
        home.until(lambda: _answers(home))
    home.until(lambda: home.get("/readyz")[0] == 200)


def _answers(home: Home) -> bool:
    try:
        return home.call()["vn_number"] == "+18005551234"
    except ConnectionRefusedError:
        return False


def test_the_supervisor_stops_it_and_its_death_does_too(home: Home) -> None:
    home.load()
    server = home.serve()
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 0
    assert home.get("/healthz")[0] == 0

    server = home.serve()
    worker = home.children()["worker"]
    server.kill()
    server.wait()
    home.until(lambda: home.get("/healthz")[0] == 0)
    os.kill(worker, signal.SIGTERM)


def test_without_a_control_process(home: Home) -> None:
    home.load()
    server = home.serve("--control-port", "none", wait=False)
    home.until(lambda: "worker" in home.children() and _answers(home))
    assert "control" not in home.children()
    server.send_signal(signal.SIGTERM)
    assert server.communicate(timeout=20)[0] == ""
    refused = home.run("serve", "--control-port", "x", check=False)
    assert (refused.returncode, "'x' is no port" in refused.stderr) == (2, True)


def test_the_console_runs_its_own_files_and_no_other(home: Home) -> None:
    home.load()
    home.serve()
    code, headers, body = home.request("GET", "/")
    page = body.decode()
    assert code == 200
    assert headers["content-type"].startswith("text/html")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "script-src 'self'" in policy and "require-trusted-types-for 'script'" in policy
    assert not re.search(r"(src|href)=\"(https?:)?//", page), "nothing comes from elsewhere"
    assert not re.search(r"<script>|<style>|\son\w+=|\sstyle=", page), "the policy refuses these"
    assert headers["x-content-type-options"] == "nosniff"

    loaded = re.findall(r"(?:src|href)=\"(/console/[^\"]+)\"", page)
    assert "/console/app.js" in loaded
    for path in loaded:
        code, headers, body = home.request("GET", path)
        assert (code, bool(body)) == (200, True), path
        tag, again = headers["etag"], {"If-None-Match": headers["etag"]}
        assert headers["cache-control"] == "no-cache"
        assert home.request("GET", path, **again)[0::2] == (304, b""), path
        code, headers, packed = home.request("GET", path, **{"Accept-Encoding": "gzip"})
        if len(body) > 1000:
            assert headers["etag"] != tag and gzip.decompress(packed) == body
    for none in ("/console/nothing.js", "/console/../app.py", "/console/%2e%2e/app.py"):
        assert home.request("GET", none)[0] == 404, none


def test_no_module_of_the_console_makes_markup() -> None:
    place = files("vnroute.web").joinpath("console")
    ours = [each for part in ("", "lib", "screens") for each in place.joinpath(part).iterdir()]
    texts = {each.name: each.read_text() for each in ours if each.name.endswith(".js")}
    assert len(texts) > 10
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://"
    )
    for name, text in texts.items():
        text = text.replace("http://www.w3.org/2000/svg", "")
        code = re.sub(r"(?m)^\s*(//|\*|/\*).*$", "", text)
        assert not re.search(forbidden, code), name


def test_a_damaged_store_is_told_and_stops_nothing(home: Home) -> None:
    home.load()
    home.serve()
    # Another file in its place: a connection that is open reads on from the pages it has, as long
    # as the file and the log beside it are the ones it opened.
    (home.path / "damaged").write_bytes(b"no database at all, " * 100)
    for name in ("routing.db-wal", "routing.db-shm"):
        (home.path / name).unlink(missing_ok=True)
    (home.path / "damaged").rename(home.path / "routing.db")
    home.until(lambda: "error" in (home.get("/api/v1/status")[1]["store"] or {}))
    assert home.get("/readyz")[0] == 200
    assert "vnroute_store_readable 0.0" in home.get("/metrics")[1]
    assert home.call()["vn_number"] == "+18005551234"


def test_the_settings_come_over_whole() -> None:
    settings = Settings(control=ControlSettings(host="::1", port=1))
    assert decode(encode(settings)) == settings


def test_run_by_hand_it_says_who_runs_it() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "vnroute.web.control"], text=True, capture_output=True, check=False
    )
    assert (found.returncode, "run by vnroute serve" in found.stderr) == (2, True)
    assert "Traceback" not in found.stderr


def test_it_ends_where_its_supervisor_is_gone_already(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    settings = Settings(home=tmp_path, control=ControlSettings(port=free_port()))
    ended = subprocess.run(
        [sys.executable, "-m", "vnroute.web.control", encode(settings), str(gone.pid)],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def test_https_by_a_certificate(home: Home, tmp_path: Path) -> None:
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on this machine")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    home.environment |= {
        "VNROUTE_CONTROL_TLS_CERTIFICATE": str(certificate), "VNROUTE_CONTROL_TLS_KEY": str(key),
    }  # fmt: skip
    home.load()
    server = home.serve(wait=False)
    assert server.stdout is not None
    address = server.stdout.readline().split()[1]
    assert address == f"https://127.0.0.1:{home.control_port}/"
    trusting = ssl.create_default_context(cafile=str(certificate))

    def healthy() -> bool:
        try:
            with urllib.request.urlopen(f"{address}healthz", timeout=5, context=trusting) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    home.until(healthy)
