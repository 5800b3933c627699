// What happens now: calls a second, outcomes, delays, workers, the image; and today's calls.

import { get } from "../lib/api.js";
import { bar, chart } from "../lib/chart.js";
import { fill, h } from "../lib/dom.js";
import { bytes, count, fixed, lasted, moment, NONE, share, span, today } from "../lib/format.js";
import { empty, loading } from "../lib/states.js";
import { watch } from "../lib/status.js";
import { facts, table } from "../lib/table.js";
import { callColumns } from "./call_columns.js";

// The first two are calls that were routed; all others were refused.
const OUTCOMES = {
  routed: "routed", ended_by_plan: "ended by plan", unknown_number: "unknown number", suspended: "suspended",
  no_carrier: "no carrier", too_many_hops: "too many hops", failed: "failed", reserved: "reserved",
  quarantined: "quarantined", ported_out: "ported out", not_yet: "not yet in service", expired: "expired",
  screened: "screened", at_capacity: "at capacity", blocked: "blocked",
};
const REFUSED = Object.keys(OUTCOMES).slice(2);
const SECONDS = 300, NOT_ROWS = ["location", "change_counter", "counted_at"];

const sum = (workers, name) => workers.reduce((total, w) => total + (w[name] || 0), 0);
const refusedBy = (worker) => REFUSED.reduce((total, name) => total + (worker[name] || 0), 0);

/** How much a figure grew; a worker that was started again counts from 0, so all it has is new. */
function grown(before, now, read) {
  const old = new Map(before.map((w) => [w.pid, w]));
  return now.reduce((total, w) => total + Math.max(0, read(w) - (old.has(w.pid) ? read(old.get(w.pid)) : 0)), 0);
}

/** Buckets are powers of two microseconds. */
function percentile(buckets, part) {
  const total = buckets.reduce((a, b) => a + b, 0);
  let seen = 0;
  for (let i = 0; total && i < buckets.length; i++) {
    seen += buckets[i];
    if (seen >= part * total) return 2 ** i;
  }
  return null;
}

// Kept while the page is open, so that going to another screen and back loses no curve.
let last = null, samples = [], delays = [];
function learn(status) {
  if (last && status.time - last.time <= 0.2) return;
  if (last && status.time - last.time < 30) {
    const seconds = status.time - last.time, answered = grown(last.workers, status.workers, (w) => w.answered);
    const refused = grown(last.workers, status.workers, refusedBy);
    samples.push([status.time, answered / seconds, refused / seconds]);
    delays.push([status.time, (status.workers[0]?.delays_us || []).map((_, i) => grown(last.workers, status.workers, (w) => w.delays_us[i]))]);
  }
  last = status;
  samples = samples.filter(([time]) => status.time - time < SECONDS);
  delays = delays.filter(([time]) => status.time - time < 60);
}

const tile = (name, value, note, kind) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", { class: kind }, value, note ? h("small", {}, note) : null));
const card = (title, ...content) => h("section", {}, h("h2", {}, title), content);
const wide = (title, ...content) => h("section", { class: "wide" }, h("h2", {}, title), content);

export async function show(place) {
  let paused = false;
  const button = h("button", { type: "button", "aria-pressed": "false", "aria-keyshortcuts": "p", onclick: pause }, "Pause");
  function pause() {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    button.setAttribute("aria-pressed", String(paused));
  }
  place.key("p", "pause, or go on", pause);
  const top = h("div", {}, loading());
  const rest = h("div", { class: "grid" });
  place.main.append(place.head("Live", button), top, rest);
  const [tell, ground] = place.me.everywhere ? whole(place, top, rest) : [own(place, top), []];
  place.leave(watch((status) => paused || tell(status)));
  const calls = today24(place, rest);
  rest.append(...ground);
  const beat = setInterval(() => paused || document.hidden || calls(), 5000);
  place.leave(() => clearInterval(beat));
  await calls();
}

/** For one who is limited to an account: whether calls are answered, and by which image. */
function own(place, top) {
  return (status) => fill(top, h("dl", { class: "tiles" },
    tile("Calls are", status.serving ? "answered" : "not answered", "", status.serving ? "good" : "bad"),
    tile("Generation", count(status.image.generation), "of the routing data in force")));
}

function whole(place, top, rest) {
  const tiles = h("dl", { class: "tiles" });
  const rate = chart({
    about: "Calls answered and refused a second, last five minutes; the figures stand above", height: 200,
    series: [{ label: "answered", colour: "accent", filled: true }, { label: "refused", colour: "bad" }],
    range: () => [(last?.time || 0) - SECONDS, last?.time || 1],
    unit: (v) => (Number.isInteger(v) ? count(v) : fixed(v)),
  });
  place.leave(rate.end);
  let answered = 0, most = 1;
  const outcomes = table("Outcomes since start", [
    { title: "outcome", cell: (name) => OUTCOMES[name] },
    { title: "calls", kind: "number", cell: (name) => count(sum(last.workers, name)) },
    { title: "share", kind: "number", cell: (name) => (answered ? share(sum(last.workers, name) / answered) : NONE) },
    { title: "", kind: "wide", cell: (name) => bar(sum(last.workers, name), answered, OUTCOMES[name]) },
  ], [], "No calls yet");
  const lately = table("Delays in the last minute", [
    { title: "up to", cell: ([us]) => span(us) },
    { title: "calls", kind: "number", cell: ([, n]) => count(n) },
    { title: "", kind: "wide", cell: ([us, n]) => bar(n, most, `calls within ${span(us)}`) },
  ], [], "No calls in the last minute");
  const workers = table("Workers", [
    { title: "worker", cell: (w) => w.worker },
    ...["pid", "generation"].map((name) => ({ title: name, kind: "number", cell: (w) => w[name] })),
    { title: "open", kind: "number", cell: (w) => count(w.live) },
    { title: "answered", kind: "number", cell: (w) => count(w.answered) },
    { title: "routed", kind: "number", cell: (w) => count(w.routed) },
    { title: "refused", kind: "number", cell: (w) => count(refusedBy(w)) },
    { title: "errors", kind: "number", cell: (w) => count(w.errors) },
    { title: "p50", kind: "number", cell: (w) => span(w.delay_us_p50) },
    { title: "p99", kind: "number", cell: (w) => span(w.delay_us_p99) },
    { title: "memory", kind: "number", cell: (w) => bytes(w.memory) },
    { title: "since", cell: (w) => moment(w.started) },
  ], [], "No worker runs: start vnroute serve");
  const image = h("div", {}), store = h("div", {});
  rest.append(
    wide("Calls a second, last five minutes", rate),
    card("Outcomes since start", outcomes), card("Connection to plan written, last minute", lately),
    wide("Workers", workers));
  const ground = [wide("Route image", image), wide("Store", store)];

  const tell = (status) => {
    learn(status);
    const buckets = delays.reduce((all, [, some]) => all.map((n, i) => n + (some[i] || 0)), new Array(24).fill(0));
    answered = sum(status.workers, "answered");
    most = Math.max(1, ...buckets);
    const refused = status.workers.reduce((total, w) => total + refusedBy(w), 0);
    const errors = sum(status.workers, "errors") + sum(status.workers, "failed");
    const near = samples.slice(-3);
    const now = near.length ? near.reduce((total, [, n]) => total + n, 0) / near.length : null;
    fill(tiles,
      tile("Calls a second", count(now), `${count(answered)} answered since start`),
      tile("Refused", answered ? share(refused / answered) : NONE, `${count(refused)} ${refused === 1 ? "call" : "calls"}`),
      tile("Delay p50", span(percentile(buckets, 0.5)), `p99 ${span(percentile(buckets, 0.99))}`),
      tile("Open now", count(sum(status.workers, "live")), "connections being answered"),
      tile("Workers", count(status.workers.length), status.lagging.length ? `${status.lagging.length} with an older image` : "all by the newest image", status.workers.length ? "" : "bad"),
      tile("Errors", count(errors), "inside vnroute", errors ? "bad" : ""),
      tile("Generation", count(status.image?.generation), status.stale ? "the store has changed since" : "in force"));
    if (tiles.parentNode !== top) fill(top, tiles);
    rate.update([samples.map((s) => s[0]), samples.map((s) => s[1]), samples.map((s) => s[2])]);
    outcomes.update(Object.keys(OUTCOMES).filter((name, i) => i < 2 || sum(status.workers, name)));
    const first = buckets.findIndex((n) => n), end = buckets.findLastIndex((n) => n);
    lately.update(first < 0 ? [] : buckets.slice(first, end + 1).map((n, i) => [2 ** (first + i), n]));
    workers.update(status.workers);
    fill(image, !status.image ? empty("No route image yet", "vnroute compile makes one.")
      : status.image.error ? h("p", { class: "bad" }, `Refused: ${status.image.error}`)
        : facts([["generation", count(status.image.generation)], ["size", bytes(status.image.bytes)], ["compiled", moment(status.image.compiled_at)],
          ["schedules known until", moment(status.image.horizon_end)],
          ...Object.entries(status.image.rows).filter(([, n]) => n).map(([name, n]) => [name.replaceAll("_", " "), count(n)])], true));
    fill(store, !status.store ? empty("Nothing loaded yet", "vnroute load reads routing files.")
      : status.store.error ? h("p", { class: "bad" }, `Cannot be read: ${status.store.error}`)
        : facts(Object.entries(status.store).filter(([name, n]) => typeof n === "number" && !NOT_ROWS.includes(name)).map(([name, n]) => [name.replaceAll("_", " "), count(n)]), true));
  };
  return [tell, ground];
}

/** Today's campaigns, carriers and last calls; returns what reads them anew. */
function today24(place, rest) {
  const campaigns = table("Campaigns today", [
    { title: "campaign", cell: (r) => h("a", { href: `#/calls?campaign=${encodeURIComponent(r.campaign)}` }, r.campaign || "(none)") },
    ...["calls", "answered"].map((name) => ({ title: name, kind: "number", cell: (r) => count(r[name]) })),
    { title: "ASR", kind: "number", cell: (r) => share(r.asr) },
    ...["missed", "busy"].map((name) => ({ title: name, kind: "number", cell: (r) => count(r[name]) })),
    { title: "ACD s", kind: "number", cell: (r) => fixed(r.acd_seconds) },
    { title: "callers", kind: "number", cell: (r) => count(r.callers) },
    { title: "cost", kind: "number", cell: (r) => (r.cost ?? NONE) + (r.unrated ? ` + ${count(r.unrated)} unrated` : "") },
  ], [], "No calls today");
  const carriers = table("Carriers today", [
    { title: "carrier", cell: (r) => r.carrier || "(unknown)" },
    { title: "gateway", cell: (r) => r.gateway },
    ...["legs", "answered"].map((name) => ({ title: name, kind: "number", cell: (r) => count(r[name]) })),
    { title: "ASR", kind: "number", cell: (r) => share(r.asr) },
    { title: "NER", kind: "number", cell: (r) => share(r.ner) },
    { title: "ACD s", kind: "number", cell: (r) => fixed(r.acd_seconds) },
    { title: "PDD", kind: "number", cell: (r) => lasted(r.pdd_ms) },
  ], [], "No calls today");
  const calls = table("Last calls", callColumns(), [], "No calls yet");
  rest.append(wide("Campaigns today (UTC)", campaigns), place.me.everywhere ? wide("Carriers today (UTC)", carriers) : "", wide("Last calls", calls));
  const ask = async (path, query) => {
    try {
      return await get(path, query, { signal: place.signal });
    } catch (error) {
      // Nothing stored yet is 503; no answer has its banner; who left asks nothing more.
      if (error.status === 503 || error.status === 0 || error.status === 401 || error.name === "AbortError") return null;
      throw error;
    }
  };
  return async () => {
    const day = { from: today(), to: today(), limit: 20 };
    const [c, g, l] = await Promise.all([
      ask("/reports/campaigns", day),
      place.me.everywhere ? ask("/reports/carriers", { ...day, by: "gateway" }) : null,
      ask("/calls", { limit: 15 })]);
    if (c) campaigns.update(c.rows);
    if (g) carriers.update(g.rows);
    if (l) calls.update(l.calls.toReversed());
  };
}
