// Users, keys, and who changed what.

import { get, send } from "../lib/api.js";
import { confirm, open } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { moment } from "../lib/format.js";
import { pagedTable, table } from "../lib/table.js";

const ROLES = [["viewer", "viewer: sees"], ["operator", "operator: changes routing"], ["admin", "admin: users, keys, accounts too"]];
const role = (value = "viewer") => ({ name: "role", label: "Role", kind: "select", options: ROLES, value });
const account = (me, value = "") => ({ name: "account", label: "Account", value: me.account || value, hint: "nothing: all accounts" });

export async function show(place) {
  const [users, keys] = await Promise.all([get("/users", null, { signal: place.signal }), get("/keys", null, { signal: place.signal })]);
  const audit = pagedTable({
    caption: "Audit log", none: "No change yet",
    columns: [
      { title: "when", cell: (e) => moment(e.time) },
      { title: "who", cell: (e) => e.who },
      { title: "what", cell: (e) => `${e.kind} ${e.key}` },
      { title: "account", cell: (e) => e.account },
      { title: "change", cell: (e) => h("button", { type: "button", class: "quiet", onclick: () => change(e) }, e.before === null ? "added" : e.after === null ? "removed" : "changed") },
    ],
    page: (before, signal) => get("/audit", { before: before || 0, limit: 50 }, { signal }),
  });
  const remove = async (kind, id) => {
    if (!(await confirm(`Remove ${id}`, "It opens nothing any more, from now on.", "Remove", true))) return;
    await send("DELETE", `/${kind}/${encodeURIComponent(id)}`);
    place.tell(`${id} is removed.`, "good");
    place.again();
  };
  const button = (text, label, onclick) => h("button", { type: "button", class: "quiet", "aria-label": label, onclick }, text);
  place.main.append(place.head("People & audit"), h("div", { class: "grid" },
    h("section", { class: "stack" }, h("h2", {}, "Users"), table("Users", [
      { title: "user", cell: (u) => u.id }, { title: "role", cell: (u) => u.role }, { title: "account", cell: (u) => u.account || "all" },
      { title: "", cell: (u) => [button("Change", `Change ${u.id}`, () => changed(place, u)), button("Remove", `Remove ${u.id}`, () => remove("users", u.id))] },
    ], users.items, "No users: the owner's key opens the console"),
    h("details", { class: "card" }, h("summary", {}, "Add a user"), form({
      button: "Add the user",
      fields: [{ name: "id", label: "Name", required: true }, role(), account(place.me), { name: "password", label: "Password", kind: "password", required: true, hint: "12 characters or more", autocomplete: "new-password" }],
      submit: async (body) => {
        await send("POST", "/users", { body });
        place.tell(`${body.id} is added.`, "good");
        place.again();
      },
    }))),
    h("section", { class: "stack" }, h("h2", {}, "Keys of programs"), table("Keys", [
      { title: "key", cell: (k) => k.id }, { title: "role", cell: (k) => k.role }, { title: "account", cell: (k) => k.account || "all" },
      { title: "ends", cell: (k) => (k.expires ? moment(k.expires) : "never") }, { title: "used", cell: (k) => (k.used ? moment(k.used) : "never") },
      { title: "", cell: (k) => button("Remove", `Remove ${k.id}`, () => remove("keys", k.id)) },
    ], keys.items, "No keys"),
    h("details", { class: "card" }, h("summary", {}, "Add a key"), form({
      button: "Add the key",
      fields: [{ name: "id", label: "Name", required: true }, role(), account(place.me), { name: "days", label: "Days that it is good for", kind: "number", min: 0, max: 36500, value: 0, hint: "0: for good" }],
      submit: async ({ days, ...rest }) => {
        const { data } = await send("POST", "/keys", { body: { ...rest, seconds: Number(days) * 86400 } });
        await open(`The key ${data.id}`, (close) => h("div", { class: "stack" },
          h("p", {}, "It is told here and never again: keep it where secrets are kept."),
          h("pre", { class: "code", tabindex: "0" }, data.secret),
          h("div", { class: "buttons" }, h("button", { type: "button", class: "main", onclick: () => close() }, "I have it"))));
        place.again();
      },
    }))),
    h("section", { class: "wide" }, h("h2", {}, "Audit log"), audit)));
}

const changed = (place, user) => open(`Change ${user.id}`, (close) => form({
  button: "Change",
  fields: [role(user.role), account(place.me, user.account), { name: "password", label: "New password", kind: "password", hint: "nothing: it stays", autocomplete: "new-password" }],
  submit: async ({ password, ...body }) => {
    await send("PATCH", `/users/${encodeURIComponent(user.id)}`, { body: password ? { ...body, password } : body });
    close();
    place.tell(`${user.id} is changed; sessions that were open have ended.`, "good");
    place.again();
  },
}));

const written = (title, document) => h("div", {}, h("h3", {}, title), document === null ? h("p", { class: "soft" }, "nothing") : h("pre", { class: "code", tabindex: "0" }, JSON.stringify(document, null, 2)));
const change = (entry) => open(`${entry.kind} ${entry.key}`, () => h("div", { class: "stack" },
  h("p", { class: "soft" }, `${entry.who}, ${moment(entry.time)}`),
  h("div", { class: "grid" }, written("Before", entry.before), written("After", entry.after))));
