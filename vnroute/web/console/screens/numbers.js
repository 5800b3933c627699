// Numbers, by the million: found by their first digits, by account, plan or campaign; one changed, live at once.

import { get, getTagged, send } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { outcome, save } from "../lib/saving.js";
import { facts, pagedTable } from "../lib/table.js";
import { leads, STATES } from "./leads.js";

const ASKED = ["prefix", "account", "plan", "campaign", "state"];

export async function show(place) {
  if (place.path[0] === "+new") return one(place, null);
  if (place.path.length) return one(place, place.path[0]);
  const search = form({
    inline: true, button: "Find",
    fields: [
      { name: "prefix", label: "Begins with", kind: "search", placeholder: "+1800", inputmode: "tel", value: place.query.get("prefix") || "" },
      { name: "account", label: "Account", value: place.query.get("account") || "" },
      { name: "plan", label: "Plan", value: place.query.get("plan") || "" },
      { name: "campaign", label: "Campaign", value: place.query.get("campaign") || "" },
      { name: "state", label: "State", kind: "select", options: [["", "any"], ...STATES.map((each) => [each, each])], value: place.query.get("state") || "" },
    ],
    submit: async (values) => {
      const asked = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
      place.go(`/numbers${asked.size ? `?${asked}` : ""}`, { replace: true });
      for (const name of ASKED) place.query.set(name, values[name]);
      await list.restart();
    },
  });
  const list = pagedTable({
    caption: "Numbers", none: "No such numbers", hint: ["A request reads 200,000 numbers; where few of very many are asked for, Next goes on."],
    columns: [
      { title: "number", cell: ({ number }) => h("a", { href: `#/numbers/${encodeURIComponent(number.number)}` }, number.number) },
      { title: "account", cell: ({ number }) => number.account },
      { title: "plan", cell: ({ number }) => h("a", { href: `#/plans/${encodeURIComponent(number.plan)}` }, number.plan) },
      { title: "campaign", cell: ({ number }) => number.campaign || "" },
      { title: "state", cell: ({ number }) => number.state || "active" },
    ],
    page: (after, signal) => get("/numbers", { after, limit: 100, ...Object.fromEntries(ASKED.map((name) => [name, place.query.get(name)])) }, { signal }),
  });
  const mayAdd = place.me.may("operator") && place.me.everywhere;
  place.main.append(place.head("Numbers", mayAdd ? h("a", { href: "#/numbers/+new" }, "New number") : null), search, h("section", {}, list));
}

async function one(place, key) {
  const path = (number) => `/numbers/${encodeURIComponent(number)}`;
  const stored = key ? await getTagged(path(key), null, { signal: place.signal }) : { data: { number: "", account: "", plan: "", campaign: "", state: "active" }, etag: "" };
  const number = stored.data, links = key ? [h("a", { href: `#/route?number=${encodeURIComponent(key)}` }, "Where calls go"), h("a", { href: `#/calls?number=${encodeURIComponent(key)}` }, "Its calls")] : [];
  let etag = stored.etag;
  place.main.append(place.head(key || "New number", ...links, h("a", { href: "#/numbers" }, "All numbers")));
  if (!place.me.may("operator")) {
    place.main.append(h("section", {}, facts(Object.entries(number).map(([name, value]) => [name, String(value ?? "")]))));
    return;
  }
  const box = form({
    button: "Save",
    fields: [
      { name: "number", label: "Number", value: number.number, required: true, placeholder: "+18005551234" },
      ...leads(number),
    ],
    submit: async (values) => {
      const began = performance.now();
      const done = await save(path(values.number), { ...number, ...values }, etag);
      if (!done) return;
      etag = done.etag;
      box.fields.number.input.readOnly = true;
      place.tell(`${outcome(done.told)} It took ${Math.round(performance.now() - began)} ms.`, done.told.error ? "bad" : "good");
    },
    more: [key && place.me.everywhere ? h("button", { type: "button", class: "danger", onclick: async () => {
      if (!(await confirm("Remove this number", `Calls to ${key} are refused from now on, unless a block has it.`, "Remove", true))) return;
      try {
        const { data } = await send("DELETE", path(key), { etag, query: { wait: 20 } });
        place.tell(outcome(data), "good");
        place.go("/numbers");
      } catch (problem) {
        box.show(problem);
      }
    } }, "Remove") : null],
  });
  box.classList.add("two");
  box.fields.number.input.readOnly = Boolean(key);
  place.main.append(h("section", {}, box));
}
