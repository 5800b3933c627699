// Rate decks: whose, their versions and rows; a file imported with its progress and differences.

import { get, send } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { fill, h } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { count, moment } from "../lib/format.js";
import { fileField, refusal, sent } from "../lib/jobs.js";
import { facts, pagedTable, table } from "../lib/table.js";

const KINDS = [["carrier", "a carrier (what it costs)"], ["account", "an account (what it pays)"]];
const LISTED = ["new", "dearer", "cheaper", "gone", "blocked", "unblocked", "unchanged"];
const at = (deck) => `/decks/${deck.kind}/${encodeURIComponent(deck.owner)}`;

export async function show(place) {
  if (place.path.length === 2) return one(place, { kind: place.path[0], owner: place.path[1] });
  const { items } = await get("/decks", null, { signal: place.signal });
  place.main.append(place.head("Rate decks"), h("div", { class: "grid" },
    h("section", { class: "wide" }, h("h2", {}, "In force"), table("Rate decks", [
      { title: "of", cell: (d) => h("a", { href: `#${at(d)}` }, `${d.kind} ${d.owner}`) },
      { title: "version", kind: "number", cell: (d) => d.version },
      { title: "rows", kind: "number", cell: (d) => count(d.rows) },
      { title: "currency", cell: (d) => d.currency || "the system's" },
      { title: "since", cell: (d) => moment(d.since) },
    ], items, "No rate decks: a carrier without one takes every destination, after all others")),
    importing(place, { kind: "carrier", owner: "" })));
}

async function one(place, deck) {
  const found = await get(at(deck), { limit: 1 }, { signal: place.signal });
  const back = async (version) => {
    if (!(await confirm("Go back", `Version ${version} of ${deck.owner} is put in force.`, "Go back to it"))) return;
    try {
      await send("POST", `${at(deck)}/rollback`, { body: { version } });
      place.tell(`Version ${version} is in force; it is being compiled.`, "good");
      place.again();
    } catch (problem) {
      place.tell(problem.message, "bad");
    }
  };
  const search = form({
    inline: true, button: "Find",
    fields: [{ name: "prefix", label: "Rows that a number meets", kind: "search", placeholder: "+442079460123", value: place.query.get("prefix") || "" }],
    submit: async ({ prefix }) => {
      place.query.set("prefix", prefix);
      place.go(`${at(deck)}${prefix ? `?prefix=${encodeURIComponent(prefix)}` : ""}`, { replace: true });
      await rows.restart();
    },
  });
  const rows = pagedTable({
    caption: "Rows", none: "No such rows",
    columns: [
      { title: "prefix", cell: (r) => `+${r.prefix}` },
      { title: "destination", kind: "name", cell: (r) => r.destination },
      { title: "rate", kind: "number", cell: (r) => (r.blocked ? "blocked" : r.rate) },
      { title: "increments", cell: (r) => `${r.first}/${r.next}` },
      { title: "fee", kind: "number", cell: (r) => r.fee },
      { title: "from", cell: (r) => (r.effective ? moment(r.effective) : "") },
      { title: "until", cell: (r) => (r.end && r.end < 4e9 ? moment(r.end) : "") },
    ],
    page: (after, signal) => get(at(deck), { after: after || 0, limit: 100, prefix: place.query.get("prefix") }, { signal }),
  });
  place.main.append(place.head(`Deck of ${deck.kind} ${deck.owner}`, h("a", { href: "#/decks" }, "All decks")), h("div", { class: "grid" },
    h("section", {}, h("h2", {}, "Versions"), table("Versions", [
      { title: "version", kind: "number", cell: (v) => v.version },
      { title: "made", kind: "name", cell: (v) => [moment(v.made), h("small", { title: v.what }, v.what)] },
      { title: "rows", kind: "number", cell: (v) => count(v.rows) },
      { title: "", cell: (v) => (v.version === found.deck.version ? "in force" : h("button", { type: "button", onclick: () => back(v.version) }, `Go back to ${v.version}`)) },
    ], [...found.versions].reverse())),
    importing(place, deck),
    h("section", { class: "wide stack" }, h("h2", {}, "Rows in force"), search, rows)));
}

function importing(place, deck) {
  const said = h("div", { role: "status", "aria-live": "polite" });
  const file = fileField("File (CSV or XLSX)", ".csv,.txt,.xlsx,.gz");
  const box = form({
    button: "Try it",
    fields: [
      { name: "kind", label: "Deck of", kind: "select", options: KINDS, value: deck.kind },
      { name: "owner", label: "Id", value: deck.owner, required: true },
      { name: "partial", label: "Only changes: what is not in the file stays", kind: "checkbox", value: false },
      { name: "skip_bad", label: "Leave bad rows out", kind: "checkbox", value: false },
      { name: "accept_changes", label: "Take it even if prices jump tenfold or half the deck goes", kind: "checkbox", value: false },
      { name: "columns", label: "Columns, where they are not guessed right", placeholder: "prefix=Code,rate=Price USD" },
    ],
    submit: async (values) => send_(values, true),
    more: [h("button", { type: "button", onclick: () => send_(box.values(), false).catch((problem) => box.show(problem)) }, "Import")],
  });
  box.querySelector(".buttons").before(file);
  async function send_({ kind, owner, ...options }, dry_run) {
    const job = await sent(`/decks/${kind}/${encodeURIComponent(owner)}/imports`, file.file(), { ...options, dry_run }, said, place);
    fill(said, told(job));
    if (job.state === "done" && !dry_run) place.tell(`The deck of ${owner} is in force; it is being compiled.`, "good");
  }
  return h("section", { class: "stack" }, h("h2", {}, "Import a file"), box, said);
}

function told(job) {
  const result = job.result || {};
  if (job.state !== "done") return refusal(job);
  const { diff } = result;
  return h("div", { class: "stack" },
    h("p", { class: "good" }, result.applied ? `Version ${result.version} is in force.` : "Tried; nothing was kept. Import does it."),
    facts([["layout", result.layout], ["rows read", count(result.rows_read)], ["bad rows left out", count(result.bad)], ["rows afterwards", count(result.rows)],
      ["columns", Object.entries(result.columns || {}).map(([name, column]) => `${name}: ${column.trim()}`).join(", ")],
      ...LISTED.filter((kind) => diff?.[kind]).map((kind) => [kind, count(diff[kind])])]),
    diff?.largest?.length ? table("The largest changes", [
      { title: "", cell: (d) => d.kind }, { title: "prefix", cell: (d) => `+${d.prefix}` }, { title: "destination", kind: "name", cell: (d) => d.destination },
      { title: "before", kind: "number", cell: (d) => d.before }, { title: "after", kind: "number", cell: (d) => d.after },
    ], diff.largest) : null);
}
