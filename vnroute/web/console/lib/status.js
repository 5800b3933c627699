// One look at /api/v1/status for all that show it: each second while somebody watches, else each five.

import { get, isAway } from "./api.js";

const watchers = new Set();
let timer = 0, running = false;
export let latest = null;

async function look() {
  clearTimeout(timer);
  if (!running) return;
  if (!document.hidden && !isAway()) {
    try {
      latest = await get("/status");
      for (const tell of [...watchers]) tell(latest);
    } catch (error) {
      if (!error.status && error.name !== "Problem") console.error(error);
    }
  }
  clearTimeout(timer);
  timer = setTimeout(look, watchers.size > 1 ? 1000 : 5000);
}

/** Be told of each status; returns what ends it. The bar at the top watches always. */
export function watch(tell) {
  watchers.add(tell);
  if (running) look();
  return () => watchers.delete(tell);
}

export function begin() {
  running = true;
  look();
}

export function end() {
  running = false;
  latest = null;
  clearTimeout(timer);
}

document.addEventListener("visibilitychange", () => document.hidden || look());
