// The plan editor: steps as cards, checked before they are saved, every mistake at its field.

import { get, getTagged } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { fill, h } from "../lib/dom.js";
import { field } from "../lib/form.js";
import { check, outcome, save, warnings } from "../lib/saving.js";

const ACTS = [["ring", "Ring"], ["play", "Play a message"], ["voicemail", "Voicemail"], ["hangup", "Hang up"]];
const HOWS = [["in-order", "one after the other"], ["together", "all at once"], ["share", "by share"], ["rotate", "in rotation"]];
const words = (text) => text.split(/[\n,]+/).map((each) => each.trim()).filter(Boolean);
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

function card(step, schedules, moved) {
  const act = ACTS.find(([name]) => step[name]?.length)?.[0] || "ring";
  const fields = {
    when: field({ name: "when", label: "When the schedule", kind: "select", options: [["", "at any time"], ...schedules], value: step.when || "" }),
    is: field({ name: "is", label: "is", value: step.is || "open", hint: "open, closed, or a state of its own" }),
    from: field({ name: "from", label: "From callers", value: (step.from || []).join(", "), placeholder: "+1212, withheld", hint: "nothing: all" }),
    act: field({ name: "act", label: "Then", kind: "select", options: ACTS, value: act }),
    ring: field({ name: "ring", label: "Targets, one a line", kind: "textarea", rows: 3, value: (step.ring || []).map(line).join("\n"), hint: "+12125550100, sip:ana@pbx.example, user:1001@pbx.example, gateway:pbx/1001, plan:ID, person:ID" }),
    how: field({ name: "how", label: "How", kind: "select", options: HOWS, value: step.how || "in-order" }),
    seconds: field({ name: "seconds", label: "Seconds each", kind: "number", min: 1, max: 600, value: step.seconds ?? 25 }),
    show: field({ name: "show", label: "They see", value: step.show || "caller", hint: "caller, did, anonymous or a number" }),
    confirm: field({ name: "confirm", label: "Taken by key", value: step.confirm || "", hint: "so that no voicemail takes it" }),
    play: field({ name: "play", label: "File", value: step.play || "" }),
    voicemail: field({ name: "voicemail", label: "Box", value: step.voicemail || "", placeholder: "1001@pbx.example" }),
    hangup: field({ name: "hangup", label: "With the cause", value: step.hangup || "relay", hint: "relay passes on what mattered" }),
  };
  const rows = {
    ring: h("div", { class: "steps-row" }, fields.ring, h("div", { class: "row" }, fields.how, fields.seconds, fields.show, fields.confirm)),
    play: fields.play, voicemail: fields.voicemail, hangup: fields.hangup,
  };
  const holder = h("div", {});
  const title = h("h3", {});
  const turn = () => {
    fill(holder, rows[fields.act.read()]);
    fields.is.hidden = !fields.when.read();
  };
  fields.act.input.addEventListener("change", turn);
  fields.when.input.addEventListener("change", turn);
  const button = (text, label, way) => h("button", { type: "button", class: "quiet", "aria-label": label, onclick: () => moved(box, way) }, text);
  const buttons = h("span", { class: "buttons" }, button("↑", "Move up", -1), button("↓", "Move down", 1), button("✕", "Remove this step", 0));
  const box = h("section", { class: "step" }, h("div", { class: "head" }, title, buttons),
    h("div", { class: "row" }, fields.when, fields.is, fields.from, fields.act), holder);
  turn();
  box.number = (place) => {
    title.textContent = `Step ${place + 1}`;
  };
  box.read = () => {
    const kept = { ...step };
    for (const name of ["when", "is", "from", "ring", "how", "seconds", "show", "confirm", "play", "voicemail", "hangup"]) delete kept[name];
    const now = fields.act.read();
    if (fields.when.read()) Object.assign(kept, { when: fields.when.read(), is: fields.is.read() || "open" });
    if (words(fields.from.read()).length) kept.from = words(fields.from.read());
    if (now !== "ring") return { ...kept, [now]: fields[now].read() };
    const seconds = Number(fields.seconds.read());
    Object.assign(kept, { ring: targets(fields.ring.read()), how: fields.how.read(), seconds: Number.isInteger(seconds) ? seconds : fields.seconds.read(), show: fields.show.read() || "caller" });
    if (fields.confirm.read()) kept.confirm = fields.confirm.read();
    return kept;
  };
  box.tell = (name, text) => {
    const at = fields[name];
    at?.tell(text);
    return at;
  };
  box.clear = () => Object.values(fields).forEach((each) => each.tell(""));
  return box;
}

/** Show the editor of a plan; id null makes a new one. */
export async function edit(place, id) {
  const path = (key) => `/plans/${encodeURIComponent(key)}`;
  const [stored, found, accounts] = await Promise.all([
    id ? getTagged(path(id), null, { signal: place.signal }) : { data: { id: "", account: place.me.account, steps: [{ ring: [] }, { hangup: "relay" }] }, etag: "" },
    get("/schedules", { limit: 500 }, { signal: place.signal }),
    get("/accounts", { limit: 500 }, { signal: place.signal }),
  ]);
  const plan = stored.data, schedules = found.items.map(({ schedule }) => [schedule.id, schedule.id]);
  const key = field({ name: "id", label: "Plan", value: plan.id, required: true, hint: "letters, digits, - . _" });
  const account = field({ name: "account", label: "Account", kind: "select", value: plan.account, options: accounts.items.map(({ account: each }) => each.id) });
  key.input.readOnly = Boolean(id);
  const list = h("div", { class: "stack" });
  const said = h("div", { role: "alert" });
  const cards = () => [...list.children];
  const renumber = () => cards().forEach((each, i) => each.number(i));
  const moved = (box, way) => {
    if (way < 0 && box.previousSibling) list.insertBefore(box, box.previousSibling);
    else if (way > 0 && box.nextSibling) list.insertBefore(box.nextSibling, box);
    else if (way === 0) box.remove();
    renumber();
    if (way) box.querySelector("button").focus();
  };
  const add = (step, before = null) => {
    const made = card(step, schedules, moved);
    list.insertBefore(made, before);
    renumber();
    return made;
  };
  (plan.steps || []).forEach((step) => add(step));
  const read = () => ({ ...plan, id: key.read(), account: account.read(), steps: cards().map((each) => each.read()) });
  let etag = stored.etag;

  function refused(problem) {
    const rest = [];
    let first = null;
    for (const error of problem.errors || []) {
      const text = `found ${error.found}, expected ${error.expected}`;
      const match = /^steps\[(\d+)\](?:\.([a-z]+))?/.exec(error.field);
      const step = match && cards()[Number(match[1])];
      const at = step ? step.tell(match[2] || "act", text) : { id: key, account }[error.field];
      if (at && !step) at.tell(text);
      if (at) first = first || at;
      else rest.push(h("li", {}, h("code", {}, error.field), `: ${text}`));
    }
    fill(said, h("p", { class: "wrong" }, first && !rest.length ? "Not saved: see what is marked." : problem.message), rest.length ? h("ul", { class: "wrong" }, rest) : null);
    first?.input.focus();
  }
  async function run(work) {
    fill(said);
    [key, account].forEach((each) => each.tell(""));
    cards().forEach((each) => each.clear());
    buttons.forEach((each) => (each.disabled = true));
    try {
      await work();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (problem.status === 422 || problem.status === 404 || problem.status === 412) refused(problem);
      else fill(said, h("p", { class: "wrong" }, problem.message));
    } finally {
      buttons.forEach((each) => (each.disabled = false));
    }
  }
  const doCheck = () => run(async () => {
    const told = await check(path(key.read()), read(), etag);
    fill(said, h("p", { class: "good" }, "All of it is right. Nothing was saved."), warnings(told));
  });
  const doSave = () => run(async () => {
    const done = await save(path(key.read()), read(), etag);
    if (!done) return;
    etag = done.etag;
    key.input.readOnly = true;
    place.tell(outcome(done.told), done.told.error ? "bad" : "good");
    fill(said, warnings(done.told));
  });
  const buttons = [
    h("button", { type: "button", onclick: doCheck }, "Check"),
    h("button", { type: "button", class: "main", onclick: doSave }, "Save"),
  ];
  const remove = id ? h("button", { type: "button", class: "danger", onclick: async () => {
    if (!(await confirm("Remove this plan", `${id} is removed for good, if no number uses it.`, "Remove", true))) return;
    const { send } = await import("../lib/api.js");
    await run(async () => {
      const { data } = await send("DELETE", path(id), { etag, query: { wait: 20 } });
      place.tell(outcome(data), "good");
      place.go("/plans");
    });
  } }, "Remove") : null;
  place.key("s", "save", doSave);
  place.main.append(place.head(id ? `Edit ${id}` : "New plan", h("a", { href: id ? `#/plans/${encodeURIComponent(id)}` : "#/plans" }, "Back")),
    h("div", { class: "stack" }, h("section", { class: "row" }, key, account), list,
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: () => add({ ring: [] }, list.lastChild).querySelector("select").focus() }, "Add a step"), ...buttons, remove),
      said));
}
