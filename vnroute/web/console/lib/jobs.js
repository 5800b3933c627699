// Imports: a file that is sent, followed while a process of its own reads it, and what came of it.

import { get, upload } from "./api.js";
import { fill, h } from "./dom.js";
import { field } from "./form.js";
import { count } from "./format.js";
import { table } from "./table.js";

/** A field for one file; .file() is what was chosen, or throws what a form shows. */
export function fileField(label, accept) {
  const box = field({ name: "file", label });
  Object.assign(box.input, { type: "file", required: true, accept });
  box.file = () => {
    if (!box.input.files.length) throw Object.assign(new Error("Choose a file."), { errors: [] });
    return box.input.files[0];
  };
  return box;
}

/** Send a file to be imported, and tell in `said` how far it is; resolves with the job when it has ended. */
export async function sent(path, file, query, said, place) {
  fill(said, h("p", {}, "Sending…"));
  const job = await upload(path, file, { query, signal: place.signal });
  for (let now = job; ; now = await get(`/jobs/${job.id}`, null, { signal: place.signal })) {
    if (now.state !== "running") return now;
    fill(said, h("p", {}, h("progress", { "aria-label": "Import" }), ` ${now.progress || "reading"}`));
    await new Promise((done) => setTimeout(done, 400));
  }
}

/** What a job says that did not import: its problems by line and field. */
export function refusal(job) {
  const { problems = [], more = 0 } = job.result || {};
  return h("div", { role: "alert" }, h("p", { class: "wrong" }, job.error || "The file is refused; nothing of it was applied."),
    problems.length ? table("Problems", [
      { title: "line", kind: "number", cell: (p) => p.line || "" }, { title: "field", cell: (p) => p.field },
      { title: "found", kind: "wide", cell: (p) => p.found }, { title: "expected", kind: "wide", cell: (p) => p.expected },
    ], problems) : null, more ? h("p", {}, `… and ${count(more)} more`) : null);
}
