// Tables. A column: {title, cell: (row) => text or node, kind: "number" | "text" | "wide", sort}.
// Wide tables scroll sideways in a box of their own, which the keyboard can reach.

import { fill, h, unique } from "./dom.js";
import { empty, failed, loading } from "./states.js";

/** A table of rows that are all at hand. */
export function table(caption, columns, rows, none = "Nothing yet") {
  // On a phone each row of a wide table, or one of long texts, is a card of names and values; the roles say
  // what the layout hides.
  const many = columns.length > 3 || columns.some(({ kind }) => kind?.startsWith("way"));
  const body = h("tbody", { role: "rowgroup" });
  const cellOf = (row) => (c) => h("td", { class: c.kind, role: "cell", "data-title": c.title }, c.cell(row));
  const box = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { role: "table", class: many ? "many" : null },
      h("caption", { class: "unseen" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((c) => h("th", { scope: "col", role: "columnheader", class: c.kind }, c.title)))),
      body));
  box.update = (now) => {
    fill(body, now.length
      ? now.map((row) => h("tr", { role: "row" }, columns.map(cellOf(row))))
      : h("tr", { role: "row" }, h("td", { colspan: columns.length, class: "soft", role: "cell" }, none)));
  };
  box.update(rows);
  return box;
}

/** Names and values; split: in as many columns as there is room for. */
export const facts = (pairs, split = false) => h("dl", { class: split ? "facts split" : "facts" }, pairs.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

/** A table that asks for one page after the other, so that a million rows are a page like any other.
 * page(after, signal) -> {items, next}; "next" is empty at the end. What is shown is replaced. */
export function pagedTable({ caption, columns, page, none = "Nothing here yet", hint = [], size = 0 }) {
  const inner = table(caption, columns, []);
  const holder = h("div", {});
  const where = h("span", { class: "soft", role: "status" });
  const back = h("button", { type: "button", onclick: () => turn(-1) }, "Back");
  const on = h("button", { type: "button", onclick: () => turn(1) }, "Next");
  const pager = h("div", { class: "pager", id: unique("pager") }, back, on, where);
  let cursors = [""], next = "", running = null, before = 0;
  const box = h("div", { class: "paged" }, holder);

  async function show() {
    running?.abort();
    running = new AbortController();
    const mine = running;
    box.setAttribute("aria-busy", "true");
    if (!holder.firstChild) fill(holder, loading());
    try {
      const found = await page(cursors.at(-1), mine.signal);
      next = found.next;
      if (!found.items.length && cursors.length === 1) {
        fill(holder, empty(none, ...hint));
      } else {
        inner.update(found.items);
        if (inner.parentNode !== holder) fill(holder, inner, pager);
        back.disabled = cursors.length === 1;
        on.disabled = !next;
        pager.hidden = back.disabled && on.disabled && found.items.length < 20;
        const first = before + 1;
        where.textContent = found.items.length ? `${first} – ${before + found.items.length}${next ? ", more follow" : ", the end"}` : "the end";
        box.dataset.items = found.items.length;
        size = size || found.items.length;
      }
    } catch (error) {
      if (error.name !== "AbortError") fill(holder, failed(error, show));
    } finally {
      if (mine === running) box.removeAttribute("aria-busy");
    }
  }

  function turn(way) {
    if (way > 0 && next) {
      cursors.push(next);
      before += Number(box.dataset.items || 0);
    } else if (way < 0 && cursors.length > 1) {
      cursors.pop();
      before = Math.max(0, (cursors.length - 1) * size);
    }
    show().then(() => inner.scrollIntoView({ block: "nearest" }));
  }

  /** Begin at the first page again: what is asked for has changed. */
  box.restart = () => {
    cursors = [""];
    before = 0;
    size = 0;
    return show();
  };
  box.reload = show;
  show();
  return box;
}
