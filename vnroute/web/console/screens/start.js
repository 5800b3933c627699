// Getting started: from nothing to a first routed call, on one page.

import { get, send } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { form } from "../lib/form.js";
import { outcome, warnings } from "../lib/saving.js";
import { table } from "../lib/table.js";

const lines = (text) => text.split(/[\n,]+/).map((each) => each.trim()).filter(Boolean);
const office = (id, account, zone) => ({ id, account, time_zone: zone, open: [{ days: "mon-fri", hours: "09:00-17:00" }] });

// Each gives the schedules and steps of a plan from what the form says.
const TEMPLATES = {
  "office hours": {
    says: "The first number from 9 to 5 on working days, the second at other times.",
    make: ({ plan, account, zone, rings }) => ({
      schedules: [office(`${plan}-hours`, account, zone)],
      steps: [{ when: `${plan}-hours`, ring: [rings[0]], seconds: 25 }, { ring: [rings[1] || rings[0]], seconds: 25 }, { hangup: "relay" }],
    }),
  },
  "follow me": {
    says: "One number after the other, twenty seconds each, until somebody answers.",
    make: ({ rings }) => ({ schedules: [], steps: [{ ring: rings, seconds: 20 }, { hangup: "relay" }] }),
  },
  "follow the sun": {
    says: "New York, London, Sydney: whichever office is open, in this order; the first at other times.",
    make: ({ plan, account, rings }) => {
      const sites = [["ny", "America/New_York"], ["london", "Europe/London"], ["sydney", "Australia/Sydney"]];
      return {
        schedules: sites.map(([site, zone]) => office(`${plan}-${site}`, account, zone)),
        steps: [...sites.map(([site], i) => ({ when: `${plan}-${site}`, ring: [rings[i] || rings[0]], seconds: 25 })), { ring: [rings[0]], seconds: 25 }, { hangup: "relay" }],
      };
    },
  },
  "campaign line": {
    says: "All numbers at once, and each call counted to the campaign.",
    make: ({ rings }) => ({ schedules: [], steps: [{ ring: rings, ...(rings.length > 1 ? { how: "together" } : {}), seconds: 25, show: "did" }, { hangup: "relay" }] }),
  },
};

export async function show(place) {
  const there = await get("/status", null, { signal: place.signal });
  const have = there.store || {};
  const said = h("div", { role: "status", "aria-live": "polite", class: "stack" });
  const hint = h("span", { class: "hint" });
  const wanted = (values) => {
    const rings = lines(values.rings);
    const { schedules, steps } = TEMPLATES[values.template].make({ plan: values.plan, account: values.account, zone: values.time_zone, rings });
    return { put: {
      accounts: [{ id: values.account, time_zone: values.time_zone }],
      schedules,
      plans: [{ id: values.plan, account: values.account, steps }],
      carriers: [{ id: values.carrier, gateways: [{ id: `${values.carrier}-1`, gateway: values.gateway }] }],
      numbers: [{ number: values.number, account: values.account, plan: values.plan, campaign: values.campaign }],
    } };
  };
  const box = form({
    button: "Make it, and place a test call",
    fields: [
      { name: "carrier", label: "1. A carrier", value: "alpha", required: true, hint: "who takes calls to other networks" },
      { name: "gateway", label: "Its gateway in FreeSWITCH", value: "alpha", required: true, hint: "the name in sip_profiles/…/gateways.xml" },
      { name: "account", label: "2. An account", value: "acme", required: true, hint: "whose numbers these are" },
      { name: "time_zone", label: "Its time zone", value: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", required: true },
      { name: "template", label: "3. A plan", kind: "select", options: Object.keys(TEMPLATES), value: "office hours" },
      { name: "plan", label: "Its name", value: "main", required: true },
      { name: "rings", label: "Who is rung: numbers, one a line", kind: "textarea", rows: 3, value: "+12125550100\n+19175550123" },
      { name: "number", label: "4. A number that is called", kind: "text", value: "+18005551234", required: true, hint: "the DID, with its country code" },
      { name: "campaign", label: "Its campaign", value: "", hint: "optional: where it is printed" },
    ],
    submit: async (values) => {
      fill(said, h("p", {}, "Checking…"));
      const { data } = await send("POST", "/edits", { body: wanted(values), query: { wait: 30 } });
      fill(said, h("p", { class: data.error ? "wrong" : "good" }, outcome(data)), warnings(data), h("p", {}, "Placing a test call…"));
      const { data: call } = await send("POST", "/test-calls", { body: { number: values.number, from: "+34911234567" } });
      said.lastChild.replaceWith(ladder(call, values.number));
    },
  });
  box.classList.add("two");
  const pick = () => {
    hint.textContent = TEMPLATES[box.values().template].says;
  };
  box.fields.template.input.addEventListener("change", pick);
  box.fields.template.append(hint);
  pick();
  place.main.append(place.head("Getting started"), h("div", { class: "stack" },
    have.numbers ? h("p", { class: "soft" }, "There is routing data already: what you make here is added to it; what bears the same name is changed.") : null,
    h("section", {}, h("p", {}, "From nothing to a first routed call. All of it is checked before anything is kept, then a simulated call is placed: nobody's phone rings."), box), h("section", {}, h("h2", {}, "What happened"), said.childNodes.length ? null : h("p", { class: "soft" }, "The test call is shown here, leg by leg."), said)));
}

/** A test call, leg by leg. */
export function ladder(call, number) {
  return h("div", { class: "stack" },
    h("p", { class: call.answered_by ? "good" : "wrong" },
      call.error || (call.answered_by ? `${number} was answered by ${call.answered_by} after ${(call.pdd ?? 0).toFixed(2)} s.` : `${number} was not answered: ${call.final_sip} ${call.final_cause}`)),
    table("Legs of the test call", [
      { title: "leg", kind: "number", cell: (leg) => (call.legs || []).indexOf(leg) + 1 },
      { title: "gateway", cell: (leg) => leg.gateway }, { title: "dialled", cell: (leg) => leg.number },
      { title: "outcome", cell: (leg) => (leg.answered ? "answered" : `${leg.sip || ""} ${leg.cause}`) },
      { title: "caller shown", cell: (leg) => leg.caller || "" },
    ], call.legs || [], "No leg was tried"),
    h("details", {}, h("summary", {}, "What vnroute said to FreeSWITCH"), h("pre", { class: "code", tabindex: "0" }, (call.plan || []).join("\n"))),
    h("p", {}, h("a", { href: "#/live" }, "See it live")));
}
