// How a stored call stands in a table, on every screen that lists calls.

import { h } from "../lib/dom.js";
import { lasted, moment, NONE } from "../lib/format.js";

const KIND = { answered: "good", failed: "bad", refused: "bad", no_answer: "warn", busy: "warn", declined: "warn" };
export const outcome = (call) => h("span", { class: KIND[call.outcome] || "" }, call.outcome.replaceAll("_", " "));

/** The way of a call's legs in a few words: alpha-1 503 > beta-1 200. */
export const way = (call) => call.legs.map((leg) => `${leg.gateway ?? `attempt ${leg.attempt}`} ${leg.sip || leg.cause}`).join(" → ") || NONE;

/** Two things in one cell, the second small below the first. */
const under = (first, second) => [first, second ? h("small", {}, second) : null];
const causeOf = (c) => c.refused || (c.cause === "NORMAL_CLEARING" ? "" : c.cause);

export const callColumns = () => [
  { title: "started", cell: (c) => h("a", { href: `#/calls/${c.id}` }, moment(c.started)) },
  { title: "number", cell: (c) => c.number },
  { title: "caller", kind: "name", cell: (c) => under(c.caller || "withheld", c.caller_name) },
  { title: "outcome", cell: (c) => under(outcome(c), causeOf(c)) },
  { title: "talked", kind: "number", cell: (c) => (c.talk_ms ? lasted(c.talk_ms) : NONE) },
  { title: "gateways", kind: "way", cell: way },
];
