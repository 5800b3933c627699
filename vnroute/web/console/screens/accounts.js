// Accounts: whose numbers, plans and schedules; where their calls may go.

import { getTagged } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { editing, lean, words, whole } from "../lib/editing.js";
import { field } from "../lib/form.js";
import { listing } from "../lib/listing.js";
import { facts } from "../lib/table.js";

const DEFAULTS = { name: "", time_zone: "UTC", allow: [], allow_premium: false, trust_ani: false, state: "active", answers: "", screen: "", choice: null };
const CHOICE = { order: "cost", carriers: [], shares: {}, allow: [], deny: [], block: [], margin: "", within: null, most: 0 };

export async function show(place) {
  if (place.path[0] === "+new") return one(place, null);
  if (place.path.length) return one(place, place.path[0]);
  return listing(place, {
    kind: "accounts", one: "account", title: "Accounts", none: "No accounts", hint: ["An account owns numbers, plans and schedules."],
    mayAdd: place.me.may("admin") && place.me.everywhere,
    columns: [
      { title: "name", kind: "name", cell: (account) => account.name || "" },
      { title: "time zone", cell: (account) => account.time_zone || "UTC" },
      { title: "state", cell: (account) => h("span", { class: account.state === "suspended" ? "bad" : "" }, account.state || "active") },
      { title: "may forward to", kind: "way", cell: (account) => (account.allow?.length ? account.allow.join(", ") : "ordinary numbers") + (account.allow_premium ? ", premium too" : "") },
    ],
  });
}

async function one(place, id) {
  const stored = id ? await getTagged(`/accounts/${encodeURIComponent(id)}`, null, { signal: place.signal }) : { data: { id: "" }, etag: "" };
  const account = { ...DEFAULTS, ...stored.data }, choice = account.choice || CHOICE;
  const links = id ? [["numbers", "Numbers"], ["calls", "Calls"]].map(([screen, text]) => h("a", { href: `#/${screen}?account=${encodeURIComponent(id)}` }, text)) : [];
  const head = place.head(id || "New account", links, h("a", { href: "#/accounts" }, "All accounts"));
  if (!place.me.may("admin")) {
    const shown = (value) => (Array.isArray(value) ? value.join(", ") : typeof value === "object" && value ? JSON.stringify(value) : String(value ?? ""));
    place.main.append(head, h("section", {}, facts(Object.entries(account).map(([name, value]) => [name.replaceAll("_", " "), shown(value) || "–"]))));
    return;
  }
  const fields = {
    id: field({ name: "id", label: "Account", value: account.id, required: true, hint: "letters, digits, - . _" }),
    name: field({ name: "name", label: "Name", value: account.name }),
    time_zone: field({ name: "time_zone", label: "Time zone", value: account.time_zone, list: Intl.supportedValuesOf("timeZone") }),
    state: field({ name: "state", label: "State", kind: "select", options: ["active", "suspended"], value: account.state, hint: "suspended: callers get what its answers say" }),
    answers: field({ name: "answers", label: "Set of answers", value: account.answers, hint: "for numbers that are not in service" }),
    screen: field({ name: "screen", label: "Screen", value: account.screen, hint: "for those who call its numbers" }),
    allow: field({ name: "allow", label: "May forward to, prefixes one a line", kind: "textarea", rows: 3, value: account.allow.join("\n"), hint: "nothing: every ordinary number" }),
    allow_premium: field({ name: "allow_premium", label: "Premium-rate and personal numbers, too", kind: "checkbox", value: account.allow_premium }),
    trust_ani: field({ name: "trust_ani", label: "Its callers' numbers are trusted", kind: "checkbox", value: account.trust_ani, hint: "its plans may let known phones say where a person is" }),
  };
  const chosen = {
    order: field({ name: "order", label: "Carriers are chosen by", kind: "select", value: choice.order || "cost", options: [["cost", "cost"], ["quality", "class of quality, then cost"], ["fixed", "a fixed order"], ["share", "share of the calls"]] }),
    carriers: field({ name: "carriers", label: "Fixed order", value: (choice.carriers || []).join(", "), hint: "where the order is fixed" }),
    deny: field({ name: "deny", label: "Without the carriers", value: (choice.deny || []).join(", ") }),
    allow: field({ name: "only", label: "Only the carriers", value: (choice.allow || []).join(", ") }),
    block: field({ name: "block", label: "Destinations not dialled", value: (choice.block || []).join(", "), placeholder: "+881, +882" }),
    margin: field({ name: "margin", label: "Least margin a minute", value: choice.margin || "", placeholder: "5% or 0.002" }),
    most: field({ name: "most", label: "Carriers tried at most", kind: "number", min: 0, max: 32, value: choice.most || 0, hint: "0: as the system says" }),
  };
  fields.id.input.readOnly = Boolean(id);
  const chooses = () => {
    const read = Object.fromEntries(Object.entries(chosen).map(([name, each]) => [name, ["order", "margin"].includes(name) ? each.read() : name === "most" ? whole(each.read()) : words(each.read())]));
    const made = lean({ ...choice, ...read }, CHOICE);
    return Object.keys(made).length ? made : null;
  };
  const edited = editing(place, {
    kind: "accounts", one: "account", id: id || "", etag: stored.etag,
    read: () => lean({
      ...account, ...Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, name === "allow" ? words(each.read()) : each.read()])), choice: chooses(),
    }, DEFAULTS),
    fields: () => [...Object.entries(fields), ...Object.entries(chosen).map(([name, each]) => [`choice.${name}`, each]), ["choice", chosen.order]],
    saved: () => (fields.id.input.readOnly = true),
  });
  place.main.append(head, h("div", { class: "stack" },
    h("section", { class: "pairs" }, Object.values(fields)),
    h("section", {}, h("h2", {}, "How carriers are chosen for its calls"), h("div", { class: "pairs" }, Object.values(chosen))),
    h("div", { class: "buttons" }, edited.check, edited.save, place.me.everywhere ? edited.remove : null), edited.said));
}
