// Any other document, as a routing file has it: JSON in a text field, checked before it is saved.

import { getTagged, send } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { fill, h } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { check, outcome, save, warnings } from "../lib/saving.js";

/** Show the editor of one of `kind` ("schedules"); id null makes a new one from `blank`. */
export async function edit(place, kind, one, id, blank) {
  const path = (key) => `/${kind}/${encodeURIComponent(key)}`;
  const stored = id ? await getTagged(path(id), null, { signal: place.signal }) : { data: blank, etag: "" };
  let etag = stored.etag;
  const said = h("div", { role: "status" });
  const read = ({ id: key, text }) => {
    try {
      return { ...JSON.parse(text), id: key };
    } catch (error) {
      const wrong = new Error("The text is no JSON.");
      wrong.errors = [{ field: "text", found: error.message, expected: "JSON" }];
      throw wrong;
    }
  };
  const shown = (document) => JSON.stringify({ ...document, id: undefined }, null, 2);
  const box = form({
    button: "Save",
    fields: [
      { name: "id", label: one[0].toUpperCase() + one.slice(1), value: id || "", required: true },
      { name: "text", label: "As a routing file has it, in JSON", kind: "textarea", rows: 22, value: shown(stored.data) },
    ],
    submit: async (values) => {
      const done = await save(path(values.id), read(values), etag);
      if (!done) return;
      etag = done.etag;
      box.fields.id.input.readOnly = true;
      place.tell(outcome(done.told), done.told.error ? "bad" : "good");
      fill(said, warnings(done.told));
    },
    more: [
      h("button", { type: "button", onclick: async () => {
        Object.values(box.fields).forEach((each) => each.tell(""));
        fill(said);
        try {
          const values = box.values();
          const told = await check(path(values.id), read(values), etag);
          fill(said, h("p", { class: "good" }, "All of it is right. Nothing was saved."), warnings(told));
        } catch (problem) {
          if (problem.name !== "AbortError") box.show(problem);
        }
      } }, "Check"),
      id ? h("button", { type: "button", class: "danger", onclick: async () => {
        if (!(await confirm(`Remove this ${one}`, `${id} is removed for good, if nothing uses it.`, "Remove", true))) return;
        try {
          const { data } = await send("DELETE", path(id), { etag, query: { wait: 20 } });
          place.tell(outcome(data), "good");
          place.go(`/${kind}`);
        } catch (problem) {
          box.show(problem);
        }
      } }, "Remove") : null,
    ],
  });
  box.fields.id.input.readOnly = Boolean(id);
  box.fields.text.classList.add("code-field");
  place.main.append(place.head(id ? `Edit ${id}` : `New ${one}`, h("a", { href: `#/${kind}` }, `All ${kind}`)), h("section", {}, box, said));
}
