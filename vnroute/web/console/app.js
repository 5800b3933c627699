// The console: plain ES modules, no build step, nothing from elsewhere.
//
// How it is made, for whoever adds a screen:
//
// - A screen is a file in screens/, named in screens/index.js (id, title, key, group, who may see it).
//   It exports `show(place)`, which fills place.main and may be async. What it throws is shown as the
//   state page that fits (lib/states.js). place has
//     main      the element to fill (empty); make one <h1>, by place.head(title, ...buttons)
//     path      what follows the screen's id in the address: #/plans/acme-main -> ["acme-main"]
//     query     the rest as URLSearchParams: #/calls?number=%2B1800
//     me        who is logged in: {name, role, account, how}; me.may("operator"), me.everywhere
//     signal    aborted when the screen is left: give it to every request
//     leave(fn) calls fn when the screen is left (timers, charts' .end)
//     key(k, what, fn)   a key of this screen; it is listed under ?
//     go(address, {replace})   to another address: go("/plans/x"); replace changes only the address
//     again()   show the screen anew
//     tell(text, kind)   a line at the top that goes by itself: "good", "bad" or ""
// - Addresses are the part after #; whatever a person may want to send to another stands in it.
// - lib/api.js asks: get(path, query, {signal}), getTagged, send(method, path, {body, etag, create,
//   query}). Refusals are thrown as Problem (status, title, message, errors at fields). 401 leads to
//   the log-in page, no answer to the banner; nobody else has to care.
// - lib/dom.js makes elements: h(name, attributes, ...children). Texts become text nodes, always. There
//   is no innerHTML: the page's policy (Trusted Types) throws on it. No style attributes: classes, or
//   element.style.x = … (what is measured, such as a width).
// - lib/table.js: table (all rows at hand; .update(rows)), pagedTable (by cursor), facts.
//   lib/form.js: form and field, problems at their fields. lib/dialog.js: open, confirm.
//   lib/chart.js: chart, bar. lib/format.js: count, share, span, moment, wall… lib/states.js: loading,
//   empty, failed. lib/status.js: watch(fn), the status each second.
// - One way to save: send("PUT", …, {body, etag, query: {dry_run: true}}) checks; the same without it
//   saves. On 412 somebody else was faster: show both, never overwrite. Then place.tell what is live.
// - Every control has a label, every table a caption, colour is never the only sign, and all of it works
//   by keyboard, at 360 pixels, light and dark: tests/web/test_console.py walks every screen with axe.

import * as api from "./lib/api.js";
import { fill, h } from "./lib/dom.js";
import * as keys from "./lib/keys.js";
import { failed, loading } from "./lib/states.js";
import * as status from "./lib/status.js";
import { logIn } from "./screens/login.js";
import { SCREENS } from "./screens/index.js";

const at = (id) => document.getElementById(id);
const RANKS = ["viewer", "operator", "admin"];
let me = null, leaving = [], current = null;

// Themes: the system's, unless one is chosen.
const THEMES = [["", "System"], ["light", "Light"], ["dark", "Dark"]];
function themed(name) {
  const root = document.documentElement;
  if (name) root.dataset.theme = name;
  else delete root.dataset.theme;
  try {
    localStorage.setItem("theme", name);
  } catch (error) {
    console.warn("theme not kept", error);
  }
  const chosen = at("theme");
  if (chosen) chosen.value = name;
  dispatchEvent(new Event("themed"));
}
const nextTheme = () => {
  const now = THEMES.findIndex(([name]) => name === (document.documentElement.dataset.theme || ""));
  themed(THEMES[(now + 1) % 3][0]);
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themed")));

// A line at the top: what was done, or that nobody answers.
let noticeTimer = 0;
function tell(text, kind = "") {
  clearTimeout(noticeTimer);
  fill(at("notice"), text ? h("p", { class: `notice ${kind}` }, text) : null);
  if (text) noticeTimer = setTimeout(() => tell(""), 8000);
}

let knocking = 0;
api.events.addEventListener("away", () => {
  clearTimeout(noticeTimer);
  fill(at("notice"), h("p", { class: "notice bad", id: "away" },
    "The control process does not answer. Calls are routed without it; trying again every few seconds. ",
    h("button", { type: "button", onclick: () => api.knock() }, "Try now")));
  chip("bad", "no answer");
  clearInterval(knocking);
  knocking = setInterval(() => api.knock(), 3000);
});
api.events.addEventListener("back", () => {
  clearInterval(knocking);
  tell("It answers again.", "good");
  if (!me) begin();
  else if (at("main").querySelector(".state[role=alert]")) route();
});
api.events.addEventListener("logged-out", () => {
  if (!me) return;
  me = null;
  outside("Your session has ended. Log in to go on where you were.");
});

function chip(kind, text) {
  const state = at("state");
  if (!state) return;
  state.className = `chip ${kind}`;
  if (state.textContent !== text) state.textContent = text;
}
function judge(seen) {
  const lagging = seen.lagging?.length;
  if (!seen.serving) chip("bad", "no worker answers");
  else if (lagging) chip("warn", "a worker lags behind");
  else chip("good", "answering");
}

const mayNow = (screen) => me !== null && (!screen.may || screen.may(me));

function bar() {
  const seen = SCREENS.filter(mayNow);
  const toggle = h("button", { type: "button", class: "quiet menu-button", "aria-expanded": "false", "aria-controls": "menu" }, "Menu");
  toggle.addEventListener("click", () => menu(toggle.getAttribute("aria-expanded") !== "true"));
  fill(at("bar"), me ? toggle : null, h("a", { class: "brand", href: "#/live" }, "vnroute"),
    me ? h("span", { id: "state", class: "chip", role: "status", "aria-live": "polite" }, "connecting…") : null,
    h("span", { class: "spring" }),
    h("span", { class: me ? "tools" : "" },
      h("label", { class: "theme" }, h("span", { class: "unseen" }, "Theme"),
        h("select", { id: "theme", onchange: (event) => themed(event.target.value) },
          THEMES.map(([name, word]) => h("option", { value: name, selected: name === (document.documentElement.dataset.theme || "") }, word)))),
      me ? h("button", { type: "button", class: "quiet", "aria-label": "Keys", onclick: keys.help }, "?") : null,
      me ? h("span", { class: "who" }, me.name, h("small", {}, `${me.role}${me.account ? ` of ${me.account}` : ""}`)) : null,
      me ? h("button", { type: "button", class: "quiet", onclick: logOut }, "Log out") : null));
  const groups = [...new Set(seen.map((s) => s.group))];
  at("menu").hidden = !me;
  fill(at("menu"), groups.map((group) => h("ul", { "aria-label": group }, seen.filter((s) => s.group === group)
    .map((s) => h("li", {}, h("a", { href: `#/${s.id}`, "data-screen": s.id, onclick: () => menu(false) }, s.title))))));
}
function menu(opened) {
  document.body.classList.toggle("menu-open", opened);
  document.querySelector(".menu-button")?.setAttribute("aria-expanded", String(opened));
}

async function logOut() {
  try {
    await api.send("DELETE", "/session");
  } finally {
    me = null;
    outside("You are logged out.");
  }
}

function leave() {
  current?.abort();
  for (const act of leaving.splice(0)) act();
  keys.forgetOwn();
}

function outside(why = "") {
  leave();
  status.end();
  bar();
  document.title = "Log in · vnroute";
  logIn(at("main"), why, enter);
}

async function enter() {
  const told = await api.get("/me", null, { quiet: true });
  me = { ...told, everywhere: !told.account, may: (role) => RANKS.indexOf(told.role) >= RANKS.indexOf(role) };
  bar();
  status.begin();
  route().then(fetchAll);
}

/** Go to an address of the console: "/calls?number=…". */
function go(address, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", `#${address}`);
    return;
  }
  if (location.hash === `#${address}`) route();
  else location.hash = address;
}

async function loaded(screen) {
  try {
    return await screen.load();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // a mistake in the file
    await api.knock();
    throw api.isAway() ? api.unanswered() : error;
  }
}

/** Screens are small: all of them are fetched once the first is shown, and so are there offline. */
function fetchAll() {
  Promise.all(SCREENS.filter(mayNow).map((screen) => screen.load())).catch((error) => console.info("not all screens are here yet", error.message));
}

async function route() {
  if (!me) return;
  leave();
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [id = "", ...rest] = path.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  if (!id) return go("/live", { replace: true }), route();
  const screen = SCREENS.find((each) => each.id === id);
  const main = h("main", { id: "main", tabindex: "-1", class: `screen-${screen ? id : "none"}` }, loading());
  at("main").replaceWith(main);
  for (const link of document.querySelectorAll("#menu a")) {
    if (link.dataset.screen === id) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  current = new AbortController();
  const mine = current;
  document.title = `${screen ? screen.title : "Not there"} · vnroute`;
  const page = h("div", { class: "page" });
  const place = {
    main: page, path: rest, query: new URLSearchParams(query), me, signal: mine.signal, go, tell,
    again: route,
    leave: (act) => (mine.signal.aborted ? act() : leaving.push(act)),
    key: (key, what, act) => mine.signal.aborted || keys.bindOwn(key, what, act),
    head: (title, ...buttons) => {
      document.title = `${title} · vnroute`;
      return h("div", { class: "head" }, h("h1", {}, title), h("div", { class: "buttons" }, buttons));
    },
  };
  const wrong = (error) => {
    if (error.name === "AbortError" || mine.signal.aborted || error.status === 401) return;
    fill(main, h("h1", { class: page.querySelector("h1") ? "" : "unseen" }, screen?.title || "Not there"), failed(error, route));
  };
  try {
    if (!screen) throw new api.Problem(404, { detail: `The console has no screen ${id}.` });
    if (!mayNow(screen)) throw new api.Problem(403, { detail: `${me.name} is ${me.role}${me.account ? ` of ${me.account}` : ""}.` });
    const module = await loaded(screen);
    if (mine.signal.aborted) return;
    const shown = module.show(place);
    // What is there at once is shown at once; the rest of it fills in.
    fill(main, page.childNodes.length ? page : loading());
    await shown;
    if (!mine.signal.aborted && page.parentNode !== main) fill(main, page);
    if (moved) main.focus({ preventScroll: true });
  } catch (error) {
    wrong(error);
  }
}

let moved = false;
addEventListener("hashchange", () => {
  moved = true;
  menu(false);
  tell("");
  route();
});

function find() {
  const field = at("main").querySelector("[data-search]");
  if (field) {
    field.focus();
    field.select?.();
  } else go("/numbers");
}
keys.bind("/", "find", find);
keys.bind("t", "light, dark or the system's colours", nextTheme);
keys.bind("?", "these keys", keys.help);
for (const screen of SCREENS) {
  keys.bindScreen(screen.key, screen.title.toLowerCase(), () => mayNow(screen) && go(`/${screen.id}`));
}

/** The address that `vnroute console` prints bears a key after #: it opens a session, and is forgotten. */
async function start() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key) {
    history.replaceState(null, "", location.pathname);
    try {
      await api.send("POST", "/session", { body: { key }, quiet: true });
    } catch (error) {
      if (error.status !== 401) throw error;
      return outside("The address's key is not known here; run \"vnroute console\" again.");
    }
  }
  await enter();
}

function begin() {
  start().catch((error) => {
    if (error.status === 401) return outside();
    bar();
    fill(at("main"), h("h1", { class: "unseen" }, "vnroute"), failed(error, begin));
  });
}
status.watch(judge);
begin();
