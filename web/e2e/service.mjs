// The real casekin with a library of its own, started for one run of the browser tests and stopped after it.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const BINARY = resolve(here, "..", process.env.CASEKIN_BIN ?? "../target/debug/casekin");
export const CASES = 40;

const START_MS = 10 * 60_000;
const POLL_MS = 500;

export const binaryExists = () => existsSync(BINARY);

/** A port that is free now; the service is told it, since it prints its address for people. */
function freePort() {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
}

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function ready(base) {
  try {
    const answer = await fetch(`${base}/api/v1/status`);
    if (!answer.ok) return false;
    const { cases, jobs } = await answer.json();
    return cases >= CASES && jobs.queued + jobs.running === 0;
  } catch {
    return false;
  }
}

/** Starts the demo and waits until every picture is encoded. */
export async function startService() {
  const folder = mkdtempSync(join(tmpdir(), "casekin-e2e-"));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const args = ["demo", "--cases", String(CASES), "--data-dir", folder, "--port", String(port)];
  const child = spawn(BINARY, args, { stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  const listen = (chunk) => {
    said.push(chunk.toString());
    if (said.length > 200) said.shift();
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  const stop = async () => {
    if (child.exitCode === null) {
      const gone = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await Promise.race([gone, wait(5000).then(() => child.kill("SIGKILL"))]);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const until = Date.now() + START_MS;
  while (!(await ready(base))) {
    if (child.exitCode !== null || Date.now() > until) {
      await stop();
      throw new Error(`casekin did not get ready (exit ${child.exitCode}):\n${said.join("").slice(-3000)}`);
    }
    await wait(POLL_MS);
  }
  return { base, stop };
}
