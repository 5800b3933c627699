from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(config: Path | None, environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(config, environ)
    return [str(problem) for problem in caught.value.problems]


def test_defaults_need_nothing() -> None:
    settings = Settings.load(None, {})
    assert settings == Settings()
    assert settings.server.port == 8084
    assert settings.store_address == "var"
    assert settings.images == Path("var/images")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "vnroute.toml").write_text(
        'home = "data"\n[server]\nport = 1\nhost = "0.0.0.0"\nmax_seconds = 5\n'
    )
    environ = {
        "VNROUTE_SERVER_PORT": "2",
        "VNROUTE_SERVER_ALLOW": "10.0.0.0/8, ::1/128",
        "VNROUTE_SERVER_MAX_BYTES": "20000",
        "VNROUTE_STORE_URL": "sqlite:///x.db",
        "VNROUTE_SOMETHING_ELSE": "1",
        "HOME": "/root",
    }
    settings, origins = load_settings(None, environ)
    assert (settings.server.port, settings.server.host) == (2, "0.0.0.0")
    assert settings.server.allow == ("10.0.0.0/8", "::1/128")
    assert (settings.server.max_bytes, settings.server.max_seconds) == (20000, 5.0)
    assert (settings.home, settings.store_address) == (Path("data"), "sqlite:///x.db")
    assert origins["server.port"] == "VNROUTE_SERVER_PORT"
    assert origins["server.host"] == "vnroute.toml:4"
    assert origins["home"] == "vnroute.toml:1"
    assert origins["log.level"] == "default"
    assert Settings.load(None, environ | {"VNROUTE_HOME": "/srv"}).home == Path("/srv")


def test_the_file_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / "other.toml"
    other.write_text('home = "h"\n[routing]\nmax_hops = 3\n')
    assert Settings.load(other, {}).routing.max_hops == 3
    assert Settings.load(None, {"VNROUTE_CONFIG": str(other)}).home == tmp_path / "sub" / "h"
    assert problems(tmp_path / "none", {})[0].endswith(
        "file: found no such file or directory, expected a settings file"
    )


def test_all_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        "hom = 1\n[server]\nport = 70000\nprot = 1\nworkers = '2'\nallow = ['10.0.0.1/8']\n"
        "[log]\nformat = 'xml'\n[routing]\n# max_hops = 1\nmax_hops = -1\n"
    )
    assert [p.removeprefix(str(path)) for p in problems(path, {"VNROUTE_CONTROL_PORT": "x"})] == [
        ":1: hom: found an unknown name, "
        "expected home, switches or one of the sections server, routing, store, control, cdr, "
        "fraud, health, dips, otel, log",
        ":4: server.prot: found an unknown name, expected one of host, port, workers, backlog, "
        "allow, max_bytes, max_seconds, max_connections",
        ":5: server.workers: found '2', expected a whole number",
        ":8: log.format: found 'xml', expected console or json",
        "VNROUTE_CONTROL_PORT: control.port: found 'x', expected a whole number",
        ":3: server.port: found 70000, expected 0 to 65535",
        ":6: server.allow[0]: found '10.0.0.1/8', "
        'expected a network such as "10.0.0.0/8", without bits beyond its length',
        ":11: routing.max_hops: found -1, expected 0 to 70",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[server\n", ":1: file: found expected ']' at the end of a table declaration"),
        (b"[server]\nport = = 1\n", ":2: file: found invalid value"),
        (b"\xff", ": file: found invalid start byte, expected UTF-8 text"),
        (b"server = 1\n", ":1: server: found 1, expected a section: [server]"),
        (b"home = 1\n", ":1: home: found 1, expected a path"),
        (b"server = { port = 'x' }\n", ":1: server.port: found 'x', expected a whole number"),
        (b"server.port = true\n", ":1: server.port: found True, expected a whole number"),
    ],
)
def test_files_that_are_no_settings(tmp_path: Path, text: bytes, problem: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(text)
    assert problems(path, {})[0].removeprefix(str(path)).startswith(problem)


@given(st.dictionaries(
    st.sampled_from(["VNROUTE_SERVER_PORT", "VNROUTE_SERVER_ALLOW", "VNROUTE_LOG_LEVEL",
                     "VNROUTE_ROUTING_X", "VNROUTE_SERVER_MAX_SECONDS", "VNROUTE_SERVER_"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
))  # fmt: skip
def test_any_environment_is_taken_or_refused(environ: dict[str, str]) -> None:
    try:
        settings = Settings.load(None, environ)
    except SettingsError as error:
        assert all(problem.file.startswith("VNROUTE_") for problem in error.problems)
    else:
        assert 0 <= settings.server.port <= 65535


@pytest.mark.parametrize(
    "url, why",
    [
        ("mysql://u:secret@h/calls", "found 'mysql:…', expected an address such as postgresql://"),
        ("postgresql://h", "expected an address such as postgresql://"),
        ("postgresql://[", "found no address, expected"),
        ("calls.db", "found no address, expected"),
        ("postgresql://u:secret@h/calls", "found a password, expected an address without one"),
        ("postgresql://h/calls?password=secret", "found a password, expected"),
    ],
)
def test_where_calls_are_stored(url: str, why: str) -> None:
    (found,) = problems(None, {"VNROUTE_CDR_STORE": url})
    assert found.startswith("VNROUTE_CDR_STORE: cdr.store: ") and why in found
    assert "secret" not in found
    good = "postgresql://vnroute@127.0.0.1/calls"
    assert Settings.load(None, {"VNROUTE_CDR_STORE": good}).calls_address == good
    assert Settings.load(None, {}).calls_address == "var"


def test_switches_are_tables_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "vnroute.toml"
    path.write_text('[[switches]]\nname = "fs1"\naddress = "10.0.0.1:8021"\npassword = "s"\n')
    (switch,) = Settings.load(path, {}).switches
    assert (switch.name, switch.host, switch.port) == ("fs1", "10.0.0.1", 8021)
    path.write_text('[[switches]]\nname = "fs1"\naddress = "10.0.0.1"\n')
    with pytest.raises(SettingsError) as refused:
        Settings.load(path, {})
    assert "switches[0].address: found '10.0.0.1', expected host:port" in str(refused.value)


def test_no_password_is_among_the_arguments_of_a_process(tmp_path: Path) -> None:
    from vnroute.web.told import PASSWORDS_VARIABLE, decode, encode, passwords, with_passwords

    path = tmp_path / "vnroute.toml"
    path.write_text('[[switches]]\nname = "fs1"\npassword = "secret-word"\n')
    settings = Settings.load(path, {})
    assert "secret-word" not in encode(settings)
    told = with_passwords(decode(encode(settings)), {PASSWORDS_VARIABLE: passwords(settings)})
    assert told.switches == settings.switches
