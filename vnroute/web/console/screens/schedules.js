// Schedules: the list; one as a painted week.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { wall } from "../lib/format.js";
import { form } from "../lib/form.js";
import { pagedTable, table } from "../lib/table.js";
import { shade } from "../lib/week.js";

export async function show(place) {
  if (place.path.length) return week(place, place.path[0]);
  const search = form({
    inline: true, button: "Find",
    fields: [{ name: "like", label: "Id holds", kind: "search", value: place.query.get("like") || "" }],
    submit: async ({ like }) => {
      place.go(`/schedules${like ? `?like=${encodeURIComponent(like)}` : ""}`, { replace: true });
      place.query.set("like", like);
      await list.restart();
    },
  });
  const list = pagedTable({
    caption: "Schedules", none: "No schedules", hint: ["A schedule says what state it is when: open, closed, night."],
    columns: [
      { title: "schedule", cell: ({ schedule }) => h("a", { href: `#/schedules/${encodeURIComponent(schedule.id)}` }, schedule.id) },
      { title: "account", cell: ({ schedule }) => schedule.account || "all" },
      { title: "time zone", cell: ({ schedule }) => schedule.time_zone || "the account's" },
      { title: "rules", kind: "number", cell: ({ schedule }) => (schedule.rules || schedule.open || []).length + (schedule.exceptions || []).length },
      { title: "otherwise", cell: ({ schedule }) => schedule.otherwise || "closed" },
    ],
    page: (after, signal) => get("/schedules", { after, like: place.query.get("like") }, { signal }),
  });
  place.main.append(place.head("Schedules"), search, h("section", {}, list));
}

async function week(place, id) {
  const path = `/schedules/${encodeURIComponent(id)}`;
  const asked = { week: place.query.get("week"), zone: place.query.get("zone") };
  const told = await get(`${path}/week`, asked, { signal: place.signal });
  const to = (name) => `${path}?week=${name}${asked.zone ? `&zone=${encodeURIComponent(asked.zone)}` : ""}`;
  const step = (name, text) => h("a", { class: "button", href: `#${to(name)}` }, text);
  place.key("[", "the week before", () => place.go(to(told.previous)));
  place.key("]", "the week after", () => place.go(to(told.following)));
  const colour = (state) => `s${shade(state, told.states.indexOf(state))}`;
  const why = (rule) => (told.rules[rule] ? `${rule}: ${told.rules[rule]}` : rule);
  place.main.append(
    place.head(id, h("a", { href: "#/schedules" }, "All schedules"), step(told.previous, "← Week before"), h("a", { class: "button", href: `#${path}` }, "This week"), step(told.following, "Week after →")),
    h("p", { class: "soft" }, `${told.week}, on the clocks of ${told.time_zone}`),
    told.override ? h("p", { class: "notice bad" }, `Set by hand now: ${told.override.state}${told.override.until ? ` until ${wall(told.override.until)}` : ""}. The week below is what the rules say.`) : "",
    h("section", {},
      h("div", { class: "legend" }, told.states.map((state) => h("span", { class: `key ${colour(state)}` }, state))),
      painted(told, colour)),
    h("section", { class: "below" }, h("h2", {}, "Transitions"),
      table("Transitions of the week", [
        { title: "from", cell: (s) => wall(s.from) },
        { title: "to", cell: (s) => wall(s.to) },
        { title: "state", cell: (s) => h("span", { class: `key ${colour(s.state)}` }, s.state) },
        { title: "because of", kind: "wrap", cell: (s) => why(s.rule) },
      ], told.stays)));
}

const minutes = (iso) => Number(iso.slice(11, 13)) * 60 + Number(iso.slice(14, 16));

/** Seven days as bars of 24 hours of the wall clock. An hour that the clocks skip stays blank. */
function painted(told, colour) {
  const first = Date.parse(`${told.stays[0].from.slice(0, 10)}T00:00Z`);
  const rows = [...Array(7).keys()].map((n) => new Date(first + n * 864e5).toISOString().slice(0, 10));
  const parts = new Map(rows.map((day) => [day, []]));
  for (const stay of told.stays) {
    const from = stay.from.slice(0, 10), to = stay.to.slice(0, 10);
    for (const day of rows) {
      if (day < from || day > to) continue;
      const start = day === from ? minutes(stay.from) : 0, end = day === to ? minutes(stay.to) : 1440;
      if (end > start) parts.get(day).push({ ...stay, start, end });
    }
  }
  const hours = [0, 6, 12, 18, 24];
  const cell = (part) => {
    const made = h("div", { class: `stay ${colour(part.state)}`, title: `${part.state}: ${wall(part.from)} to ${wall(part.to)}` }, h("span", {}, part.state));
    made.style.left = `${part.start / 14.4}%`;
    made.style.width = `${(part.end - part.start) / 14.4}%`;
    return made;
  };
  const today = new Date().toLocaleDateString("en-CA", { timeZone: told.time_zone });
  return h("div", { class: "week", "aria-hidden": "true" },
    rows.map((day) => h("div", { class: day === today ? "day now" : "day" },
      h("span", { class: "soft" }, wall(`${day}T00:00`).slice(0, -6)), h("div", { class: "hours" }, parts.get(day).map(cell)))),
    h("div", { class: "day scale" }, h("span", {}), h("div", { class: "hours" }, hours.map((n) => {
      const mark = h("span", { class: "soft" }, String(n).padStart(2, "0"));
      mark.style.left = `${(n / 24) * 100}%`;
      return mark;
    }))));
}
