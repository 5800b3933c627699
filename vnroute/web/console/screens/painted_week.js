// A week of a schedule as bars, a day each; its legend.

import { h } from "../lib/dom.js";
import { wall } from "../lib/format.js";
import { shade } from "../lib/week.js";

/** The class of a state's colour. */
export const colourOf = (told) => (state) => `s${shade(state, told.states.indexOf(state))}`;

/** The legend and the week, of what GET /schedules/ID/week tells. */
export const paintedWeek = (told) => [
  h("div", { class: "legend" }, told.states.map((state) => h("span", { class: `key ${colourOf(told)(state)}` }, state))),
  painted(told, colourOf(told)),
];

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
