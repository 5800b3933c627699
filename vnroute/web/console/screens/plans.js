// Plans: what rings when. The list; one plan as it is stored.

import { get, getTagged } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { pagedTable } from "../lib/table.js";
import { edit } from "./plan_editor.js";

export async function show(place) {
  if (place.path[0] === "+new") return edit(place, null);
  if (place.path[1] === "edit") return edit(place, place.path[0]);
  if (place.path.length) return one(place, place.path[0]);
  const search = form({
    inline: true, button: "Find",
    fields: [{ name: "like", label: "Id holds", kind: "search", value: place.query.get("like") || "" }],
    submit: async ({ like }) => {
      place.go(`/plans${like ? `?like=${encodeURIComponent(like)}` : ""}`, { replace: true });
      place.query.set("like", like);
      await list.restart();
    },
  });
  const list = pagedTable({
    caption: "Plans", none: "No plans", hint: ["A plan says what rings, in which order, and when."],
    columns: [
      { title: "plan", cell: ({ plan }) => h("a", { href: `#/plans/${encodeURIComponent(plan.id)}` }, plan.id) },
      { title: "account", cell: ({ plan }) => plan.account },
      { title: "steps", kind: "number", cell: ({ plan }) => (plan.steps || []).length },
      { title: "rings first", kind: "name", cell: ({ plan }) => firstRing(plan) },
    ],
    page: (after, signal) => get("/plans", { after, like: place.query.get("like") }, { signal }),
  });
  place.main.append(place.head("Plans", place.me.may("operator") ? h("a", { href: "#/plans/+new" }, "New plan") : null), search, h("section", {}, list));
}

function firstRing(plan) {
  const step = (plan.steps || []).find((each) => each.ring?.length);
  const target = step?.ring[0];
  return target ? (typeof target === "string" ? target : target.to) : "";
}

async function one(place, id) {
  const { data } = await getTagged(`/plans/${encodeURIComponent(id)}`, null, { signal: place.signal });
  place.main.append(place.head(id, place.me.may("operator") ? h("a", { href: `#/plans/${encodeURIComponent(id)}/edit` }, "Edit") : null, h("a", { href: "#/plans" }, "All plans")),
    h("section", {}, h("h2", {}, "As a routing file has it"), h("pre", { class: "code", tabindex: "0" }, JSON.stringify(data, null, 2))));
}
