// Schedules: the list; one as a painted week.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { wall } from "../lib/format.js";
import { listing } from "../lib/listing.js";
import { table } from "../lib/table.js";
import { colourOf, paintedWeek } from "./painted_week.js";
import { edit } from "./schedule_editor.js";

export async function show(place) {
  if (place.path[0] === "+new") return edit(place, null);
  if (place.path[1] === "edit") return edit(place, place.path[0]);
  if (place.path.length) return week(place, place.path[0]);
  return listing(place, {
    kind: "schedules", one: "schedule", title: "Schedules", none: "No schedules", hint: ["A schedule says what state it is when: open, closed, night."],
    columns: [
      { title: "account", cell: (schedule) => schedule.account || "all" },
      { title: "time zone", cell: (schedule) => schedule.time_zone || "the account's" },
      { title: "rules", kind: "number", cell: (schedule) => (schedule.rules || schedule.open || []).length + (schedule.exceptions || []).length },
      { title: "otherwise", cell: (schedule) => schedule.otherwise || "closed" },
    ],
  });
}

async function week(place, id) {
  const path = `/schedules/${encodeURIComponent(id)}`;
  const asked = { week: place.query.get("week"), zone: place.query.get("zone") };
  const told = await get(`${path}/week`, asked, { signal: place.signal });
  const to = (name) => `${path}?week=${name}${asked.zone ? `&zone=${encodeURIComponent(asked.zone)}` : ""}`;
  const step = (name, text) => h("a", { class: "button", href: `#${to(name)}` }, text);
  place.key("[", "the week before", () => place.go(to(told.previous)));
  place.key("]", "the week after", () => place.go(to(told.following)));
  const colour = colourOf(told);
  const why = (rule) => (told.rules[rule] ? `${rule}: ${told.rules[rule]}` : rule);
  place.main.append(
    place.head(id, step(told.previous, "← Week before"), h("a", { class: "button", href: `#${path}` }, "This week"), step(told.following, "Week after →"), place.me.may("operator") ? h("a", { href: `#${path}/edit` }, "Edit") : null, h("a", { href: "#/schedules" }, "All schedules")),
    h("p", { class: "soft" }, `${told.week}, on the clocks of ${told.time_zone}`),
    told.override ? h("p", { class: "notice bad" }, `Set by hand now: ${told.override.state}${told.override.until ? ` until ${wall(told.override.until)}` : ""}. The week below is what the rules say.`) : "",
    h("section", {},
      paintedWeek(told)),
    h("section", { class: "below" }, h("h2", {}, "Transitions"),
      table("Transitions of the week", [
        { title: "from", cell: (s) => wall(s.from) },
        { title: "to", cell: (s) => wall(s.to) },
        { title: "state", cell: (s) => h("span", { class: `key ${colour(s.state)}` }, s.state) },
        { title: "because of", kind: "wrap", cell: (s) => why(s.rule) },
      ], told.stays)));
}
