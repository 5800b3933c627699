// Screens: what becomes of those who are on lists, call too often, or are too many. The list; one in words; its editor.

import { get, getTagged } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { cards, editing, lean, mayEdit, whole } from "../lib/editing.js";
import { field } from "../lib/form.js";
import { count } from "../lib/format.js";
import { listing } from "../lib/listing.js";

const at = (kind, id) => h("a", { href: `#/${kind}/${encodeURIComponent(id)}` }, id);

export async function show(place) {
  if (place.path[0] === "+new") return edit(place, null);
  if (place.path[1] === "edit") return edit(place, place.path[0]);
  if (place.path.length) return one(place, place.path[0]);
  return listing(place, {
    kind: "screens", one: "screen", title: "Screens", none: "No screens", hint: ["A screen says who may call, how often, and what the others get."],
    columns: [
      { title: "for", cell: (screen) => (screen.system ? "all calls" : "what names it") },
      { title: "rules", kind: "number", cell: (screen) => screen.rules.length },
      { title: "in short", kind: "way", cell: (screen) => ordered(screen.rules).map(([rule]) => short(rule)).join("; ") },
    ],
  });
}

const CAPACITY = "NORMAL_CIRCUIT_CONGESTION", REJECTED = "CALL_REJECTED";
const most = ({ calls, cps }) => [calls && `${count(calls)} at a time`, cps && `${count(cps)} a second`].filter(Boolean).join(", ");
const often = (rate) => {
  const [calls, seconds] = rate.split("/");
  return `${count(Number(calls))} in ${count(Number(seconds))} s`;
};
const short = (rule) => (rule.allow ? `allows ${rule.allow}` : rule.block ? `blocks ${rule.block}` : rule.rate ? `of one caller ${often(rule.rate)}` : `in all ${most(rule.limits)}`);

/** The rules with their place, in the order in which they are tried: allowing first, capacity besides. */
const ordered = (rules) => rules.map((rule, i) => [rule, i]).sort((a, b) => rank(a[0]) - rank(b[0]));
const rank = (rule) => ["allow", "block", "rate", "limits"].findIndex((kind) => rule[kind]);

/** What a treatment does, in words. */
function treated(text) {
  const [kind, rest] = text.split(/:(.*)/s);
  if (kind === "plan") return ["are put through the plan ", at("plans", rest)];
  if (kind === "voicemail") return ["get the voicemail of ", h("strong", {}, rest)];
  if (kind !== "play") return ["are hung up: ", h("code", {}, text)];
  const [file, cause] = rest.split(/ (?=[A-Z_]+$)/);
  return ["hear ", h("code", {}, file), " and are hung up", cause ? [": ", h("code", {}, cause)] : ""];
}

function told(rule) {
  if (rule.allow) return ["Callers on ", at("lists", rule.allow), " are let in, and asked no further."];
  if (rule.block) return ["Callers on ", at("lists", rule.block), " ", treated(rule.treat || REJECTED), "."];
  if (rule.rate) return [`Calls of one caller beyond ${often(rule.rate)} `, treated(rule.treat || REJECTED), "."];
  return [`Whoever calls: calls beyond ${most(rule.limits)} `, treated(rule.treat || CAPACITY), "."];
}

async function one(place, id) {
  const { data } = await getTagged(`/screens/${encodeURIComponent(id)}`, null, { signal: place.signal });
  place.main.append(place.head(id, place.me.may("operator") ? h("a", { href: `#/screens/${encodeURIComponent(id)}/edit` }, "Edit") : null, h("a", { href: "#/screens" }, "All screens")),
    h("section", {}, h("h2", {}, "Rules, in the order in which they are tried"),
      h("ol", { class: "ranked" }, ordered(data.rules).map(([rule]) => h("li", {}, told(rule)))),
      h("p", { class: "soft" }, data.system ? "For all calls, after the screens of the number and of its account." : "For the numbers, blocks and accounts that name it; a number's screen is asked before its account's."),
      data.rules.some((rule) => rule.limits) ? h("p", { class: "soft" }, "Capacity is counted by each FreeSWITCH for itself.") : null,
      h("details", {}, h("summary", {}, "As the API has it"), h("pre", { class: "code", tabindex: "0" }, JSON.stringify(data, null, 2)))));
}

const KINDS = [["block", "block a list"], ["allow", "allow a list"], ["rate", "bound a caller"], ["limits", "bound calls"]];
const SHOWN = { block: ["block", "treat"], allow: ["allow"], rate: ["rate", "treat"], limits: ["calls", "cps", "treat"] };

function card(rule, lists) {
  const kind = field({ name: "kind", label: "This rule is to", kind: "select", options: KINDS, value: KINDS.map(([name]) => name).find((name) => rule[name]) || "block" });
  const fields = {
    block: field({ name: "block", label: "List", value: rule.block || "", list: lists }),
    allow: field({ name: "allow", label: "List", value: rule.allow || "", list: lists }),
    rate: field({ name: "rate", label: "Calls/seconds", value: rule.rate || "", placeholder: "5/60", hint: "so many calls of one caller in so many seconds" }),
    calls: field({ name: "calls", label: "Calls at a time", kind: "number", min: 0, value: rule.limits?.calls || 0, hint: "0: no bound" }),
    cps: field({ name: "cps", label: "Calls a second", kind: "number", min: 0, value: rule.limits?.cps || 0, hint: "0: no bound" }),
    treat: field({ name: "treat", label: "What they get", value: rule.treat || "" }),
  };
  fields.treat.classList.add("broad");
  const holder = h("div", { class: "row" });
  const turn = () => {
    fill(holder, kind, SHOWN[kind.read()].map((name) => fields[name]));
    fields.treat.querySelector(".hint").textContent = kind.read() === "rate" ? "a cause" : "a cause, play:FILE, voicemail:BOX@DOMAIN, plan:ID";
    fields.treat.input.placeholder = kind.read() === "limits" ? CAPACITY : REJECTED;
  };
  kind.input.addEventListener("change", turn);
  turn();
  return {
    body: holder,
    fields: () => {
      const shown = SHOWN[kind.read()].map((name) => [kind.read() === "limits" && name !== "treat" ? `limits.${name}` : name, fields[name]]);
      return [...shown, ["limits", fields.calls], ["", kind]];
    },
    read: () => {
      const now = kind.read(), treat = now === "allow" ? "" : fields.treat.read();
      const what = now === "limits" ? { calls: whole(fields.calls.read()), cps: whole(fields.cps.read()) } : fields[now].read();
      return { [now]: what, ...(treat ? { treat } : {}) };
    },
  };
}

/** Show the editor of a screen; id null makes a new one. */
async function edit(place, id) {
  mayEdit(place);
  const [stored, found] = await Promise.all([
    id ? getTagged(`/screens/${encodeURIComponent(id)}`, null, { signal: place.signal }) : { data: { id: "", rules: [{}] }, etag: "" },
    get("/lists", { limit: 100 }, { signal: place.signal }),
  ]);
  const screen = stored.data, lists = found.items.map(({ list }) => list.id);
  const key = field({ name: "id", label: "Screen", value: screen.id, required: true, hint: "letters, digits, - . _" });
  const system = field({ name: "system", label: "For all calls; one screen at most", kind: "checkbox", value: screen.system || false });
  key.input.readOnly = Boolean(id);
  const rules = cards({ word: "Rule", make: (rule) => card(rule, lists), values: screen.rules });
  const edited = editing(place, {
    kind: "screens", one: "screen", id: id || "", etag: stored.etag,
    read: () => lean({ id: key.read(), system: system.read(), rules: rules.read() }, { system: false }),
    fields: () => [["id", key], ["system", system], ["rules", system], ...rules.fields("rules")],
    saved: () => (key.input.readOnly = true),
  });
  place.main.append(place.head(id ? `Edit ${id}` : "New screen", h("a", { href: id ? `#/screens/${encodeURIComponent(id)}` : "#/screens" }, "Back")),
    h("div", { class: "stack" }, h("section", { class: "pairs" }, key, system), rules,
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: () => rules.add({}).querySelector("select").focus() }, "Add a rule"), edited.check, edited.save, edited.remove),
      edited.said));
}
