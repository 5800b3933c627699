"""Who asks: the header Authorization, its secret in a file, and where that is never seen."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dips.servers import HttpServer, ported
from tests.dips.test_command import NUMBER, environ_of, vnroute
from vnroute.dips.sources import DipFailed, open_source
from vnroute.eventsocket.stats import read_stats
from vnroute.loadtest.node import Node
from vnroute.settings import DipSettings, SettingsError, load_settings

TOKEN = "tok-3n.VERY_secret~/+=="
PASSWORD = 'lookup:pass:w\u00f6rd is "secret"'
pytestmark = pytest.mark.timeout(120)


def header_of(head: bytes) -> str:
    found = re.search(rb"(?mi)^authorization: (.*)\r$", head)
    return found[1].decode() if found else ""


def secret_file(folder: Path, secret: str | bytes) -> str:
    path = folder / "secret"
    path.write_bytes(secret if isinstance(secret, bytes) else secret.encode())
    return str(path)


@pytest.mark.parametrize(
    ("kind", "secret", "header"),
    [
        ("bearer", TOKEN + "\n", f"Bearer {TOKEN}"),
        ("basic", PASSWORD, f"Basic {base64.b64encode(PASSWORD.encode()).decode()}"),
        ("basic", ":", "Basic Og=="),
        ("", "", ""),
    ],
)
def test_the_service_is_told_who_asks(tmp_path: Path, kind: str, secret: str, header: str) -> None:
    async def test() -> None:
        async with HttpServer() as server:
            file = secret_file(tmp_path, secret)
            given = {"authorization": kind, "secret_file": file} if kind else {}
            source = open_source(server.settings(**given))
            assert source is not None
            assert (await source.ask(NUMBER)).routing == ported(NUMBER)
            assert header_of(server.heads[-1]) == header
            if kind == "bearer":
                # The secret is changed while it runs.
                secret_file(tmp_path, "another")
                await source.ask(NUMBER)
                assert header_of(server.heads[-1]) == "Bearer another"
            await source.close()

    asyncio.run(test())


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("bearer", ""), ("bearer", "two words"), ("bearer", "tok\r\nX-Evil: 1"),
        ("bearer", "t\u00f6k"),
        ("bearer", "x" * 9000), ("basic", "name-alone"), ("basic", ""), ("basic", "a:b\nc:d"),
        ("basic", "a:b\0"), ("basic", None), ("bearer", None),
    ],
)  # fmt: skip
def test_a_file_without_such_a_secret_asks_nobody_and_does_not_say_what_it_holds(
    tmp_path: Path, kind: str, secret: str | None
) -> None:
    async def test() -> None:
        async with HttpServer() as server:
            file = str(tmp_path / "none") if secret is None else secret_file(tmp_path, secret)
            source = open_source(server.settings(authorization=kind, secret_file=file))
            assert source is not None
            with pytest.raises(DipFailed) as caught:
                await source.ask(NUMBER)
            assert str(caught.value).startswith(f"{file}: ")
            if secret:
                assert secret[:8] not in str(caught.value).removeprefix(file)
            assert server.asked == []
            await source.close()

    asyncio.run(test())


@given(st.binary(max_size=60), st.sampled_from(["bearer", "basic"]))
def test_no_secret_adds_a_header_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, secret: bytes, kind: str
) -> None:
    from vnroute.dips.sources import _authorization

    file = secret_file(tmp_path_factory.getbasetemp(), secret)
    try:
        headers = _authorization(kind, file)
    except DipFailed:
        return
    assert list(headers) == ["Authorization"]
    assert re.fullmatch(r"(Bearer|Basic) [!-~]+", headers["Authorization"])


def problems(**given: str) -> list[str]:
    environ = {f"VNROUTE_DIPS_{name.upper()}": value for name, value in given.items()}
    try:
        load_settings(None, environ)
    except SettingsError as error:
        return [f"{problem.field}: {problem.found}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("http", "clear", "refused"),
    [
        ("http://127.0.0.1:8090/{number}", "false", False),
        ("http://127.9.9.9/{number}", "false", False),
        ("http://[::1]:8090/{number}", "false", False),
        ("http://localhost/{number}", "false", False),
        ("https://lnp.example/{number}", "false", False),
        ("http://lnp.example/{number}", "false", True),
        ("http://localhost.example/{number}", "false", True),
        ("http://10.0.0.1/{number}", "false", True),
        ("http://0.0.0.0/{number}", "false", True),
        ("http://10.0.0.1/{number}", "true", False),
    ],
)
def test_a_secret_goes_to_other_machines_by_https_unless_told(
    http: str, clear: str, refused: bool
) -> None:
    given = {"http": http, "secret_in_clear": clear}
    assert problems(**given) == []
    for kind in ("bearer", "basic"):
        found = problems(**given, authorization=kind, secret_file="/etc/vnroute/dips.secret")
        assert [each.partition(":")[0] for each in found] == refused * ["dips.secret_in_clear"]


def test_what_belongs_together_is_asked_for() -> None:
    here = "http://127.0.0.1/{number}"
    assert problems(http=here, authorization="bearer") == ["dips.secret_file: nothing"]
    assert problems(http=here, authorization="bearer", secret_file="s") == ["dips.secret_file: 's'"]
    assert problems(http=here, secret_file="/s") == ["dips.authorization: nothing"]
    assert problems(enum="e164.arpa", authorization="basic", secret_file="/s")[0] == (
        "dips.authorization: 'basic'"
    )
    assert problems(http=here, authorization="digest")[0] == "dips.authorization: 'digest'"
    assert DipSettings().secret_in_clear is False


def test_the_secret_is_in_no_log_no_status_and_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    home = tmp_path / "home"
    file = secret_file(tmp_path, TOKEN)
    refusal = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
    monkeypatch.setenv("VNROUTE_LOG_LEVEL", "debug")
    monkeypatch.setenv("VNROUTE_CONTROL_PORT", "0")
    monkeypatch.setenv("VNROUTE_DIPS_AUTHORIZATION", "bearer")
    monkeypatch.setenv("VNROUTE_DIPS_SECRET_FILE", file)
    monkeypatch.setenv("VNROUTE_DIPS_DEADLINE_MS", "1000")

    async def test() -> None:
        from tests.dips.test_command import DID, ROUTING
        from tests.eventsocket.test_serve import free_port
        from vnroute.simulator.channel_data import Caller, Setup, encode_channel_data

        (home / "routes.yaml").write_text(ROUTING)
        said = []
        async with HttpServer(says=lambda number: refusal) as far:
            for name, value in environ_of(far).items():
                monkeypatch.setenv(name, value)
            for command in (("load", "routes.yaml"), ("compile",)):
                said.append(await vnroute(home, *command))
            node = Node(home, "127.0.0.1", free_port())
            await asyncio.to_thread(node.start)
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
                await reader.readuntil(b"\n\n")
                writer.write(encode_channel_data(Setup("u", DID, Caller("+34911234567"), 1)))
                reply = await reader.readuntil(b"exit\n\n")
                writer.close()
                # Refused, so it is routed on the dialled number.
                assert b"sofia/gateway/gwA/" in reply and TOKEN.encode() not in reply
                assert header_of(far.heads[0]) == f"Bearer {TOKEN}"
                for command in (
                    ("portability", "dip", f"+{NUMBER}"),
                    ("portability", "dip", f"+{NUMBER}", "--json"),
                    ("portability", "dip", "--help"), ("settings",), ("settings", "--json"),
                    ("status",), ("status", "--json"),
                    ("route", DID, "--json"),
                ):  # fmt: skip
                    said.append(await vnroute(home, *command))
            finally:
                await asyncio.to_thread(node.stop)
        texts = [f"{out}{error}" for _, out, error in said]
        assert "HTTP status 401" in texts[2] and file in texts[5]
        assert not any(TOKEN in text for text in texts)
        written = [path for path in home.rglob("*") if path.is_file()]
        assert home / "vnroute-serve.out" in written
        assert read_stats(home / "state" / "workers.stats")[0].values["dips_failed"] == 1
        assert not [path for path in written if TOKEN.encode() in path.read_bytes()]

    asyncio.run(test())
