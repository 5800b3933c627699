// The way in: a user's name and password, or a key.

import { send } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { form } from "../lib/form.js";

/** Fill `main` with the log-in page; `enter` is called once a session is open. */
export function logIn(main, why, enter) {
  const opened = async (body) => {
    await send("POST", "/session", { body, quiet: true });
    await enter();
  };
  const byPassword = form({
    button: "Log in",
    fields: [
      { name: "user", label: "User", required: true, autocomplete: "username" },
      { name: "password", label: "Password", kind: "password", required: true, autocomplete: "current-password" },
    ],
    submit: opened,
  });
  const byKey = form({
    button: "Log in with the key",
    fields: [{ name: "key", label: "Key", kind: "password", required: true, hint: "vnr_…, or the owner's key" }],
    submit: opened,
  });
  fill(main, h("div", { class: "page narrow" },
    h("h1", {}, "Log in"),
    why ? h("p", { role: "status" }, why) : null,
    h("section", { class: "card" }, byPassword),
    h("details", { class: "card" }, h("summary", {}, "With a key instead"), byKey),
    h("p", { class: "soft" }, "On the server itself, ", h("code", {}, "vnroute console"), " prints an address that opens this page for the installation's owner.")));
  byPassword.fields.user.input.focus();
}
