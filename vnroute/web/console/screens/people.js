// Users, keys, and who changed what.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { moment } from "../lib/format.js";
import { pagedTable, table } from "../lib/table.js";

export async function show(place) {
  const [users, keys] = await Promise.all([get("/users", null, { signal: place.signal }), get("/keys", null, { signal: place.signal })]);
  const audit = pagedTable({
    caption: "Audit log", none: "No change yet",
    columns: [
      { title: "when", cell: (e) => moment(e.time) },
      { title: "who", cell: (e) => e.who },
      { title: "what", cell: (e) => `${e.kind} ${e.key}` },
      { title: "account", cell: (e) => e.account },
      { title: "change", cell: (e) => (e.before === null ? "added" : e.after === null ? "removed" : "changed") },
    ],
    page: (before, signal) => get("/audit", { before, limit: 50 }, { signal }),
  });
  place.main.append(place.head("People & audit"), h("div", { class: "grid" },
    h("section", {}, h("h2", {}, "Users"), table("Users", [
      { title: "user", cell: (u) => u.id }, { title: "role", cell: (u) => u.role }, { title: "account", cell: (u) => u.account || "all" },
    ], users.items, "No users: the owner's key opens the console")),
    h("section", {}, h("h2", {}, "Keys"), table("Keys", [
      { title: "key", cell: (k) => k.id }, { title: "role", cell: (k) => k.role }, { title: "account", cell: (k) => k.account || "all" },
    ], keys.items, "No keys")),
    h("section", { class: "wide" }, h("h2", {}, "Audit log"), audit)));
}
