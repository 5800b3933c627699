// Schedules: the list.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { pagedTable } from "../lib/table.js";

export async function show(place) {
  const search = form({
    inline: true, button: "Find",
    fields: [{ name: "like", label: "Id holds", kind: "search", value: place.query.get("like") || "" }],
    submit: async ({ like }) => {
      place.go(`/schedules${like ? `?like=${encodeURIComponent(like)}` : ""}`, { replace: true });
      place.query.set("like", like);
      await list.restart();
    },
  });
  const list = pagedTable({
    caption: "Schedules", none: "No schedules", hint: ["A schedule says what state it is when: open, closed, night."],
    columns: [
      { title: "schedule", cell: ({ schedule }) => schedule.id },
      { title: "account", cell: ({ schedule }) => schedule.account || "all" },
      { title: "time zone", cell: ({ schedule }) => schedule.time_zone || "the account's" },
    ],
    page: (after, signal) => get("/schedules", { after, like: place.query.get("like") }, { signal }),
  });
  place.main.append(place.head("Schedules"), search, h("section", {}, list));
}
