"""The dashboard and the alert rules: they load, and name only metrics that a vnroute exports."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.calls.support import record
from tests.web.support import Home

PLACE = Path(__file__).parents[2] / "docs" / "monitoring"
_NAME = re.compile(r"\bvnroute_[a-z_]+\b")


def expressions() -> dict[str, str]:
    """Return every expression of both files, by what it is for."""
    found = {}
    rules = yaml.safe_load((PLACE / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            found[rule["alert"]] = rule["expr"]
    dashboard = json.loads((PLACE / "grafana-dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    for variable in dashboard["templating"]["list"]:
        found[variable["name"]] = variable.get("definition", "")
    return found


def exported(home: Home) -> set[str]:
    """Return the names of all samples that may come of what is exported."""
    names = set()
    for line in home.get("/metrics")[1].splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names.add(name)
            if kind == "histogram":
                names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return names


def test_every_metric_named_is_exported(home: Home) -> None:
    home.load()
    home.serve()
    home.call()
    home.until(lambda: home.post(record())[0] == 200)
    names = exported(home)
    for what, expression in expressions().items():
        for name in _NAME.findall(expression):
            assert name in names, (what, name)


def test_the_dashboard_is_one_that_grafana_loads() -> None:
    dashboard: dict[str, Any] = json.loads((PLACE / "grafana-dashboard.json").read_text())
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(dashboard)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["targets"] and panel["fieldConfig"]["defaults"]["unit"]


def test_the_rules_have_what_prometheus_asks_for() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine")
    done = subprocess.run(
        [promtool, "check", "rules", str(PLACE / "alerts.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
