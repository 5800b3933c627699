// Carriers and their gateways, with what today's calls say of them.

import { get, send } from "../lib/api.js";
import { open } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { count, fixed, lasted, moment, NONE, share, today } from "../lib/format.js";
import { form } from "../lib/form.js";
import { pagedTable } from "../lib/table.js";
import { edit } from "./carrier_editor.js";

export async function show(place) {
  if (place.path.length) return edit(place, place.path[0] === "+new" ? null : place.path[0]);
  let seen = new Map(), states = new Map();
  // Draining is asked for: it moves calls to other carriers.
  const act = async (gateway, verb, body) => {
    try {
      await send("POST", `/gateways/${encodeURIComponent(gateway)}/${verb}`, { body });
      place.tell(verb === "drain" ? `${gateway} takes no new calls.` : `${gateway} takes calls again.`, "good");
      await list.reload();
      // What workers are told follows within a second.
      const timer = setTimeout(() => list.reload(), 1500);
      place.leave(() => clearTimeout(timer));
    } catch (problem) {
      place.tell(problem.message, "bad");
    }
  };
  const drain = (gateway) => open(`Drain ${gateway}`, (close) => h("div", { class: "stack" },
    h("p", {}, "It gets no new calls, for first choice and failover alike, until it is restored. Calls that are up go on."),
    form({
      button: "Drain it", fields: [{ name: "why", label: "Why", placeholder: "maintenance until 18:00" }],
      submit: async ({ why }) => {
        close();
        await act(gateway, "drain", { why });
      },
    })));
  const state = (row) => {
    const now = states.get(row.gateway.id);
    if (!now) return "";
    const word = now.state === "closed" ? "takes calls" : now.share > 0 && now.share < 1 ? `${now.state}, ${share(now.share)} of calls` : now.state;
    // Which breaker opened, when, and by which finding; or who drained it.
    const why = [now.since && now.state !== "closed" ? `since ${moment(now.since)}` : "", now.why, now.by ? `by ${now.by}` : ""].filter(Boolean).join(", ");
    return [h("span", { class: now.share === 1 ? "good" : now.share ? "warn" : "bad" }, word), why ? h("small", {}, why) : null];
  };
  const takes = (limits) => [limits?.calls ? `${count(limits.calls)} calls` : "", limits?.cps ? `${count(limits.cps)} a second` : ""].filter(Boolean).join(", ");
  const under = (text) => (text ? h("small", {}, text) : null);
  const button = (row) => (!place.me.may("operator") ? null : states.get(row.gateway.id)?.state === "drained"
    ? h("button", { type: "button", "aria-label": `Restore ${row.gateway.id}`, onclick: () => act(row.gateway.id, "restore") }, "Restore")
    : h("button", { type: "button", class: "quiet", "aria-label": `Drain ${row.gateway.id}`, onclick: () => drain(row.gateway.id) }, "Drain"));
  const search = form({
    inline: true, button: "Find",
    fields: [{ name: "like", label: "Id holds", kind: "search", value: place.query.get("like") || "" }],
    submit: async ({ like }) => {
      place.go(`/carriers${like ? `?like=${encodeURIComponent(like)}` : ""}`, { replace: true });
      place.query.set("like", like);
      await list.restart();
    },
  });
  const of = (row) => seen.get(row.gateway.id);
  const list = pagedTable({
    caption: "Gateways by carrier", none: "No carriers", hint: ["A carrier has gateways of FreeSWITCH, in the order in which they are tried."],
    columns: [
      { title: "carrier", kind: "fit", cell: (row) => (row.first ? [h("a", { href: `#/carriers/${encodeURIComponent(row.carrier)}` }, h("strong", {}, row.carrier)), under(takes(row.limits))] : h("span", { class: "unseen" }, row.carrier)) },
      { title: "gateway", kind: "fit", cell: (row) => [row.gateway.id, under(row.gateway.gateway === row.gateway.id ? "" : `${row.gateway.gateway} in FreeSWITCH`), under(takes(row.gateway.limits))] },
      { title: "state", kind: "way", cell: state },
      { title: "dials", kind: "fit", cell: (row) => [h("code", {}, row.gateway.format || "{e164_digits}"), under(`${row.gateway.progress_seconds || 5} s to ringing`)] },
      { title: "legs today", kind: "number", cell: (row) => count(of(row)?.legs) },
      { title: "ASR", kind: "number", cell: (row) => [share(of(row)?.asr), of(row) ? under(`NER ${share(of(row).ner)}`) : null] },
      { title: "ACD", kind: "number", cell: (row) => [of(row)?.acd_seconds ? `${fixed(of(row).acd_seconds)} s` : NONE, of(row)?.pdd_ms ? under(`PDD ${lasted(of(row).pdd_ms)}`) : null] },
      { title: "", kind: "act", cell: button },
    ],
    page: async (after, signal) => {
      const found = await get("/carriers", { after, like: place.query.get("like"), limit: 50 }, { signal });
      states = new Map((await get("/gateways", null, { signal })).items.map((each) => [each.gateway, each]));
      try {
        const report = await get("/reports/carriers", { from: today(), to: today(), by: "gateway" }, { signal });
        seen = new Map(report.rows.map((row) => [row.gateway, row]));
      } catch (error) {
        if (error.status !== 503) throw error; // no calls stored yet
      }
      return {
        next: found.next,
        items: found.items.flatMap(({ carrier }) => carrier.gateways.map((gateway, i) => ({ carrier: carrier.id, limits: carrier.limits, gateway, first: i === 0 }))),
      };
    },
  });
  place.main.append(place.head("Carriers", place.me.may("operator") ? h("a", { href: "#/carriers/+new" }, "New carrier") : null), search, h("section", {}, list));
}
