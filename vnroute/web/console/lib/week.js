// Weeks by ISO 8601, and clocks of time zones.

const DAY = 864e5;
/** The Monday (UTC midnight, ms) of the week that a moment lies in. */
export const mondayOf = (ms) => Math.floor((Math.floor(ms / DAY) + 3) / 7) * 7 * DAY - 3 * DAY;

/** A moment on the clock of a zone: Mon 23 Nov 10:00. */
export function inZone(ms, zone) {
  return new Date(ms).toLocaleString("en-GB", {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: zone,
  }).replaceAll(",", "");
}

/** What state gets which colour: the same one on every screen. The place is that among a schedule's states. */
const KNOWN = { open: 0, closed: 1 };
export const shade = (state, place) => (state in KNOWN ? KNOWN[state] : 2 + (place % 4));
