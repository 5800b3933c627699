// Fraud: what rules hit, the blocks in force, and the rules themselves in words.

import { get, send } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { country, moment } from "../lib/format.js";
import { empty, failed, loading } from "../lib/states.js";
import { table } from "../lib/table.js";

const SECONDS = 5;
const wide = (title, ...content) => h("section", { class: "wide" }, h("h2", {}, title), content);

const plural = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;
const where = (to) => (!to ? "anywhere" : to.startsWith("+") ? to : country(to));
const AMOUNTS = { spend: "of spend", cost: "of cost" };

/** What of a rule is too much. */
function asks(rule) {
  const to = rule.to?.length ? ` to ${rule.to.join(", ")}` : "";
  const least = rule.least ?? 50, history = rule.history || "30d";
  if (rule.first) return `the first call to a country in ${history}, after ${plural(least, "call")}`;
  if (rule.share) return `${rule.share} % of the calls to one country in ${rule.window || "1h"}, thrice its share in ${history}, from ${plural(least, "call")} on`;
  const measure = ["spend", "cost"].find((name) => rule[name]);
  const what = measure ? `${rule[measure]} ${AMOUNTS[measure]}${to ? " on calls" : ""}`
    : rule.minutes ? `${plural(rule.minutes, "minute")}${to ? " of calls" : ""}`
      : rule.shorter ? `${plural(rule.calls, "call")} shorter than ${rule.shorter} s` : plural(rule.calls, "call");
  return `more than ${what}${to} in ${rule.window || "1h"}`;
}

/** Of whom, and what is counted by itself. */
function each(rule) {
  const by = { account: "", country: ", by country", range: ", by prefix", number: ", by number" }[rule.first || rule.share ? "country" : rule.by || "account"];
  return `${rule.accounts?.length ? rule.accounts.join(", ") : "each account"}${by}`;
}

function does(rule) {
  if (rule.then !== "block") return "tells";
  const hold = rule.hold ?? "1d";
  return `blocks ${hold ? `for ${hold}` : "until it is lifted"}${rule.hang_up ? ", and hangs up what is up" : ""}`;
}

const whose = (id) => {
  const [account, to] = id.split(/:(.*)/);
  return [account, to || ""];
};

export async function show(place) {
  const state = h("div", {}), body = h("div", { class: "grid" }, loading());
  place.main.append(place.head("Fraud"), state, body);
  const lift = async (id) => {
    try {
      await send("DELETE", `/overrides/block/${encodeURIComponent(id)}`);
      place.tell(`Calls of ${whose(id)[0]} go to ${where(whose(id)[1])} again.`, "good");
    } catch (problem) {
      place.tell(problem.message, "bad");
    }
    await look();
  };
  const blocks = table("Blocks in force", [
    { title: "account", cell: (b) => h("strong", {}, whose(b.id)[0]) },
    { title: "may not call", cell: (b) => where(whose(b.id)[1]) },
    { title: "since", cell: (b) => moment(b.since) },
    { title: "until", cell: (b) => (b.until ? moment(b.until) : "it is lifted") },
    { title: "why", kind: "way", cell: (b) => [b.reason, h("small", {}, b.by ? `by ${b.by}` : "")] },
    { title: "", cell: (b) => (place.me.may("operator") ? h("button", { type: "button", class: "quiet", "aria-label": `Lift ${b.id}`, onclick: () => lift(b.id) }, "Lift") : null) },
  ], [], "Nothing is blocked");
  const hits = table("Hits", [
    { title: "seen", cell: (one) => moment(one.seen) },
    { title: "rule", cell: (one) => h("strong", {}, one.rule) },
    { title: "account", cell: (one) => one.account },
    { title: "calls to", cell: (one) => where(one.to) },
    { title: "what", kind: "way", cell: (one) => one.said },
    { title: "done", kind: "way", cell: (one) => h("span", { class: one.did.startsWith("not ") ? "bad" : one.then === "block" ? "warn" : "" }, one.did) },
  ], [], "No rule was broken yet");
  const rules = table("Rules", [
    { title: "rule", cell: (rule) => h("strong", {}, rule.id) },
    { title: "asks for", kind: "way", cell: asks },
    { title: "of", cell: each },
    { title: "then", kind: "way", cell: (rule) => [does(rule), h("small", {}, rule.reason || "")] },
  ], [], "The file has no rules");

  // Made once: a table is in one section only.
  const blocked = wide("Blocks in force", blocks), hit = wide("Hits, the last first", hits);
  async function look() {
    const more = { signal: place.signal };
    try {
      const [set, told] = await Promise.all([get("/overrides", null, more), get("/fraud/hits", { limit: 100 }, more)]);
      blocks.update(set.items.filter((one) => one.kind === "block"));
      hits.update(told.items);
      const read = await get("/fraud/rules", null, more);
      fill(state, read.failing ? h("p", { class: "bad", role: "status" }, `Calls are not held against these rules: ${read.failing}`) : null);
      if (!read.failing) rules.update(read.rules); // a mistake that somebody is making leaves what was in force
      if (rules.isConnected) return;
      fill(body, blocked, hit, wide("Rules", h("p", { class: "soft" }, `From ${read.file.split("/").at(-1)} (fraud.rules), followed as it changes.`), rules));
    } catch (problem) {
      if (problem.name === "AbortError" || problem.status === 401 || (problem.status === 0 && rules.isConnected)) return;
      if (problem.status === 409) fill(body, blocked, hit, h("section", { class: "wide" }, empty("No rules", `${problem.message}.`)));
      else fill(body, failed(problem, look));
    }
  }
  const beat = setInterval(() => document.hidden || look(), SECONDS * 1000);
  place.leave(() => clearInterval(beat));
  await look();
}
