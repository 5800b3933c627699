"""The dashboard and the alert rules: they load, and name only metrics that a vnroute exports."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
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


class _Part(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A part of a dashboard, as far as we use Grafana's format (39); :data:`_GRAFANAS` has its own.

    Grafana publishes that in CUE, for which there is no reader here.
    """


class _Source(_Part):
    type: Literal["prometheus"]
    uid: Literal["${datasource}"]


class _Target(_Part):
    ref_id: Annotated[str, msgspec.Meta(pattern="^[A-Z]$")]
    expr: Annotated[str, msgspec.Meta(min_length=1)]
    legend_format: str
    datasource: _Source


class _Place(_Part):
    x: Annotated[int, msgspec.Meta(ge=0, le=23)]
    y: Annotated[int, msgspec.Meta(ge=0)]
    w: Annotated[int, msgspec.Meta(ge=1, le=24)]
    h: Annotated[int, msgspec.Meta(ge=1)]


class _Defaults(_Part):
    unit: Literal["short", "reqps", "cps", "s", "bytes", "percentunit", "none", "ops"]
    min: float | None = None
    max: float | None = None
    custom: dict[str, Any] = {}
    thresholds: dict[str, Any] = {}
    mappings: list[Any] = []


class _FieldConfig(_Part):
    defaults: _Defaults
    overrides: list[Any]


class _Panel(_Part):
    id: Annotated[int, msgspec.Meta(ge=1)]
    title: Annotated[str, msgspec.Meta(min_length=1)]
    type: Literal["stat", "timeseries"]
    datasource: _Source
    description: str
    grid_pos: _Place
    targets: Annotated[list[_Target], msgspec.Meta(min_length=1)]
    field_config: _FieldConfig
    options: dict[str, Any]


class _Variable(_Part):
    name: Literal["datasource", "instance"]
    label: str
    type: Literal["datasource", "query"]
    query: str | dict[str, str]
    hide: Literal[0, 1, 2]
    refresh: Literal[0, 1, 2]
    datasource: _Source | None = None
    definition: str = ""
    multi: bool = False
    include_all: bool = False
    all_value: str | None = None


class _Variables(_Part):
    each: list[_Variable] = msgspec.field(name="list")


class _Range(_Part):
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")


class _Dashboard(_Part):
    title: str
    uid: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,40}$")]
    schema_version: Literal[39]
    version: int
    editable: bool
    tags: list[str]
    time: _Range
    refresh: str
    timezone: str
    templating: _Variables
    annotations: dict[str, list[Any]]
    panels: Annotated[list[_Panel], msgspec.Meta(min_length=1)]


_GRAFANAS: dict[type[_Part], str] = {
    _Dashboard: "annotations description editable fiscalYearStartMonth gnetId graphTooltip id "
    "links liveNow panels refresh revision schemaVersion snapshot tags templating time timepicker "
    "timezone title uid version weekStart",
    _Panel: "datasource description fieldConfig gridPos hideTimeOverride id interval libraryPanel "
    "links maxDataPoints maxPerRow options pluginVersion repeat repeatDirection targets timeFrom "
    "timeShift title transformations transparent type",
    _Place: "h static w x y",
    _FieldConfig: "defaults overrides",
    _Defaults: "color custom decimals description displayName displayNameFromDS filterable links "
    "mappings max min noValue path thresholds unit writeable",
    _Source: "type uid",
    _Range: "from to",
    _Variables: "list",
    # "definition" is what Grafana itself writes of a query; the CUE leaves a variable open.
    _Variable: "allValue current datasource description hide includeAll label multi name options "
    "query refresh regex skipUrlSync sort type definition",
}
"""The fields of each part in Grafana's own schema: packages/grafana-schema/src/raw/dashboard/x/
dashboard_types.gen.ts of grafana/grafana at 01639dccf972, made from kinds/dashboard/
dashboard_kind.cue. Targets are their data source's."""


def test_every_field_is_one_of_grafanas() -> None:
    for part, names in _GRAFANAS.items():
        ours = set(part.__struct_encode_fields__)
        assert ours <= set(names.split()), (part, ours - set(names.split()))


def test_the_dashboard_is_one_that_grafana_loads() -> None:
    text = (PLACE / "grafana-dashboard.json").read_bytes()
    dashboard = msgspec.json.decode(text, type=_Dashboard)
    ids = [panel.id for panel in dashboard.panels]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard.panels:
        place = panel.grid_pos
        assert place.x + place.w <= 24
        cells = {
            (x, y)
            for x in range(place.x, place.x + place.w)
            for y in range(place.y, place.y + place.h)
        }
        assert not cells & taken, panel.title
        taken |= cells
        assert len({target.ref_id for target in panel.targets}) == len(panel.targets)


@pytest.mark.parametrize(
    "part, change",
    [
        ('"gridPos"', '"gridpos"'),
        ('"type": "stat"', '"type": "stats"'),
        ('"schemaVersion": 39', '"schemaVersion": "39"'),
        ('"x": 0', '"x": 24'),
        ('"unit": "s"', '"unit": "sec"'),
    ],
)
def test_a_broken_dashboard_breaks_the_schema(part: str, change: str) -> None:
    text = (PLACE / "grafana-dashboard.json").read_text()
    assert part in text
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text.replace(part, change, 1).encode(), type=_Dashboard)


def test_breakers_lag_and_spool_are_watched() -> None:
    named = " ".join(expressions().values())
    for name in ("vnroute_gateway_state", "vnroute_cdr_lag_seconds", "vnroute_cdr_spool_bytes"):
        assert named.count(name) >= 2, f"{name}: a panel and a rule"


def test_the_rules_have_what_prometheus_asks_for() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine (Debian's package prometheus)")
    done = subprocess.run(
        [promtool, "check", "rules", "--lint-fatal", str(PLACE / "alerts.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout
