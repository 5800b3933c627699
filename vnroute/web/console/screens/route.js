// The route tester: number, caller and moment -> where the call goes, and why; a slider over the week.

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { HOW, hereWords, wall } from "../lib/format.js";
import { form } from "../lib/form.js";
import { empty, failed } from "../lib/states.js";
import { inZone, mondayOf } from "../lib/week.js";

const WEEK = 7 * 864e5, STEP = 15 * 60e3;

const COUNTED = { rate: "calls of this caller", calls: "calls at a time", cps: "calls a second" };
/** What a screen's rule says of this call. */
function screened({ does, list, matched, rate }) {
  if (list) return `${does} ${list}: the caller is ${matched ? "on" : "not on"} it`;
  const [most, then] = rate.split(" !"), [calls, seconds] = most.split("/");
  return `FreeSWITCH counts ${COUNTED[does] || does}: beyond ${calls}${does === "rate" ? ` in ${seconds} s` : ""} ${then}`;
}

export async function show(place) {
  const { query } = place;
  const tree = h("div", { class: "below" }), over = h("div", { class: "below" });
  const asked = form({
    inline: true, button: "Show the way",
    fields: [
      { name: "number", label: "Number called", kind: "search", required: true, value: query.get("number") || "", placeholder: "+18005551234", inputmode: "tel" },
      { name: "caller", label: "Caller", value: query.get("caller") || "", placeholder: "+34911234567 or anonymous" },
      { name: "at", label: "Moment (UTC)", kind: "datetime-local", value: (query.get("at") || "").slice(0, 16), hint: "now, if empty" },
    ],
    submit: async (values) => {
      const at = values.at ? `${values.at}Z` : "";
      const address = new URLSearchParams(Object.entries({ number: values.number, caller: values.caller, at: values.at }).filter(([, v]) => v));
      place.go(`/route?${address}`, { replace: true });
      const told = await get("/route", { number: values.number, caller: values.caller, at }, { signal: place.signal });
      draw(told, values.caller);
      await weekOf(values, at ? Date.parse(at) : Date.now(), told);
    },
  });
  place.main.append(place.head("Route tester"), asked, over, tree);
  const draw = (told, caller) => fill(tree, told.warning ? h("p", { class: "notice bad" }, told.warning) : null, h("section", {}, answerTree(told.answers[0], caller)));

  async function weekOf(values, moment, told) {
    const start = mondayOf(moment);
    const { answers } = await get("/route", { number: values.number, caller: values.caller, at: new Date(start).toISOString(), days: 7 }, { signal: place.signal });
    const zone = (told.answers[0].schedule || answers[0].schedule)?.time_zone || "UTC";
    fill(over, slider(answers, start, moment, zone, async (at, signal) => {
      try {
        draw(await get("/route", { number: values.number, caller: values.caller, at: new Date(at).toISOString() }, { signal }), values.caller);
      } catch (error) {
        if (error.name !== "AbortError") fill(tree, failed(error));
      }
    }));
  }
  if (query.get("number")) {
    await null; // the form is on the page only after this function first yields
    asked.requestSubmit();
  } else fill(tree, empty("Where would a call go?", "Type a number; the answer is the one that a worker gives, from the image in force. Nothing is called."));
}

/** An answer in a few words, for a stretch of the week. */
function brief(answer) {
  if (answer.refused) return answer.refused.why;
  const first = answer.steps.find((step) => step.targets.length) || answer.steps[0];
  if (!first) return "nothing";
  return first.targets.length ? first.targets.map((t) => t.to).join(", ") : first.cause || first.kind;
}

/** Mon and 23, the number for where there is room. */
const dayWords = (ms) => {
  const [name, day] = new Date(ms).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", timeZone: "UTC" }).replace(",", "").split(" ");
  return [name, h("span", { class: "opt" }, ` ${day}`)];
};

function slider(answers, start, moment, zone, look) {
  const same = new Map();
  const name = (answer) => JSON.stringify([answer.steps, answer.refused]);
  const parts = answers.map((answer, i) => {
    const from = Date.parse(answer.at), to = i + 1 < answers.length ? Date.parse(answers[i + 1].at) : start + WEEK;
    if (!same.has(name(answer))) same.set(name(answer), same.size);
    return { from, to, shade: answer.refused ? 5 : [0, 2, 3, 4, 1][same.get(name(answer)) % 5], text: brief(answer) };
  });
  const band = h("div", { class: "band", "aria-hidden": "true" }, parts.map((part) => {
    const made = h("div", { class: `stay s${part.shade}`, title: `from ${inZone(part.from, zone)}: ${part.text}` }, h("span", {}, part.text));
    made.style.left = `${((part.from - start) / WEEK) * 100}%`;
    made.style.width = `${((part.to - part.from) / WEEK) * 100}%`;
    return made;
  }));
  const days = h("div", { class: "band days", "aria-hidden": "true" }, [...Array(7).keys()].map((n) => {
    const made = h("span", { class: "soft" }, ...dayWords(start + n * 864e5));
    made.style.left = `${(n / 7) * 100}%`;
    return made;
  }));
  const said = h("output", {});
  const words = (at) => `${inZone(at, zone)} (${zone})${zone === "UTC" ? "" : `, ${inZone(at, "UTC")} UTC`}`;
  let running = null, timer = 0;
  const input = h("input", {
    type: "range", min: 0, max: WEEK / STEP - 1, step: 1, value: Math.floor((moment - start) / STEP), "aria-label": "Moment of the week",
    oninput: () => {
      const at = start + Number(input.value) * STEP;
      said.textContent = words(at);
      input.setAttribute("aria-valuetext", words(at));
      clearTimeout(timer);
      timer = setTimeout(() => {
        running?.abort();
        running = new AbortController();
        look(at, running.signal);
      }, 120);
    },
  });
  said.textContent = words(moment);
  input.setAttribute("aria-valuetext", words(moment));
  const changes = answers.length - 1;
  return h("section", {}, h("div", { class: "head tight" }, h("h2", {}, "The week"), said), band, input, days,
    h("p", { class: "soft" }, changes ? `${changes} change${changes === 1 ? "" : "s"} of the answer in this week (days in UTC).` : "The same answer all week."));
}

function answerTree(answer, caller) {
  const service = answer.service;
  const items = [];
  if (answer.account) {
    items.push(h("li", {}, "account ", h("strong", {}, answer.account), ", plan ", h("a", { href: `#/plans/${encodeURIComponent(answer.plan)}` }, answer.plan), answer.campaign ? `, campaign ${answer.campaign}` : ""));
  }
  if (service && (service.out_of_service || service.from || service.until)) {
    items.push(h("li", { class: service.out_of_service ? "warn" : "" }, `the number is ${service.state}`,
      service.from ? `, in service from ${wall(service.from, true)}` : "", service.until ? `, until ${wall(service.until, true)}` : "",
      service.out_of_service ? `: out of service (${service.out_of_service})` : "", service.treatment ? `, its callers go to ${service.treatment}` : ""));
  }
  for (const one of answer.screens || []) {
    items.push(h("li", {}, `${one.level}'s screen ${one.screen}: ${screened(one)}`));
  }
  for (const each of answer.overrides) {
    items.push(h("li", { class: "warn" }, `override: calls of ${each.kind} ${each.id} go to ${each.to}${each.until ? ` until ${wall(each.until)}` : ""}`));
  }
  for (const each of answer.schedules) {
    const person = each.id.startsWith("person:");
    items.push(h("li", { class: each.override ? "warn" : "" },
      person ? ["person ", h("a", { href: `#/persons/${encodeURIComponent(each.id.slice(7))}` }, each.id.slice(7)), " is at "] : ["schedule ", h("a", { href: `#/schedules/${encodeURIComponent(each.id)}` }, each.id), " is "],
      h("strong", {}, each.state), `: it is ${wall(each.local_time)} there (${each.time_zone})`,
      each.override ? ", set by hand" : "", each.until ? `, and until ${wall(each.until)}` : "",
      each.within_horizon ? "" : " (outside the horizon compiled: the nearest week inside it answers)",
      each.rules?.length ? h("ul", {}, each.rules.map(rule)) : null));
  }
  for (const each of answer.conditions || []) {
    const found = ["from", "here"].includes(each.asks) ? `${each.found} calls` : `${each.asks} is ${each.found}`;
    items.push(h("li", { class: each.held ? "" : "soft" }, `step ${each.step} of ${each.plan}: ${found}${each.held ? "" : `, not ${each.wanted}: passed over`}`));
  }
  if (answer.refused) items.push(h("li", { class: "bad" }, `refused: ${answer.refused.why}; ${answer.refused.cause}, SIP ${answer.refused.sip}`));
  items.push(steps(answer.steps));
  const title = `${answer.number}${caller ? `, called by ${caller}` : ""}, ${wall(answer.at)} UTC`;
  return [h("h2", {}, title, h("small", { class: "soft" }, ` generation ${answer.generation}`)), h("ul", { class: "tree" }, items),
    answer.applications.length ? h("details", {}, h("summary", {}, "What FreeSWITCH is told"), h("ol", { class: "told" }, answer.applications.map(([app, data]) => h("li", {}, h("code", {}, `${app} ${data}`))))) : null];
}

// A rule that was tried, on the schedule's own clock: the last is the one that decided.
const rule = (one) => h("li", { class: one.held ? "" : "soft" }, one.times ? `${one.place}: ${one.times}: ` : "no rule holds: otherwise ",
  one.held ? h("strong", {}, one.state) : `not now, ${one.from ? `next ${wall(one.from)}` : "nor in the next year"}`,
  one.held && one.until ? `, until ${wall(one.until)}` : "");

const steps = (list) => list.map((step) => {
  if (step.cause) return h("li", {}, step.cause === "relay" ? "hang up with the cause that matters of what was rung" : `hang up: ${step.cause}`);
  if (step.kind === "play") return h("li", {}, `play ${step.said}, as early media`);
  if (step.kind === "here") {
    const [person, at, ...until] = step.said.split(":");
    return h("li", {}, `${hereWords({ person, at, until: until.join(":") })}: answered with a sound, hung up`);
  }
  if (step.kind === "voicemail") return h("li", {}, `voicemail takes a message for ${step.said}`);
  const inner = step.targets.map(target);
  return step.how !== "in-order" && step.targets.length > 1 ? h("li", {}, `${HOW[step.how]}:`, h("ul", {}, inner)) : inner;
});

function target(one) {
  if (one.plan) {
    return h("li", {}, one.to.startsWith("plan:") ? "" : `${one.to} is ours: `, "go on in plan ", h("a", { href: `#/plans/${encodeURIComponent(one.plan)}` }, one.plan), h("ul", {}, steps(one.steps)));
  }
  const more = [
    one.routing_number && `ported: carriers by ${one.routing_number}`, one.jurisdiction, one.delay && `after ${one.delay} s`,
    one.share !== null && `share ${one.share}`, one.show !== "caller" && `shown ${one.show}`, one.confirm && `who takes the call with ${one.confirm}`,
  ].filter(Boolean);
  return h("li", {}, h("span", { class: "good" }, "ring ", h("strong", {}, one.to), one.seconds ? ` for ${one.seconds} s` : ""), more.length ? `, ${more.join(", ")}` : "",
    one.passed_over?.length ? h("ul", {}, one.passed_over.map((each) => h("li", { class: "warn" },
      each.tried ? `${each.gateway} is ${each.why}, but there is none better` : `${each.gateway} passed over: ${each.why}${each.share ? `, ${(each.share * 100).toFixed(0)} % of the calls try it` : ""}`))) : null,
    one.legs.length ? h("ol", {}, one.legs.map((leg) => h("li", {},
      leg.carrier ? `${leg.carrier}, ${leg.gateway}, ${leg.rate === null ? "no rate" : `${leg.rate} a minute`}: ` : "", h("code", {}, leg.dial)))) : null);
}
