// Persons: one number for somebody with several places. The list with where each is now; one, who is said to be elsewhere by hand; the editor.

import { get, getTagged, Problem, send } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { cards, editing, lean, mayEdit, whole, words } from "../lib/editing.js";
import { field, form } from "../lib/form.js";
import { hereWords, moment, wall } from "../lib/format.js";
import { listing } from "../lib/listing.js";
import { facts, table } from "../lib/table.js";

const PAGE = 25, PLANS = 500;
const at = (kind, id) => h("a", { href: `#/${kind}/${encodeURIComponent(id)}` }, id);
const here = (id) => `/persons/${encodeURIComponent(id)}`;
const whereabouts = (id, signal) => get(`${here(id)}/whereabouts`, null, { signal });
const target = (to) => (typeof to === "string" ? { to } : to);

/** Until when a place holds, and who says so. */
const until = ({ override }) => (!override ? "" : override.until ? [wall(override.until), h("small", {}, `UTC${override.until.slice(-6)}`)] : "it is cleared");
const sayer = ({ override, schedule }) => (override ? [override.by, h("small", {}, moment(override.since))] : schedule ? ["schedule ", at("schedules", schedule)] : "routing data");

export async function show(place) {
  if (place.path[0] === "+new") return edit(place, null);
  if (place.path[1] === "edit") return edit(place, place.path[0]);
  if (place.path.length) return one(place, place.path[0]);
  return listing(place, {
    kind: "persons", one: "person", title: "Persons", none: "No persons", hint: ["A person has several places; a plan that rings person:ID rings the place where the person is."],
    limit: PAGE, also: (person, signal) => whereabouts(person.id, signal),
    columns: [
      { title: "name", kind: "name", cell: (person) => person.name || "" },
      { title: "account", cell: (person) => at("accounts", person.account) },
      { title: "is now at", cell: (_, there) => [there.at, h("small", {}, there.to)] },
      { title: "until", cell: (_, there) => until(there) },
      { title: "by", cell: (_, there) => sayer(there) },
    ],
  });
}

async function one(place, id) {
  const { me, signal } = place;
  const [person, there] = await Promise.all([get(here(id), null, { signal }), whereabouts(id, signal)]);
  const [account, plans] = await Promise.all([
    get(`/accounts/${encodeURIComponent(person.account)}`, null, { signal }),
    get("/plans", { account: person.account, limit: PLANS }, { signal }),
  ]);
  const may = me.may("operator");
  place.main.append(
    place.head(id, person.name ? h("span", { class: "soft" }, person.name) : null, may ? h("a", { href: `#${here(id)}/edit` }, "Edit") : null, h("a", { href: "#/persons" }, "All persons")),
    h("div", { class: "stack" },
      h("section", {}, h("h2", {}, "Where now"), now(person, there), may ? saying(place, person, there) : null),
      h("section", {}, h("h2", {}, "Places"), table("Places", [
        { title: "place", cell: ([name]) => name },
        { title: "rings", kind: "way", cell: ([, to]) => (to.to.startsWith("plan:") ? ["plan ", at("plans", to.to.slice(5))] : to.to) },
        { title: "for", cell: ([, to]) => (to.seconds ? `${to.seconds} s` : "as the step says") },
        { title: "sees", cell: ([, to]) => to.show || "as the step says" },
        { title: "taken by key", cell: ([, to]) => to.confirm || "as the step says" },
      ], Object.entries(person.places).map(([name, to]) => [name, target(to)]))),
      h("section", {}, facts([
        ["account", at("accounts", person.account)],
        ["while nothing is said", person.schedule ? ["the place that schedule ", at("schedules", person.schedule), " names"] : person.place],
        ["known phones", person.phones?.length ? person.phones.join(", ") : "the numbers among the places"],
        ["the account trusts its callers' numbers", account.trust_ani ? "yes: a call from a known phone may say where the person is" : "no: no phone may say where the person is"],
      ])),
      leading(id, plans),
      h("section", {}, h("details", {}, h("summary", {}, "As the API has it"), h("pre", { class: "code", tabindex: "0" }, JSON.stringify(person, null, 2))))));
}

function now(person, { at: name, to, override, schedule }) {
  const by = override
    ? `${override.until ? ` until ${wall(override.until)} (UTC${override.until.slice(-6)})` : " until it is cleared"}, said by ${override.by}, ${moment(override.since)}${override.reason ? `: ${override.reason}` : ""}`
    : schedule ? [", as schedule ", at("schedules", schedule), " says"] : ", as the routing data says";
  return h("p", {}, `${person.name || person.id} is at `, h("strong", {}, name), ` (${to})`, by, ".");
}

/** Say where a person is, and take it back: an override like any other, in force with the next call. */
function saying(place, person, there) {
  const path = `/overrides/person/${encodeURIComponent(person.id)}`;
  const clear = async () => {
    if (!(await confirm(`Clear where ${person.id} is`, "The next call goes where the routing data says.", "Clear it", true))) return;
    try {
      await send("DELETE", path);
      place.tell(`${person.id} is where the routing data says.`, "good");
      place.again();
    } catch (problem) {
      box.show(problem);
    }
  };
  const box = form({
    inline: true, button: "Set it",
    fields: [
      { name: "state", label: "Is at", kind: "select", options: Object.keys(person.places), value: there.at },
      { name: "until", label: "Until", placeholder: "18:00, 8h", hint: "18:00, 90m, 2h, 3d; nothing: until it is cleared" },
      { name: "reason", label: "Why" },
    ],
    submit: async (body) => {
      await send("PUT", path, { body });
      place.tell(`${person.id} is at ${body.state} with the next call.`, "good");
      place.again();
    },
    more: [there.override ? h("button", { type: "button", onclick: clear }, "Clear") : null],
  });
  return box;
}

/** The account's plans that ring a person or hear the person's phones, each with its numbers. */
function leading(id, { items, next }) {
  const found = items.flatMap(({ plan }) => {
    const rings = plan.steps.some((step) => (step.ring || []).some((to) => target(to).to === `person:${id}`));
    const heard = plan.steps.filter((step) => step.here?.person === id).map((step) => hereWords(step.here));
    return rings || heard.length ? [[plan.id, [rings && "rings this person", ...heard.map((each) => `a call from a known phone says: ${each}`)].filter(Boolean).join("; ")]] : [];
  });
  return h("section", {}, h("h2", {}, "Plans that lead here"), table("Plans that lead here", [
    { title: "plan", cell: ([plan]) => at("plans", plan) },
    { title: "what", kind: "way", cell: ([, what]) => what },
    { title: "numbers", cell: ([plan]) => h("a", { href: `#/numbers?plan=${encodeURIComponent(plan)}`, "aria-label": `its numbers: ${plan}` }, "its numbers") },
  ], found, "No plan rings this person or hears a phone"),
  next ? h("p", { class: "soft" }, `Of the account's plans, the first ${PLANS} were looked at.`) : null);
}

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;
const DEFAULTS = { seconds: 0, delay: 0, share: 1, show: "", confirm: "" };

function card([name, stored]) {
  const to = { ...DEFAULTS, ...target(stored) };
  const called = field({ name: "called", label: "Called", value: name, hint: "desk, mobile, home" });
  const fields = {
    to: field({ name: "to", label: "Rings", value: to.to, hint: "+12125550100, user:1001@pbx.example, sip:ana@pbx.example, gateway:pbx/1001, plan:ID" }),
    seconds: field({ name: "seconds", label: "Seconds", kind: "number", min: 1, max: 600, value: to.seconds || "", hint: "nothing: as the step says" }),
    show: field({ name: "show", label: "It sees", value: to.show, placeholder: "caller, did", hint: "nothing: as the step says" }),
    confirm: field({ name: "confirm", label: "Taken by key", value: to.confirm, hint: "so that no voicemail takes it" }),
  };
  fields.to.classList.add("broad");
  return {
    called,
    body: h("div", { class: "row" }, called, Object.values(fields)),
    fields: () => [[`places.${called.read()}`, fields.to], ...Object.entries(fields).map(([part, each]) => [`places.${called.read()}.${part}`, each])],
    read: () => {
      const made = lean({ ...to, to: fields.to.read(), seconds: whole(fields.seconds.read()) || 0, show: fields.show.read(), confirm: fields.confirm.read() }, DEFAULTS);
      return [called.read(), Object.keys(made).length > 1 ? made : made.to];
    },
  };
}

/** Show the editor of a person; id null makes a new one. */
async function edit(place, id) {
  mayEdit(place);
  const [stored, found] = await Promise.all([
    id ? getTagged(here(id), null, { signal: place.signal }) : { data: { id: "", account: place.me.account, places: { desk: "" } }, etag: "" },
    get("/schedules", { limit: 100, account: place.me.account }, { signal: place.signal }),
  ]);
  const person = stored.data;
  const fields = {
    id: field({ name: "id", label: "Person", value: person.id, required: true, hint: "letters, digits, - . _" }),
    account: field({ name: "account", label: "Account", value: person.account, required: true }),
    name: field({ name: "name", label: "Name", value: person.name || "" }),
    place: field({ name: "place", label: "While nothing is said, at", value: person.place || "", hint: "one of the places" }),
    schedule: field({ name: "schedule", label: "Or where the schedule says", value: person.schedule || "", list: found.items.map(({ schedule }) => schedule.id), hint: "in place of one; each of its states is a place" }),
    phones: field({ name: "phones", label: "Known phones, one a line", kind: "textarea", rows: 3, value: (person.phones || []).join("\n"), hint: "they say where the person is, where a plan hears them; nothing: the numbers among the places" }),
  };
  fields.id.input.readOnly = Boolean(id);
  fields.account.input.readOnly = Boolean(place.me.account);
  const places = cards({ word: "Place", make: card, values: Object.entries(person.places) });
  const made = () => [...places.children].map((box) => box.made);
  const placesRead = () => {
    const all = {};
    for (const [name, to] of places.read()) {
      if (Object.hasOwn(all, name)) throw new Problem(422, { detail: "Two places have one name.", errors: [{ field: "places", found: `'${name}' twice`, expected: "each place once" }] });
      all[name] = to;
    }
    return all;
  };
  // What is wrong with the names is told at the first that is none, or comes again.
  const wrongName = () => made().find(({ called }, i, all) => !NAME.test(called.read()) || all.slice(0, i).some((before) => before.called.read() === called.read()))?.called;
  const edited = editing(place, {
    kind: "persons", one: "person", id: id || "", etag: stored.etag,
    read: () => lean({
      ...person, ...Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, each.read()])), places: placesRead(), phones: words(fields.phones.read()),
    }, { name: "", place: "", schedule: "", phones: [] }),
    fields: () => [...Object.entries(fields), ["places", wrongName() || made()[0]?.called || fields.place], ...made().flatMap((each) => [["", each.called], ...each.fields()])],
    saved: () => (fields.id.input.readOnly = true),
  });
  place.main.append(place.head(id ? `Edit ${id}` : "New person", h("a", { href: id ? `#${here(id)}` : "#/persons" }, "Back")),
    h("div", { class: "stack" }, h("section", { class: "pairs" }, Object.values(fields)), places,
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: () => places.add(["", ""]).querySelector("input").focus() }, "Add a place"), edited.check, edited.save, edited.remove),
      edited.said));
}
