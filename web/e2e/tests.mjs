// What a user does, one test each. The library is the synthetic one; words come from its own labels.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** Words that some report holds: a label of the library, so that the tests know no phantom by name. */
async function knownWords(base) {
  const { cases } = await (await fetch(`${base}/api/v1/cases?page=0`)).json();
  for (const word of cases.flatMap(({ labels }) => labels)) {
    if (/^(normal|no )/i.test(word)) continue;
    const answer = await fetch(`${base}/api/v1/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: word, ways: ["report"] }),
    });
    const { hits } = await answer.json();
    if (hits.length > 1) return word;
  }
  throw new Error("no label of the library finds two cases by its words");
}

async function searchWords(page, base) {
  const words = await knownWords(base);
  await page.goto(base);
  await page.getByLabel("Words to search for").fill(words);
  await page.keyboard.press("Enter");
  await hits(page).first().waitFor();
  await settled(page);
  return words;
}

/** Cards of an answer; the grey ones that stand in for it while it loads are none. */
const hits = (page) => page.locator(".hit:not(.hit-skeleton)");

/** Waits until the answer on screen is that of the address. */
async function settled(page) {
  await page.locator(".hits[aria-busy=false]").first().waitFor();
  await page.getByRole("heading", { name: /cases?$/, level: 1 }).waitFor();
}

async function openFirst(page) {
  await page.locator("button.hit-picture").first().click();
  await page.getByRole("dialog", { name: "Viewer" }).waitFor();
  await page.locator(".viewer .scale").first().waitFor();
}

async function drawBox(page) {
  await page.keyboard.press("b");
  const frame = await page.locator(".boxes-drawing").last().boundingBox();
  const middle = { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 };
  await page.mouse.move(middle.x - 90, middle.y - 70);
  await page.mouse.down();
  await page.mouse.move(middle.x, middle.y, { steps: 4 });
  await page.mouse.move(middle.x + 90, middle.y + 70, { steps: 4 });
  await page.mouse.up();
  await page.locator(".box-drawn").waitFor();
}

/** Puts a picture on the page's clipboard event, as a browser does when a screenshot is pasted. */
async function paste(page, bytes) {
  await page.evaluate((base64) => {
    const raw = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([raw], "pasted.jpg", { type: "image/jpeg" }));
    window.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }),
    );
  }, bytes.toString("base64"));
}

async function makeCollection(page, name) {
  const add = hits(page)
    .first()
    .getByRole("button", { name: /^Add .* to a collection$/ });
  await add.click();
  await page.getByLabel("Name of a new collection").fill(name);
  await page.getByRole("button", { name: "Make", exact: true }).click();
  await page.getByText(`Added to “${name}”`).waitFor();
}

export const tests = [
  {
    name: "the start page says what it is and how the library stands",
    async run({ page, base }) {
      await page.goto(base);
      await page.getByText("knows drawn phantoms only; not for medical use").waitFor();
      await page.getByText("Not a medical device").waitFor();
      assert.equal(await page.locator(".library-facts dd").first().textContent(), "40");
      await page.locator("a.example").first().click();
      await hits(page).first().waitFor();
    },
  },
  {
    name: "words find cases and are marked",
    async run({ page, base }) {
      const words = await searchWords(page, base);
      assert.equal(new URL(page.url()).searchParams.get("q"), words);
      const marks = await page.locator(".hit mark").allTextContents();
      assert.ok(marks.length > 0, "no word is marked");
      await page.locator(".found", { hasText: "words" }).first().waitFor();
      const scores = (await page.locator(".score-value").allTextContents()).map((text) =>
        Number(text.match(/[\d.]+$/)[0]),
      );
      assert.deepEqual(
        scores,
        [...scores].sort((a, b) => b - a),
        "scores fall",
      );
      await page.getByRole("heading", { name: "Labels among these cases" }).waitFor();
    },
  },
  {
    name: "a hit opens in the viewer and Escape closes it",
    async run({ page, base }) {
      await searchWords(page, base);
      const before = page.url();
      await openFirst(page);
      assert.match(page.url(), /open=i-/);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog", { name: "Viewer" }).waitFor({ state: "detached" });
      assert.equal(page.url(), before);
    },
  },
  {
    name: "a box is drawn and its region searched",
    async run({ page, base }) {
      await searchWords(page, base);
      await openFirst(page);
      await drawBox(page);
      assert.match(await page.locator(".box-size").textContent(), /\d+ × \d+ px/);
      await page.getByRole("button", { name: "Search this region" }).click();
      await settled(page);
      assert.match(page.url(), /image=i-[^&]+&.*box=\d+,\d+,\d+,\d+/);
      assert.ok((await hits(page).count()) > 0);
      await page.locator(".token", { hasText: "region" }).waitFor();
      await openFirst(page);
      assert.equal(await page.locator(".pane").count(), 2, "the query stands beside the hit");
      await page.locator(".box-query").waitFor();
    },
  },
  {
    name: "a pasted picture is searched, and finds itself",
    async run({ page, base }) {
      const { cases } = await (await fetch(`${base}/api/v1/cases?page=0`)).json();
      // A CT slice is encoded in three windows at once and rendered in one: its picture is not its encoding.
      const wanted = cases.find(
        ({ thumbnail_image_id, modalities }) => thumbnail_image_id && !modalities.includes("CT"),
      );
      const picture = await fetch(`${base}/api/v1/images/${wanted.thumbnail_image_id}/rendered?size=1024`);
      await page.goto(base);
      await page.locator(".library-facts").waitFor();
      await paste(page, Buffer.from(await picture.arrayBuffer()));
      await page.waitForURL(/image=q-/);
      await settled(page);
      await page.locator(".found", { hasText: "picture" }).first().waitFor();
      const links = await page
        .locator(".hit h3 a")
        .evaluateAll((all) => all.map((link) => link.getAttribute("href")));
      assert.equal(links[0], `/case/${wanted.case_id}`, `the picture's own case comes first, of ${links}`);
    },
  },
  {
    name: "filters narrow, stand as chips and go away again",
    async run({ page, base }) {
      await searchWords(page, base);
      const all = await hits(page).count();
      const row = page.locator(".facet").filter({ hasText: "Sex" }).locator(".facet-row").first();
      await row.getByRole("checkbox").check();
      await page.locator(".chip").first().waitFor();
      await settled(page);
      assert.match(page.url(), /f=sex=/);
      assert.ok((await hits(page).count()) <= all);
      await page.getByRole("button", { name: /^Remove filter Sex/ }).click();
      await page.locator(".chip").first().waitFor({ state: "detached" });
      await settled(page);
      assert.equal(await hits(page).count(), all);
      const age = page.locator(".facet").filter({ hasText: "Age" });
      if ((await age.count()) > 0) {
        await age.locator(".facet-row").first().getByRole("checkbox").check();
        await page.locator(".chip").first().waitFor();
        await settled(page);
        assert.ok((await hits(page).count()) > 0, "an age decade that is counted lets cases through");
      }
    },
  },
  {
    name: "a case is marked as relevant, moves the answer, and the mark is taken back",
    async run({ page, base }) {
      await searchWords(page, base);
      const cases = () =>
        page.locator(".hit h3 a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
      const before = await cases();
      const first = await page.locator(".hit h3").first().textContent();
      await hits(page)
        .first()
        .getByRole("button", { name: /^More like/ })
        .click();
      await page.waitForURL(/like=/);
      await settled(page);
      const marks = page.getByRole("list", { name: "Marked cases" });
      await marks.getByRole("link", { name: first, exact: true }).waitFor();
      assert.ok(!(await cases()).includes(before[0]), "what is marked is not answered again");
      await hits(page)
        .first()
        .getByRole("button", { name: /^Less like/ })
        .click();
      await page.waitForURL(/unlike=/);
      await page.reload();
      await settled(page);
      assert.equal(await marks.locator(".case-mark").count(), 2, "the address holds the marks");
      await marks.getByRole("button", { name: "Take all marks back" }).click();
      await page.waitForURL((url) => !url.search.includes("like="));
      await settled(page);
      assert.deepEqual(await cases(), before, "nothing of a mark stays");
    },
  },
  {
    name: "no match says what to do",
    async run({ page, base }) {
      await page.goto(`${base}/?q=effusion&f=${encodeURIComponent("site=nowhere at all")}`);
      await page.getByRole("heading", { name: "No case matches" }).waitFor();
      await page.getByRole("button", { name: "Remove the filters" }).click();
      await page.waitForURL((url) => !url.searchParams.has("f"));
    },
  },
  {
    name: "a refusal is shown in the service's words, with its request",
    async run({ page, base }) {
      await page.goto(`${base}/?q=effusion&f=${encodeURIComponent("shoe_size=44")}`);
      await page.getByRole("alert").waitFor();
      assert.match(await page.locator(".failure-id").textContent(), /Request \S+/);
    },
  },
  {
    name: "the address holds the whole query",
    async run({ page, base }) {
      const words = await searchWords(page, base);
      await page.locator(".facet").filter({ hasText: "Modality" }).getByRole("checkbox").first().check();
      await page.locator(".chip").first().waitFor();
      await settled(page);
      const titles = await page.locator(".hit h3").allTextContents();
      await page.reload();
      await settled(page);
      assert.deepEqual(await page.locator(".hit h3").allTextContents(), titles);
      assert.equal(await page.getByLabel("Words to search for").inputValue(), words);
      await page.goBack();
      await page.locator(".chip").first().waitFor({ state: "detached" });
      await page.goForward();
      await page.locator(".chip").first().waitFor();
    },
  },
  {
    name: "the keyboard is enough",
    async run({ page, base }) {
      await searchWords(page, base);
      await page.locator("body").click({ position: { x: 2, y: 500 } });
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      await page.keyboard.press("k");
      assert.equal(await page.locator(".hit[aria-current=true] .hit-rank").textContent(), "1");
      await page.keyboard.press("Enter");
      await page.getByRole("dialog", { name: "Viewer" }).waitFor();
      await page.keyboard.press("j");
      await page.locator(".viewer .hit-rank", { hasText: "2" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog", { name: "Viewer" }).waitFor({ state: "detached" });
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keyboard and reading" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog", { name: "Keyboard and reading" }).waitFor({ state: "detached" });
      await page.keyboard.press("/");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "search-words");
    },
  },
  {
    name: "a case shows pictures and report and finds its kin",
    async run({ page, base }) {
      await searchWords(page, base);
      await hits(page).first().locator("h3 a").click();
      await page.locator(".case .scale").waitFor();
      await page.getByRole("article", { name: "Report" }).waitFor();
      const id = decodeURIComponent(new URL(page.url()).pathname.split("/").pop());
      await page.getByRole("link", { name: "Find similar cases" }).click();
      await settled(page);
      const links = await page
        .locator(".hit h3 a")
        .evaluateAll((all) => all.map((link) => link.getAttribute("href")));
      assert.ok(
        links.length > 0 && !links.includes(`/case/${encodeURIComponent(id)}`),
        "the case itself is left out",
      );
    },
  },
  {
    name: "a summary cites its cases and can be copied",
    async run({ page, base }) {
      await searchWords(page, base);
      await page.getByRole("button", { name: "Summarise these cases" }).click();
      await page.getByRole("button", { name: "Copy", exact: true }).waitFor();
      await page.locator(".writer").waitFor();
      await page.locator(".citation").first().click();
      await page.locator(".hit[aria-current=true]").waitFor();
      await page.getByRole("button", { name: "Copy", exact: true }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.match(copied, /\[1\]/);
      assert.match(copied, /not for medical use/);
    },
  },
  {
    name: "a collection is made, noted, ordered, undone and exported",
    async run({ page, base }) {
      const name = `Board ${Date.now()}`;
      await searchWords(page, base);
      await makeCollection(page, name);
      await hits(page)
        .nth(1)
        .getByRole("button", { name: /^Add .* to a collection$/ })
        .click();
      await page.getByRole("button", { name: new RegExp(`^${name}`) }).click();
      await page.getByRole("link", { name: "Collections" }).click();
      await page.getByRole("link", { name: new RegExp(name) }).click();
      await page.locator(".item").nth(1).waitFor();
      const first = await page.locator(".item-title").first().textContent();
      await page
        .getByLabel(/^Note on /)
        .first()
        .fill("show the hilum");
      await page.keyboard.press("Enter");
      await page.locator(".item").first().getByRole("button", { name: /down$/ }).click();
      assert.equal(await page.locator(".item-title").nth(1).textContent(), first);
      await page.waitForLoadState("networkidle");
      await page.reload();
      await page.locator(".item").nth(1).waitFor();
      assert.equal(await page.locator(".item-title").nth(1).textContent(), first, "the order is kept");
      await page
        .locator(".item")
        .first()
        .getByRole("button", { name: /^Remove / })
        .click();
      await page.getByRole("button", { name: "Undo" }).click();
      await page.locator(".item").nth(1).waitFor();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "Export CSV" }).click(),
      ]);
      const csv = readFileSync(await download.path(), "utf8");
      assert.match(csv.split("\n")[0], /case_id/);
      assert.match(csv, /show the hilum/);
      assert.equal(csv.trim().split("\n").length, 3);
    },
  },
  {
    name: "a picture is added to the library and its bytes are known the second time",
    async run({ page, base }) {
      const { cases } = await (await fetch(`${base}/api/v1/cases?page=0`)).json();
      const { thumbnail_image_id } = cases.find((item) => item.thumbnail_image_id);
      const picture = await fetch(`${base}/api/v1/images/${thumbnail_image_id}/rendered?size=300`);
      const buffer = Buffer.from(await picture.arrayBuffer());
      const add = async () => {
        await page.getByRole("button", { name: "Add files" }).click();
        await page
          .getByLabel("Files", { exact: true })
          .setInputFiles({ name: "one.jpg", mimeType: "image/jpeg", buffer });
        await page.getByRole("button", { name: "Add to the library" }).click();
        await page.getByText("Done.").waitFor({ timeout: 60_000 });
      };
      await page.goto(base);
      await add();
      await page.locator(".dialog-content").getByText("encoded").waitFor();
      await page.locator(".form-foot").getByRole("button", { name: "Close" }).click();
      await add();
      await page.locator(".dialog-content").getByText("already known").waitFor();
    },
  },
  {
    name: "dark is chosen, kept, and follows the system otherwise",
    options: { colorScheme: "light" },
    async run({ page, base }) {
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.goto(base);
      const light = await ground();
      await page.getByRole("button", { name: "Dark theme" }).click();
      const dark = await ground();
      assert.notEqual(dark, light);
      await page.reload();
      assert.equal(await ground(), dark);
      await page.evaluate(() => localStorage.clear());
      await page.emulateMedia({ colorScheme: "dark" });
      await page.reload();
      assert.equal(await ground(), dark);
    },
  },
  {
    name: "everything fits on 400 px",
    options: { viewport: { width: 400, height: 860 }, hasTouch: true },
    async run({ page, base }) {
      const fits = async (where) => {
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(over <= 0, `${where} is ${over} px too wide`);
      };
      await page.goto(base);
      await page.locator(".library-facts").waitFor();
      await fits("the start page");
      await searchWords(page, base);
      await fits("the answer");
      await page.getByRole("button", { name: /^Filters/ }).click();
      await page.locator(".facet").first().waitFor();
      await fits("the filters");
      await openFirst(page);
      await fits("the viewer");
      await page.keyboard.press("Escape");
      await hits(page).first().locator("h3 a").click();
      await page.locator(".case .scale").waitFor();
      await fits("the case");
      await page.goto(`${base}/?browse=1`);
      await page.locator(".tile").first().waitFor();
      await fits("the library");
    },
  },
  {
    name: "a launch by an unknown study says so, and its number leaves no trace in the title",
    async run({ page, base }) {
      await page.goto(`${base}/?study=1.2.3.4.5.6.7`);
      await page.getByRole("heading", { name: "No case with this Study Instance UID" }).waitFor();
      assert.equal(await page.title(), "casekin");
    },
  },
];
