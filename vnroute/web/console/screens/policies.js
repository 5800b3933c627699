// Policies: after which failures the next carrier and the next target are tried. The list; one in words
// beside what is built in; its editor.

import { get, getTagged } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { editing, lean, mayEdit, whole, words } from "../lib/editing.js";
import { field } from "../lib/form.js";
import { count } from "../lib/format.js";
import { listing } from "../lib/listing.js";
import { facts, table } from "../lib/table.js";

/** The figures of a policy, a line each: the list, the page and the editor have them from here. */
const FIGURES = [
  { name: "max_attempts", label: "Gateways tried for one target", most: 32, none: (built) => `${built.max_attempts}, as the system says` },
  { name: "progress_seconds", label: "Seconds to the first ringing", most: 60, none: () => "each gateway's own" },
  { name: "ring_seconds", label: "Seconds that targets ring whose steps say none", most: 600, none: () => "25" },
  { name: "total_seconds", label: "Seconds that a call may ring in all", most: 600, none: () => "as long as its steps take" },
];
/** Its tables: what each word means, and what holds for causes that are in none. */
const TABLES = [
  {
    name: "hunt", title: "Hunting", what: "The same target through the next carrier, after a failure by this SIP code or cause. One carrier more is tried once in a hunt.",
    words: { next: "the next carrier", stop: "no other carrier", once: "one carrier more" },
  },
  {
    name: "advance", title: "Advancing", what: "The next target or step of the plan, after a target failed for this cause.",
    words: { next: "the next target or step", stop: "the caller gets this cause at once" },
  },
];
const EMPTY = { hunt: {}, advance: {}, relay: [], ...Object.fromEntries(FIGURES.map(({ name }) => [name, 0])) };
const SAID = { NO_ANSWER: "it rang for its whole time", EXCHANGE_ROUTING_ERROR: "a loop" };

export async function show(place) {
  if (place.path[0] === "+new") return edit(place, null);
  if (place.path[1] === "edit") return edit(place, place.path[0]);
  if (place.path.length) return one(place, place.path[0]);
  const differ = (name) => (policy) => count(Object.keys(policy[name] || {}).length);
  return listing(place, {
    kind: "policies", one: "policy", title: "Policies", none: "No policies", hint: ["What is built in holds. A policy says what differs for the plans and steps that name it."],
    columns: [
      ...TABLES.map(({ name, title }) => ({ title: `${title.toLowerCase()} differs in`, kind: "number", cell: differ(name) })),
      { title: "and says", kind: "way", cell: (policy) => FIGURES.filter(({ name }) => policy[name]).map(({ name, label }) => `${label.toLowerCase()}: ${policy[name]}`).join(", ") },
    ],
  });
}

/** What a table holds by key: {key, own, built}. A policy's own row for a cause undoes the built-in rows
 * for SIP codes of that cause. */
function rows(own, built, codes) {
  return Object.keys({ ...built, ...own }).map((key) => ({
    key, built: built[key] || built[codes[key]] || "next",
    own: own[key] || own[codes[key]], by: own[key] ? "" : codes[key],
  }));
}
const named = (key, codes) => [h("span", {}, key), codes[key] || SAID[key] ? h("small", {}, codes[key] || SAID[key]) : null];

function inWords({ title, name, what, words: word }, policy, built) {
  const own = policy[name] || {}, codes = name === "hunt" ? built.codes : {};
  const said = ({ own: mine, built: other, by }) => (!mine ? h("span", { class: "soft" }, "as built in")
    : [h("strong", {}, word[mine]), by ? h("small", {}, `by its row for ${by}`) : mine === other ? h("small", {}, "the same") : null]);
  return h("section", { class: "wide" }, h("h2", {}, title), h("p", { class: "soft" }, what), table(title, [
    { title: "after", cell: ({ key }) => named(key, codes) },
    { title: "this policy", kind: "way", cell: said },
    { title: "built in", kind: "way soft", cell: (row) => word[row.built] },
  ], rows(own, built[name], codes)), h("p", { class: "soft" }, `After all others: ${word.next}.`));
}

async function one(place, id) {
  const [{ data }, built] = await Promise.all([
    getTagged(`/policies/${encodeURIComponent(id)}`, null, { signal: place.signal }), get("/policy-defaults", null, { signal: place.signal }),
  ]);
  const relay = data.relay?.length ? data.relay : null, listed = (causes) => h("ol", { class: "ranked" }, causes.map((cause) => h("li", {}, h("code", {}, cause))));
  place.main.append(place.head(id, place.me.may("operator") ? h("a", { href: `#/policies/${encodeURIComponent(id)}/edit` }, "Edit") : null, h("a", { href: "#/policies" }, "All policies")),
    h("div", { class: "grid" },
      ...TABLES.map((each) => inWords(each, data, built)),
      h("section", {}, h("h2", {}, "How long and how often"), facts(FIGURES.map(({ name, label, none }) => [label, data[name] ? h("strong", {}, count(data[name])) : h("span", { class: "soft" }, none(built))]))),
      h("section", {}, h("h2", {}, "What the caller gets of it all"),
        h("p", { class: "soft" }, `Where a plan ends with relay: the first of these that anybody left, else 503.${relay ? "" : " As built in."}`), listed(relay || built.relay),
        relay ? h("details", {}, h("summary", {}, "Built in"), listed(built.relay)) : null),
      h("section", { class: "wide" }, h("details", {}, h("summary", {}, "As the API has it"), h("pre", { class: "code", tabindex: "0" }, JSON.stringify(data, null, 2))))));
}

/** A table of choices, a row for each key: read() is what differs; a key of one's own can be added. */
function choices({ name, title, what, words: word }, own, built) {
  const codes = name === "hunt" ? built.codes : {}, boxes = new Map();
  const body = h("div", { class: "pairs" });
  const row = (key) => {
    const as = built[name][key] || built[name][codes[key]];
    const box = field({
      name: key, label: [key, codes[key] || SAID[key]].filter(Boolean).join(" · "), kind: "select", value: own[key] || "",
      options: [["", `as built in: ${word[as || "next"]}`], ...Object.entries(word)],
    });
    boxes.set(key, box);
    body.append(box);
    return box;
  };
  for (const key of Object.keys({ ...built[name], ...own })) row(key);
  const other = field({ name: `${name} other`, label: name === "hunt" ? "Another SIP code or cause" : "Another cause", list: [...Object.keys(codes), ...built.causes], placeholder: name === "hunt" ? "503" : "USER_BUSY" });
  const add = () => {
    const key = other.read().toUpperCase();
    other.tell(!key ? "Name one." : boxes.has(key) ? "It is there already." : "");
    if (!key || boxes.has(key)) return other.input.focus();
    other.input.value = "";
    return row(key).input.focus();
  };
  return {
    box: h("section", { class: "stack" }, h("h2", {}, title), h("p", { class: "soft" }, `${what} After what is not here: ${word.next}.`), body,
      h("div", { class: "row ends" }, other, h("button", { type: "button", onclick: add }, `Add to ${title.toLowerCase()}`))),
    read: () => Object.fromEntries([...boxes].map(([key, box]) => [key, box.read()]).filter(([, value]) => value)),
    fields: () => [[name, other], ...[...boxes].map(([key, box]) => [`${name}.${key}`, box])],
  };
}

/** Show the editor of a policy; id null makes a new one. */
async function edit(place, id) {
  mayEdit(place);
  const [stored, built] = await Promise.all([
    id ? getTagged(`/policies/${encodeURIComponent(id)}`, null, { signal: place.signal }) : { data: { id: "" }, etag: "" },
    get("/policy-defaults", null, { signal: place.signal }),
  ]);
  const policy = { ...EMPTY, ...stored.data };
  const key = field({ name: "id", label: "Policy", value: policy.id, required: true, hint: "letters, digits, - . _" });
  key.input.readOnly = Boolean(id);
  const figures = FIGURES.map(({ name, label, most, none }) => [name, field({ name, label, kind: "number", min: 0, max: most, value: policy[name], hint: `0: ${none(built)}` })]);
  const tables = TABLES.map((each) => [each.name, choices(each, policy[each.name], built)]);
  const relay = field({ name: "relay", label: "Causes, the first one first, one a line", kind: "textarea", rows: 5, value: policy.relay.join("\n"), hint: `nothing: ${built.relay.join(", ")}` });
  const edited = editing(place, {
    kind: "policies", one: "policy", id: id || "", etag: stored.etag,
    read: () => lean({
      ...policy, id: key.read(), relay: words(relay.read()), ...Object.fromEntries(tables.map(([name, each]) => [name, each.read()])),
      ...Object.fromEntries(figures.map(([name, each]) => [name, whole(each.read())])),
    }, EMPTY),
    fields: () => [["id", key], ["relay", relay], ...figures, ...tables.flatMap(([, each]) => each.fields())],
    saved: () => (key.input.readOnly = true),
  });
  place.main.append(place.head(id ? `Edit ${id}` : "New policy", h("a", { href: id ? `#/policies/${encodeURIComponent(id)}` : "#/policies" }, "Back")),
    h("div", { class: "stack" }, h("section", { class: "pairs" }, key, figures.map(([, each]) => each)), tables.map(([, each]) => each.box),
      h("section", { class: "stack" }, h("h2", {}, "What the caller gets where a plan ends with relay"), relay),
      h("div", { class: "buttons" }, edited.check, edited.save, edited.remove), edited.said));
}
