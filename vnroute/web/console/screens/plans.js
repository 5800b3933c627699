// Plans: what rings when. The list; one plan in words, and as it is stored.

import { getTagged } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { HOW, hereWords } from "../lib/format.js";
import { listing } from "../lib/listing.js";
import { edit } from "./plan_editor.js";

export async function show(place) {
  if (place.path[0] === "+new") return edit(place, null);
  if (place.path[1] === "edit") return edit(place, place.path[0]);
  if (place.path.length) return one(place, place.path[0]);
  return listing(place, {
    kind: "plans", one: "plan", title: "Plans", none: "No plans", hint: ["A plan says what rings, in which order, and when."],
    columns: [
      { title: "account", cell: (plan) => plan.account },
      { title: "steps", kind: "number", cell: (plan) => (plan.steps || []).length },
      { title: "rings first", kind: "name", cell: firstRing },
    ],
  });
}

function firstRing(plan) {
  const step = (plan.steps || []).find((each) => each.ring?.length);
  const target = step?.ring[0];
  return target ? (typeof target === "string" ? target : target.to) : "";
}

async function one(place, id) {
  const { data } = await getTagged(`/plans/${encodeURIComponent(id)}`, null, { signal: place.signal });
  place.main.append(place.head(id, place.me.may("operator") ? h("a", { href: `#/plans/${encodeURIComponent(id)}/edit` }, "Edit") : null, h("a", { href: "#/plans" }, "All plans")),
    h("section", {}, h("h2", {}, "Steps, tried in order"), h("ol", { class: "tree plan" }, (data.steps || []).map(step)),
      h("p", { class: "soft" }, [data.account ? `of account ${data.account}` : "for all accounts", data.policy && `hunts as policy ${data.policy} says`].filter(Boolean).join(", ")),
      h("details", {}, h("summary", {}, "As the API has it"), h("pre", { class: "code", tabindex: "0" }, JSON.stringify(data, null, 2)))));
}

// One step: under what, what then. Texts of the plan's owner stay texts.
function step(one, place) {
  const under = [
    one.when && ["when ", h("a", { href: `#/schedules/${encodeURIComponent(one.when)}` }, one.when), ` is ${one.is || "open"}`],
    one.from?.length && `for callers from ${one.from.join(", ")}`,
    one.campaign?.length && `for the campaign ${one.campaign.join(", ")}`,
    one.language?.length && `for callers who understand ${one.language.join(", ")}`,
  ].filter(Boolean);
  const conditions = h("div", { class: "soft" }, `${place + 1}. `, under.length ? under.map((each, at) => [at ? ", " : "", each]) : "at any time, for all callers");
  if (one.play) return h("li", {}, conditions, "play ", h("code", {}, one.play));
  if (one.here) return h("li", {}, conditions, "a call from a phone that is known says: ", h("strong", {}, hereWords(one.here)), `; it hears ${one.here.play || "two tones"} and is hung up, others go on to the next step`);
  if (one.voicemail) return h("li", {}, conditions, "voicemail takes a message for ", h("strong", {}, one.voicemail));
  if (one.hangup) return h("li", {}, conditions, one.hangup === "relay" ? "hang up with the cause that matters of what was rung" : `hang up: ${one.hangup}`);
  const more = [one.show && one.show !== "caller" && `they see ${one.show}`, one.confirm && `taken with the key ${one.confirm}`, one.policy && `hunted as policy ${one.policy} says`].filter(Boolean);
  return h("li", {}, conditions, `ring${one.ring.length > 1 ? `, ${HOW[one.how] || HOW["in-order"]}` : ""}${more.length ? `, ${more.join(", ")}` : ""}:`,
    h("ul", {}, one.ring.map((each) => target(typeof each === "string" ? { to: each } : each, one))));
}

const LEADS = { plan: "plans", person: "persons" };

function target(one, { seconds }) {
  const [kind, id] = one.to.split(/:(.*)/s);
  const said = LEADS[kind] ? h("a", { href: `#/${LEADS[kind]}/${encodeURIComponent(id)}` }, one.to) : h("strong", {}, one.to);
  const more = [
    !LEADS[kind] && (one.seconds || seconds) && `for ${one.seconds || seconds} s`, one.delay && `after ${one.delay} s`, one.share > 1 && `share ${one.share}`,
    one.show && `sees ${one.show}`, one.confirm && `taken with the key ${one.confirm}`,
  ].filter(Boolean);
  return h("li", {}, said, more.length ? ` ${more.join(", ")}` : "");
}
