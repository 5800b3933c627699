// What is set by hand: schedules' states, persons' places, diverted calls, blocked ones; ended, and set.

import { get, send } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { moment, wall } from "../lib/format.js";
import { table } from "../lib/table.js";

const KINDS = [
  ["schedule", "a schedule is in the state"], ["person", "a person is at the place"], ["number", "calls to a number go to"],
  ["plan", "calls under a plan go to"], ["account", "calls of an account go to"], ["block", "an account's calls are blocked"],
];
const LEADS = { schedule: "schedules", person: "persons", number: "numbers", plan: "plans", account: "accounts" };

/** What an override says, in words. */
function told({ kind, id, state, to, seconds }) {
  const thing = LEADS[kind] ? h("a", { href: `#/${LEADS[kind]}/${encodeURIComponent(id)}` }, id) : h("strong", {}, id);
  if (kind === "block") {
    const [account, where] = id.split(":");
    return ["calls of ", h("a", { href: `#/accounts/${encodeURIComponent(account)}` }, account), ` ${where ? `to ${where}` : "to anywhere"} are blocked`];
  }
  if (state) return [`${kind} `, thing, kind === "person" ? " is at " : " is ", h("strong", {}, state)];
  return [`calls ${kind === "number" ? "to" : "of"} ${kind} `, thing, " go to ", h("strong", {}, to), seconds ? ` for ${seconds} s` : ""];
}

export async function show(place) {
  const { me } = place;
  // Who is limited to an account does not lift what stands against it.
  const mayEnd = (each) => me.may("operator") && (each.kind !== "block" || me.everywhere);
  const end = async (each) => {
    const [verb, text] = each.kind === "block" ? ["Lift", "Its calls are let through again, from the next one on."] : ["End", "Schedules and plans say again what becomes of calls, from the next one on."];
    if (!(await confirm(`${verb} ${each.kind} ${each.id}`, text, `${verb} it`, true))) return;
    try {
      await send("DELETE", `/overrides/${each.kind}/${encodeURIComponent(each.id)}`);
      place.tell(`${each.kind} ${each.id} is as before.`, "good");
      place.again();
    } catch (problem) {
      place.tell(problem.message, "bad");
    }
  };
  const { items } = await get("/overrides", null, { signal: place.signal });
  const list = table("Set by hand", [
    { title: "what", kind: "way", cell: (each) => h("span", {}, told(each)) },
    { title: "until", cell: ({ until }) => (until ? [wall(until), h("small", {}, `UTC${until.slice(-6)}`)] : "it is ended") },
    { title: "why", kind: "way", cell: ({ reason }) => reason },
    { title: "by", cell: ({ by, since }) => [by, h("small", {}, moment(since))] },
    { title: "account", cell: ({ account }) => account || "all" },
    ...(me.may("operator") ? [{ title: "", kind: "act", cell: (each) => (mayEnd(each) ? h("button", { type: "button", "aria-label": `${each.kind === "block" ? "Lift" : "End"} ${each.kind} ${each.id}`, onclick: () => end(each) }, each.kind === "block" ? "Lift" : "End") : null) }] : []),
  ], items, "Nothing is set by hand: schedules and plans say what becomes of calls");
  place.main.append(place.head("Overrides"), h("div", { class: "stack" }, h("section", {}, h("h2", {}, "Set by hand, in force"), list), me.may("operator") ? setting(place) : null));
}

function setting(place) {
  const kinds = place.me.everywhere ? KINDS : KINDS.filter(([kind]) => kind !== "block");
  const ASKED = { schedule: ["Schedule", "", "State"], person: ["Person", "", "Place"], number: ["Number", "+18005551234"], plan: ["Plan"], account: ["Account"], block: ["What is blocked", "acme, acme:+4470 or acme:GB"] };
  const box = form({
    button: "Set it",
    fields: [
      { name: "kind", label: "What", kind: "select", options: kinds, value: "schedule" },
      { name: "id", label: "Schedule", required: true },
      { name: "state", label: "State", hint: "one of its own: open, closed, desk" },
      { name: "to", label: "Where calls go", hint: "a number, or plan:ID" },
      { name: "seconds", label: "Seconds that it rings", kind: "number", min: 1, max: 600, value: 25 },
      { name: "until", label: "Until", placeholder: "2h", hint: "14:00, 2026-11-23T14:00, 90m, 2h, 3d; nothing: until it is ended" },
      { name: "reason", label: "Why" },
    ],
    submit: async ({ kind, id, state, to, seconds, until, reason }) => {
      const body = { until, reason, ...(STATED.includes(kind) ? { state } : kind === "block" ? {} : { to, seconds: Number(seconds) }) };
      const { data } = await send("PUT", `/overrides/${kind}/${encodeURIComponent(id)}`, { body });
      place.tell(`It is in force with the next call${data.instead_of ? ", in place of what was set before" : ""}.`, "good");
      place.again();
    },
  });
  const { kind, id, state, to, seconds } = box.fields;
  const turn = () => {
    const now = kind.read();
    state.hidden = !STATED.includes(now);
    to.hidden = STATED.includes(now) || now === "block";
    seconds.hidden = to.hidden;
    const [thing, like = "", value = ""] = ASKED[now];
    id.querySelector("label").textContent = thing;
    id.input.placeholder = like;
    state.querySelector("label").textContent = value;
  };
  kind.input.addEventListener("change", turn);
  turn();
  box.classList.add("two");
  return h("section", {}, h("h2", {}, "Set something by hand"), box);
}
const STATED = ["schedule", "person"];
