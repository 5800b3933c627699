// Charts by uPlot (vendor/, MIT), drawn in the theme's own colours and drawn anew when it changes.

import { fill, h } from "./dom.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A chart over time or over places. series: [{label, colour: "accent" | "good" | "warn" | "bad",
 * bars, filled}]; words: x positions' texts in place of times. update(data) takes uPlot's columns:
 * [xs, ys, …]. `about` is what a screen reader is told; say the figures in a table as well. */
export function chart({ about, series, height = 190, words = null, unit = (v) => v, range = null }) {
  const canvas = h("div", { class: "chart", role: "img", "aria-label": about });
  const legend = series.length > 1
    ? h("div", { class: "legend" }, series.map((s) => h("span", { class: `key ${s.colour}` }, s.label)))
    : null;
  const box = h("div", {}, legend, canvas);
  let plot = null, data = [[], ...series.map(() => [])];

  function make() {
    plot?.destroy();
    plot = null;
    const width = canvas.clientWidth;
    if (!width || typeof uPlot === "undefined") return;
    const soft = colour("soft"), line = colour("line");
    const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui, sans-serif" };
    plot = new uPlot({
      width, height, legend: { show: false }, cursor: { drag: { x: false, y: false }, y: false },
      tzDate: (s) => uPlot.tzDate(new Date(s * 1e3), "Etc/UTC"),
      scales: { x: { time: !words, range: range || (words ? () => [-0.6, words.length - 0.4] : undefined) }, y: { range: (_, low, high) => [0, Math.max(high * 1.08, low, 1)] } },
      axes: [
        { ...axis, ...(words ? { grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100] } : {}), space: words ? 52 : 70, values: words ? (_, at) => at.map((i) => (Number.isInteger(i) ? words[i] || "" : "")) : [
          [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
          [3600, "{HH}:{mm}", "\n{MM}-{DD}", null, null, null, null, null, 1],
          [60, "{HH}:{mm}", null, null, null, null, null, null, 1],
          [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1],
        ] },
        { ...axis, size: 56, values: (_, at) => at.map(unit) },
      ],
      series: [{}, ...series.map((s) => ({
        label: s.label, stroke: colour(s.colour), width: 2, points: { show: false },
        fill: s.bars ? colour(s.colour) : s.filled ? `${colour(s.colour)}26` : undefined,
        paths: s.bars ? uPlot.paths.bars({ size: [0.7, 60] }) : undefined,
      }))],
    }, data, canvas);
  }

  const resized = new ResizeObserver(() => {
    if (plot && canvas.clientWidth) plot.setSize({ width: canvas.clientWidth, height });
    else make();
  });
  resized.observe(canvas);
  addEventListener("themed", make);
  box.update = (now) => {
    data = now;
    if (plot) plot.setData(now);
    else make();
  };
  /** To be called when its screen is left. */
  box.end = () => {
    resized.disconnect();
    removeEventListener("themed", make);
    plot?.destroy();
    fill(canvas);
  };
  return box;
}

/** A share of the whole as a bar beside its figure. */
export const bar = (part, whole, about) => h("meter", { min: 0, max: Math.max(1, whole), value: part, "aria-label": about });
