// What the tests of the viewer do and read again and again.

import assert from "node:assert/strict";
import { findCase, ingest, sharedFiles } from "./shared-data.mjs";

/** Three neighbouring slices of one CT, 1 mm apart. */
const CT_SERIES = ["01", "02", "03"].map((slice) => `dicom/image/dcmqi__${slice}.dcm`);
export const CT_MM_PER_PX = 0.810547;

/** The series of a real CT, its slices in order of place. */
export async function ctSeries(base) {
  await ingest(base, sharedFiles(...CT_SERIES));
  const series = await findCase(
    base,
    ({ images }) =>
      images.length === CT_SERIES.length &&
      images.every(({ modality, mm_per_px }) => modality === "CT" && near(mm_per_px?.[0], CT_MM_PER_PX)),
  );
  return { ...series, images: inOrder(series.images) };
}

/** Slices from one end of their volume to the other. */
export const inOrder = (images) => images.toSorted((a, b) => a.series.position_mm - b.series.position_mm);

export const near = (value, expected) => Math.abs(value - expected) < 1e-3;
/** Opens a case, on one of its pictures where one is named. */
export async function openCase(page, base, { case_id }, imageId) {
  const pane = imageId ? `#pane=${imageId}` : "";
  await page.goto(`${base}/case/${encodeURIComponent(case_id)}${pane}`);
  await page.locator(".pane .scale").first().waitFor();
  await page.locator(".case-viewer").scrollIntoViewIfNeeded();
}

export const picture = (page, at = 0) => page.locator(".pane-picture").nth(at);

export async function drag(page, from, by, button = "left") {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down({ button });
  await page.mouse.move(from.x + by.x / 2, from.y + by.y / 2, { steps: 3 });
  await page.mouse.move(from.x + by.x, from.y + by.y, { steps: 3 });
  await page.mouse.up({ button });
}

/** What a pane says of its scale: the bar in screen pixels and µm, and the figure beside it. */
export async function scaleOf(page, at = 0) {
  const scale = page.locator(".pane .scale").nth(at);
  const text = await scale.locator(".scale-length").textContent();
  const unit = { nm: 1e-3, µm: 1, mm: 1000 }[text.replace(/[\d.\s]+/, "")];
  const widthPx = await scale.locator("i").evaluate((bar) => Number.parseFloat(bar.style.width));
  return {
    um: Number.parseFloat(text) * unit,
    widthPx,
    figure: Number.parseFloat(await scale.locator("b").textContent()),
  };
}

export const umPerScreenPx = ({ um, widthPx }) => um / widthPx;
export const alike = (a, b, share = 0.005) => Math.abs(a / b - 1) < share;

export async function until(what, holds) {
  for (let turn = 0; turn < 60; turn += 1) {
    if (await holds()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(what);
}
