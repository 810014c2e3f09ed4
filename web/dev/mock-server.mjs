// For working on the page without the service: answers like it, knows nothing. Never shipped, never used by tests.
//
//   CASEKIN_SHARED=/path/to/shared node dev/mock-server.mjs    then    npm run dev    (or it serves dist itself)

import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readLibrary } from "./library.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const shared = process.env.CASEKIN_SHARED ?? join(here, "../../../shared");
const dist = join(here, "../dist");
const { cases, images } = readLibrary(join(shared, "data"));
const collections = new Map();
const queryPictures = new Map();
const model = { id: "8f3c1d2e9ab04f", name: "casekin demo model", profile: "train", demo: true };
let nextId = 1;
const busy = process.env.MOCK_BUSY === "1";

const status = () => ({
  version: "0.1.0",
  cases: cases.length,
  images: images.size,
  views: images.size,
  vectors: images.size - 4,
  jobs: { queued: busy ? 31 : 0, running: busy ? 2 : 0, done: 90, failed: 1 },
  index: { applied: 120, latest: 120 },
  model,
  stand_in: true,
  coverage: busy ? 0.74 : 1,
  seconds_left: busy ? 140 : null,
  reencode: null,
  uid_conflicts: 2,
  summary_writer: "extractive",
  notices: [],
});

function marked(text, words) {
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  if (!pattern) return [{ text, mark: false }];
  return text
    .split(new RegExp(`(${pattern})`, "i"))
    .map((part, at) => ({ text: part, mark: at % 2 === 1 }))
    .filter(({ text: part }) => part);
}

function passes(item, filter) {
  const [, key, not, value] = /^(\w+)(!?)=(.*)$/.exec(filter) ?? [];
  const held = {
    modality: item.modalities,
    body_part: item.body_parts,
    label: item.labels,
    sex: [item.sex],
    site: [item.site],
  }[key];
  if (!held) return true;
  return value.split("|").some((one) => held.includes(one)) !== (not === "!");
}

function facetsOf(list) {
  const facet = (key, of) => {
    const tally = new Map();
    for (const item of list)
      for (const value of of(item)) if (value) tally.set(value, (tally.get(value) ?? 0) + 1);
    return { key, values: [...tally].sort((a, b) => b[1] - a[1]).map(([value, n]) => ({ value, cases: n })) };
  };
  const decade = (age) => `${Math.floor(age / 10) * 10}-${Math.floor(age / 10) * 10 + 9}`;
  return [
    facet("modality", (item) => item.modalities),
    facet("body_part", (item) => item.body_parts),
    facet("label", (item) => item.labels),
    facet("sex", (item) => [item.sex]),
    facet("age_years", (item) => [decade(item.age_years)]),
    facet("date", (item) => [item.date?.slice(0, 4)]),
    facet("site", (item) => [item.site]),
  ];
}

function search(query) {
  const words = (query.text ?? "")
    .toLowerCase()
    .split(/\W+/)
    .filter((word) => word.length > 2);
  const allowed = cases.filter((item) => (query.filters ?? []).every((filter) => passes(item, filter)));
  const pictures = query.images?.length > 0 || query.case;
  const scored = allowed
    .filter((item) => item.case_id !== query.case)
    .map((item, at) => {
      const text = JSON.stringify([item.title, item.report]).toLowerCase();
      const found = words.filter((word) => text.includes(word)).length;
      return { item, found, score: found * 2 + (pictures ? ((at * 37) % 100) / 100 : 0) };
    })
    .filter(({ found }) => found > 0 || pictures)
    .sort((a, b) => b.score - a.score)
    .slice(0, query.top ?? 20);
  const hits = scored.map(({ item, found }, at) => {
    const image = item.images[0];
    const tile = at % 3 === 1;
    const third = (side) => Math.floor(side / 3);
    const box = tile
      ? [third(image.width_px), third(image.height_px), third(image.width_px), third(image.height_px)]
      : [0, 0, image.width_px, image.height_px];
    const sentence = item.report?.sections[0].sentences.find(({ text }) =>
      words.some((word) => text.toLowerCase().includes(word)),
    );
    return {
      ...item,
      rank: at + 1,
      score: 1 / (1 + at * 0.12),
      similarity: pictures ? 0.91 - at * 0.013 : null,
      found_by: [
        ...(found ? [{ way: "report", rank: at + 1, score: 9.1 - at / 3 }] : []),
        ...(pictures ? [{ way: "image", rank: ((at * 3) % 20) + 1, score: 0.8 }] : []),
        ...(words.length && at % 2 ? [{ way: "text_to_image", rank: at + 2, score: 0.12 }] : []),
      ],
      views: [
        {
          image_id: image.image_id,
          similarity: pictures ? 0.91 - at * 0.013 : null,
          box,
          frame: 0,
          kind: tile ? "tile" : "whole",
          modality: image.modality,
        },
      ],
      passages: sentence
        ? [
            {
              section: sentence.polarity === "negated" ? "negated" : "findings",
              parts: marked(sentence.text, words),
            },
          ]
        : [],
    };
  });
  const tally = new Map();
  for (const { labels } of hits) for (const label of labels) tally.set(label, (tally.get(label) ?? 0) + 1);
  return {
    query,
    model,
    stand_in: true,
    notices: pictures
      ? ["The demo model stands in for MedSigLIP: likeness of real pictures says little. Trust the words."]
      : [],
    took_ms: 38,
    complete: !busy,
    cases_searched: allowed.length,
    hits,
    facets: facetsOf(allowed),
    votes: {
      hits: hits.length,
      unlabelled: hits.filter(({ labels }) => labels.length === 0).length,
      labels: [...tally].sort((a, b) => b[1] - a[1]).map(([label, n]) => ({ label, hits: n })),
    },
  };
}

async function summarise({ search: query, top }, response) {
  const { hits } = search(query);
  const evidence = hits.slice(0, top).map(({ case_id, title }, at) => ({ number: at + 1, case_id, title }));
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (event) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  send({ event: "started", writer: { kind: "model", name: "medgemma-27b" }, evidence });
  const verdicts = [
    { kind: "supported" },
    { kind: "supported" },
    { kind: "not_in_cited_text", what: ["side: left", "3 cm"] },
  ];
  for (const [at, verdict] of verdicts.entries()) {
    await new Promise((wait) => setTimeout(wait, 250));
    send({
      event: "sentence",
      text: `${hits[at]?.title ?? "Nothing"} was described in this case.`,
      citations: [at + 1],
      verdict,
    });
  }
  send({ event: "done", sentences: verdicts.length, took_ms: 812 });
  response.end();
}

const fileOf = (response, path) => {
  const types = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".jpg": "image/jpeg",
  };
  response.writeHead(200, {
    "content-type": types[extname(path).toLowerCase()] ?? "application/octet-stream",
  });
  createReadStream(path).pipe(response);
};

const bodyOf = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const json = (response, value, code = 200) => {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
};

const listItem = (item) => ({
  ...item,
  images: item.images.length,
  thumbnail_image_id: item.images[0]?.image_id ?? null,
  report: undefined,
});

function collectionView(collection) {
  const items = collection.items.map((item, position) => {
    const found = cases.find(({ case_id }) => case_id === item.case_id);
    return {
      ...item,
      position,
      title: found.title,
      labels: found.labels,
      thumbnail_image_id: found.images[0].image_id,
    };
  });
  return { ...collection, cases: items.length, updated: new Date().toISOString(), items };
}

function collectionRoute(request, response, parts, sent) {
  if (parts.length === 1 && request.method === "GET")
    return json(response, [...collections.values()].map(collectionView));
  if (parts.length === 1) {
    const made = { id: String(nextId++), name: sent.name, note: "", items: [] };
    collections.set(made.id, made);
    return json(response, collectionView(made), 201);
  }
  const collection = collections.get(parts[1]);
  if (!collection)
    return json(
      response,
      { code: "not_found", message: "There is no such collection.", request_id: "r-1" },
      404,
    );
  if (parts[2] === "export.csv") return response.end("position,case_id\n");
  if (parts[2] === "cases") {
    const caseId = parts[3] ?? sent.case_id;
    const old = collection.items.findIndex((item) => item.case_id === caseId);
    const [item = { case_id: caseId, note: "" }] = old >= 0 ? collection.items.splice(old, 1) : [];
    if (request.method !== "DELETE")
      collection.items.splice(sent.position ?? (old >= 0 ? old : collection.items.length), 0, {
        ...item,
        note: sent.note ?? item.note,
      });
  } else if (request.method === "DELETE") {
    collections.delete(collection.id);
    return response.writeHead(204).end();
  } else if (sent.name) collection.name = sent.name;
  return json(response, collectionView(collection));
}

async function apiRoute(request, response, url) {
  const parts = url.pathname.split("/").slice(3).map(decodeURIComponent);
  const [what, id, more] = parts;
  const raw = request.method === "GET" ? null : await bodyOf(request);
  const isJson = request.headers["content-type"]?.includes("json");
  const sent = raw?.length && isJson ? JSON.parse(raw) : {};
  if (what === "session") return json(response, { auth_required: false, role: null });
  if (what === "status") return json(response, status());
  if (what === "search") return json(response, search(sent));
  if (what === "summary") return summarise(sent, response);
  if (what === "collections") return collectionRoute(request, response, parts, sent);
  if (what === "query-images" && !id) {
    const at = raw.indexOf("\r\n\r\n") + 4;
    queryPictures.set("q-1", raw.subarray(at));
    return json(response, { id: "q-1", width_px: 640, height_px: 480, frames: 1, modality: null });
  }
  if (what === "query-images")
    return response.writeHead(200, { "content-type": "image/jpeg" }).end(queryPictures.get(id));
  if (what === "cases" && !id) {
    const page = Number(url.searchParams.get("page") ?? 0);
    const list = cases.filter((item) =>
      url.searchParams.getAll("filter").every((filter) => passes(item, filter)),
    );
    return json(response, {
      total: list.length,
      page,
      cases: list.slice(page * 50, page * 50 + 50).map(listItem),
    });
  }
  const found = cases.find(({ case_id }) => case_id === id);
  if (what === "cases" && found && !more) return json(response, found);
  const image = images.get(id);
  if (what === "images" && image) {
    if (!more) return json(response, image);
    if (more === "pyramid") {
      const side = Math.max(image.width_px, image.height_px);
      return json(response, {
        width_px: image.width_px,
        height_px: image.height_px,
        tile_px: side,
        overlap_px: 0,
        levels: 1,
      });
    }
    return fileOf(response, image.file);
  }
  return json(
    response,
    { code: "not_found", message: `There is no ${what} with this id.`, request_id: "r-0f3a" },
    404,
  );
}

createServer((request, response) => {
  const url = new URL(request.url, "http://mock");
  if (url.pathname.startsWith("/api/v1/")) {
    apiRoute(request, response, url).catch((error) =>
      json(response, { code: "broken", message: String(error), request_id: "r-2" }, 500),
    );
    return;
  }
  const path = join(dist, url.pathname);
  if (url.pathname !== "/" && existsSync(path)) fileOf(response, path);
  else response.writeHead(200, { "content-type": "text/html" }).end(readFileSync(join(dist, "index.html")));
}).listen(Number(process.env.PORT ?? 7878), "127.0.0.1", () =>
  process.stdout.write(`mock on ${process.env.PORT ?? 7878}, ${cases.length} cases\n`),
);
