// The plan editor: steps as cards, checked before they are saved, every mistake at its field.

import { get, getTagged } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { cards, editing, mayEdit, whole, words } from "../lib/editing.js";
import { field } from "../lib/form.js";

const ACTS = [["ring", "Ring"], ["play", "Play a message"], ["here", "Hear a phone"], ["voicemail", "Voicemail"], ["hangup", "Hang up"]];
const HOWS = [["in-order", "one after the other"], ["together", "together"], ["share", "by share"], ["rotate", "in rotation"]];
const HERE = ["person", "at", "until", "play"];
const line = (target) => (typeof target === "string" ? target : JSON.stringify(target));
// One target a line: a text, or its JSON where it has settings of its own.
const targets = (text) => text.split("\n").map((each) => each.trim()).filter(Boolean).map((each) => {
  if (!each.startsWith("{")) return each;
  try {
    return JSON.parse(each);
  } catch {
    return each;
  }
});

function card(step, schedules) {
  const act = ACTS.find(([name]) => step[name]?.length || step[name]?.person)?.[0] || "ring";
  const fields = {
    when: field({ name: "when", label: "When the schedule", value: step.when || "", list: schedules, placeholder: "at any time" }),
    is: field({ name: "is", label: "is", value: step.is || "open", hint: "open, closed, or a state of its own" }),
    from: field({ name: "from", label: "From callers", value: (step.from || []).join(", "), placeholder: "+1212, withheld", hint: "nothing: all" }),
    campaign: field({ name: "campaign", label: "To the campaigns", value: (step.campaign || []).join(", "), placeholder: "spring-26", hint: "nothing: all" }),
    language: field({ name: "language", label: "Callers' language", value: (step.language || []).join(", "), placeholder: "es, pt-BR", hint: "nothing: any" }),
    act: field({ name: "act", label: "Then", kind: "select", options: ACTS, value: act }),
    ring: field({ name: "ring", label: "Targets, one a line", kind: "textarea", rows: 3, value: (step.ring || []).map(line).join("\n"), hint: "+12125550100, sip:ana@pbx.example, user:1001@pbx.example, gateway:pbx/1001, plan:ID, person:ID" }),
    how: field({ name: "how", label: "How", kind: "select", options: HOWS, value: step.how || "in-order" }),
    seconds: field({ name: "seconds", label: "Seconds each", kind: "number", min: 1, max: 600, value: step.seconds || "", placeholder: "25", hint: "nothing: as the policy says" }),
    show: field({ name: "show", label: "They see", value: step.show || "caller", hint: "caller, did, anonymous or a number" }),
    confirm: field({ name: "confirm", label: "Taken by key", value: step.confirm || "", hint: "so that no voicemail takes it" }),
    play: field({ name: "play", label: "File", value: step.play || "" }),
    "here.person": field({ name: "here.person", label: "Person", value: step.here?.person || "", hint: "whose phones are known; the account has to trust its callers' numbers" }),
    "here.at": field({ name: "here.at", label: "Is at", value: step.here?.at || "", placeholder: "where the routing data says again", hint: "a place; nothing: as the routing data says" }),
    "here.until": field({ name: "here.until", label: "Until", value: step.here?.until || "", placeholder: "18:00, 8h", hint: "nothing: for good" }),
    "here.play": field({ name: "here.play", label: "Hears the file", value: step.here?.play || "", placeholder: "two tones" }),
    voicemail: field({ name: "voicemail", label: "Box", value: step.voicemail || "", placeholder: "1001@pbx.example" }),
    hangup: field({ name: "hangup", label: "With the cause", value: step.hangup || "relay", hint: "relay passes on what mattered" }),
  };
  const rows = {
    ring: h("div", { class: "steps-row" }, fields.ring, h("div", { class: "row" }, fields.how, fields.seconds, fields.show, fields.confirm)),
    here: h("div", { class: "row" }, HERE.map((name) => fields[`here.${name}`])),
    play: fields.play, voicemail: fields.voicemail, hangup: fields.hangup,
  };
  const holder = h("div", { class: "below" });
  const turn = () => {
    fill(holder, rows[fields.act.read()]);
    fields.is.hidden = !fields.when.read();
  };
  fields.act.input.addEventListener("change", turn);
  fields.when.input.addEventListener("input", turn);
  turn();
  return {
    body: h("div", {}, h("div", { class: "row" }, fields.when, fields.is, fields.from, fields.campaign, fields.language, fields.act), holder),
    fields: () => [...Object.entries(fields), ["", fields.act]],
    read() {
      const kept = { ...step };
      for (const name of [...Object.keys(fields), "here"]) delete kept[name];
      const now = fields.act.read();
      if (fields.when.read()) Object.assign(kept, { when: fields.when.read(), is: fields.is.read() || "open" });
      for (const name of ["from", "campaign", "language"]) if (words(fields[name].read()).length) kept[name] = words(fields[name].read());
      if (now === "here") {
        const told = Object.fromEntries(HERE.map((name) => [name, fields[`here.${name}`].read()]).filter(([, value]) => value));
        return { ...kept, here: told.at ? told : { ...told, clear: true } };
      }
      if (now !== "ring") return { ...kept, [now]: fields[now].read() };
      Object.assign(kept, { ring: targets(fields.ring.read()), how: fields.how.read(), seconds: whole(fields.seconds.read()) || null, show: fields.show.read() || "caller" });
      if (fields.confirm.read()) kept.confirm = fields.confirm.read();
      return kept;
    },
  };
}

/** Show the editor of a plan; id null makes a new one. */
export async function edit(place, id) {
  mayEdit(place);
  const [stored, found] = await Promise.all([
    id ? getTagged(`/plans/${encodeURIComponent(id)}`, null, { signal: place.signal }) : { data: { id: "", account: place.me.account, steps: [{ ring: [] }, { hangup: "relay" }] }, etag: "" },
    get("/schedules", { limit: 100, account: place.me.account }, { signal: place.signal }),
  ]);
  const plan = stored.data, schedules = found.items.map(({ schedule }) => schedule.id);
  const key = field({ name: "id", label: "Plan", value: plan.id, required: true, hint: "letters, digits, - . _" });
  const account = field({ name: "account", label: "Account", value: plan.account, required: true });
  key.input.readOnly = Boolean(id);
  account.input.readOnly = Boolean(place.me.account);
  const steps = cards({ word: "Step", make: (step) => card(step, schedules), values: plan.steps || [] });
  const edited = editing(place, {
    kind: "plans", one: "plan", id: id || "", etag: stored.etag,
    read: () => ({ ...plan, id: key.read(), account: account.read(), steps: steps.read() }),
    fields: () => [["id", key], ["account", account], ...steps.fields("steps")],
    saved: () => (key.input.readOnly = true),
  });
  place.main.append(place.head(id ? `Edit ${id}` : "New plan", h("a", { href: id ? `#/plans/${encodeURIComponent(id)}` : "#/plans" }, "Back")),
    h("div", { class: "stack" }, h("section", { class: "row" }, key, account), steps,
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: () => steps.add({ ring: [] }, steps.lastChild).querySelector("input").focus() }, "Add a step"), edited.check, edited.save, edited.remove),
      edited.said));
}
