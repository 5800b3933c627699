// Dialogs, by the browser's own <dialog>: focus is kept inside, Escape closes, focus goes back.

import { h, unique } from "./dom.js";

/** Open a dialog over the page; resolves with what close(value) was given, null for Escape. */
export function open(title, build) {
  return new Promise((resolve) => {
    let result = null;
    const id = unique("dialog");
    const close = (value = null) => {
      result = value;
      box.close();
    };
    const box = h("dialog", { "aria-labelledby": id },
      h("div", { class: "dialog-head" }, h("h2", { id }, title),
        h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => close() }, "✕")),
      build(close));
    box.addEventListener("close", () => {
      box.remove();
      resolve(result);
    });
    document.body.append(box);
    box.showModal();
  });
}

/** Ask before something is done: resolves true or false. */
export const confirm = async (title, text, yes, danger = false) =>
  (await open(title, (close) => [
    h("p", {}, text),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: danger ? "danger" : "main", onclick: () => close(true) }, yes),
      h("button", { type: "button", onclick: () => close(false) }, "Cancel")),
  ].reduce((box, each) => (box.append(each), box), h("div", {})))) === true;
