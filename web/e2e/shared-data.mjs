// Real pictures beside the repository, where there are any: found upwards from here, or named by CASEKIN_SHARED.

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Thrown by a test that lacks what it looks at. */
export class Skipped extends Error {}

function sharedFolder() {
  const named = process.env.CASEKIN_SHARED;
  if (named) return existsSync(named) ? named : null;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (dirname(folder) !== folder) {
    const candidate = join(dirname(folder), "shared");
    if (existsSync(join(candidate, "data"))) return candidate;
    folder = dirname(folder);
  }
  return null;
}

/** Says what was left out and why, here and where the build gathers it. */
export function tellSkip(name, why) {
  process.stdout.write(`skipped: ${name}: ${why}\n`);
  if (process.env.CASEKIN_SKIPS_FILE) appendFileSync(process.env.CASEKIN_SKIPS_FILE, `${name}: ${why}\n`);
}

export function sharedFiles(...paths) {
  const folder = sharedFolder();
  if (!folder) throw new Skipped("no shared folder; set CASEKIN_SHARED");
  return paths.map((path) => {
    const file = join(folder, "data", path);
    if (!existsSync(file)) throw new Skipped(`no ${path} in the shared folder`);
    return file;
  });
}

const POLL_MS = 300;
const MOST_POLLS = 400;

/** Puts files into the library as a user does, and waits until they are encoded. */
export async function ingest(base, files) {
  const form = new FormData();
  for (const file of files) form.append("file", new Blob([readFileSync(file)]), basename(file));
  const answer = await fetch(`${base}/api/v1/ingest`, { method: "POST", body: form });
  if (!answer.ok) throw new Error(`ingest: ${answer.status} ${await answer.text()}`);
  const { batch_id } = await answer.json();
  for (let turn = 0; turn < MOST_POLLS; turn += 1) {
    const batch = await (await fetch(`${base}/api/v1/batches/${batch_id}`)).json();
    if (batch.state === "finished") {
      if (batch.failed > 0) throw new Error(`ingest: ${JSON.stringify(batch.failures)}`);
      return batch;
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  throw new Error("the pictures were not encoded in time");
}

/** The first case whose record passes, the last added first. */
export async function findCase(base, passes) {
  for (let page = 0; ; page += 1) {
    const { cases } = await (await fetch(`${base}/api/v1/cases?page=${page}`)).json();
    if (cases.length === 0) throw new Error("no case of the library is the one just added");
    for (const { case_id } of cases) {
      const record = await (await fetch(`${base}/api/v1/cases/${encodeURIComponent(case_id)}`)).json();
      if (passes(record)) return record;
    }
  }
}
