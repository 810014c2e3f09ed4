// The words of the HTTP API, under the names the page uses.
//
// They are those of openapi.json, by way of ./schema.d.ts (npm run generate). Written by hand is only what that file
// cannot say: four numbers in a box, the words that a text may be, and the events of a summary.

import type { components } from "./schema";

type Schemas = components["schemas"];
/** `T` with some of its fields said more narrowly. */
type With<T, Narrow> = Omit<T, keyof Narrow> & Narrow;

export type Way = Schemas["Way"];

/** x, y, width, height in pixels of the picture. */
export type Box = [number, number, number, number];

export type ImageQuery = With<Schemas["ImageQuery"], { box?: Box | null }>;
export type SearchRequest = With<Schemas["SearchRequest"], { images?: ImageQuery[] }>;

export type FoundBy = Schemas["FoundBy"];
export type HitView = With<Schemas["HitView"], { box: Box }>;
export type PassagePart = Schemas["PassagePart"];
export type Passage = Schemas["Passage"];
export type Hit = With<Schemas["Hit"], { views: HitView[] }>;
export type Facet = Schemas["Facet"];
export type FacetsOver = Schemas["FacetsOver"];
export type Mark = Schemas["Mark"];
export type Votes = Schemas["Votes"];
export type SearchAnswer = With<Schemas["SearchAnswer"], { query: SearchRequest; hits: Hit[] }>;

export type Status = Schemas["Status"];
export type Role = "reader" | "curator" | "admin";
export type Session = With<Schemas["Session"], { role?: Role | null }>;

export type QueryImage = Schemas["QueryPictureRecord"];

export type CaseListItem = Schemas["CaseListItem"];
export type CaseList = Schemas["CasePage"];
export type ImageRecord = With<
  Schemas["ImageRecord"],
  { mm_per_px?: [number, number] | null; window?: [number, number] | null }
>;
export type CaseRecord = With<Schemas["CaseRecord"], { images: ImageRecord[] }>;
export type CaseIdentity = Schemas["CaseIdentityRecord"];
export type Pyramid = Schemas["PyramidRecord"];

export type Batch = Schemas["BatchRecord"];

export type Collection = Schemas["CollectionRecord"];
export type CollectionItem = Schemas["CollectionItem"];
/** One collection asked for by its id: with its cases. */
export type CollectionDetail = With<Collection, { items: CollectionItem[] }>;

/** The summary's events are a stream, which the file describes as text: spelt out here. */
export type Verdict =
  | { kind: "supported" }
  | { kind: "not_in_cited_text"; what: string[] }
  | { kind: "no_citation" }
  | { kind: "unknown_citation"; numbers: number[] };

export type SummaryWriter = { kind: "model"; name: string } | { kind: "extractive"; reason?: string | null };

export interface Evidence {
  number: number;
  case_id: string;
  title: string;
}

export type SummaryEvent =
  | { event: "started"; writer: SummaryWriter; evidence: Evidence[] }
  | { event: "sentence"; text: string; citations: number[]; verdict: Verdict }
  | { event: "done"; sentences: number; took_ms: number }
  | { event: "failed"; reason: string };
