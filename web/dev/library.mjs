// A make-believe library for working on the page alone: pictures and notes from a folder of public data sets.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Reads CSV with quotes into objects. */
export function readCsv(text) {
  const rows = [[]];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '"' && text[at + 1] === '"') cell += text[++at];
      else if (char === '"') quoted = false;
      else cell += char;
    } else if (char === '"') quoted = true;
    else if (char === "," || char === "\n") {
      rows.at(-1).push(cell.replace(/\r$/, ""));
      cell = "";
      if (char === "\n") rows.push([]);
    } else cell += char;
  }
  const [head, ...body] = rows.filter((row) => row.length > 1);
  return body.map((row) => Object.fromEntries(head.map((name, at) => [name, row[at] ?? ""])));
}

const SETS = ["chest", "histology", "dermatology", "fundus", "radiology"];
const PER_SET = 24;

export function readLibrary(folder) {
  const cases = [];
  const images = new Map();
  for (const set of SETS) {
    const table = join(folder, set, "metadata.csv");
    if (!existsSync(table)) continue;
    const rows = readCsv(readFileSync(table, "utf8")).filter(({ file }) => /\.(jpe?g|png)$/i.test(file));
    const step = Math.max(1, Math.floor(rows.length / PER_SET));
    rows
      .filter((_, at) => at % step === 0)
      .slice(0, PER_SET)
      .forEach((row, at) => {
        addCase({ row, set, at, folder, cases, images });
      });
  }
  return { cases, images };
}

function addCase({ row, set, at, folder, cases, images }) {
  const caseId = `${set.slice(0, 2)}${String(at).padStart(3, "0")}`;
  const labels = row.labels.split("|").filter(Boolean);
  const image = {
    image_id: `i-${caseId}`,
    case_id: caseId,
    format: at % 5 === 0 && set === "radiology" ? "dicom" : "jpeg",
    modality: set === "radiology" && at % 5 === 0 ? "CT" : row.modality || null,
    body_part: row.body_part || null,
    laterality: null,
    width_px: Number(row.width),
    height_px: Number(row.height),
    frames: at % 7 === 3 ? 12 : 1,
    mm_per_px: set === "histology" ? [0.0005, 0.0005] : set === "chest" ? [0.39, 0.39] : null,
    views: 1,
    state: at % 11 === 10 ? "queued" : "encoded",
    reason: null,
    file: join(folder, set, row.file),
  };
  images.set(image.image_id, image);
  const notes = (row.notes || "").split(/(?<=[.?!])\s+/).filter(Boolean);
  cases.push({
    case_id: caseId,
    title: [labels.slice(0, 2).join(", ") || "Unlabelled", row.body_part].filter(Boolean).join(" – "),
    labels,
    date: at % 3 ? `20${18 + (at % 6)}-0${1 + (at % 9)}-1${at % 9}` : null,
    sex: row.sex || (at % 2 ? "F" : "M"),
    age_years: Number(row.age) || 20 + ((at * 13) % 60),
    site: at % 2 ? "North" : null,
    synthetic: set === "fundus",
    modalities: [image.modality].filter(Boolean),
    body_parts: [image.body_part].filter(Boolean),
    images: [image],
    report: notes.length
      ? {
          language: "en",
          sections: [
            {
              kind: "findings",
              heading: "",
              sentences: notes.map((text) => ({
                text,
                polarity: /\bno\b/i.test(text)
                  ? "negated"
                  : /may|possible/i.test(text)
                    ? "uncertain"
                    : "affirmed",
              })),
            },
          ],
        }
      : null,
    conflicts: at % 13 === 5 ? [{ image_ids: [image.image_id, "i-other"] }] : [],
    collections: [],
    pending_images: image.state === "queued" ? 1 : 0,
  });
}
