// Editing one document: checked, saved, removed, every mistake at its field. A screen gives the fields
// and reads the document out of them.

import { Problem, send } from "./api.js";
import { confirm } from "./dialog.js";
import { fill, h } from "./dom.js";
import { check, outcome, save, warnings } from "./saving.js";

/** Refuse an editor to who may not change anything: what is there is shown without it. */
export function mayEdit(place, role = "operator") {
  if (!place.me.may(role)) throw new Problem(403, { detail: `${place.me.name} is ${place.me.role}; changes ask for ${role}.` });
}

/** What is around the fields of an editor.
 *  kind    where the documents are: "plans"
 *  one     what people call one of them: "plan"
 *  id      the one that is edited; "" makes a new one
 *  etag    as it was read
 *  read()  the document as the fields have it; it has an id
 *  fields()  [[path, field]…], each with its place in the document: "rules[0].days"
 *  key(document)  what it is called in its address; its id, if not given
 *  saved(told)  called after it was saved
 * Returns {said, check, save, remove}: a place for what is said, and buttons. */
export function editing(place, { kind, one, id, etag, read, fields, key = ({ id: name }) => name, saved = () => {} }) {
  const path = (name) => `/${kind}/${encodeURIComponent(name)}`;
  const said = h("div", { role: "alert" });

  // The field that a mistake is at: the one with the longest path that leads to it.
  function at(where) {
    const fitting = fields().filter(([name]) => where === name || where.startsWith(`${name}.`) || where.startsWith(`${name}[`));
    return fitting.sort((a, b) => b[0].length - a[0].length)[0];
  }
  function refused(problem) {
    const rest = [];
    let first = null;
    for (const error of problem.errors || []) {
      const text = `found ${error.found}, expected ${error.expected}`;
      const [name, box] = at(error.field) || [];
      if (box) box.tell(name === error.field ? text : `${error.field.slice(name.length).replace(/^\./, "")}: ${text}`);
      else rest.push(h("li", {}, h("code", {}, error.field), `: ${text}`));
      first = first || box;
    }
    const more = problem.more ? h("li", {}, `and ${problem.more} more`) : null;
    fill(said, h("p", { class: "wrong" }, first && !rest.length ? "Not saved: see what is marked." : problem.message),
      rest.length || more ? h("ul", { class: "wrong" }, rest, more) : null);
    first?.input.focus();
  }
  async function run(work) {
    fill(said);
    for (const [, box] of fields()) box.tell("");
    buttons.forEach((each) => (each.disabled = true));
    try {
      await work();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!problem.status) console.info(problem.message);
      refused(problem);
    } finally {
      buttons.forEach((each) => (each.disabled = false));
    }
  }
  const doCheck = () => run(async () => {
    const document = read();
    const told = await check(path(key(document)), document, etag);
    fill(said, h("p", { class: "good" }, "All of it is right. Nothing was saved."), warnings(told));
  });
  const doSave = () => run(async () => {
    const document = read();
    const done = await save(path(key(document)), document, etag);
    if (!done) return;
    etag = done.etag;
    place.tell(outcome(done.told), done.told.error ? "bad" : "good");
    fill(said, warnings(done.told));
    saved(done.told, document);
  });
  const doRemove = async () => {
    if (!(await confirm(`Remove this ${one}`, `${id} is removed for good, if nothing uses it.`, "Remove", true))) return;
    await run(async () => {
      const { data } = await send("DELETE", path(id), { etag, query: { wait: 20 } });
      place.tell(outcome(data), "good");
      place.go(`/${kind}`);
    });
  };
  const buttons = [
    h("button", { type: "button", onclick: doCheck }, "Check"),
    h("button", { type: "button", class: "main", onclick: doSave }, "Save"),
    id ? h("button", { type: "button", class: "danger", onclick: doRemove }, "Remove") : null,
  ].filter(Boolean);
  place.key("s", "save", doSave);
  return { said, check: buttons[0], save: buttons[1], remove: buttons[2] || null };
}

/** Cards in a list, each with a number, that move up and down and go.
 *  make(value, box) -> {title, body, read(), fields()}: fields have their path within the entry. */
export function cards({ word, make, values, changed = () => {} }) {
  const list = h("div", { class: "stack" });
  const all = () => [...list.children];
  const renumber = () => {
    all().forEach((box, i) => (box.heading.textContent = `${word} ${i + 1}`));
    changed();
  };
  const move = (box, way) => {
    const to = way < 0 ? box.previousSibling : box.nextSibling?.nextSibling;
    if (way === 0) box.remove();
    else if (way > 0 ? box.nextSibling : to) list.insertBefore(box, to);
    renumber();
    if (way) box.querySelector("button").focus();
  };
  const button = (text, label, box, way) => h("button", { type: "button", class: "quiet", "aria-label": label, onclick: () => move(box, way) }, text);
  list.add = (value, before = null) => {
    const made = make(value);
    const box = h("section", { class: "step" });
    box.heading = h("h3", {});
    box.made = made;
    box.append(h("div", { class: "head" }, box.heading, h("span", { class: "buttons" },
      button("↑", "Move up", box, -1), button("↓", "Move down", box, 1), button("✕", `Remove this ${word.toLowerCase()}`, box, 0))), made.body);
    list.insertBefore(box, before);
    renumber();
    return box;
  };
  list.read = () => all().map((box) => box.made.read());
  /** Fields with their place in the document, given where the list stands in it. */
  list.fields = (path) => all().flatMap((box, i) => box.made.fields().map(([name, each]) => [name ? `${path}[${i}].${name}` : `${path}[${i}]`, each]));
  for (const value of values) list.add(value);
  return list;
}

/** Words of a text, by commas and lines. */
export const words = (text) => text.split(/[\n,]+/).map((each) => each.trim()).filter(Boolean);

/** Lines "name = value" as an object, and back. */
export const pairs = (text) => Object.fromEntries(text.split("\n").map((each) => each.trim()).filter(Boolean).map((each) => {
  const [name, ...value] = each.split("=");
  return [name.trim(), value.join("=").trim()];
}));
export const pairLines = (object) => Object.entries(object || {}).map(([name, value]) => `${name} = ${value}`).join("\n");

/** A number as a number; what is none stays text, so that the check says so. */
export const whole = (text) => (/^-?\d+$/.test(text) ? Number(text) : text);

/** What of a document is not the default: `defaults` by name. */
export const lean = (document, defaults) => Object.fromEntries(Object.entries(document).filter(([name, value]) =>
  !(name in defaults) || JSON.stringify(value) !== JSON.stringify(defaults[name])));
