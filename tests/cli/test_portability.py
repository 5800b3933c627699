"""`vnroute portability`, as a shell runs it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = "number,routing_number\n+15551234567,+15557654321\n+442079460123,+442079469999\n"


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environ = {k: v for k, v in os.environ.items() if not k.startswith("VNROUTE_")}
        self.environ = environ | {"PYTHONPATH": str(ROOT), "VNROUTE_HOME": str(folder / "var")}

    def __call__(self, *words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "vnroute.cli", "portability", *words],
            input=stdin, capture_output=True, cwd=self.folder, env=self.environ, timeout=60,
        )  # fmt: skip
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in out + err
        return done.returncode, out, err


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_import_show_update_and_status(shell: Shell) -> None:
    status, _, err = shell("status")
    assert status == 2 and "no portability table there; run vnroute portability import" in err
    status, out, _ = shell("import", "-", stdin=gzip.compress(LIST.encode()))
    assert status == 0 and "2 added" in out and "generation 1 in force" in out
    status, out, _ = shell("show", "+1 555 123 4567", "+15551234568")
    assert status == 1
    assert out == ("+15551234567 is ported: routed on +15557654321\n+15551234568 is not ported\n")
    changes = (
        b"number,routing_number\n+15551234567,\n+442079460123,+442079468888\n+4420794601,+44\n"
    )
    status, out, _ = shell("update", "-", "--dry-run", "--json", stdin=changes)
    assert status == 0 and json.loads(out)["applied"] is False
    assert shell("show", "+15551234567")[0] == 0
    status, out, _ = shell("update", "-", "--json", stdin=changes)
    report = json.loads(out)
    assert (report["generation"], report["added"], report["changed"], report["removed"]) == (
        2, 1, 1, 1,
    )  # fmt: skip
    status, out, _ = shell("show", "+442079460123", "--json")
    assert json.loads(out) == [{"number": "+442079460123", "routing_number": "+442079468888"}]
    status, out, _ = shell("status", "--json")
    assert json.loads(out)["rows"] == 2 and json.loads(out)["generation"] == 2


def test_what_is_refused_is_told_with_file_and_line(shell: Shell) -> None:
    (shell.folder / "bad.csv").write_text(LIST + "5551234567,+15557654321\n+15551234568,1\n")
    status, out, err = shell("import", "bad.csv")
    assert status == 2 and out == ""
    assert err.splitlines()[0].startswith("bad.csv:4: number: found '5551234567', expected \"+\"")
    assert shell("import", "missing.csv")[0] == 2
    status, out, _ = shell("import", "bad.csv", "--json")
    assert status == 2 and len(json.loads(out)["problems"]) == 2
    assert shell("status")[0] == 2
    assert shell("show", "nonsense")[0] == 2


def test_a_damaged_table_is_told(shell: Shell) -> None:
    shell("import", "-", stdin=LIST.encode())
    table = (shell.folder / "var/images/portability.vnp").resolve()
    table.write_bytes(table.read_bytes()[:-1])
    for words in (["status"], ["show", "+15551234567"], ["update", "-"]):
        status, _, err = shell(*words, stdin=LIST.encode())
        assert status == 2 and "it was cut or grew" in err
