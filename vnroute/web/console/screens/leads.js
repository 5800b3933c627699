// Where numbers lead: the fields that numbers and blocks have alike.

export const STATES = ["active", "suspended", "reserved", "quarantined", "ported-out"];

/** The fields of a number or a block, as a form takes them, with what is stored. */
export const leads = (stored) => [
  { name: "account", label: "Account", required: true },
  { name: "plan", label: "Plan", required: true, hint: "a plan of that account" },
  { name: "campaign", label: "Campaign" },
  { name: "state", label: "State", kind: "select", options: STATES },
  { name: "from", label: "In service from", placeholder: "2026-12-01T09:00", hint: "a day or a moment; nothing: at once" },
  { name: "until", label: "In service until", placeholder: "2027-01-31", hint: "a day counts to its end; nothing: for good" },
  { name: "ported_to", label: "Ported to", hint: "the operator that has it now" },
  { name: "screen", label: "Screen", hint: "who may call it; nothing: its account's" },
].map((spec) => ({ ...spec, value: stored[spec.name] || (spec.name === "state" ? "active" : "") }));
