// Calls: found by number, caller, account, campaign and day; down to one call's ladder of attempts.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { count, country, lasted, moment, NONE } from "../lib/format.js";
import { form } from "../lib/form.js";
import { empty } from "../lib/states.js";
import { facts, pagedTable } from "../lib/table.js";
import { callColumns, outcome } from "./call_columns.js";

const OUTCOMES = [["", "all"], "answered", "busy", ["no_answer", "no answer"], "declined", "cancelled", "failed", "refused"];

export async function show(place) {
  if (place.path.length) return one(place, place.path[0]);
  const { query } = place;
  const fields = [
    { name: "number", label: "Number called", kind: "search", inputmode: "tel", placeholder: "+18005551234" },
    { name: "caller", label: "Caller", inputmode: "tel", placeholder: "+34911234567" },
    place.me.everywhere && { name: "account", label: "Account" },
    { name: "campaign", label: "Campaign" },
    { name: "outcome", label: "Outcome", kind: "select", options: OUTCOMES },
    { name: "from", label: "From (UTC day)", kind: "date" },
    { name: "to", label: "To", kind: "date" },
  ].filter(Boolean).map((each) => ({ ...each, value: query.get(each.name) || "" }));
  const asked = () => Object.fromEntries([...query].filter(([, value]) => value));
  const search = form({
    inline: true, button: "Find", fields,
    submit: async (values) => {
      const given = Object.entries(values).filter(([, value]) => value);
      await get("/calls", { ...Object.fromEntries(given), limit: 1 }, { signal: place.signal }); // problems go to their fields
      for (const name of [...query.keys()]) query.delete(name);
      for (const [name, value] of given) query.set(name, value);
      place.go(`/calls?${query}`, { replace: true });
      await list.restart();
    },
  });
  const list = pagedTable({
    caption: "Calls", columns: callColumns(), none: "No such calls", hint: ["Calls are stored as FreeSWITCH posts their records (docs/cdr.md)."],
    page: async (before, signal) => {
      try {
        const found = await get("/calls", { ...asked(), before, limit: 50 }, { signal });
        return { items: found.calls.toReversed(), next: found.next };
      } catch (error) {
        if (error.status === 503) return { items: [], next: "" }; // nothing stored yet
        throw error;
      }
    },
  });
  place.main.append(place.head("Calls"), search, h("section", {}, list));
}

async function one(place, id) {
  const call = await get(`/calls/${encodeURIComponent(id)}`, null, { signal: place.signal });
  const money = (amount, currency) => (amount ? `${amount} ${currency}`.trim() : null);
  const pair = (name, value) => (value === null || value === undefined || value === "" || value === NONE ? null : [name, value]);
  const tester = new URLSearchParams({ number: call.number, ...(call.caller ? { caller: call.caller } : {}), at: call.started.slice(0, 16) });
  place.main.append(
    place.head(`Call to ${call.number}`, h("a", { href: "#/calls" }, "All calls"), h("a", { class: "button", href: `#/route?${tester}` }, "Where would it go?")),
    h("div", { class: "grid" },
      h("section", {}, h("h2", {}, "The call"), facts([
        ["outcome", outcome(call)], pair("refused for", call.refused), ["cause", `${call.cause} (Q.850 ${call.q850})`], pair("SIP", call.sip || ""),
        ["caller", call.caller || "withheld"], pair("name", call.caller_name), pair("from", [call.area, country(call.country)].filter(Boolean).join(", ")),
        ["started", moment(call.started)], pair("answered", moment(call.answered)), ["ended", moment(call.ended)],
        ["PDD", call.pdd_ms === null ? NONE : lasted(call.pdd_ms)], ["lasted", lasted(call.duration_ms)], ["talked", lasted(call.talk_ms)],
      ])),
      h("section", {}, h("h2", {}, "What decided it"), facts([
        pair("account", call.account), pair("plan", call.plan && h("a", { href: `#/plans/${encodeURIComponent(call.plan)}` }, call.plan)),
        pair("campaign", call.campaign && h("a", { href: `#/calls?campaign=${encodeURIComponent(call.campaign)}` }, call.campaign)),
        ["generation", count(call.generation)], ["plans gone through", count(call.hops)], ["switch", call.switch],
        pair("cost", money(call.cost, call.cost_currency)), pair("cost to receive", money(call.receive_cost, call.receive_currency)),
        pair("price", money(call.price, call.price_currency)), pair("margin", call.margin),
        ["uuid", h("code", {}, call.uuid)],
      ])),
      h("section", { class: "wide" }, h("h2", {}, `Attempts: ${call.legs.length}`),
        call.legs.length ? ladder(call) : empty("No leg was made", call.refused ? "vnroute refused the call." : "The plan ended it, or every gateway was down."))));
}

/** The legs one below the other, each with a bar of the time it took to ring and talk. */
function ladder(call) {
  const longest = Math.max(1, ...call.legs.map((leg) => (leg.pdd_ms || 0) + leg.talk_ms));
  return h("ol", { class: "ladder" }, call.legs.map((leg) => {
    const ring = h("i", { class: "ring" }), talk = h("i", { class: "talk" });
    ring.style.width = `${(100 * (leg.pdd_ms || 0)) / longest}%`;
    talk.style.width = `${(100 * leg.talk_ms) / longest}%`;
    return h("li", { class: leg.outcome === "answered" ? "won" : "" },
      h("div", { class: "rung" },
        h("strong", {}, leg.carrier === undefined ? `Attempt ${leg.attempt}` : `${leg.carrier || "unknown carrier"} · ${leg.gateway || "?"}`),
        h("code", {}, leg.dialled), h("span", { class: "spring" }), outcome(leg),
        h("span", {}, leg.cause), h("span", { class: "mono" }, leg.sip ? `SIP ${leg.sip}` : "SIP code not told")),
      h("div", { class: "span", "aria-hidden": "true" }, ring, talk),
      h("p", { class: "soft" }, [
        leg.pdd_ms === null || leg.pdd_ms === undefined ? "PDD not told" : `PDD ${lasted(leg.pdd_ms)}`, `talked ${lasted(leg.talk_ms)}`, leg.destination && country(leg.destination),
        leg.read_codec, leg.mos !== null && leg.mos !== undefined && `MOS ${leg.mos}, jitter ${leg.jitter_ms} ms, loss ${leg.loss_percent} %`,
        leg.rate && `${leg.rate} ${leg.currency} a minute (prefix ${leg.prefix}), ${leg.billed_seconds} s billed, cost ${leg.cost}`,
      ].filter(Boolean).join(" · ")));
  }));
}
