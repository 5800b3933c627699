// The documents of a kind: found by what ids hold, page by page, with a way to a new one.

import { get } from "./api.js";
import { h } from "./dom.js";
import { form } from "./form.js";
import { pagedTable } from "./table.js";

/** Show the list of a kind: {kind: "plans", one: "plan", title, columns, none, hint, mayAdd, limit, also}. The
 * first column is the id, which leads to the document; of a page's rows, the others get the document, and what
 * also(document, signal) finds out about it: a request for each, so keep the page's limit small. */
export function listing(place, { kind, one, title, columns, none, hint = [], mayAdd = place.me.may("operator"), limit = 100, also }) {
  const search = form({
    inline: true, button: "Find",
    fields: [{ name: "like", label: "Id holds", kind: "search", value: place.query.get("like") || "" }],
    submit: async ({ like }) => {
      place.go(`/${kind}${like ? `?like=${encodeURIComponent(like)}` : ""}`, { replace: true });
      place.query.set("like", like);
      await list.restart();
    },
  });
  const list = pagedTable({
    caption: title, none, hint,
    columns: [
      { title: one, cell: (row) => h("a", { href: `#/${kind}/${encodeURIComponent(row[one].id)}` }, row[one].id) },
      ...columns.map((column) => ({ ...column, cell: (row) => column.cell(row[one], row.also) })),
    ],
    page: async (after, signal) => {
      const found = await get(`/${kind}`, { after, like: place.query.get("like"), limit }, { signal });
      if (also) await Promise.all(found.items.map(async (row) => (row.also = await also(row[one], signal))));
      return found;
    },
  });
  place.main.append(place.head(title, mayAdd ? h("a", { href: `#/${kind}/+new` }, `New ${one}`) : null), search, h("section", {}, list));
}
