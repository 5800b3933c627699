"""``vnroute deck``, as it is run."""

import json
from pathlib import Path

import pytest

from vnroute.cli import run

CARRIER = "carriers: [{id: alpha, gateways: [{id: a1, gateway: gwA}]}]\ncurrencies: {USD: 1}\n"


@pytest.fixture
def deck(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "c.yaml").write_text(CARRIER)
    assert run(["--home", str(tmp_path / "home"), "load", str(tmp_path / "c.yaml")]) == 0
    capsys.readouterr()

    def command(*arguments: str, content: str = "") -> tuple[int, str, str]:
        if content:
            (tmp_path / "deck.csv").write_text(content)
        words = [word.replace("FILE", str(tmp_path / "deck.csv")) for word in arguments]
        status = run(["--home", str(tmp_path / "home"), "deck", *words])
        out = capsys.readouterr()
        return status, out.out, out.err

    return command


def test_import_show_diff_rollback_export(deck, tmp_path) -> None:
    first = "Code;Name;Preis\n4420;London;0,0123\n49;Germany;0,02\n33;France;0,03\n"
    status, out, _ = deck("import", "alpha", "FILE", content=first)
    assert status == 0
    assert "3 new" in out
    assert "version 1 in force" in out
    assert "Preis" in out
    second = "Code;Name;Preis\n4420;London;0,0246\n49;Germany;0,01\n39;Italy;0,05\n"
    status, out, _ = deck("import", "alpha", "FILE", "--json", "--dry-run", content=second)
    said = json.loads(out)
    assert (status, said["applied"], said["version"]) == (0, False, 1)
    assert said["columns"] == {"prefix": "Code", "destination": "Name", "rate": "Preis"}
    assert {k: v for k, v in said["diff"].items() if v and k != "largest"} == {
        "new": 1, "dearer": 1, "cheaper": 1, "gone": 1
    }  # fmt: skip
    assert said["diff"]["largest"][0]["times"] == 2.0
    assert deck("import", "alpha", "FILE")[0] == 0
    status, out, _ = deck("diff", "alpha", "--json")
    assert (status, json.loads(out)["dearer"]) == (0, 1)
    status, out, _ = deck("rollback", "alpha")
    assert (status, out) == (0, "alpha: version 1 in force, 3 rows\n")
    status, out, _ = deck("export", "alpha")
    assert out.splitlines()[0].startswith("prefix,destination,rate")
    (tmp_path / "again.csv").write_text(out)
    status, out, _ = deck("import", "alpha", str(tmp_path / "again.csv"), "--json")
    assert (status, json.loads(out)["version"], json.loads(out)["diff"]["same"]) == (0, 1, 3)
    assert json.loads(deck("list", "--json")[1])["decks"][0]["rows"] == 3
    said = json.loads(deck("show", "alpha", "--prefix", "442079", "--json")[1])
    assert [row["prefix"] for row in said["rows"]] == ["+4420"]


def test_what_is_refused(deck) -> None:
    bad = "Code,Rate\n44,0.01\n4x,0.02\n"
    status, _, error = deck("import", "alpha", "FILE", content=bad)
    assert status == 2
    assert "deck.csv:3: prefix: found '4x'" in error
    status, out, _ = deck("import", "alpha", "FILE", "--json")
    assert (status, json.loads(out)["problems"][0]["line"]) == (2, 3)
    for arguments in (
        ("import", "beta", "FILE"), ("rollback", "alpha"), ("show", "alpha"), ("diff", "alpha"),
        ("export", "alpha"), ("import", "alpha", "FILE", "--map", "prefix"),
        ("import", "alpha", "FILE", "--map", "rate=Nothing"),
        ("import", "alpha", "FILE", "--zone", "Mars/Base"),
        ("import", "alpha", "FILE", "--effective", "03/04/2026"),
        ("import", "alpha", "nothing.csv"),
    ):  # fmt: skip
        status, _, error = deck(*arguments)
        assert status == 2, arguments
        assert "expected" in error
        assert "Traceback" not in error


def test_a_mapping_is_kept_and_bad_rows_written_aside(deck, tmp_path) -> None:
    content = "A,B,C\n44,0.01,9\n45,zero,9\n"
    options = ("--map", "prefix=A,rate=B", "--save-mapping", "--skip-bad")
    status, out, _ = deck("import", "alpha", "FILE", *options, content=content)
    assert status == 0
    assert "1 bad rows left out" in out
    assert (
        (tmp_path / "deck.csv.bad.csv").read_text().splitlines()[1].startswith("45,zero,9,3,rate")
    )
    assert deck("mapping", "alpha")[1] == "prefix: A\nrate: B\n"
    assert deck("import", "alpha", "FILE", content="X,B,A\n1,0.01,44\n")[0] == 0
    assert deck("mapping", "alpha", "--forget")[1] == "no mapping stored\n"
