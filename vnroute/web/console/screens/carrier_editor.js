// One carrier: its gateways, how they are dialled, limits, causes after which another is tried. Who may
// not change it sees the same, read only.

import { getTagged } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { cards, editing, lean, pairLines, pairs, whole, words } from "../lib/editing.js";
import { field } from "../lib/form.js";

const GATEWAY = {
  format: "{e164_digits}", formats: {}, progress_seconds: 5, limits: null, codecs: [], show: "", caller_format: "",
  caller_formats: {}, trusted: false, asserted: "", diversion: "none", headers: {},
};
const bounds = (limits, path) => [
  field({ name: `${path}calls`, label: "Calls at a time", kind: "number", min: 0, value: limits?.calls || 0, hint: "0: no bound" }),
  field({ name: `${path}cps`, label: "Calls a second", kind: "number", min: 0, value: limits?.cps || 0, hint: "on each FreeSWITCH" }),
];
const limitsOf = ([calls, cps]) => {
  const made = { calls: whole(calls.read()), cps: whole(cps.read()) };
  return made.calls || made.cps ? made : null;
};

function card(gateway) {
  const limits = bounds(gateway.limits, "");
  const fields = {
    id: field({ name: "id", label: "Gateway", value: gateway.id || "", required: true, hint: "here, in reports and CDRs" }),
    gateway: field({ name: "gateway", label: "In FreeSWITCH", value: gateway.gateway || "", required: true, hint: "its name in the sofia profile" }),
    progress_seconds: field({ name: "progress_seconds", label: "Seconds to ringing", kind: "number", min: 1, max: 60, value: gateway.progress_seconds ?? 5 }),
    format: field({ name: "format", label: "Dials", value: gateway.format ?? GATEWAY.format, hint: "{e164}, {e164_digits}, {national}" }),
    formats: field({ name: "formats", label: "Dials by prefix, one a line", kind: "textarea", rows: 2, value: pairLines(gateway.formats), hint: "+44 = 0{national}" }),
    caller_format: field({ name: "caller_format", label: "Shows callers", value: gateway.caller_format || "", hint: "nothing: as they came" }),
    caller_formats: field({ name: "caller_formats", label: "Shows callers by prefix", kind: "textarea", rows: 2, value: pairLines(gateway.caller_formats) }),
    show: field({ name: "show", label: "Sees whose number", value: gateway.show || "", hint: "caller, did, anonymous or a number; nothing: as the target says" }),
    asserted: field({ name: "asserted", label: "Asserted identity", kind: "select", options: [["", "as the profile has it"], ["pai", "P-Asserted-Identity"], ["rpid", "Remote-Party-ID"], ["none", "none"]], value: gateway.asserted || "" }),
    diversion: field({ name: "diversion", label: "Told of diversion by", kind: "select", options: [["none", "nothing"], ["diversion", "Diversion"], ["history-info", "History-Info"]], value: gateway.diversion || "none" }),
    codecs: field({ name: "codecs", label: "Codecs, in order", value: (gateway.codecs || []).join(", "), placeholder: "PCMA, opus@48000h" }),
    headers: field({ name: "headers", label: "Headers, one a line", kind: "textarea", rows: 2, value: pairLines(gateway.headers), hint: "X-Tenant = acme" }),
    trusted: field({ name: "trusted", label: "May have numbers that are withheld", kind: "checkbox", value: gateway.trusted || false }),
  };
  const { id, gateway: name, progress_seconds: seconds, ...more } = fields;
  return {
    body: h("div", { class: "stack" },
      h("div", { class: "row" }, id, name, seconds, limits),
      h("details", { open: Object.keys(more).some((each) => JSON.stringify(gateway[each] ?? GATEWAY[each]) !== JSON.stringify(GATEWAY[each])) },
        h("summary", {}, "How it is dialled, and what it is told"),
        h("div", { class: "pairs" }, Object.values(more)))),
    fields: () => [...Object.entries(fields), ["limits.calls", limits[0]], ["limits.cps", limits[1]], ["", id]],
    read: () => lean({
      id: id.read(), gateway: name.read(), progress_seconds: whole(seconds.read()), limits: limitsOf(limits),
      format: fields.format.read() || GATEWAY.format, caller_format: fields.caller_format.read(), show: fields.show.read(),
      asserted: fields.asserted.read(), diversion: fields.diversion.read(), trusted: fields.trusted.read(), codecs: words(fields.codecs.read()),
      formats: pairs(fields.formats.read()), caller_formats: pairs(fields.caller_formats.read()), headers: pairs(fields.headers.read()),
    }, GATEWAY),
  };
}

/** Show one carrier; id null makes a new one. */
export async function edit(place, id) {
  const stored = id ? await getTagged(`/carriers/${encodeURIComponent(id)}`, null, { signal: place.signal }) : { data: { id: "", gateways: [{}] }, etag: "" };
  const carrier = stored.data;
  const key = field({ name: "id", label: "Carrier", value: carrier.id, required: true, hint: "letters, digits, - . _" });
  key.input.readOnly = Boolean(id);
  const limits = bounds(carrier.limits, "all ");
  const hunt = field({ name: "hunt", label: "After its failures, one a line", kind: "textarea", rows: 2, value: pairLines(carrier.hunt), placeholder: "603 = next", hint: "SIP codes and causes: next, stop or once, whatever the policy says" });
  const gateways = cards({ word: "Gateway", make: card, values: carrier.gateways });
  const head = place.head(id || "New carrier", h("a", { href: "#/carriers" }, "All carriers"));
  const whole_ = [h("section", { class: "row" }, key, limits, hunt), gateways];
  if (!place.me.may("operator")) {
    const shown = h("fieldset", { class: "stack", disabled: true }, h("legend", { class: "unseen" }, "Read only"), whole_);
    shown.querySelectorAll(".head button").forEach((each) => each.remove());
    place.main.append(head, h("p", { class: "soft" }, `You see it as a ${place.me.role}; operators change it.`), shown);
    return;
  }
  const edited = editing(place, {
    kind: "carriers", one: "carrier", id: id || "", etag: stored.etag,
    read: () => lean({
      id: key.read(), gateways: gateways.read(), limits: limitsOf(limits),
      hunt: pairs(hunt.read()),
    }, { limits: null, hunt: {} }),
    fields: () => [["id", key], ["limits.calls", limits[0]], ["limits.cps", limits[1]], ["limits", limits[0]], ["hunt", hunt], ...gateways.fields("gateways")],
    saved: () => (key.input.readOnly = true),
  });
  place.main.append(head, h("div", { class: "stack" }, whole_,
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: () => gateways.add({}).querySelector("input").focus() }, "Add a gateway"), edited.check, edited.save, edited.remove),
    edited.said));
}
