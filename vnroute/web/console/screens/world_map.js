// A map of where calls come from: Natural Earth's outlines (public domain), four shades by share.

import { h } from "../lib/dom.js";
import { count, country, share } from "../lib/format.js";

let outlines = null;

/** rows: {country, calls}. Countries too small for the map, and unknown ones, are named below it. */
export async function worldMap(rows, signal) {
  outlines = outlines || await (await fetch("/console/vendor/world.json", { signal })).json();
  const total = rows.reduce((sum, r) => sum + r.calls, 0), most = Math.max(1, ...rows.map((r) => r.calls));
  const calls = new Map(rows.map((r) => [r.country, r.calls]));
  // By the logarithm: between the first country and the tenth lie factors, not steps.
  const level = (n) => (n ? 1 + Math.min(3, Math.floor((4 * Math.log(n + 1)) / Math.log(most + 1.01))) : 0);
  const paths = Object.entries(outlines).map(([code, d]) => h("path", { d, class: `land l${level(calls.get(code))}` },
    calls.has(code) ? h("svg:title", {}, `${country(code)}: ${count(calls.get(code))} calls, ${share(calls.get(code) / total)}`) : null));
  const off = rows.filter((r) => !outlines[r.country]);
  return [
    h("svg", { class: "map", viewBox: "0 -28 960 416", role: "img", "aria-label": "World map of calls by the caller's country; the figures are in the table below" }, paths),
    h("div", { class: "legend" }, ["no calls", "few", "some", "many", "most"].map((word, i) => h("span", { class: `key l${i}` }, word))),
    off.length ? h("p", { class: "soft" }, `Not on the map: ${off.map((r) => `${country(r.country)} ${count(r.calls)}`).join(", ")}.`) : "",
  ];
}
