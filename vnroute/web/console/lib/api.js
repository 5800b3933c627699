// The JSON API, the only source of what is shown. Every failure is thrown as a Problem.

const BASE = "/api/v1";
export const events = new EventTarget(); // "away", "back", "logged-out"
let away = false;

/** A refused request: what problem+json said (RFC 9457). status 0: nobody answered. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.type = body.type || "";
    this.title = body.title || "";
    this.errors = Array.isArray(body.errors) ? body.errors : [];
    this.more = body.more_errors || 0;
  }
}

export const unanswered = () => new Problem(0, { title: "No answer", detail: "The control process does not answer. Calls are routed without it." });

/** path with a query: values that are null, undefined or "" are left out; lists are repeated. */
export function address(path, query) {
  const made = new URLSearchParams();
  for (const [key, value] of Object.entries(query || {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") made.append(key, one);
    }
  }
  const text = made.toString();
  return BASE + path + (text ? `?${text}` : "");
}

async function ask(method, path, { query, body, file, etag, create, signal, quiet } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (file) headers["Content-Type"] = "application/octet-stream";
  if (etag) headers["If-Match"] = etag;
  if (create) headers["If-None-Match"] = "*";
  let reply;
  try {
    reply = await fetch(address(path, query), {
      method, headers, signal, cache: "no-store", credentials: "same-origin",
      body: file || (body === undefined ? undefined : JSON.stringify(body)),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    gone();
    throw unanswered();
  }
  if (away) back();
  const text = await reply.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem(reply.status, { title: "Not JSON", detail: "Something between this page and vnroute answered in its place." });
  }
  if (!reply.ok) {
    if (reply.status === 401 && !quiet) events.dispatchEvent(new Event("logged-out"));
    throw new Problem(reply.status, data || {});
  }
  return { data, etag: reply.headers.get("ETag") || "" };
}

function gone() {
  if (away) return;
  away = true;
  events.dispatchEvent(new Event("away"));
}

function back() {
  away = false;
  events.dispatchEvent(new Event("back"));
}

export const isAway = () => away;

/** Ask whether the server is there again; "back" is told when it is. */
export async function knock() {
  try {
    await fetch("/healthz", { cache: "no-store" });
    if (away) back();
  } catch {
    gone();
  }
}

addEventListener("offline", gone);
addEventListener("online", () => knock());

/** Read JSON. */
export const get = async (path, query, more) => (await ask("GET", path, { query, ...more })).data;
/** Read JSON with its ETag: {data, etag}. */
export const getTagged = (path, query, more) => ask("GET", path, { query, ...more });
/** PUT, POST, PATCH, DELETE: send("PUT", "/plans/a", {body, etag, query: {wait: 5}}) -> {data, etag}. */
export const send = (method, path, more) => ask(method, path, more);

/** POST a file as it is: upload("/decks/carrier/alpha/imports", file, {query, signal}) -> data. */
export const upload = async (path, file, more) => (await ask("POST", path, { ...more, file })).data;
