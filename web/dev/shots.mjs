// Pictures of the page at the widths and themes that matter: node dev/shots.mjs http://127.0.0.1:7878 OUT_FOLDER

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "../e2e/browser.mjs";

const [base = "http://127.0.0.1:7878", out = "e2e/artifacts/shots"] = process.argv.slice(2);
const words = process.env.WORDS ?? "effusion";
mkdirSync(out, { recursive: true });
const browser = await launch();

async function shoot(width, colorScheme) {
  const height = width < 600 ? 860 : 900;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.on(
    "console",
    (message) => message.type() === "error" && process.stderr.write(`console: ${message.text()}\n`),
  );
  page.on("pageerror", (error) => process.stderr.write(`page: ${error.message}\n`));
  const shot = async (name) => {
    await page.waitForLoadState("networkidle");
    await page.waitForTimeout(350);
    await page.screenshot({ path: join(out, `${name}-${width}-${colorScheme}.png`) });
  };
  await page.goto(base);
  await shot("start");
  await page.goto(`${base}/?q=${encodeURIComponent(words)}`);
  await page.locator(".hit").first().waitFor();
  await shot("results");
  await page.getByRole("button", { name: "Summarise these cases" }).click();
  await page.getByRole("button", { name: "Copy", exact: true }).waitFor();
  await page.locator("#summary-title").scrollIntoViewIfNeeded();
  await shot("summary");
  const first = await page.locator(".hit h3 a").first().getAttribute("href");
  await page.locator(".hit-picture").first().click();
  await page.locator(".pane-osd canvas").first().waitFor();
  await shot("viewer");
  await page.goto(base + first);
  await page.locator(".pane-osd canvas").first().waitFor();
  await shot("case");
  const kin = first.split("/").pop();
  const { images } = await (await fetch(`${base}/api/v1/cases/${kin}`)).json();
  const [{ image_id, width_px, height_px }] = images;
  const box = [0.3, 0.3, 0.4, 0.35].map((share, at) => Math.round(share * (at % 2 ? height_px : width_px)));
  await page.goto(`${base}/?image=${image_id}&box=${box}`);
  await page.locator(".hit").first().waitFor();
  await shot("region");
  await page.locator(".hit-picture").nth(1).click();
  await page.locator(".pane-osd canvas").first().waitFor();
  await shot("compare");
  await page.goto(`${base}/?case=${first.split("/").pop()}`);
  await page.locator(".hit").first().waitFor();
  await shot("similar");
  await page.goto(`${base}/?browse=1`);
  await shot("browse");
  await page.goto(`${base}/collections`);
  await shot("collections");
  await context.close();
}

for (const width of [1440, 400]) for (const theme of ["light", "dark"]) await shoot(width, theme);
await browser.close();
