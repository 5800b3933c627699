"""The plots of a report, as SVG text without a header, so that they stand in an HTML page."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from vnroute.loadtest.errors import LoadTestError

__all__ = ["run_plots", "steps_plot", "two_runs", "ways_plot"]

_COLOURS = {
    "200": "#2a7f3f", "486": "#c9a227", "487": "#7f7f7f", "480": "#d98c3f", "603": "#b5651d",
    "404": "#4f7cac", "403": "#7d5ba6", "503": "#b3261e", "FreeSWITCH": "#b3261e",
    "vnroute": "#2a7f3f", "SIPp callers": "#4f7cac", "SIPp carriers": "#7d5ba6",
}  # fmt: skip


def _pyplot() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise LoadTestError(
            "plots need matplotlib: pip install 'vnroute[loadtest]' (or --no-plots)"
        ) from None
    matplotlib.use("Agg")
    # Text stays text: smaller, and it can be searched. No random ids, so that equal runs are equal.
    matplotlib.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "vnroute", "font.size": 9, "axes.grid": True,
         "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False}
    )  # fmt: skip
    import matplotlib.pyplot as pyplot

    return pyplot


def _svg(pyplot: Any, figure: Any, prefix: str) -> str:
    out = io.StringIO()
    figure.tight_layout()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    text = out.getvalue()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
    # Ids are the page's, where several plots stand.
    text = re.sub(r'id="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", text)
    return re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', text)


def _events(axes: Any, data: Mapping[str, Any]) -> None:
    for at, _ in data["events"]:
        axes.axvline(at, color="#b3261e", linewidth=0.8, linestyle=":")


def run_plots(data: Mapping[str, Any], prefix: str = "p") -> list[tuple[str, str]]:
    """Return (title, SVG) of a run's plots, by the report's data."""
    pyplot = _pyplot()
    series = data["series"]
    width = series["seconds_a_bin"]
    times = [place * width for place in range(len(series["begun"]))]
    plots: list[tuple[str, str]] = []

    def page(title: str, draw: Any, label: str) -> None:
        figure, axes = pyplot.subplots(figsize=(8.2, 2.5))
        draw(axes)
        _events(axes, data)
        axes.set_xlabel("seconds")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        plots.append((title, _svg(pyplot, figure, f"{prefix}{len(plots)}")))

    def rates(axes: Any) -> None:
        axes.step(times, series["begun"], where="post", label="begun", color="#4f7cac")
        axes.step(times, series["final"], where="post", label="final answer", color="#2a7f3f")

    page("Calls a second", rates, "calls/s")

    def delays(axes: Any) -> None:
        for name, style in (("p50", "-"), ("p95", "--"), ("p99", "-."), ("p99_9", ":")):
            values = series["pdd"][name]
            points = [(t, v) for t, v in zip(times, values, strict=True) if v is not None]
            if points:
                label = name.replace("_", ".")
                axes.plot(*zip(*points, strict=True), style, label=label, color="#333333")

    page("Post-dial delay as callers see it", delays, "seconds")

    def outcomes(axes: Any) -> None:
        below = [0.0] * len(times)
        for code, counts in series["codes"].items():
            values = [count / width for count in counts]
            axes.bar(
                times, values, width=width, align="edge", bottom=below, label=code,
                color=_COLOURS.get(code),
            )  # fmt: skip
            below = [a + b for a, b in zip(below, values, strict=True)]

    page("Outcomes: final SIP codes", outcomes, "calls/s")

    def live(axes: Any) -> None:
        axes.fill_between(times, series["live"], step="post", color="#4f7cac", alpha=0.5)

    page("Live calls, ringing ones too", live, "calls")

    def cpu(axes: Any) -> None:
        for name, rows in series["cpu"].items():
            if rows:
                axes.plot(*zip(*rows, strict=True), label=name, color=_COLOURS.get(name))
        if series["machine"]:
            cores = data["machine"]["cores"]
            points = [(at, share * cores) for at, share in series["machine"]]
            axes.plot(*zip(*points, strict=True), label="whole machine", color="#999999")

    page("CPU", cpu, "cores busy")

    def memory(axes: Any) -> None:
        for name, rows in series["memory"].items():
            points = [(at, bytes_ / 1e6) for at, bytes_ in rows]
            if points:
                axes.plot(*zip(*points, strict=True), label=name, color=_COLOURS.get(name))

    page("Memory", memory, "MB")
    return plots


def two_runs(
    a: Mapping[str, Any], b: Mapping[str, Any], names: Sequence[str]
) -> list[tuple[str, str]]:
    """Return (title, SVG) of two runs beside each other."""
    pyplot = _pyplot()
    plots: list[tuple[str, str]] = []
    for title, label, path in (
        ("Calls a second", "calls/s", ("begun",)),
        ("Post-dial delay, p95", "seconds", ("pdd", "p95")),
        ("Live calls", "calls", ("live",)),
    ):
        figure, axes = pyplot.subplots(figsize=(8.2, 2.5))
        for data, name, colour in zip((a, b), names, ("#4f7cac", "#b3261e"), strict=True):
            width = data["series"]["seconds_a_bin"]
            values = data["series"]
            for part in path:
                values = values[part]
            points = [(n * width, v) for n, v in enumerate(values) if v is not None]
            if points:
                axes.plot(*zip(*points, strict=True), label=name, color=colour)
        axes.set_xlabel("seconds")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        plots.append((title, _svg(pyplot, figure, f"c{len(plots)}")))
    return plots


def steps_plot(
    title: str, points: Sequence[tuple[float, float]], across: str, up: str, prefix: str
) -> tuple[str, str]:
    """Return (title, SVG) of one line, such as delay over rate."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(8.2, 2.5))
    if points:
        axes.plot(*zip(*points, strict=True), "o-", color="#4f7cac")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_ylim(bottom=0)
    return title, _svg(pyplot, figure, prefix)


def ways_plot(
    title: str, ways: Sequence[tuple[str, Sequence[float]]], label: str, prefix: str
) -> tuple[str, str]:
    """Return (title, SVG) of a bar for each way, its median, with a dot for each round."""
    import statistics

    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(8.2, 0.8 + 0.3 * len(ways)))
    names = [name for name, _ in ways]
    medians = [statistics.median(values) if values else 0 for _, values in ways]
    axes.barh(names, medians, color="#4f7cac", alpha=0.6, height=0.6)
    for name, values in ways:
        axes.plot(values, [name] * len(values), "o", color="#333333", markersize=3)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.set_xlim(left=0)
    return title, _svg(pyplot, figure, prefix)
