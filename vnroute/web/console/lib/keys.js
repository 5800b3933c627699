// Keys that are always there: g then a letter goes to a screen, / finds, ? tells, t themes.
// A screen adds its own by place.key("p", "pause", fn); they end with it.

import { h } from "./dom.js";
import { open } from "./dialog.js";

const always = [], screens = [];
let own = [], waiting = 0;

export const bind = (key, what, act) => always.push({ key, what, act });
export const bindScreen = (key, what, act) => screens.push({ key, what, act });
export const bindOwn = (key, what, act) => own.push({ key, what, act });
export const forgetOwn = () => (own = []);

export function help() {
  const rows = (list, before) => list.map(({ key, what }) => h("div", {}, h("dt", {}, before, h("kbd", {}, key)), h("dd", {}, what)));
  return open("Keys", () => h("dl", { class: "keys" },
    rows(own), rows(always), rows(screens, [h("kbd", {}, "g"), " "])));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest?.("input, select, textarea, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  let list = [...own, ...always];
  if (waiting && event.timeStamp - waiting < 1500) list = screens;
  else if (event.key === "g" && screens.length) {
    waiting = event.timeStamp;
    return;
  }
  waiting = 0;
  const found = list.find(({ key }) => key === event.key);
  if (found) {
    event.preventDefault();
    found.act();
  }
});
