// Carriers and their gateways, with what today's calls say of them.

import { get, send } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { count, fixed, lasted, share, today } from "../lib/format.js";
import { form } from "../lib/form.js";
import { pagedTable } from "../lib/table.js";

export async function show(place) {
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
  const drain = async (gateway) => {
    if (await confirm(`Drain ${gateway}`, "It gets no new calls, for first choice and failover alike, until it is restored. Calls that are up go on.", "Drain it", true)) await act(gateway, "drain", {});
  };
  const state = (row) => {
    const now = states.get(row.gateway.id);
    if (!now) return "";
    const why = [now.why, now.by ? `by ${now.by}` : ""].filter(Boolean).join(", ");
    return h("span", { class: now.share === 1 ? "good" : now.share ? "warn" : "bad" }, now.state === "closed" ? "takes calls" : now.share > 0 && now.share < 1 ? `${now.state}, ${share(now.share)} of calls` : now.state, why ? h("small", { class: "soft" }, ` ${why}`) : null);
  };
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
      { title: "carrier", cell: (row) => (row.first ? h("strong", {}, row.carrier) : h("span", { class: "unseen" }, row.carrier)) },
      { title: "gateway", cell: (row) => row.gateway.id },
      { title: "state", cell: state },
      { title: "in FreeSWITCH", cell: (row) => h("code", {}, row.gateway.gateway) },
      { title: "dials", cell: (row) => h("code", {}, row.gateway.format || "{e164_digits}") },
      { title: "may take", kind: "number", cell: (row) => `${row.gateway.progress_seconds || 5} s` },
      { title: "legs today", kind: "number", cell: (row) => count(of(row)?.legs) },
      { title: "ASR", kind: "number", cell: (row) => share(of(row)?.asr) },
      { title: "NER", kind: "number", cell: (row) => share(of(row)?.ner) },
      { title: "ACD s", kind: "number", cell: (row) => fixed(of(row)?.acd_seconds) },
      { title: "PDD", kind: "number", cell: (row) => lasted(of(row)?.pdd_ms) },
      { title: "", cell: button },
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
        items: found.items.flatMap(({ carrier }) => carrier.gateways.map((gateway, i) => ({ carrier: carrier.id, gateway, first: i === 0 }))),
      };
    },
  });
  place.main.append(place.head("Carriers"), search, h("section", {}, list));
}
