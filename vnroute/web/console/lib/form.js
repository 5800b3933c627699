// Forms. A field: {name, label, kind, hint, required, options, list, value, placeholder}; kind is text,
// search, number, password, date, week, datetime-local, checkbox, select or textarea; list are
// values that a text is offered.

import { fill, h, unique } from "./dom.js";

export function field(spec) {
  const id = unique(spec.name);
  const common = {
    id, name: spec.name, required: spec.required, value: spec.value,
    "aria-describedby": `${id}-hint ${id}-wrong`, autocomplete: spec.autocomplete || "off",
  };
  let input;
  if (spec.kind === "select") {
    input = h("select", { ...common, value: undefined }, spec.options.map((each) => {
      const [value, text] = Array.isArray(each) ? each : [each, each];
      return h("option", { value, selected: value === spec.value }, text);
    }));
  } else if (spec.kind === "textarea") {
    input = h("textarea", { ...common, rows: spec.rows || 8, spellcheck: "false" });
  } else if (spec.kind === "checkbox") {
    input = h("input", { ...common, value: undefined, type: "checkbox", checked: spec.value });
  } else {
    input = h("input", {
      ...common, type: spec.kind || "text", placeholder: spec.placeholder, inputmode: spec.inputmode,
      spellcheck: "false", min: spec.min, max: spec.max, "data-search": spec.kind === "search", list: spec.list ? `${id}-list` : null,
    });
  }
  const wrong = h("span", { class: "wrong", id: `${id}-wrong` });
  const box = h("div", { class: `field ${spec.kind || "text"}` },
    h("label", { for: id }, spec.label), input, spec.list ? h("datalist", { id: `${id}-list` }, spec.list.map((value) => h("option", { value }))) : null,
    h("span", { class: "hint", id: `${id}-hint` }, spec.hint || ""), wrong);
  box.input = input;
  box.spec = spec;
  box.read = () => (spec.kind === "checkbox" ? input.checked : input.value.trim());
  box.tell = (text) => {
    wrong.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  return box;
}

const said = (error) => `found ${error.found}, expected ${error.expected}`;

/** A form: submit(values) may throw a Problem, whose errors are shown at their fields (by name, or
 * by the first part of a path: "steps[0].ring"); the others, and what has no field, above. */
export function form({ fields, button, submit, inline = false, more = [] }) {
  const made = fields.map(field);
  const top = h("div", { class: "wrong", role: "alert" });
  const go = h("button", { type: "submit", class: "main" }, button);
  const box = h("form", { class: inline ? "inline" : "stacked", novalidate: false }, top, made, h("div", { class: "buttons" }, go, more));
  box.values = () => Object.fromEntries(made.map((each) => [each.spec.name, each.read()]));
  box.fields = Object.fromEntries(made.map((each) => [each.spec.name, each]));
  box.show = (problem) => {
    const rest = [];
    let first = null;
    for (const error of problem.errors || []) {
      const at = made.find((each) => error.field === each.spec.name || error.field.split(/[.[]/)[0] === each.spec.name);
      if (at) {
        at.tell(error.field === at.spec.name ? said(error) : `${error.field}: ${said(error)}`);
        first = first || at;
      } else rest.push(h("li", {}, h("code", {}, error.field), `: ${said(error)}`));
    }
    fill(top, first && !rest.length ? null : h("p", {}, problem.message), rest.length ? h("ul", {}, rest) : null);
    first?.input.focus();
  };
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    made.forEach((each) => each.tell(""));
    fill(top);
    go.disabled = true;
    try {
      await submit(box.values(), box);
    } catch (error) {
      if (error.name !== "AbortError") box.show(error);
    } finally {
      go.disabled = false;
    }
  });
  return box;
}
