// Lists of callers, a million entries and more: one caller looked up, a few put on or taken off, a file imported.

import { get, getTagged, send } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { fill, h } from "../lib/dom.js";
import { editing, lean, words } from "../lib/editing.js";
import { field, form } from "../lib/form.js";
import { count } from "../lib/format.js";
import { fileField, refusal, sent } from "../lib/jobs.js";
import { listing } from "../lib/listing.js";
import { outcome } from "../lib/saving.js";
import { facts, pagedTable } from "../lib/table.js";

const HINT = "+442079460123, +1900* for all that begin so, anonymous, no-valid-number";
const SHOWN = 200; // of the entries that stand in the list itself; the others are told by their number
const SAID = { anonymous: "who withholds his number", "no-valid-number": "whose number is none" };
const entry = (text) => [text, SAID[text] ? h("small", {}, SAID[text]) : null];

export async function show(place) {
  if (place.path[0] === "+new") return made(place);
  if (place.path.length) return one(place, place.path[0]);
  return listing(place, {
    kind: "lists", one: "list", title: "Lists", none: "No lists", hint: ["A list holds callers; a screen says what becomes of them."],
    columns: [{ title: "entries of its own", kind: "number", cell: (list) => count((list.callers || []).length) }],
  });
}

const idField = (id) => field({ name: "id", label: "List", value: id, required: true, hint: "letters, digits, - . _" });
const callersField = (callers, rows) => field({ name: "callers", label: "Entries, one a line", kind: "textarea", rows, value: callers.join("\n"), hint: HINT });

/** The document: what the list itself names. */
function written(place, { id, etag, callers, saved }) {
  const key = idField(id), own = callersField(callers, 6);
  key.input.readOnly = Boolean(id);
  const edited = editing(place, {
    kind: "lists", one: "list", id, etag, saved,
    read: () => lean({ id: key.read(), callers: words(own.read()) }, { callers: [] }),
    fields: () => [["id", key], ["callers", own]],
  });
  return [id ? null : key, own, h("div", { class: "buttons" }, edited.check, edited.save, edited.remove), edited.said];
}

function made(place) {
  if (!place.me.may("operator")) return place.go("/lists");
  place.main.append(place.head("New list", h("a", { href: "#/lists" }, "All lists")),
    h("section", { class: "stack" }, written(place, { id: "", etag: "", callers: [], saved: (_, { id }) => place.go(`/lists/${encodeURIComponent(id)}`) }),
      h("p", { class: "soft" }, "More are put on it, or imported from a file, once it is there.")));
}

async function one(place, id) {
  const path = `/lists/${encodeURIComponent(id)}`, may = place.me.may("operator");
  const { data, etag } = await getTagged(path, null, { signal: place.signal });
  const change = async (body, query) => (await send("POST", `${path}/callers`, { body, query: { wait: 20, ...query }, signal: place.signal })).data;
  const entries = pagedTable({
    caption: "Entries imported and added", none: "Nobody was put on it yet", hint: may ? ["Put a few on it by hand, or import a file."] : [],
    columns: [
      { title: "entry", cell: (each) => entry(each) },
      ...(may ? [{ title: "", kind: "act", cell: (each) => h("button", { type: "button", class: "quiet", "aria-label": `Take off ${each}`, onclick: () => off(each) }, "Take off") }] : []),
    ],
    page: (after, signal) => get(`${path}/callers`, { after, limit: 25 }, { signal }),
  });
  const off = async (each) => {
    if (!(await confirm(`Take ${each} off`, `The list ${id} no longer has it.`, "Take it off", true))) return;
    try {
      place.tell(outcome(await change({ remove: [each] })), "good");
      await entries.reload();
    } catch (problem) {
      place.tell(problem.message, "bad");
    }
  };
  const own = data.callers || [];
  place.main.append(place.head(id, h("a", { href: "#/lists" }, "All lists")), h("div", { class: "grid" },
    h("div", { class: "stack" }, looked(place, path, id), h("section", {}, h("h2", {}, "Imported and added"), entries)),
    may ? h("div", { class: "stack" }, changed(place, change, () => entries.restart()), imported(place, path, () => entries.restart())) : null,
    h("section", { class: "wide stack" }, h("h2", {}, "Entries of its own"),
      h("p", { class: "soft" }, `What the list itself names, as a routing file writes it${own.length ? `: ${count(own.length)}` : ""}.`),
      may ? written(place, { id, etag, callers: own })
        : own.length ? h("p", {}, own.slice(0, SHOWN).map((each) => [h("code", {}, each), " "]), own.length > SHOWN ? `and ${count(own.length - SHOWN)} more` : null) : h("p", {}, "None."))));
}

/** Whether somebody is on the list, and by which entries. */
function looked(place, path, id) {
  const said = h("div", { role: "status" });
  const box = form({
    button: "Look", fields: [{ name: "caller", label: "Caller", kind: "search", required: true, value: place.query.get("caller") || "", placeholder: "+442079460123", hint: "a number, a prefix such as +1900*, anonymous, no-valid-number" }],
    submit: ({ caller }) => look(caller),
  });
  async function look(caller) {
    const found = await get(`${path}/callers`, { caller }, { signal: place.signal });
    place.go(`${path}?caller=${encodeURIComponent(caller)}`, { replace: true });
    const by = [...found.items, ...found.written.map((each) => `${each} (of its own)`)];
    fill(said, by.length ? h("p", {}, h("strong", {}, `${caller} is on ${id}`), `, by ${by.join(", ")}.`) : h("p", {}, h("strong", {}, `${caller} is not on ${id}.`)));
  }
  if (place.query.get("caller")) look(place.query.get("caller")).catch((problem) => problem.name === "AbortError" || box.show(problem));
  return h("section", { class: "stack" }, h("h2", {}, "Is somebody on it?"), box, said);
}

/** A few put on the list, or taken off it. */
function changed(place, change, then) {
  const said = h("div", { role: "status" });
  const act = async (verb, dry_run) => {
    const told = await change({ [verb]: words(box.values().add) }, { dry_run });
    fill(said, h("p", { class: "good" }, `${dry_run ? "All of it is right; nothing was kept. It would be: " : ""}${count(told.added)} put on, ${count(told.removed)} taken off, ${count(told.unchanged)} on it already.`));
    if (dry_run) return;
    place.tell(outcome(told), told.error ? "bad" : "good");
    box.fields.add.input.value = "";
    await then();
  };
  // Taking off sends the same entries under another name: mistakes stand at the one field.
  const renamed = (problem) => Object.assign(problem, { errors: (problem.errors || []).map((each) => ({ ...each, field: each.field.replace(/^remove/, "add") })) });
  const other = (text, verb, dry_run) => h("button", { type: "button", onclick: async () => {
    box.fields.add.tell("");
    fill(said);
    try {
      await act(verb, dry_run);
    } catch (problem) {
      if (problem.name !== "AbortError") box.show(renamed(problem));
    }
  } }, text);
  const box = form({
    button: "Put on", fields: [{ name: "add", label: "Entries, one a line", kind: "textarea", rows: 4, required: true, hint: HINT }],
    submit: () => act("add", false), more: [other("Take off", "remove", false), other("Check", "add", true)],
  });
  return h("section", { class: "stack" }, h("h2", {}, "Put on or take off"), box, said);
}

function imported(place, path, then) {
  const said = h("div", { role: "status", "aria-live": "polite" });
  const file = fileField("File (CSV with a column caller; .gz too)", ".csv,.txt,.gz");
  const run = async (dry_run) => {
    const job = await sent(`${path}/imports`, file.file(), { replace: box.values().replace, dry_run }, said, place);
    if (job.state !== "done") return fill(said, refusal(job));
    const { added, removed, unchanged } = job.result;
    fill(said, h("p", { class: "good" }, dry_run ? "Tried; nothing was kept. Import does it." : "Imported; it is being compiled."),
      facts([["put on", count(added)], ["taken off", count(removed)], ["on it already", count(unchanged)]]));
    if (!dry_run) await then();
  };
  const box = form({
    button: "Try it", submit: () => run(true),
    fields: [{ name: "replace", label: "Take off what was imported before and is not in the file", kind: "checkbox", value: false }],
    more: [h("button", { type: "button", onclick: () => run(false).catch((problem) => box.show(problem)) }, "Import")],
  });
  box.querySelector(".field").before(file);
  return h("section", { class: "stack" }, h("h2", {}, "Import a file"), box, said);
}
