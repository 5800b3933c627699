// Blocks of numbers: a run of one length, or a prefix, under one plan.

import { get, getTagged } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { editing } from "../lib/editing.js";
import { field, form } from "../lib/form.js";
import { count } from "../lib/format.js";
import { facts, pagedTable } from "../lib/table.js";
import { leads } from "./leads.js";

const ASKED = ["account", "plan"];
const notation = (block) => block.block || block.prefix;

/** How many numbers a block has; a prefix has those of every length. */
function size(block) {
  if (block.prefix) return "every longer number";
  const [first, last] = block.block.split("-").map((each) => BigInt(each.replace(/\D/g, "") || 0));
  return `${count(last === undefined ? 10 ** (block.block.match(/x/gi) || []).length : Number(last - first) + 1)} numbers`;
}

export async function show(place) {
  if (place.path[0] === "+new") return one(place, null);
  if (place.path.length) return one(place, place.path[0]);
  const search = form({
    inline: true, button: "Find",
    fields: [
      { name: "account", label: "Account", kind: "search", value: place.query.get("account") || "" },
      { name: "plan", label: "Plan", value: place.query.get("plan") || "" },
    ],
    submit: async (values) => {
      const asked = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
      place.go(`/blocks${asked.size ? `?${asked}` : ""}`, { replace: true });
      for (const name of ASKED) place.query.set(name, values[name]);
      await list.restart();
    },
  });
  const list = pagedTable({
    caption: "Blocks", none: "No such blocks", hint: ["A block is a run of numbers under one plan; a number of its own wins over it."],
    columns: [
      { title: "block", cell: (block) => h("a", { href: `#/blocks/${encodeURIComponent(notation(block))}` }, notation(block)) },
      { title: "holds", cell: size },
      { title: "account", cell: ({ account }) => h("a", { href: `#/accounts/${encodeURIComponent(account)}` }, account) },
      { title: "plan", cell: ({ plan }) => h("a", { href: `#/plans/${encodeURIComponent(plan)}` }, plan) },
      { title: "campaign", cell: ({ campaign }) => campaign || "" },
      { title: "state", cell: ({ state }) => state || "active" },
    ],
    page: (after, signal) => get("/blocks", { after: after || 0, limit: 100, ...Object.fromEntries(ASKED.map((name) => [name, place.query.get(name)])) }, { signal }),
  });
  place.main.append(place.head("Blocks", place.me.may("operator") ? h("a", { href: "#/blocks/+new" }, "New block") : null), search, h("section", {}, list));
}

async function one(place, key) {
  const stored = key ? await getTagged(`/blocks/${encodeURIComponent(key)}`, null, { signal: place.signal }) : { data: { block: "" }, etag: "" };
  const block = stored.data, specs = leads(block);
  place.main.append(place.head(key || "New block", key ? h("span", { class: "soft" }, size(block)) : null, h("a", { href: "#/blocks" }, "All blocks")));
  if (!place.me.may("operator")) {
    place.main.append(h("section", {}, facts([[block.prefix ? "prefix" : "block", notation(block)], ...specs.map(({ name, value }) => [name.replaceAll("_", " "), value || "–"])])));
    return;
  }
  const numbers = field({ name: "block", label: "Numbers", value: key || "", required: true, placeholder: "+1800555xxxx", hint: "+1800555xxxx, +18005550000-+18005554999, or a prefix: +1800555 and every longer number" });
  numbers.input.readOnly = Boolean(key);
  const fields = Object.fromEntries(specs.map((spec) => [spec.name, field(spec)]));
  const edited = editing(place, {
    kind: "blocks", one: "block", id: key || "", etag: stored.etag, key: notation,
    read: () => {
      const written = numbers.read();
      return { [/x|.-/i.test(written) ? "block" : "prefix"]: written, ...Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, each.read()])) };
    },
    fields: () => [["block", numbers], ["prefix", numbers], ...Object.entries(fields)],
    saved: () => (numbers.input.readOnly = true),
  });
  place.main.append(h("div", { class: "stack" }, h("section", { class: "pairs" }, numbers, Object.values(fields)),
    h("div", { class: "buttons" }, edited.check, edited.save, edited.remove), edited.said));
}
