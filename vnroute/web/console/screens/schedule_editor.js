// The schedule editor: rules and exceptions as cards beside the week that they paint.

import { getTagged, send } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { cards, editing, lean, mayEdit } from "../lib/editing.js";
import { field } from "../lib/form.js";
import { paintedWeek } from "./painted_week.js";

const KINDS = [["days", "days of the week"], ["dates", "dates"], ["yearly", "the same dates each year"], ["holidays", "public holidays"], ["rrule", "recurrence (RFC 5545)"], ["calendar", "an iCalendar file"]];
const BY_KIND = { days: ["days", "hours"], dates: ["dates", "hours"], yearly: ["yearly", "hours"], holidays: ["holidays", "region", "hours"], rrule: ["rrule", "start", "duration", "exdate"], calendar: ["calendar"] };
const FIELDS = {
  days: { label: "Days", placeholder: "mon-fri", hint: "nothing: all of them" }, hours: { label: "Hours", placeholder: "09:00-12:00, 13:00-17:00", hint: "nothing: all day" },
  dates: { label: "Dates", placeholder: "2026-12-24..2027-01-02" }, yearly: { label: "Each year", placeholder: "12-24..12-26" },
  holidays: { label: "Country", placeholder: "US" }, region: { label: "Region", placeholder: "CA", hint: "nothing: the whole country's" },
  rrule: { label: "Rule", placeholder: "FREQ=MONTHLY;BYDAY=1MO" }, start: { label: "From", placeholder: "2026-01-19T09:00" }, duration: { label: "Lasts", placeholder: "8h" }, exdate: { label: "Except", placeholder: "2026-12-21T09:00" },
  calendar: { label: "iCalendar, written out", kind: "textarea", rows: 4 },
};
const kindOf = (rule) => KINDS.map(([name]) => name).find((name) => rule[name]) || "days";

function card(rule, states) {
  const kind = field({ name: "kind", label: "By", kind: "select", options: KINDS, value: kindOf(rule) });
  const state = field({ name: "state", label: "It is", value: rule.state || "open", list: states, required: true });
  const fields = Object.fromEntries(Object.entries(FIELDS).map(([name, spec]) => [name, field({ ...spec, name, value: rule[name] || "" })]));
  const holder = h("div", { class: "row" });
  // Days go with dates, holidays and each year, too: shown where they are given.
  const shown = () => [...new Set([...BY_KIND[kind.read()], ...Object.keys(FIELDS).filter((name) => BY_KIND.days.includes(name) && rule[name] && !["rrule", "calendar"].includes(kind.read()))])];
  const turn = () => fill(holder, state, kind, shown().map((name) => fields[name]));
  kind.input.addEventListener("change", turn);
  turn();
  return {
    body: holder,
    fields: () => [["state", state], ...shown().map((name) => [name, fields[name]]), ["", state]],
    read: () => ({ state: state.read(), ...Object.fromEntries(shown().map((name) => [name, fields[name].read()]).filter(([, value]) => value)) }),
  };
}

/** Show the editor of a schedule; id null makes a new one. */
export async function edit(place, id) {
  mayEdit(place);
  const stored = id ? await getTagged(`/schedules/${encodeURIComponent(id)}`, null, { signal: place.signal })
    : { data: { id: "", account: place.me.account, rules: [{ state: "open", days: "mon-fri", hours: "09:00-17:00" }] }, etag: "" };
  const schedule = stored.data;
  // The short form, open hours, is a rule like any other.
  const rules = [...(schedule.rules || []), ...(schedule.open || []).map((each) => ({ ...each, state: "open" }))];
  const states = [...new Set(["open", "closed", schedule.otherwise || "closed", ...rules.map((each) => each.state)])];
  const key = field({ name: "id", label: "Schedule", value: schedule.id, required: true, hint: "letters, digits, - . _" });
  const account = field({ name: "account", label: "Account", value: schedule.account || "", hint: "nothing: for all" });
  const zone = field({ name: "time_zone", label: "Time zone", value: schedule.time_zone || "", list: Intl.supportedValuesOf("timeZone"), placeholder: "Europe/London", hint: "nothing: the account's" });
  const otherwise = field({ name: "otherwise", label: "Otherwise it is", value: schedule.otherwise || "closed", list: states });
  key.input.readOnly = Boolean(id);
  account.input.readOnly = Boolean(place.me.account);
  const make = (rule) => card(rule, states);
  const exceptions = cards({ word: "Exception", make, values: schedule.exceptions || [] });
  const ordinary = cards({ word: "Rule", make, values: rules });
  const read = () => lean({
    id: key.read(), account: account.read(), time_zone: zone.read(), otherwise: otherwise.read() || "closed",
    exceptions: exceptions.read(), rules: ordinary.read(),
  }, { account: "", time_zone: "", otherwise: "closed", exceptions: [], rules: [] });
  const edited = editing(place, {
    kind: "schedules", one: "schedule", id: id || "", etag: stored.etag, read,
    fields: () => [["id", key], ["account", account], ["time_zone", zone], ["otherwise", otherwise], ...exceptions.fields("exceptions"), ...ordinary.fields("rules")],
    saved: () => (key.input.readOnly = true),
  });
  const preview = h("div", { role: "status" });
  // What is written so far, painted; where it is not right yet, the last week that was stays.
  let drawing = 0;
  async function draw() {
    const mine = ++drawing;
    try {
      const document = read();
      const { data } = await send("POST", "/schedules/week", { body: { ...document, id: document.id || "new" }, signal: place.signal });
      if (mine === drawing) fill(preview, h("p", { class: "soft" }, `${data.week}, on the clocks of ${data.time_zone}`), paintedWeek(data));
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== drawing) return;
      const first = problem.errors?.[0];
      const said = h("p", { class: "soft", "data-why": "" }, `Painted again once it is right: ${first ? `${first.field}: found ${first.found}` : problem.message}`);
      preview.querySelector("[data-why]")?.remove();
      preview.append(said);
    }
  }
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(draw, 300);
  };
  place.leave(() => clearTimeout(timer));
  const add = (list, text, rule) => h("button", { type: "button", onclick: () => (list.add(rule).querySelector("input").focus(), later()) }, text);
  const whole = h("div", { class: "stack" },
    h("section", { class: "row" }, key, account, zone, otherwise),
    h("section", {}, h("h2", {}, "The week as it is here"), preview),
    h("h2", {}, "Exceptions, tried first"), exceptions, add(exceptions, "Add an exception", { state: "closed", dates: new Date().toISOString().slice(0, 10) }),
    h("h2", {}, "Rules, tried in order"), ordinary, add(ordinary, "Add a rule", { state: "open", days: "sat", hours: "10:00-14:00" }),
    h("div", { class: "buttons" }, edited.check, edited.save, edited.remove), edited.said);
  whole.addEventListener("input", later);
  whole.addEventListener("change", later);
  whole.addEventListener("click", (event) => event.target.closest(".step .head button") && later());
  place.main.append(place.head(id ? `Edit ${id}` : "New schedule", h("a", { href: id ? `#/schedules/${encodeURIComponent(id)}` : "#/schedules" }, "Back")), whole);
  await draw();
}
