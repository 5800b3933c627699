// Figures as people read them. Times are UTC unless a zone is named.

const plain = new Intl.NumberFormat("en");
export const NONE = "–";
export const count = (value) => (value === null || value === undefined ? NONE : plain.format(Math.round(value)));
export const fixed = (value, places = 1) => (value === null || value === undefined ? NONE : value.toFixed(places));
export const share = (part) => (part === null || part === undefined ? NONE : `${(100 * part).toFixed(1)} %`);

/** A span of microseconds. */
export function span(us) {
  if (us === null || us === undefined) return NONE;
  if (us < 1000) return `${us} µs`;
  return us < 1e6 ? `${(us / 1000).toFixed(us < 1e4 ? 1 : 0)} ms` : `${(us / 1e6).toFixed(1)} s`;
}

export function bytes(n) {
  if (n < 1e6) return `${(n / 1e3).toFixed(0)} kB`;
  return n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`;
}

/** Milliseconds as 1:05, 12 s or 340 ms. */
export function lasted(ms) {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const two = (n) => String(n).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Unix seconds, or what ISO 8601 text says, as 2026-11-23 10:00:00Z. */
export function moment(when) {
  if (when === null || when === undefined || when === "") return NONE;
  const made = typeof when === "number" ? new Date(when * 1000) : new Date(when);
  return Number.isNaN(made.getTime()) ? String(when) : `${made.toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** ISO 8601 text with an offset as its own clock shows it: Mon 23 Nov 10:00. */
export function wall(iso, year = false) {
  const [, y, m, d, clock] = /^(\d+)-(\d+)-(\d+)T(\d+:\d+)/.exec(iso);
  const day = new Date(Date.UTC(+y, m - 1, +d));
  const shown = day.toLocaleDateString("en-GB", {
    weekday: "short", day: "numeric", month: "short", year: year ? "numeric" : undefined, timeZone: "UTC",
  });
  return `${shown.replace(",", "")} ${clock}`;
}

const regions = new Intl.DisplayNames(["en"], { type: "region" });
/** The name of an ISO 3166 code; what is none is shown as it is. */
export function country(code) {
  if (!/^[A-Z]{2}$/.test(code || "")) return code || "unknown";
  try {
    return regions.of(code);
  } catch {
    return code;
  }
}

/** today() is the day in UTC; today(-6) six days before. */
export const today = (days = 0) => new Date(Date.now() + days * 864e5).toISOString().slice(0, 10);

/** What a known phone says by calling, in words. */
export function hereWords({ person, at, until }) {
  if (!at) return `person ${person} is where the routing data says again`;
  return `person ${person} is at ${at}${until ? (until.includes(":") ? ` until ${until}` : ` for ${until}`) : ""} from now on`;
}

/** How a step rings several targets, in words. */
export const HOW = {
  "in-order": "one after the other", together: "together, the first to answer wins",
  share: "one by its share of the calls, the others if it fails", rotate: "each call begins with the next of these",
};
