"""The command, as a shell runs it: status, output, and never a traceback."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROUTING = textwrap.dedent("""\
    accounts:
      - {id: acme}
    plans:
      - {id: main, account: acme, steps: [{ring: [+12125550100]}, {hangup: relay}]}
    numbers:
      - {number: +18005551234, account: acme, plan: main}
    carriers:
      - {id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}
    """)
NUMBERS = "number,account,plan\n+18005550000,acme,main\n"
RATES = "prefix,carrier,rate\n1,alpha,0.01\n"


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "routing.yaml").write_text(ROUTING)
        (folder / "numbers.csv").write_text(NUMBERS)
        (folder / "rates.csv").write_text(RATES)
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("VNROUTE_")}
        self.environ |= {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "100"}

    def __call__(
        self, *arguments: str, stdin: str | bytes = b"", **environ: str
    ) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "vnroute.cli", *arguments],
            input=stdin if isinstance(stdin, bytes) else stdin.encode(),
            capture_output=True,
            cwd=self.folder,
            env=self.environ | environ,
            timeout=60,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in out + err
        return done.returncode, out, err


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_help_and_version(shell: Shell) -> None:
    status, out, _ = shell("--help")
    assert status == 0
    for name in ("demo", "check", "load", "import", "compile", "route", "serve", "simulate"):
        assert f" {name} " in out
    assert "Example:" in out
    assert shell("--version")[:2] == (0, "vnroute 0.1.0\n")


@pytest.mark.parametrize(
    "command",
    [["check"], ["load"], ["import"], ["import", "numbers"], ["import", "rates"], ["settings"],
     ["completion"]],
)  # fmt: skip
def test_every_help_has_an_example(shell: Shell, command: list[str]) -> None:
    status, out, _ = shell(*command, "--help")
    assert status == 0
    assert "Example:" in out


def test_help_imports_no_subcommand(shell: Shell) -> None:
    code = (
        "import sys\nfrom vnroute.cli import run\nrun(['--help'])\n"
        "heavy = {'msgspec', 'yaml', 'phonenumbers', 'sqlite3', 'uvloop', 'vnroute.cli.load'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=shell.environ)
    assert done.returncode == 0, done.stderr


def test_load_then_import_then_the_same_again(shell: Shell) -> None:
    status, out, err = shell("load", "routing.yaml")
    assert (status, out.splitlines()[-1]) == (0, "applied; change 1")
    assert err.startswith("warning: routing.yaml:8: carriers[0].id: found 'alpha', a carrier with")
    assert shell("import", "numbers", "numbers.csv")[:2] == (
        0,
        "numbers: 1 added\napplied; change 2\n",
    )
    assert shell("import", "rates", "-", stdin=RATES)[:2] == (
        0,
        "rates: 1 added\napplied; change 3\n",
    )
    status, out, err = shell("load", "routing.yaml", "numbers.csv", "rates.csv", "--json")
    report = json.loads(out)
    assert (status, err) == (0, "")
    assert {key: report[key] for key in ("added", "changed", "unchanged", "removed")} == {
        "added": 0,
        "changed": 0,
        "unchanged": 6,
        "removed": 0,
    }
    assert (report["change_counter"], report["applied"], report["warnings"]) == (3, True, [])
    assert (shell.folder / "var" / "routing.db").exists()


def test_problems_are_lines_on_stderr_and_status_2(shell: Shell) -> None:
    (shell.folder / "bad.yaml").write_text("accounts:\n  - {id: a b}\n")
    status, out, err = shell("load", "bad.yaml", "none.yaml")
    assert (status, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("bad.yaml:2: accounts[0].id: found 'a b', expected 1 to 64 letters")
    assert second.startswith("none.yaml: file: found no such file or directory")


def test_problems_as_json(shell: Shell) -> None:
    shell("load", "routing.yaml")
    list_of = "number,account,plan\n+18005550000,acme,mian\n"
    status, out, err = shell("import", "numbers", "-", "--json", stdin=list_of)
    assert (status, err) == (2, "")
    assert json.loads(out) == {
        "problems": [
            {
                "file": "<stdin>",
                "line": 2,
                "field": "plan",
                "found": "'mian'",
                "expected": "a plan that is there or comes along; did you mean main?",
            }
        ],
        "more": 0,
    }


def test_more_than_fifty_problems_are_counted(shell: Shell) -> None:
    text = "number,account,plan\n" + "x,acme,main\n" * 1234
    shell("load", "routing.yaml")
    status, _, err = shell("import", "numbers", "-", stdin=text)
    assert status == 2
    assert len(err.splitlines()) == 51
    assert err.splitlines()[-1] == "… and 1,184 more"


def test_check_applies_nothing_and_makes_no_store(shell: Shell) -> None:
    status, out, _ = shell("check", "routing.yaml", "numbers.csv", "rates.csv")
    assert (status, out.splitlines()[-1]) == (0, "nothing applied")
    assert not (shell.folder / "var").exists()
    assert shell("check", "numbers.csv")[0] == 2
    shell("load", "routing.yaml")
    # Now together with what is stored, unless by itself.
    assert shell("check", "numbers.csv")[:2] == (0, "numbers: 1 added\nnothing applied\n")
    assert shell("check", "--alone", "numbers.csv")[0] == 2
    report = json.loads(shell("check", "numbers.csv", "--json")[1])
    assert (report["applied"], report["change_counter"]) == (False, 1)


def test_dry_run_and_replace(shell: Shell) -> None:
    shell("load", "routing.yaml", "rates.csv")
    out = shell("import", "numbers", "numbers.csv", "--replace", "--dry-run")[1]
    assert out == "numbers: 1 added, 1 removed\nnothing applied\n"
    out = shell("import", "numbers", "numbers.csv", "--replace")[1]
    assert out == "numbers: 1 added, 1 removed\napplied; change 2\n"


def test_standard_input_can_be_any_file_once(shell: Shell) -> None:
    import gzip

    assert shell("load", "-", stdin=gzip.compress(ROUTING.encode()))[0] == 0
    assert shell("load", "-", stdin=NUMBERS)[0] == 0
    status, _, err = shell("load", "-", "-")
    assert status == 2
    assert "only once" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lod"], "No such command 'lod'"),
        (["load"], "Missing argument"),
        (["load", "--frobnicate", "x"], "No such option"),
        (["completion", "csh"], "is not one of"),
    ],
)
def test_usage_errors(shell: Shell, arguments: list[str], said: str) -> None:
    status, out, err = shell(*arguments)
    assert (status, out) == (2, "")
    assert said in err


def test_a_damaged_store_is_told(shell: Shell) -> None:
    (shell.folder / "var").mkdir()
    (shell.folder / "var" / "routing.db").write_text("no database " * 1000)
    status, _, err = shell("load", "routing.yaml")
    assert (status, "no SQLite database" in err) == (2, True)


def test_what_nobody_expected_is_kept_in_a_file(shell: Shell) -> None:
    code = textwrap.dedent("""
        import vnroute.importing
        def load(*arguments, **options):
            raise ZeroDivisionError("oh")
        vnroute.importing.load = load
        from vnroute.cli import main
        main(["load", "routing.yaml"])
    """)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        cwd=shell.folder,
        env=shell.environ | {"TMPDIR": str(shell.folder)},
    )
    assert done.returncode == 1
    err = done.stderr.decode()
    assert err.startswith("vnroute: ZeroDivisionError: oh\nthis should not happen: please report")
    assert "Traceback" not in err
    details = Path(err.split()[-1]).read_text()
    assert "ZeroDivisionError: oh" in details
    assert "Traceback" in details


def test_an_interrupt_is_130_and_leaves_nothing(shell: Shell) -> None:
    shell("load", "routing.yaml")
    process = subprocess.Popen(
        [sys.executable, "-m", "vnroute.cli", "import", "numbers", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=shell.folder,
        env=shell.environ,
    )
    assert process.stdin is not None
    process.stdin.write(NUMBERS.encode() * 1)
    process.stdin.flush()
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err
    out = json.loads(shell("check", "numbers.csv", "--json")[1])
    assert (out["added"], out["change_counter"]) == (1, 1)


def test_a_reader_that_goes_is_no_error(shell: Shell) -> None:
    done = subprocess.run(
        f"{sys.executable} -m vnroute.cli settings | true",
        shell=True,
        capture_output=True,
        cwd=shell.folder,
        env=shell.environ,
    )
    assert done.stderr == b""


def test_settings_are_shown_with_their_origins(shell: Shell) -> None:
    (shell.folder / "vnroute.toml").write_text("[server]\nport = 9000\n")
    status, out, _ = shell("settings", "--json", VNROUTE_LOG_LEVEL="debug")
    shown = json.loads(out)
    assert status == 0
    assert shown["server.port"] == {"value": 9000, "origin": "vnroute.toml:2"}
    assert shown["log.level"] == {"value": "debug", "origin": "VNROUTE_LOG_LEVEL"}
    assert shown["home"] == {"value": "var", "origin": "default"}
    assert "--home" in shell("--home", "x", "settings")[1]
    (shell.folder / "vnroute.toml").write_text("[server]\nport = 'x'\n")
    status, _, err = shell("settings")
    assert (status, err) == (
        2,
        "vnroute.toml:2: server.port: found 'x', expected a whole number\n",
    )


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion(shell: Shell, name: str) -> None:
    status, out, _ = shell("completion", name)
    assert status == 0
    assert "_VNROUTE_COMPLETE" in out
