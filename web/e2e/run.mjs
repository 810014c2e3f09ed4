// The page in a real browser against the real service: what a user does, in order. Needs a built casekin and Chromium.
//
//   CASEKIN_BIN   the binary (../target/debug/casekin)     CASEKIN_URL   a running service instead
//   CHROME        the browser (/usr/bin/chromium)          ONLY          part of a test's name

import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHROME, launch } from "./browser.mjs";
import { BINARY, binaryExists, startService } from "./service.mjs";
import { Skipped, tellSkip } from "./shared-data.mjs";
import { tests as pageTests } from "./tests.mjs";
import { viewerTests } from "./viewer-tests.mjs";
import { windowTests } from "./window-tests.mjs";

const tests = [...pageTests, ...viewerTests, ...windowTests];

const artifacts = join(dirname(fileURLToPath(import.meta.url)), "artifacts");
const counts = { passed: 0, failed: 0, skipped: 0 };

function report() {
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
}

function skipAll(reason) {
  counts.skipped = tests.length;
  process.stdout.write(`skipped: ${reason}\n`);
  report();
}

async function runOne(browser, base, { name, options = {}, run }) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`));
  page.on("console", (message) => {
    // A refused request is a line in the console; tests that provoke one look at what the page says of it.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  try {
    await run({ page, base, context });
    if (complaints.length > 0) throw new Error(`the browser complained:\n  ${complaints.join("\n  ")}`);
    counts.passed += 1;
    process.stdout.write(`ok      ${name}\n`);
  } catch (error) {
    if (error instanceof Skipped) {
      counts.skipped += 1;
      tellSkip(name, error.message);
      return;
    }
    counts.failed += 1;
    const shot = join(artifacts, `${name.replaceAll(/\W+/g, "-")}.png`);
    await page.screenshot({ path: shot }).catch(() => {});
    process.stdout.write(
      `FAILED  ${name}\n        ${String(error.stack ?? error).replaceAll("\n", "\n        ")}\n        ${shot}\n`,
    );
  } finally {
    await context.close();
  }
}

async function main() {
  const given = process.env.CASEKIN_URL;
  if (!existsSync(CHROME)) return skipAll(`no Chromium at ${CHROME}; set CHROME`);
  if (!given && !binaryExists()) return skipAll(`no casekin at ${BINARY}; cargo build, or set CASEKIN_BIN`);
  mkdirSync(artifacts, { recursive: true });
  const service = given ? { base: given, stop: async () => {} } : await startService();
  const browser = await launch();
  try {
    for (const test of tests) {
      if (process.env.ONLY && !test.name.includes(process.env.ONLY)) counts.skipped += 1;
      else await runOne(browser, service.base, test);
    }
  } finally {
    await browser.close();
    await service.stop();
  }
  report();
  if (counts.failed > 0) process.exitCode = 1;
}

await main();
