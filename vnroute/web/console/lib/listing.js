// The documents of a kind: found by what ids hold, page by page, with a way to a new one.

import { get } from "./api.js";
import { h } from "./dom.js";
import { form } from "./form.js";
import { pagedTable } from "./table.js";

/** Show the list of a kind: {kind: "plans", one: "plan", title, columns, none, hint, mayAdd}. The first
 * column is the id, which leads to the document; of a page's rows, the others get the document. */
export function listing(place, { kind, one, title, columns, none, hint = [], mayAdd = place.me.may("operator") }) {
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
      ...columns.map((column) => ({ ...column, cell: (row) => column.cell(row[one]) })),
    ],
    page: (after, signal) => get(`/${kind}`, { after, like: place.query.get("like") }, { signal }),
  });
  place.main.append(place.head(title, mayAdd ? h("a", { href: `#/${kind}/+new` }, `New ${one}`) : null), search, h("section", {}, list));
}
