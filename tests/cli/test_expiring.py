"""``vnroute expiring``: what comes into service or ends soon."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from vnroute.cli.group import cli

DATA = """\
accounts:
  - {id: acme, time_zone: America/New_York}
  - {id: london, time_zone: Europe/London}
plans:
  - {id: main, account: acme, steps: [{hangup: relay}]}
  - {id: town, account: london, steps: [{hangup: relay}]}
numbers:
  - {number: "+18005550001", account: acme, plan: main, from: 2026-12-01, until: 2026-12-24}
  - {number: "+18005550002", account: acme, plan: main, state: quarantined, until: 2026-12-10}
  - {number: "+18005550003", account: acme, plan: main, until: 2027-12-10}
  - {number: "+442079460123", account: london, plan: town, until: "2026-12-10T09:00"}
blocks:
  - {block: "+1888555xxxx", account: acme, plan: main, until: 2026-12-05}
"""


def asked(home: Path, *options: str) -> tuple[int, str]:
    (home / "r.yaml").write_text(DATA)
    runner = CliRunner()
    loaded = runner.invoke(cli, ["--home", str(home), "load", str(home / "r.yaml")])
    assert loaded.exit_code == 0, loaded.output
    told = runner.invoke(
        cli, ["--home", str(home), "expiring", "--at", "2026-11-25T00:00", *options],
        standalone_mode=False,
    )  # fmt: skip
    return told.return_value, told.output


def test_what_changes_in_the_next_days_is_told_in_local_time(tmp_path: Path) -> None:
    status, told = asked(tmp_path, "--days", "31")
    assert status == 0
    assert told.splitlines() == [
        "2026-12-01 00:00 America/New_York  +18005550001  comes into service  (account acme,"
        " active)",
        "2026-12-06 00:00 America/New_York  +1888555xxxx  expires  (account acme, active)",
        "2026-12-10 09:00 Europe/London  +442079460123  expires  (account london, active)",
        "2026-12-11 00:00 America/New_York  +18005550002  quarantine ends  (account acme,"
        " quarantined)",
        "2026-12-25 00:00 America/New_York  +18005550001  expires  (account acme, active)",
        "5 changes in 31 days",
    ]


def test_json_says_the_same_of_one_account(tmp_path: Path) -> None:
    _, told = asked(tmp_path, "--json", "--account", "london")
    (one,) = json.loads(told)["numbers"]
    assert one["at"] == "2026-12-10T09:00:00+00:00"
    assert (one["number"], one["event"]) == ("+442079460123", "expires")
