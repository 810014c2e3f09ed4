// Windows of grey pictures: keys, drag, and pictures that have none.

import assert from "node:assert/strict";
import { findCase, ingest, sharedFiles } from "./shared-data.mjs";
import { ctSeries, drag, openCase, picture, until } from "./viewer-steps.mjs";

const OF_VALUES = ["Full range", "1 to 99 %", "Dark parts", "Bright parts"];
const OF_UPTAKE = ["Full range", "1 to 99 %", "Lower half", "Lower quarter"];

/** Grey pictures, how the library tells them, and what the keys 2 to 5 are there. */
const GREY = [
  {
    what: "an MR",
    file: "dicom/image/wg04__MR1_UNC",
    is: ({ modality, width_px, window }) => modality === "MR" && width_px === 512 && window?.[0] === 600,
    presets: OF_VALUES,
  },
  {
    what: "a radiograph whose high values are dark",
    file: "dicom/image/wg04__RG3_JLSN",
    is: ({ modality, width_px }) => modality === "CR" && width_px === 1760,
    presets: OF_VALUES,
  },
  {
    what: "a bone scan that names no window",
    file: "dicom/image/wg04__NM1_UNC",
    is: ({ modality, height_px }) => modality === "NM" && height_px === 1024,
    presets: OF_UPTAKE,
  },
  {
    what: "a grey secondary capture",
    file: "dicom/image/pydicom3.0.2__image_dfl.dcm",
    is: ({ modality, width_px, height_px }) => modality === "OT" && width_px === 512 && height_px === 512,
    presets: OF_VALUES,
  },
];

/** Colours that their records do not give away: an ultrasound, and a CT whose file names a window. */
const COLOUR = [
  {
    file: "dicom/image/hcadapter__1.2.840.113543.6.6.1.1.2.2415947926921624359.201235357587280",
    is: ({ modality, frames }) => modality === "US" && frames === 10,
  },
  {
    file: "dicom/image/deid-data__ctbrain1.dcm",
    is: ({ modality, width_px, height_px }) => modality === "CT" && width_px === 510 && height_px === 456,
  },
];

/** Puts a picture into the library and opens its case on it. */
async function openPicture(page, base, { file, is }) {
  await ingest(base, sharedFiles(file));
  const found = await findCase(base, ({ images }) => images.some(is));
  await openCase(page, base, found, found.images.find(is).image_id);
}

const chosenWindow = (page) =>
  page.locator(".window select").evaluate((select) => select.selectedOptions[0].textContent);

const windowTool = (page) => page.getByRole("button", { name: "W/L" });

/** The drawn picture, as pixels. */
const drawn = (page) =>
  page
    .locator(".pane-osd canvas")
    .first()
    .evaluate((canvas) => canvas.toDataURL());

export const windowTests = [
  {
    name: "a CT series is leafed and windowed, and the address remembers how",
    async run({ page, base }) {
      const series = await ctSeries(base);
      const asked = [];
      page.on("request", (request) => asked.push(decodeURIComponent(request.url())));
      await openCase(page, base, series);
      // It opens on its middle slice.
      await page.getByText("Slice 2 of 3").waitFor();
      const next = "Slice 3 of 3";
      await page.keyboard.press("ArrowRight");
      await page.getByText(next).waitFor();
      await until("the slice that lies next is shown", () =>
        asked.some((url) => url.includes(`/images/${series.images[2].image_id}/tiles/`)),
      );
      for (const [key, name, center, width] of [
        ["1", "Soft tissue", 40, 400],
        ["3", "Liver", 90, 150],
        ["4", "Bone", 480, 2500],
        ["5", "Brain", 40, 80],
        ["2", "Lung", -600, 1500],
      ]) {
        await page.keyboard.press(key);
        await page.locator(".pane-levels", { hasText: `C ${center} W ${width}` }).waitFor();
        assert.match(await chosenWindow(page), new RegExp(`^${name} `));
        await until(`tiles come through key ${key}`, () =>
          asked.some((url) => url.includes("/tiles/") && url.endsWith(`window=${center},${width}`)),
        );
      }
      const { x, y } = await picture(page).boundingBox();
      await drag(page, { x: x + 200, y: y + 150 }, { x: 100, y: 30 }, "right");
      await page.locator(".pane-levels", { hasText: "C -450 W 2000" }).waitFor();
      await until("tiles come through what was dragged", () =>
        asked.some((url) => /tiles.*window=-450,2000$/.test(url)),
      );
      const tiles = asked.filter((url) => url.includes("/tiles/"));
      assert.ok(
        new Set(tiles.map((url) => url.split("window=")[1])).size < 12,
        "not every step of a drag is asked for",
      );
      await page.waitForURL(/window=-450,2000/);
      await page.reload();
      await page.locator(".pane-levels", { hasText: "C -450 W 2000" }).waitFor();
      await page.getByText(next).waitFor();
      await page.keyboard.press("0");
      await page.locator(".pane-levels", { hasText: "File’s own window" }).waitFor();
      // The file's own window is 40/400; a drag from it begins there.
      await page.keyboard.press("w");
      await drag(page, { x: x + 200, y: y + 150 }, { x: 150, y: 0 });
      await until("the drag begins at the file's own window", async () => {
        const [, center, width] =
          (await picture(page).locator(".pane-levels").textContent()).match(/C (\S+)\s+W (\S+)/) ?? [];
        return Math.abs(center - 40) < 15 && Math.abs(width - 600) < 40;
      });
    },
  },
  ...GREY.map(({ what, presets, ...picture }) => ({
    name: `keys 1 to 5 are five windows of ${what}`,
    async run({ page, base }) {
      const asked = [];
      page.on("request", (request) => asked.push(decodeURIComponent(request.url())));
      await openPicture(page, base, picture);
      await windowTool(page).waitFor();
      const windows = [];
      for (const [at, name] of presets.entries()) {
        await page.keyboard.press(String(at + 2));
        await until(`key ${at + 2} is ${name}`, async () => (await chosenWindow(page)) === name);
        const text = await page.locator(".pane-levels").textContent();
        const [, center, width] = text.match(/C (\S+)\s+W (\S+)/);
        windows.push(text);
        await until(`tiles come through ${text}`, () =>
          asked.some((url) => url.includes("/tiles/") && url.endsWith(`window=${center},${width}`)),
        );
      }
      assert.equal(new Set(windows).size, windows.length, `${windows}`);
      await page.keyboard.press("1");
      await until("key 1 is the file's own", async () => /own window/.test(await chosenWindow(page)));
    },
  })),
  {
    name: "colours have no windows, whatever their modality and header",
    async run({ page, base }) {
      for (const picture of COLOUR) {
        await openPicture(page, base, picture);
        await until("no window is offered", async () => (await windowTool(page).count()) === 0);
        await page.keyboard.press("2");
        assert.equal(await page.locator(".pane-levels").count(), 0);
        assert.doesNotMatch(page.url(), /window=/);
      }
    },
  },
  {
    name: "a picture is never seen through two windows at once",
    async run({ page, base }) {
      const radiograph = GREY[1];
      await openPicture(page, base, radiograph);
      await windowTool(page).waitFor();
      await page.waitForLoadState("networkidle");
      const before = await drawn(page);
      // One tile comes at once, the others when the test says so.
      const held = [];
      let passed = 0;
      let holds = true;
      await page.route(/\/tiles\/.*window=/, (route) => {
        passed += 1;
        if (holds && passed > 1) held.push(route);
        else route.continue();
      });
      await page.keyboard.press("5");
      await until("more than one tile is asked for", () => held.length > 0);
      await page.waitForTimeout(500);
      assert.ok((await drawn(page)) === before, "one tile is not shown beside those of the window before");
      holds = false;
      for (const route of held) await route.continue();
      await until("all tiles are shown", async () => (await drawn(page)) !== before);
    },
  },
];
