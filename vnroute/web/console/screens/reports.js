// Reports: campaigns, carriers, sources, concurrent calls, accounts and numbers, for any days.

import { get } from "../lib/api.js";
import { bar, chart } from "../lib/chart.js";
import { fill, h } from "../lib/dom.js";
import { count, country, fixed, lasted, NONE, share, today } from "../lib/format.js";
import { form } from "../lib/form.js";
import { empty, failed, loading } from "../lib/states.js";
import { table } from "../lib/table.js";
import { worldMap } from "./world_map.js";

const KINDS = {
  campaigns: { title: "Campaigns", draw: campaigns }, carriers: { title: "Carriers", draw: carriers, everywhere: true },
  sources: { title: "Sources", draw: sources }, concurrency: { title: "Concurrent calls", draw: concurrent },
  accounts: { title: "Accounts", draw: accounts }, numbers: { title: "Numbers", draw: numbers },
};
const MOST = 200;

export async function show(place) {
  const { query, me } = place;
  const subject = place.path[0] || "campaigns";
  const kind = KINDS[subject];
  if (!kind || (kind.everywhere && !me.everywhere)) {
    place.main.append(place.head("Reports"), empty("There is no such report"));
    return;
  }
  const days = { from: query.get("from") || today(-6), to: query.get("to") || today() };
  const period = (from, to) => `?from=${from}&to=${to}`;
  const month = today().slice(0, 8);
  const quick = [["Today", today(), today()], ["7 days", today(-6), today()], ["This month", `${month}01`, today()]];
  const search = form({
    inline: true, button: "Show",
    fields: [{ name: "from", label: "From (UTC day)", kind: "date", value: days.from }, { name: "to", label: "To", kind: "date", value: days.to }],
    more: quick.map(([text, from, to]) => h("a", { class: "button", href: `#/reports/${subject}${period(from, to)}`, "aria-current": from === days.from && to === days.to ? "true" : null }, text)),
    submit: async ({ from, to }) => place.go(`/reports/${subject}${period(from, to)}`),
  });
  const body = h("div", { class: "stack" }, loading());
  place.main.append(place.head("Reports"),
    h("nav", { class: "tabs", "aria-label": "Reports" }, Object.entries(KINDS).filter(([, each]) => me.everywhere || !each.everywhere)
      .map(([name, each]) => h("a", { href: `#/reports/${name}${period(days.from, days.to)}`, "aria-current": name === subject ? "page" : null }, each.title))),
    search, body);
  try {
    await kind.draw(place, body, days);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.status === 503) fill(body, empty("No calls stored yet", "They are as FreeSWITCH posts their records (docs/cdr.md)."));
    else if (error.errors?.length) search.show(error), fill(body);
    else fill(body, failed(error, place.again));
  }
}

const read = (place, subject, query) => get(`/reports/${subject}`, { limit: 1000, ...query }, { signal: place.signal });
const number = (title, cell) => ({ title, kind: "number", cell });
const cost = (row) => (row.cost === undefined ? NONE : `${row.cost} ${row.currency}`.trim() + (row.unrated ? ` + ${count(row.unrated)} unrated` : ""));
const card = (title, ...content) => h("section", {}, h("h2", {}, title), content);
const cut = (report) => (report.more || report.rows.length > MOST
  ? h("p", { class: "soft" }, `The first ${MOST} of ${count(report.rows.length + report.more)} rows; vnroute report prints all of them, as CSV too.`) : null);
const money = (place) => (place.me.everywhere ? [number("cost", cost)] : []);

function dayList({ from, to }) {
  const list = [];
  for (let at = Date.parse(from); at <= Date.parse(to) && list.length < 400; at += 864e5) list.push(new Date(at).toISOString().slice(0, 10));
  return list;
}

/** Calls and answered calls by day, the answered in front: what shows above is missed. */
function byDay(place, rows, days) {
  const list = dayList(days), sums = new Map(list.map((day) => [day, [0, 0]]));
  for (const row of rows) {
    const sum = sums.get(row.day);
    if (sum) sum[0] += row.calls, sum[1] += row.answered;
  }
  const made = chart({
    about: "Calls and answered calls by day", words: list.map((day) => day.slice(5)), unit: count,
    series: [{ label: "missed", colour: "warn", bars: true }, { label: "answered", colour: "accent", bars: true }],
  });
  place.leave(made.end);
  made.update([list.map((_, i) => i), list.map((day) => sums.get(day)[0]), list.map((day) => sums.get(day)[1])]);
  return made;
}

async function campaigns(place, body, days) {
  const [report, daily] = await Promise.all([read(place, "campaigns", { ...days, limit: MOST }), read(place, "days", days)]);
  if (!report.rows.length) return void fill(body, empty("No calls in these days"));
  const busiest = Math.max(...report.rows.map((r) => r.calls));
  fill(body, card("Calls by day (UTC)"), card("Campaigns", table("Campaigns", [
    { title: "campaign", cell: (r) => h("a", { href: `#/calls?${new URLSearchParams({ campaign: r.campaign, ...days })}` }, r.campaign || "(none)") },
    number("calls", (r) => count(r.calls)), { title: "", kind: "wide", cell: (r) => bar(r.calls, busiest, "calls") },
    number("answered", (r) => count(r.answered)), number("ASR", (r) => share(r.asr)), number("missed", (r) => count(r.missed)),
    number("ACD s", (r) => fixed(r.acd_seconds)), number("PDD", (r) => lasted(r.pdd_ms)),
    number("callers", (r) => count(r.callers)), number("again", (r) => count(r.repeat_callers)), ...money(place),
  ], report.rows.slice(0, MOST)), cut(report)));
  body.firstChild.append(byDay(place, daily.rows, days));
}

async function carriers(place, body, days) {
  const report = await read(place, "carriers", { ...days, by: "gateway" });
  if (!report.rows.length) return void fill(body, empty("No calls in these days"));
  fill(body, card("Carriers by gateway", table("Carriers by gateway", [
    { title: "carrier", cell: (r) => r.carrier || "(unknown)" }, { title: "gateway", cell: (r) => r.gateway },
    number("legs", (r) => count(r.legs)), number("answered", (r) => count(r.answered)),
    number("ASR", (r) => share(r.asr)), { title: "", kind: "wide", cell: (r) => bar(r.asr || 0, 1, "answered of attempted") },
    number("NER", (r) => share(r.ner)), number("failed", (r) => count(r.failed)), number("ACD s", (r) => fixed(r.acd_seconds)),
    number("PDD", (r) => lasted(r.pdd_ms)), ...money(place),
  ], report.rows.slice(0, MOST)), cut(report)),
  h("p", { class: "soft" }, "ASR: answered of attempted (E.411). NER: busy, no answer, declined and cancelled count as the network's success (E.425). ACD: mean talk time. PDD: start to ringing."));
}

async function sources(place, body, days) {
  const report = await read(place, "sources", days);
  if (!report.rows.length) return void fill(body, empty("No calls in these days"));
  const total = report.rows.reduce((sum, r) => sum + r.calls, 0), most = report.rows[0].calls;
  fill(body, card("Calls by the caller's country", await worldMap(report.rows, place.signal)), card("Countries", table("Countries", [
    { title: "country", cell: (r) => country(r.country) }, number("calls", (r) => count(r.calls)), number("share", (r) => share(r.calls / total)),
    { title: "", kind: "wide", cell: (r) => bar(r.calls, most, `calls from ${country(r.country)}`) },
    number("answered", (r) => count(r.answered)), number("ASR", (r) => share(r.asr)), number("ACD s", (r) => fixed(r.acd_seconds)),
  ], report.rows.slice(0, MOST)), cut(report)));
}

async function concurrent(place, body, days) {
  const report = await read(place, "concurrency", { ...days, by: "hour", limit: 10000 });
  if (!report.rows.length) return void fill(body, empty("No calls in these days"));
  const hours = new Map(report.rows.map((r) => [Date.parse(`${r.day}T${String(r.hour).padStart(2, "0")}:00Z`) / 1000, r]));
  const end = Date.parse(days.to) / 1000 + 86400, xs = [];
  for (let at = Date.parse(days.from) / 1000; at < end && xs.length < 10000; at += 3600) xs.push(at);
  const made = chart({
    about: "Most calls at a time, and their mean, by hour", unit: (v) => (Number.isInteger(v) ? count(v) : fixed(v)),
    series: [{ label: "most at a time", colour: "accent", filled: true }, { label: "mean", colour: "warn" }],
  });
  place.leave(made.end);
  fill(body, card("Concurrent calls by hour (UTC)", made), card("The busiest hours", table("The busiest hours", [
    { title: "day", cell: (r) => r.day }, number("hour", (r) => `${String(r.hour).padStart(2, "0")}:00`), number("most", (r) => count(r.peak)),
    number("reached at", (r) => r.at), number("mean", (r) => fixed(r.mean, 2)),
  ], report.rows.toSorted((a, b) => b.peak - a.peak || b.mean - a.mean).slice(0, 20))));
  made.update([xs, xs.map((at) => hours.get(at)?.peak || 0), xs.map((at) => hours.get(at)?.mean || 0)]);
}

const plain = (place, name, link) => [
  { title: name, cell: link },
  number("calls", (r) => count(r.calls)), number("answered", (r) => count(r.answered)), number("ASR", (r) => share(r.asr)),
  number("missed", (r) => count(r.missed)), number("ACD s", (r) => fixed(r.acd_seconds)), number("talked", (r) => lasted(r.talk_seconds * 1000)), ...money(place),
];

async function accounts(place, body, days) {
  const report = await read(place, "accounts", { ...days, limit: MOST });
  if (!report.rows.length) return void fill(body, empty("No calls in these days"));
  fill(body, card("Accounts", table("Accounts", plain(place, "account", (r) => h("a", { href: `#/calls?${new URLSearchParams({ account: r.account, ...days })}` }, r.account || "(none)")), report.rows.slice(0, MOST)), cut(report)));
}

async function numbers(place, body, days) {
  const report = await read(place, "numbers", { ...days, limit: MOST });
  if (!report.rows.length) return void fill(body, empty("No calls in these days"));
  fill(body, card("Numbers", table("Numbers", plain(place, "number", (r) => h("a", { href: `#/calls?${new URLSearchParams({ number: r.number, ...days })}` }, r.number)), report.rows.slice(0, MOST)), cut(report)));
}
