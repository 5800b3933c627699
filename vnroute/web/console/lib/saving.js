// Saving what is edited: checked first, never over somebody else's change.

import { getTagged, send } from "./api.js";
import { open } from "./dialog.js";
import { h } from "./dom.js";

/** Check a document without keeping anything; resolves with what would be done, throws a Problem. */
export const check = async (path, body, etag) =>
  (await send("PUT", path, { body, etag, create: !etag, query: { dry_run: true } })).data;

/** Save a document; resolves with {told, etag}, or null where the person went back to look.
 * Where somebody else was faster, both are shown, and the person chooses. */
export async function save(path, body, etag, { wait = 20 } = {}) {
  try {
    const { data, etag: now } = await send("PUT", path, { body, etag, create: !etag, query: { wait } });
    return { told: data, etag: now };
  } catch (problem) {
    if (problem.status !== 412) throw problem;
    const theirs = await getTagged(path);
    const mine = await conflict(theirs.data, body);
    return mine ? save(path, body, theirs.etag, { wait }) : null;
  }
}

const shown = (document) => h("pre", { class: "code", tabindex: "0" }, JSON.stringify(document, null, 2));

const conflict = (theirs, mine) => open("Somebody else changed it meanwhile", (close) =>
  h("div", { class: "stack" },
    h("p", {}, "Look at both. Nothing is saved until you choose."),
    h("div", { class: "grid" },
      h("div", {}, h("h3", {}, "As it is now"), shown(theirs)),
      h("div", {}, h("h3", {}, "As you have it"), shown(mine))),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "danger", onclick: () => close(true) }, "Save mine over it"),
      h("button", { type: "button", onclick: () => close(false) }, "Go back"))));

/** In words, what became of a change. */
export function outcome(told) {
  if (!told.applied) return "Nothing was kept.";
  if (!told.added && !told.changed && !told.removed) return "Saved; nothing was different.";
  if (told.live) return `Saved, and live${told.generation ? ` in generation ${told.generation}` : ""}.`;
  return told.error ? `Saved, but not live: ${told.error}` : "Saved; it goes live with the next compilation.";
}

/** Warnings of a change, as a list. */
export const warnings = (told) => (told.warnings?.length
  ? h("ul", { class: "warn" }, told.warnings.map((w) => h("li", {}, h("code", {}, w.field), `: ${w.found}; ${w.expected}`)))
  : null);
