// What a screen shows in place of its content: loading, empty, no right, not there, an error.

import { h } from "./dom.js";

export const loading = (what = "") => h("p", { class: "loading", role: "status" }, what ? `Loading ${what}…` : "Loading…");

/** Nothing there yet: say what would be, and how to get it (texts and nodes). */
export const empty = (title, ...how) => h("div", { class: "state" }, h("h2", {}, title), how.length ? h("p", {}, how) : null);

/** A Problem in words, with a way on. */
export function failed(problem, again) {
  const retry = again ? h("p", {}, h("button", { type: "button", onclick: again }, "Try again")) : null;
  const box = (title, ...text) => h("div", { class: "state", role: "alert" }, h("h2", {}, title), text.map((each) => h("p", {}, each)), retry);
  if (problem.status === 403) return box("Not with your role", problem.message, "Ask an admin of this installation.");
  if (problem.status === 404) return box("There is nothing of that name", problem.message);
  if (problem.status === 0) return box("No answer", problem.message, "This page goes on by itself once it answers.");
  if (problem.status === 429) return box("Too many requests", "Wait a minute, then try again.");
  if (problem.status) {
    const list = problem.errors.map((e) => h("li", {}, h("code", {}, e.field), `: found ${e.found}, expected ${e.expected}`));
    return h("div", { class: "state", role: "alert" }, h("h2", {}, problem.title || "It did not work"), h("p", {}, problem.message), list.length ? h("ul", {}, list) : null, retry);
  }
  console.error(problem);
  return box("This screen has a mistake", `${problem.name}: ${problem.message}`);
}
